#include "gateway/policy/stages.h"

/* Where `part` stands in the target; an empty part may stand nowhere. */
static size_t offset_of(const struct exchange *x, struct str part)
{
    struct str target = x->request.target;
    size_t offset = (uintptr_t)part.p - (uintptr_t)target.p;
    return offset <= target.n ? offset : TC_NO_OFFSET;
}

/* Notes where in the target the value of `v` stands. */
static void point_at(struct exchange *x, const struct route_variable *v)
{
    struct str rest = str_skip(x->request.path, 1);
    for (uint16_t i = 0; i < v->first && rest.p; i++)
        str_cut(&rest, '/');
    x->error.in_target = true;
    x->error.offset = offset_of(x, rest.p ? rest : str_skip(x->request.path, x->request.path.n));
}

static enum tc_status bind_path(struct exchange *x)
{
    const struct route *route = x->route;
    for (uint16_t i = 0; i < route->nvariables; i++) {
        const struct route_variable *v = &route->variables[i];
        enum tc_status st = tc_bind_path(&x->binding, &v->path, x->values[i]);
        if (st == TC_INVALID)
            point_at(x, v);
        if (st != TC_OK)
            return st;
    }
    return TC_OK;
}

static enum tc_status bind_request(struct exchange *x)
{
    const struct route *route = x->route;
    const struct request *r = &x->request;
    enum tc_status st = bind_path(x);
    if (st != TC_OK)
        return st;
    struct tc_query_options options = {
        .body_field = route->body,
        .ignore_unknown = x->policy->ignore_unknown_query,
    };
    /* google.api.http: with body "*" no field is left for the query. */
    options.no_fields = route->whole_body;
    options.offset = offset_of(x, r->query);
    return tc_bind_query(&x->binding, r->query, &options);
}

enum stage_result bind_stage(struct exchange *x)
{
    tc_binding_init(&x->binding, &x->arena, x->policy->method->input, &x->error);
    x->binding.enum_names = method_policy_enum_names(x->policy);
    enum tc_status st = bind_request(x);
    if (st == TC_OK)
        return STAGE_NEXT;
    if (st == TC_NOMEM)
        exchange_fail(x, TC_CODE_UNAVAILABLE, 503, "the gateway is out of memory for this call");
    else
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%s", x->error.text);
    return STAGE_END;
}
