/* The inside of a cluster: its endpoints, its calls and the queue between them. */
#pragma once

#include "gateway/upstream/balance.h"
#include "gateway/upstream/cluster.h"

enum {
    CLUSTER_TRIES = 5,         /* of a call that surely did not start */
    CLUSTER_TRIES_AGAIN = 2,   /* of an idempotent one whose connection died */
    CLUSTER_RESOLVE_MS = 1000, /* between two questions for the same name */
    CLUSTER_CALLS_IDLE = 1024, /* kept for reuse */
};

struct cluster;

/* An endpoint of the config: one pool, or one for each address of its name. */
struct target {
    struct cluster *cluster;
    struct str text;
    bool is_name, known; /* known: has been resolved once */
    uint64_t asked_at;
    struct resolver resolver;
    char reason[POOL_REASON]; /* why the last question had no answer */
};

struct cluster_call {
    struct call base;
    struct cluster *cluster;
    struct cluster_call *next, **link; /* all calls that are not free */
    struct cluster_call *next_waiting, *prev_waiting;
    struct pool *pool; /* of the attempt */
    struct call_events events;
    void *ctx;
    uint64_t deadline;
    struct timer timer;
    struct http2_request request;
    uint32_t tries;
    bool idempotent, waiting;
    bool done; /* the caller has forgotten it */
    struct http2_stream stream;
};

struct cluster {
    struct channel base;
    struct cluster_config *config; /* our own copy */
    const struct balance_strategy *strategy;
    struct balance_state balance;
    struct target *targets;
    struct pool **pools;
    uint32_t npools, pools_cap;
    struct cluster_call *calls, *idle;
    struct cluster_call *waiting, *waiting_last;
    uint32_t ncalls, nidle, nwaiting;
    struct pool_counters counters;
    uint64_t retries, close_flush;
    bool connecting; /* somebody has wanted it */
    bool closing;
    struct turn turn;
};

/* cluster_targets.c */
bool cluster_add_targets(struct cluster *cl);
void cluster_connect_all(struct cluster *cl);
/* A connection of it failed, or nothing is known of it yet: asks for a name's addresses, not too
 * often. */
void cluster_resolve(struct cluster *cl);
bool cluster_resolving(const struct cluster *cl);
/* Frees pools whose address is gone and whose last call has ended. */
void cluster_sweep(struct cluster *cl);
/* Why no endpoint is up: a sentence. */
struct str cluster_reason(const struct cluster *cl);

/* cluster_call.c */
extern const struct channel_ops cluster_ops;
void cluster_wait(struct cluster_call *c, bool first);
void cluster_unwait(struct cluster_call *c);
void cluster_call_begin(struct cluster_call *c, struct connection *connection, uint64_t now);
void cluster_call_deliver(struct cluster_call *c);
void cluster_calls_free(struct cluster *cl);
