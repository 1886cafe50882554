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
    return expr_is_number(a) && expr_is_number(b) && expr_compare_numbers(a, b) == EXPR_SAME;
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

/* Room for an index of twice as many places as pairs, all free. False: no memory. */
static bool make_index(struct expr_run *r, struct expr_pairs *m, uint32_t n, uint32_t **index)
{
    uint32_t places = 2 * LINEAR_MAX;
    *index = NULL;
    if (n <= LINEAR_MAX)
        return true;
    if (n > UINT32_MAX / 4)
        return false;
    while (places < 2 * n)
        places *= 2;
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
