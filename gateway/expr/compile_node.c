#include "gateway/expr/compile.h"

const struct str *expr_gen_name(struct expr_generator *g, struct str name)
{
    struct str *s = expr_gen_alloc(g, 1, sizeof *s);
    if (!s)
        return NULL;
    *s = arena_copy(g->target->arena, name);
    if (!s->p)
        g->failed = g->faults->out_of_memory = true;
    return s;
}

static uint64_t emit_constant(struct expr_generator *g, const struct expr_node *n, uint32_t at,
                              const struct expr_value *v)
{
    expr_emit(g, n, (struct expr_insn){.op = expr_op_constant, .at = (uint16_t)at, .constant = v});
    return 1;
}

static uint64_t gen_constant(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    struct expr_value *v = expr_gen_alloc(g, 1, sizeof *v);
    if (!v)
        return 0;
    *v = n->constant;
    return emit_constant(g, n, at, v);
}

static uint64_t gen_slot(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    expr_gen_reads(g, &g->slots, n->slot);
    if (expr_gen_tap(g, n, at))
        return 1;
    expr_emit(g, n,
              (struct expr_insn){.op = n->test_only ? expr_op_has_slot : expr_op_slot,
                                 .at = (uint16_t)at,
                                 .x = n->slot,
                                 .name = expr_gen_name(g, n->name)});
    return 1;
}

static uint64_t gen_local(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    const struct expr_scope *s = g->scope, *inner = g->scope;
    for (uint32_t i = 0; i < n->slot; i++)
        s = s->outer;
    uint32_t place = str_eq(n->name, s->fold->var)    ? EXPR_FOLD_VAR
                     : str_eq(n->name, s->fold->var2) ? EXPR_FOLD_VAR2
                                                      : EXPR_FOLD_ACCU;
    if (s->constant && place == EXPR_FOLD_ACCU)
        return emit_constant(g, n, at, s->constant);
    if (s->bind && place == EXPR_FOLD_ACCU) {
        g->scope = s->outer;
        uint64_t cost = expr_gen(g, s->fold->init, at);
        g->scope = inner;
        return cost;
    }
    expr_emit(g, n, (struct expr_insn){.op = expr_op_copy, .at = (uint16_t)at, .x = s->at + place});
    return 1;
}

static uint64_t gen_select(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    struct expr_insn i = {.at = (uint16_t)at};
    if (expr_gen_tap(g, n, at))
        return 1;
    uint64_t cost = expr_gen(g, n->operand, at);
    if (n->field && !n->optional && n->operand->type->kind == EXPR_MESSAGE) {
        i.op = n->test_only ? expr_op_has_field : expr_op_field;
        i.field = n->field;
    } else {
        i.op = n->test_only ? expr_op_has : n->optional ? expr_op_optional_select : expr_op_select;
        i.name = expr_gen_name(g, n->name);
    }
    expr_emit(g, n, i);
    return expr_cost_add(cost, 1);
}

static uint64_t gen_inside(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    switch ((enum expr_node_kind)n->kind) {
    case EXPR_NODE_LITERAL: return gen_constant(g, n, at);
    case EXPR_NODE_IDENT:
    case EXPR_NODE_SELECT:
        if (n->ref == EXPR_REF_CONSTANT)
            return gen_constant(g, n, at);
        if (n->ref == EXPR_REF_SLOT)
            return gen_slot(g, n, at);
        return n->ref == EXPR_REF_LOCAL ? gen_local(g, n, at) : gen_select(g, n, at);
    case EXPR_NODE_CALL: return expr_gen_call(g, n, at);
    case EXPR_NODE_LIST: return expr_gen_list(g, n, at);
    case EXPR_NODE_MAP: return expr_gen_map(g, n, at);
    case EXPR_NODE_STRUCT: return expr_gen_struct(g, n, at);
    case EXPR_NODE_FOLD: return expr_gen_fold(g, n, at);
    }
    return 0;
}

uint64_t expr_gen(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    if (g->failed)
        return 0;
    if (!n->closed || g->folding)
        return gen_inside(g, n, at);
    uint32_t start = g->n;
    g->folding = true;
    uint64_t cost = gen_inside(g, n, at);
    g->folding = false;
    return expr_gen_fold_constant(g, n, start, at) ? 1 : cost;
}

/* Which elements have a "?", or NULL when none has. */
static const bool *optionals(struct expr_generator *g, const struct expr_node *n)
{
    bool any = false;
    for (uint32_t i = 0; i < n->nentries; i++)
        any = any || n->entries[i].optional;
    bool *flags = any ? expr_gen_alloc(g, n->nentries, sizeof *flags) : NULL;
    for (uint32_t i = 0; flags && i < n->nentries; i++)
        flags[i] = n->entries[i].optional;
    return flags;
}

static bool too_many(struct expr_generator *g, const struct expr_node *n)
{
    if (n->nentries <= EXPR_SOURCE_MAX)
        return false;
    expr_gen_fault(g, n, STR("too many elements"));
    return true;
}

uint64_t expr_gen_list(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    uint64_t cost = 1;
    if (too_many(g, n))
        return 0;
    for (uint32_t i = 0; i < n->nentries; i++)
        cost = expr_cost_add(cost, expr_gen(g, n->entries[i].value, at + i));
    expr_emit(g, n,
              (struct expr_insn){.op = expr_op_list,
                                 .at = (uint16_t)at,
                                 .n = (uint16_t)n->nentries,
                                 .optional = optionals(g, n)});
    return cost;
}

uint64_t expr_gen_map(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    uint64_t cost = 1;
    if (too_many(g, n))
        return 0;
    for (uint32_t i = 0; i < n->nentries; i++) {
        cost = expr_cost_add(cost, expr_gen(g, n->entries[i].key, at + 2 * i));
        cost = expr_cost_add(cost, expr_gen(g, n->entries[i].value, at + 2 * i + 1));
    }
    expr_emit(g, n,
              (struct expr_insn){.op = expr_op_map,
                                 .at = (uint16_t)at,
                                 .n = (uint16_t)n->nentries,
                                 .optional = optionals(g, n)});
    return cost;
}

uint64_t expr_gen_struct(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    struct expr_struct_shape *s = expr_gen_alloc(g, 1, sizeof *s);
    const struct tc_field **fields = expr_gen_alloc(g, n->nentries, sizeof *fields);
    uint64_t cost = 1;
    if (!s || !fields || too_many(g, n))
        return 0;
    *s = (struct expr_struct_shape){n->message, fields, optionals(g, n)};
    for (uint32_t i = 0; i < n->nentries; i++) {
        fields[i] = n->entries[i].into;
        cost = expr_cost_add(cost, expr_gen(g, n->entries[i].value, at + i));
    }
    expr_emit(
        g, n,
        (struct expr_insn){
            .op = expr_op_message, .at = (uint16_t)at, .n = (uint16_t)n->nentries, .shape = s});
    return cost;
}
