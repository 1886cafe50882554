/* The second channel: gRPC core's C API, in a module of its own (postern-grpc-core.so). Its
 * completion queue has a thread that hands events to the worker's loop through a mailbox; to the
 * caller it is the same `struct channel` with the same rules. */
#pragma once

#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/core/plan.h"

/* A target ("xds:///...", "dns:///...") or the endpoints, balanced round robin by core itself.
 * NULL: out of memory. */
struct channel *grpc_core_open(uv_loop_t *loop, const struct cluster_config *config);
