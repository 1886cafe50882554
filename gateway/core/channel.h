/* One way to call a gRPC service, whatever carries it: our HTTP/2 client over a cluster of
 * endpoints, or gRPC core. Generated client stubs, the exchange, health checks and reflection all
 * call through this.
 *
 *     struct call *c = channel_start(ch, &options, &events, ctx);   // NULL: out of memory, no
 * event follows call_send(c, &message, true);                                 // message moved;
 * true = the last one call_read(c);                                                 // ready for
 * one message
 *       -> events: headers? message* end                            // `end` exactly once, last,
 * always, also on every failure
 *
 * A channel and its calls belong to one thread, the one whose loop it was opened on; all events
 * come on it, never from inside channel_start, call_send, call_read or call_cancel. After `end`,
 * and after call_cancel, the call is gone. */
#pragma once

#include "gateway/core/header.h"
#include "transcoder/buf.h"
#include "transcoder/frame.h"
#include "transcoder/status.h"

struct channel;
struct call;

struct call_options {
    struct str path;               /* "/pkg.Service/Method" */
    const struct header *metadata; /* already fit for the wire (metadata.h); "-bin" values are
                                      base64 */
    size_t nmetadata;
    uint64_t deadline;  /* uv_hrtime() value in ns when the call must be over; 0: none. Sent as
                           grpc-timeout and enforced */
    size_t max_message; /* ceiling for one message from the peer */
    bool idempotent;    /* may be sent again even when the peer may have begun to execute it */
};

struct call_end {
    enum tc_code code;
    struct str message; /* grpc-message, decoded; or our own sentence when the failure is ours */
    struct str details; /* serialized google.rpc.Status, decoded from grpc-status-details-bin */
    const struct header *trailers;
    size_t ntrailers;
    uint32_t retries; /* times the call was sent again */
    bool from_peer;   /* the peer sent this status; else the transport failed or we ended it */
    bool deadline;    /* our own deadline passed */
    bool unstarted;   /* the peer surely has not begun to execute the call */
};

/* Everything pointed to is valid during the event only. */
struct call_events {
    /* Initial metadata, at most once, before the first message. Left out when the peer answered
     * with trailers alone. */
    void (*headers)(void *ctx, const struct header *metadata, size_t n);
    /* One whole message, without its prefix; comes only after a call_read that is not yet answered.
     * The receiver may take the memory (buf_move). */
    void (*message)(void *ctx, struct buf *message);
    /* What waits to be sent fell below the low-water mark after call_send had returned false. */
    void (*writable)(void *ctx);
    void (*end)(void *ctx, const struct call_end *end);
};

struct channel_ops {
    struct call *(*start)(struct channel *, const struct call_options *, const struct call_events *,
                          void *ctx);
    bool (*send)(struct call *, struct buf *message, bool last);
    void (*half_close)(struct call *);
    void (*read)(struct call *);
    void (*cancel)(struct call *);
    void (*close)(struct channel *);
};

/* First members of every implementation's own struct. */
struct channel {
    const struct channel_ops *ops;
};
struct call {
    const struct channel_ops *ops;
};

/* Begins a call. Options are copied. The connection may not be up yet: the call then waits for it,
 * within its deadline. */
static inline struct call *channel_start(struct channel *ch, const struct call_options *o,
                                         const struct call_events *events, void *ctx)
{
    return ch->ops->start(ch, o, events, ctx);
}

/* Takes over the memory of `message`, whose first TC_FRAME_HEADER bytes are room for the prefix,
 * which the channel writes: call_message_init prepares such a buffer. False: taken all the same,
 * but much is queued; wait for `writable`. */
static inline bool call_send(struct call *c, struct buf *message, bool last)
{
    return c->ops->send(c, message, last);
}

/* No further message will be sent. Not after call_send(..., true). */
static inline void call_half_close(struct call *c)
{
    c->ops->half_close(c);
}

/* Asks for one more message. Without it the peer is slowed down by flow control once a message is
 * waiting. */
static inline void call_read(struct call *c)
{
    c->ops->read(c);
}

/* Ends the call now; the peer sees RST_STREAM(CANCEL). No event follows. */
static inline void call_cancel(struct call *c)
{
    c->ops->cancel(c);
}

/* Ends the channel: calls in flight get UNAVAILABLE. The memory goes when the last of its handles
 * has closed. */
static inline void channel_close(struct channel *ch)
{
    ch->ops->close(ch);
}

/* Makes `b` an empty message of at most `max` bytes with room for the prefix in front. False when
 * memory is short. */
static inline bool call_message_init(struct buf *b, size_t max)
{
    buf_init(b, max > SIZE_MAX - TC_FRAME_HEADER ? SIZE_MAX : max + TC_FRAME_HEADER);
    char *room = buf_reserve(b, TC_FRAME_HEADER);
    if (room)
        b->n = TC_FRAME_HEADER;
    return room != NULL;
}
