/* The math extension. greatest and least take one number, two, or a list; with more arguments the
 * parser makes the list. */
#include "gateway/expr/function.h"
#include "gateway/expr/values.h"

#include <math.h>

/* The greatest (wanted: MORE) or least of numbers; of equal ones the first. */
static struct expr_value extreme(struct expr_run *r, const struct expr_value *items, uint32_t n,
                                 enum expr_order wanted)
{
    const struct expr_value *best = items;
    for (uint32_t i = 0; i < n; i++) {
        if (items[i].kind == EXPR_ERROR)
            return items[i];
        if (!expr_is_number(&items[i]))
            return expr_no_overload(r, wanted == EXPR_MORE ? "math.greatest" : "math.least");
        if (expr_compare_numbers(&items[i], best) == wanted)
            best = &items[i];
    }
    return *best;
}

static struct expr_value extreme_of_list(struct expr_run *r, const struct expr_value *list,
                                         enum expr_order wanted)
{
    struct expr_value error;
    uint32_t n;
    const struct expr_value *items = expr_list_items(r, list, &n, &error);
    if (!items)
        return error;
    if (n == 0)
        return expr_fail(r, EXPR_FAIL_BAD_VALUE, "an empty list has no %s element",
                         wanted == EXPR_MORE ? "greatest" : "least");
    return expr_spend(r, n) ? extreme(r, items, n, wanted) : expr_no_steps();
}

static struct expr_value greatest(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    if (n == 1 && args[0].kind == EXPR_LIST)
        return extreme_of_list(r, args, EXPR_MORE);
    return extreme(r, args, n, EXPR_MORE);
}

static struct expr_value least(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    if (n == 1 && args[0].kind == EXPR_LIST)
        return extreme_of_list(r, args, EXPR_LESS);
    return extreme(r, args, n, EXPR_LESS);
}

static struct expr_value ceiling(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(ceil(args[0].d));
}

static struct expr_value floored(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(floor(args[0].d));
}

static struct expr_value rounded(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(round(args[0].d));
}

static struct expr_value truncated(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(trunc(args[0].d));
}

static struct expr_value abs_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[0].i == INT64_MIN)
        return expr_fail(r, EXPR_FAIL_RANGE, "int overflow");
    return expr_int(args[0].i < 0 ? -args[0].i : args[0].i);
}

static struct expr_value abs_double(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(fabs(args[0].d));
}

static struct expr_value same(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return args[0];
}

static struct expr_value sign_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_int((args[0].i > 0) - (args[0].i < 0));
}

static struct expr_value sign_uint(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_uint(args[0].u > 0);
}

static struct expr_value sign_double(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    double d = args[0].d;
    (void)r, (void)n;
    return expr_double(isnan(d) ? d : (d > 0) - (d < 0));
}

static struct expr_value is_nan(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_bool(isnan(args[0].d));
}

static struct expr_value is_inf(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_bool(isinf(args[0].d));
}

static struct expr_value is_finite(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_bool(isfinite(args[0].d));
}

static struct expr_value root(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    const struct expr_value *v = &args[0];
    (void)r, (void)n;
    return expr_double(sqrt(v->kind == EXPR_INT    ? (double)v->i
                            : v->kind == EXPR_UINT ? (double)v->u
                                                   : v->d));
}

/* int and uint lie in the same bits. */
static struct expr_value bits(const struct expr_value *like, uint64_t u)
{
    struct expr_value v = *like;
    v.u = u;
    return v;
}

static struct expr_value bit_and(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return bits(args, args[0].u & args[1].u);
}

static struct expr_value bit_or(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return bits(args, args[0].u | args[1].u);
}

static struct expr_value bit_xor(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return bits(args, args[0].u ^ args[1].u);
}

static struct expr_value bit_not(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return bits(args, ~args[0].u);
}

static struct expr_value shift_left(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[1].i < 0)
        return expr_fail(r, EXPR_FAIL_RANGE, "negative offset of a shift");
    return bits(args, args[1].i > 63 ? 0 : args[0].u << args[1].i);
}

/* Logical, of ints too (as the extension says). */
static struct expr_value shift_right(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[1].i < 0)
        return expr_fail(r, EXPR_FAIL_RANGE, "negative offset of a shift");
    return bits(args, args[1].i > 63 ? 0 : args[0].u >> args[1].i);
}

#define EXTREMES(name, run)                                                                       \
    {name "(int) -> int", run, EXPR_COST_ONE, 0}, {name "(uint) -> uint", run, EXPR_COST_ONE, 0}, \
        {name "(double) -> double", run, EXPR_COST_ONE, 0},                                       \
        {name "(int, int) -> int", run, EXPR_COST_ONE, 0},                                        \
        {name "(uint, uint) -> uint", run, EXPR_COST_ONE, 0},                                     \
        {name "(double, double) -> double", run, EXPR_COST_ONE, 0},                               \
        {name "(int, uint) -> dyn", run, EXPR_COST_ONE, 0},                                       \
        {name "(int, double) -> dyn", run, EXPR_COST_ONE, 0},                                     \
        {name "(uint, int) -> dyn", run, EXPR_COST_ONE, 0},                                       \
        {name "(uint, double) -> dyn", run, EXPR_COST_ONE, 0},                                    \
        {name "(double, int) -> dyn", run, EXPR_COST_ONE, 0},                                     \
        {name "(double, uint) -> dyn", run, EXPR_COST_ONE, 0},                                    \
        {name "(list<int>) -> int", run, EXPR_COST_ITEMS, 0},                                     \
        {name "(list<uint>) -> uint", run, EXPR_COST_ITEMS, 0},                                   \
    {                                                                                             \
        name "(list<double>) -> double", run, EXPR_COST_ITEMS, 0                                  \
    }

static const struct expr_function rows[] = {
    EXTREMES("math/greatest", greatest),
    EXTREMES("math/least", least),
    {"math/ceil(double) -> double", ceiling, EXPR_COST_ONE, 0},
    {"math/floor(double) -> double", floored, EXPR_COST_ONE, 0},
    {"math/round(double) -> double", rounded, EXPR_COST_ONE, 0},
    {"math/trunc(double) -> double", truncated, EXPR_COST_ONE, 0},
    {"math/abs(int) -> int", abs_int, EXPR_COST_ONE, 0},
    {"math/abs(uint) -> uint", same, EXPR_COST_ONE, 0},
    {"math/abs(double) -> double", abs_double, EXPR_COST_ONE, 0},
    {"math/sign(int) -> int", sign_int, EXPR_COST_ONE, 0},
    {"math/sign(uint) -> uint", sign_uint, EXPR_COST_ONE, 0},
    {"math/sign(double) -> double", sign_double, EXPR_COST_ONE, 0},
    {"math/isNaN(double) -> bool", is_nan, EXPR_COST_ONE, 0},
    {"math/isInf(double) -> bool", is_inf, EXPR_COST_ONE, 0},
    {"math/isFinite(double) -> bool", is_finite, EXPR_COST_ONE, 0},
    {"math/sqrt(int) -> double", root, EXPR_COST_ONE, 0},
    {"math/sqrt(uint) -> double", root, EXPR_COST_ONE, 0},
    {"math/sqrt(double) -> double", root, EXPR_COST_ONE, 0},
    {"math/bitAnd(int, int) -> int", bit_and, EXPR_COST_ONE, 0},
    {"math/bitAnd(uint, uint) -> uint", bit_and, EXPR_COST_ONE, 0},
    {"math/bitOr(int, int) -> int", bit_or, EXPR_COST_ONE, 0},
    {"math/bitOr(uint, uint) -> uint", bit_or, EXPR_COST_ONE, 0},
    {"math/bitXor(int, int) -> int", bit_xor, EXPR_COST_ONE, 0},
    {"math/bitXor(uint, uint) -> uint", bit_xor, EXPR_COST_ONE, 0},
    {"math/bitNot(int) -> int", bit_not, EXPR_COST_ONE, 0},
    {"math/bitNot(uint) -> uint", bit_not, EXPR_COST_ONE, 0},
    {"math/bitShiftLeft(int, int) -> int", shift_left, EXPR_COST_ONE, 0},
    {"math/bitShiftLeft(uint, int) -> uint", shift_left, EXPR_COST_ONE, 0},
    {"math/bitShiftRight(int, int) -> int", shift_right, EXPR_COST_ONE, 0},
    {"math/bitShiftRight(uint, int) -> uint", shift_right, EXPR_COST_ONE, 0},
};

const struct expr_library expr_lib_math = {"math", rows, sizeof rows / sizeof *rows};
