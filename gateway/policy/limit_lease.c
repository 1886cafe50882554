#include <stdlib.h>

#include "gateway/core/clock.h"
#include "gateway/policy/limiter.h"

/* Leases of one worker, found by key, in the order of their end. A lease that ends gives back what
 * is left of it; when there is no room for another the oldest ends early. */

enum { BUCKETS = 4096 };

static bool ready(struct limit_leases *s)
{
    if (s->all)
        return true;
    s->all = calloc(LEASES_MAX + 1, sizeof *s->all);
    s->buckets = calloc(BUCKETS, sizeof *s->buckets);
    if (s->all && s->buckets)
        return true;
    free(s->all);
    free(s->buckets);
    s->all = NULL;
    s->buckets = NULL;
    return false;
}

static uint32_t *bucket_of(struct limit_leases *s, const struct siphash *key)
{
    return &s->buckets[key->a % BUCKETS];
}

static uint32_t find(struct limit_leases *s, const struct limit_ask *ask)
{
    if (!s->all)
        return 0;
    uint32_t n = *bucket_of(s, &ask->key);
    while (n && (s->all[n].key.a != ask->key.a || s->all[n].key.b != ask->key.b ||
                 s->all[n].limit != ask->limit))
        n = s->all[n].chain;
    return n;
}

static void unlink_lease(struct limit_leases *s, uint32_t n)
{
    s->all[s->all[n].newer].older = s->all[n].older;
    s->all[s->all[n].older].newer = s->all[n].newer;
}

static void link_newest(struct limit_leases *s, uint32_t n)
{
    uint32_t before = s->all[0].older;
    s->all[n].newer = 0;
    s->all[n].older = before;
    s->all[before].newer = n;
    s->all[0].older = n;
}

static void end(struct limiter *l, uint32_t n)
{
    struct limit_leases *s = &l->leases;
    uint32_t *at = bucket_of(s, &s->all[n].key);
    limit_redis_return(l, &s->all[n]);
    while (*at != n)
        at = &s->all[*at].chain;
    *at = s->all[n].chain;
    unlink_lease(s, n);
    s->all[n] = (struct limit_lease){.chain = s->free};
    s->free = n;
}

static void on_ends(struct timer *t)
{
    struct limiter *l = (struct limiter *)((char *)t - offsetof(struct limiter, leases.timer));
    struct limit_leases *s = &l->leases;
    uint64_t now = clock_now();
    while (s->all[0].newer && s->all[s->all[0].newer].ends <= now)
        end(l, s->all[0].newer);
    if (s->all[0].newer)
        timer_start(l->o.timers, t, LEASE_MS / 4, on_ends);
}

/* The item's lease, a new one if need be. 0: out of memory. */
static uint32_t get(struct limiter *l, struct limit_item *i)
{
    struct limit_leases *s = &l->leases;
    uint32_t n = ready(s) ? find(s, &i->ask) : 0;
    if (n || !s->all)
        return n;
    if (!s->free && s->used == LEASES_MAX)
        end(l, s->all[0].newer);
    n = s->free ? s->free : ++s->used;
    if (s->free == n)
        s->free = s->all[n].chain;
    uint32_t *bucket = bucket_of(s, &i->ask.key);
    s->all[n] = (struct limit_lease){
        .key = i->ask.key,
        .limit = i->ask.limit,
        .chain = *bucket,
        .row = limit_script_row(&i->limit->rule, 0),
    };
    struct str key = limit_redis_key(l, i);
    memcpy(s->all[n].redis_key, key.p, key.n);
    *bucket = n;
    link_newest(s, n);
    if (!timer_runs(&s->timer))
        timer_start(l->o.timers, &s->timer, LEASE_MS, on_ends);
    return n;
}

enum limit_outcome limit_lease_spend(struct limiter *l, struct limit_item *i, uint64_t cost)
{
    uint32_t n = find(&l->leases, &i->ask);
    struct limit_lease *lease = n ? &l->leases.all[n] : NULL;
    uint64_t now = clock_now();
    if (!lease)
        return LIMIT_WAITING;
    if (lease->tokens >= cost && now < lease->ends) {
        lease->tokens -= cost;
        i->at_us = lease->at_us;
        i->ask.verdict = lease->verdict;
        i->ask.verdict.granted = true;
        i->ask.verdict.wait_ns = 0;
        i->ask.verdict.remaining += lease->tokens;
        return LIMIT_GRANTED;
    }
    if (now >= lease->blocked_until)
        return LIMIT_WAITING;
    i->ask.verdict = lease->verdict;
    return LIMIT_REFUSED;
}

/* What was charged to a fixed window is not spent in the next one. */
static uint64_t length_of(const struct limit_item *i)
{
    uint64_t most = (uint64_t)LEASE_MS * 1000000, reset = i->ask.verdict.reset_ns;
    return i->limit->rule.kind == LIMIT_FIXED_WINDOW && reset < most ? reset : most;
}

static struct limit_lease *renewed(struct limiter *l, struct limit_item *i)
{
    uint32_t n = get(l, i);
    uint64_t now = clock_now();
    if (!n)
        return NULL;
    struct limit_lease *lease = &l->leases.all[n];
    if (now >= lease->ends) { /* and nobody has noticed yet */
        limit_redis_return(l, lease);
        lease->tokens = 0;
    }
    lease->ends = now + length_of(i);
    lease->verdict = i->ask.verdict;
    unlink_lease(&l->leases, n);
    link_newest(&l->leases, n);
    return lease;
}

/* By the server's clock; 0: what was charged at any time may come back. */
static uint64_t window_began(const struct limit_item *i)
{
    const struct limit_rule *r = &i->limit->rule;
    uint64_t ends = i->at_us + i->ask.verdict.reset_ns / 1000, window = r->window_ns / 1000;
    return r->kind == LIMIT_FIXED_WINDOW && ends > window ? ends - window : 0;
}

void limit_lease_put(struct limiter *l, struct limit_item *i, uint64_t surplus)
{
    struct limit_lease *lease = surplus ? renewed(l, i) : NULL;
    if (!lease)
        return;
    lease->tokens += surplus;
    lease->at_us = i->at_us;
    lease->since_us = window_began(i);
}

void limit_lease_block(struct limiter *l, struct limit_item *i)
{
    struct limit_lease *lease = renewed(l, i);
    uint64_t most = (uint64_t)LEASE_BLOCK_MS * 1000000, wait = i->ask.verdict.wait_ns;
    if (lease)
        lease->blocked_until = clock_now() + (wait < most ? wait : most);
}

bool limit_lease_give_back(struct limiter *l, struct limit_item *i, uint64_t cost)
{
    uint32_t n = find(&l->leases, &i->ask);
    if (n && i->at_us >= l->leases.all[n].since_us)
        l->leases.all[n].tokens += cost; /* else its window is over, and nothing comes of it */
    return n != 0;
}

void limit_leases_release(struct limiter *l)
{
    struct limit_leases *s = &l->leases;
    timer_stop(l->o.timers, &s->timer);
    while (s->all && s->all[0].newer)
        end(l, s->all[0].newer);
    free(s->all);
    free(s->buckets);
    s->all = NULL;
    s->buckets = NULL;
}
