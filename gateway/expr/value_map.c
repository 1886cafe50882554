#include "gateway/expr/values.h"

enum { LINEAR_MAX = 8 }; /* pairs up to which a search needs no index */

bool expr_is_key(const struct expr_value *v)
{
    return v->kind == EXPR_BOOL || v->kind == EXPR_INT || v->kind == EXPR_UINT ||
           v->kind == EXPR_STRING;
}

static bool same_key(const struct expr_value *a, const struct expr_value *b)
{
    if (a->kind == EXPR_STRING)
        return b->kind == EXPR_STRING && str_eq(a->s, b->s);
    if (a->kind == EXPR_BOOL)
        return b->kind == EXPR_BOOL && a->b == b->b;
    return expr_is_number(a) && expr_is_number(b) && expr_same_number(a, b);
}

/* Equal numbers of different types have one hash: that of the whole number they are. */
static uint32_t hash_key(const struct expr_value *key)
{
    int64_t i = 0;
    if (key->kind == EXPR_STRING)
        return str_hash(key->s);
    if (key->kind == EXPR_BOOL)
        i = key->b;
    else if (!expr_whole(key, &i))
        i = -1; /* uints above the ints' range, and doubles that are no key */
    uint64_t h = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32);
}

static uint32_t find_linear(const struct expr_pairs *m, const struct expr_value *key)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (same_key(&m->items[i].key, key))
            return i;
    return UINT32_MAX;
}

/* The item, or UINT32_MAX and the free place of the index in *place. */
static uint32_t find_indexed(const struct expr_pairs *m, const struct expr_value *key,
                             uint32_t *place)
{
    uint32_t at = hash_key(key) & m->mask;
    for (; m->index[at]; at = (at + 1) & m->mask)
        if (same_key(&m->items[m->index[at] - 1].key, key))
            return m->index[at] - 1;
    *place = at;
    return UINT32_MAX;
}

static uint32_t pairs_size(const struct expr_map *map)
{
    return ((const struct expr_pairs *)map)->n;
}

static bool pairs_find(const struct expr_map *map, struct expr_run *r, const struct expr_value *key,
                       struct expr_value *out)
{
    const struct expr_pairs *m = (const struct expr_pairs *)map;
    uint32_t place, i = m->index ? find_indexed(m, key, &place) : find_linear(m, key);
    if (i == UINT32_MAX)
        return false;
    *out = m->items[i].value;
    if (out->kind == EXPR_MESSAGE)
        *out = expr_settle(r, *out);
    return true;
}

static void pairs_at(const struct expr_map *map, struct expr_run *r, uint32_t i,
                     struct expr_value *key, struct expr_value *out)
{
    const struct expr_pair *p = &((const struct expr_pairs *)map)->items[i];
    *key = p->key;
    *out = p->value;
    if (out->kind == EXPR_MESSAGE)
        *out = expr_settle(r, *out);
}

struct expr_value expr_pairs_init(struct expr_pairs *m, const struct expr_pair *items, uint32_t n)
{
    *m = (struct expr_pairs){.map = {pairs_size, pairs_find, pairs_at}, .items = items, .n = n};
    return (struct expr_value){.kind = EXPR_MAP, .map = &m->map};
}

bool expr_map_find(struct expr_run *r, const struct expr_value *map, const struct expr_value *key,
                   struct expr_value *out)
{
    return (expr_is_key(key) || key->kind == EXPR_DOUBLE) && map->map->find(map->map, r, key, out);
}

static struct expr_value repeated_key(struct expr_run *r, const struct expr_value *key)
{
    if (key->kind == EXPR_STRING)
        return expr_fail(r, EXPR_FAIL_BAD_VALUE, "repeated key \"%.*s\"",
                         (int)(key->s.n < 64 ? key->s.n : 64), key->s.n ? key->s.p : "");
    return expr_fail(r, EXPR_FAIL_BAD_VALUE, "repeated key in a map");
}

/* Places of an index for `n` pairs: twice as many, a power of two. 0: none is needed. */
static uint32_t index_places(uint32_t n)
{
    uint32_t places = 2 * LINEAR_MAX;
    if (n <= LINEAR_MAX)
        return 0;
    while (places / 2 < n)
        places *= 2;
    return places;
}

bool expr_pairs_index(struct expr_pairs *m, struct arena *a)
{
    uint32_t places = index_places(m->n);
    uint32_t *index = places ? arena_array(a, places, sizeof *index) : NULL;
    if (places && !index)
        return false;
    m->index = index;
    m->mask = places - 1;
    for (uint32_t i = 0; places && i < m->n; i++) {
        uint32_t place = 0;
        find_indexed(m, &m->items[i].key, &place);
        index[place] = i + 1;
    }
    return true;
}

/* Room for an index, all free. False: no memory. */
static bool make_index(struct expr_run *r, struct expr_pairs *m, uint32_t n, uint32_t **index)
{
    *index = NULL;
    if (n > UINT32_MAX / 4)
        return false;
    uint32_t places = index_places(n);
    if (places == 0)
        return true;
    *index = expr_alloc_array(r, places, sizeof **index);
    if (!*index)
        return false;
    memset(*index, 0, places * sizeof **index);
    m->index = *index;
    m->mask = places - 1;
    return true;
}

struct expr_value expr_map_of(struct expr_run *r, struct expr_pair *pairs, uint32_t n,
                              enum expr_repeated repeated)
{
    struct expr_pairs *m = expr_alloc(r, sizeof *m);
    struct expr_value v;
    uint32_t *index;

    if (!m)
        return expr_no_memory();
    v = expr_pairs_init(m, pairs, 0);
    if (!make_index(r, m, n, &index))
        return expr_no_memory();
    for (uint32_t i = 0; i < n; i++) {
        uint32_t place = 0;
        uint32_t was = index ? find_indexed(m, &pairs[i].key, &place)
                             : find_linear(m, &pairs[i].key);
        if (was != UINT32_MAX) {
            if (repeated == EXPR_REPEATED_FAILS)
                return repeated_key(r, &pairs[i].key);
            pairs[was].value = pairs[i].value;
            continue;
        }
        pairs[m->n++] = pairs[i];
        if (index)
            index[place] = m->n;
    }
    return v;
}

/* A map that an accumulator grows: nobody else has it before its fold is over. Told from others by
 * its size function; its index is made anew when its room doubles. */
struct growing {
    struct expr_pairs pairs;
    struct expr_pair *items;
    uint32_t *index;
    uint32_t room;
};

static uint32_t growing_size(const struct expr_map *map)
{
    return ((const struct expr_pairs *)map)->n;
}

static bool put(struct expr_run *r, struct growing *g, const struct expr_pair *p,
                struct expr_value *error)
{
    uint32_t place = 0;
    uint32_t was = g->index ? find_indexed(&g->pairs, &p->key, &place)
                            : find_linear(&g->pairs, &p->key);
    if (was != UINT32_MAX) {
        *error = repeated_key(r, &p->key);
        return false;
    }
    g->items[g->pairs.n++] = *p;
    if (g->index)
        g->index[place] = g->pairs.n;
    return true;
}

/* A growing map with what `from` holds and room for as much again. NULL: *error. */
static struct growing *widen(struct expr_run *r, const struct expr_value *from,
                             struct expr_value *error)
{
    uint32_t n = expr_map_size(from), room = n < 4 ? 8 : 2 * n;
    struct growing *g = expr_alloc(r, sizeof *g);
    *error = expr_no_memory();
    if (!g || n > UINT32_MAX / 8)
        return NULL;
    *g = (struct growing){.items = expr_alloc_array(r, room, sizeof *g->items), .room = room};
    expr_pairs_init(&g->pairs, g->items, 0);
    g->pairs.map.size = growing_size;
    if (!g->items || !make_index(r, &g->pairs, room, &g->index))
        return NULL;
    if (!expr_spend(r, n)) {
        *error = expr_no_steps();
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct expr_pair p;
        from->map->at(from->map, r, i, &p.key, &p.value);
        if (!put(r, g, &p, error))
            return NULL;
    }
    return g;
}

struct expr_value expr_map_insert(struct expr_run *r, const struct expr_value *map,
                                  const struct expr_value *key, const struct expr_value *value)
{
    struct growing *g = (struct growing *)(uintptr_t)map->map;
    struct expr_value error;
    if (map->map->size != growing_size || g->pairs.n == g->room)
        g = widen(r, map, &error);
    if (!g || !put(r, g, &(struct expr_pair){*key, *value}, &error))
        return error;
    return (struct expr_value){.kind = EXPR_MAP, .map = &g->pairs.map};
}
