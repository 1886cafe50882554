/* The algorithms of rate limits: pure functions of state, time and cost. No clock, no memory, no
 * lock of their own; integers only, exact, saturating.
 *
 *     const struct limit_algorithm *a = limit_algorithm_of(&rule);
 *     union limit_state s = a->fresh(&rule);
 *     struct limit_use u = {&rule, now, now, cost};
 *     a->advance(&s, &u);                       // always first
 *     struct limit_verdict v = a->judge(&s, &u);
 *     if (v.granted)
 *         a->charge(&s, &u);
 *
 * Judging and charging are apart so that several limits can be asked before any is charged. A cost
 * that is known only later is charged by what was reserved, then settled: `charge` takes any cost,
 * also beyond what is there (the debt keeps the key out until it is paid), and `refund` gives back.
 *
 * A clock that goes backwards stands still for the state that has seen more: nothing is gained or
 * lost by it. `now` is of limit_clock_of(rule). */
#pragma once

#include <stddef.h>

#include "gateway/core/limit.h"

/* One use of a log: when, and how much of it. The monotonic clock fits for 35 years. */
struct limit_log_entry {
    uint64_t at_us : 50, cost : 14;
};

/* At most 24 bytes; with key and links of the table a key costs one cache line. */
union limit_state {
    struct {
        int64_t tokens;    /* below 0: debt */
        uint64_t fraction; /* of the next token, in 1/window_ns */
        uint64_t seen;
    } bucket;
    struct {
        int64_t used;
        uint64_t start;
    } window;
    struct {
        int64_t now, before; /* used in this window and in the one before it */
        uint64_t start;
    } counter;
    struct {
        struct limit_log_entry *ring; /* the table's memory */
        uint16_t first, n, room;      /* room: 0 or a power of two */
        uint32_t sum;
    } log;
    struct {
        int64_t used;
    } concurrency;
};

struct limit_use {
    const struct limit_rule *rule;
    uint64_t now;
    uint64_t at; /* refund: the `now` of the charge that is given back, in whole or in part */
    uint64_t cost;
};

struct limit_algorithm {
    const char *name;
    /* A key that was never used. Zero bytes of memory. */
    union limit_state (*fresh)(const struct limit_rule *);
    void (*advance)(union limit_state *, const struct limit_use *);
    struct limit_verdict (*judge)(const union limit_state *, const struct limit_use *);
    void (*charge)(union limit_state *, const struct limit_use *);
    void (*refund)(union limit_state *, const struct limit_use *);
    /* Goes on from what another counter of the same rule has said of the key, as far as that can be
     * told from it: never with more left than that. After advance. */
    void (*follow)(union limit_state *, const struct limit_use *, const struct limit_verdict *said);
    /* How much is lost when the state is forgotten, in 1/65536 of the limit; 0: it is as good as
     * fresh. LIMIT_HELD: it must not be forgotten. After advance. */
    uint32_t (*weight)(const union limit_state *, const struct limit_use *);
};

enum { LIMIT_WEIGHT_MAX = 65536 };
#define LIMIT_HELD UINT32_MAX

const struct limit_algorithm *limit_algorithm_of(const struct limit_rule *r);

/* The log alone needs memory: entries that its ring must have before the next charge, or 0 when it
 * has them. At most LIMIT_LOG_ROOM. */
enum { LIMIT_LOG_ROOM = 16384 };
uint16_t limit_log_wants(const union limit_state *s);
/* Moves the entries into `ring` of `room` entries, a power of two; returns the old ring. */
struct limit_log_entry *limit_log_grow(union limit_state *s, struct limit_log_entry *ring,
                                       uint16_t room);

/* Where the window of `now` begins and ends; without a calendar it begins at `now`. */
uint64_t limit_calendar_start(const struct limit_rule *r, uint64_t now);
uint64_t limit_calendar_end(const struct limit_rule *r, uint64_t start);
