/* What /metrics tells of limits, the process's table and Redis. */
#pragma once

#include "gateway/server_internal.h"

/* The most that limit_gauges writes. */
size_t server_limit_gauges_most(const struct plan *plan);
/* Writes them to `out`, labels into the arena; how many there are. */
uint32_t server_limit_gauges(struct server *s, const struct plan *plan, struct arena *arena,
                             struct watch_gauge *out);
/* Whether a worker reaches Redis. */
bool server_redis_up(struct server *s);
