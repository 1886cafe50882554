#include "gateway/policy/route_walk.h"

/* How much a path can cost. A node at depth d is only ever compared with segment d, and the walk
 * enters it only from its one parent: each node is visited at most once, and none deeper than the
 * path has segments. So the work is bounded by the nodes whatever the path is, there is nothing to
 * try twice, and it needs no stack. */

static uint32_t count_segments(struct str path)
{
    uint32_t n = path.n ? 1 : 0;

    for (const char *p = path.p, *end = path.p + path.n; n; p++, n++) {
        p = memchr(p, '/', (size_t)(end - p));
        if (!p)
            break;
    }
    return n;
}

bool route_walk_split(struct walk *w, const struct router *r, struct str path)
{
    struct str rest = path;

    w->path = path;
    w->n = count_segments(path);
    w->nparts = w->n < r->segments_max ? w->n : r->segments_max;
    w->parts = w->nparts <= PARTS_INLINE ? w->room
                                         : arena_array(w->arena, w->nparts, sizeof *w->parts);
    for (uint32_t i = 0; w->parts && i < w->nparts; i++)
        w->parts[i] = (struct part){.raw = str_cut(&rest, '/')};
    return w->parts != NULL;
}

/* The literal child of `n` that `part` spells. */
static const struct node *follow(struct walk *w, const struct node *n, struct part *part)
{
    if (n->nchildren == 0)
        return NULL;
    if (!part->ready) {
        if (!tc_percent_decode(part->raw, TC_DECODE_SEGMENT, w->arena, &part->text)) {
            w->no_memory = true; /* the escapes were checked before */
            return NULL;
        }
        part->hash = str_hash(part->text);
        part->ready = true;
    }
    return node_child(n, part->text, part->hash);
}

static void allow(struct walk *w, struct str verb)
{
    struct allowed **at = &w->allowed;

    for (; *at; at = &(*at)->next)
        if (str_eq((*at)->verb, verb))
            return;
    *at = arena_alloc(w->arena, sizeof **at);
    if (*at)
        (*at)->verb = verb;
    else
        w->no_memory = true;
}

/* A node at which the path ends: the route for the method itself, else GET's for HEAD, else the one
 * for any method. */
static const struct route *take(struct walk *w, const struct node *n)
{
    const struct route *get = NULL, *any = NULL;

    for (const struct taker *t = n->takers; t; t = t->next) {
        struct str verb = t->route->verb;
        if (str_eq(verb, w->method))
            return t->route;
        if (str_eq(verb, STR("GET")))
            get = t->route;
        else if (str_eq(verb, STR("*")))
            any = t->route;
    }
    if (get && str_eq(w->method, STR("HEAD")))
        return get;
    for (const struct taker *t = any ? NULL : n->takers; t; t = t->next)
        allow(w, t->route->verb);
    return any;
}

/* At each node, in this order; a node is left for its parent's next turn. */
enum turn { TURN_LITERAL, TURN_ONE, TURN_REST, TURN_LEAVE };

static const struct node *next_node(struct walk *w, const struct node *n, enum turn turn)
{
    if (n->depth >= w->nparts)
        return NULL;
    struct part *part = &w->parts[n->depth];
    if (turn == TURN_LITERAL)
        return follow(w, n, part);
    /* A `*` is one segment; between two slashes there is none. */
    return turn == TURN_ONE && part->raw.n ? n->one : NULL;
}

static const struct route *route_here(struct walk *w, const struct node *n, enum turn turn)
{
    if (turn == TURN_LITERAL && n->depth == w->n)
        return take(w, n);
    return turn == TURN_REST && n->rest ? take(w, n->rest) : NULL;
}

const struct route *route_walk_trie(struct walk *w, const struct node *root)
{
    const struct node *at = root;
    enum turn turn = TURN_LITERAL;

    while (at && !w->no_memory) {
        const struct route *found = route_here(w, at, turn);
        if (found)
            return found;
        const struct node *next = next_node(w, at, turn);
        if (next) {
            at = next;
            turn = TURN_LITERAL;
        } else if (++turn == TURN_LEAVE) {
            turn = at->parent && at->parent->one == at ? TURN_REST : TURN_ONE;
            at = at->parent;
        }
    }
    return NULL;
}
