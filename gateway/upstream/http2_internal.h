/* What the session's callbacks tell a stream. Callbacks only take notes: nothing here calls the
 * owner of the stream. */
#pragma once

#include "gateway/upstream/http2_session.h"

/* A header of the block being read. False: the block is too large and the stream must be reset; its
 * end is noted. */
bool http2_answer_header(struct http2_stream *s, struct str name, struct str value);
/* The block is complete. */
void http2_answer_block(struct http2_stream *s, bool end_stream);
/* Writes s->end from what the peer sent, when all of it is there. */
void http2_answer_end(struct http2_stream *s);

void http2_stream_data(struct http2_stream *s, struct str bytes);
/* END_STREAM seen. The rest of our request is of no use to the peer. */
void http2_stream_peer_done(struct http2_stream *s);
/* nghttp2 has forgotten the stream; `code` is HTTP/2's error code. */
void http2_stream_closed(struct http2_stream *s, uint32_t code);
/* The connection is gone. */
void http2_stream_lost(struct http2_stream *s, struct str why);
/* Takes it out of the session's list. */
void http2_stream_detach(struct http2_stream *s);

static inline void http2_session_wake(struct http2_session *s)
{
    if (s->wake)
        s->wake(s->ctx);
}
