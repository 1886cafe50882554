/* The inside of the second channel.
 *
 *     worker's thread                                        queue's thread
 *     start, send, read, cancel  -> dirty list
 *     idle: core_call_turn       -> grpc_call_start_batch -> grpc_completion_queue_next
 *     async: core_call_returned  <- mailbox               <- tag
 *
 * Each call has one tag for each kind of batch; what is in core's hands is `busy` and keeps the
 * memory of the call. Everything but core_queue's mailbox belongs to the worker's thread. */
#pragma once

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <pthread.h>

#include "gateway/upstream/grpc_core.h"

enum {
    CORE_SEND_HIGH = 64 << 10, /* call_send says "wait" above */
    CORE_SEND_LOW = 32 << 10,  /* ... and `writable` comes below */
    CORE_WINDOW = 256 << 10,   /* bytes a stream may hold unasked */
    CORE_METADATA = 16 << 10,  /* bytes of one response head, and of its trailers */
    CORE_KEEP = 256 << 10,     /* more than this is not kept for another try */
    CORE_TRIES = 5,            /* of a call that surely did not start */
    CORE_TRIES_AGAIN = 2,      /* of an idempotent one whose connection died */
    CORE_ARENA_BLOCK = 2 << 10,
    CORE_ARENA_MAX = 512 << 10,
};

struct core_call;

struct core_tag {
    struct core_tag *next; /* in the mailbox */
    struct core_call *call;
    void (*returned)(struct core_call *c, bool ok);
    bool busy, ok;
};

/* One completion queue and its thread, shared by the channels of a loop. */
struct core_queue {
    struct core_queue *next; /* of the same thread, another loop */
    uv_loop_t *loop;
    uint32_t channels;
    grpc_completion_queue *cq;
    pthread_t thread;
    pthread_mutex_t lock;         /* guards the three below */
    struct core_tag *first, *last; /* what core has given back */
    bool finished;                /* the thread will not touch this any more */
    uv_async_t async;             /* rung by the thread */
    uv_idle_t idle;               /* active while there are dirty calls */
    uint32_t open_handles;
    struct core_call *dirty, **dirty_tail;
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

struct core_message {
    struct core_message *next;
    grpc_byte_buffer *bytes; /* NULL: given away */
    size_t n;
};

/* Messages of a call on their way to core, oldest first. Nodes live in the call's arena. */
struct core_outbox {
    struct core_message *first, **tail, *spare;
    struct core_message *at;     /* the next to be sent */
    grpc_byte_buffer *in_flight; /* in core's hands */
    size_t queued, sent;         /* bytes */
    bool last;                   /* no message will follow */
    bool keep;                   /* what was sent stays for another try, at first */
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

/* grpc_core_queue.c */
/* The queue of `loop`, made if there is none. NULL: out of memory or threads. */
struct core_queue *core_queue_take(uv_loop_t *loop);
void core_queue_drop(struct core_queue *q);
/* core_call_turn will be called soon, from the loop. */
void core_queue_schedule(struct core_queue *q, struct core_call *c);

/* grpc_core_target.c */
/* Fills targets and turns. False: out of memory; core_channel_release takes it as it is. */
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
 * arena. `details` takes grpc-status-details-bin, as bytes, out of the list. False: out of memory. */
bool core_metadata_to(struct core_call *c, const grpc_metadata_array *from, struct headers *out,
                      struct str *details);

/* grpc_core_answer.c */
void core_answer_init(struct core_answer *a);
void core_answer_release(struct core_answer *a);
enum core_cause core_answer_cause(const struct core_answer *a);
/* Writes c->end from what core said. */
void core_answer_end(struct core_call *c);

/* grpc_core_outbox.c */
void core_outbox_init(struct core_outbox *o);
void core_outbox_release(struct core_outbox *o);
/* Takes the memory of `message`, prefix room included. False when memory is short: released. */
bool core_outbox_add(struct core_outbox *o, struct arena *arena, struct buf *message);
/* The message to be sent next, or NULL; it is in flight until core_outbox_sent. */
grpc_byte_buffer *core_outbox_next(struct core_outbox *o);
void core_outbox_sent(struct core_outbox *o);
/* No further try: nothing needs to be kept. */
void core_outbox_commit(struct core_outbox *o);
/* Everything will be sent once more from the start. False once committed. */
bool core_outbox_rewind(struct core_outbox *o);
