/* Many cheap timers on one loop: a wheel that one uv_timer turns. Starting, moving and stopping
 * cost O(1) and cannot fail; nothing is closed asynchronously, so a timer may live inside any
 * struct and go with it once stopped.
 *
 *     timer_start(&wheel, &conn->deadline, 10000, on_deadline);
 *     timer_stop(&wheel, &conn->deadline);       // fine on one that does not run, and on a zeroed
 * one
 *
 * Fires at or up to TIMER_TICK_MS after its time, once. One wheel per worker, used by its thread
 * alone. */
#pragma once

#include <stdbool.h>
#include <uv.h>

enum { TIMER_TICK_MS = 4, TIMER_SLOTS = 1024 };

struct timer {
    struct timer *next, **link; /* link == NULL: does not run */
    uint64_t due;               /* tick at which it fires */
    void (*fire)(struct timer *);
};

struct timer_wheel {
    uv_timer_t driver;
    uint64_t tick;  /* slots up to this one have been served */
    uint64_t armed; /* tick the driver will wake at; 0: it sleeps */
    uint32_t running;
    struct timer *slots[TIMER_SLOTS];
};

void timer_wheel_init(struct timer_wheel *w, uv_loop_t *loop);
/* Closes the driver; timers that still run never fire. */
void timer_wheel_close(struct timer_wheel *w);

/* Starts or moves `t`. It may stop or start any timer when it fires, itself too. */
void timer_start(struct timer_wheel *w, struct timer *t, uint64_t ms, void (*fire)(struct timer *));
void timer_stop(struct timer_wheel *w, struct timer *t);

static inline bool timer_runs(const struct timer *t)
{
    return t->link != NULL;
}
