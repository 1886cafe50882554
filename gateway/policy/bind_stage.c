#include "gateway/policy/stages.h"

static enum tc_status bind_request(struct exchange *x)
{
    const struct route *route = x->route;
    for (uint16_t i = 0; i < route->nvariables; i++) {
        enum tc_status st = tc_bind_path(&x->binding, &route->variables[i].path, x->values[i]);
        if (st != TC_OK)
            return st;
    }
    struct tc_query_options options = {
        .body_field = route->body,
        .ignore_unknown = x->policy->ignore_unknown_query,
    };
    /* google.api.http: with body "*" no field is left for the query. */
    options.no_fields = route->whole_body;
    return tc_bind_query(&x->binding, x->request.query, &options);
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
