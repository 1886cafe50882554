#include "gateway/upstream/http2_stream.h"

#include <nghttp2/nghttp2.h>

#include "gateway/core/metadata.h"
#include "gateway/upstream/http2_internal.h"

#define USER_AGENT "postern/0.1"

/* Unread bytes never pass the stream's window; what a peer sends beyond it ends the connection
 * before. */
enum { INDEX_EVERY = 512 }; /* calls of a session */
enum { UNREAD_MAX = 2 * HTTP2_STREAM_WINDOW, UNREAD_KEEP = 16 << 10 };

void http2_stream_init(struct http2_stream *s, struct http2_ready *ready)
{
    s->ready = ready;
    outbox_init(&s->out);
    tc_deframer_init(&s->in, 0);
    buf_init(&s->unread, UNREAD_MAX);
    arena_init(&s->arena, HTTP2_ARENA_BLOCK, HTTP2_ARENA_MAX);
}

static void forget_answer(struct http2_stream *s)
{
    s->idle = s->headers = s->whole = s->ended = s->reset = s->resetting = false;
    s->attempt = HTTP2_UNSENT;
    s->answer = (struct http2_answer){.http_status = 0};
    s->end = (struct call_end){.code = TC_CODE_OK};
    s->unread.n = s->unread_at = 0;
    if (s->unread.cap > UNREAD_KEEP)
        buf_release(&s->unread);
    tc_deframer_release(&s->in);
}

void http2_stream_reset(struct http2_stream *s, size_t max_message)
{
    forget_answer(s);
    s->wanted = s->full = s->writable = false;
    s->in.message.max = max_message;
    outbox_release(&s->out);
    arena_reset(&s->arena);
}

void http2_stream_release(struct http2_stream *s)
{
    http2_stream_reset(s, 0);
    buf_release(&s->unread);
    arena_release(&s->arena);
}

void http2_stream_notify(struct http2_stream *s)
{
    if (s->queued)
        return;
    s->queued = true;
    s->next_ready = NULL;
    if (s->ready->last)
        s->ready->last->next_ready = s;
    else
        s->ready->first = s;
    s->ready->last = s;
}

struct http2_stream *http2_ready_pop(struct http2_ready *ready)
{
    struct http2_stream *s = ready->first;

    if (!s)
        return NULL;
    ready->first = s->next_ready;
    if (!ready->first)
        ready->last = NULL;
    s->queued = false;
    return s;
}

/* ---- the request ---- */

static nghttp2_nv pair(struct str name, struct str value, uint8_t flags)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.p,
        .value = (uint8_t *)(uintptr_t)value.p,
        .namelen = name.n,
        .valuelen = value.n,
        .flags = flags | NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
    };
}

/* What names one call has a new value each time. In the compression table it would push out what
 * stays the same, and make each look into the table longer. Once in a while it is put there all the
 * same, for its name. */
static uint8_t indexing(const struct http2_session *session, struct str name)
{
    static const struct str fresh[] = {STR_INIT("x-request-id"), STR_INIT("traceparent")};

    bool keep_out = session->begun % INDEX_EVERY &&
                    str_is_one_of(name, fresh, sizeof fresh / sizeof *fresh);
    return keep_out ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

/* PROTOCOL-HTTP2: pseudo headers, te, timeout, content-type, then the rest. A timeout is different
 * each time, too. */
static size_t request_headers(struct http2_stream *s, const struct http2_request *r,
                              nghttp2_nv nv[HTTP2_REQUEST_HEADERS])
{
    size_t n = 0;

    nv[n++] = pair(STR(":method"), STR("POST"), 0);
    nv[n++] = pair(STR(":scheme"), STR("http"), 0);
    nv[n++] = pair(STR(":path"), r->path, 0);
    nv[n++] = pair(STR(":authority"), s->session->authority, 0);
    nv[n++] = pair(STR("te"), STR("trailers"), 0);
    if (r->timeout_ns) {
        s->grpc_timeout_n = (uint8_t)metadata_timeout_print(s->grpc_timeout, r->timeout_ns);
        nv[n++] = pair(STR("grpc-timeout"), str_of(s->grpc_timeout, s->grpc_timeout_n),
                       NGHTTP2_NV_FLAG_NO_INDEX);
    }
    nv[n++] = pair(STR("content-type"), STR("application/grpc"), 0);
    nv[n++] = pair(STR("user-agent"), STR(USER_AGENT), 0);
    if (r->nmetadata > HTTP2_REQUEST_HEADERS - n)
        return 0;
    for (size_t i = 0; i < r->nmetadata; i++)
        nv[n++] = pair(r->metadata[i].name, r->metadata[i].value,
                       indexing(s->session, r->metadata[i].name));
    return n;
}

static void note_sent(struct http2_stream *s)
{
    if (!s->full || s->writable || s->out.queued >= HTTP2_SEND_LOW)
        return;
    s->writable = true;
    http2_stream_notify(s);
}

/* The whole message decides, not what is left of it: its first bytes may be referred to in this
 * very turn. */
static bool is_large(const struct outbox *out)
{
    return out->at < out->n && out->items[out->at].n >= HTTP2_REFER;
}

/* Small messages go side by side into one frame. */
static size_t copy_messages(struct outbox *out, uint8_t *to, size_t room)
{
    size_t done = 0;
    struct str front;
    struct buf spent;

    while (done < room && (front = outbox_front(out)).n > 0 && !is_large(out)) {
        size_t n = front.n < room - done ? front.n : room - done;
        memcpy(to + done, front.p, n);
        done += n;
        if (outbox_advance(out, n, &spent))
            buf_release(&spent);
    }
    return done;
}

static ssize_t read_request(nghttp2_session *ng, int32_t id, uint8_t *to, size_t room,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)ng;
    (void)id;
    (void)user;
    struct http2_stream *s = source->ptr;
    struct outbox *out = &s->out;
    size_t n = outbox_front(out).n;
    bool end = outbox_finished(out);

    if (n == 0 && !end) {
        s->idle = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (is_large(out)) {
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
        end = n <= room && out->last && out->at + 1 == out->n;
        n = n < room ? n : room;
    } else {
        n = copy_messages(out, to, room);
        end = outbox_finished(out);
    }
    if (end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    note_sent(s);
    return (ssize_t)n;
}

static void attach(struct http2_stream *s, struct http2_session *session)
{
    s->next = session->streams;
    if (s->next)
        s->next->link = &s->next;
    s->link = &session->streams;
    session->streams = s;
    session->nstreams++;
    session->begun++;
}

void http2_stream_detach(struct http2_stream *s)
{
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    s->session->nstreams--;
    if (s->session->latest == s)
        s->session->latest = NULL;
    s->session = NULL;
}

bool http2_stream_begin(struct http2_stream *s, struct http2_session *session,
                        const struct http2_request *request)
{
    nghttp2_nv nv[HTTP2_REQUEST_HEADERS];
    nghttp2_data_provider body = {.source = {.ptr = s}, .read_callback = read_request};

    s->session = session;
    size_t n = request_headers(s, request, nv);
    s->id = n ? nghttp2_submit_request(session->ng, NULL, nv, n, &body, s) : -1;
    if (s->id < 0) {
        s->session = NULL;
        return false;
    }
    attach(s, session);
    http2_session_wake(session);
    return true;
}

static void resume(struct http2_stream *s)
{
    if (!s->session || !s->idle)
        return;
    s->idle = false;
    nghttp2_session_resume_data(s->session->ng, s->id);
    http2_session_wake(s->session);
}

bool http2_stream_send(struct http2_stream *s, struct buf *message, bool last)
{
    if (s->ended || s->out.last) {
        buf_release(message);
        return true;
    }
    tc_frame_header(message->p, (uint32_t)(message->n - TC_FRAME_HEADER));
    s->out.last = last;
    if (!outbox_add(&s->out, message))
        http2_stream_end(s, TC_CODE_RESOURCE_EXHAUSTED, STR("out of memory"));
    resume(s);
    if (s->out.queued > HTTP2_SEND_HIGH)
        s->full = true;
    return !s->full;
}

void http2_stream_half_close(struct http2_stream *s)
{
    s->out.last = true;
    resume(s);
}

/* ---- the answer's messages ---- */

static void feed(struct http2_stream *s, struct str *bytes)
{
    size_t before = bytes->n;
    enum tc_status status = tc_deframe(&s->in, bytes);

    if (s->session && before > bytes->n)
        nghttp2_session_consume_stream(s->session->ng, s->id, before - bytes->n);
    if (status == TC_OK && !s->in.compressed)
        s->whole = true;
    else if (status == TC_OK)
        http2_stream_end(s, TC_CODE_INTERNAL,
                         STR("the upstream sent a compressed message that it was not asked for"));
    else if (status == TC_INVALID)
        http2_stream_end(s, TC_CODE_INTERNAL,
                         STR("the upstream sent bytes that are no gRPC message"));
    else if (status == TC_LIMIT)
        http2_stream_end(s, TC_CODE_RESOURCE_EXHAUSTED,
                         STR("the upstream announced a message above the size limit"));
    else if (status == TC_NOMEM)
        http2_stream_end(s, TC_CODE_RESOURCE_EXHAUSTED, STR("out of memory"));
}

static void feed_unread(struct http2_stream *s)
{
    struct str rest = str_skip(buf_str(&s->unread), s->unread_at);

    if (rest.n == 0)
        return;
    feed(s, &rest);
    s->unread_at = s->unread.n - rest.n;
    if (rest.n == 0)
        s->unread.n = s->unread_at = 0;
    if (s->session)
        http2_session_wake(s->session);
}

static void keep_unread(struct http2_stream *s, struct str bytes)
{
    if (s->unread_at > s->unread.n / 2) {
        buf_consume(&s->unread, s->unread_at);
        s->unread_at = 0;
    }
    if (!buf_add(&s->unread, bytes))
        http2_stream_end(s, TC_CODE_RESOURCE_EXHAUSTED, STR("out of memory"));
}

void http2_stream_data(struct http2_stream *s, struct str bytes)
{
    if (s->wanted && !s->whole && s->unread.n == 0)
        feed(s, &bytes);
    if (bytes.n > 0 && !s->ended)
        keep_unread(s, bytes);
    if (s->whole)
        http2_stream_notify(s);
}

void http2_stream_read(struct http2_stream *s)
{
    if (s->wanted || s->ended)
        return;
    s->wanted = true;
    feed_unread(s);
    if (s->whole || s->ended || s->answer.closed_by_peer)
        http2_stream_notify(s);
}

bool http2_stream_message(struct http2_stream *s)
{
    return s->whole;
}

void http2_stream_taken(struct http2_stream *s)
{
    s->wanted = s->whole = false;
    tc_deframe_next(&s->in);
}

/* ---- the end ---- */

bool http2_stream_over(struct http2_stream *s)
{
    bool all_given = s->wanted ? !s->whole : s->unread.n == 0;

    if (!s->ended && s->answer.closed_by_peer && all_given)
        http2_answer_end(s);
    return s->ended;
}

static void reset(struct http2_stream *s, uint32_t code)
{
    if (!s->session || s->resetting)
        return;
    s->resetting = true;
    nghttp2_submit_rst_stream(s->session->ng, NGHTTP2_FLAG_NONE, s->id, code);
    http2_session_wake(s->session);
}

void http2_stream_end(struct http2_stream *s, enum tc_code code, struct str text)
{
    if (s->ended)
        return;
    s->ended = true;
    s->end = (struct call_end){.code = code, .message = text};
    http2_stream_notify(s);
    reset(s, NGHTTP2_CANCEL);
}

void http2_stream_peer_done(struct http2_stream *s)
{
    s->answer.closed_by_peer = true;
    http2_stream_notify(s);
    if (nghttp2_session_get_stream_local_close(s->session->ng, s->id) == 0)
        reset(s, NGHTTP2_NO_ERROR);
}

static enum tc_code code_of_reset(uint32_t code)
{
    switch (code) {
    case NGHTTP2_REFUSED_STREAM: return TC_CODE_UNAVAILABLE;
    case NGHTTP2_CANCEL: return TC_CODE_CANCELLED;
    case NGHTTP2_ENHANCE_YOUR_CALM: return TC_CODE_RESOURCE_EXHAUSTED;
    case NGHTTP2_INADEQUATE_SECURITY: return TC_CODE_PERMISSION_DENIED;
    default: return TC_CODE_INTERNAL;
    }
}

static void end_by_reset(struct http2_stream *s, uint32_t code)
{
    const char *who = s->reset ? "the upstream reset the stream" : "the stream was reset";

    if (code == NGHTTP2_REFUSED_STREAM && !s->answer.head)
        s->attempt = HTTP2_UNSTARTED;
    struct str text = arena_printf(&s->arena, "%s (%s)", who, nghttp2_http2_strerror(code));
    s->ended = true;
    s->end = (struct call_end){.code = code_of_reset(code), .message = text};
}

void http2_stream_closed(struct http2_stream *s, uint32_t code)
{
    http2_stream_detach(s);
    if (!s->ended && !s->answer.closed_by_peer)
        end_by_reset(s, code);
    http2_stream_notify(s);
}

void http2_stream_lost(struct http2_stream *s, struct str why)
{
    http2_stream_detach(s);
    if (!s->ended && !s->answer.closed_by_peer) {
        s->ended = true;
        s->end = (struct call_end){.code = TC_CODE_UNAVAILABLE,
                                   .message = arena_copy(&s->arena, why)};
    }
    http2_stream_notify(s);
}

bool http2_stream_rewind(struct http2_stream *s)
{
    if (!outbox_rewind(&s->out))
        return false;
    forget_answer(s);
    return true;
}
