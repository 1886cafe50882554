/* The bytes that one connection sends in one go: small frames copied side by side, large messages
 * referred to where they lie, in the order of the wire. One for all connections of a loop: filled,
 * written and emptied within one turn. */
#pragma once

#include <sys/uio.h>

#include "transcoder/buf.h"

enum {
    OUTPUT_COPIED = 64 << 10, /* room for copied bytes */
    OUTPUT_VECTORS = 64,
    OUTPUT_SPENT = 32,        /* messages that end in it */
    OUTPUT_TOTAL = 512 << 10, /* beyond it no more is gathered */
    OUTPUT_PIECE = 20 << 10, /* the largest piece that is copied at once: a frame of 16 KiB and then
                                some */
};

struct output {
    struct iovec vectors[OUTPUT_VECTORS];
    struct buf spent[OUTPUT_SPENT]; /* memory that vectors refer to and nobody else owns */
    uint32_t nvectors, nspent;
    size_t total;  /* bytes in all vectors */
    size_t copied; /* bytes used of `bytes` */
    char bytes[OUTPUT_COPIED];
};

/* Empties it and releases what was spent; a fresh one must have been zeroed. */
void output_reset(struct output *o);
/* Room for one more piece of any kind? */
bool output_has_room(const struct output *o);
/* Appends a copy of at most OUTPUT_PIECE bytes. Only when output_has_room. */
void output_copy(struct output *o, const void *p, size_t n);
/* Appends bytes that stay where they are until output_reset. Only when output_has_room. */
void output_refer(struct output *o, const void *p, size_t n);
/* Keeps a finished message until output_reset. At most one for each piece. */
void output_spend(struct output *o, struct buf *message);
