#include "gateway/expr/check.h"
#include "transcoder/suggest.h"

#define TEXT(c, ...) arena_printf((c)->arena, __VA_ARGS__)

enum { SHOWN_MAX = 6 }; /* overloads in a sentence */

/* Operators as they are written. */
static struct str written(struct str name)
{
    static const struct {
        struct str name, written;
    } rows[] = {
        {STR_INIT("_?_:_"), STR_INIT("?:")},  {STR_INIT("_[_]"), STR_INIT("[]")},
        {STR_INIT("_[?_]"), STR_INIT("[?]")}, {STR_INIT("@in"), STR_INIT("in")},
        {STR_INIT("!_"), STR_INIT("!")},      {STR_INIT("-_"), STR_INIT("-")},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_eq(rows[i].name, name))
            return rows[i].written;
    if (name.n > 2 && name.p[0] == '_' && name.p[name.n - 1] == '_')
        return str_of(name.p + 1, name.n - 2);
    return name;
}

static bool is_operator(const struct expr_node *n)
{
    return n->name.n &&
           (n->name.p[0] == '_' || n->name.p[0] == '@' || n->name.p[n->name.n - 1] == '_');
}

/* "(int, string)" of types, from number `from` on. */
static struct str list_text(struct expr_check *c, const struct expr_type *const *types,
                            uint32_t from, uint32_t n)
{
    struct str text = STR("");

    for (uint32_t i = from; i < n; i++) {
        struct str type = expr_type_text(c->arena, types[i]);
        text = TEXT(c, "%.*s%s%.*s", STR_ARG(text), i > from ? ", " : "", STR_ARG(type));
    }
    return TEXT(c, "(%.*s)", STR_ARG(text));
}

static struct str call_text(struct expr_check *c, struct str name, bool method,
                            const struct expr_type *const *types, uint32_t n)
{
    if (!method || !n)
        return list_text(c, types, 0, n);
    struct str receiver = expr_type_text(c->arena, types[0]);
    struct str rest = list_text(c, types, 1, n);
    return TEXT(c, "%.*s.%.*s%.*s", STR_ARG(receiver), STR_ARG(name), STR_ARG(rest));
}

static struct str given_text(struct expr_check *c, const struct expr_node *n)
{
    uint32_t count = n->nargs + (n->operand != NULL), at = 0;
    const struct expr_type **types = arena_array(c->arena, count, sizeof(const struct expr_type *));

    if (!types)
        return STR_NONE;
    if (n->operand)
        types[at++] = expr_infer_resolve(&c->infer, n->operand->type, &expr_type_dyn);
    for (uint32_t i = 0; i < n->nargs; i++)
        types[at++] = expr_infer_resolve(&c->infer, n->args[i]->type, &expr_type_dyn);
    return call_text(c, n->name, n->operand, types, count);
}

/* "(int, int), (uint, uint)": the rows in the style that is called, or in the other one. */
static struct str rows_text(struct expr_check *c, const struct expr_overload *rows, uint32_t nrows,
                            bool method)
{
    struct str text = STR("");
    uint32_t shown = 0;

    for (uint32_t i = 0; i < nrows; i++) {
        if (rows[i].method != method || rows[i].function->flags & EXPR_LATE)
            continue;
        if (shown++ == SHOWN_MAX)
            return TEXT(c, "%.*s and more", STR_ARG(text));
        struct str row = call_text(c, rows[i].name, method, rows[i].params, rows[i].nparams);
        text = TEXT(c, "%.*s%s%.*s", STR_ARG(text), shown > 1 ? ", " : "", STR_ARG(row));
    }
    return text;
}

static bool is_number_or_text(const struct expr_type *t)
{
    return t->kind == EXPR_INT || t->kind == EXPR_UINT || t->kind == EXPR_DOUBLE ||
           t->kind == EXPR_STRING;
}

/* Two operands of an operator that a conversion would bring together. */
static struct str remedy_text(struct expr_check *c, const struct expr_node *n)
{
    if (!is_operator(n) || n->nargs != 2 || n->operand)
        return STR("");
    const struct expr_type *a = expr_check_type(c, n->args[0]);
    const struct expr_type *b = expr_check_type(c, n->args[1]);
    if (!is_number_or_text(a) || !is_number_or_text(b) || a->kind == b->kind)
        return STR("");
    struct str left = expr_type_text(c->arena, a), right = expr_type_text(c->arena, b);
    return TEXT(c, "; convert one of them with %.*s() or %.*s()", STR_ARG(left), STR_ARG(right));
}

/* Sentences of their own for operators whose rows say little: (A, A). */
static struct str special_text(struct expr_check *c, const struct expr_node *n)
{
    bool equality = str_eq(n->name, STR("_==_")) || str_eq(n->name, STR("_!=_"));

    if (equality && n->nargs == 2)
        return TEXT(c, "%.*s and %.*s are never equal%.*s",
                    STR_ARG(expr_check_text(c, n->args[0]->type)),
                    STR_ARG(expr_check_text(c, n->args[1]->type)), STR_ARG(remedy_text(c, n)));
    if (!str_eq(n->name, STR("_?_:_")) || n->nargs != 3)
        return STR_NONE;
    if (expr_check_type(c, n->args[0])->kind != EXPR_BOOL &&
        expr_check_type(c, n->args[0])->kind != EXPR_DYN)
        return TEXT(c, "the condition of ?: is a bool; this one is %.*s",
                    STR_ARG(expr_check_text(c, n->args[0]->type)));
    return TEXT(c, "the cases of ?: have one type; these are %.*s and %.*s",
                STR_ARG(expr_check_text(c, n->args[1]->type)),
                STR_ARG(expr_check_text(c, n->args[2]->type)));
}

static bool is_accu(const struct expr_node *n)
{
    return n->kind == EXPR_NODE_IDENT && n->name.n && n->name.p[0] == '@';
}

/* The condition that a user gave to a macro, inside the operator that the macro made of it: then
 * the fault is about that. */
static struct expr_node *condition_of_macro(struct expr_node *n)
{
    if (n->nargs == 2 && is_accu(n->args[0]) &&
        (str_eq(n->name, STR("_&&_")) || str_eq(n->name, STR("_||_"))))
        return n->args[1];
    return n->nargs == 3 && is_accu(n->args[2]) ? n->args[0] : NULL;
}

void expr_check_no_overload(struct expr_check *c, struct expr_node *n,
                            const struct expr_overload *rows, uint32_t nrows)
{
    if (expr_check_enough(c, n))
        return;
    struct expr_node *condition = condition_of_macro(n);
    if (condition) {
        expr_check_fault(c, condition, STR_NONE,
                         TEXT(c, "a condition is a bool; this one is %.*s",
                              STR_ARG(expr_check_text(c, condition->type))));
        n->type = &expr_type_error;
        return;
    }
    struct str text = special_text(c, n), name = written(n->name);
    bool method = n->operand;
    struct str takes = rows_text(c, rows, nrows, method);

    if (!text.p && !takes.n) {
        takes = rows_text(c, rows, nrows, !method);
        text = TEXT(c,
                    method ? "`%.*s` is no method; call it as a function: %.*s%.*s"
                           : "`%.*s` is a method; call it as %.*s%.*s",
                    STR_ARG(name), STR_ARG(method ? name : STR("")), STR_ARG(takes));
    } else if (!text.p) {
        struct str given = given_text(c, n), remedy = remedy_text(c, n);
        text = TEXT(c, "`%.*s` does not take %.*s; it takes %.*s%.*s", STR_ARG(name),
                    STR_ARG(given), STR_ARG(takes), STR_ARG(remedy));
    }
    expr_check_fault(c, n, is_operator(n) ? STR_NONE : n->name, text);
}

void expr_check_no_function(struct expr_check *c, struct expr_node *n)
{
    if (expr_check_enough(c, n))
        return;
    struct tc_suggestion s = tc_suggest_for(n->name);

    for (uint32_t i = 0; i < c->env->functions.n; i++)
        if (c->env->functions.rows[i].method == !!n->operand)
            tc_suggest(&s, c->env->functions.rows[i].name);
    expr_check_fault(c, n, n->name,
                     TEXT(c, "there is no %s `%.*s`%s%.*s%s", n->operand ? "method" : "function",
                          STR_ARG(n->name), s.best.p ? "; did you mean `" : "", STR_ARG(s.best),
                          s.best.p ? "`?" : ""));
}
