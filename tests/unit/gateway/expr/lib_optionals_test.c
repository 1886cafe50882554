#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void an_optional_has_a_value_or_not(void **state)
{
    static const struct eval_row rows[] = {
        {"optional.of(i).hasValue()", "true"},
        {"optional.none().hasValue()", "false"},
        {"optional.of(i).value()", "7"},
        {"optional.none().value()", "error: optional.none() dereference"},
        {"optional.ofNonZeroValue(i - 7)", "optional.none()"},
        {"optional.ofNonZeroValue('')", "optional.none()"},
        {"optional.ofNonZeroValue([i])", "optional.of([7])"},
        {"optional.of(null)", "optional.of(null)"},
        {"optional.of(1/0)", "error: division by zero"},
    };
    EVAL_ROWS(*state, rows);
}

static void others_are_taken_only_when_needed(void **state)
{
    static const struct eval_row rows[] = {
        {"optional.of(i).orValue(1/0)", "7"},
        {"optional.none().orValue(i)", "7"},
        {"optional.none().orValue(1/0)", "error: division by zero"},
        {"optional.none().or(optional.of(i))", "optional.of(7)"},
        {"optional.of(1).or(optional.of(1/0))", "optional.of(1)"},
        {"optional.of(i).optMap(x, x + 1)", "optional.of(8)"},
        {"optional.none().optMap(x, x + 1)", "optional.none()"},
    };
    EVAL_ROWS(*state, rows);
}

static void selection_with_a_question_mark_never_fails(void **state)
{
    static const struct eval_row rows[] = {
        {"claims.?age", "optional.of(42)"},
        {"claims.?missing", "optional.none()"},
        {"claims.?missing.deeper.still", "optional.none()"},
        {"claims[?'age'].orValue(0)", "42"},
        {"[1][?5]", "optional.none()"},
        {"[i][?0]", "optional.of(7)"},
        {"request.?f_part.label", "optional.none()"},
        {"{?'a': claims.?age, ?'b': claims.?missing}", "{\"a\": 42}"},
        {"[?optional.of(i), ?optional.none()]", "[7]"},
        {"[?dyn(1)]", "error: no such overload"},
        {"optional.unwrap([optional.of(1), optional.none(), optional.of(i)])", "[1, 7]"},
        {"dyn(1).?x", "error: no such overload"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_optional_has_a_value_or_not),
        cmocka_unit_test(others_are_taken_only_when_needed),
        cmocka_unit_test(selection_with_a_question_mark_never_fails),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
