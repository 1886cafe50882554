#include "gateway/policy/limit_internal.h"

/* A window that nobody has used yet has no beginning: it begins with the first charge, or where the
 * calendar says. */

static union limit_state fresh(const struct limit_rule *r)
{
    (void)r;
    return (union limit_state){.window.used = 0};
}

static uint64_t end_of(const union limit_state *s, const struct limit_use *u)
{
    if (s->window.used)
        return limit_calendar_end(u->rule, s->window.start);
    return limit_calendar_end(u->rule, limit_calendar_start(u->rule, u->now));
}

static void advance(union limit_state *s, const struct limit_use *u)
{
    if (s->window.used && u->now >= end_of(s, u))
        s->window.used = 0;
}

static struct limit_verdict judge(const union limit_state *s, const struct limit_use *u)
{
    int64_t amount = (int64_t)u->rule->amount, cost = limit_cost(u->cost);
    uint64_t left = limit_left(amount, s->window.used), end = end_of(s, u);
    bool granted = limit_add(s->window.used, cost) <= amount;
    struct limit_verdict v = {
        .granted = granted,
        .remaining = granted ? left - (uint64_t)cost : left,
        .reset_ns = end > u->now ? end - u->now : 0,
    };
    if (!granted)
        v.wait_ns = cost > amount ? LIMIT_NEVER : v.reset_ns;
    return v;
}

static void charge(union limit_state *s, const struct limit_use *u)
{
    if (s->window.used == 0)
        s->window.start = limit_calendar_start(u->rule, u->now);
    s->window.used = limit_owe(u->rule, s->window.used, u->cost);
}

/* What was charged to a window that is over is over too. */
static void refund(union limit_state *s, const struct limit_use *u)
{
    if (u->at < s->window.start)
        return;
    int64_t used = limit_add(s->window.used, -limit_cost(u->cost));
    s->window.used = used > 0 ? used : 0;
}

static void follow(union limit_state *s, const struct limit_use *u,
                   const struct limit_verdict *said)
{
    const struct limit_rule *r = u->rule;
    uint64_t left = said->remaining < r->amount ? said->remaining : r->amount;
    s->window.used = (int64_t)(r->amount - left);
    s->window.start = limit_calendar_start(r, u->now);
    if (r->calendar == LIMIT_NO_CALENDAR && said->reset_ns < r->window_ns)
        s->window.start -= limit_min(r->window_ns - said->reset_ns, u->now);
}

static uint32_t weight(const union limit_state *s, const struct limit_use *u)
{
    return limit_share(s->window.used, u->rule->amount);
}

const struct limit_algorithm limit_fixed_window = {"fixed window", fresh,  advance, judge,
                                                   charge,         refund, follow,  weight};
