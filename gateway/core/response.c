#include "gateway/core/clock.h"
#include "gateway/core/exchange_internal.h"
#include "gateway/core/metadata.h"
#include "gateway/core/rpc.h"

/* The RPC's messages become the body of the answer. A single message is written in full before the
 * head goes out, so that whatever is wrong with it is a clean 500; a stream's head goes out with
 * its first message. */

enum {
    SLICE = 256 << 10, /* JSON written per turn of the loop; keeps one big answer from holding up
                          all others */
};

static bool server_streaming(const struct exchange *x)
{
    return x->policy->method->server_streaming;
}

static size_t unread(const struct exchange *x)
{
    return x->answer.body.n - x->answer.read;
}

static void fail_reply(struct exchange *x, enum tc_status st, const struct tc_error *why)
{
    if (st == TC_NOMEM) {
        exchange_fail_memory(x);
        return;
    }
    enum tc_code code = st == TC_LIMIT ? TC_CODE_RESOURCE_EXHAUSTED : TC_CODE_INTERNAL;
    exchange_fail(x, code, 0, "the upstream's answer cannot be shown as JSON: %s%s%s", why->path,
                  why->path[0] ? ": " : "", why->text);
}

static bool decoder_begin(struct exchange *x)
{
    const struct method_policy *p = x->policy;
    if (x->decoder) {
        x->reply_error = (struct tc_error){0};
        tc_decode_reset(x->decoder, buf_str(&x->reply));
        return true;
    }
    struct tc_decode_spec spec = {
        .schema = x->snapshot->plan->schema,
        .message = p->method->output,
        .field = x->route->response_body,
        .emit_defaults = p->emit_defaults,
        .enums_as_numbers = p->enums_as_numbers,
        .proto_names = p->proto_names,
        .int64_as_numbers = p->int64_as_numbers,
    };
    x->decoder = tc_decoder_new(&x->arena, &spec, buf_str(&x->reply), &x->reply_error);
    if (!x->decoder)
        exchange_fail_memory(x);
    return x->decoder != NULL;
}

static void head_ready(struct exchange *x, struct str content_type)
{
    headers_add(&x->answer.headers, &x->arena, STR("content-type"), content_type);
    x->answer.status = 200;
    x->answer.ready = true;
    x->ready_at = clock_now();
    x->state = EXCHANGE_ANSWER;
}

static void answer_complete(struct exchange *x)
{
    x->answer.complete = true;
    x->state = EXCHANGE_DONE;
    buf_release(&x->reply);
    timer_stop(x->host->timers, &x->keepalive);
}

static void ask(struct exchange *x)
{
    if (x->call && !x->reading) {
        x->reading = true;
        call_read(x->call);
    }
}

/* The one message of a unary answer. */
static void pump_single(struct exchange *x)
{
    size_t soft = x->answer.body.n + SLICE;
    enum tc_status st = tc_decode_some(x->decoder, &x->answer.body, soft);
    if (st == TC_FULL) {
        exchange_soon(x);
        return;
    }
    x->decoding = false;
    if (st != TC_OK) {
        fail_reply(x, st, &x->reply_error);
        return;
    }
    head_ready(x, STR("application/json"));
    answer_complete(x);
    exchange_wake(x);
}

static void keepalive_due(struct timer *t)
{
    struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, keepalive));
    if (unread(x) == 0 && !x->decoding) {
        buf_add(&x->answer.body, tc_framing_keepalive(x->framing));
        exchange_wake(x);
    }
    timer_start(x->host->timers, t, x->policy->keepalive_ms, keepalive_due);
}

static void keepalive_restart(struct exchange *x)
{
    if (x->framing == TC_FRAMING_SSE && x->policy->keepalive_ms)
        timer_start(x->host->timers, &x->keepalive, x->policy->keepalive_ms, keepalive_due);
}

static void stream_begin(struct exchange *x)
{
    headers_add(&x->answer.headers, &x->arena, STR("cache-control"), STR("no-cache"));
    head_ready(x, tc_framing_content_type(x->framing));
}

/* One message of a stream, or the next part of it. False when the output is full or it has failed.
 */
static bool pump_message(struct exchange *x, size_t soft)
{
    enum tc_status st = tc_decode_some(x->decoder, &x->answer.body, soft);
    if (st == TC_FULL)
        return false;
    x->decoding = false;
    if (st != TC_OK) {
        fail_reply(x, st, &x->reply_error);
        return false;
    }
    if (!tc_framing_after(x->framing, &x->answer.body)) {
        exchange_fail_memory(x);
        return false;
    }
    buf_release(&x->reply);
    keepalive_restart(x);
    return true;
}

static void stream_complete(struct exchange *x)
{
    bool empty = x->messages_out == 0;
    if (!x->answer.ready)
        stream_begin(x);
    if (!tc_framing_end(x->framing, &x->answer.body, empty))
        exchange_fail_memory(x);
    else
        answer_complete(x);
}

static void pump_stream(struct exchange *x)
{
    size_t before = unread(x);
    size_t soft = x->answer.read + x->snapshot->bounds.buffer;
    bool room = true;
    if (x->decoding)
        room = pump_message(x, soft);
    if (room && !x->answer.broken && unread(x) < x->snapshot->bounds.buffer) {
        if (x->call)
            ask(x);
        else if (x->call_ended && !x->answer.complete)
            stream_complete(x);
    }
    if (unread(x) > before || x->answer.complete)
        exchange_wake(x);
}

void response_pump(struct exchange *x)
{
    if (x->answer.complete || x->answer.broken)
        return;
    if (!x->streaming) {
        if (x->decoding)
            pump_single(x);
    } else if (x->answer.ready) {
        pump_stream(x);
    }
}

static void on_headers(void *ctx, const struct header *metadata, size_t n)
{
    struct exchange *x = ctx;
    if (!metadata_to_headers(metadata, n, &x->answer.headers, &x->arena))
        exchange_fail_memory(x);
}

static void stream_message(struct exchange *x)
{
    bool first = x->messages_out == 1;
    if (first)
        stream_begin(x);
    if (!tc_framing_before(x->framing, &x->answer.body, first)) {
        exchange_fail_memory(x);
        return;
    }
    if (!decoder_begin(x))
        return;
    x->decoding = true;
    pump_stream(x);
}

static void on_message(void *ctx, struct buf *message)
{
    struct exchange *x = ctx;
    x->reading = false;
    x->messages_out++;
    if (server_streaming(x)) {
        buf_move(&x->reply, message);
        stream_message(x);
        return;
    }
    if (x->has_reply) {
        exchange_fail(x, TC_CODE_INTERNAL, 0,
                      "the upstream sent more than one message where the RPC returns one");
        return;
    }
    buf_move(&x->reply, message);
    x->has_reply = true;
    ask(x); /* a second message would be an error: look for it */
}

static void on_writable(void *ctx)
{
    struct exchange *x = ctx;
    if (x->paused)
        request_resume(x);
}

static void end_failed(struct exchange *x, const struct call_end *end)
{
    metadata_to_headers(end->trailers, end->ntrailers, &x->answer.headers, &x->arena);
    struct tc_error_info info = {
        .code = end->code,
        .message = arena_copy(&x->arena, end->message),
        .details = end->details,
    };
    exchange_answer_error(x, &info, 0);
}

static void end_ok(struct exchange *x, const struct call_end *end)
{
    if (!x->answer.ready)
        metadata_to_headers(end->trailers, end->ntrailers, &x->answer.headers, &x->arena);
    if (server_streaming(x)) {
        if (!x->decoding && unread(x) < x->snapshot->bounds.buffer)
            stream_complete(x);
        exchange_wake(x);
        return;
    }
    if (!x->has_reply) {
        /* gRPC statuscodes: cardinality violations */
        exchange_fail(x, TC_CODE_UNIMPLEMENTED, 0,
                      "the upstream ended the RPC with OK but sent no message");
        return;
    }
    if (decoder_begin(x)) {
        x->decoding = true;
        pump_single(x);
    }
}

static void on_end(void *ctx, const struct call_end *end)
{
    struct exchange *x = ctx;
    x->call = NULL;
    x->call_ended = true;
    x->call_ended_at = clock_now();
    x->code = end->code;
    x->from_peer = end->from_peer;
    if (end->code == TC_CODE_OK)
        end_ok(x, end);
    else
        end_failed(x, end);
}

enum stage_result rpc_stage(struct exchange *x)
{
    static const struct call_events events = {on_headers, on_message, on_writable, on_end};
    struct headers metadata = {0};
    enum tc_status st = metadata_from_headers(&x->request.headers, &metadata, &x->arena, &x->error);
    if (st != TC_OK) {
        exchange_fail_input(x, st);
        return STAGE_END;
    }
    if (!headers_get(&metadata, STR("x-request-id")).p &&
        !headers_add(&metadata, &x->arena, STR("x-request-id"), x->request_id)) {
        exchange_fail_memory(x);
        return STAGE_END;
    }
    struct call_options options = {
        .path = x->policy->method->path,
        .metadata = metadata.items,
        .nmetadata = metadata.n,
        .deadline = x->deadline,
        .max_message = (size_t)x->policy->max_response,
        .idempotent = x->policy->idempotent,
    };
    struct channel *channel = x->host->channel(x->host, x->scope, x->cluster);
    x->call = channel ? channel_start(channel, &options, &events, x) : NULL;
    if (!x->call) {
        exchange_fail_memory(x);
        return STAGE_END;
    }
    x->streaming = server_streaming(x);
    x->call_began = clock_now();
    ask(x);
    if (x->message.n)
        rpc_send(x);
    return STAGE_NEXT;
}

void rpc_send(struct exchange *x)
{
    if (!call_send(x->call, &x->message, !x->policy->method->client_streaming))
        x->paused = x->policy->method->client_streaming;
}
