#include "transcoder/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

enum { RANDOM_ROUNDS = 800000 };

#define MANY_NINES "999999999999999999999999999999999999999999"

static uint64_t random_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint32_t bits_of_float(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static const struct {
    struct str text;
    bool fits_signed, fits_unsigned;
    int64_t value; /* as two's complement for what fits unsigned only */
} integers[] = {
    {STR_INIT("0"), true, true, 0},
    {STR_INIT("-0"), true, true, 0},
    {STR_INIT("-0.0e5"), true, true, 0},
    {STR_INIT("7"), true, true, 7},
    {STR_INIT("-7"), true, false, -7},
    {STR_INIT("9223372036854775807"), true, true, INT64_MAX},
    {STR_INIT("9223372036854775808"), false, true, INT64_MIN},
    {STR_INIT("-9223372036854775808"), true, false, INT64_MIN},
    {STR_INIT("-9223372036854775809"), false, false, 0},
    {STR_INIT("18446744073709551615"), false, true, -1},
    {STR_INIT("18446744073709551616"), false, false, 0},
    {STR_INIT("18446744073709551615.0"), false, true, -1},
    {STR_INIT("1844674407370955161.5e1"), false, true, -1},
    {STR_INIT("1844674407370955161.6e1"), false, false, 0},
    {STR_INIT("-922337203685477580.8e1"), true, false, INT64_MIN},
    {STR_INIT("-922337203685477580.9e1"), false, false, 0},
    {STR_INIT("99999999999999999999"), false, false, 0},
    {STR_INIT("1.0"), true, true, 1},
    {STR_INIT("1e2"), true, true, 100},
    {STR_INIT("1E+2"), true, true, 100},
    {STR_INIT("5e0"), true, true, 5},
    {STR_INIT("5e-0"), true, true, 5},
    {STR_INIT("1e5"), true, true, 100000},
    {STR_INIT("12.50e1"), true, true, 125},
    {STR_INIT("12.50e0"), false, false, 0},
    {STR_INIT("1200e-2"), true, true, 12},
    {STR_INIT("1200e-3"), false, false, 0},
    {STR_INIT("0.001e3"), true, true, 1},
    {STR_INIT("0.00000000000000000000000000001e29"), true, true, 1},
    {STR_INIT("0.1"), false, false, 0},
    {STR_INIT("1e18"), true, true, INT64_C(1000000000000000000)},
    {STR_INIT("1e19"), false, true, INT64_C(-8446744073709551616)},
    {STR_INIT("1e20"), false, false, 0},
    {STR_INIT("1e999999999999999999999999"), false, false, 0},
    {STR_INIT("1e-999999999999999999999999"), false, false, 0},
    {STR_INIT("0e999999999999999999999999"), true, true, 0},
    {STR_INIT("0.000e-99999999999999999999"), true, true, 0},
    {STR_INIT("1e" MANY_NINES), false, false, 0},
    {STR_INIT(MANY_NINES), false, false, 0},
    {STR_INIT(""), false, false, 0},
    {STR_INIT("-"), false, false, 0},
    {STR_INIT("1."), false, false, 0},
    {STR_INIT("1x"), false, false, 0},
};

static void number_parses_whole_tokens_as_integers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        struct guard g = guard_copy(integers[i].text);
        int64_t v = 0;
        uint64_t u = 0;
        bool fits = tc_parse_int64(g.s, &v), fits_unsigned = tc_parse_uint64(g.s, &u);
        if (fits != integers[i].fits_signed || fits_unsigned != integers[i].fits_unsigned ||
            (fits && v != integers[i].value) || (fits_unsigned && u != (uint64_t)integers[i].value))
            fail_msg("%.*s: %d %lld, %d %llu", STR_ARG(g.s), fits, (long long)v, fits_unsigned,
                     (unsigned long long)u);
        guard_release(&g);
    }
}

/* A token of a million characters. */
static char *long_token(const char *head, char fill, size_t fills, const char *tail, struct str *s)
{
    size_t size = strlen(head) + fills + strlen(tail) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    s->n = (size_t)snprintf(text, size, "%s", head);
    memset(text + s->n, fill, fills);
    s->n += fills;
    s->n += (size_t)snprintf(text + s->n, size - s->n, "%s", tail);
    s->p = text;
    return text;
}

static void number_parses_very_long_tokens(void **state)
{
    static const struct {
        const char *head, *tail;
        char fill;
        double value;
    } cases[] = {
        {"1", "e-1000000", '0', 1}, {"0.", "1e1000001", '0', 1},  {"1.", "", '0', 1},
        {"5e", "0", '0', 5},        {"0.", "9e1000000", '0', -1}, /* -1: means 0.9 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str s;
        char *text = long_token(cases[i].head, cases[i].fill, 1000000, cases[i].tail, &s);
        bool whole = cases[i].value > 0;
        double d = 0, expected = whole ? cases[i].value : 0.9;
        float f = 0;
        int64_t v = 0;
        assert_true(tc_is_json_number(s));
        assert_true(tc_parse_double(s, &d) && bits_of(d) == bits_of(expected));
        assert_true(tc_parse_float(s, &f) && bits_of_float(f) == bits_of_float((float)expected));
        assert_int_equal(tc_parse_int64(s, &v), whole);
        if (whole)
            assert_int_equal(v, (int64_t)expected);
        free(text);
    }
}

static void number_knows_what_fits_a_real(void **state)
{
    static const struct {
        struct str text;
        bool fits_double, fits_float;
    } cases[] = {
        {STR_INIT("0"), true, true},
        {STR_INIT("-0"), true, true},
        {STR_INIT("-0.0"), true, true},
        {STR_INIT("3.4028234663852886e38"), true, true},
        {STR_INIT("3.4028235677973367e+38"), true, false}, /* above half way: up */
        {STR_INIT("3.4028235677973366e+38"), true, true},
        {STR_INIT("-3.5e38"), true, false},
        {STR_INIT("1e39"), true, false},
        {STR_INIT("1.7976931348623157e308"), true, false},
        {STR_INIT("1.7976931348623159e308"), false, false},
        {STR_INIT("-1e309"), false, false},
        {STR_INIT("1e99999999999999999999"), false, false},
        {STR_INIT("0.001e99999999999999999999"), false, false},
        {STR_INIT("1e-45"), true, true},
        {STR_INIT("1e-46"), true, true},
        {STR_INIT("5e-324"), true, true},
        {STR_INIT("-1e-324"), true, true},
        {STR_INIT("1e-99999999999999999999"), true, true},
        {STR_INIT("-1000e-99999999999999999999"), true, true},
        {STR_INIT("0e99999999999999999999"), true, true},
        {STR_INIT("2.4703282292062327e-324"), true, true}, /* half of the smallest */
        {STR_INIT("2.4703282292062328e-324"), true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i].text);
        const char *text = cases[i].text.p;
        double d = 1;
        float f = 1;
        assert_int_equal(tc_parse_double(g.s, &d), cases[i].fits_double);
        assert_int_equal(tc_parse_float(g.s, &f), cases[i].fits_float);
        if (cases[i].fits_double && bits_of(d) != bits_of(strtod(text, NULL)))
            fail_msg("%s became %a", text, d);
        if (cases[i].fits_float && bits_of_float(f) != bits_of_float(strtof(text, NULL)))
            fail_msg("%s became %a", text, (double)f);
        guard_release(&g);
    }
}

static void number_refuses_what_is_no_json_number(void **state)
{
    static const struct str good[] = {STR_INIT("0"),    STR_INIT("-0"),    STR_INIT("10.01"),
                                      STR_INIT("0e0"),  STR_INIT("0E-00"), STR_INIT("1e+05"),
                                      STR_INIT("-0.0"), STR_INIT("9e9999")};
    static const struct str bad[] = {
        STR_INIT(""),    STR_INIT("-"),   STR_INIT("+1"),   STR_INIT("01"),    STR_INIT("-01"),
        STR_INIT(".5"),  STR_INIT("1."),  STR_INIT("1.e1"), STR_INIT("1e"),    STR_INIT("1e+"),
        STR_INIT("0x1"), STR_INIT("inf"), STR_INIT("nan"),  STR_INIT("-inf"),  STR_INIT("1 "),
        STR_INIT(" 1"),  STR_INIT("1\0"), STR_INIT("1,5"),  STR_INIT("1e1.0"), STR_INIT("--1")};
    double d;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tc_is_json_number(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct guard g = guard_copy(bad[i]);
        assert_false(tc_is_json_number(g.s));
        guard_release(&g);
    }
    assert_false(tc_parse_double(STR("inf"), &d) || tc_parse_double(STR("-nan"), &d));
    assert_false(tc_parse_double(STR("1x"), &d) || tc_parse_double(STR(""), &d));
}

static void number_prints_integers(void **state)
{
    static const int64_t values[] = {0, 1, -1, 10, -99, INT64_MAX, INT64_MIN};
    char out[TC_NUMBER_TEXT_MAX], expected[TC_NUMBER_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        size_t n = tc_print_int64(out, values[i]);
        snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        assert_true(str_eq(str_of(out, n), str_c(expected)));
        n = tc_print_uint64(out, (uint64_t)values[i]);
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)values[i]);
        assert_true(str_eq(str_of(out, n), str_c(expected)));
    }
}

static void number_prints_reals_short(void **state)
{
    static const struct {
        double value;
        const char *text, *as_float;
    } cases[] = {
        {0.0, "0", "0"},
        {-0.0, "-0", "-0"},
        {1, "1", "1"},
        {-1.5, "-1.5", "-1.5"},
        {0.1, "0.1", "0.1"},
        {100000, "100000", "100000"},
        {1e15, "1000000000000000", "1e+15"},
        {1e16, "1e+16", "1e+16"},
        {1e300, "1e+300", NULL},
        {1e-7, "1e-07", "1e-07"},
        {1.0 / 3, "0.3333333333333333", "0.33333334"},
        {9007199254740991.0, "9007199254740991", "9.007199e+15"},
        {5e-324, "5e-324", "0"},
        {16777215, "16777215", "16777215"},
    };
    char out[TC_NUMBER_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str text = str_of(out, tc_print_double(out, cases[i].value));
        if (!str_eq(text, str_c(cases[i].text)))
            fail_msg("%a printed %.*s", cases[i].value, STR_ARG(text));
        if (!cases[i].as_float)
            continue;
        text = str_of(out, tc_print_float(out, (float)cases[i].value));
        if (!str_eq(text, str_c(cases[i].as_float)))
            fail_msg("%a printed %.*s", cases[i].value, STR_ARG(text));
    }
}

static void round_trip_double(double v)
{
    char text[TC_NUMBER_TEXT_MAX + 1], long_text[64];
    double back;
    size_t n = tc_print_double(text, v);

    text[n] = '\0';
    snprintf(long_text, sizeof long_text, "%.17g", v);
    if (!tc_is_json_number(str_of(text, n)) || bits_of(strtod(text, NULL)) != bits_of(v))
        fail_msg("%a printed %s", v, text);
    if (!tc_parse_double(str_of(text, n), &back) || bits_of(back) != bits_of(v))
        fail_msg("%s read as %a", text, back);
    if (!tc_parse_double(str_c(long_text), &back) || bits_of(back) != bits_of(v))
        fail_msg("%s read as %a", long_text, back);
}

static void round_trip_float(float v)
{
    char text[TC_NUMBER_TEXT_MAX + 1], long_text[64];
    float back;
    size_t n = tc_print_float(text, v);

    text[n] = '\0';
    snprintf(long_text, sizeof long_text, "%.9g", (double)v);
    if (!tc_is_json_number(str_of(text, n)) ||
        bits_of_float(strtof(text, NULL)) != bits_of_float(v))
        fail_msg("%a printed %s", (double)v, text);
    if (!tc_parse_float(str_of(text, n), &back) || bits_of_float(back) != bits_of_float(v))
        fail_msg("%s read as %a", text, (double)back);
    if (!tc_parse_float(str_c(long_text), &back) || bits_of_float(back) != bits_of_float(v))
        fail_msg("%s read as %a", long_text, (double)back);
}

static void number_random_bit_patterns_survive_the_round_trip(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        uint64_t bits = random_bits(&random);
        uint32_t half = (uint32_t)bits;
        double d;
        float f;
        memcpy(&d, &bits, sizeof d);
        memcpy(&f, &half, sizeof f);
        if (isfinite(d))
            round_trip_double(d);
        if (isfinite(f))
            round_trip_float(f);
    }
}

/* Digits of a printed number, without the zeros at its ends; 0 for one in plain digits, which are
 * all of the value's own. */
static int significant(struct str text)
{
    int n = 0, last = 0;

    if (str_find(text, '.') == text.n && str_find(text, 'e') == text.n)
        return 0;
    for (size_t i = 0; i < text.n && text.p[i] != 'e'; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || (n == 0 && text.p[i] == '0'))
            continue;
        n++;
        if (text.p[i] != '0')
            last = n;
    }
    return last;
}

static void number_prints_no_digit_more_than_needed(void **state)
{
    uint64_t random = 3;
    char text[TC_NUMBER_TEXT_MAX], shorter[64];

    (void)state;
    for (int i = 0; i < RANDOM_ROUNDS / 8; i++) {
        uint64_t bits = random_bits(&random);
        uint32_t half = (uint32_t)(bits >> 32);
        double d;
        float f;
        memcpy(&d, &bits, sizeof d);
        memcpy(&f, &half, sizeof f);
        int n = isfinite(d) ? significant(str_of(text, tc_print_double(text, d))) : 0;
        snprintf(shorter, sizeof shorter, "%.*e", n - 2, d);
        if (n > 1 && bits_of(strtod(shorter, NULL)) == bits_of(d))
            fail_msg("%a printed %.*s, %s is enough", d, n, text, shorter);
        n = isfinite(f) ? significant(str_of(text, tc_print_float(text, f))) : 0;
        snprintf(shorter, sizeof shorter, "%.*e", n - 2, (double)f);
        if (n > 1 && bits_of_float(strtof(shorter, NULL)) == bits_of_float(f))
            fail_msg("%a printed %.*s, %s is enough", (double)f, n, text, shorter);
    }
}

/* What one multiplication cannot decide: ties, and what differs from one in the last of many
 * digits. */
static void number_rounds_half_way_cases_to_even(void **state)
{
    static const char *const cases[] = {
        "16777217",
        "16777219",
        "8388608.5",
        "8388609.5",
        "9007199254740993",
        "9007199254740995",
        "4503599627370496.5",
        "4503599627370497.5",
        "9007199254740993.00000000000000000000000000000000000000000000000000001",
        "9007199254740992.99999999999999999999999999999999999999999999999999999",
        "1.00000005960464477539062500",
        "1.000000059604644775390625000000000000000000000000000000000000000001",
        "1.0000000596046447753906249999999999999999999999999999999999999999",
        "7.006492321624085354618e-46",
        "7.0064923216240853546186479164495806564013097093825788587853e-46",
        "2.4703282292062327208828439643411e-324",
        "2.4703282292062327208828439643410e-324",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017"
        "977"
        "587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854"
        "845"
        "817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711"
        "559"
        "699508093042880177904174497791e0", /* just below what is infinite */
        "340282356779733661637539395458142568447.9",
        "340282356779733661637539395458142568448",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double expected = strtod(cases[i], NULL), d = 0;
        float expected_float = strtof(cases[i], NULL), f = 0;
        if (tc_parse_double(str_c(cases[i]), &d) != isfinite(expected) ||
            (isfinite(expected) && bits_of(d) != bits_of(expected)))
            fail_msg("%s read as %a", cases[i], d);
        if (tc_parse_float(str_c(cases[i]), &f) != isfinite(expected_float) ||
            (isfinite(expected_float) && bits_of_float(f) != bits_of_float(expected_float)))
            fail_msg("%s read as %a", cases[i], (double)f);
    }
}

static void number_random_decimals_read_as_the_c_library_reads_them(void **state)
{
    uint64_t random = 2;
    char text[80];

    (void)state;
    for (int i = 0; i < RANDOM_ROUNDS / 2; i++) {
        uint64_t a = random_bits(&random), b = random_bits(&random);
        int exponent = (int)(a % 720) - 360;
        double d = 0;
        float f = 0;
        snprintf(text, sizeof text, "%s%llu.%0*llue%d", b & 1 ? "-" : "",
                 (unsigned long long)(a >> (a & 63)), (int)(b % 25) + 1,
                 (unsigned long long)(b >> (b >> 8 & 63)), i & 1 ? exponent : exponent / 9);
        double expected = strtod(text, NULL);
        float expected_float = strtof(text, NULL);
        bool fits = tc_parse_double(str_c(text), &d);
        if (fits != isfinite(expected) || (fits && bits_of(d) != bits_of(expected)))
            fail_msg("%s read as %a, not %a", text, d, expected);
        fits = tc_parse_float(str_c(text), &f);
        if (fits != isfinite(expected_float) ||
            (fits && bits_of_float(f) != bits_of_float(expected_float)))
            fail_msg("%s read as %a, not %a", text, (double)f, (double)expected_float);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_parses_whole_tokens_as_integers),
        cmocka_unit_test(number_parses_very_long_tokens),
        cmocka_unit_test(number_knows_what_fits_a_real),
        cmocka_unit_test(number_refuses_what_is_no_json_number),
        cmocka_unit_test(number_prints_integers),
        cmocka_unit_test(number_prints_reals_short),
        cmocka_unit_test(number_random_bit_patterns_survive_the_round_trip),
        cmocka_unit_test(number_prints_no_digit_more_than_needed),
        cmocka_unit_test(number_rounds_half_way_cases_to_even),
        cmocka_unit_test(number_random_decimals_read_as_the_c_library_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
