#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void extremes_keep_their_type(void **state)
{
    static const struct eval_row rows[] = {
        {"math.greatest(1, i)", "7"},
        {"math.greatest(1, 2.5)", "2.5"},
        {"math.greatest(1u, 1.0)", "1u"},
        {"math.greatest([3, i, 5])", "7"},
        {"math.least(3, 1, 2)", "1"},
        {"math.least(i, -1.5, 3u)", "-1.5"},
        {"math.least([])", "error: an empty list has no least"},
        {"math.greatest([dyn(1), dyn('a')])", "error: no such overload"},
        {"math.greatest(5.0)", "5.0"},
    };
    EVAL_ROWS(*state, rows);
}

static void rounding_goes_where_its_name_says(void **state)
{
    static const struct eval_row rows[] = {
        {"math.ceil(1.2)", "2.0"},
        {"math.floor(-1.2)", "-2.0"},
        {"math.round(1.5)", "2.0"},
        {"math.round(-1.5)", "-2.0"},
        {"math.trunc(-1.9)", "-1.0"},
        {"math.abs(-i)", "7"},
        {"math.abs(-2.5)", "2.5"},
        {"math.abs(i - 7 - 9223372036854775807 - 1)", "error: int overflow"},
        {"math.sign(-i)", "-1"},
        {"math.sign(0u)", "0u"},
        {"math.sign(-2.5)", "-1.0"},
        {"math.isNaN(0.0 / 0.0)", "true"},
        {"math.isInf(1.0 / 0.0)", "true"},
        {"math.isFinite(1.0)", "true"},
        {"math.sqrt(49)", "7.0"},
        {"math.sqrt(-1.0)", "double(\"NaN\")"},
        {"math.round(dyn(1))", "error: no such overload"},
    };
    EVAL_ROWS(*state, rows);
}

static void bits_are_those_of_64(void **state)
{
    static const struct eval_row rows[] = {
        {"math.bitAnd(i, 5)", "5"},
        {"math.bitOr(u, 8u)", "15u"},
        {"math.bitXor(i, 2)", "5"},
        {"math.bitNot(i)", "-8"},
        {"math.bitNot(0u)", "18446744073709551615u"},
        {"math.bitShiftLeft(1, 63)", "-9223372036854775808"},
        {"math.bitShiftLeft(1, 64)", "0"},
        {"math.bitShiftRight(-1, 63)", "1"},
        {"math.bitShiftRight(1, -1)", "error: negative offset"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extremes_keep_their_type),
        cmocka_unit_test(rounding_goes_where_its_name_says),
        cmocka_unit_test(bits_are_those_of_64),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
