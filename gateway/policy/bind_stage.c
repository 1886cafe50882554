#include "gateway/policy/route_bind.h"
#include "gateway/policy/stages.h"

enum stage_result bind_stage(struct exchange *x)
{
    tc_binding_init(&x->binding, &x->arena, x->policy->method->input, &x->error);
    x->binding.enum_names = method_policy_enum_names(x->policy);
    enum tc_status st = route_bind(x->route, x->values, &x->request, &x->binding);
    if (st == TC_OK)
        return STAGE_NEXT;
    if (st == TC_NOMEM)
        exchange_fail(x, TC_CODE_UNAVAILABLE, 503, "the gateway is out of memory for this call");
    else
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%s", x->error.text);
    return STAGE_END;
}
