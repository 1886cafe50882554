/* The state of all local limits and quotas of the process: the one thing that workers share while
 * they serve, so that "100 a minute" is 100 whichever worker a call comes to.
 *
 *     uint32_t id = limit_table_bind(t, STR("demo.v1.Gen/Generate per-key"), &rule);    // at load
 *     struct limit_ask asks[] = {{.limit = id, .key = limit_table_key(t, id, text), .cost = 1}};
 *     if (limit_table_take(t, asks, 1, now))                // all of them, or none
 *         ...
 *     limit_table_refund(t, &asks[0], now);                 // what was not needed after all
 *
 * Sharded by key; each shard has a short lock. A key is stored by its hash under a key of this
 * process (128 bits: an attacker cannot make two keys meet), never as text. Memory is bounded: when
 * the table is full the key that loses least by being forgotten goes first: one that is as good as
 * fresh, else the least used of those asked least recently. So a flood of new keys pushes out its
 * own, not those that are near their limit, and calls that hold a concurrency limit stay.
 *
 * A breach of "workers share nothing", named in the plan: a budget per worker would be wrong by as
 * many workers as there are, and a message to an owning worker costs more than this lock is held.
 */
#pragma once

#include "gateway/core/limit.h"
#include "gateway/core/siphash.h"

struct limit_table;

enum {
    LIMIT_KEYS_DEFAULT = 1000000, /* at 64 bytes each, and 4 of the index */
    LIMIT_ASKS_MAX = 16,          /* limits of one RPC */
};
#define LIMIT_LOG_BYTES_DEFAULT ((uint64_t)32 << 20)

struct limit_table_size {
    uint32_t keys;      /* 0: the default */
    uint64_t log_bytes; /* of all sliding logs together; 0: the default */
};

/* Memory is taken as it is used. NULL: out of memory. */
struct limit_table *limit_table_new(const struct limit_table_size *size);
void limit_table_free(struct limit_table *t);

/* The number of the limit called `name`; the same name gets the same number, and keeps what it has
 * counted, also under a changed rule. Any thread. UINT32_MAX: out of memory. */
uint32_t limit_table_bind(struct limit_table *t, struct str name, const struct limit_rule *rule);
struct siphash limit_table_key(const struct limit_table *t, uint32_t limit, struct str text);

struct limit_ask {
    uint32_t limit;
    struct siphash key;
    uint64_t cost;
    uint64_t at; /* set by take: the time of the charge, for refunds */
    struct limit_verdict verdict;
};

/* Asks all, and charges them when all grant. Any thread; n <= LIMIT_ASKS_MAX. */
bool limit_table_take(struct limit_table *t, struct limit_ask *asks, size_t n,
                      struct limit_clock now);
/* Charges ask->cost whatever is left: what a call turned out to cost beyond its reservation. Sets
 * the verdict: not granted when it is more than there was. */
void limit_table_charge(struct limit_table *t, struct limit_ask *ask, struct limit_clock now);
/* Gives back ask->cost of what was charged at ask->at. */
void limit_table_refund(struct limit_table *t, const struct limit_ask *ask, struct limit_clock now);
/* Another counter has said this of the key: see limit_algorithm.follow. Sets ask->at alone. */
void limit_table_follow(struct limit_table *t, struct limit_ask *ask,
                        const struct limit_verdict *said, struct limit_clock now);

/* What became of the calls of a limit, for metrics. */
enum limit_count {
    LIMIT_COUNT_ALLOWED,
    LIMIT_COUNT_REFUSED,
    LIMIT_COUNT_WOULD_REFUSE, /* a dry run */
    LIMIT_COUNT_CUT,          /* a stream whose cost went beyond */
    LIMIT_COUNT_AWAY,         /* decided by the fallback: the store could not be asked */
    LIMIT_COUNTS
};
void limit_table_count(struct limit_table *t, uint32_t limit, enum limit_count what);
uint64_t limit_table_counted(const struct limit_table *t, uint32_t limit, enum limit_count what);

struct limit_table_stats {
    uint64_t keys, log_bytes;
    uint64_t forgotten; /* keys that made room and were not as good as fresh */
    uint64_t full;      /* times no room could be made: the call was refused */
};
struct limit_table_stats limit_table_stats(struct limit_table *t);
