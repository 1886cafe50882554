/* Between the parts of limit.h: limit.c (one call), limit_redis.c (the script and errands),
 * limit_redis_key.c (where), limit_lease.c (batches that a worker spends), limit_service.c (the
 * rate-limit service). */
#pragma once

#include "gateway/policy/limit.h"
#include "gateway/policy/limit_script.h"

enum { LEASES_MAX = 4096, LEASE_MS = 500, LEASE_BLOCK_MS = 50, HOLD_MS = 60000 };

/* A batch of a key's budget that this worker may spend without asking. */
struct limit_lease {
    struct siphash key;
    uint32_t limit;
    uint32_t chain, newer, older; /* order of their end; lease 0 is the ring's anchor */
    uint64_t tokens;
    uint64_t ends, blocked_until; /* clock_now() */
    uint64_t at_us;               /* server's time of the last batch */
    uint64_t since_us;            /* and of the beginning of its window */
    struct limit_verdict verdict; /* as Redis gave it last */
    struct limit_script_row row;
    char redis_key[LIMIT_KEY_TEXT];
};

struct limit_leases {
    struct limit_lease *all; /* NULL: none was ever needed */
    uint32_t *buckets;
    uint32_t used, free;
    struct timer timer;
};

/* A charge whose answer no call waits for, and one may have to hear of. */
struct limit_errand {
    struct redis_call call; /* first */
    struct limit_errand *next, **link;
    struct limiter *limiter;
    struct limit_call *who; /* to be told when it went beyond; NULL: nobody */
    struct limit_item *item;
    struct limit_orphan *orphan; /* the charge of a call that has left; NULL: it has not */
};

struct limiter {
    struct limiter_options o;
    uint64_t wall_offset; /* wall clock less monotonic clock, as it was when last taken */
    uint64_t id_base, ids;
    struct limit_leases leases;
    struct limit_errand *errands; /* not under way */
    struct limit_errand *busy;    /* under way */
    struct limit_call *holding;   /* calls with places in Redis to be renewed */
    struct timer renew;
    struct limit_redis_name *names; /* made last; NULL: none was ever needed */
};

struct limit_clock limiter_now(const struct limiter *l);

/* limit.c */
/* Where the item's key is to be found in the table. */
void limit_prepare_ask(struct limiter *l, struct limit_item *i);
/* Charges or gives back in the table what a store far away has been told: should that go away, the
 * count goes on here. Nothing unless the limit's fallback is LIMIT_LOCAL. */
void limit_mirror_charge(struct limiter *l, struct limit_item *i, uint64_t cost);
void limit_mirror_refund(struct limiter *l, struct limit_item *i, uint64_t cost);
/* The store of the items being taken has answered (or cannot be asked: fallbacks were applied). */
void limit_answered(struct limit_call *c, enum limit_outcome outcome);
/* The items first .. last - 1 of `store` follow their fallbacks. */
enum limit_outcome limit_fall_back(struct limit_call *c,
                                   bool (*is_meant)(const struct limit_item *));

/* limit_redis.c */
/* Items that only Redis can grant: exact ones, and leased ones whose batch is used up. */
bool limit_redis_is_meant(const struct limit_item *i);
enum limit_outcome limit_redis_take(struct limit_call *c);
/* LIMIT_SCRIPT_CHARGE: the call is told when that went beyond. REFUND: of what was charged by
 * limit_take. */
void limit_redis_errand(struct limit_call *c, struct limit_item *i, enum limit_script_mode mode,
                        uint64_t cost);
/* What is left of a lease goes back. */
void limit_redis_return(struct limiter *l, const struct limit_lease *lease);
/* The call is over: its errands go on without it. */
void limit_redis_forget(struct limit_call *c);
/* Nobody waits for what limit_redis_take has asked: if that is granted it goes back. */
void limit_redis_abandon(struct limit_call *c);
void limit_redis_hold(struct limit_call *c);
void limit_redis_release(struct limiter *l);

/* limit_redis_key.c */
/* The name of the item's key in Redis, in the item. Empty: the library that makes it failed. */
struct str limit_redis_key(struct limiter *l, struct limit_item *i);

/* limit_lease.c */
/* Spends `cost` of the item's lease. GRANTED; REFUSED: Redis said so a moment ago; WAITING: ask it.
 */
enum limit_outcome limit_lease_spend(struct limiter *l, struct limit_item *i, uint64_t cost);
/* Redis has granted `surplus` beyond what was asked; or refused. */
void limit_lease_put(struct limiter *l, struct limit_item *i, uint64_t surplus);
void limit_lease_block(struct limiter *l, struct limit_item *i);
/* False: there is none any more. */
bool limit_lease_give_back(struct limiter *l, struct limit_item *i, uint64_t cost);
void limit_leases_release(struct limiter *l);

/* limit_service.c */
bool limit_service_is_meant(const struct limit_item *i);
enum limit_outcome limit_service_take(struct limit_call *c);
void limit_service_cancel(struct limit_call *c);
