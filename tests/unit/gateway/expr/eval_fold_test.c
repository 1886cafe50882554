#include "gateway/expr/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void predicates_stop_when_it_is_decided(void **state)
{
    static const struct eval_row rows[] = {
        {"[1, i].all(x, x > 0)", "true"},
        {"[1, i].all(x, x > 1)", "false"},
        {"[].all(x, x > i)", "true"},
        {"[1, i].exists(x, x == 7)", "true"},
        {"[].exists(x, x == i)", "false"},
        {"[1, i, 7].exists_one(x, x == 7)", "false"},
        {"[1, i].exists_one(x, x == 7)", "true"},
        {"[0, i].exists(x, 7 / x == 1)", "true"},
        {"[0, i].all(x, 7 / x == 2)", "false"},
        {"[0, i].all(x, 7 / x == 1)", "error: division by zero"},
        {"[0, i].exists_one(x, 7 / x == 1)", "error: division by zero"},
        {"{'a': i, 'b': 1}.all(k, k != 'c')", "true"},
        {"claims.age.all(x, x > 0)", "error: no such overload"},
        {"claims.models.exists(m, m == \"large\")", "true"},
    };
    EVAL_ROWS(*state, rows);
}

static void lists_are_built_in_order(void **state)
{
    static const struct eval_row rows[] = {
        {"[1, i].map(x, x * 2)", "[2, 14]"},
        {"[1, i, 9].filter(x, x > 5)", "[7, 9]"},
        {"[1, i, 9].map(x, x > 5, x + 1)", "[8, 10]"},
        {"[1, 2].map(x, [i].map(y, x + y))", "[[8], [9]]"},
        {"[[1, i], [2]].map(l, l.filter(x, x > 1))", "[[7], [2]]"},
        {"[0, i].map(x, 1 / x)", "error: division by zero"},
        {"[0, i].filter(x, 1 / x == 0)", "error: division by zero"},
        {"claims.map(k, k)", "[\"models\", \"age\", \"n\"]"},
        {"[i, 1].map(x, x, x)", "refused: "},
    };
    EVAL_ROWS(*state, rows);
}

static void two_variables_are_place_and_element(void **state)
{
    static const struct eval_row rows[] = {
        {"[5, i].all(n, v, v == 5 + 2 * n)", "true"},
        {"{'a': i}.exists(k, v, k == 'a' && v == 7)", "true"},
        {"[5, i].transformList(n, v, n + v)", "[5, 8]"},
        {"[5, i].transformList(n, v, n > 0, v)", "[7]"},
        {"{'a': i}.transformList(k, v, k)", "[\"a\"]"},
    };
    EVAL_ROWS(*state, rows);
}

static void names_are_bound_once(void **state)
{
    static const struct eval_row rows[] = {
        {"cel.bind(x, i + 1, x * x)", "64"},
        {"cel.bind(x, 2, cel.bind(y, x + i, x * y))", "18"},
        {"cel.bind(x, [i], x.map(x, x + 1))", "[8]"},
        {"cel.bind(x, 1/(i-7), 5)", "5"},
        {"[1, 2].map(x, cel.bind(y, x + i, y * y))", "[64, 81]"},
        {"cel.bind(x, cel.bind(y, i, y + 1), x + 1)", "9"},
    };
    EVAL_ROWS(*state, rows);
}

/* Twice the elements, twice the steps: a filter does not copy its list for each. */
static void lists_grow_in_linear_time(void **state)
{
    struct eval_test *t = *state;
    const struct expr_program *p = eval_compile(
        t, "lists.range(i + 3990).map(x, x + 1).filter(x, x % 2 == 0).size()");
    struct expr_value v = eval_run(t, p);
    assert_int_equal(v.kind, EXPR_INT);
    assert_int_equal(v.i, 1998);
    assert_true(t->scratch.used < EVAL_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicates_stop_when_it_is_decided),
        cmocka_unit_test(lists_are_built_in_order),
        cmocka_unit_test(two_variables_are_place_and_element),
        cmocka_unit_test(names_are_bound_once),
        cmocka_unit_test(lists_grow_in_linear_time),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
