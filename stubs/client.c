#include "stubs/client.h"

#include "stubs/message.h"

/* A call is freed by the one of three that comes first: the channel's end, a message that is at
 * fault (the channel's call is cancelled then and we make the end), client_call_cancel. From inside
 * a callback the freeing waits until that returns. */

enum { MESSAGE_DEFAULT = 64 << 20, STRUCTS_PER_BYTE = 8, STRUCTS_LEAST = 1 << 20, BLOCK = 4096 };

struct client_call {
    struct arena own;      /* this struct lives in it */
    struct arena messages; /* the message being delivered */
    struct call *call;
    const struct stub_method *method;
    stub_any *message;
    client_end *end;
    void (*writable)(void *ctx);
    void *ctx;
    ProtobufCMessage *answer; /* of a call with a single one, until its end */
    size_t max_message;
    bool in_event, cancelled;
};

static void release(struct client_call *c)
{
    struct arena own = c->own;
    arena_release(&c->messages);
    arena_release(&own);
}

/* The last callback. */
static void deliver_end(struct client_call *c, const struct call_end *end)
{
    c->in_event = true;
    if (c->method->server_streaming)
        c->end(c->ctx, end);
    else
        c->method->deliver(c->message, c->ctx, end->code == TC_CODE_OK ? c->answer : NULL, end);
    release(c);
}

static void fail(struct client_call *c, const char *text)
{
    call_cancel(c->call);
    struct call_end end = {.code = TC_CODE_INTERNAL, .message = str_c(text)};
    deliver_end(c, &end);
}

static void deliver_message(struct client_call *c, const ProtobufCMessage *m)
{
    c->in_event = true;
    bool go_on = c->method->deliver(c->message, c->ctx, m, NULL);
    c->in_event = false;
    if (c->cancelled) {
        release(c);
        return;
    }
    arena_reset(&c->messages);
    if (go_on)
        call_read(c->call);
}

static void on_message(void *ctx, struct buf *message)
{
    struct client_call *c = ctx;
    struct tc_error e = {0};
    if (c->answer) {
        fail(c, "the server sent two answers where one is declared");
        return;
    }
    ProtobufCMessage *m = message_unpack(c->method->output, c->method->output_struct,
                                         str_of(message->p, message->n), &c->messages, &e);
    if (!m) {
        fail(c, e.text);
    } else if (c->method->server_streaming) {
        deliver_message(c, m);
    } else {
        c->answer = m;
        call_read(c->call); /* a second answer is a fault, so it is asked for */
    }
}

static void on_writable(void *ctx)
{
    struct client_call *c = ctx;
    if (!c->writable)
        return;
    c->in_event = true;
    c->writable(c->ctx);
    c->in_event = false;
    if (c->cancelled)
        release(c);
}

static void on_end(void *ctx, const struct call_end *end)
{
    struct client_call *c = ctx;
    struct call_end faulty = *end;
    if (end->code == TC_CODE_OK && !c->method->server_streaming && !c->answer) {
        faulty.code = TC_CODE_INTERNAL;
        faulty.message = STR("the server ended the call without its answer");
    }
    deliver_end(c, &faulty);
}

static const struct call_events events = {
    .message = on_message, .writable = on_writable, .end = on_end};

static struct client_call *new_call(const struct client_options *o)
{
    struct arena own;
    arena_init(&own, BLOCK, BLOCK);
    struct client_call *c = arena_alloc(&own, sizeof *c);
    if (!c) {
        arena_release(&own);
        return NULL;
    }
    c->own = own;
    c->max_message = o->max_message ? o->max_message : MESSAGE_DEFAULT;
    size_t structs = c->max_message > SIZE_MAX / STRUCTS_PER_BYTE
                         ? SIZE_MAX
                         : c->max_message * STRUCTS_PER_BYTE;
    arena_init(&c->messages, BLOCK, structs > STRUCTS_LEAST ? structs : STRUCTS_LEAST);
    c->writable = o->writable;
    return c;
}

struct client_call *client_call_start(struct channel *ch, const struct stub_method *method,
                                      const struct client_options *options,
                                      const ProtobufCMessage *request, stub_any *message,
                                      client_end *end, void *ctx)
{
    static const struct client_options defaults = {0};
    const struct client_options *o = options ? options : &defaults;
    struct client_call *c = new_call(o);
    if (!c)
        return NULL;
    c->method = method;
    c->message = message;
    c->end = end;
    c->ctx = ctx;
    struct call_options call = {.path = method->path,
                                .metadata = o->metadata,
                                .nmetadata = o->nmetadata,
                                .deadline = o->deadline,
                                .max_message = c->max_message,
                                .idempotent = o->idempotent};
    c->call = channel_start(ch, &call, &events, c);
    if (!c->call) {
        release(c);
        return NULL;
    }
    if (request && client_call_send(c, request, true) == CLIENT_REFUSED) {
        client_call_cancel(c);
        return NULL;
    }
    call_read(c->call);
    return c;
}

enum client_sent client_call_send(struct client_call *c, const ProtobufCMessage *message, bool last)
{
    struct buf b;
    size_t n = protobuf_c_message_get_packed_size(message);
    if (n > UINT32_MAX || !call_message_init(&b, n))
        return CLIENT_REFUSED;
    if (!message_pack(&b, message)) {
        buf_release(&b);
        return CLIENT_REFUSED;
    }
    return call_send(c->call, &b, last) ? CLIENT_SENT : CLIENT_QUEUED;
}

void client_call_half_close(struct client_call *c)
{
    call_half_close(c->call);
}

void client_call_read(struct client_call *c)
{
    call_read(c->call);
}

void client_call_cancel(struct client_call *c)
{
    if (c->cancelled)
        return;
    call_cancel(c->call);
    c->cancelled = true;
    if (!c->in_event)
        release(c);
}
