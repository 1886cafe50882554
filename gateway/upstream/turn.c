#include "gateway/upstream/turn.h"

#include "gateway/upstream/connection.h"

/* The handle exists only to be active: an active idle handle keeps the loop from sleeping. */
static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void on_check(uv_check_t *check)
{
    struct turn *t = check->data;

    if (uv_is_active((uv_handle_t *)&t->idle))
        t->work(t);
}

static void flush(struct turn *t)
{
    struct connection *c = t->dirty;

    t->dirty = NULL;
    t->flushes++;
    while (c) {
        struct connection *next = c->next_dirty;
        c->dirty = false;
        connection_flush(c);
        c = next;
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct turn *t = prepare->data;

    if (!uv_is_active((uv_handle_t *)&t->idle))
        return;
    bool again = t->work(t);
    /* What work has left is flushed now; only what flushing brings up needs another turn. */
    t->scheduled = false;
    flush(t);
    if (!again && !t->scheduled && !t->ready.first)
        uv_idle_stop(&t->idle);
}

void turn_open(struct turn *t, uv_loop_t *loop, bool (*work)(struct turn *),
               void (*closed)(struct turn *))
{
    t->loop = loop;
    t->work = work;
    t->closed = closed;
    uv_prepare_init(loop, &t->prepare);
    uv_check_init(loop, &t->check);
    uv_idle_init(loop, &t->idle);
    timer_wheel_init(&t->timers, loop);
    t->prepare.data = t->check.data = t->idle.data = t;
    /* These two run for ever but keep no loop alive; what waits (idle, sockets, timers) does. */
    uv_prepare_start(&t->prepare, on_prepare);
    uv_check_start(&t->check, on_check);
    uv_unref((uv_handle_t *)&t->prepare);
    uv_unref((uv_handle_t *)&t->check);
}

void turn_schedule(struct turn *t)
{
    t->scheduled = true;
    if (!t->closing && !uv_is_active((uv_handle_t *)&t->idle))
        uv_idle_start(&t->idle, on_idle);
}

static void on_closed(uv_handle_t *handle)
{
    turn_drop(handle->data);
}

/* In the sweep after the one that closes the others, of which the wheel's tells nobody when it is
 * done. */
static void on_first_closed(uv_handle_t *handle)
{
    struct turn *t = handle->data;

    uv_close((uv_handle_t *)&t->idle, on_closed);
    turn_drop(t);
}

void turn_close(struct turn *t)
{
    t->closing = true;
    t->holds += 3;
    uv_idle_stop(&t->idle);
    timer_wheel_close(&t->timers);
    uv_close((uv_handle_t *)&t->prepare, on_closed);
    uv_close((uv_handle_t *)&t->check, on_first_closed);
}

void turn_drop(struct turn *t)
{
    if (--t->holds == 0 && t->closing)
        t->closed(t);
}
