#include "stubs/server_internal.h"

/* A list, not a heap: most calls wait equally long, so a new timer belongs at the end or near it.
 */

static void insert(struct worker *w, struct server_call *c)
{
    struct server_call *before = w->last_timer;
    while (before && gpr_time_cmp(before->timer_at, c->timer_at) > 0)
        before = before->previous_timer;
    c->previous_timer = before;
    c->next_timer = before ? before->next_timer : w->first_timer;
    *(c->next_timer ? &c->next_timer->previous_timer : &w->last_timer) = c;
    *(before ? &before->next_timer : &w->first_timer) = c;
}

void server_timer_drop(struct server_call *c)
{
    struct worker *w = c->worker;
    if (!c->on_timer)
        return;
    c->on_timer = NULL;
    *(c->next_timer ? &c->next_timer->previous_timer : &w->last_timer) = c->previous_timer;
    *(c->previous_timer ? &c->previous_timer->next_timer : &w->first_timer) = c->next_timer;
}

void server_call_after(struct server_call *c, uint32_t ms, void (*then)(struct server_call *c))
{
    server_timer_drop(c);
    if (c->ended)
        return;
    c->on_timer = then;
    c->timer_at = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                               gpr_time_from_millis((int64_t)ms, GPR_TIMESPAN));
    insert(c->worker, c);
}

gpr_timespec server_timers_run(struct worker *w)
{
    while (w->first_timer) {
        struct server_call *c = w->first_timer;
        if (gpr_time_cmp(c->timer_at, gpr_now(GPR_CLOCK_MONOTONIC)) > 0)
            return c->timer_at;
        void (*then)(struct server_call *) = c->on_timer;
        server_timer_drop(c);
        then(c);
    }
    return gpr_inf_future(GPR_CLOCK_MONOTONIC);
}
