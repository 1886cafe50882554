/* Client calls with C structs, over any channel (our HTTP/2 or gRPC core). You call the generated
 * functions; this is what they stand on and what they share.
 *
 *     static void on_text(void *ctx, const Demo__V1__GenerateResponse *r, const struct call_end
 * *end)
 *     {
 *         if (r) puts(r->text); else fprintf(stderr, "%s\n", tc_code_name(end->code).p);
 *     }
 *     Demo__V1__GenerateRequest request = DEMO__V1__GENERATE_REQUEST__INIT;
 *     request.model = "tiny";
 *     struct client_call *c = demo__v1__text_generation__generate(channel, NULL, &request, on_text,
 * ctx);
 *
 * A single answer comes in one `done` callback, with the response or NULL when the call failed. A
 * stream comes message by message (returning false holds it until client_call_read), then its
 * `end`. Calls that stream requests have a second function, ..__send. Callbacks come on the
 * channel's thread, never from inside the functions here, and structs given to them are valid until
 * they return. After `done` or `end`, and after client_call_cancel, the call is gone. */
#pragma once

#include "gateway/core/channel.h"
#include "stubs/method.h"

struct client_call;

/* NULL for all defaults. Copied. */
struct client_options {
    const struct header *metadata; /* names in lower case, "-bin" values in base64 */
    size_t nmetadata;
    uint64_t deadline;  /* uv_hrtime() when it must be over; 0: none */
    size_t max_message; /* of the peer, bytes; 0: 64 MiB. Its structs may take eight times that */
    bool idempotent;    /* may be sent again when the peer may have begun */
    void (*writable)(void *ctx); /* go on sending, after CLIENT_QUEUED */
};

enum client_sent {
    CLIENT_SENT,
    CLIENT_QUEUED,  /* taken, but much is waiting: go on at `writable` */
    CLIENT_REFUSED, /* not taken: too large or memory is short. The call is as it was */
};

typedef void client_end(void *ctx, const struct call_end *end);

/* What the generated functions call. `message` is the typed callback, for single answers the
 * `done`; `end` is NULL for those. `request` is NULL when requests are streamed. NULL: out of
 * memory, or the request does not fit; no callback follows. */
struct client_call *client_call_start(struct channel *ch, const struct stub_method *method,
                                      const struct client_options *options,
                                      const ProtobufCMessage *request, stub_any *message,
                                      client_end *end, void *ctx);
enum client_sent client_call_send(struct client_call *c, const ProtobufCMessage *message,
                                  bool last);
/* No further request follows. Not after a send with `last`. */
void client_call_half_close(struct client_call *c);
/* Goes on after a message callback has returned false. Not after `end`, which waits for no read. */
void client_call_read(struct client_call *c);
/* Ends the call now; no callback follows. May be called from inside one. */
void client_call_cancel(struct client_call *c);
