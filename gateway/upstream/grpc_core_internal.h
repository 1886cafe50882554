/* The inside of the second channel: its calls. Each has one tag for each kind of batch; what is in
 * core's hands is `busy` and keeps the memory of the call. All of it belongs to the worker's
 * thread. */
#pragma once

#include "gateway/upstream/grpc_core.h"
#include "gateway/upstream/grpc_core_outbox.h"
#include "gateway/upstream/grpc_core_queue.h"

enum {
    CORE_SEND_HIGH = 64 << 10, /* call_send says "wait" above */
    CORE_SEND_LOW = 32 << 10,  /* ... and `writable` comes below */
    CORE_WINDOW = 256 << 10,   /* bytes a stream may hold unasked */
    CORE_METADATA = 16 << 10,  /* bytes of one response head, and of its trailers */
    CORE_TRIES = 5,            /* of a call that surely did not start */
    CORE_TRIES_AGAIN = 2,      /* of an idempotent one whose connection died */
    CORE_ARENA_BLOCK = 2 << 10,
    CORE_ARENA_MAX = 512 << 10,
};

struct core_channel {
    struct channel base;
    struct core_queue *queue;
    grpc_channel **targets; /* mostly one */
    uint32_t ntargets;
    uint32_t *turns; /* targets, one turn for each endpoint */
    uint32_t nturns, turn;
    struct core_call *calls;
    bool closing;
};

/* Of one attempt: what core writes into. */
struct core_answer {
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *message;
    grpc_status_code code;
    grpc_slice text;
    const char *error;
};

/* What a status comes from. */
enum core_cause {
    CORE_PEER,    /* it has sent it */
    CORE_REFUSED, /* the peer surely has not begun */
    CORE_LOST,    /* the connection died */
    CORE_FAILED,  /* anything else that core has seen or decided */
};

struct core_call {
    struct call base;
    struct core_channel *channel;
    struct core_call *next, **link; /* of the channel */
    struct core_call *next_dirty;
    bool dirty;
    struct call_events events;
    void *ctx;
    uint64_t deadline;
    size_t max_message;
    grpc_slice path;
    grpc_metadata *metadata;
    size_t nmetadata;
    struct core_outbox out;
    grpc_call *call;
    struct core_tag sent, head, message, status;
    uint32_t busy; /* tags in core's hands */
    uint32_t tries;
    struct core_answer answer;
    bool idempotent;
    bool started;     /* SEND_INITIAL_METADATA was given to core */
    bool half_closed; /* SEND_CLOSE_FROM_CLIENT was given to core */
    bool head_known, head_told, status_known;
    bool wanted; /* a message was asked for and not yet given */
    bool full;   /* call_send has returned false */
    bool ended;  /* `end` stands */
    bool done;   /* the caller has forgotten the call */
    struct call_end end;
    struct arena arena;
};

/* grpc_core_target.c */
/* Fills targets and turns. False: out of memory; what is there is released with the channel. */
bool core_channel_dial(struct core_channel *ch, const struct cluster_config *config);
/* The target whose turn it is, one that is up before one that is not. */
grpc_channel *core_channel_pick(struct core_channel *ch);

/* grpc_core_call.c */
extern const struct channel_ops core_ops;
void core_call_turn(struct core_call *c);
void core_call_returned(struct core_tag *tag);
/* Ends the call from our side; the first end stands. `text` must live as long as the call. */
void core_call_end(struct core_call *c, enum tc_code code, struct str text);

/* grpc_core.c */
/* When the channel is closing and its last call is gone, so is the channel. */
void core_channel_settle(struct core_channel *ch);

/* grpc_core_metadata.c */
/* Copies them; "-bin" values as the bytes that core wants. */
bool core_metadata_from(struct core_call *c, const struct header *metadata, size_t n);
/* As the rest of the gateway knows them: "-bin" values in base64. Points into core's memory and the
 * arena. `details` takes grpc-status-details-bin, as bytes, out of the list. False: out of memory.
 */
bool core_metadata_to(struct core_call *c, const grpc_metadata_array *from, struct headers *out,
                      struct str *details);

/* grpc_core_answer.c */
void core_answer_init(struct core_answer *a);
void core_answer_release(struct core_answer *a);
enum core_cause core_answer_cause(const struct core_answer *a);
/* Writes c->end from what core said. */
void core_answer_end(struct core_call *c);
