#include "gateway/explain_internal.h"
#include "gateway/policy/route_bind.h"
#include "transcoder/required.h"

enum { BLOCK = 16 << 10, MEMORY_MAX = 64 << 20 };

void explain_line(const struct explanation *e, const char *what, struct str text)
{
    buf_printf(e->out, "%-9s %.*s\n", what, STR_ARG(text));
}

/* ---- bodies ---- */

static const char *streamed(bool stream)
{
    return stream ? "a stream of " : "";
}

static void explain_request_body(const struct explanation *e)
{
    const struct route *r = e->route;
    const struct tc_method *m = r->policy->method;
    struct str name = r->body ? r->body->name : STR("the whole message");
    const char *field = r->body ? "field " : "";

    if (!r->whole_body && !r->body)
        EXPLAIN(e, "body", "none: a request body is refused");
    else if (r->raw_body)
        EXPLAIN(e, "body", "bytes of any type as they are: %s%.*s, a google.api.HttpBody%s", field,
                STR_ARG(name), m->client_streaming ? ", in pieces" : "");
    else
        EXPLAIN(e, "body", "%s%s%.*s as JSON%s%s", streamed(m->client_streaming), field,
                STR_ARG(name), m->client_streaming ? " (an array, or application/x-ndjson)" : "",
                r->takes_form ? ", or its fields as multipart/form-data" : "");
    if (r->mask)
        EXPLAIN(e, "body", "its keys fill %.*s when that is empty", STR_ARG(r->mask->name));
}

static void explain_answer(const struct explanation *e)
{
    const struct route *r = e->route;
    const struct tc_method *m = r->policy->method;
    struct str name = r->response_body ? r->response_body->name : m->output->full_name;
    const char *field = r->response_body ? "field " : "";

    if (r->raw_answer)
        EXPLAIN(e, "answer", "the bytes of %s%.*s under its content type", field, STR_ARG(name));
    else
        EXPLAIN(
            e, "answer", "%s%s%.*s as JSON%s", streamed(m->server_streaming), field, STR_ARG(name),
            m->server_streaming ? " (an array; text/event-stream, application/x-ndjson by Accept)"
                                : "");
}

/* ---- the request ---- */

static void explain_route(const struct explanation *e)
{
    const struct route *r = e->route;
    const struct tc_method *m = r->policy->method;

    EXPLAIN(e, "route", "%.*s %.*s  (%.*s)", STR_ARG(r->verb), STR_ARG(r->pattern),
            STR_ARG(r->place));
    EXPLAIN(e, "rpc", "%.*s(%s%.*s) returns (%s%.*s)", STR_ARG(m->full_name),
            m->client_streaming ? "stream " : "", STR_ARG(m->input->full_name),
            m->server_streaming ? "stream " : "", STR_ARG(m->output->full_name));
}

/* What is missing whatever the body says. */
static enum tc_status check_required(const struct explanation *e, const struct tc_binding *b)
{
    struct buf bytes;

    if (e->route->whole_body)
        return TC_OK;
    buf_init(&bytes, MEMORY_MAX);
    enum tc_status st = tc_binding_write(b, &bytes);
    if (st == TC_OK)
        st = tc_required_check(b->message, buf_str(&bytes), e->route->body, b->error);
    buf_release(&bytes);
    return st;
}

static void explain_refusal(const struct explanation *e, const struct tc_error *error)
{
    struct str place = STR("");

    if (error->offset != TC_NO_OFFSET)
        place = arena_printf(e->arena, " (at byte %zu of the request target)", error->offset);
    EXPLAIN(e, "refused", "400: %s%s%s%.*s", error->path, error->path[0] ? ": " : "", error->text,
            STR_ARG(place));
}

static bool explain_match(struct explanation *e, const struct request *r,
                          const struct route_match *match)
{
    struct tc_error error = {.status = TC_OK};
    struct tc_binding binding;

    e->route = match->route;
    explain_route(e);
    tc_binding_init(&binding, e->arena, e->route->policy->method->input, &error);
    binding.enum_names = method_policy_enum_names(e->route->policy);
    enum tc_status st = route_bind(e->route, match->values, r, &binding);
    explain_bound(e, binding.root);
    if (st == TC_OK)
        st = check_required(e, &binding);
    tc_binding_release(&binding);
    if (st != TC_OK)
        explain_refusal(e, &error);
    explain_request_body(e);
    explain_answer(e);
    explain_policies(e);
    return st == TC_OK;
}

/* Each method that the path takes, and where it leads. */
static void explain_methods(struct explanation *e, const struct request *r, struct str allow)
{
    EXPLAIN(e, "refused", "405: this path does not take %.*s; Allow: %.*s", STR_ARG(r->method),
            STR_ARG(allow));
    while (allow.p) {
        struct str verb = str_trim(str_cut(&allow, ','));
        struct route_match match;
        if (router_match(e->s->router, verb, r->path, e->arena, &match) == ROUTE_FOUND)
            EXPLAIN(e, "instead", "%.*s %.*s  %.*s", STR_ARG(verb), STR_ARG(match.route->pattern),
                    STR_ARG(match.route->policy->method->full_name));
    }
}

static bool explain_request(struct explanation *e, const struct request *r)
{
    struct route_match match;

    if (str_eq(r->method, STR("CONNECT"))) {
        EXPLAIN(e, "refused", "501: CONNECT asks for a proxy; this is none");
        return false;
    }
    switch (router_match(e->s->router, r->method, r->path, e->arena, &match)) {
    case ROUTE_FOUND: return explain_match(e, r, &match);
    case ROUTE_NO_METHOD: explain_methods(e, r, match.allow); return false;
    case ROUTE_NO_PATH:
        EXPLAIN(e, "refused", "404: no RPC is served at %.*s", STR_ARG(r->path));
        explain_near(e, r->method, r->path);
        return false;
    case ROUTE_BAD_PATH:
        EXPLAIN(e, "refused",
                "400: a path begins with \"/\", and what is percent-encoded in it is UTF-8 without "
                "NUL; \".\" and \"..\" are no segments");
        return false;
    case ROUTE_NOMEM: break;
    }
    return false;
}

bool explain(const struct snapshot *s, struct str method, struct str target, struct buf *out)
{
    struct arena arena;
    struct explanation e = {.s = s, .arena = &arena, .out = out};
    struct request r = {.method = method, .target = target, .query = target};

    r.path = str_cut(&r.query, '?');
    r.query = r.query.p ? r.query : STR("");
    arena_init(&arena, BLOCK, MEMORY_MAX);
    buf_printf(out, "%.*s %.*s\n", STR_ARG(method), STR_ARG(target));
    bool ok = target.n <= s->bounds.uri_bytes;
    if (ok)
        ok = explain_request(&e, &r);
    else
        EXPLAIN(&e, "refused", "414: the target is longer than %u bytes", s->bounds.uri_bytes);
    arena_release(&arena);
    return ok;
}
