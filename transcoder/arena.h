/* Memory that dies together: one arena per exchange, per schema, per snapshot.
 *
 *     struct arena a;
 *     arena_init(&a, 4096, 1 << 20);
 *     struct thing *t = arena_alloc(&a, sizeof *t);    // NULL: ceiling reached or out of memory
 *     ...
 *     arena_reset(&a);        // everything handed out is gone; a block or two stay for the next
 * user arena_release(&a);
 *
 * Not thread-safe: an arena has one user at a time. Under AddressSanitizer each allocation is a
 * malloc of its own, so that a use after reset or past the end is seen. */
#pragma once

#include "transcoder/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; the last one survives arena_reset */
    struct arena_block *spare;  /* a second block that did; NULL: none */
    char *next, *end;           /* free room in the newest block */
    size_t block;               /* size of a fresh block, bytes */
    size_t used, max;           /* bytes handed out since the last reset, and their ceiling */
};

/* Allocates nothing yet. `block` bytes are asked from malloc at a time (more for a larger request);
 * the sum handed out never passes `max`. A zeroed arena is empty and may be released. */
void arena_init(struct arena *a, size_t block, size_t max);
void arena_reset(struct arena *a);
void arena_release(struct arena *a);

/* Zeroed memory aligned for any type. NULL when the ceiling or the machine's memory is reached. n
 * == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
/* The same, not zeroed: for what is large and will be written anyway. */
void *arena_room(struct arena *a, size_t n);
/* `count` elements of `size` bytes, zeroed; NULL also when the product overflows. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A copy with a NUL behind it (not counted in n). p == NULL on failure. */
struct str arena_copy(struct arena *a, struct str s);
/* printf into the arena; p == NULL on failure. The text is NUL-terminated. */
__attribute__((format(printf, 2, 3))) struct str arena_printf(struct arena *a, const char *format,
                                                              ...);
