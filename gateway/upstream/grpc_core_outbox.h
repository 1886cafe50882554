/* The messages of one call on their way to core, oldest first. What was sent stays here as long as
 * the call may have to be sent again. Core takes the memory of a message as it is, without a copy.
 *
 *     grpc_byte_buffer *m = core_outbox_next(&o);     // into a batch
 *     core_outbox_sent(&o);                           // the batch has come back
 *
 * Owned by its call; the worker's thread. */
#pragma once

#include <grpc/byte_buffer.h>

#include "transcoder/arena.h"
#include "transcoder/buf.h"

enum { CORE_KEEP = 256 << 10 }; /* more than this is not kept, unless it is one message */

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
