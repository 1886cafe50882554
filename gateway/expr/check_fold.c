#include "gateway/expr/check.h"

#define TEXT(c, ...) arena_printf((c)->arena, __VA_ARGS__)

/* What the elements of `range` are: one variable walks a list's elements or a map's keys, two walk
 * index and element, or key and value. */
static void elements(struct expr_check *c, struct expr_node *range, struct expr_scope *scope)
{
    bool two = scope->fold->var2.p;
    const struct expr_type *t = expr_check_type(c, range);

    scope->var = scope->var2 = &expr_type_error;
    switch (t->kind) {
    case EXPR_LIST:
        scope->var = two ? &expr_type_int : t->of;
        scope->var2 = t->of;
        break;
    case EXPR_MAP:
        scope->var = t->key;
        scope->var2 = t->of;
        break;
    case EXPR_PARAM: expr_infer_fits(&c->infer, t, &expr_type_dyn); /* fall through */
    case EXPR_DYN: scope->var = scope->var2 = &expr_type_dyn; break;
    case EXPR_ERROR: break;
    default:
        expr_check_fault(c, range, STR_NONE,
                         TEXT(c, "only lists and maps have elements to walk; this is %.*s",
                              STR_ARG(expr_check_text(c, t))));
    }
}

static void check_step(struct expr_check *c, struct expr_node *step, const struct expr_type *accu)
{
    expr_check_node(c, step);
    if (!expr_infer_fits(&c->infer, accu, step->type))
        expr_check_fault(c, step, STR_NONE,
                         TEXT(c, "each step gives %.*s; it starts with %.*s",
                              STR_ARG(expr_check_text(c, step->type)),
                              STR_ARG(expr_check_text(c, accu))));
}

void expr_check_fold(struct expr_check *c, struct expr_node *n)
{
    struct expr_fold *f = n->fold;
    struct expr_scope scope = {.up = c->scope, .fold = f};

    expr_check_node(c, f->range);
    expr_check_node(c, f->init);
    elements(c, f->range, &scope);
    scope.accu = f->init->type;
    c->scope = &scope;
    expr_check_node(c, f->condition);
    check_step(c, f->step, scope.accu);
    scope.result = true;
    expr_check_node(c, f->result);
    c->scope = scope.up;
    bool sound = f->range->type->kind != EXPR_ERROR && f->condition->type->kind != EXPR_ERROR &&
                 f->step->type->kind != EXPR_ERROR;
    expr_check_set(c, n, sound ? f->result->type : &expr_type_error);
}
