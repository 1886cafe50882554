#include "gateway/core/timer.h"

/* A timer waits in slot due % TIMER_SLOTS. One that is more than a revolution away is met there and
 * left alone until its turn has come; with a revolution of 4 s that costs next to nothing. The
 * driver sleeps until the next slot that holds anything, so an idle wheel does not wake the
 * process. */

static uint64_t tick_now(const struct timer_wheel *w)
{
    return uv_now(w->driver.loop) / TIMER_TICK_MS;
}

static void link_in(struct timer_wheel *w, struct timer *t)
{
    struct timer **slot = &w->slots[t->due % TIMER_SLOTS];
    t->next = *slot;
    if (t->next)
        t->next->link = &t->next;
    *slot = t;
    t->link = slot;
    w->running++;
}

static void link_out(struct timer_wheel *w, struct timer *t)
{
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    t->link = NULL;
    w->running--;
}

static void turn(uv_timer_t *driver);

static void arm(struct timer_wheel *w, uint64_t tick)
{
    if (w->armed && w->armed <= tick)
        return;
    w->armed = tick;
    uint64_t now = uv_now(w->driver.loop), due = tick * TIMER_TICK_MS;
    uv_timer_start(&w->driver, turn, due > now ? due - now : 0, 0);
}

static void arm_next(struct timer_wheel *w)
{
    for (uint64_t ahead = 1; w->running && ahead <= TIMER_SLOTS; ahead++)
        if (w->slots[(w->tick + ahead) % TIMER_SLOTS]) {
            arm(w, w->tick + ahead);
            return;
        }
}

/* Fires what is due in one slot. A timer that fires may change the list anywhere: so each time the
 * search starts anew. */
static void serve(struct timer_wheel *w, uint64_t tick)
{
    struct timer *t = w->slots[tick % TIMER_SLOTS];
    while (t) {
        if (t->due > tick) {
            t = t->next;
            continue;
        }
        link_out(w, t);
        t->fire(t);
        t = w->slots[tick % TIMER_SLOTS];
    }
}

static void turn(uv_timer_t *driver)
{
    struct timer_wheel *w = driver->data;
    uint64_t now = tick_now(w);
    w->armed = 0;
    /* After a long sleep one revolution visits every slot. */
    if (now > w->tick + TIMER_SLOTS)
        w->tick = now - TIMER_SLOTS;
    while (w->tick < now) {
        w->tick++;
        serve(w, w->tick);
    }
    arm_next(w);
}

void timer_wheel_init(struct timer_wheel *w, uv_loop_t *loop)
{
    *w = (struct timer_wheel){0};
    uv_timer_init(loop, &w->driver);
    w->driver.data = w;
    w->tick = tick_now(w);
}

void timer_wheel_close(struct timer_wheel *w)
{
    uv_close((uv_handle_t *)&w->driver, NULL);
}

void timer_start(struct timer_wheel *w, struct timer *t, uint64_t ms, void (*fire)(struct timer *))
{
    timer_stop(w, t);
    /* Rounded up, and never into a slot that was served. */
    uint64_t due = (uv_now(w->driver.loop) + ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
    t->due = due > w->tick ? due : w->tick + 1;
    t->fire = fire;
    link_in(w, t);
    uint64_t last = w->tick + TIMER_SLOTS;
    arm(w, t->due < last ? t->due : last);
}

void timer_stop(struct timer_wheel *w, struct timer *t)
{
    if (t->link)
        link_out(w, t);
}
