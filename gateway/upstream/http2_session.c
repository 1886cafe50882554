#include "gateway/upstream/http2_session.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/upstream/http2_internal.h"

static struct str slice(const uint8_t *p, size_t n)
{
    return str_of((const char *)p, n);
}

/* First reason wins: what follows is only its consequence. */
static void set_reason(struct http2_session *s, const char *what, const char *detail)
{
    if (s->reason[0] == '\0')
        snprintf(s->reason, sizeof s->reason, detail ? "%s (%s)" : "%s", what, detail);
}

/* Callbacks come in rows that speak of one stream. */
static struct http2_stream *stream_of(struct http2_session *s, int32_t id)
{
    if (id == 0)
        return NULL;
    if (!s->latest || s->latest->id != id)
        s->latest = nghttp2_session_get_stream_user_data(s->ng, id);
    return s->latest;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    (void)ng;
    struct http2_stream *stream = stream_of(user, frame->hd.stream_id);
    if (stream) {
        stream->answer.count = 0;
        stream->answer.bytes = 0;
    }
    return 0;
}

/* The one error that nghttp2 documents as harmless here: it resets the stream and goes on decoding
 * the block, without calling us, so that a bomb of compressed references costs no memory. */
static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
    (void)flags;
    (void)ng;
    struct http2_stream *stream = stream_of(user, frame->hd.stream_id);
    if (!stream || stream->ended)
        return 0;
    bool fits = http2_answer_header(stream, slice(name, name_n), slice(value, value_n));
    return fits ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user)
{
    (void)flags;
    (void)ng;
    struct http2_stream *stream = stream_of(user, id);
    nghttp2_session_consume_connection(ng, n);
    if (stream && !stream->ended)
        http2_stream_data(stream, slice(p, n));
    return 0;
}

static void goaway_received(struct http2_session *s, const nghttp2_goaway *goaway)
{
    s->goaway = true;
    if (goaway->error_code == NGHTTP2_ENHANCE_YOUR_CALM)
        s->calm = true;
    if (goaway->error_code != NGHTTP2_NO_ERROR)
        set_reason(s, "was given up by the peer", nghttp2_http2_strerror(goaway->error_code));
}

static void stream_frame_received(struct http2_stream *stream, const nghttp2_frame *frame)
{
    bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (frame->hd.type == NGHTTP2_HEADERS && !stream->ended)
        http2_answer_block(stream, end);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) && end)
        http2_stream_peer_done(stream);
    if (frame->hd.type == NGHTTP2_RST_STREAM && !stream->answer.closed_by_peer)
        stream->reset = true;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    (void)ng;
    struct http2_session *s = user;
    bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    struct http2_stream *stream = stream_of(s, frame->hd.stream_id);

    if (stream)
        stream_frame_received(stream, frame);
    else if (frame->hd.type == NGHTTP2_SETTINGS && !ack)
        s->settings_seen = true;
    else if (frame->hd.type == NGHTTP2_PING && ack)
        s->pinged = false;
    else if (frame->hd.type == NGHTTP2_GOAWAY)
        goaway_received(s, &frame->goaway);
    return 0;
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    (void)ng;
    struct http2_session *s = user;
    struct http2_stream *stream = stream_of(s, frame->hd.stream_id);

    if (frame->hd.type == NGHTTP2_HEADERS && stream)
        stream->attempt = HTTP2_STARTED;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        set_reason(s, "broke the HTTP/2 protocol",
                   nghttp2_http2_strerror(frame->goaway.error_code));
    return 0;
}

/* Never fails: nghttp2 leaks the stream when this callback does. */
static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
    (void)ng;
    struct http2_stream *stream = stream_of(user, id);
    if (stream)
        http2_stream_closed(stream, code);
    return 0;
}

static int send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t n,
                     nghttp2_data_source *source, void *user)
{
    (void)ng;
    (void)frame;
    struct http2_session *s = user;
    struct http2_stream *stream = source->ptr;
    struct buf spent;

    if (!output_has_room(s->gathering))
        return NGHTTP2_ERR_WOULDBLOCK;
    output_copy(s->gathering, head, 9);
    output_refer(s->gathering, outbox_front(&stream->out).p, n);
    if (outbox_advance(&stream->out, n, &spent))
        output_spend(s->gathering, &spent);
    return 0;
}

static nghttp2_session_callbacks *callbacks_new(void)
{
    nghttp2_session_callbacks *c;

    if (nghttp2_session_callbacks_new(&c) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(c, send_data);
    return c;
}

static nghttp2_option *options_new(uint32_t max_streams)
{
    nghttp2_option *o;

    if (nghttp2_option_new(&o) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(o, 1);
    /* gRPC servers do send values with blanks at their ends (a status message made of an
     * exception). */
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(o, 1);
    nghttp2_option_set_peer_max_concurrent_streams(o, max_streams);
    nghttp2_option_set_max_reserved_remote_streams(o, 0);
    nghttp2_option_set_max_outbound_ack(o, HTTP2_ACKS);
    nghttp2_option_set_no_closed_streams(o, 1);
    return o;
}

static bool greet(struct http2_session *s)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEADER_BYTES},
    };
    size_t n = sizeof settings / sizeof *settings;

    return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, settings, n) == 0 &&
           nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0,
                                                 HTTP2_CONNECTION_WINDOW) == 0;
}

static bool start(struct http2_session *s)
{
    nghttp2_session_callbacks *callbacks = callbacks_new();
    nghttp2_option *options = callbacks ? options_new(s->max_streams) : NULL;
    bool ok = options && nghttp2_session_client_new2(&s->ng, callbacks, s, options) == 0;

    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    return ok && greet(s);
}

struct http2_session *http2_session_new(const struct http2_session_options *options,
                                        void (*wake)(void *ctx), void *ctx)
{
    struct http2_session *s = calloc(1, sizeof *s); /* breach: lives as long as its connection */

    if (!s)
        return NULL;
    s->authority = options->authority;
    s->max_streams = options->max_streams;
    s->wake = wake;
    s->ctx = ctx;
    if (start(s))
        return s;
    nghttp2_session_del(s->ng);
    free(s);
    return NULL;
}

void http2_session_free(struct http2_session *s, struct str why)
{
    if (!s)
        return;
    while (s->streams)
        http2_stream_lost(s->streams, why);
    nghttp2_session_del(s->ng);
    free(s);
}

static bool fail(struct http2_session *s, ssize_t error)
{
    s->broken = true;
    if (error == NGHTTP2_ERR_FLOODED)
        set_reason(s, "sent a flood of control frames", NULL);
    else if (error == NGHTTP2_ERR_NOMEM)
        set_reason(s, "was given up: out of memory", NULL);
    else
        set_reason(s, "broke the HTTP/2 protocol", nghttp2_strerror((int)error));
    return false;
}

bool http2_session_receive(struct http2_session *s, struct str bytes)
{
    ssize_t n = nghttp2_session_mem_recv(s->ng, (const uint8_t *)bytes.p, bytes.n);
    return n < 0 ? fail(s, n) : true;
}

bool http2_session_gather(struct http2_session *s, struct output *out)
{
    const uint8_t *piece;
    ssize_t n = 0;

    s->gathering = out;
    while (output_has_room(out) && (n = nghttp2_session_mem_send(s->ng, &piece)) > 0)
        output_copy(out, piece, (size_t)n);
    s->gathering = NULL;
    return n < 0 ? fail(s, n) : true;
}

bool http2_session_has_output(const struct http2_session *s)
{
    return nghttp2_session_want_write(s->ng) != 0;
}

bool http2_session_finished(const struct http2_session *s)
{
    return !nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng);
}

uint32_t http2_session_room(const struct http2_session *s)
{
    if (!s->settings_seen || s->goaway || s->broken ||
        !nghttp2_session_check_request_allowed(s->ng))
        return 0;
    uint32_t max = nghttp2_session_get_remote_settings(s->ng,
                                                       NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (max > s->max_streams)
        max = s->max_streams;
    return max > s->nstreams ? max - s->nstreams : 0;
}

void http2_session_ping(struct http2_session *s)
{
    s->pinged = nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, NULL) == 0;
    http2_session_wake(s);
}

void http2_session_goaway(struct http2_session *s)
{
    s->goaway = true;
    /* Not terminate_session: that drops the resets which wait in front of it. */
    nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
    http2_session_wake(s);
}
