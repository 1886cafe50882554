#include "gateway/policy/limit_table_shard.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    LOOK_AT = 8,         /* candidates for being forgotten */
    PASS_OVER = 32,      /* those before them that were asked since their last turn */
    LOOK_AT_MOST = 1024, /* when those before them turn out to be heavy or held */
    HEAVY_FROM = LIMIT_WEIGHT_MAX / 2
};

_Static_assert(sizeof(struct limit_entry) == 64, "a key is one cache line");

void *limit_map(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                   0);
    return p == MAP_FAILED ? NULL : p;
}

static size_t entries_size(const struct limit_shard *s)
{
    return ((size_t)s->capacity + LIMIT_FIRST_ENTRY) * sizeof *s->entries;
}

static size_t buckets_size(const struct limit_shard *s)
{
    return ((size_t)s->mask + 1) * sizeof *s->buckets;
}

bool limit_shard_init(struct limit_shard *s, uint32_t capacity)
{
    uint32_t buckets = 16;
    while (buckets < capacity)
        buckets *= 2;
    *s = (struct limit_shard){.capacity = capacity, .mask = buckets - 1};
    s->entries = limit_map(entries_size(s));
    s->buckets = limit_map(buckets_size(s));
    if (!s->entries || !s->buckets) {
        limit_shard_release(s);
        return false;
    }
    return true;
}

void limit_shard_release(struct limit_shard *s)
{
    for (uint32_t i = 0; s->entries && i < s->used; i++)
        if (s->entries[LIMIT_FIRST_ENTRY + i].kind == LIMIT_SLIDING_LOG)
            free(s->entries[LIMIT_FIRST_ENTRY + i].state.log.ring);
    if (s->entries)
        munmap(s->entries, entries_size(s));
    if (s->buckets)
        munmap(s->buckets, buckets_size(s));
    *s = (struct limit_shard){0};
}

/* ---- order of use: two rings, each with an entry of its own as anchor ----
 *
 * A key that is asked is only marked. It moves when its turn to be forgotten comes, so that a look
 * at one among a million touches its own cache line and no neighbour's. */

static uint32_t anchor_of(bool heavy)
{
    return heavy ? LIMIT_HEAVY_ANCHOR : LIMIT_NO_ENTRY;
}

static void unlink_entry(struct limit_shard *s, uint32_t i)
{
    struct limit_entry *e = &s->entries[i];
    s->entries[e->newer].older = e->older;
    s->entries[e->older].newer = e->newer;
}

static void link_newest(struct limit_shard *s, uint32_t i, bool heavy)
{
    uint32_t anchor = anchor_of(heavy), before = s->entries[anchor].older;
    struct limit_entry *e = &s->entries[i];
    e->heavy = heavy;
    e->newer = anchor;
    e->older = before;
    s->entries[before].newer = i;
    s->entries[anchor].older = i;
}

static uint32_t oldest(const struct limit_shard *s, bool heavy)
{
    uint32_t anchor = anchor_of(heavy), i = s->entries[anchor].newer;
    return i == anchor ? LIMIT_NO_ENTRY : i;
}

static void move_to_newest(struct limit_shard *s, uint32_t i, bool heavy)
{
    unlink_entry(s, i);
    link_newest(s, i, heavy);
}

/* ---- one entry ---- */

static const struct limit_rule *rule_of(struct limit_rules *rules, uint32_t limit)
{
    return atomic_load_explicit(&rules->rule[limit], memory_order_acquire);
}

static void forget_ring(struct limit_rules *rules, struct limit_entry *e)
{
    if (e->kind != LIMIT_SLIDING_LOG || !e->state.log.ring)
        return;
    atomic_fetch_sub(&rules->log_bytes, e->state.log.room * sizeof *e->state.log.ring);
    free(e->state.log.ring);
}

static void renew(struct limit_rules *rules, struct limit_entry *e, const struct limit_rule *rule)
{
    forget_ring(rules, e);
    e->kind = rule->kind;
    e->state = limit_algorithm_of(rule)->fresh(rule);
}

static void advance(struct limit_rules *rules, struct limit_entry *e, struct limit_clock now)
{
    const struct limit_rule *rule = rule_of(rules, e->limit);
    struct limit_use u = {.rule = rule, .now = limit_clock_of(rule, now)};
    if (e->kind != rule->kind)
        renew(rules, e, rule); /* a reload has chosen another algorithm */
    limit_algorithm_of(rule)->advance(&e->state, &u);
}

static uint32_t weight(struct limit_rules *rules, struct limit_entry *e, struct limit_clock now)
{
    const struct limit_rule *rule = rule_of(rules, e->limit);
    struct limit_use u = {.rule = rule, .now = limit_clock_of(rule, now)};
    if (e->pinned)
        return LIMIT_HELD;
    advance(rules, e, now);
    return limit_algorithm_of(rule)->weight(&e->state, &u);
}

bool limit_entry_ready(struct limit_rules *rules, struct limit_entry *e)
{
    uint16_t room = e->kind == LIMIT_SLIDING_LOG ? limit_log_wants(&e->state) : 0;
    if (room == 0)
        return true;
    struct limit_log_entry *ring = NULL;
    uint64_t before = e->state.log.room * sizeof *ring, after = room * sizeof *ring;
    if (atomic_fetch_add(&rules->log_bytes, after - before) + after - before <=
        rules->log_bytes_max)
        ring = malloc(after);
    if (!ring) {
        atomic_fetch_sub(&rules->log_bytes, after - before);
        return false;
    }
    free(limit_log_grow(&e->state, ring, room));
    return true;
}

/* ---- finding, making room ---- */

static uint32_t *bucket_of(struct limit_shard *s, const struct siphash *key)
{
    return &s->buckets[key->a & s->mask];
}

static bool same(const struct limit_entry *e, const struct limit_ask *ask)
{
    return e->key.a == ask->key.a && e->key.b == ask->key.b && e->limit == ask->limit;
}

static uint32_t lookup(struct limit_shard *s, const struct limit_ask *ask)
{
    uint32_t i = *bucket_of(s, &ask->key);
    while (i && !same(&s->entries[i], ask))
        i = s->entries[i].chain;
    return i;
}

static void forget(struct limit_shard *s, struct limit_rules *rules, uint32_t i)
{
    struct limit_entry *e = &s->entries[i];
    uint32_t *at = bucket_of(s, &e->key);
    while (*at != i)
        at = &s->entries[*at].chain;
    *at = e->chain;
    unlink_entry(s, i);
    forget_ring(rules, e);
    *e = (struct limit_entry){.chain = s->free};
    s->free = i;
    s->keys--;
}

/* Whether the oldest of a ring was asked since its last turn: then it has another one. */
static bool pass_over(struct limit_shard *s, uint32_t i, unsigned *left)
{
    struct limit_entry *e = &s->entries[i];
    if (!e->asked || *left == 0)
        return false;
    --*left;
    e->asked = false;
    move_to_newest(s, i, e->heavy);
    return true;
}

/* The candidate of `heavy`'s ring that loses least. Those looked at and kept go to the far end, so
 * that the next search meets others; heavy ones among the light change the ring. */
static uint32_t lightest(struct limit_shard *s, struct limit_rules *rules, bool heavy,
                         struct limit_clock now)
{
    uint32_t best = LIMIT_NO_ENTRY, best_weight = LIMIT_HELD, i;
    unsigned fit = 0, looked = 0, chances = PASS_OVER;
    while (fit < LOOK_AT && looked < LOOK_AT_MOST && best_weight && (i = oldest(s, heavy))) {
        if (pass_over(s, i, &chances))
            continue;
        looked++;
        uint32_t w = weight(rules, &s->entries[i], now);
        bool is_heavy = w >= HEAVY_FROM;
        move_to_newest(s, i, is_heavy || heavy);
        if (w == LIMIT_HELD || is_heavy != heavy)
            continue;
        fit++;
        if (w < best_weight) {
            best = i;
            best_weight = w;
        }
    }
    return best;
}

/* Who was heavy once may have recovered since: the oldest two are asked each time. */
static void demote(struct limit_shard *s, struct limit_rules *rules, struct limit_clock now)
{
    for (unsigned n = 0; n < 2; n++) {
        uint32_t i = oldest(s, true);
        if (i)
            move_to_newest(s, i, weight(rules, &s->entries[i], now) >= HEAVY_FROM);
    }
}

static bool make_room(struct limit_shard *s, struct limit_rules *rules, struct limit_clock now)
{
    demote(s, rules, now);
    uint32_t i = lightest(s, rules, false, now);
    if (!i)
        i = lightest(s, rules, true, now);
    if (!i) {
        s->full++;
        return false;
    }
    s->forgotten += weight(rules, &s->entries[i], now) != 0;
    forget(s, rules, i);
    return true;
}

static uint32_t take_free(struct limit_shard *s, struct limit_rules *rules, struct limit_clock now)
{
    if (s->used == 0) /* not before, so that a table nobody uses takes no memory */
        s->entries[LIMIT_HEAVY_ANCHOR].newer = s->entries[LIMIT_HEAVY_ANCHOR].older =
            LIMIT_HEAVY_ANCHOR;
    if (!s->free && s->used < s->capacity)
        return LIMIT_FIRST_ENTRY + s->used++;
    if (!s->free && !make_room(s, rules, now))
        return LIMIT_NO_ENTRY;
    uint32_t i = s->free;
    s->free = s->entries[i].chain;
    return i;
}

struct limit_entry *limit_shard_find(struct limit_shard *s, struct limit_rules *rules,
                                     const struct limit_ask *ask, struct limit_clock now)
{
    uint32_t i = lookup(s, ask);
    if (i == LIMIT_NO_ENTRY)
        return NULL;
    s->entries[i].asked = true;
    advance(rules, &s->entries[i], now);
    return &s->entries[i];
}

struct limit_entry *limit_shard_get(struct limit_shard *s, struct limit_rules *rules,
                                    const struct limit_ask *ask, struct limit_clock now)
{
    struct limit_entry *e = limit_shard_find(s, rules, ask, now);
    uint32_t i = e ? LIMIT_NO_ENTRY : take_free(s, rules, now);
    if (i == LIMIT_NO_ENTRY)
        return e;
    e = &s->entries[i];
    *e = (struct limit_entry){.key = ask->key, .limit = ask->limit};
    renew(rules, e, rule_of(rules, ask->limit));
    uint32_t *bucket = bucket_of(s, &ask->key);
    e->chain = *bucket;
    *bucket = i;
    link_newest(s, i, false);
    s->keys++;
    advance(rules, e, now);
    return e;
}
