#include "gateway/explain_internal.h"

/* The policies that a call meets, in the order in which it meets them. */

/* "30s", "250ms". */
static struct str duration(const struct explanation *e, uint32_t ms)
{
    return ms % 1000 ? arena_printf(e->arena, "%ums", ms)
                     : arena_printf(e->arena, "%us", ms / 1000);
}

static void explain_timeout(const struct explanation *e, const struct method_policy *p)
{
    if (p->timeout_ms)
        EXPLAIN(e, "timeout", "%.*s; a client's grpc-timeout can lower it",
                STR_ARG(duration(e, p->timeout_ms)));
    else
        EXPLAIN(e, "timeout", "none, unless the client sends grpc-timeout");
}

static void explain_sizes(const struct explanation *e, const struct method_policy *p)
{
    EXPLAIN(e, "sizes", "%s up to %llu bytes, %s up to %llu",
            p->method->client_streaming ? "each message of the body" : "body",
            (unsigned long long)p->max_request,
            p->method->server_streaming ? "each message of the answer" : "answer",
            (unsigned long long)p->max_response);
}

static struct str cluster_name(const struct explanation *e, int32_t cluster)
{
    return cluster < 0 ? STR("not known here (--upstream)") : e->s->plan->clusters[cluster].name;
}

static struct str subject_name(const struct explanation *e, const struct plan_branch *b)
{
    struct str text = STR("field ");

    if (b->header.p)
        return arena_printf(e->arena, "header %.*s", STR_ARG(b->header));
    for (uint16_t i = 0; i < b->field.n; i++)
        text = arena_printf(e->arena, "%.*s%s%.*s", STR_ARG(text), i ? "." : "",
                            STR_ARG(b->field.fields[i]->name));
    return text;
}

static void explain_upstream(const struct explanation *e, const struct method_policy *p)
{
    for (uint16_t i = 0; i < p->nbranches; i++) {
        const struct plan_branch *b = &p->branches[i];
        EXPLAIN(e, "upstream", "%.*s when %.*s %s%.*s%s", STR_ARG(cluster_name(e, b->cluster)),
                STR_ARG(subject_name(e, b)), b->equals.p ? "is \"" : "is given", STR_ARG(b->equals),
                b->equals.p ? "\"" : "");
    }
    EXPLAIN(e, "upstream", "%.*s%s", STR_ARG(cluster_name(e, p->cluster)),
            p->nbranches ? " otherwise" : "");
}

static void explain_repeat(const struct explanation *e, const struct method_policy *p)
{
    if (p->idempotent)
        EXPLAIN(e, "repeat", "idempotent: sent again when an endpoint dies before it answers");
}

static void explain_json(const struct explanation *e, const struct method_policy *p)
{
    const struct {
        const char *name;
        bool on;
    } switches[] = {
        {"ignore_unknown_fields", p->ignore_unknown_fields},
        {"ignore_unknown_query", p->ignore_unknown_query},
        {"ignore_unknown_enums", p->ignore_unknown_enums},
        {"enums_in_any_case", p->enums_in_any_case},
        {"short_enums", p->short_enums},
        {"enums_as_numbers", p->enums_as_numbers},
        {"emit_defaults", p->emit_defaults},
        {"proto_names", p->proto_names},
        {"int64_as_numbers", p->int64_as_numbers},
        {"indent", p->indent != 0},
    };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (switches[i].on)
            EXPLAIN(e, "json", "%s", switches[i].name);
}

static void explain_keepalive(const struct explanation *e, const struct method_policy *p)
{
    if (p->method->server_streaming && p->keepalive_ms && !e->route->raw_answer)
        EXPLAIN(e, "stream", "server-sent events: a comment after %.*s of silence",
                STR_ARG(duration(e, p->keepalive_ms)));
}

static void (*const rows[])(const struct explanation *e, const struct method_policy *p) = {
    explain_timeout,  explain_auth,   explain_sizes, explain_upstream,
    explain_metadata, explain_repeat, explain_json,  explain_keepalive,
};

void explain_policies(const struct explanation *e)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        rows[i](e, e->route->policy);
}
