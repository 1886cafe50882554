#include "gateway/upstream/output.h"

void output_reset(struct output *o)
{
    for (uint32_t i = 0; i < o->nspent; i++)
        buf_release(&o->spent[i]);
    o->nvectors = 0;
    o->nspent = 0;
    o->total = 0;
    o->copied = 0;
}

/* A referred piece needs two vectors: its frame header is copied. */
bool output_has_room(const struct output *o)
{
    return o->total < OUTPUT_TOTAL && o->copied + OUTPUT_PIECE <= OUTPUT_COPIED &&
           o->nvectors + 2 <= OUTPUT_VECTORS && o->nspent < OUTPUT_SPENT;
}

static bool continues(const struct output *o, const char *p)
{
    if (o->nvectors == 0)
        return false;
    const struct iovec *last = &o->vectors[o->nvectors - 1];
    return (const char *)last->iov_base + last->iov_len == p;
}

void output_copy(struct output *o, const void *p, size_t n)
{
    char *to = o->bytes + o->copied;

    memcpy(to, p, n);
    o->copied += n;
    output_refer(o, to, n);
}

void output_refer(struct output *o, const void *p, size_t n)
{
    if (continues(o, p))
        o->vectors[o->nvectors - 1].iov_len += n;
    else
        o->vectors[o->nvectors++] = (struct iovec){(void *)(uintptr_t)p, n};
    o->total += n;
}

void output_spend(struct output *o, struct buf *message)
{
    o->spent[o->nspent++] = *message;
    *message = BUF_NONE;
}
