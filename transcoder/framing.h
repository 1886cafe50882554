/* How the messages of a stream stand in an HTTP body.
 *
 * Out (server streaming), chosen by the client's Accept: Server-Sent Events (WHATWG HTML 9.2:
 * "data: {...}\n\n"; an error is "event: error"; keep-alive is a ":\n\n" comment), NDJSON (one JSON
 * text a line; an error is {"error":{...}}), or a JSON array (an error is a last element
 * {"error":{...}}, and the array stays unclosed: cut off, never cleanly ended). Messages that are
 * google.api.HttpBody stand side by side as they are, and a failure shows by the cut alone.
 *
 * In (client streaming): a JSON array, or NDJSON / concatenated JSON values. */
#pragma once

#include "transcoder/buf.h"
#include "transcoder/encode.h"
#include "transcoder/error.h"

enum tc_framing {
    TC_FRAMING_ARRAY,
    TC_FRAMING_NDJSON,
    TC_FRAMING_SSE,
    TC_FRAMING_RAW, /* nothing around or between the messages */
    TC_FRAMING_COUNT
};

/* "application/json", "application/x-ndjson", "text/event-stream"; RAW: for bytes that say nothing
 * themselves, "application/octet-stream". */
struct str tc_framing_content_type(enum tc_framing f);

/* Each appends; false when `out` is full. `first` is true for the first message of the stream. */
bool tc_framing_before(enum tc_framing f, struct buf *out, bool first);
bool tc_framing_after(enum tc_framing f, struct buf *out);
/* The clean end; `empty` when no message was sent. */
bool tc_framing_end(enum tc_framing f, struct buf *out, bool empty);
/* The visible end of a stream that failed; `status` is the JSON of a google.rpc.Status. */
bool tc_framing_error(enum tc_framing f, struct buf *out, bool first, struct str status);
/* What is sent when nothing happened for a while; empty where the framing has no such thing. */
struct str tc_framing_keepalive(enum tc_framing f);

/* Reads the messages of a client's stream: finds out by the first byte whether it is an array or a
 * sequence of values. */
struct tc_unframer {
    struct tc_encoder *encoder; /* made for one message; reset for each */
    struct tc_error *error;
    size_t offset;     /* bytes of the body consumed */
    uint32_t messages; /* complete ones so far */
    uint8_t state;
    bool array;
};

void tc_unframer_init(struct tc_unframer *u, struct tc_encoder *encoder, struct tc_error *error);
/* TC_OK: one message is complete and finished in the encoder's `out`; take it, reset nothing, call
 * again with the rest. TC_MORE: all of `*in` consumed. TC_INVALID, TC_LIMIT, TC_NOMEM: final;
 * offsets count from the start of the body and the path begins with the index of the message:
 * "[3].text". */
enum tc_status tc_unframe(struct tc_unframer *u, struct str *in);
/* End of the body. TC_OK: it ended cleanly and nothing is pending; TC_MORE: it completed one last
 * message (a top-level number has no end of its own), take it and call again; TC_INVALID: cut
 * short. */
enum tc_status tc_unframe_finish(struct tc_unframer *u);
