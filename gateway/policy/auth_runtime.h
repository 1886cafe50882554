/* Authentication at work: what one worker keeps for the providers of one snapshot, and how a
 * credential is judged.
 *
 * A judgement may have to wait: for an authorization server that is asked (introspection), or for
 * the keeper that fetches a key set anew (a kid nobody knows). It then returns AUTH_WAIT, and
 * q->waiter->resume is called when it is to be asked again. One thread, the worker's. */
#pragma once

#include "gateway/core/exchange.h"
#include "gateway/core/http_fetch.h"
#include "gateway/policy/auth_cache.h"
#include "gateway/policy/auth_source.h"

enum { AUTH_KID_WAIT_MS = 1000, AUTH_KID_POLL_MS = 20 };

enum auth_verdict {
    AUTH_NONE, /* no credential was shown */
    AUTH_GOOD, /* q->who says whose it is */
    AUTH_BAD,
    AUTH_UNAVAILABLE, /* nobody can tell at the moment: 503 */
    AUTH_MALFORMED,   /* 400 */
    AUTH_WAIT,
};

struct auth_question; /* auth_introspect.c */
struct auth_lookups;  /* auth_redis.c */

/* Who waits. Embedded in the stage's state; linked where its answer will come from. */
struct auth_waiter {
    struct auth_waiter *next, **link; /* link == NULL: waits for a timer alone, or not at all */
    struct timer timer;
    uint64_t until;    /* clock_now() when it gives up; 0: it has not waited yet */
    uint32_t attempts; /* of the source when the waiting began */
    bool failed;       /* what it waited for cannot be had */
    bool asking;       /* is just asking: learns of a failure by `failed` alone, not by `resume` */
    void (*resume)(struct auth_waiter *);
};

/* What providers that ask somebody else (introspection, keys in Redis) have asked so far. */
struct auth_asked {
    uint64_t questions;              /* sent */
    uint64_t failures;               /* not answered, not understood, or not sent */
    uint64_t refused;                /* not asked: too many were under way */
    uint64_t answered_ns;            /* sum of how long they took */
    uint64_t answered_at, failed_at; /* clock_now() of the last; 0: never */
    uint32_t under_way;
};

struct auth_state {
    const struct auth_provider *provider;
    struct auth_view view;
    struct auth_cache *cache;
    struct auth_question *questions, *queued; /* under way, and waiting for their turn */
    struct auth_lookups *lookups;
    uint32_t nasked; /* under way, within their bound */
    struct auth_asked asked;
};

struct auth_runtime {
    struct auth_state *states; /* by provider index */
    uint32_t n;
    struct timer_wheel *timers;
    struct http_fetcher *fetcher;
    struct redis *redis;
    struct arena arena;
};

/* NULL: out of memory. Without providers it is made too, and empty. `redis` may be NULL when no
 * provider's keys stand there; it must outlive the runtime. */
struct auth_runtime *auth_runtime_new(const struct plan *plan, struct timer_wheel *timers,
                                      struct http_fetcher *fetcher, struct redis *redis);
void auth_runtime_free(struct auth_runtime *r);

/* One credential to be judged. */
struct auth_query {
    struct exchange *x;
    struct auth_runtime *runtime;
    struct auth_state *state;
    struct auth_waiter *waiter;
    struct str credential;
    int64_t now; /* seconds since the epoch */
    /* AUTH_GOOD: */
    const struct principal *who;
    void (*release)(void *held); /* gives back what `who` lives in; NULL: nothing */
    void *held;
    const char *why; /* of any other verdict, for the log */
};

/* The credential is found (auth_credential_find) and judged by the provider's kind. */
enum auth_verdict auth_judge(struct auth_query *q);
/* Nobody waits any more. Fine when it does not. */
void auth_waiter_stop(struct auth_runtime *r, struct auth_waiter *w);
/* Waits with those of `list` for what they will be woken by. */
void auth_waiter_join(struct auth_waiter **list, struct auth_waiter *w);
/* All look again. `failed`: there is nothing to be seen. */
void auth_waiters_wake(struct auth_runtime *r, struct auth_waiter **list, bool failed);

/* AUTH_GOOD, for whom the entry of a cache stands for; it is held until q->release. */
enum auth_verdict auth_known(struct auth_query *q, struct auth_entry *e);

/* auth_introspect.c */
enum auth_verdict auth_introspect(struct auth_query *a);
void auth_introspect_close(struct auth_runtime *r, struct auth_state *s);
