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

void limit_follow_by_charge(union limit_state *s, const struct limit_use *u,
                            const struct limit_verdict *said)
{
    const struct limit_algorithm *a = limit_algorithm_of(u->rule);
    struct limit_use difference = {.rule = u->rule, .now = u->now, .at = u->now};
    uint64_t left = a->judge(s, &difference).remaining;
    if (left > said->remaining) {
        difference.cost = left - said->remaining;
        a->charge(s, &difference);
    } else {
        difference.cost = said->remaining - left;
        a->refund(s, &difference);
    }
}
