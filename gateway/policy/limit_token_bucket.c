#include "gateway/policy/limit_internal.h"

/* What flows in during dt is dt * amount / window_ns tokens. The remainder of that division stays
 * in `fraction`, so that no part of a token is ever lost or made, however often it is asked. */

static union limit_state fresh(const struct limit_rule *r)
{
    return (union limit_state){.bucket.tokens = (int64_t)r->burst};
}

static void advance(union limit_state *s, const struct limit_use *u)
{
    uint64_t dt = u->now > s->bucket.seen ? u->now - s->bucket.seen : 0;
    int64_t room = (int64_t)u->rule->burst - s->bucket.tokens;
    limit_wide flow = (limit_wide)dt * u->rule->amount + s->bucket.fraction;
    uint64_t window = u->rule->window_ns;

    s->bucket.seen += dt;
    /* room < 0: a reload has lowered the burst */
    if (room <= 0 || flow >= (limit_wide)(uint64_t)room * window) {
        s->bucket.tokens = (int64_t)u->rule->burst;
        s->bucket.fraction = 0;
    } else if (flow <= UINT64_MAX) { /* the usual case, without a 128-bit division */
        s->bucket.tokens += (int64_t)((uint64_t)flow / window);
        s->bucket.fraction = (uint64_t)flow % window;
    } else {
        s->bucket.tokens += (int64_t)(flow / window);
        s->bucket.fraction = (uint64_t)(flow % window);
    }
}

/* Until `tokens` more have flowed in. */
static uint64_t wait_for(const union limit_state *s, const struct limit_rule *r, int64_t tokens)
{
    if (tokens <= 0)
        return 0;
    limit_wide need = (limit_wide)(uint64_t)tokens * r->window_ns - s->bucket.fraction;
    limit_wide wait = (need + r->amount - 1) / r->amount;
    return wait >= LIMIT_NEVER ? LIMIT_NEVER - 1 : (uint64_t)wait;
}

static struct limit_verdict judge(const union limit_state *s, const struct limit_use *u)
{
    const struct limit_rule *r = u->rule;
    int64_t cost = limit_cost(u->cost), burst = (int64_t)r->burst;
    bool granted = s->bucket.tokens >= cost;
    int64_t after = s->bucket.tokens - (granted ? cost : 0);
    struct limit_verdict v = {
        .granted = granted,
        .remaining = after > 0 ? (uint64_t)after : 0,
        .reset_ns = wait_for(s, r, burst - after),
    };
    if (!granted)
        v.wait_ns = cost > burst ? LIMIT_NEVER : wait_for(s, r, cost - s->bucket.tokens);
    return v;
}

static void charge(union limit_state *s, const struct limit_use *u)
{
    int64_t least = -(int64_t)limit_debt_most(u->rule);
    s->bucket.tokens = limit_add(s->bucket.tokens, -limit_cost(u->cost));
    if (s->bucket.tokens < least)
        s->bucket.tokens = least;
}

static void refund(union limit_state *s, const struct limit_use *u)
{
    int64_t burst = (int64_t)u->rule->burst;
    s->bucket.tokens = limit_add(s->bucket.tokens, limit_cost(u->cost));
    if (s->bucket.tokens >= burst) {
        s->bucket.tokens = burst;
        s->bucket.fraction = 0;
    }
}

/* Nothing left may be less than nothing: the time until the bucket is full tells by how much. */
static void follow(union limit_state *s, const struct limit_use *u,
                   const struct limit_verdict *said)
{
    const struct limit_rule *r = u->rule;
    uint64_t missing = limit_mul_div(said->reset_ns, r->amount, r->window_ns);
    int64_t tokens = limit_add((int64_t)r->burst, -limit_cost(missing));
    if (said->remaining)
        tokens = limit_cost(said->remaining < r->burst ? said->remaining : r->burst);
    else if (tokens > 0)
        tokens = 0;
    s->bucket.tokens = tokens;
    s->bucket.fraction = 0;
    s->bucket.seen = u->now;
}

static uint32_t weight(const union limit_state *s, const struct limit_use *u)
{
    int64_t used = limit_add((int64_t)u->rule->burst, -s->bucket.tokens);
    return limit_share(used, u->rule->burst);
}

const struct limit_algorithm limit_token_bucket = {"token bucket", fresh,  advance, judge,
                                                   charge,         refund, follow,  weight};
