#include "gateway/policy/limit_value.h"

#include "gateway/expr/ip.h"

static struct str print_ip(struct arena *a, struct expr_value v)
{
    char text[EXPR_IP_TEXT_MAX];
    return arena_copy(a, str_of(text, expr_ip_print(text, &v)));
}

struct str limit_value_key(struct arena *a, struct expr_value v)
{
    if (v.kind == EXPR_OPTIONAL && v.optional)
        v = *v.optional;
    switch (v.kind) {
    case EXPR_STRING:
    case EXPR_BYTES: return arena_copy(a, v.s);
    case EXPR_INT: return arena_printf(a, "%lld", (long long)v.i);
    case EXPR_UINT: return arena_printf(a, "%llu", (unsigned long long)v.u);
    case EXPR_BOOL: return v.b ? STR("true") : STR("false");
    case EXPR_IP:
    case EXPR_CIDR: return print_ip(a, v);
    default: return STR("");
    }
}

bool limit_value_number(struct expr_value v, uint64_t *out)
{
    if (v.kind == EXPR_OPTIONAL && v.optional)
        v = *v.optional;
    if (v.kind == EXPR_NULL || v.kind == EXPR_OPTIONAL)
        v = expr_int(0);
    if (v.kind == EXPR_INT && v.i < 0)
        return false;
    *out = v.kind == EXPR_INT ? (uint64_t)v.i : v.u;
    return v.kind == EXPR_INT || v.kind == EXPR_UINT;
}
