#include "gateway/expr/tap.h"

/* An array that has room for one more, or NULL. */
static void *widened(struct arena *a, const void *old, uint32_t n, uint32_t *room, size_t size)
{
    uint32_t more = *room ? 2 * *room : 8;
    void *p = arena_array(a, more, size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, old, n * size);
    *room = more;
    return p;
}

static struct expr_tap_node *new_node(struct arena *a, const struct tc_message *m)
{
    struct expr_tap_node *n = arena_alloc(a, sizeof *n);
    if (n)
        *n = (struct expr_tap_node){.message = m, .whole = EXPR_NO_TAP};
    return n;
}

static struct expr_tap_node *root_of(struct expr_taps *t, struct arena *a, uint32_t slot,
                                     const struct tc_message *m)
{
    if (slot >= t->nroots) {
        uint32_t n = slot + 8;
        struct expr_tap_node **roots = arena_array(a, n, sizeof *roots);
        if (!roots)
            return NULL;
        if (t->nroots)
            memcpy(roots, t->roots, t->nroots * sizeof *roots);
        t->roots = roots;
        t->nroots = n;
    }
    if (!t->roots[slot])
        t->roots[slot] = new_node(a, m);
    return t->roots[slot];
}

static struct expr_tap_field *field_of(struct arena *a, struct expr_tap_node *n,
                                       const struct tc_field *f)
{
    for (uint32_t i = 0; i < n->n; i++)
        if (n->fields[i].field == f)
            return &n->fields[i];
    if (n->n == n->room) {
        struct expr_tap_field *fields = widened(a, n->fields, n->n, &n->room, sizeof *fields);
        if (!fields)
            return NULL;
        n->fields = fields;
    }
    n->fields[n->n] = (struct expr_tap_field){f, EXPR_NO_TAP, EXPR_NO_TAP, NULL};
    return &n->fields[n->n++];
}

/* Where in the tree the tap's number stands, or NULL. */
static uint32_t *place_of(struct arena *a, struct expr_tap_node *n, const struct expr_tap *tap)
{
    struct expr_tap_field *f = NULL;
    for (uint32_t i = 0; n && i < tap->depth; i++) {
        f = field_of(a, n, tap->path[i]);
        if (!f)
            return NULL;
        if (i + 1 < tap->depth) {
            if (!f->into)
                f->into = new_node(a, tap->path[i]->message);
            n = f->into;
        }
    }
    if (!n)
        return NULL;
    return !f ? &n->whole : tap->test ? &f->test : &f->value;
}

static bool append(struct expr_taps *t, struct arena *a, const struct expr_tap *tap)
{
    const struct tc_field **path = arena_array(a, tap->depth, sizeof *path);
    if (!path)
        return false;
    if (t->n == t->room) {
        struct expr_tap *list = widened(a, t->list, t->n, &t->room, sizeof *list);
        if (!list)
            return false;
        t->list = list;
    }
    for (uint32_t i = 0; i < tap->depth; i++)
        path[i] = tap->path[i];
    t->list[t->n] = *tap;
    t->list[t->n++].path = path;
    return true;
}

uint32_t expr_taps_add(struct expr_taps *t, struct arena *a, const struct tc_message *m,
                       const struct expr_tap *tap)
{
    uint32_t *place = place_of(a, root_of(t, a, tap->slot, m), tap);
    if (!place)
        return EXPR_NO_TAP;
    if (*place == EXPR_NO_TAP && append(t, a, tap))
        *place = t->n - 1;
    return *place;
}
