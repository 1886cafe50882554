#include "gateway/policy/limit_internal.h"

/* A call holds its cost until it is refunded. Nobody knows when another one will end: the wait that
 * a refused one is told is a guess. */

enum { WAIT_NS = 1000000000 };

static union limit_state fresh(const struct limit_rule *r)
{
    (void)r;
    return (union limit_state){.concurrency.used = 0};
}

static void advance(union limit_state *s, const struct limit_use *u)
{
    (void)s;
    (void)u;
}

static struct limit_verdict judge(const union limit_state *s, const struct limit_use *u)
{
    int64_t amount = (int64_t)u->rule->amount, cost = limit_cost(u->cost);
    uint64_t left = limit_left(amount, s->concurrency.used);
    bool granted = limit_add(s->concurrency.used, cost) <= amount;
    struct limit_verdict v = {
        .granted = granted,
        .remaining = granted ? left - (uint64_t)cost : left,
        .reset_ns = s->concurrency.used || cost ? WAIT_NS : 0,
    };
    if (!granted)
        v.wait_ns = cost > amount ? LIMIT_NEVER : WAIT_NS;
    return v;
}

static void charge(union limit_state *s, const struct limit_use *u)
{
    s->concurrency.used = limit_add(s->concurrency.used, limit_cost(u->cost));
}

static void refund(union limit_state *s, const struct limit_use *u)
{
    int64_t used = limit_add(s->concurrency.used, -limit_cost(u->cost));
    s->concurrency.used = used > 0 ? used : 0;
}

/* Forgetting who is inside would let others in twice. */
/* Who is inside elsewhere is not inside here. */
static void follow(union limit_state *s, const struct limit_use *u,
                   const struct limit_verdict *said)
{
    (void)s;
    (void)u;
    (void)said;
}

static uint32_t weight(const union limit_state *s, const struct limit_use *u)
{
    (void)u;
    return s->concurrency.used ? LIMIT_HELD : 0;
}

const struct limit_algorithm limit_concurrency = {"concurrency", fresh,  advance, judge,
                                                  charge,        refund, follow,  weight};
