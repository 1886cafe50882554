#include "gateway/expr/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/expr_env.h"
#include "tests/unit/support/failmalloc.h"

static void an_expression_goes_from_text_to_value(void **state)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};
    static char memory[1 << 16];
    struct expr_scratch scratch = {.p = memory, .n = sizeof memory};
    char source[] = "n * 2 > 10 && tier.startsWith('go')";

    (void)state;
    arena_init(&a, 4096, 1 << 22);
    struct expr_env_spec spec = {.arena = &a};
    struct expr_env *env = expr_env_new(&spec);
    uint32_t n = expr_declare(env, STR("n"), &expr_type_int, 0);
    uint32_t tier = expr_declare(env, STR("tier"), &expr_type_string, 0);
    const struct expr_program *p = expr_compile(env, str_c(source), &expr_type_bool, &faults);
    assert_non_null(p);
    memset(source, 'x', sizeof source); /* the program has a copy */
    assert_true(str_eq(p->source, STR("n * 2 > 10 && tier.startsWith('go')")));
    assert_int_equal(p->type->kind, EXPR_BOOL);
    assert_int_equal(p->nslots, 2);
    struct expr_value slots[2];
    slots[n] = expr_int(6);
    slots[tier] = expr_string(STR("gold"));
    struct expr_value v = expr_eval(p, slots, NULL, &scratch);
    assert_int_equal(v.kind, EXPR_BOOL);
    assert_true(v.b);
    slots[n] = expr_int(5);
    scratch.used = 0;
    assert_false(expr_eval(p, slots, NULL, &scratch).b);
    expr_env_release(env);
    arena_release(&a);
}

static void each_step_may_refuse(void **state)
{
    static const struct {
        const char *source, *text;
    } rows[] = {
        {"i +", "the expression ends too early"},
        {"i + 'a'", "does not take (int, string)"},
        {"i", "this place needs bool"},
    };
    struct env_test t;

    (void)state;
    env_test_init(&t, false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expr_faults faults = {.first = NULL};
        assert_null(expr_compile(t.env, str_c(rows[i].source), &expr_type_bool, &faults));
        assert_int_equal(faults.count, 1);
        assert_non_null(strstr(faults.first->text.p, rows[i].text));
    }
    expr_env_release(t.env);
    env_test_release(&t);
}

/* A constant is generated where it is used, with folds of its own among the scopes around it. */
static void constants_that_are_bound_leave_other_locals_alone(void **state)
{
    static char memory[1 << 16];
    struct expr_scratch scratch = {.p = memory, .n = sizeof memory};
    struct expr_faults faults = {.first = NULL};
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 22);
    struct expr_env_spec spec = {.arena = &a};
    struct expr_env *env = expr_env_new(&spec);
    expr_declare(env, STR("i"), &expr_type_int, 0);
    const struct expr_program *p = expr_compile(
        env,
        STR("cel.bind(q, [1, 2].map(z, z), cel.bind(y, i, [3].map(w, q[0] + w + y)))"
            "[0] + optional.of([1].map(z, z).size()).optMap(y, y).value()"),
        &expr_type_int, &faults);
    assert_non_null(p);
    struct expr_value slot = expr_int(7);
    struct expr_value v = expr_eval(p, &slot, NULL, &scratch);
    assert_int_equal(v.kind, EXPR_INT);
    assert_int_equal(v.i, 12);
    expr_env_release(env);
    arena_release(&a);
}

static bool compile_once(void *arg)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};

    (void)arg;
    arena_init(&a, 64, 1 << 22);
    struct expr_env_spec spec = {.arena = &a};
    struct expr_env *env = expr_env_new(&spec);
    const struct expr_program *p = NULL;
    if (env && expr_declare(env, STR("n"), expr_type_list(&a, &expr_type_int), 0) == 0)
        p = expr_compile(env, STR("n.map(x, x + 1).all(x, x in n) || n[0] > 3"), &expr_type_bool,
                         &faults);
    assert_int_equal(faults.count, 0);
    expr_env_release(env);
    arena_release(&a);
    return p != NULL;
}

static void want_of_memory_is_an_outcome(void **state)
{
    (void)state;
    assert_true(failmalloc_each(compile_once, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_goes_from_text_to_value),
        cmocka_unit_test(each_step_may_refuse),
        cmocka_unit_test(constants_that_are_bound_leave_other_locals_alone),
        cmocka_unit_test(want_of_memory_is_an_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
