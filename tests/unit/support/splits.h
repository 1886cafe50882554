/* Every way of cutting an input into two pieces, every way into three when it is short, and byte by
 * byte: the test that finds the bugs of streaming parsers.
 *
 *     static void feed(void *arg, const struct str *pieces, size_t n) { ... a fresh parser, all
 * pieces, the result ... }
 *     ...
 *     splits_each(whole, feed, &expected);
 */
#pragma once

#include <stdlib.h>

#include "transcoder/str.h"

enum { SPLITS_THREE_UP_TO = 200, SPLITS_BYTES_UP_TO = 1 << 16 };

typedef void (*splits_fn)(void *arg, const struct str *pieces, size_t n);

static inline void splits_in_three(struct str whole, size_t first, splits_fn feed, void *arg)
{
    struct str rest = str_skip(whole, first);

    for (size_t second = 0; second <= rest.n; second++) {
        struct str pieces[] = {str_of(whole.p, first), str_of(rest.p, second),
                               str_skip(rest, second)};
        feed(arg, pieces, 3);
    }
}

static inline void splits_in_bytes(struct str whole, splits_fn feed, void *arg)
{
    struct str *pieces = (struct str *)malloc((whole.n + 1) * sizeof *pieces);

    if (!pieces)
        abort();
    for (size_t i = 0; i < whole.n; i++)
        pieces[i] = str_of(whole.p + i, 1);
    feed(arg, pieces, whole.n);
    free(pieces);
}

static inline void splits_each(struct str whole, splits_fn feed, void *arg)
{
    feed(arg, &whole, 1);
    for (size_t i = 0; i <= whole.n; i++) {
        struct str pieces[] = {str_of(whole.p, i), str_skip(whole, i)};
        feed(arg, pieces, 2);
        if (whole.n <= SPLITS_THREE_UP_TO)
            splits_in_three(whole, i, feed, arg);
    }
    if (whole.n <= SPLITS_BYTES_UP_TO)
        splits_in_bytes(whole, feed, arg);
}
