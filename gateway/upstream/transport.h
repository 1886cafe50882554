/* Opens the channel that a cluster asks for: ours on nghttp2, or gRPC core's, whose module is
 * loaded when the first cluster wants it. */
#pragma once

#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/core/plan.h"

/* NULL: out of memory, or the module is missing (see transport_check). `config` is copied. */
struct channel *transport_open(uv_loop_t *loop, const struct cluster_config *config);
/* NULL when clusters of this kind can be opened, else why not: asked once at load, so that a
 * missing module is a fault there. */
const char *transport_check(const struct cluster_config *config);
