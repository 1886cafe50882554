#include "gateway/watch/watch_internal.h"

/* Callers by name, as many as there is room for. Names are as long as whoever issues tokens wants:
 * those beyond NAME_MAX_BYTES have no place. */

enum { NAME_MAX_BYTES = 200 };

bool watch_name_callers(struct watch *w, uint32_t most)
{
    struct watch_callers *c = &w->callers;
    uint32_t places = 4;
    if (most == 0)
        return true;
    while (places < 2 * most)
        places *= 2;
    c->all = arena_array(&w->arena, (size_t)most + 1, sizeof *c->all);
    c->index = arena_array(&w->arena, places, sizeof *c->index);
    if (!c->all || !c->index)
        return false;
    c->most = most;
    c->mask = places - 1;
    return true;
}

static uint32_t hash_of(struct str provider, struct str id)
{
    return str_hash(id) * 31 + str_hash(provider);
}

static bool is_same(const struct watch_caller *a, const struct watch_caller *b)
{
    return a->hash == b->hash && str_eq(a->id, b->id) && str_eq(a->provider, b->provider);
}

/* The place in the index where it is, or would be. */
static uint32_t *place_of(struct watch_callers *c, const struct watch_caller *wanted)
{
    uint32_t at = wanted->hash & c->mask;
    while (c->index[at] && !is_same(&c->all[c->index[at] - 1], wanted))
        at = (at + 1) & c->mask;
    return &c->index[at];
}

static struct watch_caller *others(struct watch_callers *c)
{
    return &c->all[c->most];
}

static struct watch_caller *take(struct watch *w, const struct watch_caller *wanted)
{
    struct watch_callers *c = &w->callers;
    uint32_t *place = place_of(c, wanted);
    unsigned n = atomic_load_explicit(&c->n, memory_order_relaxed);
    if (*place)
        return &c->all[*place - 1];
    if (n == c->most || wanted->id.n > NAME_MAX_BYTES)
        return others(c);
    struct watch_caller *fresh = &c->all[n];
    struct str id = arena_copy(&w->arena, wanted->id);
    struct str provider = arena_copy(&w->arena, wanted->provider);
    if (!id.p || !provider.p)
        return others(c);
    fresh->id = id;
    fresh->provider = provider;
    fresh->hash = wanted->hash;
    *place = n + 1;
    atomic_store_explicit(&c->n, n + 1, memory_order_release);
    return fresh;
}

void watch_callers_count(struct watch *w, const struct event *e)
{
    unsigned family = e->http_status / 100u - 1;
    if (!w->callers.most || !e->caller.n || family >= WATCH_CLASSES)
        return;
    struct watch_caller wanted = {
        .provider = e->provider, .id = e->caller, .hash = hash_of(e->provider, e->caller)};
    watch_add(&take(w, &wanted)->requests[family], 1);
}

static void add(const struct watch_caller *from, struct watch_caller *to)
{
    for (int i = 0; i < WATCH_CLASSES; i++)
        watch_add(&to->requests[i], watch_get(&from->requests[i]));
}

void watch_callers_move(struct watch *from, struct watch *to)
{
    unsigned n = atomic_load_explicit(&from->callers.n, memory_order_relaxed);
    if (!from->callers.most || !to->callers.most)
        return;
    for (unsigned i = 0; i < n; i++)
        add(&from->callers.all[i], take(to, &from->callers.all[i]));
    add(others(&from->callers), others(&to->callers));
    for (unsigned i = 0; i <= from->callers.most; i++)
        for (int k = 0; k < WATCH_CLASSES; k++)
            atomic_store_explicit(&from->callers.all[i].requests[k], 0, memory_order_relaxed);
}

const struct watch_caller *watch_callers_find(const struct watch *w, const struct watch_caller *c)
{
    const struct watch_callers *all = &w->callers;
    unsigned n = atomic_load_explicit((atomic_uint *)&all->n, memory_order_acquire);
    if (!all->most)
        return NULL;
    if (!c->id.n)
        return &all->all[all->most];
    for (unsigned i = 0; i < n; i++)
        if (is_same(&all->all[i], c))
            return &all->all[i];
    return NULL;
}
