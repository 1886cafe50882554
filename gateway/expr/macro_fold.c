#include "gateway/expr/parser.h"

static const struct str accu = STR_INIT("@result");

bool expr_macro_name(struct expr_parser *p, struct expr_node *call, const struct expr_node *n,
                     struct str *name)
{
    *name = n->name;
    if (n->kind == EXPR_NODE_IDENT && n->name.p[0] != '.')
        return true;
    expr_macro_fault(p, call, n,
                     arena_printf(p->arena,
                                  "`%.*s` introduces a name here; expected a simple name, "
                                  "as `x`",
                                  STR_ARG(call->name)));
    return false;
}

/* Two names that are one would hide each other. */
static bool take_names(struct expr_parser *p, struct expr_node *call, struct expr_fold *f, bool two)
{
    if (!expr_macro_name(p, call, call->args[0], &f->var))
        return false;
    if (two && !expr_macro_name(p, call, call->args[1], &f->var2))
        return false;
    if (!two || !str_eq(f->var, f->var2))
        return true;
    expr_macro_fault(p, call, call->args[1],
                     arena_printf(p->arena, "`%.*s` stands for two things; give them two names",
                                  STR_ARG(f->var)));
    return false;
}

static struct expr_node *fold_node(struct expr_parser *p, const struct expr_node *at,
                                   struct expr_fold f)
{
    struct expr_node *n = expr_node_new(p, EXPR_NODE_FOLD, at->offset, at->end);
    struct expr_fold *kept = n ? arena_alloc(p->arena, sizeof *kept) : NULL;

    if (!kept || !f.range || !f.init || !f.condition || !f.step || !f.result)
        return expr_parse_fail(p, at->offset, at->end, STR_NONE);
    *kept = f;
    n->fold = kept;
    return expr_node_done(p, n);
}

static struct expr_node *result(struct expr_parser *p, const struct expr_node *at)
{
    return expr_node_ident(p, at, accu);
}

/* `condition` ? `step` : the result so far. */
static struct expr_node *step_if(struct expr_parser *p, const struct expr_node *at,
                                 struct expr_node *condition, struct expr_node *step)
{
    struct expr_node *parts[] = {condition, step, result(p, at)};

    if (!parts[0] || !parts[1] || !parts[2])
        return NULL;
    struct expr_node *n = expr_node_call(p, "_?_:_", 3, parts);
    if (n) {
        n->offset = at->offset;
        n->end = at->end;
    }
    return n;
}

/* The frame of all(), exists() and their like: a predicate as the last operand, one name or two
 * before it. */
static bool predicate_fold(struct expr_parser *p, struct expr_node *call, struct expr_fold *f,
                           struct expr_node **predicate)
{
    *f = (struct expr_fold){.accu = accu, .range = call->operand, .result = result(p, call)};
    *predicate = call->args[call->nargs - 1];
    return take_names(p, call, f, call->nargs == 3);
}

struct expr_node *expr_macro_all(struct expr_parser *p, struct expr_node *call)
{
    struct expr_fold f;
    struct expr_node *predicate;

    if (!predicate_fold(p, call, &f, &predicate))
        return call;
    f.init = expr_node_literal(p, call, expr_bool(true));
    f.condition = expr_node_made(p, call, "@not_strictly_false", result(p, call), NULL);
    f.step = expr_node_made(p, call, "_&&_", result(p, call), predicate);
    return fold_node(p, call, f);
}

struct expr_node *expr_macro_exists(struct expr_parser *p, struct expr_node *call)
{
    struct expr_fold f;
    struct expr_node *predicate;

    if (!predicate_fold(p, call, &f, &predicate))
        return call;
    f.init = expr_node_literal(p, call, expr_bool(false));
    struct expr_node *not_yet = expr_node_made(p, call, "!_", result(p, call), NULL);
    f.condition = expr_node_made(p, call, "@not_strictly_false", not_yet, NULL);
    f.step = expr_node_made(p, call, "_||_", result(p, call), predicate);
    return fold_node(p, call, f);
}

struct expr_node *expr_macro_exists_one(struct expr_parser *p, struct expr_node *call)
{
    struct expr_fold f;
    struct expr_node *predicate;

    if (!predicate_fold(p, call, &f, &predicate))
        return call;
    struct expr_node *one = expr_node_literal(p, call, expr_int(1));
    f.init = expr_node_literal(p, call, expr_int(0));
    f.condition = expr_node_literal(p, call, expr_bool(true));
    f.step = step_if(p, call, predicate, expr_node_made(p, call, "_+_", result(p, call), one));
    f.result = expr_node_made(p, call, "_==_", result(p, call),
                              expr_node_literal(p, call, expr_int(1)));
    return fold_node(p, call, f);
}

/* A list that grows by `element`, where `condition` (or NULL) is true. */
static struct expr_node *list_fold(struct expr_parser *p, struct expr_node *call,
                                   struct expr_fold f, struct expr_node *condition,
                                   struct expr_node *element)
{
    f.accu = accu;
    f.range = call->operand;
    f.init = expr_node_list(p, call, NULL);
    f.condition = expr_node_literal(p, call, expr_bool(true));
    f.step = expr_node_made(p, call, "_+_", result(p, call), expr_node_list(p, call, element));
    if (condition)
        f.step = step_if(p, call, condition, f.step);
    f.result = result(p, call);
    return fold_node(p, call, f);
}

struct expr_node *expr_macro_filter(struct expr_parser *p, struct expr_node *call)
{
    struct expr_fold f = {.var = STR_NONE};

    if (!take_names(p, call, &f, false))
        return call;
    return list_fold(p, call, f, call->args[1], expr_node_ident(p, call->args[0], f.var));
}

struct expr_node *expr_macro_map(struct expr_parser *p, struct expr_node *call)
{
    struct expr_fold f = {.var = STR_NONE};
    bool filtered = call->nargs == 3;

    if (!take_names(p, call, &f, false))
        return call;
    return list_fold(p, call, f, filtered ? call->args[1] : NULL, call->args[1 + filtered]);
}

struct expr_node *expr_macro_transform_list(struct expr_parser *p, struct expr_node *call)
{
    struct expr_fold f = {.var = STR_NONE};
    bool filtered = call->nargs == 4;

    if (!take_names(p, call, &f, true))
        return call;
    return list_fold(p, call, f, filtered ? call->args[2] : NULL, call->args[2 + filtered]);
}

/* A map that grows by what the third operand, or the fourth behind a condition, says. */
static struct expr_node *map_fold(struct expr_parser *p, struct expr_node *call, bool entries)
{
    struct expr_fold f = {.accu = accu, .range = call->operand, .result = result(p, call)};
    bool filtered = call->nargs == 4;

    if (!take_names(p, call, &f, true))
        return call;
    struct expr_node *value = call->args[2 + filtered];
    struct expr_node *key = entries ? NULL : expr_node_ident(p, call->args[0], f.var);
    struct expr_node *parts[] = {result(p, call), entries ? value : key, value};
    if (!parts[0] || !parts[1])
        return NULL;
    f.init = expr_node_done(p, expr_node_new(p, EXPR_NODE_MAP, call->offset, call->end));
    f.condition = expr_node_literal(p, call, expr_bool(true));
    f.step = expr_node_call(p, "cel.@mapInsert", entries ? 2 : 3, parts);
    if (f.step) {
        f.step->offset = call->offset;
        f.step->end = call->end;
    }
    if (filtered)
        f.step = step_if(p, call, call->args[2], f.step);
    return fold_node(p, call, f);
}

struct expr_node *expr_macro_transform_map(struct expr_parser *p, struct expr_node *call)
{
    return map_fold(p, call, false);
}

struct expr_node *expr_macro_transform_map_entry(struct expr_parser *p, struct expr_node *call)
{
    return map_fold(p, call, true);
}

struct expr_node *expr_node_bind(struct expr_parser *p, const struct expr_node *at, struct str var,
                                 struct expr_node *value, struct expr_node *body)
{
    struct expr_fold f = {.var = STR("@unused"), .accu = var, .init = value, .result = body};

    f.range = expr_node_list(p, at, NULL);
    f.condition = expr_node_literal(p, at, expr_bool(false));
    f.step = expr_node_ident(p, at, var);
    return fold_node(p, at, f);
}

struct expr_node *expr_macro_bind(struct expr_parser *p, struct expr_node *call)
{
    struct str name;

    if (!expr_macro_name(p, call, call->args[0], &name))
        return call;
    return expr_node_bind(p, call, name, call->args[1], call->args[2]);
}
