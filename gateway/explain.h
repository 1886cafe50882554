/* `postern explain METHOD TARGET`: what the gateway would do with a request, without serving or
 * calling anybody.
 *
 *     GET /v1/shelves/7?page_size=3
 *     route     GET /v1/shelves/{id}                api.proto:12
 *     rpc       pkg.Library.GetShelf
 *     path      id = "7"                            int64
 *     query     page_size = 3                       int32
 *     body      none: a request body is refused
 *     answer    pkg.Shelf as JSON
 *     timeout   60s
 *     ...
 *
 * A new policy adds a row to the table of explain_policy.c. */
#pragma once

#include "gateway/core/snapshot.h"
#include "transcoder/buf.h"

/* Appends the explanation to `out`. True when the request would be sent upstream; false when it
 * would be refused, which the text then says with its status, or when memory was short. */
bool explain(const struct snapshot *s, struct str method, struct str target, struct buf *out);

/* `postern explain --expr`: the type, cost and value of s->plan->probe, which the load has
 * compiled. `request`: JSON of the method's input, or empty. False when it failed with that
 * request, or the request is none. */
bool explain_expr(const struct snapshot *s, struct str request, struct buf *out);
