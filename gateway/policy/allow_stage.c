#include "gateway/policy/attributes.h"
#include "gateway/policy/stages.h"

/* The client learns which condition it was, and nothing of what that condition looked at. */
static enum stage_result refuse(struct exchange *x, const struct plan_expr *condition)
{
    x->rule = condition->name;
    x->refusal = REFUSAL_CONDITION;
    exchange_fail(x, TC_CODE_PERMISSION_DENIED, 0, "this call is not allowed: condition \"%.*s\"",
                  STR_ARG(condition->name));
    return STAGE_END;
}

static enum stage_result check(struct exchange *x, enum plan_when when)
{
    const struct method_policy *p = x->policy;
    for (uint16_t i = 0; i < p->nallow; i++) {
        const struct plan_expr *condition = &p->allow[i];
        if (condition->when != when)
            continue;
        struct expr_value v = attributes_eval(x, condition);
        bool holds = v.kind == EXPR_BOOL ? v.b : condition->pass_on_error;
        if (!holds)
            return refuse(x, condition);
    }
    return STAGE_NEXT;
}

enum stage_result allow_head_stage(struct exchange *x)
{
    return check(x, PLAN_HEAD);
}

enum stage_result allow_message_stage(struct exchange *x)
{
    return check(x, PLAN_MESSAGE);
}
