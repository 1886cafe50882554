#include "gateway/expr/time.h"
#include "gateway/expr/values.h"

static bool fail_with(struct expr_value *error, struct expr_value why)
{
    *error = why;
    return false;
}

static bool equal_lists(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                        bool *equal, struct expr_value *error)
{
    uint32_t n = expr_list_size(a);
    *equal = n == expr_list_size(b);
    if (*equal && !expr_spend(r, n))
        return fail_with(error, expr_no_steps());
    for (uint32_t i = 0; *equal && i < n; i++) {
        struct expr_value x = expr_list_at(r, a, i), y = expr_list_at(r, b, i);
        if (!expr_equal(r, &x, &y, equal, error))
            return false;
    }
    return true;
}

static bool equal_maps(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                       bool *equal, struct expr_value *error)
{
    uint32_t n = expr_map_size(a);
    *equal = n == expr_map_size(b);
    if (*equal && !expr_spend(r, n))
        return fail_with(error, expr_no_steps());
    for (uint32_t i = 0; *equal && i < n; i++) {
        struct expr_value key, x, y;
        a->map->at(a->map, r, i, &key, &x);
        *equal = expr_map_find(r, b, &key, &y);
        if (*equal && !expr_equal(r, &x, &y, equal, error))
            return false;
    }
    return true;
}

static bool equal_optionals(struct expr_run *r, const struct expr_value *a,
                            const struct expr_value *b, bool *equal, struct expr_value *error)
{
    *equal = !a->optional == !b->optional;
    if (!a->optional || !b->optional)
        return true;
    return expr_equal(r, a->optional, b->optional, equal, error);
}

static bool equal_types(const struct expr_type *a, const struct expr_type *b)
{
    return a->kind == b->kind && a->message == b->message;
}

static bool equal_addresses(const struct expr_value *a, const struct expr_value *b)
{
    return a->v4 == b->v4 && a->prefix == b->prefix &&
           memcmp(a->ip.bytes, b->ip.bytes, sizeof a->ip.bytes) == 0;
}

/* What has parts: one level deeper. */
static bool equal_parts(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                        bool *equal, struct expr_value *error)
{
    static bool (*const comparers[EXPR_KINDS])(struct expr_run *, const struct expr_value *,
                                               const struct expr_value *, bool *,
                                               struct expr_value *) = {
        [EXPR_LIST] = equal_lists,
        [EXPR_MAP] = equal_maps,
        [EXPR_OPTIONAL] = equal_optionals,
        [EXPR_MESSAGE] = expr_equal_messages,
    };
    if (a->kind >= EXPR_KINDS || !comparers[a->kind])
        return fail_with(error, expr_no_overload(r, "_==_"));
    if (r->depth >= EXPR_VALUE_DEPTH_MAX)
        return fail_with(error, expr_no_steps());
    r->depth++;
    bool ok = comparers[a->kind](r, a, b, equal, error);
    r->depth--;
    return ok;
}

bool expr_equal(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                bool *equal, struct expr_value *error)
{
    if (a->kind == EXPR_ERROR || b->kind == EXPR_ERROR)
        return fail_with(error, a->kind == EXPR_ERROR ? *a : *b);
    if (a->kind != b->kind) {
        *equal = expr_is_number(a) && expr_is_number(b) && expr_compare_numbers(a, b) == EXPR_SAME;
        return true;
    }
    switch (a->kind) {
    case EXPR_STRING:
    case EXPR_BYTES:
        *equal = str_eq(a->s, b->s);
        return a->s.n < EXPR_STEP_BYTES || !*equal || expr_spend_bytes(r, a->s.n) ||
               fail_with(error, expr_no_steps());
    case EXPR_NULL: *equal = true; return true;
    case EXPR_BOOL: *equal = a->b == b->b; return true;
    case EXPR_INT:
    case EXPR_UINT: *equal = a->u == b->u; return true;
    case EXPR_DOUBLE: *equal = a->d == b->d; return true;
    case EXPR_TIMESTAMP:
    case EXPR_DURATION:
        *equal = a->time.seconds == b->time.seconds && a->time.nanos == b->time.nanos;
        return true;
    case EXPR_TYPE: *equal = equal_types(a->type, b->type); return true;
    case EXPR_IP:
    case EXPR_CIDR: *equal = equal_addresses(a, b); return true;
    default: return equal_parts(r, a, b, equal, error);
    }
}

static enum expr_order order_of(int c)
{
    return c < 0 ? EXPR_LESS : c > 0 ? EXPR_MORE : EXPR_SAME;
}

bool expr_compare(const struct expr_value *a, const struct expr_value *b, enum expr_order *order)
{
    if (expr_is_number(a) && expr_is_number(b)) {
        *order = expr_compare_numbers(a, b);
        return true;
    }
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case EXPR_BOOL: *order = order_of(a->b - b->b); return true;
    case EXPR_STRING:
    case EXPR_BYTES: *order = order_of(str_cmp(a->s, b->s)); return true;
    case EXPR_TIMESTAMP:
    case EXPR_DURATION: *order = order_of(expr_time_cmp(a->time, b->time)); return true;
    default: return false;
    }
}
