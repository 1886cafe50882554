#include "gateway/policy/limit_internal.h"

/* Every use is remembered until it leaves the window, in a ring of the table's memory. Times are
 * whole microseconds, rounded up when they are written and down when they are compared: a window is
 * never shorter than it says. */

enum { LOG_COST_MAX = (1 << 14) - 1, LOG_ROOM_FIRST = 4 };

_Static_assert((int)LIMIT_LOG_MAX <= (int)LOG_COST_MAX,
               "a cost that can be granted fits into an entry");
_Static_assert(sizeof(union limit_state) <= 24, "a key of the table is one cache line");

static struct limit_log_entry *entry(const union limit_state *s, unsigned i)
{
    return &s->log.ring[(s->log.first + i) & (s->log.room - 1u)];
}

static uint64_t micros_up(uint64_t ns)
{
    return (ns + 999) / 1000 & ((UINT64_C(1) << 50) - 1);
}

static union limit_state fresh(const struct limit_rule *r)
{
    (void)r;
    return (union limit_state){.log.ring = NULL};
}

static uint64_t window_us(const struct limit_rule *r)
{
    return (r->window_ns + 999) / 1000;
}

static void advance(union limit_state *s, const struct limit_use *u)
{
    uint64_t now = u->now / 1000, window = window_us(u->rule);
    while (s->log.n && entry(s, 0)->at_us + window <= now) {
        s->log.sum -= entry(s, 0)->cost;
        s->log.first = (uint16_t)((s->log.first + 1) & (s->log.room - 1));
        s->log.n--;
    }
}

/* Until `room` can be had: when enough of the oldest have left. */
static uint64_t wait_for(const union limit_state *s, const struct limit_use *u, uint64_t room)
{
    uint64_t sum = s->log.sum, now = u->now / 1000;
    unsigned i = 0;
    while (i < s->log.n && sum + room > u->rule->amount)
        sum -= entry(s, i++)->cost;
    if (i == 0)
        return 0;
    uint64_t at = entry(s, i - 1)->at_us + window_us(u->rule);
    return at > now ? (at - now) * 1000 : 1000;
}

static struct limit_verdict judge(const union limit_state *s, const struct limit_use *u)
{
    int64_t amount = (int64_t)u->rule->amount, cost = limit_cost(u->cost);
    uint64_t left = limit_left(amount, s->log.sum);
    bool granted = limit_add(s->log.sum, cost) <= amount;
    struct limit_verdict v = {
        .granted = granted,
        .remaining = granted ? left - (uint64_t)cost : left,
        .reset_ns = granted && cost ? u->rule->window_ns : wait_for(s, u, u->rule->amount),
    };
    if (!granted)
        v.wait_ns = cost > amount ? LIMIT_NEVER : wait_for(s, u, u->cost);
    return v;
}

/* The entry of a charge at `at_us`; s->log.n when there is none. Entries are in order of time. */
static unsigned find(const union limit_state *s, uint64_t at_us)
{
    unsigned low = 0, high = s->log.n;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (entry(s, middle)->at_us < at_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->log.n && entry(s, low)->at_us == at_us ? low : s->log.n;
}

static void add_to(union limit_state *s, struct limit_log_entry *e, uint64_t cost)
{
    uint64_t most = LOG_COST_MAX - e->cost; /* more than the limit already: no more is needed */
    uint32_t more = (uint32_t)(cost < most ? cost : most);
    e->cost = (e->cost + more) & LOG_COST_MAX;
    s->log.sum += more;
}

/* A clock that went back, a ring that is full, or the same microsecond: the newest entry takes it.
 */
static void charge(union limit_state *s, const struct limit_use *u)
{
    uint64_t at = micros_up(u->now);
    bool newest = s->log.n && (entry(s, s->log.n - 1u)->at_us >= at || s->log.n == s->log.room);
    uint64_t cost = (uint64_t)limit_owe(u->rule, s->log.sum, u->cost) - s->log.sum;
    if (cost == 0 || s->log.room == 0)
        return;
    if (!newest)
        *entry(s, s->log.n++) = (struct limit_log_entry){.at_us = at & ((UINT64_C(1) << 50) - 1)};
    add_to(s, entry(s, s->log.n - 1u), cost);
}

static void refund(union limit_state *s, const struct limit_use *u)
{
    unsigned i = find(s, micros_up(u->at));
    if (i == s->log.n)
        return;
    struct limit_log_entry *e = entry(s, i);
    uint32_t back = u->cost < e->cost ? (uint32_t)u->cost : e->cost;
    e->cost = (e->cost - back) & LOG_COST_MAX;
    s->log.sum -= back;
}

static uint32_t weight(const union limit_state *s, const struct limit_use *u)
{
    return limit_share(s->log.sum, u->rule->amount);
}

uint16_t limit_log_wants(const union limit_state *s)
{
    if (s->log.n < s->log.room || s->log.room == LIMIT_LOG_ROOM)
        return 0;
    return s->log.room ? (uint16_t)(s->log.room * 2) : LOG_ROOM_FIRST;
}

struct limit_log_entry *limit_log_grow(union limit_state *s, struct limit_log_entry *ring,
                                       uint16_t room)
{
    struct limit_log_entry *old = s->log.ring;
    for (unsigned i = 0; i < s->log.n; i++)
        ring[i] = *entry(s, i);
    s->log.ring = ring;
    s->log.first = 0;
    s->log.room = room;
    return old;
}

const struct limit_algorithm limit_sliding_log = {
    "sliding window log", fresh, advance, judge, charge, refund, limit_follow_by_charge, weight};
