/* The Redis client of one worker: core/redis.h over a connection that is made, greeted, watched and
 * made again on the worker's loop.
 *
 *   AWAY --backoff--> RESOLVING --> CONNECTING --> GREETING --> UP <--> MUTE
 *     ^                   |             |             |          |       |
 *     '-------------------'-------------'-------------'----------'-------'   any failure
 *
 * GREETING: AUTH, SELECT and the scripts, whose replies have to make sense. UP: calls go out, once
 * per turn of the loop. MUTE: a call was not answered in time; new ones are refused until any
 * answer comes, and when none has come for a while the connection is made anew. A server that says
 * it is loading or only a replica is left and tried again. The wait between attempts doubles from
 * 50 to 400 ms, so that a server that is back is in use within a second.
 *
 * Commands are not sent a second time: one that may have run is not known to have failed. The one
 * exception is NOSCRIPT, which says that nothing has run. */
#pragma once

#include "gateway/core/redis.h"
#include "gateway/core/timer.h"

/* `config` is copied. Begins to connect at once. NULL: out of memory. The wheel and the loop must
 * outlive the client, whose memory goes a turn of the loop after redis_close. */
struct redis *redis_open(uv_loop_t *loop, struct timer_wheel *timers,
                         const struct redis_config *config);
