/* The first channel: our HTTP/2 client over the endpoints of one cluster. Balances calls round
 * robin over endpoints that are not known to be down, keeps a pool of connections per endpoint,
 * queues calls while a connection is being made or all streams are taken, and sends a call again
 * when the RPC surely did not start (REFUSED_STREAM, GOAWAY below its id, connect failure),
 * idempotent ones also when the connection died before any answer.
 *
 * One cluster belongs to one worker and its loop. `config` is copied. */
#pragma once

#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/core/plan.h"

/* NULL: out of memory. Connects nothing yet. */
struct channel *cluster_open(uv_loop_t *loop, const struct cluster_config *config);

struct cluster_stats {
    uint32_t endpoints, endpoints_up, connections, calls, pending;
    uint64_t connects, connect_failures, retries, resets, goaways;
};
/* For readiness and metrics. Only for channels that cluster_open made. */
void cluster_stats(const struct channel *ch, struct cluster_stats *out);
/* Begins connecting so that the first call does not wait; used by readiness. */
void cluster_connect(struct channel *ch);
