#include "gateway/policy/limit_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_no_key_is_empty(void **state)
{
    struct arena a;
    struct expr_value inner = expr_string(STR("ann"));
    const struct expr_value some = {.kind = EXPR_OPTIONAL, .optional = &inner};
    const struct expr_value none = {.kind = EXPR_OPTIONAL};
    (void)state;
    arena_init(&a, 256, 4096);
    assert_true(str_eq(limit_value_key(&a, inner), STR("ann")));
    assert_true(str_eq(limit_value_key(&a, some), STR("ann")));
    assert_true(str_eq(limit_value_key(&a, expr_int(INT64_MIN)), STR("-9223372036854775808")));
    assert_true(str_eq(limit_value_key(&a, expr_uint(UINT64_MAX)), STR("18446744073709551615")));
    assert_true(str_eq(limit_value_key(&a, expr_bool(false)), STR("false")));
    assert_int_equal(limit_value_key(&a, none).n, 0);
    assert_int_equal(limit_value_key(&a, expr_null()).n, 0);
    assert_int_equal(limit_value_key(&a, expr_string(STR(""))).n, 0);
    arena_release(&a);
}

static void a_cost_is_a_number_and_not_less_than_nothing(void **state)
{
    uint64_t n = 0;
    struct expr_value inner = expr_int(7);
    const struct expr_value some = {.kind = EXPR_OPTIONAL, .optional = &inner};
    const struct expr_value none = {.kind = EXPR_OPTIONAL};
    (void)state;
    assert_true(limit_value_number(some, &n) && n == 7);
    assert_true(limit_value_number(none, &n) && n == 0);
    assert_true(limit_value_number(expr_uint(UINT64_MAX), &n) && n == UINT64_MAX);
    assert_true(limit_value_number(expr_null(), &n) && n == 0);
    assert_false(limit_value_number(expr_int(-1), &n));
    assert_false(limit_value_number(expr_double(1), &n));
    assert_false(limit_value_number(expr_string(STR("1")), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_key_is_empty),
        cmocka_unit_test(a_cost_is_a_number_and_not_less_than_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
