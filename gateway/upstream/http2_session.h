/* The client's side of one HTTP/2 connection, without the connection: bytes of the peer go in,
 * bytes for the peer come out, so that tests need no socket.
 *
 *     struct http2_session *s = http2_session_new(&options, wake, ctx);
 *     http2_stream_begin(&stream, s, &request);      // http2_stream.h
 *     http2_session_gather(s, &output);              // write these, then output_reset
 *     http2_session_receive(s, bytes);               // then pop streams with news
 *     http2_session_free(s, STR("why"));             // open streams end as lost
 *
 * nghttp2's callbacks only take notes: streams with news are put on the ready list, which the owner
 * empties later, when no call of nghttp2 is on the stack. Owned by one connection and its thread.
 */
#pragma once

#include "gateway/core/channel.h"
#include "gateway/upstream/http2_stream.h"
#include "gateway/upstream/output.h"

enum {
    HTTP2_STREAM_WINDOW = 256 << 10,   /* bytes a stream may hold unasked */
    HTTP2_CONNECTION_WINDOW = 8 << 20, /* handed back at once: streams alone slow a peer down */
    HTTP2_HEADER_BYTES = 16 << 10,     /* of one response head, and of its trailers */
    HTTP2_HEADER_COUNT = 100,
    HTTP2_REQUEST_HEADERS = 160, /* own ones and metadata of a call */
    HTTP2_ACKS = 256,            /* answers to SETTINGS and PING in one turn: more is a flood */
    HTTP2_REASON = 160,
};

struct nghttp2_session;

struct http2_session {
    struct nghttp2_session *ng;
    struct http2_stream *streams;   /* those that nghttp2 knows */
    struct http2_stream *latest;    /* the last one that nghttp2 spoke of; NULL: not known */
    uint32_t nstreams, max_streams; /* ceiling of our own */
    uint64_t begun;                 /* streams in all */
    struct str authority;           /* :authority of all its calls */
    void (*wake)(void *ctx);        /* there is something to gather */
    void *ctx;
    struct output *gathering;  /* during http2_session_gather */
    bool settings_seen;        /* the peer has greeted */
    bool goaway;               /* no new streams; those that are open go on */
    bool calm;                 /* that GOAWAY said ENHANCE_YOUR_CALM */
    bool pinged;               /* a PING of ours waits for its answer */
    bool broken;               /* of no more use; `reason` says why */
    char reason[HTTP2_REASON]; /* ends "connection to host:port ..." */
};

struct http2_session_options {
    struct str authority; /* must outlive the session */
    uint32_t max_streams;
};

/* NULL: out of memory. The preface and SETTINGS are ready to be gathered. */
struct http2_session *http2_session_new(const struct http2_session_options *options,
                                        void (*wake)(void *ctx), void *ctx);
/* Streams still open end with UNAVAILABLE and `why` (a whole sentence), those that were never sent
 * as unstarted. */
void http2_session_free(struct http2_session *s, struct str why);

/* False: the connection must be closed (s->reason). */
bool http2_session_receive(struct http2_session *s, struct str bytes);
/* Appends what is to be sent, as much as there is room for; the stream's own bytes must not change
 * until they are written. False as for receive. */
bool http2_session_gather(struct http2_session *s, struct output *out);
/* More can be gathered now. */
bool http2_session_has_output(const struct http2_session *s);
/* Neither side has anything to say any more: close. */
bool http2_session_finished(const struct http2_session *s);

/* How many streams may be begun now: 0 before the peer's SETTINGS, after GOAWAY and when its limit
 * or ours is reached. */
uint32_t http2_session_room(const struct http2_session *s);
void http2_session_ping(struct http2_session *s);
/* Says goodbye: gathered next. */
void http2_session_goaway(struct http2_session *s);
