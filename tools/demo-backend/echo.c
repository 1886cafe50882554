#include "tools/demo-backend/demo.h"
#include "transcoder/text.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, DETAILS_MAX = 4, RETRY_S = 2, BYTES_MAX = 8192 };

static void echo(struct server_call *c, const Demo__V1__EchoMessage *request)
{
    demo__v1__echo__echo__reply(c, request);
}

/* --- EchoStream --- */

struct stream {
    const Demo__V1__EchoStreamRequest *request;
    int32_t sent;
};

static void end_stream(struct server_call *c, const Demo__V1__EchoStreamRequest *request)
{
    enum tc_code code = (enum tc_code)request->end_code;
    if (code == TC_CODE_OK)
        server_call_finish(c);
    else
        reply_reason(c, code, "TOLD_TO_FAIL", "field", "endCode", "%s", request->end_message);
}

static void stream_next(struct server_call *c)
{
    struct stream *s = server_call_state(c);
    const Demo__V1__EchoStreamRequest *request = s->request;
    static const Demo__V1__EchoMessage nothing = DEMO__V1__ECHO_MESSAGE__INIT;
    if (s->sent >= request->count) {
        end_stream(c, request);
        return;
    }
    Demo__V1__EchoMessage m = request->message ? *request->message : nothing;
    m.id = ++s->sent;
    bool left = demo__v1__echo__echo_stream__reply(c, &m);
    if (request->interval_ms > 0 && s->sent < request->count)
        server_call_after(c, (uint32_t)request->interval_ms, stream_next);
    else if (s->sent >= request->count)
        end_stream(c, request);
    else if (!left)
        server_call_on_writable(c, stream_next);
}

static void echo_stream(struct server_call *c, const Demo__V1__EchoStreamRequest *request)
{
    struct stream *s = arena_alloc(server_call_arena(c), sizeof *s);
    if (!s) {
        reply_status(c, TC_CODE_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    s->request = request;
    server_call_set_state(c, s, NULL);
    stream_next(c);
}

/* --- Fail --- */

static bool add_trailer(struct server_call *c, const char *key, const char *value)
{
    struct str name = str_c(key);
    if (!str_ends(name, STR("-bin")))
        return server_call_trailer(c, name, str_c(value));
    struct buf raw;
    size_t bad;
    buf_init(&raw, BYTES_MAX);
    bool ok = tc_base64_decode(&raw, str_c(value), &bad) &&
              server_call_trailer(c, name, str_of(raw.p, raw.n));
    buf_release(&raw);
    return ok;
}

static struct str fail_details(struct arena *a, const Demo__V1__FailRequest *r)
{
    Google__Protobuf__Any *details[DETAILS_MAX];
    size_t n = 0;
    if (r->with_malformed_detail)
        return STR("\xff\xff this is no message");
    if (r->with_error_info)
        details[n++] = detail_error_info(a, "TOLD_TO_FAIL", "method", "Fail");
    if (r->with_retry_info)
        details[n++] = detail_retry_info(a, RETRY_S);
    if (r->with_bad_request)
        details[n++] = detail_bad_request(a, "code", "was not OK");
    if (r->with_unknown_detail) {
        Google__Rpc__Status unknown = GOOGLE__RPC__STATUS__INIT;
        unknown.code = 42;
        details[n++] = detail_of(a, "nowhere.Unknown", &unknown.base);
    }
    for (size_t i = 0; i < n; i++)
        if (!details[i])
            return STR_NONE;
    return n ? detail_status(a, (enum tc_code)r->code, r->message, details, n) : STR_NONE;
}

static void fail_now(struct server_call *c)
{
    const Demo__V1__FailRequest *r = server_call_state(c);
    for (size_t i = 0; i < r->n_trailers; i++)
        if (!add_trailer(c, r->trailers[i]->key, r->trailers[i]->value)) {
            reply_bad_field(c, "trailers", "'%s' cannot be sent as metadata", r->trailers[i]->key);
            return;
        }
    if ((int)r->code == TC_CODE_OK) {
        Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
        demo__v1__echo__fail__reply(c, &empty);
        return;
    }
    server_call_fail(c, (enum tc_code)r->code, str_c(r->message),
                     fail_details(server_call_arena(c), r));
}

static void fail(struct server_call *c, const Demo__V1__FailRequest *request)
{
    /* a state is a plain pointer; nobody writes through it */
    server_call_set_state(c, (void *)(uintptr_t)request, NULL);
    if (request->delay_ms > 0)
        server_call_after(c, (uint32_t)request->delay_ms, fail_now);
    else
        fail_now(c);
}

/* --- Sleep --- */

static void slept(struct server_call *c)
{
    const Demo__V1__SleepRequest *request = server_call_state(c);
    Demo__V1__SleepResponse r = DEMO__V1__SLEEP_RESPONSE__INIT;
    r.slept = request->duration;
    demo__v1__echo__sleep__reply(c, &r);
}

static void sleep_for(struct server_call *c, const Demo__V1__SleepRequest *request)
{
    const Google__Protobuf__Duration *d = request->duration;
    if (d && (d->seconds < 0 || d->nanos < 0)) {
        reply_bad_field(c, "duration", "must not be negative");
        return;
    }
    uint64_t ms = d ? (uint64_t)d->seconds * MS_PER_S + (uint64_t)d->nanos / NS_PER_MS : 0;
    server_call_set_state(c, (void *)(uintptr_t)request, NULL);
    server_call_after(c, ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms, slept);
}

const struct demo__v1__echo__handlers echo_handlers = {
    .echo = echo,
    .echo_stream = echo_stream,
    .fail = fail,
    .sleep = sleep_for,
};
