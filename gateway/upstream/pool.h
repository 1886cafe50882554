/* The connections to one endpoint. Opens more while calls find all streams taken, reconnects with
 * back-off, and takes the endpoint out of use for a while when it resets most of what it is sent.
 *
 *     IDLE --pool_connect--> CONNECTING --on_up--> UP --the last one lost--> CONNECTING
 *                                 '--refused, silent--> RESTING --on_retry--> CONNECTING
 */
#pragma once

#include "gateway/core/plan.h"
#include "gateway/upstream/connection.h"

enum {
    POOL_BACKOFF_FIRST = 50, /* milliseconds; grows by 1.6 each time, +-20 % */
    POOL_BACKOFF_MAX = 5000,
    POOL_IMPATIENT = 1000, /* a call that comes so long after the last try may have another one made
                            */
    POOL_RESETS = 200,     /* in one window, more than half of the calls: ejected */
    POOL_WINDOW = 1000,
    POOL_EJECTED = 5000,
    POOL_NAME = 256,
    POOL_REASON = 480,
};

enum pool_state { POOL_IDLE, POOL_CONNECTING, POOL_UP, POOL_RESTING };

struct pool_counters {
    uint64_t connects, connect_failures, resets, goaways;
};

struct pool {
    struct pool *next; /* for the owner */
    struct turn *turn;
    const struct cluster_config *config;
    struct pool_counters *counters;
    void (*changed)(void *owner, struct pool *, bool failed); /* up, down, a failed connect: calls
                                                                 may go on or give up */
    void *owner;
    struct connection *connections;
    uint32_t nconnections, nconnecting;
    uint32_t failures; /* connects in a row */
    uint64_t tried_at, ejected_until;
    uint32_t window_resets, window_calls;
    uint64_t window_from;
    uint32_t keepalive_factor; /* doubled when the peer finds us too lively */
    uint32_t random;
    bool gone; /* no longer an address of its name: no new calls */
    struct timer retry;
    struct address address;
    struct str name, authority;
    char name_text[POOL_NAME], authority_text[POOL_NAME];
    char reason[POOL_REASON]; /* why it is down: a sentence; empty otherwise */
};

/* `endpoint` as in the config; `config` must outlive it. NULL: out of memory. */
struct pool *pool_new(struct turn *turn, const struct cluster_config *config, struct str endpoint,
                      const struct address *address, struct pool_counters *counters);
/* Closes all connections, ending their calls with `why`. The pool is gone. */
void pool_free(struct pool *p, struct str why);

/* One that has no calls. */
void pool_close_connection(struct pool *p, struct connection *c);

enum pool_state pool_state(const struct pool *p);
/* A connection on which a call may be begun now, or NULL. */
struct connection *pool_acquire(struct pool *p);
/* Makes a connection if none is being made, the ceiling allows and the back-off is over. True: one
 * is being made, or will be before a caller should give up. */
bool pool_connect(struct pool *p);
/* How a call on it ended. */
void pool_note(struct pool *p, bool reset);
