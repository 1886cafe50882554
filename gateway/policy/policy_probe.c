#include "gateway/policy/policy_expr.h"

static const struct origin command_line = {.place = STR_INIT("--expr"), .prefix = {NULL, 0}};

/* "pkg.Service.Rpc" or "pkg.Service/Rpc". */
static bool asked_for(const struct compile *c, const struct tc_method *m)
{
    struct str name = str_c(c->in->probe_method);
    return str_eq(name, m->full_name) || str_eq(name, str_skip(m->path, 1));
}

void policy_probe_compile(struct compile *c, struct method_policy *p)
{
    if (!c->in->probe_expr || !asked_for(c, p->method))
        return;
    struct layer *layer = policy_array(c, 1, sizeof *layer);
    struct plan_probe *probe = policy_array(c, 1, sizeof *probe);
    if (!layer || !probe)
        return;
    layer->origin = command_line;
    struct expr_at at = {layer, STR(""), probe};
    probe->policy = p;
    probe->expr.name = STR("--expr");
    policy_expr_compile(c, p, &at, c->in->probe_expr, NULL, PLAN_REPLY, &probe->expr);
    c->probe = probe;
}

void policy_probe_check(struct compile *c)
{
    if (!c->in->probe_expr || c->probe)
        return;
    struct origin at = {.place = STR("--method")};
    struct tc_suggestion s = tc_suggest_for(str_c(c->in->probe_method));
    for (uint32_t i = 0; i < c->npolicies; i++)
        tc_suggest(&s, c->policies[i].method->full_name);
    FAULT(c, &at, STR(""), "there is no rpc \"%s\"%.*s", c->in->probe_method,
          STR_ARG(policy_suggest_text(c, &s)));
}
