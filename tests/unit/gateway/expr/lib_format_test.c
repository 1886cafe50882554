#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void each_letter_has_its_kinds(void **state)
{
    static const struct eval_row rows[] = {
        {"'%s %d %%'.format([caller.tier, i])", "\"gold 7 %\""},
        {"'%b %o %x %X'.format([5, 8, 255, 255])", "\"101 10 ff FF\""},
        {"'%b %x'.format([-5, -255])", "\"-101 -ff\""},
        {"'%x'.format(['hi'])", "\"6869\""},
        {"'%X'.format([b'\\xab'])", "\"AB\""},
        {"'%.2f %e'.format([3.14159, 1500.0])", "\"3.14 1.500000e+03\""},
        {"'%f'.format([u])", "\"7.000000\""},
        {"'%b'.format([true])", "\"1\""},
        {"'%d'.format([0.0 / 0.0])", "\"NaN\""},
        {"'%f'.format([-1.0 / 0.0])", "\"-Infinity\""},
        {"'%.3f'.format([1.2345])", "\"1.234\""},
    };
    EVAL_ROWS(*state, rows);
}

static void values_are_written_without_quotes(void **state)
{
    static const struct eval_row rows[] = {
        {"'%s'.format([[1, 'a', null, 2.5, [true]]])", "\"[1, a, null, 2.5, [true]]\""},
        {"'%s'.format([{'b': 1, 'a': [2]}])", "\"{a: [2], b: 1}\""},
        {"'%s'.format([{2: 'x', true: 'y', 10u: 'z'}])", "\"{10: z, 2: x, true: y}\""},
        {"'%s %s'.format([now, duration('90s')])", "\"2026-01-02T03:04:05.006Z 90s\""},
        {"'%s'.format([type(i)])", "\"int\""},
        {"'%s'.format([b'abc'])", "\"abc\""},
    };
    EVAL_ROWS(*state, rows);
}

static void mistakes_are_named(void **state)
{
    static const struct eval_row rows[] = {
        {"'%a'.format([1])",
         "error: could not parse formatting clause: unrecognized formatting clause \"a\""},
        {"'%d %d'.format([1])", "error: index 1 out of range"},
        {"'%'.format([1])", "error: could not parse formatting clause"},
        {"'%.'.format([1.0])", "error: could not parse formatting clause"},
        {"'%.999f'.format([1.0])", "error: could not parse formatting clause"},
        {"'%d'.format(['a'])", "error: error during formatting: decimal clause"},
        {"'%b'.format(['a'])", "error: error during formatting: only integers and bools"},
        {"'%s'.format([kitchen.Sink{}])", "error: error during formatting: string clause"},
        {"'%s'.format([[1/0]])", "error: division by zero"},
        {"'%e'.format([null])", "error: error during formatting: scientific clause"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_letter_has_its_kinds),
        cmocka_unit_test(values_are_written_without_quotes),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
