/* A growable byte buffer that is born with a ceiling. Growth is by a factor, so appending is
 * O(1) amortised; the ceiling is exact: a buffer never holds more than `max` bytes.
 *
 *     struct buf b;
 *     buf_init(&b, bounds.body);
 *     if (!buf_add(&b, bytes)) ...            // ceiling or out of memory; the buffer is unchanged
 *     buf_release(&b);
 *
 * Failure leaves the contents as they were. To tell the two failures apart ask buf_room: when there
 * was room, memory was short. Not thread-safe. */
#pragma once

#include "transcoder/str.h"

struct buf {
    char *p;
    size_t n, cap, max;
};

#define BUF_NONE ((struct buf){NULL, 0, 0, 0})

void buf_init(struct buf *b, size_t max);
/* Frees the memory and keeps `max`: the buffer may be used again. */
void buf_release(struct buf *b);

/* Makes room for `n` more bytes behind the contents and returns where they go, or NULL. The caller
 * writes at most `n` bytes there and then adds what it wrote to b->n. Exposed as slow path of
 * buf_reserve. */
char *buf_grow(struct buf *b, size_t n);

static inline char *buf_reserve(struct buf *b, size_t n)
{
    return b->cap - b->n >= n && b->p ? b->p + b->n : buf_grow(b, n);
}

static inline bool buf_add(struct buf *b, struct str s)
{
    char *to = buf_reserve(b, s.n);
    if (!to)
        return false;
    if (s.n)
        memcpy(to, s.p, s.n);
    b->n += s.n;
    return true;
}

static inline bool buf_add_char(struct buf *b, char c)
{
    char *to = buf_reserve(b, 1);
    if (!to)
        return false;
    *to = c;
    b->n++;
    return true;
}

static inline size_t buf_room(const struct buf *b)
{
    return b->max - b->n;
}

static inline struct str buf_str(const struct buf *b)
{
    return str_of(b->p, b->n);
}

/* Forgets the first `n` bytes (n <= b->n) and moves the rest to the front. */
void buf_consume(struct buf *b, size_t n);
/* Hands the memory of `from` to `to` (whose own is released) and leaves `from` empty. Both keep
 * their `max`; from->n must not be above to->max. */
void buf_move(struct buf *to, struct buf *from);
/* printf at the end; false as for buf_add. */
__attribute__((format(printf, 2, 3))) bool buf_printf(struct buf *b, const char *format, ...);
