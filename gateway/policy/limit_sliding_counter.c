#include "gateway/policy/limit_internal.h"

/* used = this window's + the last one's * (part of it that the sliding window still covers). The
 * windows of a key follow each other from its first charge on. */

static union limit_state fresh(const struct limit_rule *r)
{
    (void)r;
    return (union limit_state){.counter.now = 0};
}

static void advance(union limit_state *s, const struct limit_use *u)
{
    uint64_t window = u->rule->window_ns;
    if (u->now < s->counter.start || u->now - s->counter.start < window)
        return;
    uint64_t windows = (u->now - s->counter.start) / window;
    s->counter.before = windows == 1 ? s->counter.now : 0;
    s->counter.now = 0;
    s->counter.start += windows * window;
}

static uint64_t elapsed(const union limit_state *s, const struct limit_use *u)
{
    return u->now > s->counter.start ? u->now - s->counter.start : 0;
}

/* Rounded up: never a part of a call too many. */
static int64_t used(const union limit_state *s, const struct limit_use *u)
{
    uint64_t window = u->rule->window_ns, over = elapsed(s, u);
    uint64_t covered = over < window ? window - over : 0;
    uint64_t before = limit_mul_div_up((uint64_t)s->counter.before, covered, window);
    return limit_add(s->counter.now, limit_cost(before));
}

/* Nanoseconds of a window after which no more than `room` of `before` are still covered. */
static uint64_t until_room(const struct limit_rule *r, int64_t before, uint64_t room)
{
    if (before <= 0 || room >= (uint64_t)before)
        return 0;
    return r->window_ns - limit_mul_div(room, r->window_ns, (uint64_t)before);
}

static uint64_t wait_for(const union limit_state *s, const struct limit_use *u)
{
    int64_t amount = (int64_t)u->rule->amount, cost = limit_cost(u->cost);
    uint64_t over = elapsed(s, u), at;
    if (cost > amount)
        return LIMIT_NEVER;
    if (limit_add(s->counter.now, cost) <= amount)
        at = until_room(u->rule, s->counter.before, (uint64_t)(amount - cost - s->counter.now));
    else
        at = u->rule->window_ns + until_room(u->rule, s->counter.now, (uint64_t)(amount - cost));
    return at > over ? at - over : 1;
}

static struct limit_verdict judge(const union limit_state *s, const struct limit_use *u)
{
    int64_t amount = (int64_t)u->rule->amount, cost = limit_cost(u->cost);
    int64_t before = used(s, u);
    uint64_t left = limit_left(amount, before), over = elapsed(s, u);
    bool granted = limit_add(before, cost) <= amount;
    bool idle = s->counter.now == 0 && !(granted && cost);
    uint64_t end = s->counter.before == 0 && idle ? 0 : u->rule->window_ns * (idle ? 1 : 2);
    struct limit_verdict v = {
        .granted = granted,
        .remaining = granted ? left - (uint64_t)cost : left,
        .reset_ns = end > over ? end - over : 0,
    };
    if (!granted)
        v.wait_ns = wait_for(s, u);
    return v;
}

static void charge(union limit_state *s, const struct limit_use *u)
{
    if (s->counter.now == 0 && s->counter.before == 0)
        s->counter.start = u->now;
    s->counter.now = limit_owe(u->rule, s->counter.now, u->cost);
}

static void refund(union limit_state *s, const struct limit_use *u)
{
    int64_t *from = u->at >= s->counter.start ? &s->counter.now : &s->counter.before;
    if (u->at < s->counter.start && s->counter.start - u->at > u->rule->window_ns)
        return;
    *from = limit_add(*from, -limit_cost(u->cost));
    if (*from < 0)
        *from = 0;
}

static uint32_t weight(const union limit_state *s, const struct limit_use *u)
{
    return limit_share(used(s, u), u->rule->amount);
}

const struct limit_algorithm limit_sliding_counter = {
    "sliding window counter", fresh, advance, judge, charge, refund,
    limit_follow_by_charge,   weight};
