/* What a rate limit or quota says, as a plain row: made once when the policies are compiled, read
 * by everything that counts. How each algorithm counts is gateway/policy/limit_algorithm.h. */
#pragma once

#include "transcoder/str.h"

enum limit_kind {
    LIMIT_TOKEN_BUCKET,    /* `amount` a window flow in steadily, up to `burst` may be saved up */
    LIMIT_FIXED_WINDOW,    /* `amount` from the first use on, or from midnight, the first of ... */
    LIMIT_SLIDING_LOG,     /* never more than `amount` within any window; remembers each use */
    LIMIT_SLIDING_COUNTER, /* the same by two numbers: the last window counts by its overlap */
    LIMIT_CONCURRENCY,     /* `amount` at once; given back when the call ends */
    LIMIT_KINDS
};

/* Fixed windows may begin where the calendar says, at an offset from UTC. */
enum limit_calendar {
    LIMIT_NO_CALENDAR, /* with the key's first use */
    LIMIT_ALIGNED,     /* at multiples of the window: full minute, hour, midnight */
    LIMIT_MONTH        /* on the first of the month */
};

/* Ceilings that keep all arithmetic exact: amount x window stays within 128 bits, sums within 63.
 */
enum { LIMIT_LOG_MAX = 10000 };
#define LIMIT_AMOUNT_MAX (UINT64_C(1) << 40)
#define LIMIT_WINDOW_MAX_NS (UINT64_C(400) * 86400 * 1000000000)

struct limit_rule {
    uint8_t kind;     /* enum limit_kind */
    uint8_t calendar; /* enum limit_calendar */
    int32_t utc_offset_s;
    uint64_t amount;    /* 1 .. LIMIT_AMOUNT_MAX; a log: up to LIMIT_LOG_MAX */
    uint64_t window_ns; /* 1 .. LIMIT_WINDOW_MAX_NS; LIMIT_MONTH: 31 days; concurrency: 0 */
    uint64_t burst;     /* token bucket: 1 .. LIMIT_AMOUNT_MAX */
};

/* What may be owed at the most, however much a call has cost: else one answer could shut a key out
 * for longer than anybody has meant. A fixed window forgives at its end. */
enum { LIMIT_DEBT_WINDOWS = 10 };
static inline uint64_t limit_debt_most(const struct limit_rule *r)
{
    bool saves = r->kind == LIMIT_TOKEN_BUCKET && r->burst > r->amount;
    return (saves ? r->burst : r->amount) * LIMIT_DEBT_WINDOWS;
}

/* Two clocks, both in ns. Only calendars look at the wall. */
struct limit_clock {
    uint64_t mono, wall;
};

/* The clock that `r` counts by. */
static inline uint64_t limit_clock_of(const struct limit_rule *r, struct limit_clock now)
{
    return r->calendar == LIMIT_NO_CALENDAR ? now.mono : now.wall;
}

#define LIMIT_NEVER UINT64_MAX

/* What a limit says to a cost. */
struct limit_verdict {
    bool granted;
    uint64_t remaining; /* may still be used now, after this cost when it was granted */
    uint64_t wait_ns;  /* until the cost would be granted; 0 when granted, LIMIT_NEVER: too large */
    uint64_t reset_ns; /* until everything is available again, if nothing else happens */
};

/* Where a limit is counted. */
enum limit_store {
    LIMIT_HERE,    /* in this process, exact across its workers */
    LIMIT_EXACT,   /* in Redis, one round trip a call */
    LIMIT_LEASED,  /* in Redis, a worker takes a batch and spends it */
    LIMIT_SERVICE, /* a rate-limit service (envoy.service.ratelimit.v3) counts */
};

/* What holds while the store cannot be asked. */
enum limit_fallback { LIMIT_LOCAL, LIMIT_OPEN, LIMIT_CLOSED };

/* A limit of an RPC, every name resolved. All RPCs below the place where it is written share its
 * budget. */
struct plan_limit {
    struct str name; /* as written: in headers, messages and metrics */
    struct str id;   /* place and name: the same in every process that has read the same options */
    uint32_t index;  /* dense number within the plan: row of the metrics */
    uint32_t number; /* in the process's table; set when the snapshot is loaded */
    struct limit_rule rule;
    uint8_t store;     /* enum limit_store */
    uint8_t fallback;  /* enum limit_fallback */
    bool dry_run;      /* counts what it would have refused, and refuses nothing */
    struct str policy; /* `"name";q=100;w=60` for answers; empty: they do not tell of it */
};

/* Which fields answers carry. */
enum { LIMIT_TELL_STANDARD = 1, LIMIT_TELL_X = 2 };
