/* Operators of cel-spec's standard definitions: logic, equality, order, arithmetic, membership,
 * index, size. */
#include "gateway/expr/function.h"
#include "gateway/expr/values.h"

#include <math.h>

static struct expr_value overflow(struct expr_run *r, const char *what)
{
    return expr_fail(r, EXPR_FAIL_RANGE, "%s overflow", what);
}

static struct expr_value not(struct expr_run * r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_bool(!args[0].b);
}

static struct expr_value equal(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    bool same;
    (void)n;
    return expr_equal(r, &args[0], &args[1], &same, &error) ? expr_bool(same) : error;
}

static struct expr_value not_equal(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    bool same;
    (void)n;
    return expr_equal(r, &args[0], &args[1], &same, &error) ? expr_bool(!same) : error;
}

static struct expr_value ordered(struct expr_run *r, const struct expr_value *args, int wanted,
                                 bool or_same)
{
    enum expr_order o;
    if ((args[0].kind == EXPR_STRING || args[0].kind == EXPR_BYTES) &&
        !expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    if (!expr_compare(&args[0], &args[1], &o))
        return expr_no_overload(r, "comparison");
    return expr_bool((int)o == wanted || (or_same && o == EXPR_SAME));
}

static struct expr_value less(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return ordered(r, args, EXPR_LESS, false);
}

static struct expr_value less_equal(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return ordered(r, args, EXPR_LESS, true);
}

static struct expr_value more(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return ordered(r, args, EXPR_MORE, false);
}

static struct expr_value more_equal(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return ordered(r, args, EXPR_MORE, true);
}

static struct expr_value add_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    int64_t i;
    (void)n;
    return __builtin_add_overflow(args[0].i, args[1].i, &i) ? overflow(r, "int") : expr_int(i);
}

static struct expr_value sub_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    int64_t i;
    (void)n;
    return __builtin_sub_overflow(args[0].i, args[1].i, &i) ? overflow(r, "int") : expr_int(i);
}

static struct expr_value mul_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    int64_t i;
    (void)n;
    return __builtin_mul_overflow(args[0].i, args[1].i, &i) ? overflow(r, "int") : expr_int(i);
}

static struct expr_value div_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[1].i == 0)
        return expr_fail(r, EXPR_FAIL_RANGE, "division by zero");
    if (args[1].i == -1)
        return args[0].i == INT64_MIN ? overflow(r, "int") : expr_int(-args[0].i);
    return expr_int(args[0].i / args[1].i);
}

static struct expr_value mod_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[1].i == 0)
        return expr_fail(r, EXPR_FAIL_RANGE, "modulus by zero");
    if (args[1].i == -1)
        return args[0].i == INT64_MIN ? overflow(r, "int") : expr_int(0);
    return expr_int(args[0].i % args[1].i);
}

static struct expr_value negate_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return args[0].i == INT64_MIN ? overflow(r, "int") : expr_int(-args[0].i);
}

static struct expr_value add_uint(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    uint64_t u;
    (void)n;
    return __builtin_add_overflow(args[0].u, args[1].u, &u) ? overflow(r, "uint") : expr_uint(u);
}

static struct expr_value sub_uint(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    uint64_t u;
    (void)n;
    return __builtin_sub_overflow(args[0].u, args[1].u, &u) ? overflow(r, "uint") : expr_uint(u);
}

static struct expr_value mul_uint(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    uint64_t u;
    (void)n;
    return __builtin_mul_overflow(args[0].u, args[1].u, &u) ? overflow(r, "uint") : expr_uint(u);
}

static struct expr_value div_uint(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[1].u == 0)
        return expr_fail(r, EXPR_FAIL_RANGE, "division by zero");
    return expr_uint(args[0].u / args[1].u);
}

static struct expr_value mod_uint(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    if (args[1].u == 0)
        return expr_fail(r, EXPR_FAIL_RANGE, "modulus by zero");
    return expr_uint(args[0].u % args[1].u);
}

static struct expr_value add_double(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(args[0].d + args[1].d);
}

static struct expr_value sub_double(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(args[0].d - args[1].d);
}

static struct expr_value mul_double(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_double(args[0].d * args[1].d);
}

/* Infinity and NaN where IEEE 754 says so; said in so many words for the sanitizer. */
static struct expr_value div_double(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    double a = args[0].d, b = args[1].d;
    (void)r, (void)n;
    if (b != 0 || isnan(b))
        return expr_double(a / b);
    if (a == 0 || isnan(a))
        return expr_double((double)NAN);
    return expr_double(signbit(a) == signbit(b) ? (double)INFINITY : -(double)INFINITY);
}

static struct expr_value negate_double(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    (void)r, (void)n;
    return expr_double(-args[0].d);
}

static struct expr_value join(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    size_t a = args[0].s.n, b = args[1].s.n;
    (void)n;
    if (!expr_spend_bytes(r, a + b))
        return expr_no_steps();
    if (a == 0 || b == 0)
        return args[a == 0];
    char *p = expr_alloc(r, a + b);
    if (!p)
        return expr_no_memory();
    memcpy(p, args[0].s.p, a);
    memcpy(p + a, args[1].s.p, b);
    struct expr_value v = args[0];
    v.s = str_of(p, a + b);
    return v;
}

static struct expr_value join_lists(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t na, nb;
    (void)n;
    if (!expr_spend(r, (uint64_t)expr_list_size(&args[0]) + expr_list_size(&args[1])))
        return expr_no_steps();
    const struct expr_value *a = expr_list_items(r, &args[0], &na, &error);
    const struct expr_value *b = a ? expr_list_items(r, &args[1], &nb, &error) : NULL;
    if (!b)
        return error;
    struct expr_value *items = expr_alloc_array(r, (size_t)na + nb, sizeof *items);
    if (!items || na > UINT32_MAX - nb)
        return expr_no_memory();
    memcpy(items, a, na * sizeof *items);
    memcpy(items + na, b, nb * sizeof *items);
    return expr_list_of(r, items, na + nb);
}

static struct expr_value in_list(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value error;
    uint32_t size = expr_list_size(&args[1]);
    (void)n;
    if (!expr_spend(r, size))
        return expr_no_steps();
    for (uint32_t i = 0; i < size; i++) {
        struct expr_value v = expr_list_at(r, &args[1], i);
        bool same;
        if (v.kind == EXPR_ERROR)
            return v;
        if (!expr_equal(r, &args[0], &v, &same, &error))
            return error;
        if (same)
            return expr_bool(true);
    }
    return expr_bool(false);
}

static struct expr_value in_map(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    struct expr_value v;
    (void)n;
    return expr_bool(expr_map_find(r, &args[1], &args[0], &v));
}

static struct expr_value at_index(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return expr_index(r, &args[0], &args[1]);
}

static struct expr_value size_string(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    int64_t points = 0;
    (void)n;
    if (!expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    for (size_t i = 0; i < args[0].s.n; i++)
        points += ((unsigned char)args[0].s.p[i] & 0xc0) != 0x80;
    return expr_int(points);
}

static struct expr_value size_bytes(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_int((int64_t)args[0].s.n);
}

static struct expr_value size_list(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_int(expr_list_size(&args[0]));
}

static struct expr_value size_map(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_int(expr_map_size(&args[0]));
}

#define ORDER(name, run)                                                \
    {name "(bool, bool) -> bool", run, EXPR_COST_ONE, 0},               \
        {name "(int, int) -> bool", run, EXPR_COST_ONE, 0},             \
        {name "(uint, uint) -> bool", run, EXPR_COST_ONE, 0},           \
        {name "(double, double) -> bool", run, EXPR_COST_ONE, 0},       \
        {name "(int, uint) -> bool", run, EXPR_COST_ONE, 0},            \
        {name "(int, double) -> bool", run, EXPR_COST_ONE, 0},          \
        {name "(uint, int) -> bool", run, EXPR_COST_ONE, 0},            \
        {name "(uint, double) -> bool", run, EXPR_COST_ONE, 0},         \
        {name "(double, int) -> bool", run, EXPR_COST_ONE, 0},          \
        {name "(double, uint) -> bool", run, EXPR_COST_ONE, 0},         \
        {name "(string, string) -> bool", run, EXPR_COST_BYTES, 0},     \
        {name "(bytes, bytes) -> bool", run, EXPR_COST_BYTES, 0},       \
        {name "(timestamp, timestamp) -> bool", run, EXPR_COST_ONE, 0}, \
    {                                                                   \
        name "(duration, duration) -> bool", run, EXPR_COST_ONE, 0      \
    }

static const struct expr_function rows[] = {
    {"_&&_(bool, bool) -> bool", NULL, EXPR_COST_ONE, 0},
    {"_||_(bool, bool) -> bool", NULL, EXPR_COST_ONE, 0},
    {"_?_:_(bool, A, A) -> A", NULL, EXPR_COST_ONE, 0},
    {"@not_strictly_false(bool) -> bool", NULL, EXPR_COST_ONE, 0},
    {"!_(bool) -> bool", not, EXPR_COST_ONE, 0},
    {"_==_(A, A) -> bool", equal, EXPR_COST_BYTES, 0},
    {"_!=_(A, A) -> bool", not_equal, EXPR_COST_BYTES, 0},
    ORDER("_<_", less),
    ORDER("_<=_", less_equal),
    ORDER("_>_", more),
    ORDER("_>=_", more_equal),
    {"_+_(int, int) -> int", add_int, EXPR_COST_ONE, 0},
    {"_+_(uint, uint) -> uint", add_uint, EXPR_COST_ONE, 0},
    {"_+_(double, double) -> double", add_double, EXPR_COST_ONE, 0},
    {"_+_(string, string) -> string", join, EXPR_COST_BYTES, 0},
    {"_+_(bytes, bytes) -> bytes", join, EXPR_COST_BYTES, 0},
    {"_+_(list<A>, list<A>) -> list<A>", join_lists, EXPR_COST_ITEMS, 0},
    {"_-_(int, int) -> int", sub_int, EXPR_COST_ONE, 0},
    {"_-_(uint, uint) -> uint", sub_uint, EXPR_COST_ONE, 0},
    {"_-_(double, double) -> double", sub_double, EXPR_COST_ONE, 0},
    {"_*_(int, int) -> int", mul_int, EXPR_COST_ONE, 0},
    {"_*_(uint, uint) -> uint", mul_uint, EXPR_COST_ONE, 0},
    {"_*_(double, double) -> double", mul_double, EXPR_COST_ONE, 0},
    {"_/_(int, int) -> int", div_int, EXPR_COST_ONE, 0},
    {"_/_(uint, uint) -> uint", div_uint, EXPR_COST_ONE, 0},
    {"_/_(double, double) -> double", div_double, EXPR_COST_ONE, 0},
    {"_%_(int, int) -> int", mod_int, EXPR_COST_ONE, 0},
    {"_%_(uint, uint) -> uint", mod_uint, EXPR_COST_ONE, 0},
    {"-_(int) -> int", negate_int, EXPR_COST_ONE, 0},
    {"-_(double) -> double", negate_double, EXPR_COST_ONE, 0},
    {"@in(A, list<A>) -> bool", in_list, EXPR_COST_ITEMS, 0},
    {"@in(A, map<A, B>) -> bool", in_map, EXPR_COST_ONE, 0},
    {"_[_](list<A>, int) -> A", at_index, EXPR_COST_ONE, 0},
    {"_[_](list<A>, uint) -> A", at_index, EXPR_COST_ONE, EXPR_LATE},
    {"_[_](list<A>, double) -> A", at_index, EXPR_COST_ONE, EXPR_LATE},
    {"_[_](map<A, B>, A) -> B", at_index, EXPR_COST_ONE, 0},
    {"size(string) -> int", size_string, EXPR_COST_BYTES, 0},
    {"size(bytes) -> int", size_bytes, EXPR_COST_ONE, 0},
    {"size(list<A>) -> int", size_list, EXPR_COST_ONE, 0},
    {"size(map<A, B>) -> int", size_map, EXPR_COST_ONE, 0},
    {"string.size() -> int", size_string, EXPR_COST_BYTES, 0},
    {"bytes.size() -> int", size_bytes, EXPR_COST_ONE, 0},
    {"list<A>.size() -> int", size_list, EXPR_COST_ONE, 0},
    {"map<A, B>.size() -> int", size_map, EXPR_COST_ONE, 0},
};

const struct expr_library expr_lib_standard = {"standard", rows, sizeof rows / sizeof *rows};
