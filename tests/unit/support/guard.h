/* A copy of an input that ends at an unreadable page: reading one byte too many faults, without any
 * sanitizer.
 *
 *     struct guard g = guard_copy(STR("{}"));
 *     parse(g.s);
 *     guard_release(&g);
 */
#pragma once

#include "transcoder/str.h"

struct guard {
    struct str s; /* the copy; writable */
    void *map;
    size_t size;
};

struct guard guard_copy(struct str s);
void guard_release(struct guard *g);
