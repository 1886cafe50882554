#include "gateway/expr/check.h"

enum { OPERANDS_MAX = 8, OVERLOADS_MAX = 64, LETTERS = 8 };

/* The rows for a name as it is called here, tried in the container and outwards. */
static const struct expr_overload *find_rows(struct expr_check *c, struct str name, uint32_t *n)
{
    char buffer[EXPR_NAME_MAX];
    const struct expr_overload *rows = NULL;
    struct str full;

    *n = 0;
    for (uint32_t i = 0; !rows && expr_check_candidate(c, name, i, buffer, &full); i++)
        rows = expr_functions_find(&c->env->functions, full, n);
    return rows;
}

static bool has_function(const struct expr_overload *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!rows[i].method)
            return true;
    return false;
}

/* "math.abs(x)" reads as a method of `math`: a function of a namespace has precedence, unless the
 * name belongs to a fold. */
static const struct expr_overload *in_namespace(struct expr_check *c, struct expr_node *n,
                                                uint32_t *nrows)
{
    *nrows = 0;
    if (!n->operand || expr_check_is_local(c, n->operand))
        return NULL;
    struct str space = expr_node_qualified(c->arena, n->operand);
    if (!space.p || space.n + n->name.n + 1 > EXPR_NAME_MAX)
        return NULL;
    char name[EXPR_NAME_MAX];
    memcpy(name, space.p, space.n);
    name[space.n] = '.';
    memcpy(name + space.n + 1, n->name.p, n->name.n);
    const struct expr_overload *rows = find_rows(c, str_of(name, space.n + 1 + n->name.n), nrows);
    if (!rows || !has_function(rows, *nrows))
        return NULL;
    n->operand = NULL;
    n->name = rows->name;
    return rows;
}

/* The types of a call's operands, the receiver being the first. */
struct operands {
    const struct expr_type *types[OPERANDS_MAX];
    uint32_t n;
    bool method, dyn;
};

static bool add_operand(struct expr_check *c, struct operands *o, const struct expr_node *n)
{
    const struct expr_type *t = expr_check_type(c, n);

    o->dyn = o->dyn || t->kind == EXPR_DYN;
    if (o->n < OPERANDS_MAX)
        o->types[o->n] = n->type;
    o->n++;
    return t->kind != EXPR_ERROR;
}

/* Whether a row takes the operands; its result type then. What did not fit leaves no trace. */
static const struct expr_type *try_row(struct expr_check *c, const struct expr_overload *row,
                                       const struct operands *o)
{
    const struct expr_type *vars[LETTERS];
    uint32_t mark = expr_infer_mark(&c->infer);

    if (row->method != o->method || row->nparams != o->n ||
        (row->function->flags & EXPR_LATE && !o->dyn))
        return NULL;
    for (uint32_t i = 0; i < row->ntype_params; i++)
        vars[i] = expr_infer_fresh(&c->infer);
    for (uint32_t i = 0; i < o->n; i++) {
        const struct expr_type *param = row->params[i];
        if (row->ntype_params)
            param = expr_infer_instantiate(&c->infer, param, vars);
        if (expr_infer_fits(&c->infer, param, o->types[i]))
            continue;
        expr_infer_take_back(&c->infer, mark);
        return NULL;
    }
    if (!row->ntype_params)
        return row->result;
    return expr_infer_resolve(&c->infer, expr_infer_instantiate(&c->infer, row->result, vars),
                              NULL);
}

static void resolve(struct expr_check *c, struct expr_node *n, const struct expr_overload *rows,
                    uint32_t nrows, const struct operands *o)
{
    const struct expr_overload *fit[OVERLOADS_MAX];
    const struct expr_type *result = NULL;

    for (uint32_t i = 0; i < nrows && n->noverloads < OVERLOADS_MAX; i++) {
        const struct expr_type *t = try_row(c, &rows[i], o);
        if (!t)
            continue;
        fit[n->noverloads++] = &rows[i];
        if (!result)
            result = t;
        else if (!expr_type_equal(result, t))
            result = &expr_type_dyn;
    }
    if (!result) {
        expr_check_no_overload(c, n, rows, nrows);
        return;
    }
    const struct expr_overload **kept = arena_array(c->arena, n->noverloads,
                                                    sizeof(const struct expr_overload *));
    if (kept)
        memcpy(kept, fit, n->noverloads * sizeof(const struct expr_overload *));
    n->overloads = kept;
    expr_check_set(c, n, kept ? result : NULL);
}

void expr_check_call(struct expr_check *c, struct expr_node *n)
{
    uint32_t nrows;
    const struct expr_overload *rows = in_namespace(c, n, &nrows);
    struct operands o = {.method = n->operand};
    bool sound = true;

    if (n->operand) {
        expr_check_node(c, n->operand);
        sound = add_operand(c, &o, n->operand);
    }
    for (uint32_t i = 0; i < n->nargs; i++) {
        expr_check_node(c, n->args[i]);
        sound = add_operand(c, &o, n->args[i]) && sound;
    }
    if (!rows)
        rows = find_rows(c, n->name, &nrows);
    if (!sound)
        n->type = &expr_type_error;
    else if (!rows)
        expr_check_no_function(c, n);
    else
        resolve(c, n, rows, nrows, &o);
}
