/* Limits of one call: taken, settled, given back, wherever they are counted. One limiter per
 * worker; the table behind it is shared by all.
 *
 *     struct limit_call *c = ...zeroed, of the exchange's arena; c->items filled...
 *     switch (limit_take(c, 0, n)) {          // all of these items or none
 *     case LIMIT_GRANTED: case LIMIT_REFUSED: case LIMIT_UNKNOWN: ...
 *     case LIMIT_WAITING:                     // c->done(c) comes with c->outcome
 *     }
 *     limit_spend(item, 12);                  // a part of the cost is known: true while within
 *     limit_end(c);                           // over: what was reserved and not spent goes back
 *
 * Items whose store is away follow their fallback. Dry runs never refuse: item->would_refuse. */
#pragma once

#include "gateway/core/channel.h"
#include "gateway/core/plan.h"
#include "gateway/core/redis.h"
#include "gateway/core/timer.h"
#include "gateway/policy/limit_table.h"

enum limit_outcome {
    LIMIT_GRANTED,
    LIMIT_REFUSED,
    LIMIT_UNKNOWN, /* cannot be asked, and its fallback is LIMIT_CLOSED */
    LIMIT_WAITING
};

/* Where what an item has charged is to be found. */
enum limit_holder { HELD_NOWHERE, HELD_TABLE, HELD_REDIS, HELD_LEASE };

enum { LIMIT_KEY_TEXT = 64 };

struct limit_item {
    const struct plan_limit *limit;
    struct str key;    /* text; must stay */
    uint64_t cost;     /* to be charged when taken: the cost itself, or what is reserved for it */
    bool settles;      /* the cost is known later: limit_spend tells it, limit_end settles */
    uint64_t spent;    /* so far */
    uint64_t charged;  /* so far */
    uint8_t holder;    /* enum limit_holder */
    bool would_refuse; /* a dry run */
    bool fell_back;    /* its store was away */
    bool left_out;     /* a dry run of no key or no cost: counted nowhere */
    struct limit_ask ask;           /* its place in the table, and the last verdict */
    uint64_t at_us;                 /* of the charge, by the server's clock */
    char redis_key[LIMIT_KEY_TEXT]; /* empty: not made yet */
};

struct limit_call {
    struct limiter *limiter;
    struct limit_item *items;
    uint8_t n;
    void (*done)(struct limit_call *);
    void (*cut)(struct limit_call *, struct limit_item *); /* a spend went beyond the limit, told
                                                              by a store that answers late */
    enum limit_outcome outcome;
    uint8_t first, last; /* items being taken; last exclusive */
    struct redis_call redis;
    struct call *service;
    char id[32];                     /* of this call among all gateways; made when it is needed */
    struct limit_call *next, **link; /* those that hold places in Redis */
    bool service_answered, service_granted;
    uint8_t step; /* of the way through the stores */
};

struct limiter_options {
    struct limit_table *table;
    struct redis *redis; /* NULL: none is configured */
    struct timer_wheel *timers;
    struct str prefix; /* of keys in Redis */
    /* The channel to the rate-limit service; NULL: none. */
    struct channel *(*service)(void *ctx);
    void *ctx;
    struct str domain; /* of the rate-limit service */
    uint32_t service_timeout_ms;
};

/* NULL: out of memory. Text of the options must stay. */
struct limiter *limiter_new(const struct limiter_options *o);
/* Leases go back if Redis can be told. */
void limiter_free(struct limiter *l);
/* Takes the wall clock anew; calendars keep to the one taken last, so that steps do not matter. */
void limiter_set_clock(struct limiter *l);

/* Binds a limit of a plan to the table: once, before a worker sees it. False: out of memory. */
bool limit_bind(struct limit_table *t, struct plan_limit *limit);

/* Takes items first .. last - 1. When not granted nothing of them is charged. */
enum limit_outcome limit_take(struct limit_call *c, uint8_t first, uint8_t last);
/* c->done will not come; what was taken of the items is given back. */
void limit_cancel(struct limit_call *c);
/* `cost` of the item has been used. False: that is more than the limit had. */
bool limit_spend(struct limit_call *c, struct limit_item *item, uint64_t cost);
/* Settles what waited for its cost, leaves concurrency limits. */
void limit_end(struct limit_call *c);
