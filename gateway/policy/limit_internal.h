/* Between the algorithms: exact arithmetic on what would overflow 64 bits. */
#pragma once

#include "gateway/policy/limit_algorithm.h"

extern const struct limit_algorithm limit_token_bucket, limit_fixed_window, limit_sliding_log,
    limit_sliding_counter, limit_concurrency;

__extension__ typedef unsigned __int128 limit_wide;

/* a * b / c, rounded up; UINT64_MAX when it does not fit, or c == 0. */
static inline uint64_t limit_mul_div_up(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t low;
    if (c == 0)
        return UINT64_MAX;
    if (!__builtin_mul_overflow(a, b, &low))
        return low / c + (low % c != 0);
    limit_wide q = ((limit_wide)a * b + c - 1) / c;
    return q > UINT64_MAX ? UINT64_MAX : (uint64_t)q;
}

static inline uint64_t limit_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t low;
    if (c == 0)
        return UINT64_MAX;
    if (!__builtin_mul_overflow(a, b, &low))
        return low / c;
    limit_wide q = (limit_wide)a * b / c;
    return q > UINT64_MAX ? UINT64_MAX : (uint64_t)q;
}

/* Costs are capped before they are added: two of them, and a debt, fit into an int64_t. */
#define LIMIT_COST_MAX ((int64_t)1 << 60)
static inline int64_t limit_cost(uint64_t cost)
{
    return cost > (uint64_t)LIMIT_COST_MAX ? LIMIT_COST_MAX : (int64_t)cost;
}

/* The most that a debt or a sum may be. */
static inline int64_t limit_add(int64_t a, int64_t b)
{
    int64_t sum = a + b;
    if (sum > LIMIT_COST_MAX)
        return LIMIT_COST_MAX;
    return sum < -LIMIT_COST_MAX ? -LIMIT_COST_MAX : sum;
}

/* `used` after a charge: the debt has an end. */
static inline int64_t limit_owe(const struct limit_rule *r, int64_t used, uint64_t cost)
{
    int64_t most = (int64_t)(r->amount + limit_debt_most(r)),
            sum = limit_add(used, limit_cost(cost));
    return sum < most ? sum : most;
}

static inline uint64_t limit_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t limit_left(int64_t amount, int64_t used)
{
    return used < amount ? (uint64_t)(amount - used) : 0;
}

/* For limit_algorithm.follow: charges, or gives back of now, what makes the difference. */
void limit_follow_by_charge(union limit_state *s, const struct limit_use *u,
                            const struct limit_verdict *said);

/* `used` of `amount`, for limit_algorithm.weight. */
static inline uint32_t limit_share(int64_t used, uint64_t amount)
{
    if (used <= 0)
        return 0;
    if ((uint64_t)used >= amount)
        return LIMIT_WEIGHT_MAX;
    uint32_t share = (uint32_t)limit_mul_div((uint64_t)used, LIMIT_WEIGHT_MAX, amount);
    return share ? share : 1;
}
