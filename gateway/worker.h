/* One thread that serves: its loop, listeners, front, channels and counters. Shares nothing with
 * the others while it serves; what comes from outside (a new snapshot, drain) comes by its mailbox.
 */
#pragma once

#include "gateway/core/redis.h"
#include "gateway/core/snapshot.h"
#include "gateway/policy/auth_runtime.h"
#include "gateway/upstream/cluster.h"
#include "gateway/watch/watch.h"

struct worker;

/* What a worker is given. */
struct worker_input {
    struct snapshot *snapshot;
    const int *listeners; /* sockets; it closes them in the end */
    uint32_t nlisteners;
    uint32_t max_connections;
    struct access_log *log; /* may be NULL */
    struct limit_table *limits;
    void (*ended)(void *ctx); /* its thread is about to end; called on that thread */
    void *ctx;
};

/* Starts a thread that serves. NULL: it could not be started. `in` and what it points to must stay
 * until the thread has ended. */
struct worker *worker_start(const struct worker_input *in);
/* New exchanges use the new snapshot; running ones keep theirs. False: out of memory, the old one
 * stays. */
bool worker_reload(struct worker *w, struct snapshot *snapshot);
/* Accepts no more, lets what is in flight end within `grace_ms`, then ends the thread. Again with
 * less: that holds. */
bool worker_drain(struct worker *w, uint32_t grace_ms);
/* Waits for its end and frees it. */
void worker_join(struct worker *w);

/* What other threads may see of a worker. */
struct worker_view {
    uint32_t connections, exchanges, generation;
    bool serving;
};
void worker_view(struct worker *w, struct worker_view *out);
/* State of one cluster of the current snapshot as this worker sees it; false when it was not used
 * yet. */
bool worker_cluster(struct worker *w, uint32_t cluster, struct cluster_stats *out);
/* Its Redis client as of a moment ago; false when it has none. */
bool worker_redis(struct worker *w, struct redis_stats *out);
/* What it has asked for a provider of authentication, as of a moment ago; false when that asks
 * nobody. */
bool worker_asked(struct worker *w, uint32_t provider, struct auth_asked *out);
/* The current counters with the plan they belong to, held until worker_watch_done. */
struct watch *worker_watch(struct worker *w);
void worker_watch_done(struct worker *w);
