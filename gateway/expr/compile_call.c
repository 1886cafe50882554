#include "gateway/expr/compile.h"
#include "gateway/expr/regex.h"
#include "gateway/expr/regex_weight.h"

typedef uint64_t generate(struct expr_generator *g, const struct expr_node *n, uint32_t at);

static uint32_t emit_at(struct expr_generator *g, const struct expr_node *n, expr_op *op,
                        uint32_t at)
{
    return expr_emit(g, n, (struct expr_insn){.op = op, .at = (uint16_t)at});
}

static uint64_t gen_logic(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    bool and = n->name.p[1] == '&';
    uint64_t cost = expr_gen(g, n->args[0], at);
    uint32_t left = emit_at(g, n, and? expr_op_and_left : expr_op_or_left, at);
    cost = expr_cost_add(cost, expr_gen(g, n->args[1], at + 1));
    emit_at(g, n, and? expr_op_and : expr_op_or, at);
    expr_land(g, left);
    return expr_cost_add(cost, 2);
}

static uint64_t gen_choice(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    uint64_t cost = expr_gen(g, n->args[0], at);
    uint32_t choose = emit_at(g, n, expr_op_choose, at);
    uint64_t yes = expr_gen(g, n->args[1], at);
    uint32_t end = emit_at(g, n, expr_op_jump, at);
    expr_land(g, choose);
    uint64_t no = expr_gen(g, n->args[2], at);
    expr_land(g, end);
    return expr_cost_add(cost, expr_cost_add(2, yes > no ? yes : no));
}

static uint64_t gen_not_strictly_false(struct expr_generator *g, const struct expr_node *n,
                                       uint32_t at)
{
    uint64_t cost = expr_gen(g, n->args[0], at);
    emit_at(g, n, expr_op_not_strictly_false, at);
    return expr_cost_add(cost, 1);
}

static uint64_t gen_or(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    uint64_t cost = expr_gen(g, n->operand, at);
    bool value = str_eq(n->name, STR("orValue"));
    uint32_t end = emit_at(g, n, value ? expr_op_optional_or_value : expr_op_optional_or, at);
    cost = expr_cost_add(cost, expr_gen(g, n->args[0], at));
    expr_land(g, end);
    return expr_cost_add(cost, 1);
}

/* Patterns of one expression are few milliseconds of work together, whatever they say. */
static bool too_large(struct expr_generator *g, const struct expr_node *n, struct str pattern)
{
    uint64_t weight = expr_regex_weight(pattern);
    g->regex_weight = expr_cost_add(g->regex_weight, weight);
    if (g->regex_weight <= EXPR_REGEX_WEIGHT_MAX)
        return false;
    expr_gen_fault(
        g, n,
        arena_printf(g->target->arena,
                     "the pattern becomes too large: about %llu steps, and the patterns of "
                     "an expression may have %d together; repeat less, or compare size()",
                     (unsigned long long)weight, EXPR_REGEX_WEIGHT_MAX));
    return true;
}

static uint64_t gen_matches(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    const struct expr_node *text = n->operand ? n->operand : n->args[0];
    const struct expr_node *pattern = n->args[n->nargs - 1];
    char why[EXPR_REGEX_WHY_MAX];
    uint64_t cost = expr_gen(g, text, at);
    const struct expr_value *v = pattern->closed && !g->failed
                                     ? expr_gen_constant(g, pattern, at + 1)
                                     : NULL;

    if (!v || v->kind != EXPR_STRING) {
        expr_gen_fault(g, pattern,
                       STR("the pattern of matches() must be a constant string, so that it can be "
                           "checked and compiled at load"));
        return 0;
    }
    if (too_large(g, pattern, v->s))
        return 0;
    const struct expr_regex *r = expr_regexes_get(g->target->regexes, g->target->arena, v->s, why);
    if (!r) {
        expr_gen_fault(g, pattern,
                       arena_printf(g->target->arena, "no regular expression: %s", why));
        return 0;
    }
    expr_emit(g, n, (struct expr_insn){.op = expr_op_matches, .at = (uint16_t)at, .regex = r});
    return expr_cost_add(cost, expr_cost_of(g, n));
}

/* What the evaluator runs itself. Names that users may write too are theirs only as methods. */
static const struct {
    struct str name;
    generate *generate;
} lazy[] = {
    {STR_INIT("_&&_"), gen_logic},      {STR_INIT("_||_"), gen_logic},
    {STR_INIT("_?_:_"), gen_choice},    {STR_INIT("@not_strictly_false"), gen_not_strictly_false},
    {STR_INIT("or"), gen_or},           {STR_INIT("orValue"), gen_or},
    {STR_INIT("matches"), gen_matches},
};

/* The types that the checker knows fit those of the row: nothing is left to be found out when it
 * runs. A wrapper may be null. */
static bool surely_fits(const struct expr_overload *o, const struct expr_node *n)
{
    uint32_t k = 0;
    if (n->operand) {
        uint8_t kind = o->params[k++]->kind;
        if (kind != EXPR_PARAM && kind != EXPR_DYN && kind != n->operand->type->kind)
            return false;
    }
    for (uint32_t i = 0; i < n->nargs; i++, k++) {
        uint8_t kind = o->params[k]->kind;
        if (kind != EXPR_PARAM && kind != EXPR_DYN && kind != n->args[i]->type->kind)
            return false;
    }
    return true;
}

static const struct expr_overload *const *keep_overloads(struct expr_generator *g,
                                                         const struct expr_node *n)
{
    const struct expr_overload **kept = expr_gen_alloc(g, n->noverloads, sizeof *kept);
    for (uint32_t i = 0; kept && i < n->noverloads; i++)
        kept[i] = n->overloads[i];
    return kept;
}

/* _==_ and _!=_ with a constant that was made last: one instruction in place of both. */
static bool gen_equal_constant(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    bool negated = str_eq(n->name, STR("_!=_"));
    if (g->failed || g->n < 2 || !(negated || str_eq(n->name, STR("_==_"))) ||
        g->insns[g->n - 1].op != expr_op_constant || g->insns[g->n - 1].at != at + 1 ||
        (n->args[1]->kind != EXPR_NODE_LITERAL && n->args[1]->ref != EXPR_REF_CONSTANT))
        return false;
    g->insns[g->n - 1].op = expr_op_equal_constant;
    g->insns[g->n - 1].at = (uint16_t)at;
    g->insns[g->n - 1].n = negated;
    return true;
}

uint64_t expr_gen_call(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    uint64_t cost = expr_cost_of(g, n);
    uint32_t k = 0;

    for (size_t i = 0; i < sizeof lazy / sizeof *lazy; i++)
        if (str_eq(n->name, lazy[i].name) && n->noverloads && !n->overloads[0]->function->run)
            return lazy[i].generate(g, n, at);
    if (n->operand)
        cost = expr_cost_add(cost, expr_gen(g, n->operand, at + k++));
    for (uint32_t i = 0; i < n->nargs; i++)
        cost = expr_cost_add(cost, expr_gen(g, n->args[i], at + k++));
    if (gen_equal_constant(g, n, at))
        return cost;
    struct expr_insn call = {.at = (uint16_t)at, .n = (uint16_t)k};
    if (n->noverloads == 1 && surely_fits(n->overloads[0], n)) {
        call.op = expr_op_call;
        call.run = n->overloads[0]->function->run;
    } else {
        call.op = expr_op_dispatch;
        call.x = n->noverloads;
        call.overloads = keep_overloads(g, n);
    }
    expr_emit(g, n, call);
    return cost;
}
