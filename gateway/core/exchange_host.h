/* Where exchanges live: what a front is to them, and what they need of the worker that runs them.
 */
#pragma once

#include "gateway/core/channel.h"
#include "gateway/core/snapshot.h"
#include "gateway/core/timer.h"
#include "gateway/expr/expr.h"

struct exchange;
struct event;

enum { EXCHANGE_SCRATCH = 64 << 10 }; /* what one evaluation of an expression may need, bytes */

/* What a stage that has returned STAGE_WAIT waits for, embedded in its own state. */
struct exchange_wait {
    /* The exchange is over, or its deadline has passed: nobody waits any more. */
    void (*cancel)(struct exchange_wait *wait);
};

struct front_ops {
    void (*wake)(struct exchange *x);
};

/* One snapshot in use by one worker, and how many of its exchanges hold on to it. */
struct exchange_scope {
    struct snapshot *snapshot;
    struct limiter *limiter; /* NULL: no method has a limit */
    uint32_t exchanges;
    struct auth_runtime *auth; /* of the worker, for the snapshot's providers */
};

/* What an exchange needs of the worker that runs it. */
struct exchange_host {
    struct timer_wheel *timers;
    struct exchange_scope *scope; /* the current one; new exchanges take it */
    const struct pipeline *pipeline;
    /* The channel to a cluster of that scope's plan. NULL: it cannot be had (out of memory). */
    struct channel *(*channel)(struct exchange_host *, struct exchange_scope *, int32_t cluster);
    /* Takes note of an exchange that is over. */
    void (*ended)(struct exchange_host *, struct exchange_scope *, const struct event *);
    /* The last exchange of a scope that is no longer the current one has ended. */
    void (*scope_idle)(struct exchange_host *, struct exchange_scope *);
    /* Makes sure that the next turn of the loop comes at once. */
    void (*wake_loop)(struct exchange_host *);
    struct exchange *idle; /* freelist */
    struct exchange *soon; /* to be continued in the next turn of the loop */
    uint32_t active, nidle;
    uint32_t request_ids; /* makes x-request-id unique within the worker */
    uint64_t id_base;
    struct expr_scratch scratch; /* of expressions; reset by each evaluation */
};

/* By the worker, once per turn: continues what exchange_soon has listed. */
void exchange_run_soon(struct exchange_host *host);
/* Frees the freelist. */
void exchange_host_release(struct exchange_host *host);
