/* One call as an HTTP/2 stream: the request's headers and messages out, the answer's headers,
 * messages and status in. Lives inside the call that owns it and outlives sessions: after an
 * attempt that surely did not start it can be begun on another one.
 *
 *     init -> begin -> news...-> closed -> rewind -> begin ...
 *                                       -> reset
 *
 * The peer's bytes wait undecoded, bounded by the stream's window, until a message is asked for;
 * from then on they go straight into that message and the window is given back as they come. */
#pragma once

#include "gateway/core/channel.h"
#include "gateway/upstream/outbox.h"
#include "transcoder/frame.h"

enum {
    HTTP2_SEND_HIGH = 64 << 10, /* call_send says "wait" above */
    HTTP2_SEND_LOW = 32 << 10,  /* ... and `writable` comes below */
    HTTP2_REFER = 4 << 10,      /* messages from this size on are not copied */
    HTTP2_ARENA_BLOCK = 2 << 10,
    HTTP2_ARENA_MAX = 256 << 10, /* headers both ways and a sentence, over all attempts */
};

struct http2_session;
struct http2_stream;

/* Streams that have news, first come first. The owner pops them when it is safe to tell. */
struct http2_ready {
    struct http2_stream *first, *last;
};

enum http2_attempt {
    HTTP2_STARTED,   /* the peer may have begun to execute the RPC */
    HTTP2_UNSTARTED, /* it surely has not (GOAWAY, REFUSED_STREAM): may be sent again */
    HTTP2_UNSENT,    /* not a byte has left */
};

/* Of one attempt; all slices in the stream's arena. */
struct http2_answer {
    int http_status;                                   /* 0: no head yet */
    bool grpc;                                         /* content-type is application/grpc... */
    bool head, trailers;                               /* complete */
    bool closed_by_peer;                               /* END_STREAM seen */
    struct str status, message, details, content_type; /* as on the wire; p == NULL: absent */
    struct headers metadata, trailing;
    uint32_t count, bytes; /* of the block being read */
};

struct http2_stream {
    struct http2_session *session;     /* while nghttp2 knows the stream */
    struct http2_stream *next, **link; /* in the session's list */
    struct http2_ready *ready;
    struct http2_stream *next_ready;
    int32_t id;
    bool queued;    /* on the ready list */
    bool idle;      /* nghttp2 waits for http2_stream_send */
    bool full;      /* http2_stream_send has returned false */
    bool writable;  /* news: and is below the low-water mark since */
    bool headers;   /* news: initial metadata not yet told */
    bool wanted;    /* a message was asked for and not yet given */
    bool whole;     /* `in` holds that message */
    bool ended;     /* `end` stands, whatever still comes */
    bool reset;     /* the peer has sent RST_STREAM before its answer was complete */
    bool resetting; /* we have */
    enum http2_attempt attempt;
    uint8_t grpc_timeout_n;
    char grpc_timeout[12];
    struct http2_answer answer;
    struct outbox out;
    struct tc_deframer in;
    struct buf unread; /* bytes behind those in `in` */
    size_t unread_at;
    struct call_end end;
    struct arena arena;
};

struct http2_request {
    struct str path;
    const struct header *metadata;
    size_t nmetadata;
    uint64_t timeout_ns; /* 0: none */
};

/* For a zeroed one. Allocates nothing. */
void http2_stream_init(struct http2_stream *s, struct http2_ready *ready);
/* Forgets the call and keeps memory for the next one. Not while s->session is set. */
void http2_stream_reset(struct http2_stream *s, size_t max_message);
void http2_stream_release(struct http2_stream *s);

/* Begins the request on a session with room. What `request` points to must stay until the stream is
 * closed. False: out of memory or too many headers; nothing happened. */
bool http2_stream_begin(struct http2_stream *s, struct http2_session *session,
                        const struct http2_request *request);
/* As call_send, call_half_close, call_read; also before begin. */
bool http2_stream_send(struct http2_stream *s, struct buf *message, bool last);
void http2_stream_half_close(struct http2_stream *s);
void http2_stream_read(struct http2_stream *s);

/* A message that was asked for is whole: s->in.message. Take it, then call http2_stream_taken. */
bool http2_stream_message(struct http2_stream *s);
void http2_stream_taken(struct http2_stream *s);
/* The call is over and no message is left to give: s->end says how. */
bool http2_stream_over(struct http2_stream *s);

/* Ends it from our side; the first end stands. An open stream is reset (CANCEL). `text` must live
 * as long as the stream's arena. */
void http2_stream_end(struct http2_stream *s, enum tc_code code, struct str text);
/* Makes ready for another begin. False: bytes were already given up. Not while s->session is set.
 */
bool http2_stream_rewind(struct http2_stream *s);

/* Puts the stream on its ready list. */
void http2_stream_notify(struct http2_stream *s);
struct http2_stream *http2_ready_pop(struct http2_ready *ready);
