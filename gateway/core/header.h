/* A list of HTTP headers or gRPC metadata. Names are lower case once a list holds them; duplicates
 * stay, in order. */
#pragma once

#include "transcoder/arena.h"

struct header {
    struct str name, value;
};

struct headers {
    struct header *items;
    uint32_t n, cap;
};

/* Appends; slices are kept, not copied. False when the arena is full. */
bool headers_add(struct headers *h, struct arena *arena, struct str name, struct str value);
/* Takes all headers `name` (lower case) from number `from` on off the list. */
void headers_drop(struct headers *h, uint32_t from, struct str name);
/* Value of the first header `name` (lower case), or p == NULL. */
struct str headers_get(const struct headers *h, struct str name);
/* True when there is more than one header `name` (lower case). */
bool headers_repeat(const struct headers *h, struct str name);
