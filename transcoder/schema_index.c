/* Hash and number tables. Chains are bounded when a table is made: names come from a file that may
 * be hostile, and a lookup must stay a handful of compares. */
#include "transcoder/schema_internal.h"

#include <stdlib.h>

enum {
    RUN_MAX = 64,          /* taken slots in a row: what a lookup may pass at most */
    INDEX_CHAIN_MAX = 512, /* of full names, far more of which may be in one table */
    GROWTH_MAX = 4,        /* doublings tried to shorten a run */
    DENSE_SLACK = 64,
};

static uint32_t mask_for(size_t names)
{
    size_t slots = 2;
    while (slots < 2 * names)
        slots *= 2;
    return (uint32_t)(slots - 1);
}

bool name_index_init(struct compile *c, struct name_index *x, size_t names)
{
    x->mask = mask_for(names);
    x->slots = schema_take(c, &c->scratch, (size_t)x->mask + 1, sizeof *x->slots);
    return x->slots != NULL;
}

/* The slot of `key`, or the free one where it belongs. */
static struct name_entry *index_slot(const struct name_index *x, struct str key, uint32_t *passed)
{
    uint32_t at = str_hash(key) & x->mask;
    *passed = 0;
    while (x->slots[at].what && !str_eq(x->slots[at].key, key)) {
        at = (at + 1) & x->mask;
        ++*passed;
    }
    return &x->slots[at];
}

void *name_index_put(struct compile *c, struct name_index *x, struct str key, void *what)
{
    uint32_t passed;
    if (!x->slots || c->broken)
        return NULL;
    struct name_entry *e = index_slot(x, key, &passed);
    if (e->what)
        return e->what;
    *e = (struct name_entry){key, what};
    if (passed > INDEX_CHAIN_MAX) {
        c->broken = true;
        schema_fault(c, &c->set.node, "too many names collide, as if made to: \"%.*s\"", SHOW(key));
    }
    return NULL;
}

void *name_index_get(const struct name_index *x, struct str key)
{
    uint32_t passed;
    return x->slots ? index_slot(x, key, &passed)->what : NULL;
}

/* Places all keys in the `mask` + 1 slots of `held`, which says what key a slot holds (from 1).
 * False when a chain is too long. */
static bool place_keys(struct compile *c, const struct name_key *keys, size_t n, uint32_t *held,
                       uint32_t mask, const struct name_clash *clash)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = str_hash(keys[i].name) & mask;
        uint32_t passed = 0;
        while (held[at] && !str_eq(keys[held[at] - 1].name, keys[i].name)) {
            at = (at + 1) & mask;
            if (++passed > RUN_MAX)
                return false;
        }
        if (!held[at])
            held[at] = i + 1;
        else if (clash && keys[held[at] - 1].index != keys[i].index)
            clash->tell(c, clash->of, keys[held[at] - 1].index, keys[i].index);
    }
    return true;
}

/* A run that wraps around counts as two: half as strict at one place of the table. */
static bool runs_are_short(const uint32_t *held, uint32_t mask)
{
    uint32_t run = 0;
    for (uint32_t i = 0; i <= mask; i++) {
        run = held[i] ? run + 1 : 0;
        if (run > RUN_MAX)
            return false;
    }
    return true;
}

bool schema_name_table(struct compile *c, const struct name_key *keys, size_t n,
                       const struct name_clash *clash, struct name_table *into)
{
    uint32_t mask = mask_for(n);
    uint32_t *held = NULL;
    for (int doublings = 0;; doublings++, mask = mask * 2 + 1) {
        held = schema_take(c, &c->lap, (size_t)mask + 1, sizeof *held);
        if (!held)
            return false;
        if (place_keys(c, keys, n, held, mask, NULL) && runs_are_short(held, mask))
            break;
        if (doublings == GROWTH_MAX)
            return false;
    }
    memset(held, 0, ((size_t)mask + 1) * sizeof *held);
    (void)place_keys(c, keys, n, held, mask, clash);
    if (!into)
        return true;
    uint16_t *slots = schema_take(c, c->out, (size_t)mask + 1, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i <= mask; i++)
        slots[i] = (uint16_t)(held[i] ? keys[held[i] - 1].index + 1 : 0);
    *into = (struct name_table){slots, mask};
    return true;
}

bool schema_number_table(struct compile *c, struct tc_message *m)
{
    if (m->nfields == 0)
        return true;
    uint32_t max = m->fields[m->nfields - 1].number;
    if (max > 4u * m->nfields + DENSE_SLACK)
        return true;
    uint16_t *dense = schema_take(c, c->out, (size_t)max + 1, sizeof *dense);
    if (!dense)
        return false;
    for (uint32_t i = 0; i < m->nfields; i++)
        dense[m->fields[i].number] = (uint16_t)(i + 1);
    m->by_number = dense;
    m->ndense = max + 1;
    return true;
}

struct numbered {
    int32_t number;
    uint16_t index;
};

static int by_number_then_index(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

bool schema_value_numbers(struct compile *c, const struct raw_enum *raw, struct tc_enum *e)
{
    struct numbered *sorted = schema_take(c, &c->lap, e->nvalues, sizeof *sorted);
    uint16_t *indices = schema_take(c, c->out, e->nvalues, sizeof *indices);
    if (!sorted || !indices)
        return false;
    for (uint16_t i = 0; i < e->nvalues; i++)
        sorted[i] = (struct numbered){e->values[i].number, i};
    qsort(sorted, e->nvalues, sizeof *sorted, by_number_then_index);
    uint16_t n = 0;
    for (uint16_t i = 0; i < e->nvalues; i++) {
        if (i == 0 || sorted[i].number != sorted[i - 1].number)
            indices[n++] = sorted[i].index;
        else if (!raw->allow_alias)
            schema_fault(c, &raw->values[sorted[i].index].node,
                         "number %d is that of %.*s too; give another, or say option "
                         "allow_alias = true",
                         (int)sorted[i].number, SHOW(e->values[indices[n - 1]].name));
    }
    e->by_number = indices;
    e->nnumbers = n;
    return true;
}
