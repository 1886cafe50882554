#include "gateway/expr/check.h"
#include "gateway/expr/values.h"
#include "transcoder/suggest.h"

#define TEXT(c, ...) arena_printf((c)->arena, __VA_ARGS__)

static struct str near_field(const struct tc_message *m, struct str name)
{
    const struct tc_field *json = tc_field_by_name(m, name);
    struct tc_suggestion s = tc_suggest_for(name);

    tc_suggest_fields(&s, m);
    return json ? json->name : s.best;
}

static const struct expr_type *of_message(struct expr_check *c, struct expr_node *n,
                                          const struct tc_message *m)
{
    n->field = expr_field_named(m, n->name);
    if (n->field)
        return expr_type_field(c->arena, n->field);
    if (expr_check_enough(c, n))
        return &expr_type_error;
    struct str near = near_field(m, n->name);
    expr_check_fault(c, n, n->name,
                     TEXT(c, "%.*s has no field `%.*s`%s%.*s%s", STR_ARG(m->full_name),
                          STR_ARG(n->name), near.p ? "; did you mean `" : "", STR_ARG(near),
                          near.p ? "`?" : ""));
    return &expr_type_error;
}

/* The type of n->name in a value of type `t`, which is no optional. */
static const struct expr_type *of_value(struct expr_check *c, struct expr_node *n,
                                        const struct expr_type *t)
{
    switch (t->kind) {
    case EXPR_MESSAGE: return of_message(c, n, t->message);
    case EXPR_MAP:
        if (!expr_infer_fits(&c->infer, t->key, &expr_type_string))
            break;
        return t->of;
    case EXPR_PARAM: expr_infer_fits(&c->infer, t, &expr_type_dyn); return &expr_type_dyn;
    case EXPR_DYN: return &expr_type_dyn;
    case EXPR_ERROR: return &expr_type_error;
    default: break;
    }
    if (expr_check_enough(c, n))
        return &expr_type_error;
    expr_check_fault(c, n, n->name,
                     TEXT(c, "%.*s has no fields, so no `%.*s`", STR_ARG(expr_check_text(c, t)),
                          STR_ARG(n->name)));
    return &expr_type_error;
}

void expr_check_select(struct expr_check *c, struct expr_node *n)
{
    if (!n->optional && !expr_check_is_local(c, n) && expr_check_name(c, n)) {
        if (n->test_only && n->type->kind != EXPR_ERROR)
            expr_check_set(c, n, &expr_type_bool);
        return;
    }
    if (expr_check_no_member(c, n))
        return;
    expr_check_node(c, n->operand);
    const struct expr_type *t = expr_check_type(c, n->operand);
    bool wrapped = t->kind == EXPR_OPTIONAL;
    if (wrapped)
        t = expr_infer_top(&c->infer, t->of);
    const struct expr_type *of = of_value(c, n, t);
    if (!of || of->kind == EXPR_ERROR)
        expr_check_set(c, n, of);
    else if (n->test_only)
        expr_check_set(c, n, &expr_type_bool);
    else
        expr_check_set(c, n,
                       of && (wrapped || n->optional) ? expr_type_optional(c->arena, of) : of);
}
