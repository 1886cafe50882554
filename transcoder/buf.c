#include "transcoder/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Large buffers grow by a quarter: the system moves pages, not bytes, and what is held stays close
 * to what is there. */
enum { FIRST_CAPACITY = 64, LARGE = 1 << 20 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){NULL, 0, 0, max};
}

void buf_release(struct buf *b)
{
    free(b->p);
    buf_init(b, b->max);
}

char *buf_grow(struct buf *b, size_t n)
{
    /* Nothing will be written there, but it must not look like a failure, even under a ceiling of
     * 0. */
    if (n == 0)
        return b->p ? b->p + b->n : (char *)b;
    if (b->n >= b->max || n > b->max - b->n)
        return NULL;

    size_t need = b->n + n;
    size_t step = b->cap < LARGE ? b->cap : b->cap / 4;
    size_t cap = b->cap < b->max - step ? b->cap + step : b->max;
    if (cap < FIRST_CAPACITY)
        cap = FIRST_CAPACITY < b->max ? FIRST_CAPACITY : b->max;
    if (cap < need)
        cap = need;
    char *p = realloc(b->p, cap);
    if (!p)
        return NULL;
    b->p = p;
    b->cap = cap;
    return p + b->n;
}

void buf_consume(struct buf *b, size_t n)
{
    b->n -= n;
    if (n && b->n)
        memmove(b->p, b->p + n, b->n);
}

void buf_move(struct buf *to, struct buf *from)
{
    size_t max = to->max;

    buf_release(to);
    *to = *from;
    to->max = max;
    /* buf_reserve trusts the capacity alone, so it must not promise more than the ceiling. */
    if (to->cap > max)
        to->cap = max > to->n ? max : to->n;
    *from = (struct buf){NULL, 0, 0, from->max};
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    char small[256];

    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0)
        return false;
    if ((size_t)n < sizeof small)
        return buf_add(b, str_of(small, (size_t)n));

    /* vsnprintf ends its text with a NUL, for which an exact ceiling may have no room. */
    char *text = malloc((size_t)n + 1);
    if (!text)
        return false;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    bool ok = buf_add(b, str_of(text, (size_t)n));
    free(text);
    return ok;
}
