#include "gateway/expr/values.h"

/* Types as values: parts are erased (cel-spec "Type Values"), so there is one of each kind. */
static const struct expr_type erased[EXPR_KINDS] = {
    [EXPR_DYN] = {.kind = EXPR_DYN},
    [EXPR_NULL] = {.kind = EXPR_NULL},
    [EXPR_BOOL] = {.kind = EXPR_BOOL},
    [EXPR_INT] = {.kind = EXPR_INT},
    [EXPR_UINT] = {.kind = EXPR_UINT},
    [EXPR_DOUBLE] = {.kind = EXPR_DOUBLE},
    [EXPR_STRING] = {.kind = EXPR_STRING},
    [EXPR_BYTES] = {.kind = EXPR_BYTES},
    [EXPR_TIMESTAMP] = {.kind = EXPR_TIMESTAMP},
    [EXPR_DURATION] = {.kind = EXPR_DURATION},
    [EXPR_LIST] = {.kind = EXPR_LIST, .of = &expr_type_dyn},
    [EXPR_MAP] = {.kind = EXPR_MAP, .key = &expr_type_dyn, .of = &expr_type_dyn},
    [EXPR_TYPE] = {.kind = EXPR_TYPE},
    [EXPR_OPTIONAL] = {.kind = EXPR_OPTIONAL, .of = &expr_type_dyn},
    [EXPR_IP] = {.kind = EXPR_IP},
    [EXPR_CIDR] = {.kind = EXPR_CIDR},
};

struct expr_value expr_type_of(struct expr_run *r, const struct expr_value *v)
{
    struct expr_value out = {.kind = EXPR_TYPE, .type = &erased[v->kind]};
    if (v->kind == EXPR_ERROR)
        return *v;
    if (v->kind != EXPR_MESSAGE)
        return out;
    struct expr_type *t = expr_alloc(r, sizeof *t);
    if (!t)
        return expr_no_memory();
    *t = (struct expr_type){.kind = EXPR_MESSAGE, .message = v->message};
    out.type = t;
    return out;
}

struct str expr_type_name(const struct expr_type *t)
{
    static const struct str names[EXPR_KINDS] = {
        [EXPR_DYN] = STR_INIT("dyn"),
        [EXPR_NULL] = STR_INIT("null_type"),
        [EXPR_BOOL] = STR_INIT("bool"),
        [EXPR_INT] = STR_INIT("int"),
        [EXPR_UINT] = STR_INIT("uint"),
        [EXPR_DOUBLE] = STR_INIT("double"),
        [EXPR_STRING] = STR_INIT("string"),
        [EXPR_BYTES] = STR_INIT("bytes"),
        [EXPR_TIMESTAMP] = STR_INIT("google.protobuf.Timestamp"),
        [EXPR_DURATION] = STR_INIT("google.protobuf.Duration"),
        [EXPR_LIST] = STR_INIT("list"),
        [EXPR_MAP] = STR_INIT("map"),
        [EXPR_TYPE] = STR_INIT("type"),
        [EXPR_OPTIONAL] = STR_INIT("optional_type"),
        [EXPR_IP] = STR_INIT("net.IP"),
        [EXPR_CIDR] = STR_INIT("net.CIDR"),
    };
    if (t->kind == EXPR_MESSAGE)
        return t->message->full_name;
    return t->kind == EXPR_WRAPPER ? expr_type_name(t->of) : names[t->kind];
}
