#include "gateway/upstream/grpc_core_outbox.h"

#include <stdlib.h>

#include "transcoder/frame.h"

void core_outbox_init(struct core_outbox *o)
{
    *o = (struct core_outbox){.keep = true};
    o->tail = &o->first;
}

static void destroy(grpc_byte_buffer **bytes)
{
    if (*bytes)
        grpc_byte_buffer_destroy(*bytes);
    *bytes = NULL;
}

static void pop(struct core_outbox *o)
{
    struct core_message *m = o->first;

    destroy(&m->bytes);
    o->first = m->next;
    if (!o->first)
        o->tail = &o->first;
    m->next = o->spare;
    o->spare = m;
}

void core_outbox_release(struct core_outbox *o)
{
    while (o->first)
        pop(o);
    destroy(&o->in_flight);
}

/* Core takes the memory as it is and frees it when the last byte has left, on any thread. */
static grpc_byte_buffer *wrap(struct buf *message)
{
    size_t n = message->n - TC_FRAME_HEADER;
    grpc_slice slice = grpc_empty_slice();

    if (n == 0) {
        buf_release(message);
    } else {
        char *p = message->p;
        slice = grpc_slice_new_with_user_data(p + TC_FRAME_HEADER, n, free, p);
        *message = BUF_NONE;
    }
    grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return bytes;
}

static struct core_message *take(struct core_outbox *o, struct arena *arena)
{
    struct core_message *m = o->spare;

    if (!m)
        return arena_alloc(arena, sizeof *m);
    o->spare = m->next;
    return m;
}

bool core_outbox_add(struct core_outbox *o, struct arena *arena, struct buf *message)
{
    struct core_message *m = take(o, arena);

    if (!m) {
        buf_release(message);
        return false;
    }
    *m = (struct core_message){.n = message->n};
    m->bytes = wrap(message);
    *o->tail = m;
    o->tail = &m->next;
    if (!o->at)
        o->at = m;
    o->queued += m->n;
    return true;
}

grpc_byte_buffer *core_outbox_next(struct core_outbox *o)
{
    if (!o->at)
        return NULL;
    /* Core empties what it is given; a copy shares the memory. */
    o->in_flight = o->keep ? grpc_byte_buffer_copy(o->at->bytes) : o->at->bytes;
    if (!o->keep)
        o->at->bytes = NULL;
    return o->in_flight;
}

void core_outbox_sent(struct core_outbox *o)
{
    struct core_message *m = o->at;

    if (!o->in_flight)
        return;
    destroy(&o->in_flight);
    o->queued -= m->n;
    o->sent += m->n;
    o->at = m->next;
    if (!o->keep)
        pop(o);
    else if (o->sent > CORE_KEEP && o->first != m)
        core_outbox_commit(o);
}

void core_outbox_commit(struct core_outbox *o)
{
    o->keep = false;
    while (o->first != o->at)
        pop(o);
}

bool core_outbox_rewind(struct core_outbox *o)
{
    if (!o->keep)
        return false;
    o->queued += o->sent;
    o->sent = 0;
    o->at = o->first;
    return true;
}
