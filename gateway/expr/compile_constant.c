#include "gateway/expr/compile.h"

/* Memory of an evaluation at load: its values are copied into the arena, or it stays code. */
enum { SCRATCH = 32 << 10 };

static bool freeze(struct expr_generator *g, struct expr_run *r, struct expr_value *v);

static bool freeze_text(struct expr_generator *g, struct expr_value *v)
{
    v->s = arena_copy(g->target->arena, v->s);
    return v->s.p != NULL;
}

static bool freeze_list(struct expr_generator *g, struct expr_run *r, struct expr_value *v)
{
    uint32_t n = expr_list_size(v);
    struct expr_array *a = expr_gen_alloc(g, 1, sizeof *a);
    struct expr_value *items = expr_gen_alloc(g, n, sizeof *items);
    if (!a || !items)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        items[i] = expr_list_at(r, v, i);
        if (!freeze(g, r, &items[i]))
            return false;
    }
    *v = expr_array_init(a, items, n);
    return true;
}

static bool freeze_map(struct expr_generator *g, struct expr_run *r, struct expr_value *v)
{
    uint32_t n = expr_map_size(v);
    struct expr_pairs *m = expr_gen_alloc(g, 1, sizeof *m);
    struct expr_pair *pairs = expr_gen_alloc(g, n, sizeof *pairs);
    if (!m || !pairs)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        v->map->at(v->map, r, i, &pairs[i].key, &pairs[i].value);
        if (!freeze(g, r, &pairs[i].key) || !freeze(g, r, &pairs[i].value))
            return false;
    }
    *v = expr_pairs_init(m, pairs, n);
    return expr_pairs_index(m, g->target->arena);
}

static bool freeze_optional(struct expr_generator *g, struct expr_run *r, struct expr_value *v)
{
    struct expr_value *inner;
    if (!v->optional)
        return true;
    inner = expr_gen_alloc(g, 1, sizeof *inner);
    if (!inner)
        return false;
    *inner = *v->optional;
    v->optional = inner;
    return freeze(g, r, inner);
}

static bool freeze_type(struct expr_generator *g, struct expr_value *v)
{
    struct expr_type *t = expr_gen_alloc(g, 1, sizeof *t);
    if (!t)
        return false;
    *t = *v->type;
    v->type = t;
    return true;
}

/* Copies what a value points to. False: it is an error, too much, or memory is short. */
static bool freeze(struct expr_generator *g, struct expr_run *r, struct expr_value *v)
{
    if (v->kind == EXPR_ERROR || g->fold_values == 0 || r->depth >= EXPR_VALUE_DEPTH_MAX)
        return false;
    g->fold_values--;
    bool ok = true;
    r->depth++;
    switch (v->kind) {
    case EXPR_STRING:
    case EXPR_BYTES:
    case EXPR_MESSAGE: ok = freeze_text(g, v); break;
    case EXPR_LIST: ok = freeze_list(g, r, v); break;
    case EXPR_MAP: ok = freeze_map(g, r, v); break;
    case EXPR_OPTIONAL: ok = freeze_optional(g, r, v); break;
    case EXPR_TYPE: ok = freeze_type(g, v); break;
    default: break;
    }
    r->depth--;
    return ok;
}

/* The budget of folding may end where that of an evaluation would not. */
static void refuse_failing(struct expr_generator *g, const struct expr_node *n,
                           const struct expr_value *v)
{
    if (v->kind == EXPR_ERROR && v->error->code != EXPR_FAIL_BUDGET && g->target->refuse_failing)
        expr_gen_fault(
            g, n,
            arena_printf(g->target->arena, "this always fails: %.*s", STR_ARG(v->error->text)));
}

/* Runs the code from `start` on, whose result is at place `at`. In a function of its own, so that
 * the scratch is not on the stack while the generator goes deeper. */
__attribute__((noinline)) static const struct expr_value *evaluate(struct expr_generator *g,
                                                                   const struct expr_node *n,
                                                                   uint32_t start, uint32_t at)
{
    char memory[SCRATCH];
    struct expr_scratch scratch = {memory, sizeof memory, 0};
    struct expr_frame f = {.run = {.scratch = &scratch,
                                   .schema = g->target->schema,
                                   .steps = g->fold_steps,
                                   .max_items = g->target->max_items}};
    struct expr_value *v;

    f.stack = expr_alloc_array(&f.run, g->depth, sizeof *f.stack);
    if (!f.stack)
        return NULL;
    expr_execute(&f, &g->insns[start]);
    g->fold_steps = f.run.steps;
    v = expr_gen_alloc(g, 1, sizeof *v);
    if (!v || f.run.steps == 0)
        return NULL;
    *v = f.stack[at];
    refuse_failing(g, n, v);
    return freeze(g, &f.run, v) ? v : NULL;
}

/* A select of a constant map, a sum, a list ... but not what is a constant already. */
static bool is_plain(const struct expr_generator *g, uint32_t start)
{
    return g->n == start + 1 && g->insns[start].op == expr_op_constant;
}

bool expr_gen_fold_constant(struct expr_generator *g, const struct expr_node *n, uint32_t start,
                            uint32_t at)
{
    if (g->failed || is_plain(g, start))
        return !g->failed;
    expr_emit(g, n, (struct expr_insn){.op = expr_op_end});
    const struct expr_value *v = g->failed ? NULL : evaluate(g, n, start, at);
    if (g->failed)
        return false;
    if (!v) {
        g->n--;
        return false;
    }
    g->n = start;
    expr_emit(g, n, (struct expr_insn){.op = expr_op_constant, .at = (uint16_t)at, .constant = v});
    return true;
}

const struct expr_value *expr_gen_constant(struct expr_generator *g, const struct expr_node *n,
                                           uint32_t at)
{
    uint32_t start = g->n;
    const struct expr_value *v = NULL;
    bool folding = g->folding;

    g->folding = true;
    expr_gen(g, n, at);
    g->folding = folding;
    if (g->failed)
        return NULL;
    if (is_plain(g, start)) {
        v = g->insns[start].constant;
    } else {
        expr_emit(g, n, (struct expr_insn){.op = expr_op_end});
        v = g->failed ? NULL : evaluate(g, n, start, at);
    }
    g->n = start;
    return v;
}
