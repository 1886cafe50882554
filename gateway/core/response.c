#include "gateway/core/exchange_internal.h"
#include "gateway/core/metadata.h"
#include "gateway/core/pipeline.h"
#include "gateway/core/rpc.h"
#include "transcoder/wire.h"

/* The RPC's messages become the body of the answer. A single message is written in full before the
 * head goes out, so that whatever is wrong with it is a clean 500; a stream's head goes out with
 * the beginning of its first message. The end of a stream's call waits until the messages before it
 * are written. */

enum {
    SLICE = 256 << 10, /* JSON written per turn of the loop; keeps one big answer from holding up
                          all others */
    CONTENT_TYPE_MAX = 1024, /* of an HttpBody */
};

/* A byte of protobuf may stand for dozens of JSON: enums by their names, messages with all of their
 * defaults. Small answers may grow as they like; a large one that is held whole may not. */
enum { JSON_PER_REPLY_BYTE = 8, JSON_BASE = 64 << 20 };

static size_t json_max(const struct exchange *x)
{
    size_t most = (SIZE_MAX / 2 - JSON_BASE) / JSON_PER_REPLY_BYTE;
    return JSON_BASE + (x->reply.n < most ? x->reply.n : most) * JSON_PER_REPLY_BYTE;
}

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
    exchange_fail(x, code, 0, "the upstream's answer cannot be shown as %s: %s%s%s",
                  x->route->raw_answer ? "a body" : "JSON", why->path, why->path[0] ? ": " : "",
                  why->text);
}

/* ---- one message into the body of the answer: as JSON, or the bytes of an HttpBody */

/* The type of a stream is that of its first message; the later ones say it again or say none. */
static bool type_stays(const struct exchange *x)
{
    struct str own = x->raw_reply.content_type;
    return !x->answer.ready || !own.n ||
           str_eq(own, headers_get(&x->answer.headers, STR("content-type")));
}

static bool raw_begin(struct exchange *x)
{
    enum tc_status st = tc_http_body_read(buf_str(&x->reply), x->route->response_body,
                                          &x->raw_reply, &x->reply_error);
    if (st == TC_OK && x->raw_reply.content_type.n > CONTENT_TYPE_MAX)
        st = tc_fail(&x->reply_error, TC_INVALID, TC_NO_OFFSET, "contentType",
                     "longer than %d bytes", CONTENT_TYPE_MAX);
    if (st == TC_OK && !type_stays(x))
        st = tc_fail(&x->reply_error, TC_INVALID, TC_NO_OFFSET, "contentType",
                     "\"%.*s\" is another than that of the first message, which the answer has",
                     STR_ARG(x->raw_reply.content_type));
    if (st != TC_OK)
        fail_reply(x, st, &x->reply_error);
    return st == TC_OK;
}

/* As tc_decode_some. */
static enum tc_status raw_some(struct exchange *x, size_t soft)
{
    struct buf *body = &x->answer.body;
    struct str *data = &x->raw_reply.data;
    size_t room = soft > body->n ? soft - body->n : 0, n = data->n < room ? data->n : room;
    if (!buf_add(body, str_of(data->p, n)))
        return TC_NOMEM;
    *data = str_skip(*data, n);
    return data->n ? TC_FULL : TC_OK;
}

static enum tc_status decode_some(struct exchange *x, size_t soft)
{
    if (x->route->raw_answer)
        return raw_some(x, soft);
    return tc_decode_some(x->decoder, &x->answer.body, soft);
}

/* Where only a part of a message is shown, the rest must be well-formed too. */
static bool reply_is_whole(struct exchange *x)
{
    if (!x->route->raw_answer && !x->route->response_body)
        return true;
    enum tc_status st = tc_wire_check(x->policy->method->output, buf_str(&x->reply), TC_WIRE_WHOLE,
                                      &x->reply_error);
    if (st != TC_OK)
        fail_reply(x, st, &x->reply_error);
    return st == TC_OK;
}

static bool decoder_begin(struct exchange *x)
{
    const struct method_policy *p = x->policy;
    if (!reply_is_whole(x))
        return false;
    if (x->route->raw_answer)
        return raw_begin(x);
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
        .short_enums = p->short_enums,
        .indent = p->method->server_streaming ? 0 : p->indent,
    };
    if (!server_streaming(x))
        x->answer.body.max = json_max(x);
    x->decoder = tc_decoder_new(&x->arena, &spec, buf_str(&x->reply), &x->reply_error);
    if (!x->decoder)
        exchange_fail_memory(x);
    return x->decoder != NULL;
}

/* What an HttpBody says of itself. It stands in `reply`, which the head outlives. */
static struct str content_type(struct exchange *x, struct str otherwise)
{
    if (!x->route->raw_answer)
        return otherwise;
    struct str own = x->raw_reply.content_type;
    return own.n ? arena_copy(&x->arena, own) : tc_framing_content_type(TC_FRAMING_RAW);
}

static bool head_ready(struct exchange *x, struct str type)
{
    if (!type.p || !headers_add(&x->answer.headers, &x->arena, STR("content-type"), type)) {
        exchange_fail_memory(x);
        return false;
    }
    x->answer.status = 200;
    x->answer.ready = true;
    x->state = EXCHANGE_ANSWER;
    return true;
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
    enum tc_status st = decode_some(x, soft);
    if (st == TC_FULL) {
        exchange_soon(x);
        return;
    }
    x->decoding = false;
    if (st != TC_OK) {
        fail_reply(x, st, &x->reply_error);
        return;
    }
    if (head_ready(x, content_type(x, STR("application/json")))) {
        answer_complete(x);
        exchange_wake(x);
    }
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

static bool stream_begin(struct exchange *x)
{
    struct headers *h = &x->answer.headers;
    if (!headers_get(h, STR("cache-control")).p &&
        !headers_add(h, &x->arena, STR("cache-control"), STR("no-cache"))) {
        exchange_fail_memory(x);
        return false;
    }
    return head_ready(x, content_type(x, tc_framing_content_type(x->framing)));
}

/* One message of a stream, or the next part of it. False when the output is full, the decoder has
 * worked long enough for this turn of the loop, or it has failed. */
static bool pump_message(struct exchange *x, size_t soft)
{
    size_t before = x->answer.body.n;
    enum tc_status st = decode_some(x, soft);
    if (st != TC_OK && st != TC_FULL) {
        fail_reply(x, st, &x->reply_error);
        return false;
    }
    if (st == TC_FULL && x->answer.body.n < soft)
        exchange_soon(x);
    bool begun = st == TC_OK || x->answer.body.n > before;
    if (begun && !x->answer.ready && !stream_begin(x))
        return false;
    if (st == TC_FULL)
        return false;
    if (!tc_framing_after(x->framing, &x->answer.body)) {
        exchange_fail_memory(x);
        return false;
    }
    x->decoding = false;
    buf_release(&x->reply);
    keepalive_restart(x);
    return true;
}

static void stream_complete(struct exchange *x)
{
    bool empty = x->messages_out == 0;
    if (!x->answer.ready && !stream_begin(x))
        return;
    if (!tc_framing_end(x->framing, &x->answer.body, empty))
        exchange_fail_memory(x);
    else
        answer_complete(x);
}

static void answer_failure(struct exchange *x)
{
    struct tc_error_info info = {
        .code = x->code,
        .message = x->end_message,
        .details = x->end_details,
    };
    exchange_answer_error(x, &info, 0);
}

/* What may wait for the client. While it still sends (both sides stream) HTTP/1.1 gives it nothing
 * of the answer, and an upstream that is not read may stop reading too: then as much as a body may
 * have is kept. */
static size_t answer_room(const struct exchange *x)
{
    const struct bounds *b = &x->snapshot->bounds;
    bool sending = x->policy->method->client_streaming && !x->body_ended;
    return sending && b->request_body > b->buffer ? b->request_body : b->buffer;
}

static void pump_stream(struct exchange *x)
{
    size_t room = answer_room(x), soft = x->answer.read + room;
    if (x->decoding && !pump_message(x, soft))
        return;
    if (unread(x) >= room) {
        if (x->paused) /* neither side would ever move again */
            exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 0,
                          "the upstream answered %zu bytes before the request had ended; send "
                          "smaller requests",
                          unread(x));
        return;
    }
    if (!x->call_ended)
        ask(x);
    else if (x->code == TC_CODE_OK)
        stream_complete(x);
    else
        answer_failure(x);
}

void response_pump(struct exchange *x)
{
    if (exchange_answered(x))
        return;
    if (!x->streaming) {
        if (x->decoding)
            pump_single(x);
    } else if (x->answer.ready || x->decoding) {
        pump_stream(x);
        if (x->answer.ready)
            exchange_wake(x);
    }
}

/* Where the gateway tells of its limits, those of the upstream would be taken for them. When to try
 * a call again that has failed there is for the upstream to say. */
static void drop_limits(struct exchange *x, uint32_t from)
{
    static const struct str names[] = {
        STR_INIT("ratelimit"), STR_INIT("ratelimit-policy"), STR_INIT("x-ratelimit-limit"),
        STR_INIT("x-ratelimit-remaining"), STR_INIT("x-ratelimit-reset")};
    struct headers *h = &x->answer.headers;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        headers_drop(h, from, names[i]);
    if (x->code == TC_CODE_OK)
        headers_drop(h, from, STR("retry-after"));
}

/* The request's id is for the gateway alone to say, once. */
static bool take_metadata(struct exchange *x, const struct header *metadata, size_t n)
{
    struct headers *h = &x->answer.headers;
    uint32_t before = h->n;
    bool told = x->limits && (headers_get(h, STR("ratelimit-policy")).p ||
                              headers_get(h, STR("x-ratelimit-limit")).p);
    bool ok = metadata_to_headers(metadata, n, h, &x->arena);
    headers_drop(h, before, STR("x-request-id"));
    if (told)
        drop_limits(x, before);
    return ok;
}

static void on_headers(void *ctx, const struct header *metadata, size_t n)
{
    struct exchange *x = ctx;
    if (n == 0)
        return;
    exchange_work(x);
    if (!take_metadata(x, metadata, n))
        exchange_fail_memory(x);
    exchange_rest(x);
}

/* Forgets what a reader has taken who keeps up without ever emptying the buffer. */
static void drop_taken(struct exchange *x)
{
    if (x->answer.read < x->snapshot->bounds.buffer)
        return;
    buf_consume(&x->answer.body, x->answer.read);
    x->answer.read = 0;
}

static void stream_message(struct exchange *x)
{
    drop_taken(x);
    x->message_at = x->bytes_out + unread(x);
    x->decoding = true;
    if (!tc_framing_before(x->framing, &x->answer.body, x->messages_out == 1))
        exchange_fail_memory(x);
    else if (decoder_begin(x))
        pump_stream(x);
    exchange_wake(x);
}

static void take_message(struct exchange *x, struct buf *message)
{
    x->reading = false;
    x->messages_out++;
    if (server_streaming(x)) {
        buf_move(&x->reply, message);
        if (pipeline_each(x, PHASE_REPLY) == STAGE_NEXT)
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
    if (pipeline_each(x, PHASE_REPLY) != STAGE_NEXT)
        return;
    ask(x); /* a second message would be an error: look for it */
}

/* A single message is only put aside: that takes less time than the two looks at the clock. */
static void on_message(void *ctx, struct buf *message)
{
    struct exchange *x = ctx;
    bool timed = server_streaming(x);
    if (timed)
        exchange_work(x);
    take_message(x, message);
    if (timed)
        exchange_rest(x);
}

static void on_writable(void *ctx)
{
    struct exchange *x = ctx;
    if (!x->paused)
        return;
    exchange_work(x);
    request_resume(x);
    exchange_rest(x);
}

static void single_end(struct exchange *x)
{
    if (x->code != TC_CODE_OK) {
        answer_failure(x);
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

static void take_end(struct exchange *x, const struct call_end *end)
{
    x->call = NULL;
    x->call_ended = true;
    x->call_ended_at = x->working_since;
    x->code = end->code;
    x->from_peer = end->from_peer;
    x->unstarted = end->unstarted;
    x->retries = end->retries;
    x->paused = false; /* what the client still sends is dropped */
    if (end->code != TC_CODE_OK) {
        x->end_message = arena_copy(&x->arena, end->message);
        x->end_details = arena_copy(&x->arena, end->details);
    }
    bool ok = x->answer.ready || take_metadata(x, end->trailers, end->ntrailers);
    if (!ok && end->code == TC_CODE_OK)
        exchange_fail_memory(x);
    else if (!x->streaming)
        single_end(x);
    else if (!x->decoding)
        pump_stream(x);
    exchange_wake(x);
}

static void on_end(void *ctx, const struct call_end *end)
{
    struct exchange *x = ctx;
    exchange_work(x);
    take_end(x, end);
    exchange_rest(x);
}

enum stage_result rpc_stage(struct exchange *x)
{
    static const struct call_events events = {on_headers, on_message, on_writable, on_end};
    struct call_options options = {
        .path = x->policy->method->path,
        .metadata = x->metadata.items,
        .nmetadata = x->metadata.n,
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
    x->messages_in++;
    if (!call_send(x->call, &x->message, !x->policy->method->client_streaming))
        x->paused = x->policy->method->client_streaming;
}
