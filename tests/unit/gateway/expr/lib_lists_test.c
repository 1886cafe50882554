#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void parts_are_cut_within_bounds(void **state)
{
    static const struct eval_row rows[] = {
        {"[1, 2, 3, i].slice(1, 3)", "[2, 3]"},
        {"[1].slice(0, 2)", "error: invalid argument"},
        {"[1].slice(-1, 1)", "error: invalid argument"},
        {"[1, 2].slice(2, 1)", "error: invalid argument"},
        {"[].slice(0, 0)", "[]"},
        {"[1, i].first()", "optional.of(1)"},
        {"[1, i].last()", "optional.of(7)"},
        {"[].first()", "optional.none()"},
        {"[1, i].reverse()", "[7, 1]"},
    };
    EVAL_ROWS(*state, rows);
}

static void nesting_opens_as_deep_as_asked(void **state)
{
    static const struct eval_row rows[] = {
        {"[1, [2, [i]]].flatten()", "[1, 2, [7]]"},
        {"[1, [2, [i]]].flatten(2)", "[1, 2, 7]"},
        {"[1, [2]].flatten(0)", "[1, [2]]"},
        {"[1].flatten(-1)", "error: invalid argument"},
    };
    EVAL_ROWS(*state, rows);
}

static void order_is_stable_and_of_one_kind(void **state)
{
    static const struct eval_row rows[] = {
        {"[3, 1, i].sort()", "[1, 3, 7]"},
        {"['b', 'a'].sort()", "[\"a\", \"b\"]"},
        {"['bb', 'a', 'cc', 'b'].sortBy(s, size(s))", "[\"a\", \"b\", \"bb\", \"cc\"]"},
        {"[dyn(1), dyn('a')].sort()", "error: invalid argument"},
        {"dyn([[1], [2]]).sort()", "error: invalid argument"},
        {"[].sort()", "[]"},
        {"[1, 2, 2, i, 7].distinct()", "[1, 2, 7]"},
        {"[dyn(1), 1.0, 'a'].distinct()", "[1, \"a\"]"},
    };
    EVAL_ROWS(*state, rows);
}

static void ranges_stay_within_the_bound(void **state)
{
    static const struct eval_row rows[] = {
        {"lists.range(3)", "[0, 1, 2]"},
        {"lists.range(0)", "[]"},
        {"lists.range(-1)", "error: invalid argument"},
        {"lists.range(10001)", "error: invalid argument"},
        {"lists.range(i - 5)", "[0, 1]"},
    };
    EVAL_ROWS(*state, rows);
}

static void maps_are_made_of_folds(void **state)
{
    static const struct eval_row rows[] = {
        {"{'a': 1, 'b': i}.transformMap(k, v, v + 1)", "{\"a\": 2, \"b\": 8}"},
        {"{'a': 1, 'b': i}.transformMap(k, v, v > 1, v)", "{\"b\": 7}"},
        {"['x', 'y'].transformMapEntry(n, v, {v: n + i})", "{\"x\": 7, \"y\": 8}"},
        {"['x', 'x'].transformMapEntry(n, v, {v: n + i})", "error: repeated key \"x\""},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_cut_within_bounds),
        cmocka_unit_test(nesting_opens_as_deep_as_asked),
        cmocka_unit_test(order_is_stable_and_of_one_kind),
        cmocka_unit_test(ranges_stay_within_the_bound),
        cmocka_unit_test(maps_are_made_of_folds),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
