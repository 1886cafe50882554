/* What path and query of a request set in the route's message. */
#pragma once

#include "gateway/core/http.h"
#include "gateway/core/plan.h"

/* `b` is initialised for the route's input message; `values` are those of its variables. What goes
 * wrong is noted in b->error, with its place in the request target. */
enum tc_status route_bind(const struct route *route, const struct str *values,
                          const struct request *request, struct tc_binding *b);
