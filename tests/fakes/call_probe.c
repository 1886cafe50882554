#include "tests/fakes/call_probe.h"

#include <stdio.h>

static void on_headers(void *ctx, const struct header *metadata, size_t n)
{
    struct probe *p = ctx;

    (void)metadata;
    p->has_headers = true;
    p->nmetadata = (uint32_t)n;
}

static void on_message(void *ctx, struct buf *message)
{
    struct probe *p = ctx;

    p->messages++;
    p->bytes += message->n;
    buf_move(&p->last, message);
    if (!p->manual)
        call_read(p->call);
}

static void on_writable(void *ctx)
{
    struct probe *p = ctx;
    p->writables++;
}

static void on_end(void *ctx, const struct call_end *end)
{
    struct probe *p = ctx;

    p->ended = true;
    p->call = NULL;
    p->code = end->code;
    p->from_peer = end->from_peer;
    p->deadline = end->deadline;
    p->unstarted = end->unstarted;
    p->ntrailers = (uint32_t)end->ntrailers;
    p->ended_at = uv_hrtime();
    snprintf(p->text, sizeof p->text, "%.*s", STR_ARG(end->message));
    p->ndetails = end->details.n < sizeof p->details ? end->details.n : sizeof p->details;
    if (p->ndetails)
        memcpy(p->details, end->details.p, p->ndetails);
    for (size_t i = 0; i < end->ntrailers; i++) {
        if (str_eq(end->trailers[i].name, STR("x-test")))
            snprintf(p->trailer, sizeof p->trailer, "%.*s", STR_ARG(end->trailers[i].value));
    }
    if (p->then)
        p->then(p);
}

void probe_start(struct probe *p, struct channel *ch, const struct probe_options *o)
{
    static const struct call_events events = {on_headers, on_message, on_writable, on_end};
    char path[64];
    int n = snprintf(path, sizeof path, "/t.T/%s", o->method);
    struct call_options options = {
        .path = str_of(path, (size_t)n),
        .metadata = o->metadata,
        .nmetadata = o->nmetadata,
        .deadline = o->timeout_ms ? uv_hrtime() + o->timeout_ms * 1000000ull : 0,
        .max_message = o->max_message ? o->max_message : 1 << 20,
        .idempotent = o->idempotent,
    };
    struct buf message;

    buf_init(&p->last, SIZE_MAX);
    p->call = channel_start(ch, &options, &events, p);
    if (!p->call)
        return;
    if (!o->open && call_message_init(&message, SIZE_MAX)) {
        buf_add(&message, str_of(o->body, o->n));
        call_send(p->call, &message, true);
    }
    if (!p->manual)
        call_read(p->call);
}

bool probe_send(struct probe *p, size_t n, char fill, bool last)
{
    struct buf message;

    if (!call_message_init(&message, SIZE_MAX) || !buf_reserve(&message, n))
        return false;
    memset(message.p + message.n, fill, n);
    message.n += n;
    return call_send(p->call, &message, last);
}

void probe_release(struct probe *p)
{
    buf_release(&p->last);
}

static void on_timer(uv_timer_t *timer)
{
    bool *rang = timer->data;
    *rang = true;
}

bool run_until(uv_loop_t *loop, const bool *flag, uint32_t ms)
{
    uv_timer_t timer;
    bool rang = false;

    uv_timer_init(loop, &timer);
    timer.data = &rang;
    uv_update_time(loop);
    uv_timer_start(&timer, on_timer, ms, 0);
    while (!*flag && !rang)
        uv_run(loop, UV_RUN_ONCE);
    bool came = *flag;
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return came;
}

void run_for(uv_loop_t *loop, uint32_t ms)
{
    bool never = false;
    run_until(loop, &never, ms);
}

bool run_out(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0;
}
