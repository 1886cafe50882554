#include "transcoder/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_TWIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_TWIN 1
#endif
#endif

enum { ALIGN = alignof(max_align_t), BLOCK_DEFAULT = 4096 };

struct arena_block {
    struct arena_block *next; /* older */
    size_t size;              /* of `bytes` */
    alignas(max_align_t) char bytes[];
};

static struct arena_block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof *block + size);
    if (block)
        block->size = size;
    return block;
}

/* Frees the blocks up to, not including, `last`. */
static void blocks_free(struct arena_block *block, const struct arena_block *last)
{
    while (block != last) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

#ifdef ARENA_TWIN

static char *take(struct arena *a, size_t n, size_t align)
{
    (void)align;
    struct arena_block *block = block_new(n);
    if (!block)
        return NULL;
    block->next = a->blocks;
    a->blocks = block;
    return block->bytes;
}

void arena_reset(struct arena *a)
{
    arena_release(a);
}

#else

static size_t usual(const struct arena *a)
{
    return a->block > sizeof(struct arena_block) ? a->block - sizeof(struct arena_block) : 0;
}

static struct arena_block *take_spare(struct arena *a)
{
    struct arena_block *block = a->spare;
    a->spare = NULL;
    return block ? block : block_new(usual(a));
}

/* Room for `n` bytes where the newest block has none. A request that would leave most of a fresh
 * block unused gets one of its own behind the newest, whose room stays in use. */
static char *take_block(struct arena *a, size_t n)
{
    bool own = n > usual(a) / 2;
    struct arena_block **at = own && a->blocks ? &a->blocks->next : &a->blocks;
    struct arena_block *block = own ? block_new(n) : take_spare(a);

    if (!block)
        return NULL;
    block->next = *at;
    *at = block;
    if (block == a->blocks) {
        a->next = block->bytes + n;
        a->end = block->bytes + block->size;
    }
    return block->bytes;
}

static inline char *take(struct arena *a, size_t n, size_t align)
{
    size_t skip = -(uintptr_t)a->next & (align - 1), room = (size_t)(a->end - a->next);

    if (skip > room || n > room - skip || !a->next)
        return take_block(a, n);
    char *p = a->next + skip;
    a->next = p + n;
    return p;
}

/* The newest block goes where the next user, who needs as much as this one, finds it. */
static void keep_spare(struct arena *a, const struct arena_block *first)
{
    struct arena_block *newest = a->blocks;
    if (newest == first || a->spare || newest->size != usual(a))
        return;
    a->blocks = newest->next;
    a->spare = newest;
}

void arena_reset(struct arena *a)
{
    struct arena_block *first = a->blocks;

    while (first && first->next)
        first = first->next;
    keep_spare(a, first);
    blocks_free(a->blocks, first);
    /* One huge request must not be held for the rest of a connection. */
    if (first && first->size > a->block) {
        free(first);
        first = NULL;
    }
    a->blocks = first;
    a->next = first ? first->bytes : NULL;
    a->end = first ? first->bytes + first->size : NULL;
    a->used = 0;
}

#endif

void arena_init(struct arena *a, size_t block, size_t max)
{
    *a = (struct arena){.block = block ? block : BLOCK_DEFAULT, .max = max};
}

void arena_release(struct arena *a)
{
    blocks_free(a->blocks, NULL);
    free(a->spare);
    a->blocks = a->spare = NULL;
    a->next = a->end = NULL;
    a->used = 0;
}

/* `n` bytes, not zeroed. Counts whole units of `align`, in both twins, so that both have the same
 * ceiling. */
static inline char *hand_out(struct arena *a, size_t n, size_t align)
{
    size_t cost = n + (-n & (align - 1));

    if (cost < n || a->used > a->max || cost > a->max - a->used)
        return NULL;
    char *p = take(a, n, align);
    a->used += p ? cost : 0;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    char *p = hand_out(a, n, ALIGN);
    return p ? memset(p, 0, n) : NULL;
}

void *arena_room(struct arena *a, size_t n)
{
    return hand_out(a, n, ALIGN);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;
    return __builtin_mul_overflow(count, size, &n) ? NULL : arena_alloc(a, n);
}

struct str arena_copy(struct arena *a, struct str s)
{
    char *p = s.n < SIZE_MAX ? hand_out(a, s.n + 1, 1) : NULL;

    if (!p)
        return STR_NONE;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return str_of(p, s.n);
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    char small[256];

    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0)
        return STR_NONE;
    if ((size_t)n < sizeof small)
        return arena_copy(a, str_of(small, (size_t)n));

    char *p = hand_out(a, (size_t)n + 1, 1);
    if (!p)
        return STR_NONE;
    va_start(args, format);
    vsnprintf(p, (size_t)n + 1, format, args);
    va_end(args);
    return str_of(p, (size_t)n);
}
