#include "gateway/watch/watch_internal.h"

/* A reload makes new counters for a new plan; what was counted moves to the row of the same RPC, so
 * that no series goes backwards. */

static void move(atomic_uint_fast64_t *from, atomic_uint_fast64_t *to)
{
    watch_add(to, watch_get(from));
    atomic_store_explicit(from, 0, memory_order_relaxed);
}

static void move_outcome(struct watch_outcome *from, struct watch_row *to)
{
    unsigned key = atomic_load_explicit(&from->key, memory_order_relaxed);
    for (uint32_t i = 0; key && i < WATCH_OUTCOMES; i++) {
        struct watch_outcome *o = &to->outcomes[i];
        unsigned have = atomic_load_explicit(&o->key, memory_order_relaxed);
        if (have && have != key && i + 1 < WATCH_OUTCOMES)
            continue;
        /* The last place is for all that found none. */
        if (i + 1 == WATCH_OUTCOMES)
            key = watch_outcome_key(0, TC_CODE_UNKNOWN);
        if (!have)
            atomic_store_explicit(&o->key, key, memory_order_relaxed);
        move(&from->count, &o->count);
        return;
    }
}

static void move_row(struct watch_row *from, struct watch_row *to)
{
    for (uint32_t i = 0; i < WATCH_OUTCOMES; i++)
        move_outcome(&from->outcomes[i], to);
    for (uint32_t t = 0; t < WATCH_TIMES; t++) {
        for (uint32_t b = 0; b < WATCH_BUCKETS; b++)
            move(&from->times[t].count[b], &to->times[t].count[b]);
        move(&from->times[t].sum_ns, &to->times[t].sum_ns);
    }
    for (uint32_t s = 0; s < WATCH_SUMS; s++)
        move(&from->sums[s], &to->sums[s]);
    for (uint32_t r = 0; r < REFUSALS; r++)
        move(&from->refusals[r], &to->refusals[r]);
}

/* Plans list their methods in the same order more often than not: the search begins where the last
 * one ended. */
static uint32_t find(const struct plan *plan, struct str name, uint32_t hint)
{
    for (uint32_t i = 0; i < plan->npolicies; i++) {
        uint32_t at = (hint + i) % plan->npolicies;
        if (str_eq(plan->policies[at].method->full_name, name))
            return at;
    }
    return plan->npolicies;
}

void watch_move(struct watch *from, const struct plan *from_plan, struct watch *to,
                const struct plan *to_plan)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < from->nmethods; i++) {
        uint32_t found = find(to_plan, from_plan->policies[i].method->full_name, at);
        if (found == to_plan->npolicies)
            continue;
        move_row(&from->rows[i], &to->rows[found]);
        at = found + 1;
    }
    move_row(&from->rows[from->nmethods], &to->rows[to->nmethods]);
    move(&from->lost, &to->lost);
    watch_callers_move(from, to);
    if (from->lines.n && buf_add(&to->lines, buf_str(&from->lines)))
        from->lines.n = 0;
    to->torn |= from->torn;
}
