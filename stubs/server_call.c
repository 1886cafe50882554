#include "stubs/server_internal.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include "gateway/core/thread_order.h"
#include "stubs/message.h"

/*   accept ──► admit ──proceed──► read ──► handler ──► read ... ──► handler(NULL)
 *                                            │ reply: queued, sent one after the other
 *                                            └ finish, fail: the status behind the queue ──► ended
 * Each batch given to the core counts in `pending`; the call is freed when the last has come back,
 * which includes `closed`: the core's word that the client has all or has left. */

enum {
    BLOCK = 4096,
    STRUCTS_PER_BYTE = 8,
    STRUCTS_LEAST = 1 << 20,
    ARENA_MAX = 64 << 20,
};

static void release(struct server_call *c)
{
    if (c->release_state)
        c->release_state(c->state);
    for (struct waiting *w = c->first; w; w = w->next)
        grpc_byte_buffer_destroy(w->bytes);
    metadata_list_release(&c->headers);
    metadata_list_release(&c->trailers);
    grpc_slice_unref(c->status_text);
    grpc_metadata_array_destroy(&c->metadata);
    grpc_call_details_destroy(&c->details);
    if (c->call)
        grpc_call_unref(c->call);
    struct arena own = c->arena;
    arena_release(&c->messages);
    arena_release(&own);
}

static void came_back(struct server_call *c)
{
    if (--c->pending == 0)
        release(c);
}

static void start(struct server_call *c, const grpc_op *ops, size_t n, struct tag *tag)
{
    c->pending++;
    thread_gives(tag);
    /* Refused only for batches that break the core's rules: a mistake of ours that must be seen. */
    if (grpc_call_start_batch(c->call, ops, n, tag, NULL) != GRPC_CALL_OK)
        __builtin_trap();
}

/* --- the end --- */

static void end_events(struct server_call *c)
{
    c->ended = true;
    server_timer_drop(c);
}

static void on_closed(void *owner, bool ok)
{
    struct server_call *c = owner;
    (void)ok;
    if (!c->ended)
        end_events(c);
    came_back(c);
}

/* --- sending --- */

static void on_sent(void *owner, bool ok);

static grpc_op send_headers(struct server_call *c)
{
    c->headers_sent = true;
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    op.data.send_initial_metadata.count = c->headers.n;
    op.data.send_initial_metadata.metadata = c->headers.items;
    return op;
}

static grpc_op send_status(struct server_call *c)
{
    grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    op.data.send_status_from_server.trailing_metadata_count = c->trailers.n;
    op.data.send_status_from_server.trailing_metadata = c->trailers.items;
    op.data.send_status_from_server.status = c->status;
    op.data.send_status_from_server.status_details = &c->status_text;
    return op;
}

/* Sends what is next; the core takes one message at a time. */
static void pump(struct server_call *c)
{
    grpc_op ops[3];
    size_t n = 0;
    bool last = c->finishing && (!c->first || !c->first->next);
    if (c->sending || (!c->first && !last))
        return;
    if (!c->headers_sent)
        ops[n++] = send_headers(c);
    if (c->first) {
        ops[n] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
        ops[n++].data.send_message.send_message = c->first->bytes;
    }
    if (last) {
        c->finishing = false;
        ops[n++] = send_status(c);
    }
    c->sending = true;
    start(c, ops, n, &c->sent);
}

static void read_next(struct server_call *c);

static void on_sent(void *owner, bool ok)
{
    struct server_call *c = owner;
    (void)ok; /* a failure shows in `closed` */
    c->sending = false;
    struct waiting *w = c->first;
    if (w) {
        grpc_byte_buffer_destroy(w->bytes);
        c->first = w->next;
        if (!c->first)
            c->last = &c->first;
        w->next = c->spare;
        c->spare = w;
    }
    pump(c);
    if (!c->ended && !c->first) {
        void (*then)(struct server_call *) = c->on_writable;
        c->on_writable = NULL;
        if (then)
            then(c);
        if (!c->ended && c->read_wanted && !c->first)
            read_next(c);
    }
    came_back(c);
}

static bool enqueue(struct server_call *c, const ProtobufCMessage *message)
{
    struct waiting *w = c->spare ? c->spare : arena_alloc(&c->arena, sizeof *w);
    if (!w)
        return false;
    if (w == c->spare)
        c->spare = w->next;
    grpc_slice bytes = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(bytes));
    *w = (struct waiting){.bytes = grpc_raw_byte_buffer_create(&bytes, 1)};
    grpc_slice_unref(bytes);
    *c->last = w;
    c->last = &w->next;
    return true;
}

static void finish(struct server_call *c, grpc_status_code status, struct str message)
{
    if (c->ended)
        return;
    c->status = status;
    c->status_text = grpc_slice_from_copied_buffer(message.n ? message.p : "", message.n);
    c->finishing = true;
    end_events(c);
    pump(c);
}

bool server_call_reply(struct server_call *c, const ProtobufCMessage *message)
{
    if (c->ended)
        return true;
    if (!enqueue(c, message)) {
        server_call_fail(c, TC_CODE_RESOURCE_EXHAUSTED, STR("out of memory"), STR_NONE);
        return true;
    }
    if (!c->method->server_streaming)
        finish(c, GRPC_STATUS_OK, STR_NONE);
    else
        pump(c);
    return !c->first;
}

void server_call_finish(struct server_call *c)
{
    finish(c, GRPC_STATUS_OK, STR_NONE);
}

void server_call_fail(struct server_call *c, enum tc_code code, struct str message,
                      struct str details)
{
    if (details.n)
        server_call_trailer(c, STR("grpc-status-details-bin"), details);
    finish(c, (grpc_status_code)code, message);
}

/* --- receiving --- */

static void deliver(struct server_call *c, const ProtobufCMessage *m)
{
    if (!c->method->serve || !c->method->serve(c->service->handlers, c, m))
        server_call_fail(c, TC_CODE_UNIMPLEMENTED, STR("this server does not have the method"),
                         STR_NONE);
    if (c->method->client_streaming)
        arena_reset(&c->messages);
}

static void deliver_bytes(struct server_call *c, struct str bytes)
{
    struct tc_error e = {0};
    const struct stub_method *m = c->method;
    const ProtobufCMessage *request = message_unpack(m->input, m->input_struct, bytes, &c->messages,
                                                     &e);
    if (request)
        deliver(c, request);
    else
        server_call_fail(c, TC_CODE_INTERNAL, str_c(e.text), STR_NONE);
}

static void deliver_incoming(struct server_call *c)
{
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, c->incoming)) {
        server_call_fail(c, TC_CODE_INTERNAL, STR("the request cannot be decompressed"), STR_NONE);
        return;
    }
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    deliver_bytes(c, str_of((const char *)GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all)));
    grpc_slice_unref(all);
}

static void deliver_end(struct server_call *c)
{
    c->client_done = true;
    if (c->method->client_streaming)
        deliver(c, NULL);
    else
        server_call_fail(c, TC_CODE_INTERNAL, STR("the client sent no request"), STR_NONE);
}

static void read_next(struct server_call *c)
{
    c->read_wanted = false;
    if (c->reading || c->client_done)
        return;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &c->incoming;
    c->reading = true;
    start(c, &op, 1, &c->received);
}

static void on_received(void *owner, bool ok)
{
    struct server_call *c = owner;
    c->reading = false;
    if (!c->ended && ok && c->incoming)
        deliver_incoming(c);
    else if (!c->ended)
        deliver_end(c);
    if (c->incoming)
        grpc_byte_buffer_destroy(c->incoming);
    c->incoming = NULL;
    /* A client that sends faster than it reads is made to wait by not being read. */
    if (!c->ended && c->method->client_streaming) {
        c->read_wanted = true;
        if (!c->first)
            read_next(c);
    }
    came_back(c);
}

void server_call_proceed(struct server_call *c)
{
    if (c->ended)
        return;
    if (c->method)
        read_next(c);
    else
        server_call_fail(c, TC_CODE_UNIMPLEMENTED, STR("this server does not have the method"),
                         STR_NONE);
}

/* --- taking in --- */

static void find_method(struct server_call *c)
{
    const struct server_options *o = &c->worker->server->options;
    struct str path = server_call_path(c);
    for (size_t i = 0; i < o->nservices; i++)
        for (uint32_t k = 0; k < o->services[i].service->nmethods; k++)
            if (str_eq(o->services[i].service->methods[k].path, path)) {
                c->service = &o->services[i];
                c->method = &o->services[i].service->methods[k];
                return;
            }
}

static void on_accepted(void *owner, bool ok)
{
    struct server_call *c = owner;
    const struct server_options *o = &c->worker->server->options;
    if (ok) {
        server_call_accept(c->worker);
        grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
        op.data.recv_close_on_server.cancelled = &c->cancelled;
        start(c, &op, 1, &c->closed);
        find_method(c);
        if (o->admit)
            o->admit(o->admit_ctx, c);
        else
            server_call_proceed(c);
    }
    came_back(c);
}

static void init_call(struct server_call *c, struct worker *w, struct arena own)
{
    size_t max = w->server->options.max_message;
    size_t structs = max > SIZE_MAX / STRUCTS_PER_BYTE ? SIZE_MAX : max * STRUCTS_PER_BYTE;
    c->arena = own;
    c->worker = w;
    c->last = &c->first;
    c->status_text = grpc_empty_slice();
    c->accepted = (struct tag){on_accepted, c};
    c->closed = (struct tag){on_closed, c};
    c->received = (struct tag){on_received, c};
    c->sent = (struct tag){on_sent, c};
    arena_init(&c->messages, BLOCK, structs > STRUCTS_LEAST ? structs : STRUCTS_LEAST);
    grpc_call_details_init(&c->details);
    grpc_metadata_array_init(&c->metadata);
}

bool server_call_accept(struct worker *w)
{
    struct arena own;
    arena_init(&own, BLOCK, ARENA_MAX);
    struct server_call *c = arena_alloc(&own, sizeof *c);
    if (!c) {
        arena_release(&own);
        return false;
    }
    init_call(c, w, own);
    c->pending = 1;
    thread_gives(&c->accepted);
    if (grpc_server_request_call(w->server->grpc, &c->call, &c->details, &c->metadata, w->queue,
                                 w->queue, &c->accepted) == GRPC_CALL_OK)
        return true;
    came_back(c);
    return false;
}

/* --- what a handler may ask --- */

void server_call_on_writable(struct server_call *c, void (*then)(struct server_call *c))
{
    c->on_writable = then;
}
