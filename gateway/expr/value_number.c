#include "gateway/expr/values.h"

#include <math.h>

static enum expr_order order_of(bool less, bool more)
{
    return less ? EXPR_LESS : more ? EXPR_MORE : EXPR_SAME;
}

static enum expr_order turned(enum expr_order o)
{
    return o == EXPR_LESS ? EXPR_MORE : o == EXPR_MORE ? EXPR_LESS : o;
}

static enum expr_order doubles(double a, double b)
{
    return isnan(a) || isnan(b) ? EXPR_UNORDERED : order_of(a<b, a> b);
}

/* As cel-spec's cases have it: beyond the range of the integers the double decides, inside it the
 * integer is rounded to a double. */
static enum expr_order int_to_double(int64_t i, double d)
{
    return d > 0x1p63 ? EXPR_LESS : d < -0x1p63 ? EXPR_MORE : doubles((double)i, d);
}

static enum expr_order uint_to_double(uint64_t u, double d)
{
    return d > 0x1p64 ? EXPR_LESS : d < 0 ? EXPR_MORE : doubles((double)u, d);
}

static enum expr_order int_to_uint(int64_t i, uint64_t u)
{
    return i < 0 ? EXPR_LESS : order_of((uint64_t)i<u, (uint64_t)i> u);
}

enum expr_order expr_compare_numbers(const struct expr_value *a, const struct expr_value *b)
{
    if (a->kind == EXPR_INT) {
        if (b->kind == EXPR_INT)
            return order_of(a->i<b->i, a->i> b->i);
        return b->kind == EXPR_UINT ? int_to_uint(a->i, b->u) : int_to_double(a->i, b->d);
    }
    if (a->kind == EXPR_UINT) {
        if (b->kind == EXPR_UINT)
            return order_of(a->u<b->u, a->u> b->u);
        return b->kind == EXPR_INT ? turned(int_to_uint(b->i, a->u)) : uint_to_double(a->u, b->d);
    }
    if (b->kind == EXPR_INT)
        return turned(int_to_double(b->i, a->d));
    if (b->kind == EXPR_UINT)
        return turned(uint_to_double(b->u, a->d));
    return isnan(a->d) || isnan(b->d) ? EXPR_UNORDERED : order_of(a->d<b->d, a->d> b->d);
}

bool expr_whole(const struct expr_value *v, int64_t *i)
{
    if (v->kind == EXPR_UINT) {
        *i = (int64_t)v->u;
        return v->u <= INT64_MAX;
    }
    if (v->kind == EXPR_DOUBLE) {
        if (!(v->d >= -0x1p63 && v->d < 0x1p63))
            return false;
        *i = (int64_t)v->d;
        return (double)*i == v->d;
    }
    *i = v->i;
    return v->kind == EXPR_INT;
}

bool expr_same_number(const struct expr_value *a, const struct expr_value *b)
{
    int64_t i = 0, k = 0;
    bool small = expr_whole(a, &i), other = expr_whole(b, &k);
    if (small || other)
        return small && other && i == k;
    /* Above the ints: a uint, or a double that is one. */
    if (a->kind == EXPR_DOUBLE && !(a->d >= 0x1p63 && a->d < 0x1p64))
        return false;
    if (b->kind == EXPR_DOUBLE && !(b->d >= 0x1p63 && b->d < 0x1p64))
        return false;
    return (a->kind == EXPR_DOUBLE ? (uint64_t)a->d : a->u) ==
           (b->kind == EXPR_DOUBLE ? (uint64_t)b->d : b->u);
}
