#include "gateway/expr/compile.h"

/* How far out a node reaches: 0 the environment, k + 1 the k-th fold around it counted from the
 * outside, NOTHING when it stands for itself. */
enum { ENVIRONMENT = 0 };
#define NOTHING UINT32_MAX

/* Folds around the node in question: what those that bind a constant are to be taken for. */
struct outside {
    const struct expr_node *folds[EXPR_DEPTH_MAX + 8];
    uint32_t n;
};

static uint32_t reach(struct outside *o, struct expr_node *n);

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t reach_ident(const struct outside *o, const struct expr_node *n)
{
    if (n->ref == EXPR_REF_SLOT)
        return ENVIRONMENT;
    if (n->ref != EXPR_REF_LOCAL || n->slot >= o->n)
        return n->ref == EXPR_REF_LOCAL ? ENVIRONMENT : NOTHING;
    const struct expr_node *fold = o->folds[o->n - 1 - n->slot];
    if (expr_is_bind(fold->fold) && fold->fold->init->closed)
        return NOTHING;
    return o->n - n->slot;
}

static uint32_t reach_fold(struct outside *o, struct expr_node *n)
{
    struct expr_fold *f = n->fold;
    uint32_t r = least(reach(o, f->range), reach(o, f->init));
    if (o->n == sizeof o->folds / sizeof *o->folds)
        return ENVIRONMENT;
    o->folds[o->n++] = n;
    r = least(r, least(reach(o, f->condition), reach(o, f->step)));
    r = least(r, reach(o, f->result));
    o->n--;
    return r;
}

static uint32_t reach_parts(struct outside *o, struct expr_node *n)
{
    uint32_t r = NOTHING;
    if (n->operand)
        r = reach(o, n->operand);
    for (uint32_t i = 0; i < n->nargs; i++)
        r = least(r, reach(o, n->args[i]));
    for (uint32_t i = 0; i < n->nentries; i++) {
        if (n->entries[i].key)
            r = least(r, reach(o, n->entries[i].key));
        r = least(r, reach(o, n->entries[i].value));
    }
    return r;
}

static uint32_t reach(struct outside *o, struct expr_node *n)
{
    uint32_t r = n->ref != EXPR_REF_NONE     ? reach_ident(o, n)
                 : n->kind == EXPR_NODE_FOLD ? reach_fold(o, n)
                                             : reach_parts(o, n);
    n->closed = r > o->n;
    return r;
}

void expr_mark_closed(struct expr_node *root)
{
    struct outside o;
    o.n = 0;
    reach(&o, root);
}
