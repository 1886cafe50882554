/* One shard of limit_table: keys, where they are found, and which of them goes first. Not locked
 * here. */
#pragma once

#include <stdatomic.h>

#include "gateway/policy/limit_algorithm.h"
#include "gateway/policy/limit_table.h"

/* Entries are named by index; the first two are the anchors of the rings. */
enum { LIMIT_RULES_MAX = 65536, LIMIT_NO_ENTRY = 0, LIMIT_HEAVY_ANCHOR = 1, LIMIT_FIRST_ENTRY };

/* A key: one cache line. */
struct limit_entry {
    struct siphash key;
    union limit_state state;
    uint32_t limit;
    uint32_t chain;        /* next in its bucket; of a free entry: next free */
    uint32_t newer, older; /* in its ring, by order of use */
    uint8_t kind;          /* that made `state` */
    bool pinned;           /* a take is about to charge it */
    bool asked;            /* since its place in the ring was last looked at */
    bool heavy;            /* in the ring of those that have used most of their limit */
};

/* The rules in force, by number of limit: written under the table's lock, read by all. */
struct limit_rules {
    _Atomic(const struct limit_rule *) rule[LIMIT_RULES_MAX];
    atomic_uint_fast64_t log_bytes; /* of all shards */
    uint64_t log_bytes_max;
};

struct limit_shard {
    struct limit_entry *entries; /* capacity and the anchors; pages come as they are used */
    uint32_t *buckets;           /* a power of two of them */
    uint32_t capacity, mask;
    uint32_t used, free; /* entries ever handed out; list of those given back */
    uint32_t keys;
    uint64_t forgotten, full;
};

/* Zeroed memory whose pages come as they are used; munmap frees it. NULL: out of memory. */
void *limit_map(size_t n);
/* False: out of memory. */
bool limit_shard_init(struct limit_shard *s, uint32_t capacity);
void limit_shard_release(struct limit_shard *s);

/* The entry, advanced to `now`, or NULL. */
struct limit_entry *limit_shard_find(struct limit_shard *s, struct limit_rules *rules,
                                     const struct limit_ask *ask, struct limit_clock now);
/* The same; a fresh one when there is none, which may cost another key its place. NULL: no room can
 * be made. */
struct limit_entry *limit_shard_get(struct limit_shard *s, struct limit_rules *rules,
                                    const struct limit_ask *ask, struct limit_clock now);
/* Makes sure that the entry can be charged once more. False: out of memory for logs. */
bool limit_entry_ready(struct limit_rules *rules, struct limit_entry *e);
