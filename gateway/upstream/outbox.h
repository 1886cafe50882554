/* The messages of one call on their way to the peer, with their prefixes, oldest first. What was
 * sent stays here as long as the call may have to be sent again (outbox_commit ends that), so that
 * a refused stream costs the caller nothing.
 *
 * A zeroed outbox is empty. Owned by its stream; not thread-safe. */
#pragma once

#include "transcoder/buf.h"

/* More than this is not kept for another try, unless it is a single message (which would be in
 * memory anyway). */
enum { OUTBOX_KEEP = 256 << 10, OUTBOX_INLINE = 2 };

struct outbox {
    struct buf *items;
    struct buf first[OUTBOX_INLINE]; /* `items` until more are needed */
    uint32_t n, cap;
    uint32_t at;    /* the message being sent; n: all are sent */
    size_t offset;  /* bytes of it that are sent */
    size_t queued;  /* bytes not yet sent */
    size_t sent;    /* bytes sent since the last rewind */
    bool last;      /* no message will follow */
    bool committed; /* nothing is kept */
};

void outbox_init(struct outbox *o);
/* Frees all; the outbox is as after outbox_init. */
void outbox_release(struct outbox *o);

/* Takes the memory of `message`. False when memory is short: the message is released all the same.
 */
bool outbox_add(struct outbox *o, struct buf *message);
/* What is left of the message at the front; empty when nothing waits. Valid until that message is
 * released. */
struct str outbox_front(const struct outbox *o);
/* Notes that `n` bytes (at most the front's) are on their way. True: that finished a message which
 * is not kept; its memory is in *spent, for the caller to release once the bytes have left. */
bool outbox_advance(struct outbox *o, size_t n, struct buf *spent);

/* The peer has begun to answer: no further try. Releases what was sent; not between gathering bytes
 * and writing them. */
void outbox_commit(struct outbox *o);
/* Everything will be sent once more from the start. False once committed. */
bool outbox_rewind(struct outbox *o);

/* All is sent, and no more will come. */
static inline bool outbox_finished(const struct outbox *o)
{
    return o->last && o->at == o->n;
}
