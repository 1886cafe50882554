#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void sets_ignore_order_and_repetition(void **state)
{
    static const struct eval_row rows[] = {
        {"sets.contains([1, 2, i], [i, 1])", "true"},
        {"sets.contains([1], [1, 2])", "false"},
        {"sets.contains([], [])", "true"},
        {"sets.equivalent([1, 2, 2], [2, 1])", "true"},
        {"sets.equivalent([1], [1, 2])", "false"},
        {"sets.intersects([1, 2], [2, 3])", "true"},
        {"sets.intersects([1], [])", "false"},
        {"sets.contains(caller.scopes, ['infer'])", "true"},
        {"sets.contains([0.0 / 0.0], [0.0 / 0.0])", "false"},
        {"sets.contains([[1]], [[1]])", "true"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_ignore_order_and_repetition),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
