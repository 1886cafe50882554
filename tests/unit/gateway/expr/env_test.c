#include "gateway/expr/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

static void slots_are_counted_in_order(void **state)
{
    struct arena a;
    char name[] = "v00";

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    struct expr_env_spec spec = {.arena = &a, .container = STR("a.b")};
    struct expr_env *env = expr_env_new(&spec);
    assert_non_null(env);
    assert_int_equal(expr_env_slots(env), 0);
    for (uint32_t i = 0; i < 50; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        assert_int_equal(expr_declare(env, str_c(name), &expr_type_int, 0), i);
    }
    assert_int_equal(expr_env_slots(env), 50);
    assert_true(str_eq(env->variables[7].name, STR("v07")));
    assert_int_equal(expr_declare(env, STR("x"), NULL, 0), UINT32_MAX);
    assert_int_equal(expr_env_taps(env, NULL), 0);
    arena_release(&a);
}

static void bounds_have_their_defaults(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    struct expr_env_spec spec = {.arena = &a};
    const struct expr_target *t = expr_env_target(expr_env_new(&spec));
    assert_int_equal(t->max_items, EXPR_ITEMS_DEFAULT);
    assert_int_equal(t->max_cost, EXPR_COST_DEFAULT);
    spec.max_items = 5;
    spec.max_cost = 6;
    t = expr_env_target(expr_env_new(&spec));
    assert_int_equal(t->max_items, 5);
    assert_int_equal(t->max_cost, 6);
    arena_release(&a);
}

static bool make(void *arg)
{
    struct arena a;

    (void)arg;
    arena_init(&a, 64, 1 << 20);
    struct expr_env_spec spec = {.arena = &a, .container = STR("a")};
    struct expr_env *env = expr_env_new(&spec);
    bool ok = env && expr_declare(env, STR("x"), &expr_type_int, 0) == 0;
    arena_release(&a);
    return ok;
}

static void want_of_memory_is_an_outcome(void **state)
{
    (void)state;
    assert_true(failmalloc_each(make, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_counted_in_order),
        cmocka_unit_test(bounds_have_their_defaults),
        cmocka_unit_test(want_of_memory_is_an_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
