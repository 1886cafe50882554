#include "gateway/expr/check.h"

#define TEXT(c, ...) arena_printf((c)->arena, __VA_ARGS__)

/* The parts of a node, one after the other; NULL behind the last. A map's entries have two. */
static struct expr_node *part(const struct expr_node *n, uint32_t i)
{
    uint32_t receiver = n->operand != NULL;

    if (n->fold) {
        struct expr_node *const parts[] = {n->fold->range, n->fold->init, n->fold->condition,
                                           n->fold->step, n->fold->result};
        return i < 5 ? parts[i] : NULL;
    }
    if (i < receiver)
        return n->operand;
    if (i < receiver + n->nargs)
        return n->args[i - receiver];
    i -= receiver + n->nargs;
    if (i >= 2 * n->nentries)
        return NULL;
    const struct expr_entry *e = &n->entries[i / 2];
    return i % 2 == 0 && e->key ? e->key : e->value;
}

/* Dyn that comes in here: not from a part of this node. */
static void refuse_dyn(struct expr_check *c, struct expr_node *n)
{
    const struct expr_type *t = expr_infer_resolve(&c->infer, n->type, NULL);
    struct expr_node *inner;

    if (!expr_type_has_dyn(t))
        return;
    for (uint32_t i = 0; (inner = part(n, i)); i++)
        if (inner->type && (inner->type->kind == EXPR_ERROR || expr_type_has_dyn(inner->type)))
            return;
    expr_check_fault(c, n, n->kind == EXPR_NODE_SELECT ? n->name : STR_NONE,
                     TEXT(c,
                          "the type of this is known only when it runs (%.*s), which is refused "
                          "here",
                          STR_ARG(expr_check_text(c, t))));
}

void expr_check_done(struct expr_check *c, struct expr_node *root)
{
    struct expr_node *inner;

    /* A qualified name has been resolved as a whole: its parts have no types. */
    bool whole = root->kind == EXPR_NODE_SELECT && root->ref != EXPR_REF_NONE;
    for (uint32_t i = 0; !whole && (inner = part(root, i)); i++)
        expr_check_done(c, inner);
    if (c->env->refuse_dyn)
        refuse_dyn(c, root);
    expr_check_set(c, root, expr_infer_resolve(&c->infer, root->type, &expr_type_dyn));
}
