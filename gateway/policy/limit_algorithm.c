#include "gateway/policy/limit_internal.h"

const struct limit_algorithm *limit_algorithm_of(const struct limit_rule *r)
{
    static const struct limit_algorithm *const algorithms[LIMIT_KINDS] = {
        [LIMIT_TOKEN_BUCKET] = &limit_token_bucket,
        [LIMIT_FIXED_WINDOW] = &limit_fixed_window,
        [LIMIT_SLIDING_LOG] = &limit_sliding_log,
        [LIMIT_SLIDING_COUNTER] = &limit_sliding_counter,
        [LIMIT_CONCURRENCY] = &limit_concurrency,
    };
    return algorithms[r->kind];
}
