#include "gateway/core/header.h"

enum { FIRST_CAP = 8 };

static bool grow(struct headers *h, struct arena *arena)
{
    uint32_t cap = h->cap ? h->cap * 2 : FIRST_CAP;
    struct header *items = cap > h->cap ? arena_array(arena, cap, sizeof *items) : NULL;

    if (!items)
        return false;
    if (h->n)
        memcpy(items, h->items, h->n * sizeof *items);
    h->items = items;
    h->cap = cap;
    return true;
}

bool headers_add(struct headers *h, struct arena *arena, struct str name, struct str value)
{
    if (h->n == h->cap && !grow(h, arena))
        return false;
    h->items[h->n++] = (struct header){name, value};
    return true;
}

struct str headers_get(const struct headers *h, struct str name)
{
    for (uint32_t i = 0; i < h->n; i++) {
        if (str_eq(h->items[i].name, name))
            return h->items[i].value;
    }
    return STR_NONE;
}

bool headers_repeat(const struct headers *h, struct str name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < h->n && n < 2; i++)
        n += str_eq(h->items[i].name, name);
    return n > 1;
}

void headers_drop(struct headers *h, uint32_t from, struct str name)
{
    uint32_t kept = from;
    for (uint32_t i = from; i < h->n; i++)
        if (!str_eq(h->items[i].name, name))
            h->items[kept++] = h->items[i];
    h->n = kept;
}
