#include <stdlib.h>

#include "gateway/core/thread_order.h"
#include "gateway/upstream/grpc_core_internal.h"

/* What a call has in core's hands at most: one batch of each kind.
 *
 *     sent:     head of the request, a message, the half close; one batch after the other
 *     head:     initial metadata of the answer, once
 *     message:  one for each call_read
 *     status:   once; core gives it when all messages have been read, or the call has failed
 *
 * `end` is told when the status is known and every batch has come back, or at once when we end the
 * call ourselves. The memory goes when `end` was told, or the call cancelled, and nothing is busy.
 */

static struct core_call *call_of(struct call *base)
{
    return (struct core_call *)base;
}

static void schedule(struct core_call *c)
{
    core_queue_schedule(c->channel->queue, c);
}

/* ---- birth and death ---- */

static void on_sent(struct core_call *c, bool ok);
static void on_head(struct core_call *c, bool ok);
static void on_message(struct core_call *c, bool ok);
static void on_status(struct core_call *c, bool ok);

static void init_tags(struct core_call *c)
{
    c->sent = (struct core_tag){.call = c, .returned = on_sent};
    c->head = (struct core_tag){.call = c, .returned = on_head};
    c->message = (struct core_tag){.call = c, .returned = on_message};
    c->status = (struct core_tag){.call = c, .returned = on_status};
}

static bool begin_attempt(struct core_call *c)
{
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    grpc_channel *target = core_channel_pick(c->channel);

    /* uv_hrtime and core's monotonic clock are both CLOCK_MONOTONIC. */
    if (c->deadline && c->deadline < INT64_MAX)
        deadline = gpr_time_from_nanos((int64_t)c->deadline, GPR_CLOCK_MONOTONIC);
    c->tries++;
    c->started = c->half_closed = c->head_known = c->status_known = false;
    c->call = target ? grpc_channel_create_call(target, NULL, 0, c->channel->queue->cq, c->path,
                                                NULL, deadline, NULL)
                     : NULL;
    return c->call != NULL;
}

static void end_attempt(struct core_call *c)
{
    core_answer_release(&c->answer);
    if (c->call)
        grpc_call_unref(c->call);
    c->call = NULL;
}

static void discard(struct core_call *c)
{
    end_attempt(c);
    core_outbox_release(&c->out);
    for (size_t i = 0; i < c->nmetadata; i++) {
        grpc_slice_unref(c->metadata[i].key);
        grpc_slice_unref(c->metadata[i].value);
    }
    grpc_slice_unref(c->path);
    arena_release(&c->arena);
    free(c);
}

static struct core_call *make(struct core_channel *ch, const struct call_options *o)
{
    struct core_call *c = calloc(1, sizeof *c); /* breach: core itself allocates for each call */

    if (!c)
        return NULL;
    c->base.ops = &core_ops;
    c->channel = ch;
    c->deadline = o->deadline;
    c->max_message = o->max_message;
    c->idempotent = o->idempotent;
    arena_init(&c->arena, CORE_ARENA_BLOCK, CORE_ARENA_MAX);
    c->path = grpc_slice_from_copied_buffer(o->path.p, o->path.n);
    core_outbox_init(&c->out);
    core_answer_init(&c->answer);
    init_tags(c);
    if (core_metadata_from(c, o->metadata, o->nmetadata) && begin_attempt(c))
        return c;
    discard(c);
    return NULL;
}

static struct call *start(struct channel *base, const struct call_options *o,
                          const struct call_events *events, void *ctx)
{
    struct core_channel *ch = (struct core_channel *)base;
    struct core_call *c = ch->closing ? NULL : make(ch, o);

    if (!c)
        return NULL;
    c->events = *events;
    c->ctx = ctx;
    c->next = ch->calls;
    c->link = &ch->calls;
    if (c->next)
        c->next->link = &c->next;
    ch->calls = c;
    schedule(c);
    return &c->base;
}

static void let_go(struct core_call *c)
{
    struct core_channel *ch = c->channel;

    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    discard(c);
    core_channel_settle(ch);
}

/* ---- batches ---- */

static void give(struct core_call *c, struct core_tag *tag, const grpc_op *ops, size_t n)
{
    thread_gives(tag);
    grpc_call_error error = grpc_call_start_batch(c->call, ops, n, tag, NULL);

    if (error == GRPC_CALL_OK) {
        tag->busy = true;
        c->busy++;
    } else if (error == GRPC_CALL_ERROR_INVALID_METADATA) {
        core_call_end(c, TC_CODE_INTERNAL, STR("the metadata of the call is not fit for gRPC"));
    } else {
        core_call_end(c, TC_CODE_INTERNAL, STR("gRPC core refused an operation of the call"));
    }
}

static void give_request(struct core_call *c)
{
    grpc_op ops[3] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}};
    size_t n = 0;

    if (!c->started) {
        ops[n].data.send_initial_metadata.count = c->nmetadata;
        ops[n++].data.send_initial_metadata.metadata = c->metadata;
    }
    grpc_byte_buffer *message = core_outbox_next(&c->out);
    if (message) {
        ops[n] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
        ops[n++].data.send_message.send_message = message;
    }
    bool last = c->out.last && (!c->out.at || !c->out.at->next);
    if (last && !c->half_closed)
        ops[n++] = (grpc_op){.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    if (n == 0)
        return;
    c->started = true;
    c->half_closed = last;
    give(c, &c->sent, ops, n);
}

static void give_head_and_status(struct core_call *c)
{
    grpc_op head = {.op = GRPC_OP_RECV_INITIAL_METADATA};
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};

    head.data.recv_initial_metadata.recv_initial_metadata = &c->answer.initial;
    status.data.recv_status_on_client.trailing_metadata = &c->answer.trailing;
    status.data.recv_status_on_client.status = &c->answer.code;
    status.data.recv_status_on_client.status_details = &c->answer.text;
    status.data.recv_status_on_client.error_string = &c->answer.error;
    give(c, &c->head, &head, 1);
    give(c, &c->status, &status, 1);
}

static void give_read(struct core_call *c)
{
    grpc_op message = {.op = GRPC_OP_RECV_MESSAGE};

    message.data.recv_message.recv_message = &c->answer.message;
    give(c, &c->message, &message, 1);
}

/* Everything that may go to core now. */
static void give_all(struct core_call *c)
{
    bool first = !c->started;

    if (!c->sent.busy)
        give_request(c);
    if (first && !c->ended)
        give_head_and_status(c);
    if (c->wanted && !c->message.busy && !c->answer.message && !c->status_known && !c->ended)
        give_read(c);
}

/* ---- events ---- */

/* Core does not tell an empty head from none: it is told with the first message. */
static void tell_head(struct core_call *c)
{
    struct headers metadata = {.n = 0};

    c->head_told = true;
    if (!core_metadata_to(c, &c->answer.initial, &metadata, NULL))
        core_call_end(c, TC_CODE_RESOURCE_EXHAUSTED,
                      STR("out of memory for the upstream's headers"));
    else if (c->events.headers)
        c->events.headers(c->ctx, metadata.items, metadata.n);
}

static bool copy_message(struct buf *to, const grpc_byte_buffer *from)
{
    const grpc_slice_buffer *slices = &from->data.raw.slice_buffer;

    for (size_t i = 0; i < slices->count; i++) {
        const grpc_slice *s = &slices->slices[i];
        if (!buf_add(to, str_of((const char *)GRPC_SLICE_START_PTR(*s), GRPC_SLICE_LENGTH(*s))))
            return false;
    }
    return true;
}

static void tell_message(struct core_call *c)
{
    grpc_byte_buffer *bytes = c->answer.message;
    struct buf message;

    c->answer.message = NULL;
    buf_init(&message, c->max_message);
    if (bytes->data.raw.compression != GRPC_COMPRESS_NONE) {
        core_call_end(c, TC_CODE_INTERNAL,
                      STR("the upstream sent a compressed message that it was not asked for"));
    } else if (grpc_byte_buffer_length(bytes) > c->max_message) {
        core_call_end(c, TC_CODE_RESOURCE_EXHAUSTED,
                      STR("the upstream announced a message above the size limit"));
    } else if (!buf_reserve(&message, grpc_byte_buffer_length(bytes)) ||
               !copy_message(&message, bytes)) {
        core_call_end(c, TC_CODE_RESOURCE_EXHAUSTED, STR("out of memory"));
    } else {
        grpc_byte_buffer_destroy(bytes);
        bytes = NULL;
        c->wanted = false;
        c->events.message(c->ctx, &message);
    }
    buf_release(&message);
    if (bytes)
        grpc_byte_buffer_destroy(bytes);
}

static void tell_end(struct core_call *c)
{
    c->done = true;
    c->end.retries = c->tries - 1;
    c->end.unstarted = core_answer_cause(&c->answer) == CORE_REFUSED &&
                       (c->tries == 1 || !c->idempotent);
    c->events.end(c->ctx, &c->end);
}

/* Before any answer. What never left, core itself sends again. */
static bool try_again(struct core_call *c)
{
    enum core_cause cause = core_answer_cause(&c->answer);
    uint32_t tries = cause == CORE_REFUSED                 ? CORE_TRIES
                     : cause == CORE_LOST && c->idempotent ? CORE_TRIES_AGAIN
                                                           : 0;

    if (c->tries >= tries || c->head_told || c->end.deadline || c->channel->closing)
        return false;
    if (!core_outbox_rewind(&c->out))
        return false;
    end_attempt(c);
    c->ended = false;
    if (begin_attempt(c))
        schedule(c);
    else
        core_call_end(c, TC_CODE_UNAVAILABLE, STR("out of memory"));
    return true;
}

static bool listens(const struct core_call *c)
{
    return !c->done && !c->ended;
}

static void tell(struct core_call *c)
{
    if (listens(c) && c->head_known && !c->head_told && c->answer.initial.count)
        tell_head(c);
    if (listens(c) && c->head_known && c->answer.message) {
        if (!c->head_told)
            tell_head(c);
        if (listens(c))
            tell_message(c);
    }
    if (listens(c) && c->full && c->out.queued < CORE_SEND_LOW) {
        c->full = false;
        if (c->events.writable)
            c->events.writable(c->ctx);
    }
    if (listens(c) && c->status_known && c->busy == 0) {
        core_answer_end(c);
        if (try_again(c))
            return;
    }
    if (!c->done && c->ended)
        tell_end(c);
}

/* ---- what comes back ---- */

static void on_sent(struct core_call *c, bool ok)
{
    (void)ok; /* the status will say why */
    core_outbox_sent(&c->out);
}

static void on_head(struct core_call *c, bool ok)
{
    c->head_known = true;
    if (ok && c->answer.initial.count)
        core_outbox_commit(&c->out);
}

static void on_message(struct core_call *c, bool ok)
{
    (void)ok;
    if (c->answer.message)
        core_outbox_commit(&c->out);
}

static void on_status(struct core_call *c, bool ok)
{
    (void)ok;
    c->status_known = true;
}

static void settle(struct core_call *c)
{
    if (c->done && c->busy == 0 && !c->dirty)
        let_go(c);
}

void core_call_returned(struct core_tag *tag)
{
    struct core_call *c = tag->call;

    tag->busy = false;
    c->busy--;
    tag->returned(c, tag->ok);
    tell(c);
    if (listens(c) && !c->status_known)
        give_all(c);
    settle(c);
}

void core_call_turn(struct core_call *c)
{
    if (listens(c) && !c->status_known)
        give_all(c);
    if (!c->done && c->ended)
        tell_end(c);
    settle(c);
}

/* ---- struct channel and struct call ---- */

void core_call_end(struct core_call *c, enum tc_code code, struct str text)
{
    if (c->ended || c->done)
        return;
    c->ended = true;
    c->end = (struct call_end){.code = code, .message = text};
    if (c->call)
        grpc_call_cancel(c->call, NULL);
    schedule(c);
}

static bool send_message(struct call *base, struct buf *message, bool last)
{
    struct core_call *c = call_of(base);

    if (c->ended || c->out.last) {
        buf_release(message);
        return true;
    }
    c->out.last = last;
    if (!core_outbox_add(&c->out, &c->arena, message))
        core_call_end(c, TC_CODE_RESOURCE_EXHAUSTED, STR("out of memory"));
    if (c->out.queued > CORE_SEND_HIGH)
        c->full = true;
    schedule(c);
    return !c->full;
}

static void half_close(struct call *base)
{
    call_of(base)->out.last = true;
    schedule(call_of(base));
}

static void read_one(struct call *base)
{
    struct core_call *c = call_of(base);

    if (c->wanted)
        return;
    c->wanted = true;
    schedule(c);
}

static void cancel(struct call *base)
{
    struct core_call *c = call_of(base);

    c->done = true;
    if (c->call)
        grpc_call_cancel(c->call, NULL);
    schedule(c);
}

static void close_channel(struct channel *base)
{
    struct core_channel *ch = (struct core_channel *)base;

    if (ch->closing)
        return;
    ch->closing = true;
    for (struct core_call *c = ch->calls; c; c = c->next)
        core_call_end(c, TC_CODE_UNAVAILABLE, STR("the channel to the upstream was closed"));
    core_channel_settle(ch);
}

const struct channel_ops core_ops = {
    .start = start,
    .send = send_message,
    .half_close = half_close,
    .read = read_one,
    .cancel = cancel,
    .close = close_channel,
};
