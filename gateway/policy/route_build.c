#include "gateway/policy/route_trie.h"

enum { FIRST_SLOTS = 4 };

struct build {
    struct router *router;
    struct arena *arena;
    struct tc_faults *faults;
};

static void slots_put(struct node *parent, struct node *child)
{
    uint32_t i = child->hash & parent->mask;

    while (parent->slots[i])
        i = (i + 1) & parent->mask;
    parent->slots[i] = child;
}

/* Makes room for one more literal child. Doubling wastes at most what is used. */
static bool slots_grow(struct node *parent, struct arena *arena)
{
    uint32_t old = parent->slots ? parent->mask + 1 : 0;
    if (parent->nchildren < old / 2)
        return true;

    struct node **before = parent->slots;
    uint32_t size = old ? 2 * old : FIRST_SLOTS;
    struct node **slots = arena_array(arena, size, sizeof(struct node *));
    if (!slots)
        return false;
    parent->slots = slots;
    parent->mask = size - 1;
    for (uint32_t i = 0; i < old; i++)
        if (before[i])
            slots_put(parent, before[i]);
    return true;
}

static struct node *node_new(struct node *parent, struct arena *arena)
{
    struct node *n = arena_alloc(arena, sizeof *n);

    if (n) {
        n->parent = parent;
        n->depth = parent ? parent->depth + 1 : 0;
    }
    return n;
}

/* The literal child, made when there is none. `root` children begin a trie: they have no parent to
 * go back to. */
static struct node *literal_child(struct node *parent, struct str text, bool root,
                                  struct arena *arena)
{
    uint32_t hash = str_hash(text);
    struct node *child = node_child(parent, text, hash);

    if (child)
        return child;
    child = slots_grow(parent, arena) ? node_new(root ? NULL : parent, arena) : NULL;
    if (!child)
        return NULL;
    child->literal = text;
    child->hash = hash;
    slots_put(parent, child);
    parent->nchildren++;
    return child;
}

static struct node *own_child(struct node **at, struct node *parent, struct arena *arena)
{
    if (!*at)
        *at = node_new(parent, arena);
    return *at;
}

/* The node at which the template ends; NULL: out of memory. */
static struct node *insert(struct build *b, const struct path_template *t)
{
    struct node *n = literal_child(&b->router->verbs, t->verb, true, b->arena);

    if (t->verb.n > b->router->verb_max)
        b->router->verb_max = t->verb.n;
    if (t->nsegments > b->router->segments_max)
        b->router->segments_max = t->nsegments;
    for (uint32_t i = 0; n && i < t->nsegments; i++) {
        const struct path_segment *s = &t->segments[i];
        if (s->kind == SEGMENT_REST)
            return own_child(&n->rest, n, b->arena);
        n = s->kind == SEGMENT_ONE ? own_child(&n->one, n, b->arena)
                                   : literal_child(n, s->literal, false, b->arena);
    }
    return n;
}

static void refuse_twin(struct build *b, const struct route *route, const struct route *first)
{
    tc_fault_add(b->faults, route->place,
                 "\"%.*s %.*s\" of %.*s takes the same requests as \"%.*s %.*s\" of %.*s (%.*s); "
                 "change one of the two templates or its verb",
                 STR_ARG(route->verb), STR_ARG(route->pattern),
                 STR_ARG(route->policy->method->full_name), STR_ARG(first->verb),
                 STR_ARG(first->pattern), STR_ARG(first->policy->method->full_name),
                 STR_ARG(first->place));
}

/* False when memory is short. Takers keep the order of the routes. */
static bool add_taker(struct build *b, struct node *n, const struct route *route)
{
    struct taker **at = &n->takers;

    for (; *at; at = &(*at)->next) {
        if (str_eq((*at)->route->verb, route->verb)) {
            refuse_twin(b, route, (*at)->route);
            return true;
        }
    }
    *at = arena_alloc(b->arena, sizeof **at);
    if (*at)
        (*at)->route = route;
    return *at != NULL;
}

static bool add_route(struct build *b, const struct route *route)
{
    struct path_template t;
    struct str why;

    if (!path_template_parse(route->pattern, b->arena, &t, &why)) {
        if (why.p)
            tc_fault_add(b->faults, route->place, "\"%.*s\": %.*s", STR_ARG(route->pattern),
                         STR_ARG(why));
        return why.p != NULL;
    }
    struct node *n = insert(b, &t);
    return n && add_taker(b, n, route);
}

struct router *router_build(const struct route *routes, uint32_t n, struct arena *arena,
                            struct tc_faults *faults)
{
    struct build b = {arena_alloc(arena, sizeof(struct router)), arena, faults};
    size_t before = faults->count;

    for (uint32_t i = 0; b.router && i < n; i++)
        if (!add_route(&b, &routes[i]))
            b.router = NULL;
    if (!b.router)
        faults->out_of_memory = true;
    return faults->count == before ? b.router : NULL;
}
