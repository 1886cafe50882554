#include "gateway/core/pipeline.h"
#include "gateway/core/request_internal.h"
#include "gateway/core/rpc.h"
#include "transcoder/required.h"
#include "transcoder/wire.h"

/* The body of the client becomes messages for the RPC. A unary request is one value that is encoded
 * as it arrives; the RPC starts when it is complete. A client's stream is cut into its messages;
 * the RPC starts with the first. Here is what all kinds of bodies share, and JSON. */

/* JSON costs at least two bytes where protobuf may write nine ("1," into a packed double), and a
 * value inside many levels costs a few bytes each. */
enum { MESSAGE_PER_BODY_BYTE = 8, MESSAGE_BASE = 64 << 10 };

enum { MASK_MAX = 64 << 10 }; /* an update mask made of a body's keys */

static bool client_streaming(const struct exchange *x)
{
    return x->policy->method->client_streaming;
}

enum tc_status request_message_begin(struct exchange *x)
{
    uint64_t body = x->policy->max_request < UINT32_MAX ? x->policy->max_request : UINT32_MAX;
    uint64_t max = body * MESSAGE_PER_BODY_BYTE + MESSAGE_BASE;
    if (!call_message_init(&x->message, max < UINT32_MAX ? (size_t)max : UINT32_MAX))
        return TC_NOMEM;
    return tc_binding_write(&x->binding, &x->message);
}

/* ---- PATCH: an update mask that was left empty says what the body speaks of */

static bool mask_is_empty(const struct exchange *x)
{
    const struct tc_bound *n = x->binding.root;

    while (n && n->field != x->route->mask)
        n = n->next;
    return !n || n->wire.n <= n->field->tag_len + 1u; /* key and the length 0 */
}

struct buf *request_mask_begin(struct exchange *x)
{
    if (!x->route->mask || !mask_is_empty(x))
        return NULL;
    buf_init(&x->mask, MASK_MAX);
    return &x->mask;
}

enum tc_status request_mask_end(struct exchange *x)
{
    if (!x->mask.n || tc_put_bytes(&x->message, x->route->mask->number, buf_str(&x->mask)))
        return TC_OK;
    return buf_room(&x->message) < x->mask.n + 16 ? TC_LIMIT : TC_NOMEM;
}

/* ---- JSON */

static bool encoder_begin(struct exchange *x)
{
    struct tc_encode_spec spec = {
        .schema = x->snapshot->plan->schema,
        .message = x->policy->method->input,
        .field = x->route->body,
        .bound = x->binding.root,
        .mask = request_mask_begin(x),
        .late = &x->late,
        .max_depth = x->snapshot->bounds.json_depth,
        .ignore_unknown_fields = x->policy->ignore_unknown_fields,
        .ignore_unknown_enums = x->policy->ignore_unknown_enums,
        .enum_names = method_policy_enum_names(x->policy),
    };
    enum tc_status st = request_message_begin(x);
    buf_init(&x->late, SIZE_MAX); /* as long as the body may be */
    if (st == TC_OK) {
        x->encoder = tc_encoder_new(&x->arena, &spec, &x->message, &x->error);
        if (!x->encoder)
            st = TC_NOMEM;
    }
    if (st != TC_OK) {
        exchange_fail_input(x, st);
        return false;
    }
    tc_unframer_init(&x->unframer, x->encoder, &x->error);
    return true;
}

static bool takes_body(const struct exchange *x)
{
    return x->route->whole_body || x->route->body;
}

/* While one of them waits the body is not taken. */
static bool run_stages(struct exchange *x)
{
    x->state = EXCHANGE_CALL;
    enum stage_result r = pipeline_run(x, PHASE_MESSAGE);
    x->paused |= r == STAGE_WAIT;
    return r == STAGE_NEXT;
}

/* Path, query and body each give a part of the message; only the whole shows what is missing. Of a
 * stream the path begins with the index of the message, as in the errors of its JSON. */
static enum tc_status check_required(struct exchange *x)
{
    struct str message = str_skip(buf_str(&x->message), TC_FRAME_HEADER);
    const struct tc_message *m = x->policy->method->input;

    if (!m->reaches_required || !client_streaming(x) || x->kind != REQUEST_JSON)
        return tc_required_check(m, message, NULL, &x->error);
    struct tc_error error = {.status = TC_OK};
    enum tc_status st = tc_required_check(m, message, NULL, &error);
    if (st == TC_OK)
        return st;
    struct str path = arena_printf(&x->arena, "[%u].%s", x->unframer.messages - 1, error.path);
    return tc_fail(&x->error, st, TC_NO_OFFSET, path.p, "%s", error.text);
}

bool request_message_complete(struct exchange *x)
{
    enum tc_status st = check_required(x);

    if (st != TC_OK) {
        exchange_fail_input(x, st);
        return false;
    }
    if (x->call_began) {
        if (x->call && pipeline_each(x, PHASE_FURTHER) != STAGE_NEXT)
            return false;
        if (x->call)
            rpc_send(x);
        buf_release(&x->message);
        return true;
    }
    return run_stages(x);
}

/* The encoder goes on into a fresh message. False when the exchange has failed. */
static bool message_renew(struct exchange *x)
{
    x->body_message_at = x->unframer.offset;
    enum tc_status st = request_message_begin(x);
    if (st != TC_OK) {
        exchange_fail_input(x, st);
        return false;
    }
    return true;
}

/* False when it waits, too. */
static bool message_next(struct exchange *x)
{
    return request_message_complete(x) && !exchange_answered(x) && message_renew(x);
}

void request_refuse_length(struct exchange *x, const char *what)
{
    exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 413,
                  "%s is longer than the %llu bytes that this call may have", what,
                  (unsigned long long)x->policy->max_request);
}

static size_t stream_feed(struct exchange *x, struct str bytes)
{
    struct str rest = bytes;
    while (!x->paused && !exchange_answered(x)) {
        enum tc_status st = tc_unframe(&x->unframer, &rest);
        if (st != TC_OK && st != TC_MORE)
            exchange_fail_input(x, st);
        else if (x->unframer.offset - x->body_message_at > x->policy->max_request)
            request_refuse_length(x, "a message of the request body");
        else if (st == TC_MORE || !message_next(x))
            break;
    }
    return exchange_answered(x) ? bytes.n : bytes.n - rest.n;
}

static size_t json_feed(struct exchange *x, struct str bytes)
{
    bool first = !x->encoder;
    if (first && !encoder_begin(x))
        return bytes.n;
    if (client_streaming(x))
        return stream_feed(x, bytes);
    if (first)
        buf_reserve(&x->message, bytes.n); /* about what it becomes: spares growing to it */
    enum tc_status st = tc_encode_feed(x->encoder, bytes);
    if (st != TC_OK && st != TC_MORE)
        exchange_fail_input(x, st);
    return bytes.n;
}

void request_stream_end(struct exchange *x)
{
    if (!x->call_began && !run_stages(x))
        return;
    if (x->call)
        call_half_close(x->call);
}

static void stream_end(struct exchange *x)
{
    enum tc_status st = x->encoder ? tc_unframe_finish(&x->unframer) : TC_OK;
    if (st == TC_MORE) {
        if (!message_next(x))
            return;
        st = tc_unframe_finish(&x->unframer);
    }
    if (st != TC_OK) {
        exchange_fail_input(x, st);
        return;
    }
    buf_release(&x->message); /* begun for a message that did not come */
    request_stream_end(x);
}

static void json_end(struct exchange *x)
{
    if (client_streaming(x)) {
        stream_end(x);
        return;
    }
    enum tc_status st = x->encoder ? tc_encode_finish(x->encoder) : request_message_begin(x);
    if (st == TC_OK)
        st = request_mask_end(x);
    if (st == TC_OK)
        request_message_complete(x);
    else
        exchange_fail_input(x, st);
}

static void json_passed(struct exchange *x)
{
    if (client_streaming(x) && x->encoder)
        message_renew(x);
}

/* ---- all kinds of bodies */

static const struct request_reader readers[REQUEST_KINDS] = {
    [REQUEST_JSON] = {json_feed, json_end, json_passed},
    [REQUEST_RAW] = {request_raw_feed, request_raw_end, NULL},
    [REQUEST_FORM] = {request_form_feed, request_form_end, NULL},
};

static void refuse_body(struct exchange *x)
{
    tc_fail(&x->error, TC_INVALID, 0, "",
            "%.*s %.*s takes no request body; send its fields in the path or the query",
            STR_ARG(x->route->verb), STR_ARG(x->route->pattern));
    exchange_fail_input(x, TC_INVALID);
}

size_t request_feed(struct exchange *x, struct str bytes)
{
    if (bytes.n == 0 || x->paused)
        return 0;
    if (!takes_body(x)) {
        refuse_body(x);
        return bytes.n;
    }
    if (!client_streaming(x) && x->bytes_in + bytes.n > x->policy->max_request) {
        x->bytes_in += bytes.n;
        request_refuse_length(x, "the request body");
        return bytes.n;
    }
    size_t taken = readers[x->kind].feed(x, bytes);
    x->bytes_in += taken;
    return taken;
}

void request_end(struct exchange *x)
{
    if (!x->paused)
        readers[x->kind].end(x);
}

void request_continue(struct exchange *x)
{
    x->paused = false;
    if (run_stages(x) && readers[x->kind].passed)
        readers[x->kind].passed(x);
    if (!x->paused && !exchange_answered(x) && client_streaming(x) && x->body_ended)
        readers[x->kind].end(x);
}

void request_resume(struct exchange *x)
{
    x->paused = false;
    if (x->body_ended)
        readers[x->kind].end(x);
    exchange_wake(x);
}
