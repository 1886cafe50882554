/* One snapshot as a worker uses it: with its channels and its counters. After a reload the old
 * generation lives on until its last exchange has ended; channels to clusters that did not change
 * are handed on to the new one, and so is the Redis client. */
#pragma once

#include <uv.h>

#include "gateway/core/exchange.h"
#include "gateway/core/redis.h"
#include "gateway/watch/watch.h"

struct generation_channel {
    struct channel *channel;
    struct cluster_config *config; /* a copy: the snapshot it was opened for may be gone */
    uint32_t users;                /* generations */
};

struct generation_redis {
    struct redis *client;
    uint32_t users; /* generations */
};

struct generation {
    struct exchange_scope scope; /* first: the exchange's view of it */
    uv_loop_t *loop;
    struct redis *redis;           /* NULL: nothing of the plan needs it */
    struct generation_redis *held; /* what `redis` is the client of */
    struct watch *watch;
    struct generation_channel **channels; /* one per cluster of the plan; NULL: not opened yet */
};

/* What a worker's thread runs on. */
struct worker_loop {
    uv_loop_t *loop;
    struct timer_wheel *timers;
    struct http_fetcher *fetcher;
    struct access_log *log;     /* may be NULL */
    struct limit_table *limits; /* of the process */
};

/* Takes a reference of `snapshot`. `before` may be NULL; its channels to clusters with an equal
 * configuration are shared. NULL: out of memory. */
struct generation *generation_new(struct worker_loop *on, struct snapshot *snapshot,
                                  struct generation *before);
/* The channel to a cluster, opened when it is first asked for. NULL: out of memory. */
struct channel *generation_channel(struct generation *g, uint32_t cluster);
/* Closes the channels that nobody shares. */
void generation_free(struct generation *g);
