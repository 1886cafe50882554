#include "gateway/policy/limit.h"

#include <stdlib.h>
#include <sys/random.h>

#include "gateway/core/clock.h"
#include "gateway/policy/limiter.h"

/* A call's items pass their stores one after the other, the cheapest first:
 *
 *   table --> leases --> Redis --> service --> granted
 *     '----------'---------'----------'------> refused: what was taken goes back */

/* ---- the worker's limiter ---- */

void limiter_set_clock(struct limiter *l)
{
    l->wall_offset = clock_wall_us() * 1000 - clock_now();
}

struct limit_clock limiter_now(const struct limiter *l)
{
    uint64_t now = clock_now();
    return (struct limit_clock){.mono = now, .wall = now + l->wall_offset};
}

struct limiter *limiter_new(const struct limiter_options *o)
{
    struct limiter *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->o = *o;
    limiter_set_clock(l);
    if (getrandom(&l->id_base, sizeof l->id_base, GRND_NONBLOCK) < 0)
        l->id_base = clock_wall_us() ^ (uint64_t)(uintptr_t)l;
    return l;
}

void limiter_free(struct limiter *l)
{
    if (!l)
        return;
    limit_leases_release(l);
    limit_redis_release(l);
    free(l);
}

bool limit_bind(struct limit_table *t, struct plan_limit *limit)
{
    limit->number = limit_table_bind(t, limit->id, &limit->rule);
    return limit->number != UINT32_MAX;
}

/* ---- the table ---- */

static bool is_here(const struct limit_item *i)
{
    return i->limit->store == LIMIT_HERE && !i->left_out;
}

static bool falls_back_here(const struct limit_item *i)
{
    return i->fell_back && i->limit->fallback == LIMIT_LOCAL;
}

void limit_prepare_ask(struct limiter *l, struct limit_item *i)
{
    i->ask.limit = i->limit->number;
    i->ask.cost = i->cost;
    i->ask.key = limit_table_key(l->o.table, i->limit->number, i->key);
}

void limit_mirror_charge(struct limiter *l, struct limit_item *i, uint64_t cost)
{
    struct limit_ask ask = i->ask; /* what the store has said of it stays */
    if (i->limit->fallback != LIMIT_LOCAL)
        return;
    ask.cost = cost;
    limit_table_charge(l->o.table, &ask, limiter_now(l));
    i->ask.at = ask.at;
}

void limit_mirror_refund(struct limiter *l, struct limit_item *i, uint64_t cost)
{
    struct limit_ask ask = i->ask;
    if (i->limit->fallback != LIMIT_LOCAL)
        return;
    ask.cost = cost;
    limit_table_refund(l->o.table, &ask, limiter_now(l));
}

static void note_taken(struct limit_item *i, enum limit_holder holder)
{
    i->holder = (uint8_t)holder;
    i->charged = i->cost;
}

/* A dry run is asked alone, so that it cannot hold up the others. */
static void take_dry(struct limiter *l, struct limit_item *i)
{
    if (limit_table_take(l->o.table, &i->ask, 1, limiter_now(l)))
        note_taken(i, HELD_TABLE);
    else
        i->would_refuse = true;
}

/* All items of the table at once. */
static enum limit_outcome take_here(struct limit_call *c,
                                    bool (*is_meant)(const struct limit_item *))
{
    struct limit_ask asks[LIMIT_ASKS_MAX];
    struct limit_item *items[LIMIT_ASKS_MAX];
    uint8_t n = 0;
    for (uint8_t k = c->first; k < c->last; k++) {
        struct limit_item *i = &c->items[k];
        if (!is_meant(i))
            continue;
        limit_prepare_ask(c->limiter, i);
        if (i->limit->dry_run) {
            take_dry(c->limiter, i);
            continue;
        }
        items[n] = i;
        asks[n++] = i->ask;
    }
    bool granted = n == 0 ||
                   limit_table_take(c->limiter->o.table, asks, n, limiter_now(c->limiter));
    for (uint8_t k = 0; k < n; k++) {
        items[k]->ask = asks[k];
        if (granted)
            note_taken(items[k], HELD_TABLE);
        else if (asks[k].verdict.granted)
            items[k]->ask.verdict.remaining += asks[k].cost; /* another refuses: it is all there */
    }
    return granted ? LIMIT_GRANTED : LIMIT_REFUSED;
}

enum limit_outcome limit_fall_back(struct limit_call *c,
                                   bool (*is_meant)(const struct limit_item *))
{
    for (uint8_t k = c->first; k < c->last; k++) {
        struct limit_item *i = &c->items[k];
        if (!is_meant(i) || i->holder != HELD_NOWHERE)
            continue;
        i->fell_back = true;
        if (i->limit->fallback == LIMIT_CLOSED && !i->limit->dry_run)
            return LIMIT_UNKNOWN;
        if (i->limit->fallback == LIMIT_OPEN)
            i->ask.verdict = (struct limit_verdict){.granted = true};
    }
    return take_here(c, falls_back_here);
}

/* ---- leases ---- */

static enum limit_outcome take_leases(struct limit_call *c)
{
    for (uint8_t k = c->first; k < c->last; k++) {
        struct limit_item *i = &c->items[k];
        if (i->limit->store != LIMIT_LEASED || i->left_out)
            continue;
        limit_prepare_ask(c->limiter, i);
        enum limit_outcome o = limit_lease_spend(c->limiter, i, i->cost);
        if (o == LIMIT_GRANTED)
            note_taken(i, HELD_LEASE);
        else if (o == LIMIT_REFUSED && i->limit->dry_run)
            i->would_refuse = true;
        else if (o == LIMIT_REFUSED)
            return o;
    }
    return LIMIT_GRANTED;
}

/* ---- giving back ---- */

static void give_back(struct limit_call *c, struct limit_item *i, uint64_t cost)
{
    struct limiter *l = c->limiter;
    if (cost == 0 || i->charged == 0)
        return;
    if (i->holder == HELD_TABLE) {
        i->ask.cost = cost;
        limit_table_refund(l->o.table, &i->ask, limiter_now(l));
    } else if (i->holder == HELD_REDIS ||
               (i->holder == HELD_LEASE && !limit_lease_give_back(l, i, cost))) {
        limit_redis_errand(c, i, LIMIT_SCRIPT_REFUND, cost);
        limit_mirror_refund(l, i, cost);
    }
    i->charged -= cost < i->charged ? cost : i->charged;
}

static void undo(struct limit_call *c)
{
    for (uint8_t k = 0; k < c->last; k++) {
        c->items[k].ask.verdict.remaining += c->items[k].charged;
        give_back(c, &c->items[k], c->items[k].charged);
        c->items[k].holder = HELD_NOWHERE;
    }
}

/* ---- the way through the stores ---- */

enum step { STEP_TABLE, STEP_LEASES, STEP_REDIS, STEP_SERVICE, STEPS };

static bool any(const struct limit_call *c, bool (*is_meant)(const struct limit_item *))
{
    for (uint8_t k = c->first; k < c->last; k++)
        if (is_meant(&c->items[k]))
            return true;
    return false;
}

static enum limit_outcome take_step(struct limit_call *c)
{
    switch (c->step) {
    case STEP_TABLE: return take_here(c, is_here);
    case STEP_LEASES: return take_leases(c);
    case STEP_REDIS: return any(c, limit_redis_is_meant) ? limit_redis_take(c) : LIMIT_GRANTED;
    default: return any(c, limit_service_is_meant) ? limit_service_take(c) : LIMIT_GRANTED;
    }
}

static void count_one(struct limit_table *t, const struct limit_item *i, enum limit_outcome o)
{
    bool refuses = !i->ask.verdict.granted && i->ask.verdict.wait_ns && !i->limit->dry_run;
    if (i->fell_back)
        limit_table_count(t, i->limit->number, LIMIT_COUNT_AWAY);
    if (i->would_refuse)
        limit_table_count(t, i->limit->number, LIMIT_COUNT_WOULD_REFUSE);
    if (o == LIMIT_GRANTED)
        limit_table_count(t, i->limit->number, LIMIT_COUNT_ALLOWED);
    else if (refuses)
        limit_table_count(t, i->limit->number, LIMIT_COUNT_REFUSED);
}

static enum limit_outcome decided(struct limit_call *c, enum limit_outcome o)
{
    for (uint8_t k = c->first; k < c->last; k++)
        count_one(c->limiter->o.table, &c->items[k], o);
    if (o != LIMIT_GRANTED)
        undo(c);
    return o;
}

static enum limit_outcome go_on(struct limit_call *c)
{
    enum limit_outcome o = LIMIT_GRANTED;
    for (; c->step < STEPS && o == LIMIT_GRANTED; c->step++)
        o = take_step(c);
    return c->outcome = o == LIMIT_WAITING ? o : decided(c, o);
}

enum limit_outcome limit_take(struct limit_call *c, uint8_t first, uint8_t last)
{
    c->first = first;
    c->last = last;
    c->step = STEP_TABLE;
    return go_on(c);
}

void limit_answered(struct limit_call *c, enum limit_outcome outcome)
{
    c->outcome = outcome == LIMIT_GRANTED ? go_on(c) : decided(c, outcome);
    if (c->outcome != LIMIT_WAITING)
        c->done(c);
}

/* Nobody will read the answer: what it charges goes back when it comes. */
static void stop_waiting(struct limit_call *c)
{
    limit_redis_abandon(c);
    limit_service_cancel(c);
    c->outcome = LIMIT_REFUSED;
}

void limit_cancel(struct limit_call *c)
{
    if (c->outcome == LIMIT_WAITING)
        stop_waiting(c);
    undo(c);
    limit_redis_forget(c);
}

/* ---- costs that are known later ---- */

static bool charge_more(struct limit_call *c, struct limit_item *i, uint64_t cost)
{
    struct limiter *l = c->limiter;
    i->charged += cost;
    if (i->holder == HELD_TABLE) {
        i->ask.cost = cost;
        limit_table_charge(l->o.table, &i->ask, limiter_now(l));
        return i->ask.verdict.granted;
    }
    if (i->holder == HELD_REDIS ||
        (i->holder == HELD_LEASE && limit_lease_spend(l, i, cost) != LIMIT_GRANTED)) {
        limit_redis_errand(c, i, LIMIT_SCRIPT_CHARGE, cost);
        limit_mirror_charge(l, i, cost);
    }
    return true;
}

bool limit_spend(struct limit_call *c, struct limit_item *i, uint64_t cost)
{
    if (cost > UINT64_MAX / 4)
        cost = UINT64_MAX / 4; /* sums of a few stay within 64 bits, and no limit is as large */
    i->spent = i->spent + cost < UINT64_MAX / 2 ? i->spent + cost : UINT64_MAX / 2;
    if (i->holder == HELD_NOWHERE || i->spent <= i->charged)
        return true;
    bool within = charge_more(c, i, i->spent - i->charged);
    if (within)
        return true;
    i->would_refuse |= i->limit->dry_run;
    limit_table_count(c->limiter->o.table, i->limit->number,
                      i->limit->dry_run ? LIMIT_COUNT_WOULD_REFUSE : LIMIT_COUNT_CUT);
    return i->limit->dry_run;
}

void limit_end(struct limit_call *c)
{
    for (uint8_t k = 0; k < c->n; k++) {
        struct limit_item *i = &c->items[k];
        if (i->limit->rule.kind == LIMIT_CONCURRENCY)
            give_back(c, i, i->charged);
        else if (i->settles && i->spent < i->charged)
            give_back(c, i, i->charged - i->spent);
        i->holder = HELD_NOWHERE;
    }
    limit_redis_forget(c);
}
