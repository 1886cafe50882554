#include "gateway/policy/limit_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "gateway/policy/limit_table_shard.h"

enum { SHARDS = 64 };

/* The lock guards its shard, for the time of a few dozen instructions; why not a message: see
 * limit_table.h. */
struct locked_shard {
    _Alignas(64) pthread_mutex_t lock;
    struct limit_shard shard;
};

struct limit_table {
    struct siphash_key hash;
    struct limit_rules rules;
    atomic_uint_fast64_t counts[LIMIT_RULES_MAX][LIMIT_COUNTS]; /* any thread, relaxed */
    pthread_mutex_t names_lock; /* guards names; taken at load only */
    struct str *names;
    uint32_t nnames;
    struct locked_shard shards[SHARDS];
};

/* Keys spread like throws of dice: six standard deviations more than the mean, so that no shard is
 * full while the table as a whole is not (four: once in 500 tables). */
static uint32_t shard_capacity(uint32_t keys)
{
    uint32_t mean = keys / SHARDS, root = 1;
    while (root * root < mean)
        root++;
    return mean + 6 * root + 8;
}

static bool init_shards(struct limit_table *t, uint32_t keys)
{
    bool ok = true;
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&t->shards[i].lock, NULL);
        ok &= limit_shard_init(&t->shards[i].shard, shard_capacity(keys));
    }
    return ok;
}

struct limit_table *limit_table_new(const struct limit_table_size *size)
{
    struct limit_table *t = limit_map(sizeof *t); /* mostly never touched */
    if (!t)
        return NULL;
    pthread_mutex_init(&t->names_lock, NULL);
    t->rules.log_bytes_max = size->log_bytes ? size->log_bytes : LIMIT_LOG_BYTES_DEFAULT;
    bool ok = getrandom(&t->hash, sizeof t->hash, 0) == sizeof t->hash;
    ok &= init_shards(t, size->keys ? size->keys : LIMIT_KEYS_DEFAULT);
    if (ok)
        return t;
    limit_table_free(t);
    return NULL;
}

static void free_rule(struct limit_table *t, uint32_t i)
{
    free((void *)(uintptr_t)atomic_load(&t->rules.rule[i]));
    free((void *)(uintptr_t)t->names[i].p);
}

void limit_table_free(struct limit_table *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < SHARDS; i++) {
        limit_shard_release(&t->shards[i].shard);
        pthread_mutex_destroy(&t->shards[i].lock);
    }
    for (uint32_t i = 0; i < t->nnames; i++)
        free_rule(t, i);
    free(t->names);
    pthread_mutex_destroy(&t->names_lock);
    munmap(t, sizeof *t);
}

/* ---- limits ---- */

static uint32_t find_name(const struct limit_table *t, struct str name)
{
    uint32_t i = 0;
    while (i < t->nnames && !str_eq(t->names[i], name))
        i++;
    return i;
}

static bool add_name(struct limit_table *t, struct str name)
{
    struct str *names = t->nnames < LIMIT_RULES_MAX
                            ? realloc(t->names, (t->nnames + 1) * sizeof *names)
                            : NULL;
    if (!names)
        return false;
    t->names = names;
    char *copy = malloc(name.n + 1);
    if (!copy)
        return false;
    memcpy(copy, name.p, name.n);
    names[t->nnames++] = str_of(copy, name.n);
    return true;
}

/* Who has read the old rule holds the lock of a shard; who takes one after us reads the new one. */
static void wait_for_readers(struct limit_table *t)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&t->shards[i].lock);
        pthread_mutex_unlock(&t->shards[i].lock);
    }
}

static bool same_rule(const struct limit_rule *a, const struct limit_rule *b)
{
    return a->kind == b->kind && a->calendar == b->calendar && a->utc_offset_s == b->utc_offset_s &&
           a->amount == b->amount && a->window_ns == b->window_ns && a->burst == b->burst;
}

static bool set_rule(struct limit_table *t, uint32_t i, const struct limit_rule *rule)
{
    const struct limit_rule *old = atomic_load(&t->rules.rule[i]);
    if (old && same_rule(old, rule))
        return true;
    struct limit_rule *copy = malloc(sizeof *copy);
    if (!copy)
        return false;
    *copy = *rule;
    atomic_store_explicit(&t->rules.rule[i], copy, memory_order_release);
    wait_for_readers(t);
    free((void *)(uintptr_t)old);
    return true;
}

uint32_t limit_table_bind(struct limit_table *t, struct str name, const struct limit_rule *rule)
{
    pthread_mutex_lock(&t->names_lock);
    uint32_t i = find_name(t, name);
    bool ok = (i < t->nnames || add_name(t, name)) && set_rule(t, i, rule);
    pthread_mutex_unlock(&t->names_lock);
    return ok ? i : UINT32_MAX;
}

struct siphash limit_table_key(const struct limit_table *t, uint32_t limit, struct str text)
{
    return siphash128(&t->hash, limit, text);
}

/* Numbers that nobody decides by: no order is needed. */
void limit_table_count(struct limit_table *t, uint32_t limit, enum limit_count what)
{
    atomic_fetch_add_explicit(&t->counts[limit][what], 1, memory_order_relaxed);
}

uint64_t limit_table_counted(const struct limit_table *t, uint32_t limit, enum limit_count what)
{
    return atomic_load_explicit((atomic_uint_fast64_t *)(uintptr_t)&t->counts[limit][what],
                                memory_order_relaxed);
}

/* ---- taking ---- */

/* One call on its way through the table. */
struct taking {
    struct limit_table *table;
    struct limit_clock now;
    struct limit_entry *entries[LIMIT_ASKS_MAX];
};

static unsigned shard_of(const struct limit_ask *ask)
{
    return ask->key.b % SHARDS; /* `a` finds the bucket */
}

static uint64_t shards_of(const struct limit_ask *asks, size_t n)
{
    uint64_t set = 0;
    for (size_t i = 0; i < n; i++)
        set |= UINT64_C(1) << shard_of(&asks[i]);
    return set;
}

/* Always in the same order, so that two calls never wait for each other. */
static void lock(struct limit_table *t, uint64_t shards)
{
    for (; shards; shards &= shards - 1)
        pthread_mutex_lock(&t->shards[__builtin_ctzll(shards)].lock);
}

static void unlock(struct limit_table *t, uint64_t shards)
{
    for (; shards; shards &= shards - 1)
        pthread_mutex_unlock(&t->shards[__builtin_ctzll(shards)].lock);
}

static struct limit_use use_of(const struct limit_table *t, const struct limit_ask *ask,
                               struct limit_clock now)
{
    const struct limit_rule *rule = atomic_load_explicit(&t->rules.rule[ask->limit],
                                                         memory_order_acquire);
    uint64_t time = limit_clock_of(rule, now);
    return (struct limit_use){.rule = rule, .now = time, .at = time, .cost = ask->cost};
}

/* No room for the key, or for one more entry of its log: what cannot be counted is refused. */
static struct limit_verdict no_room(void)
{
    return (struct limit_verdict){.wait_ns = 1000000000, .reset_ns = 1000000000};
}

static struct limit_entry *enter(struct taking *k, struct limit_ask *ask)
{
    struct limit_shard *s = &k->table->shards[shard_of(ask)].shard;
    struct limit_entry *e = limit_shard_get(s, &k->table->rules, ask, k->now);
    if (!e || !limit_entry_ready(&k->table->rules, e)) {
        ask->verdict = no_room();
        return NULL;
    }
    struct limit_use u = use_of(k->table, ask, k->now);
    ask->verdict = limit_algorithm_of(u.rule)->judge(&e->state, &u);
    e->pinned = true;
    return e;
}

static void charge(struct taking *k, struct limit_ask *ask, struct limit_entry *e)
{
    struct limit_use u = use_of(k->table, ask, k->now);
    limit_algorithm_of(u.rule)->charge(&e->state, &u);
    ask->at = u.now;
}

bool limit_table_take(struct limit_table *t, struct limit_ask *asks, size_t n,
                      struct limit_clock now)
{
    struct taking k = {.table = t, .now = now};
    uint64_t shards = shards_of(asks, n);
    bool granted = true;

    lock(t, shards);
    for (size_t i = 0; i < n; i++) {
        k.entries[i] = enter(&k, &asks[i]);
        granted &= asks[i].verdict.granted;
    }
    for (size_t i = 0; i < n; i++) {
        if (granted)
            charge(&k, &asks[i], k.entries[i]);
        if (k.entries[i])
            k.entries[i]->pinned = false;
    }
    unlock(t, shards);
    return granted;
}

void limit_table_charge(struct limit_table *t, struct limit_ask *ask, struct limit_clock now)
{
    struct taking k = {.table = t, .now = now};
    uint64_t shard = shards_of(ask, 1);
    lock(t, shard);
    struct limit_entry *e = enter(&k, ask);
    if (e) {
        charge(&k, ask, e);
        e->pinned = false;
    }
    unlock(t, shard);
}

void limit_table_refund(struct limit_table *t, const struct limit_ask *ask, struct limit_clock now)
{
    uint64_t shard = shards_of(ask, 1);
    lock(t, shard);
    struct limit_shard *s = &t->shards[shard_of(ask)].shard;
    struct limit_entry *e = limit_shard_find(s, &t->rules, ask, now);
    if (e) {
        struct limit_use u = use_of(t, ask, now);
        u.at = ask->at;
        limit_algorithm_of(u.rule)->refund(&e->state, &u);
    }
    unlock(t, shard);
}

void limit_table_follow(struct limit_table *t, struct limit_ask *ask,
                        const struct limit_verdict *said, struct limit_clock now)
{
    uint64_t shard = shards_of(ask, 1);
    lock(t, shard);
    struct limit_entry *e = limit_shard_get(&t->shards[shard_of(ask)].shard, &t->rules, ask, now);
    if (e && limit_entry_ready(&t->rules, e)) {
        struct limit_use u = use_of(t, ask, now);
        limit_algorithm_of(u.rule)->follow(&e->state, &u, said);
        ask->at = u.now;
    }
    unlock(t, shard);
}

struct limit_table_stats limit_table_stats(struct limit_table *t)
{
    struct limit_table_stats sum = {.log_bytes = atomic_load(&t->rules.log_bytes)};
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&t->shards[i].lock);
        sum.keys += t->shards[i].shard.keys;
        sum.forgotten += t->shards[i].shard.forgotten;
        sum.full += t->shards[i].shard.full;
        pthread_mutex_unlock(&t->shards[i].lock);
    }
    return sum;
}
