#include "gateway/explain_internal.h"
#include "gateway/policy/auth_provider.h"

/* Who may make the call, on what conditions, and what the upstream is told of it. */

static struct str with_scopes(const struct explanation *e, struct str text,
                              const struct plan_requirement *r)
{
    for (uint16_t i = 0; i < r->nscopes; i++)
        text = arena_printf(e->arena, "%.*s%s%.*s", STR_ARG(text),
                            i                ? " "
                            : r->nscopes > 1 ? ", scopes "
                                             : ", scope ",
                            STR_ARG(r->scopes[i]));
    return text;
}

static struct str one_provider(const struct explanation *e, const struct plan_requirement *r)
{
    if (!r->provider)
        return STR("");
    struct str text = arena_printf(e->arena, "%.*s (%s)", STR_ARG(r->provider->name),
                                   auth_kind_name(r->provider->kind));
    return with_scopes(e, text, r);
}

static struct str requirement(const struct explanation *e, const struct plan_requirement *r)
{
    struct str text = one_provider(e, r);
    for (uint16_t i = 0; i < r->nall_of; i++)
        text = arena_printf(e->arena, "%.*s%s%.*s", STR_ARG(text), i ? "; and " : "",
                            STR_ARG(one_provider(e, &r->all_of[i])));
    return r->nall_of ? with_scopes(e, text, r) : text;
}

static void explain_callers(const struct explanation *e, const struct plan_auth *auth)
{
    if (!auth) {
        EXPLAIN(e, "auth", "none: anybody may call");
        return;
    }
    for (uint16_t i = 0; i < auth->nany_of; i++)
        EXPLAIN(e, "auth", "%s%.*s", i ? "or " : "", STR_ARG(requirement(e, &auth->any_of[i])));
    if (auth->anonymous)
        EXPLAIN(e, "auth", "%s", auth->nany_of ? "or no credential at all" : "anybody may call");
}

static const char *when(const struct plan_expr *x)
{
    return x->when == PLAN_HEAD ? "before the body is read" : "when the message is there";
}

void explain_auth(const struct explanation *e, const struct method_policy *p)
{
    explain_callers(e, p->auth);
    for (uint16_t i = 0; i < p->nallow; i++)
        EXPLAIN(e, "allow", "%.*s: %.*s  (%s%s)", STR_ARG(p->allow[i].name),
                STR_ARG(p->allow[i].source), when(&p->allow[i]),
                p->allow[i].pass_on_error ? "; passes when it fails" : "");
}

void explain_metadata(const struct explanation *e, const struct method_policy *p)
{
    for (uint16_t i = 0; i < p->nmetadata; i++) {
        const struct plan_metadata *m = &p->metadata[i];
        if (m->value.program)
            EXPLAIN(e, "metadata", "%.*s = %.*s", STR_ARG(m->key), STR_ARG(m->value.source));
        else
            EXPLAIN(e, "metadata", "%.*s is removed", STR_ARG(m->key));
    }
}
