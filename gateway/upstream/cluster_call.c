#include <stddef.h>
#include <stdlib.h>

#include "gateway/upstream/cluster_internal.h"

enum { NS_PER_MS = 1000000 };

static struct cluster_call *call_of(struct call *base)
{
    return (struct cluster_call *)base;
}

/* ---- the queue of those that wait for a stream ---- */

void cluster_wait(struct cluster_call *c, bool first)
{
    struct cluster *cl = c->cluster;

    c->waiting = true;
    c->prev_waiting = first ? NULL : cl->waiting_last;
    c->next_waiting = first ? cl->waiting : NULL;
    *(c->prev_waiting ? &c->prev_waiting->next_waiting : &cl->waiting) = c;
    *(c->next_waiting ? &c->next_waiting->prev_waiting : &cl->waiting_last) = c;
    cl->nwaiting++;
    turn_schedule(&cl->turn);
}

void cluster_unwait(struct cluster_call *c)
{
    struct cluster *cl = c->cluster;

    if (!c->waiting)
        return;
    c->waiting = false;
    *(c->prev_waiting ? &c->prev_waiting->next_waiting : &cl->waiting) = c->next_waiting;
    *(c->next_waiting ? &c->next_waiting->prev_waiting : &cl->waiting_last) = c->prev_waiting;
    cl->nwaiting--;
}

/* ---- birth and death ---- */

static struct cluster_call *take(struct cluster *cl)
{
    struct cluster_call *c = cl->idle;

    if (c) {
        cl->idle = c->next;
        cl->nidle--;
    } else {
        c = calloc(1, sizeof *c); /* breach: the cluster's own pool of calls; reused */
        if (!c)
            return NULL;
        c->base.ops = &cluster_ops;
        c->cluster = cl;
        http2_stream_init(&c->stream, &cl->turn.ready);
    }
    c->next = cl->calls;
    if (c->next)
        c->next->link = &c->next;
    c->link = &cl->calls;
    cl->calls = c;
    cl->ncalls++;
    return c;
}

static void discard(struct cluster_call *c)
{
    http2_stream_release(&c->stream);
    free(c);
}

static void give_back(struct cluster_call *c)
{
    struct cluster *cl = c->cluster;

    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    cl->ncalls--;
    if (cl->nidle >= CLUSTER_CALLS_IDLE) {
        discard(c);
        return;
    }
    http2_stream_reset(&c->stream, 0);
    c->next = cl->idle;
    cl->idle = c;
    cl->nidle++;
}

void cluster_calls_free(struct cluster *cl)
{
    while (cl->idle) {
        struct cluster_call *c = cl->idle;
        cl->idle = c->next;
        discard(c);
    }
}

/* ---- the deadline ---- */

static void on_deadline(struct timer *timer);

static void arm(struct cluster_call *c)
{
    uint64_t now = uv_hrtime();
    uint64_t ms = c->deadline > now ? (c->deadline - now + NS_PER_MS - 1) / NS_PER_MS : 0;

    timer_start(&c->cluster->turn.timers, &c->timer, ms, on_deadline);
}

static void pass_deadline(struct cluster_call *c)
{
    struct str text = STR("the upstream did not answer within the deadline");

    if (c->waiting)
        text = STR("no connection to the upstream within the deadline");
    cluster_unwait(c);
    if (c->stream.ended)
        return;
    http2_stream_end(&c->stream, TC_CODE_DEADLINE_EXCEEDED, text);
    c->stream.end.deadline = true;
}

/* The loop's clock may be behind ours: a timer can come early. */
static void on_deadline(struct timer *timer)
{
    struct cluster_call *c = (struct cluster_call *)((char *)timer -
                                                     offsetof(struct cluster_call, timer));

    if (uv_hrtime() < c->deadline)
        arm(c);
    else
        pass_deadline(c);
    turn_schedule(&c->cluster->turn);
}

/* ---- struct channel and struct call ---- */

static bool copy_metadata(struct cluster_call *c, const struct call_options *o)
{
    struct arena *arena = &c->stream.arena;
    struct header *copy = o->nmetadata ? arena_array(arena, o->nmetadata, sizeof *copy) : NULL;

    if (o->nmetadata && !copy)
        return false;
    for (size_t i = 0; i < o->nmetadata; i++) {
        copy[i].name = arena_copy(arena, o->metadata[i].name);
        copy[i].value = arena_copy(arena, o->metadata[i].value);
        if (!copy[i].name.p || !copy[i].value.p)
            return false;
    }
    c->request.path = arena_copy(arena, o->path);
    c->request.metadata = copy;
    c->request.nmetadata = o->nmetadata;
    return c->request.path.p != NULL;
}

static struct call *start(struct channel *ch, const struct call_options *o,
                          const struct call_events *events, void *ctx)
{
    struct cluster *cl = (struct cluster *)ch;
    struct cluster_call *c = cl->closing ? NULL : take(cl);

    if (!c)
        return NULL;
    http2_stream_reset(&c->stream, o->max_message);
    c->pool = NULL;
    c->events = *events;
    c->ctx = ctx;
    c->deadline = o->deadline;
    c->idempotent = o->idempotent;
    c->tries = 0;
    c->done = false;
    if (!copy_metadata(c, o)) {
        give_back(c);
        return NULL;
    }
    if (c->deadline)
        arm(c);
    cluster_wait(c, false);
    return &c->base;
}

static bool send_message(struct call *base, struct buf *message, bool last)
{
    return http2_stream_send(&call_of(base)->stream, message, last);
}

static void half_close(struct call *base)
{
    http2_stream_half_close(&call_of(base)->stream);
}

static void read_one(struct call *base)
{
    struct cluster_call *c = call_of(base);

    http2_stream_read(&c->stream);
    if (c->stream.queued)
        turn_schedule(&c->cluster->turn);
}

/* The memory stays until nghttp2 has forgotten the stream, which it tells through the ready list.
 */
static void forget(struct cluster_call *c)
{
    c->done = true;
    cluster_unwait(c);
    timer_stop(&c->cluster->turn.timers, &c->timer);
    http2_stream_notify(&c->stream);
    turn_schedule(&c->cluster->turn);
}

static void cancel(struct call *base)
{
    struct cluster_call *c = call_of(base);

    http2_stream_end(&c->stream, TC_CODE_CANCELLED, STR_NONE);
    forget(c);
}

static void close_channel(struct channel *ch)
{
    struct cluster *cl = (struct cluster *)ch;

    if (cl->closing)
        return;
    cl->closing = true;
    cl->close_flush = cl->turn.flushes;
    for (struct cluster_call *c = cl->calls; c; c = c->next) {
        cluster_unwait(c);
        http2_stream_end(&c->stream, TC_CODE_UNAVAILABLE,
                         STR("the channel to the upstream was closed"));
    }
    for (uint32_t i = 0; i < cl->npools; i++) {
        for (struct connection *c = cl->pools[i]->connections; c; c = c->next)
            http2_session_goaway(c->session);
    }
    turn_schedule(&cl->turn);
}

const struct channel_ops cluster_ops = {
    .start = start,
    .send = send_message,
    .half_close = half_close,
    .read = read_one,
    .cancel = cancel,
    .close = close_channel,
};

/* ---- attempts ---- */

void cluster_call_begin(struct cluster_call *c, struct connection *connection, uint64_t now)
{
    cluster_unwait(c);
    if (c->deadline && c->deadline <= now) {
        pass_deadline(c);
        return;
    }
    c->request.timeout_ns = c->deadline ? c->deadline - now : 0;
    c->pool = connection->owner;
    c->tries++;
    if (!http2_stream_begin(&c->stream, connection->session, &c->request))
        http2_stream_end(&c->stream, TC_CODE_RESOURCE_EXHAUSTED,
                         STR("too many metadata headers, or out of memory"));
}

/* Only what the transport, not the peer's program or we, have ended. */
static bool may_try_again(const struct cluster_call *c)
{
    const struct http2_stream *s = &c->stream;

    if (c->cluster->closing || c->tries == 0 || s->session || s->resetting || s->end.from_peer)
        return false;
    if (s->end.code == TC_CODE_DEADLINE_EXCEEDED)
        return false;
    if (s->attempt != HTTP2_STARTED)
        return c->tries < CLUSTER_TRIES;
    return c->idempotent && !s->reset && s->end.code == TC_CODE_UNAVAILABLE && !s->answer.head &&
           c->tries < CLUSTER_TRIES_AGAIN;
}

static bool try_again(struct cluster_call *c)
{
    bool reset = c->stream.reset;

    if (!may_try_again(c) || !http2_stream_rewind(&c->stream))
        return false;
    if (c->pool)
        pool_note(c->pool, reset);
    c->pool = NULL;
    c->cluster->retries++;
    cluster_wait(c, true);
    return true;
}

/* Both sides watch the same deadline; when the peer was first, it says so or resets the stream with
 * CANCEL. */
static void judge_deadline(struct cluster_call *c)
{
    struct call_end *end = &c->stream.end;
    bool cancelled = c->stream.reset && end->code == TC_CODE_CANCELLED;

    if (!c->deadline || (!cancelled && end->code != TC_CODE_DEADLINE_EXCEEDED))
        return;
    if (uv_hrtime() < c->deadline)
        return;
    end->code = TC_CODE_DEADLINE_EXCEEDED;
    end->deadline = true;
}

/* An idempotent call may have begun in an attempt before the last. */
static bool surely_unstarted(const struct cluster_call *c)
{
    bool last = c->stream.attempt != HTTP2_STARTED;
    return c->tries == 0 || (last && (c->tries == 1 || !c->idempotent));
}

static void finish(struct cluster_call *c)
{
    struct http2_stream *s = &c->stream;

    if (try_again(c))
        return;
    if (c->pool)
        pool_note(c->pool, s->reset);
    judge_deadline(c);
    forget(c);
    s->end.retries = c->tries > 1 ? c->tries - 1 : 0;
    s->end.unstarted = surely_unstarted(c);
    c->events.end(c->ctx, &s->end);
}

static void tell_message(struct cluster_call *c)
{
    struct http2_stream *s = &c->stream;
    struct buf message = s->in.message;

    s->in.message = BUF_NONE;
    s->in.message.max = message.max;
    http2_stream_taken(s);
    c->events.message(c->ctx, &message);
    buf_release(&message);
}

static void tell(struct cluster_call *c)
{
    struct http2_stream *s = &c->stream;

    if (s->headers) {
        s->headers = false;
        if (c->events.headers)
            c->events.headers(c->ctx, s->answer.metadata.items, s->answer.metadata.n);
    }
    if (!c->done && http2_stream_message(s))
        tell_message(c);
    if (!c->done && s->writable) {
        s->writable = s->full = false;
        if (c->events.writable)
            c->events.writable(c->ctx);
    }
    /* A message that was asked for meanwhile comes first; the stream is on the list again. */
    if (!c->done && !http2_stream_message(s) && http2_stream_over(s))
        finish(c);
}

void cluster_call_deliver(struct cluster_call *c)
{
    if (!c->done)
        tell(c);
    if (c->done && !c->stream.session && !c->stream.queued)
        give_back(c);
}
