#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void ints_come_of_what_fits(void **state)
{
    static const struct eval_row rows[] = {
        {"int(7u)", "7"},
        {"int(18446744073709551615u)", "error: range error"},
        {"int(1.9)", "1"},
        {"int(-1.9)", "-1"},
        {"int(1e19)", "error: range error"},
        {"int(0.0 / 0.0)", "error: range error"},
        {"int('-12')", "-12"},
        {"int('007')", "7"},
        {"int('-9223372036854775808')", "-9223372036854775808"},
        {"int('9223372036854775808')", "error: range error"},
        {"int('1.5')", "error: \"1.5\" is no int"},
        {"int('')", "error: \"\" is no int"},
        {"int('-')", "error: \"-\" is no int"},
        {"int('1e3')", "error: \"1e3\" is no int"},
        {"int(' 1')", "error: \" 1\" is no int"},
        {"int(timestamp('1970-01-01T00:01:00Z'))", "60"},
    };
    EVAL_ROWS(*state, rows);
}

static void uints_come_of_what_fits(void **state)
{
    static const struct eval_row rows[] = {
        {"uint(7)", "7u"},
        {"uint(-1)", "error: range error"},
        {"uint(1.9)", "1u"},
        {"uint(-0.5)", "error: range error"},
        {"uint(18446744073709551616.0)", "error: range error"},
        {"uint('18446744073709551615')", "18446744073709551615u"},
        {"uint('18446744073709551616')", "error: range error"},
        {"uint('-1')", "error: \"-1\" is no uint"},
    };
    EVAL_ROWS(*state, rows);
}

static void doubles_come_of_numbers_and_texts(void **state)
{
    static const struct eval_row rows[] = {
        {"double(1)", "1.0"},
        {"double(7u)", "7.0"},
        {"double('1e3')", "1000.0"},
        {"double('-0.5')", "-0.5"},
        {"double('NaN')", "double(\"NaN\")"},
        {"double('-inf')", "double(\"-inf\")"},
        {"double('1e999')", "error: range error"},
        {"double('x')", "error: \"x\" is no double"},
        {"double('')", "error: \"\" is no double"},
        {"double('1,5')", "error: \"1,5\" is no double"},
    };
    EVAL_ROWS(*state, rows);
}

static void bools_come_of_few_texts(void **state)
{
    static const struct eval_row rows[] = {
        {"bool('true')", "true"},
        {"bool('False')", "false"},
        {"bool('1')", "true"},
        {"bool('f')", "false"},
        {"bool('yes')", "error: \"yes\" is no bool"},
        {"bool('')", "error: \"\" is no bool"},
        {"bool(true)", "true"},
    };
    EVAL_ROWS(*state, rows);
}

static void texts_come_of_everything_plain(void **state)
{
    static const struct eval_row rows[] = {
        {"string(-7)", "\"-7\""},
        {"string(7u)", "\"7\""},
        {"string(1.5)", "\"1.5\""},
        {"string(1e100)", "\"1e+100\""},
        {"string(0.0 / 0.0)", "\"NaN\""},
        {"string(1.0 / 0.0)", "\"Infinity\""},
        {"string(true)", "\"true\""},
        {"string(b'abc')", "\"abc\""},
        {"string(b'\\xff')", "error: invalid UTF-8"},
        {"bytes('ÿ')", "b\"ÿ\""},
        {"string(now)", "\"2026-01-02T03:04:05.006Z\""},
        {"string(duration('-90s'))", "\"-90s\""},
        {"string(dyn([]))", "error: no such overload: string of list"},
    };
    EVAL_ROWS(*state, rows);
}

static void every_value_has_a_type(void **state)
{
    static const struct eval_row rows[] = {
        {"type(1)", "int"},
        {"type('')", "string"},
        {"type([])", "list"},
        {"type({})", "map"},
        {"type(null)", "null_type"},
        {"type(now)", "google.protobuf.Timestamp"},
        {"type(duration('1s'))", "google.protobuf.Duration"},
        {"type(int)", "type"},
        {"type(optional.none())", "optional_type"},
        {"type(ip('::1'))", "net.IP"},
        {"type(kitchen.Sink{name: caller.tier})", "kitchen.Sink"},
        {"type(request.f_part)", "kitchen.Sink.Part"},
        {"dyn(1)", "1"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_come_of_what_fits),
        cmocka_unit_test(uints_come_of_what_fits),
        cmocka_unit_test(doubles_come_of_numbers_and_texts),
        cmocka_unit_test(bools_come_of_few_texts),
        cmocka_unit_test(texts_come_of_everything_plain),
        cmocka_unit_test(every_value_has_a_type),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
