#include "gateway/expr/compile.h"

/* The accumulator of the innermost fold. */
static bool is_accu(const struct expr_generator *g, const struct expr_node *n)
{
    return n->kind == EXPR_NODE_IDENT && n->ref == EXPR_REF_LOCAL && n->slot == 0 &&
           str_eq(n->name, g->scope->fold->accu);
}

static bool is_call(const struct expr_node *n, struct str name, uint32_t nargs)
{
    return n->kind == EXPR_NODE_CALL && !n->operand && n->nargs == nargs && str_eq(n->name, name);
}

static bool is_true(const struct expr_node *n)
{
    return n->kind == EXPR_NODE_LITERAL && n->constant.kind == EXPR_BOOL && n->constant.b;
}

/* accu + [element]: the list grows in place, instead of being copied for each element. */
static bool is_append(const struct expr_generator *g, const struct expr_node *n)
{
    return is_call(n, STR("_+_"), 2) && is_accu(g, n->args[0]) &&
           n->args[1]->kind == EXPR_NODE_LIST && n->args[1]->nentries == 1 &&
           !n->args[1]->entries[0].optional;
}

static bool is_insert(const struct expr_generator *g, const struct expr_node *n)
{
    return is_call(n, STR("cel.@mapInsert"), 3) && is_accu(g, n->args[0]);
}

static bool is_filter(const struct expr_generator *g, const struct expr_node *n)
{
    return is_call(n, STR("_?_:_"), 3) && is_accu(g, n->args[2]);
}

/* @not_strictly_false(accu), or of !accu: what stops all() and exists(). */
static bool is_until(const struct expr_generator *g, const struct expr_node *n, bool *stop)
{
    if (!is_call(n, STR("@not_strictly_false"), 1))
        return false;
    const struct expr_node *of = n->args[0];
    *stop = is_call(of, STR("!_"), 1);
    return is_accu(g, *stop ? of->args[0] : of);
}

/* accu && p, accu || p: their steps. */
static bool is_logic(const struct expr_generator *g, const struct expr_node *n)
{
    return (is_call(n, STR("_&&_"), 2) || is_call(n, STR("_||_"), 2)) && is_accu(g, n->args[0]);
}

static void emit(struct expr_generator *g, const struct expr_node *n, expr_op *op, uint32_t at,
                 uint32_t x)
{
    expr_emit(g, n, (struct expr_insn){.op = op, .at = (uint16_t)at, .x = x});
}

/* The step: its value goes to the accumulator, at place `accu`; `at` is free. */
static uint64_t gen_step(struct expr_generator *g, const struct expr_node *n, uint32_t accu,
                         uint32_t at)
{
    uint64_t cost;
    if (is_append(g, n)) {
        cost = expr_gen(g, n->args[1]->entries[0].value, at);
        emit(g, n, expr_op_append, at, accu);
    } else if (is_insert(g, n)) {
        cost = expr_gen(g, n->args[1], at);
        cost = expr_cost_add(cost, expr_gen(g, n->args[2], at + 1));
        emit(g, n, expr_op_insert, at, accu);
    } else if (is_filter(g, n)) {
        cost = expr_gen(g, n->args[0], at);
        uint32_t choose = expr_emit(
            g, n,
            (struct expr_insn){.op = expr_op_fold_choose, .at = (uint16_t)at, .n = (uint16_t)accu});
        cost = expr_cost_add(cost, gen_step(g, n->args[1], accu, at));
        expr_land(g, choose);
    } else if (is_logic(g, n)) {
        cost = expr_gen(g, n->args[1], at);
        emit(g, n, n->name.p[1] == '&' ? expr_op_fold_and : expr_op_fold_or, accu, at);
    } else {
        cost = expr_gen(g, n, at);
        emit(g, n, expr_op_copy, accu, at);
    }
    return expr_cost_add(cost, 1);
}

static uint64_t gen_bind(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    const struct expr_fold *f = n->fold;
    uint64_t cost = 1;
    if (!f->init->closed)
        cost = expr_gen(g, f->init, at + EXPR_FOLD_ACCU);
    struct expr_scope scope = {g->scope, f, at, f->init->closed, NULL};
    if (scope.bind)
        scope.constant = expr_gen_constant(g, f->init, at + EXPR_FOLD_ACCU);
    g->scope = &scope;
    cost = expr_cost_add(cost, expr_gen(g, f->result, at + EXPR_FOLD_PLACES));
    g->scope = scope.outer;
    emit(g, n, expr_op_copy, at, at + EXPR_FOLD_PLACES);
    return cost;
}

/* What one element costs. */
static uint64_t gen_round(struct expr_generator *g, const struct expr_node *n, uint32_t at,
                          uint32_t *leave)
{
    const struct expr_fold *f = n->fold;
    uint32_t free = at + EXPR_FOLD_PLACES;
    uint64_t cost = 2;
    bool stop;
    *leave = UINT32_MAX;
    if (is_until(g, f->condition, &stop)) {
        cost++;
        *leave = expr_emit(g, n,
                           (struct expr_insn){.op = expr_op_fold_until,
                                              .at = (uint16_t)(at + EXPR_FOLD_ACCU),
                                              .n = stop});
    } else if (!is_true(f->condition)) {
        cost = expr_cost_add(cost, expr_gen(g, f->condition, free));
        *leave = expr_emit(g, n,
                           (struct expr_insn){.op = expr_op_fold_while, .at = (uint16_t)free});
    }
    return expr_cost_add(cost, gen_step(g, f->step, at + EXPR_FOLD_ACCU, free));
}

uint64_t expr_gen_fold(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    const struct expr_fold *f = n->fold;
    if (expr_is_bind(f))
        return gen_bind(g, n, at);
    uint64_t cost = expr_gen(g, f->range, at);
    cost = expr_cost_add(cost, expr_gen(g, f->init, at + EXPR_FOLD_ACCU));
    uint32_t start = expr_emit(g, n,
                               (struct expr_insn){.op = expr_op_fold_start, .at = (uint16_t)at});
    uint32_t next = expr_emit(
        g, n,
        (struct expr_insn){.op = f->var2.p ? expr_op_fold_next2 : expr_op_fold_next,
                           .at = (uint16_t)at,
                           .n = is_true(f->condition)});
    uint32_t leave;
    struct expr_scope scope = {g->scope, f, at, false, NULL};
    g->scope = &scope;
    uint64_t round = gen_round(g, n, at, &leave);
    uint32_t again = expr_emit(g, n, (struct expr_insn){.op = expr_op_fold_again});
    if (!g->failed)
        g->insns[again].x = again - next;
    expr_land(g, next);
    if (leave != UINT32_MAX)
        expr_land(g, leave);
    cost = expr_cost_add(cost, expr_gen(g, f->result, at + EXPR_FOLD_PLACES));
    g->scope = scope.outer;
    emit(g, n, expr_op_copy, at, at + EXPR_FOLD_PLACES);
    expr_land(g, start);
    round = expr_cost_mul(round, expr_bound(g, f->range));
    cost = expr_cost_add(expr_cost_add(cost, round), 3);
    if (!g->worst && cost > g->target->max_cost)
        g->worst = n;
    return cost;
}
