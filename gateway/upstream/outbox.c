#include "gateway/upstream/outbox.h"

#include <stdlib.h>

void outbox_init(struct outbox *o)
{
    *o = (struct outbox){.cap = OUTBOX_INLINE};
    o->items = o->first;
}

static void release_items(struct outbox *o, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        buf_release(&o->items[i]);
}

void outbox_release(struct outbox *o)
{
    if (!o->items)
        return;
    release_items(o, 0, o->n);
    if (o->items != o->first)
        free(o->items);
    outbox_init(o);
}

/* Releases what stands in front of `at`. Not while bytes are being gathered: those of kept messages
 * may be referred to. */
static void tidy(struct outbox *o)
{
    release_items(o, 0, o->at);
    memmove(o->items, o->items + o->at, (o->n - o->at) * sizeof *o->items);
    o->n -= o->at;
    o->at = 0;
}

static bool grow(struct outbox *o)
{
    if (o->committed && o->at > o->n / 2) {
        tidy(o);
        return true;
    }
    size_t cap = (size_t)o->cap * 2;
    struct buf *items = NULL;

    if (cap <= UINT32_MAX / 2)
        items = malloc(cap * sizeof *items); /* breach: a client stream; its sender bounds it */
    if (!items)
        return false;
    memcpy(items, o->items, o->n * sizeof *items);
    if (o->items != o->first)
        free(o->items);
    o->items = items;
    o->cap = (uint32_t)cap;
    return true;
}

bool outbox_add(struct outbox *o, struct buf *message)
{
    if (o->n == o->cap && !grow(o)) {
        buf_release(message);
        return false;
    }
    o->queued += message->n;
    o->items[o->n++] = *message;
    *message = BUF_NONE;
    return true;
}

struct str outbox_front(const struct outbox *o)
{
    if (o->at == o->n)
        return STR_NONE;
    return str_skip(buf_str(&o->items[o->at]), o->offset);
}

bool outbox_advance(struct outbox *o, size_t n, struct buf *spent)
{
    o->offset += n;
    o->sent += n;
    o->queued -= n;
    if (o->sent > OUTBOX_KEEP && o->n > 1)
        o->committed = true;
    bool kept = !o->committed;
    if (o->offset < o->items[o->at].n)
        return false;
    if (!kept) {
        *spent = o->items[o->at];
        o->items[o->at] = BUF_NONE;
    }
    o->at++;
    o->offset = 0;
    return !kept;
}

void outbox_commit(struct outbox *o)
{
    o->committed = true;
    if (o->at > 0)
        tidy(o);
}

bool outbox_rewind(struct outbox *o)
{
    if (o->committed)
        return false;
    o->queued += o->sent;
    o->sent = 0;
    o->at = 0;
    o->offset = 0;
    return true;
}
