#include "gateway/explain_internal.h"
#include "transcoder/suggest.h"

/* Which routes are most like a path that none takes. Segments are laid side by side; what differs
 * costs, a slip of the pen less than another word. Only for people: every route is looked at. */

enum {
    NEAR_MAX = 3,
    COST_SLIP = 1,
    COST_WORD = 3,
    COST_MISSING = 2,
    COST_METHOD = 1,
};

struct near {
    const struct route *route[NEAR_MAX];
    unsigned cost[NEAR_MAX], n;
};

static unsigned segment_cost(struct str literal, struct str segment)
{
    struct tc_suggestion s = tc_suggest_for(segment);

    if (str_eq(literal, segment))
        return 0;
    tc_suggest(&s, literal);
    return s.best.p ? COST_SLIP : COST_WORD;
}

/* `path` without its first slash. A verb is part of the last segment on both sides. *alike counts
 * the literals that the path spells, nearly at least. */
static unsigned template_cost(const struct path_template *t, struct str path, unsigned *alike)
{
    struct str rest = path;
    unsigned cost = 0;

    *alike = 0;
    for (uint32_t i = 0; i < t->nsegments && t->segments[i].kind != SEGMENT_REST; i++) {
        const struct path_segment *s = &t->segments[i];
        struct str segment = str_cut(&rest, '/');
        if (t->verb.n && !rest.p && str_ends(segment, t->verb))
            segment.n -= t->verb.n + (segment.n > t->verb.n);
        unsigned one = !segment.n                   ? COST_MISSING
                       : s->kind == SEGMENT_LITERAL ? segment_cost(s->literal, segment)
                                                    : 0;
        *alike += s->kind == SEGMENT_LITERAL && one <= COST_SLIP;
        cost += one;
        if (i + 1 == t->nsegments)
            for (; rest.p; cost += COST_MISSING)
                str_cut(&rest, '/');
    }
    return cost;
}

static void note(struct near *near, const struct route *route, unsigned cost)
{
    unsigned at = near->n;

    while (at > 0 && near->cost[at - 1] > cost)
        at--;
    if (at == NEAR_MAX)
        return;
    near->n += near->n < NEAR_MAX;
    for (unsigned i = near->n - 1; i > at; i--) {
        near->route[i] = near->route[i - 1];
        near->cost[i] = near->cost[i - 1];
    }
    near->route[at] = route;
    near->cost[at] = cost;
}

void explain_near(const struct explanation *e, struct str method, struct str path)
{
    const struct plan *plan = e->s->plan;
    struct near near = {.n = 0};

    for (uint32_t i = 0; i < plan->nroutes; i++) {
        const struct route *r = &plan->routes[i];
        struct path_template t;
        struct str why;
        unsigned alike;
        if (!path_template_parse(r->pattern, e->arena, &t, &why))
            continue;
        unsigned cost = template_cost(&t, str_skip(path, 1), &alike);
        if (!str_eq(r->verb, method))
            cost += COST_METHOD;
        if (alike)
            note(&near, r, cost);
    }
    for (unsigned i = 0; i < near.n; i++)
        EXPLAIN(e, "near", "%.*s %.*s  %.*s", STR_ARG(near.route[i]->verb),
                STR_ARG(near.route[i]->pattern), STR_ARG(near.route[i]->policy->method->full_name));
}
