/* What the recorder and the printer of metrics share: the counters of one worker. */
#pragma once

#include <stdatomic.h>

#include "gateway/watch/watch.h"
#include "transcoder/arena.h"

/* Upper bounds of the buckets; the last, +Inf, has none. */
enum { WATCH_BUCKETS = 19 };

struct watch_bucket {
    uint64_t ns;
    const char *le; /* in seconds */
};
extern const struct watch_bucket watch_buckets[WATCH_BUCKETS - 1];

/* Counted apart, summed up when read. */
struct watch_histogram {
    atomic_uint_fast64_t count[WATCH_BUCKETS];
    atomic_uint_fast64_t sum_ns;
};

/* Pairs of HTTP status and grpc code as they turn up; what comes when all places are taken is
 * counted in the last, as status 0. */
enum { WATCH_OUTCOMES = 32 };

struct watch_outcome {
    atomic_uint key; /* 0: free; else watch_outcome_key */
    atomic_uint_fast64_t count;
};

enum watch_time { WATCH_TOTAL, WATCH_UPSTREAM, WATCH_OWN, WATCH_TIMES };
enum watch_sum {
    WATCH_BYTES_IN,
    WATCH_BYTES_OUT,
    WATCH_MESSAGES_IN,
    WATCH_MESSAGES_OUT,
    WATCH_RETRIES,
    WATCH_RULE_ERRORS,
    WATCH_SUMS
};

/* One method; the row behind the last one is for requests that no route took. */
struct watch_row {
    struct watch_outcome outcomes[WATCH_OUTCOMES];
    struct watch_histogram times[WATCH_TIMES];
    atomic_uint_fast64_t sums[WATCH_SUMS];
    atomic_uint_fast64_t refusals[REFUSALS];
};

enum { WATCH_CLASSES = 5 }; /* of HTTP status: 1xx to 5xx */

struct watch_caller {
    struct str provider, id;
    uint32_t hash;
    atomic_uint_fast64_t requests[WATCH_CLASSES];
};

/* Written by the worker; others read what stands below `n`. */
struct watch_callers {
    struct watch_caller *all; /* the last one, behind `most`, is for those that found no place */
    uint32_t most;            /* 0: none is named */
    atomic_uint n;
    uint32_t *index; /* of the worker alone: open addressing, number + 1; 0: free */
    uint32_t mask;
};

struct watch {
    struct watch_row *rows;
    struct watch_callers callers;
    uint32_t nmethods;
    atomic_uint_fast64_t exchanges, connections, lost;
    struct access_log *log;
    struct buf lines;
    bool torn; /* what the file has ends in the middle of a line */
    struct arena arena;
};

static inline unsigned watch_outcome_key(uint16_t http_status, enum tc_code code)
{
    return (unsigned)http_status << 8 | (unsigned)code | 1u << 31;
}

static inline uint64_t watch_get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit((atomic_uint_fast64_t *)counter, memory_order_relaxed);
}

/* One writer: no locked instruction is needed. */
static inline void watch_add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, watch_get(counter) + n, memory_order_relaxed);
}

/* callers.c */
void watch_callers_count(struct watch *w, const struct event *e);
void watch_callers_move(struct watch *from, struct watch *to);
/* One that the others of `w` can be compared with; NULL: there is none. */
const struct watch_caller *watch_callers_find(const struct watch *w, const struct watch_caller *c);

/* Writes the lines it can write now; what the log refuses for good is dropped and counted. */
void access_log_put(struct access_log *log, struct watch *w);
