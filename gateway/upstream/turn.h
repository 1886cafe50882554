/* What all connections of a cluster share within its loop: the moment once per turn of the loop
 * when events are told, waiting calls find a connection and everything written goes out with one
 * write per connection.
 *
 *   poll: bytes come, calls are started and sent      -> notes only: ready list, dirty connections
 *   check: work()                                     -> events of what has just been read
 *   prepare: work(), then flush                       -> the last thing before the loop sleeps
 *
 * Whoever leaves something to do calls turn_schedule, from anywhere: it keeps the loop from
 * sleeping before the next prepare. */
#pragma once

#include <uv.h>

#include "gateway/core/timer.h"
#include "gateway/upstream/http2_stream.h"
#include "gateway/upstream/output.h"

struct connection;

enum { TURN_READ = 64 << 10 };

struct turn {
    uv_loop_t *loop;
    struct timer_wheel timers;
    struct http2_ready ready;
    struct connection *dirty;      /* have something to write */
    bool (*work)(struct turn *);   /* tells events, begins calls; true: wants to be called again */
    void (*closed)(struct turn *); /* the last handle is gone: free it */
    uint32_t holds;                /* handles and requests of the loop that refer to it */
    bool scheduled;                /* since the last work */
    bool closing;
    uint64_t flushes; /* so far */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    struct output output;
    char input[TURN_READ];
};

/* For a zeroed one. */
void turn_open(struct turn *t, uv_loop_t *loop, bool (*work)(struct turn *),
               void (*closed)(struct turn *));
/* Closes its handles; `closed` comes when all holds are dropped too. */
void turn_close(struct turn *t);

void turn_schedule(struct turn *t);

static inline void turn_hold(struct turn *t)
{
    t->holds++;
}
void turn_drop(struct turn *t);
