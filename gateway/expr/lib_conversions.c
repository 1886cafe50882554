/* Conversions of cel-spec's standard definitions, type() and dyn(). Those of timestamps, durations
 * and addresses stand with their types. */
#include "gateway/expr/function.h"
#include "gateway/expr/values.h"
#include "transcoder/number.h"
#include "transcoder/text.h"

#include <math.h>

static struct expr_value same(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return args[0];
}

static struct expr_value type_of(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return expr_type_of(r, &args[0]);
}

static struct expr_value out_of_range(struct expr_run *r, const char *type)
{
    return expr_fail(r, EXPR_FAIL_RANGE, "range error: the value does not fit %s", type);
}

static struct expr_value no_number(struct expr_run *r, struct str text, const char *type)
{
    return expr_fail(r, EXPR_FAIL_BAD_VALUE, "\"%.*s\" is no %s", (int)(text.n < 64 ? text.n : 64),
                     text.n ? text.p : "", type);
}

static struct expr_value int_of_uint(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return args[0].u > INT64_MAX ? out_of_range(r, "int") : expr_int((int64_t)args[0].u);
}

/* cel-spec leaves both ends out: no double next to them is exact. */
static struct expr_value int_of_double(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    double d = args[0].d;
    (void)n;
    return d > -0x1p63 && d < 0x1p63 ? expr_int((int64_t)d) : out_of_range(r, "int");
}

static bool digits_only(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* Without leading zeros and plus, which the reader of JSON numbers does not take. */
static struct str plain_digits(struct str s)
{
    while (s.n > 1 && s.p[0] == '0')
        s = str_skip(s, 1);
    return s;
}

static struct expr_value int_of_string(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    struct str s = args[0].s;
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t u;
    (void)n;
    s = str_skip(s, negative || (s.n > 0 && s.p[0] == '+'));
    if (!digits_only(s))
        return no_number(r, args[0].s, "int");
    if (!tc_parse_uint64(plain_digits(s), &u) || u > (uint64_t)INT64_MAX + negative)
        return out_of_range(r, "int");
    return expr_int(negative ? (int64_t)(0 - u) : (int64_t)u);
}

static struct expr_value uint_of_int(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return args[0].i < 0 ? out_of_range(r, "uint") : expr_uint((uint64_t)args[0].i);
}

static struct expr_value uint_of_double(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    double d = args[0].d;
    (void)n;
    return d >= 0 && d < 0x1p64 ? expr_uint((uint64_t)d) : out_of_range(r, "uint");
}

static struct expr_value uint_of_string(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    struct str s = args[0].s;
    uint64_t u;
    (void)n;
    if (!digits_only(s))
        return no_number(r, args[0].s, "uint");
    return tc_parse_uint64(plain_digits(s), &u) ? expr_uint(u) : out_of_range(r, "uint");
}

static struct expr_value double_of_int(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    (void)r, (void)n;
    return expr_double((double)args[0].i);
}

static struct expr_value double_of_uint(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    (void)r, (void)n;
    return expr_double((double)args[0].u);
}

static bool special_double(struct str s, double *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    s = str_skip(s, negative || (s.n > 0 && s.p[0] == '+'));
    if (str_eq_nocase(s, STR("nan")))
        *out = (double)NAN;
    else if (str_eq_nocase(s, STR("inf")) || str_eq_nocase(s, STR("infinity")))
        *out = negative ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

static struct expr_value double_of_string(struct expr_run *r, const struct expr_value *args,
                                          uint32_t n)
{
    struct str s = args[0].s;
    double d;
    (void)n;
    if (special_double(s, &d) || tc_parse_double(s, &d))
        return expr_double(d);
    return tc_is_json_number(s) ? out_of_range(r, "double") : no_number(r, s, "double");
}

static struct expr_value bool_of_string(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    static const struct str yes[] = {STR_INIT("1"),    STR_INIT("t"),    STR_INIT("true"),
                                     STR_INIT("TRUE"), STR_INIT("True"), STR_INIT("T")};
    static const struct str no[] = {STR_INIT("0"),     STR_INIT("f"),     STR_INIT("false"),
                                    STR_INIT("FALSE"), STR_INIT("False"), STR_INIT("F")};
    (void)n;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (str_eq(args[0].s, yes[i]) || str_eq(args[0].s, no[i]))
            return expr_bool(str_eq(args[0].s, yes[i]));
    return no_number(r, args[0].s, "bool: write true or false");
}

static struct expr_value text(struct expr_run *r, const char *p, size_t n)
{
    char *copy = expr_alloc(r, n);
    if (!copy)
        return expr_no_memory();
    memcpy(copy, p, n);
    return expr_string(str_of(copy, n));
}

static struct expr_value string_of_int(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    char out[TC_NUMBER_TEXT_MAX];
    (void)n;
    return text(r, out, tc_print_int64(out, args[0].i));
}

static struct expr_value string_of_uint(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    char out[TC_NUMBER_TEXT_MAX];
    (void)n;
    return text(r, out, tc_print_uint64(out, args[0].u));
}

static struct expr_value string_of_double(struct expr_run *r, const struct expr_value *args,
                                          uint32_t n)
{
    char out[TC_NUMBER_TEXT_MAX];
    double d = args[0].d;
    (void)n;
    if (isnan(d))
        return expr_string(STR("NaN"));
    if (isinf(d))
        return expr_string(d > 0 ? STR("Infinity") : STR("-Infinity"));
    return text(r, out, tc_print_double(out, d));
}

static struct expr_value string_of_bool(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    (void)r, (void)n;
    return expr_string(args[0].b ? STR("true") : STR("false"));
}

static struct expr_value string_of_bytes(struct expr_run *r, const struct expr_value *args,
                                         uint32_t n)
{
    (void)n;
    if (!expr_spend_bytes(r, args[0].s.n))
        return expr_no_steps();
    if (!tc_utf8_valid(args[0].s))
        return expr_fail(r, EXPR_FAIL_BAD_VALUE, "invalid UTF-8 in bytes, cannot be a string");
    return expr_string(args[0].s);
}

static struct expr_value bytes_of_string(struct expr_run *r, const struct expr_value *args,
                                         uint32_t n)
{
    struct expr_value v = args[0];
    (void)r, (void)n;
    v.kind = EXPR_BYTES;
    return v;
}

static const struct expr_function rows[] = {
    {"dyn(A) -> dyn", same, EXPR_COST_ONE, 0},
    {"type(A) -> type<A>", type_of, EXPR_COST_ONE, 0},
    {"int(int) -> int", same, EXPR_COST_ONE, 0},
    {"int(uint) -> int", int_of_uint, EXPR_COST_ONE, 0},
    {"int(double) -> int", int_of_double, EXPR_COST_ONE, 0},
    {"int(string) -> int", int_of_string, EXPR_COST_BYTES, 0},
    {"uint(uint) -> uint", same, EXPR_COST_ONE, 0},
    {"uint(int) -> uint", uint_of_int, EXPR_COST_ONE, 0},
    {"uint(double) -> uint", uint_of_double, EXPR_COST_ONE, 0},
    {"uint(string) -> uint", uint_of_string, EXPR_COST_BYTES, 0},
    {"double(double) -> double", same, EXPR_COST_ONE, 0},
    {"double(int) -> double", double_of_int, EXPR_COST_ONE, 0},
    {"double(uint) -> double", double_of_uint, EXPR_COST_ONE, 0},
    {"double(string) -> double", double_of_string, EXPR_COST_BYTES, 0},
    {"bool(bool) -> bool", same, EXPR_COST_ONE, 0},
    {"bool(string) -> bool", bool_of_string, EXPR_COST_ONE, 0},
    {"string(string) -> string", same, EXPR_COST_ONE, 0},
    {"string(bool) -> string", string_of_bool, EXPR_COST_ONE, 0},
    {"string(int) -> string", string_of_int, EXPR_COST_ONE, 0},
    {"string(uint) -> string", string_of_uint, EXPR_COST_ONE, 0},
    {"string(double) -> string", string_of_double, EXPR_COST_ONE, 0},
    {"string(bytes) -> string", string_of_bytes, EXPR_COST_BYTES, 0},
    {"bytes(bytes) -> bytes", same, EXPR_COST_ONE, 0},
    {"bytes(string) -> bytes", bytes_of_string, EXPR_COST_ONE, 0},
};

const struct expr_library expr_lib_conversions = {"conversions", rows, sizeof rows / sizeof *rows};
