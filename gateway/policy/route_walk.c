#include "gateway/policy/route_walk.h"

/* How much a path can cost. A node at depth d is only ever compared with segment d, and the walk
 * enters it only from its one parent: each node is visited at most once, and none deeper than the
 * path has segments. At each visited node that has a `**` one chain of literals is followed from
 * the path's end and back, at most as long as the longest suffix of a template. So the work is
 * bounded by nodes x suffix whatever the path is, there is nothing to try twice, and it needs no
 * stack. */

static struct str segment_at_end(struct str path)
{
    const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

    return slash ? str_skip(path, (size_t)(slash - path.p) + 1) : path;
}

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

static bool parts_allocate(struct walk *w)
{
    size_t n = (size_t)w->nfront + w->nback;

    w->front = n <= PARTS_INLINE ? w->room : arena_array(w->arena, n, sizeof *w->front);
    w->back = w->front ? w->front + w->nfront : NULL;
    return w->front != NULL;
}

bool route_walk_split(struct walk *w, const struct router *r, struct str path)
{
    struct str rest = path;

    w->path = path;
    w->n = count_segments(path);
    w->nfront = w->n < r->front_max ? w->n : r->front_max;
    w->nback = w->n < r->back_max ? w->n : r->back_max;
    if (!parts_allocate(w))
        return false;
    for (uint32_t i = 0; i < w->nfront; i++)
        w->front[i] = (struct part){.raw = str_cut(&rest, '/')};
    for (uint32_t i = 0; i < w->nback; i++) {
        struct str last = segment_at_end(path);
        w->back[i] = (struct part){.raw = last};
        path.n -= last.n + (path.n > last.n);
    }
    return true;
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

/* Routes with a `**` below `n`: the longest suffix that fits goes first. */
static const struct route *walk_rest(struct walk *w, const struct node *n)
{
    const struct node *at = n->rest;
    const struct route *found = NULL;
    uint32_t left = w->n - n->depth;

    for (const struct node *next = at; next && left > 0; left--) {
        next = at->depth < w->nback ? follow(w, at, &w->back[at->depth]) : NULL;
        if (next)
            at = next;
    }
    for (; at && !found && !w->no_memory; at = at->parent)
        found = take(w, at);
    return found;
}

/* At each node, in this order; a node is left for its parent's next turn. */
enum turn { TURN_LITERAL, TURN_ONE, TURN_REST, TURN_LEAVE };

static const struct node *next_node(struct walk *w, const struct node *n, enum turn turn)
{
    if (n->depth >= w->nfront)
        return NULL;
    struct part *part = &w->front[n->depth];
    if (turn == TURN_LITERAL)
        return follow(w, n, part);
    /* A `*` is one segment; between two slashes there is none. */
    return turn == TURN_ONE && part->raw.n ? n->one : NULL;
}

static const struct route *route_here(struct walk *w, const struct node *n, enum turn turn)
{
    if (turn == TURN_LITERAL && n->depth == w->n)
        return take(w, n);
    return turn == TURN_REST ? walk_rest(w, n) : NULL;
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
