#include "gateway/core/metadata.h"
#include "gateway/policy/stages.h"

static enum stage_result refuse(struct exchange *x, const char *why)
{
    tc_fail(&x->error, TC_INVALID, TC_NO_OFFSET, "headers[\"grpc-timeout\"]", "%s", why);
    exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%s", x->error.text);
    return STAGE_END;
}

enum stage_result deadline_stage(struct exchange *x)
{
    uint64_t limit = (uint64_t)x->policy->timeout_ms * 1000000;
    struct str asked = headers_get(&x->request.headers, STR("grpc-timeout"));
    if (asked.p) {
        uint64_t ns;
        if (headers_repeat(&x->request.headers, STR("grpc-timeout")))
            return refuse(x, "grpc-timeout is given twice");
        if (!metadata_timeout_parse(asked, &ns))
            return refuse(x,
                          "grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n: 1500m");
        if (!limit || ns < limit)
            limit = ns ? ns : 1;
    }
    if (limit && __builtin_add_overflow(x->began, limit, &x->deadline))
        x->deadline = 0; /* centuries from now */
    return STAGE_NEXT;
}
