#include "gateway/expr/check.h"

#define TEXT(c, ...) arena_printf((c)->arena, __VA_ARGS__)

void expr_check_set(struct expr_check *c, struct expr_node *n, const struct expr_type *t)
{
    if (!t)
        c->faults->out_of_memory = true;
    n->type = t ? t : &expr_type_error;
}

void expr_check_fault(struct expr_check *c, struct expr_node *n, struct str at, struct str text)
{
    uint32_t offset = n->offset, end = n->end;

    n->type = &expr_type_error;
    if (at.p >= c->source.p && at.p + at.n <= c->source.p + c->source.n && at.n) {
        offset = (uint32_t)(at.p - c->source.p);
        end = offset + (uint32_t)at.n;
    }
    expr_fault_at(c->faults, c->arena, offset, end, text);
}

bool expr_check_enough(struct expr_check *c, struct expr_node *n)
{
    if (c->faults->count < EXPR_FAULTS_MAX)
        return false;
    c->faults->count++;
    n->type = &expr_type_error;
    return true;
}

const struct expr_type *expr_check_type(struct expr_check *c, const struct expr_node *n)
{
    return expr_infer_top(&c->infer, n->type);
}

struct str expr_check_text(struct expr_check *c, const struct expr_type *t)
{
    return expr_type_text(c->arena, expr_infer_resolve(&c->infer, t, &expr_type_dyn));
}

static const struct expr_type *type_of_literal(const struct expr_value *v)
{
    switch (v->kind) {
    case EXPR_NULL: return &expr_type_null;
    case EXPR_BOOL: return &expr_type_bool;
    case EXPR_INT: return &expr_type_int;
    case EXPR_UINT: return &expr_type_uint;
    case EXPR_DOUBLE: return &expr_type_double;
    case EXPR_STRING: return &expr_type_string;
    case EXPR_BYTES: return &expr_type_bytes;
    default: return NULL;
    }
}

void expr_check_node(struct expr_check *c, struct expr_node *n)
{
    switch ((enum expr_node_kind)n->kind) {
    case EXPR_NODE_LITERAL: expr_check_set(c, n, type_of_literal(&n->constant)); break;
    case EXPR_NODE_IDENT: expr_check_ident(c, n); break;
    case EXPR_NODE_SELECT: expr_check_select(c, n); break;
    case EXPR_NODE_CALL: expr_check_call(c, n); break;
    case EXPR_NODE_LIST: expr_check_list(c, n); break;
    case EXPR_NODE_MAP: expr_check_map(c, n); break;
    case EXPR_NODE_STRUCT: expr_check_struct(c, n); break;
    case EXPR_NODE_FOLD: expr_check_fold(c, n); break;
    }
}

static void check_want(struct expr_check *c, struct expr_node *root, const struct expr_type *want)
{
    struct expr_node at = *root; /* the fault is about the place, not the root's type */

    if (!expr_infer_fits(&c->infer, want, root->type))
        expr_check_fault(c, &at, STR_NONE,
                         TEXT(c, "this place needs %.*s; the expression is %.*s",
                              STR_ARG(expr_check_text(c, want)),
                              STR_ARG(expr_check_text(c, root->type))));
}

bool expr_check(const struct expr_env *env, struct str source, struct expr_node *root,
                const struct expr_type *want, struct expr_faults *faults)
{
    struct expr_check c = {.env = env,
                           .source = source,
                           .arena = env->target.arena,
                           .faults = faults,
                           .infer = {.arena = env->target.arena}};
    uint32_t before = faults->count;

    expr_check_node(&c, root);
    if (want)
        check_want(&c, root, want);
    if (faults->count == before)
        expr_check_done(&c, root);
    faults->out_of_memory = faults->out_of_memory || c.infer.out_of_memory;
    return faults->count == before && !faults->out_of_memory;
}
