#include "gateway/expr/compile.h"

/* Of calls: those that give no more than they were given. */
static uint64_t bound_of_call(const struct expr_generator *g, const struct expr_node *n)
{
    static const struct str keepers[] = {STR_INIT("reverse"), STR_INIT("sort"),
                                         STR_INIT("distinct"), STR_INIT("slice"),
                                         STR_INIT("@sortByAssociatedKeys")};
    for (size_t i = 0; n->operand && i < sizeof keepers / sizeof *keepers; i++)
        if (str_eq(n->name, keepers[i]))
            return expr_bound(g, n->operand);
    bool sum = str_eq(n->name, STR("_+_"));
    if (!sum && !str_eq(n->name, STR("_?_:_")))
        return g->target->max_items;
    uint64_t a = expr_bound(g, n->args[n->nargs - 2]), b = expr_bound(g, n->args[n->nargs - 1]);
    uint64_t bound = sum ? a + b : a > b ? a : b;
    return bound < g->target->max_items ? bound : g->target->max_items;
}

uint64_t expr_bound(const struct expr_generator *g, const struct expr_node *n)
{
    if (n->kind == EXPR_NODE_LIST || n->kind == EXPR_NODE_MAP)
        return n->nentries;
    if (n->kind == EXPR_NODE_CALL)
        return bound_of_call(g, n);
    if (n->kind == EXPR_NODE_FOLD)
        return expr_bound(g, expr_is_bind(n->fold) ? n->fold->result : n->fold->range);
    if (n->kind == EXPR_NODE_LITERAL && n->constant.kind == EXPR_LIST)
        return expr_list_size(&n->constant);
    return g->target->max_items;
}

static uint64_t bytes_of(const struct expr_node *n)
{
    if (n->kind == EXPR_NODE_LITERAL &&
        (n->constant.kind == EXPR_STRING || n->constant.kind == EXPR_BYTES))
        return n->constant.s.n;
    return n->type->kind == EXPR_STRING || n->type->kind == EXPR_BYTES || n->type->kind == EXPR_DYN
               ? EXPR_BYTES_ASSUMED
               : 0;
}

static uint64_t items_of(const struct expr_generator *g, const struct expr_node *n)
{
    if (n->type->kind != EXPR_LIST && n->type->kind != EXPR_MAP && n->type->kind != EXPR_DYN)
        return 0;
    uint64_t bound = expr_bound(g, n);
    return bound < EXPR_ITEMS_ASSUMED ? bound : EXPR_ITEMS_ASSUMED;
}

/* Without its operands. Strings and lists of unknown size count as the sizes that are assumed; what
 * is longer spends more when it runs, up to max_cost. */
uint64_t expr_cost_of(const struct expr_generator *g, const struct expr_node *call)
{
    uint64_t bytes = 0, items = 0;
    uint8_t cost = EXPR_COST_ONE;
    for (uint32_t i = 0; i < call->noverloads; i++)
        if (call->overloads[i]->function->cost > cost)
            cost = call->overloads[i]->function->cost;
    for (uint32_t i = 0; i < call->nargs; i++) {
        bytes += bytes_of(call->args[i]);
        items += items_of(g, call->args[i]);
    }
    if (call->operand) {
        bytes += bytes_of(call->operand);
        items += items_of(g, call->operand);
    }
    if (cost == EXPR_COST_BYTES)
        return 1 + bytes / EXPR_STEP_BYTES;
    return cost == EXPR_COST_ITEMS ? 1 + items : 1;
}
