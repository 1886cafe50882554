#include "gateway/expr/infer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const char *text(struct expr_infer *in, const struct expr_type *t)
{
    struct str s = expr_type_text(&arena, expr_infer_resolve(in, t, &expr_type_dyn));
    return arena_copy(&arena, s).p;
}

static void a_variable_is_bound_once_and_by_both_sides(void **state)
{
    struct expr_infer in = {.arena = &arena};
    const struct expr_type *a = expr_infer_fresh(&in), *b = expr_infer_fresh(&in);

    (void)state;
    assert_true(expr_infer_fits(&in, a, b));
    assert_true(expr_infer_fits(&in, &expr_type_int, b));
    assert_string_equal(text(&in, a), "int");
    assert_false(expr_infer_fits(&in, a, &expr_type_string));
    assert_true(expr_infer_fits(&in, a, &expr_type_int));
    assert_ptr_equal(expr_infer_top(&in, a), &expr_type_int);
}

static void bindings_become_as_general_as_needed(void **state)
{
    struct expr_infer in = {.arena = &arena};
    const struct expr_type *a = expr_infer_fresh(&in), *w = expr_type_wrapper(&expr_type_int);

    (void)state;
    assert_true(expr_infer_fits(&in, a, &expr_type_int));
    assert_true(expr_infer_fits(&in, a, w));
    assert_string_equal(text(&in, a), "wrapper(int)");
    assert_true(expr_infer_fits(&in, a, &expr_type_null));
    assert_string_equal(text(&in, a), "wrapper(int)");
    assert_true(expr_infer_fits(&in, &expr_type_dyn, a));
    assert_string_equal(text(&in, a), "dyn");
}

static void no_type_is_part_of_itself(void **state)
{
    struct expr_infer in = {.arena = &arena};
    const struct expr_type *a = expr_infer_fresh(&in);

    (void)state;
    assert_false(expr_infer_fits(&in, a, expr_type_list(&arena, a)));
    assert_false(
        expr_infer_fits(&in, expr_type_map(&arena, &expr_type_int, expr_type_list(&arena, a)), a));
    assert_true(expr_infer_fits(&in, a, a));
}

static void what_was_bound_is_taken_back(void **state)
{
    struct expr_infer in = {.arena = &arena};
    const struct expr_type *a = expr_infer_fresh(&in), *b = expr_infer_fresh(&in);

    (void)state;
    assert_true(expr_infer_fits(&in, a, &expr_type_int));
    uint32_t mark = expr_infer_mark(&in);
    assert_true(expr_infer_fits(&in, b, a));
    assert_true(expr_infer_fits(&in, &expr_type_dyn, a));
    expr_infer_take_back(&in, mark);
    assert_string_equal(text(&in, a), "int");
    assert_int_equal(expr_infer_top(&in, b)->kind, EXPR_PARAM);
}

static void joins_are_dyn_where_nothing_fits(void **state)
{
    struct expr_infer in = {.arena = &arena};
    const struct expr_type *ints = expr_type_list(&arena, &expr_type_int);
    const struct expr_type *dyns = expr_type_list(&arena, &expr_type_dyn);
    const struct expr_type *free = expr_type_list(&arena, expr_infer_fresh(&in));

    (void)state;
    assert_string_equal(text(&in, expr_infer_join(&in, ints, &expr_type_int)), "dyn");
    assert_string_equal(text(&in, expr_infer_join(&in, ints, dyns)), "list(dyn)");
    assert_string_equal(text(&in, expr_infer_join(&in, dyns, ints)), "list(dyn)");
    assert_string_equal(text(&in, expr_infer_join(&in, free, ints)), "list(int)");
    const struct expr_type *type_int = expr_type_type(&arena, &expr_type_int);
    const struct expr_type *type_uint = expr_type_type(&arena, &expr_type_uint);
    assert_string_equal(text(&in, expr_infer_join(&in, type_int, type_uint)), "type(dyn)");
    assert_string_equal(text(&in, expr_infer_join(&in, type_int, type_int)), "type(int)");
    const struct expr_type *any = expr_infer_fresh(&in);
    assert_true(expr_infer_fits(&in, expr_type_type(&arena, any), type_uint));
    assert_string_equal(text(&in, any), "uint");
}

static void signatures_are_instantiated(void **state)
{
    struct expr_infer in = {.arena = &arena};
    struct expr_type letter = {.kind = EXPR_PARAM, .param = 1};
    const struct expr_type *vars[] = {NULL, &expr_type_bool};

    (void)state;
    const struct expr_type *t = expr_type_map(&arena, &letter, expr_type_list(&arena, &letter));
    assert_string_equal(text(&in, expr_infer_instantiate(&in, t, vars)), "map(bool, list(bool))");
    const struct expr_type *plain = expr_type_list(&arena, &expr_type_int);
    assert_ptr_equal(expr_infer_instantiate(&in, plain, vars), plain);
}

static void want_of_memory_is_noted(void **state)
{
    struct arena none;
    struct expr_infer in = {.arena = &none};

    (void)state;
    arena_init(&none, 64, 0);
    assert_int_equal(expr_infer_fresh(&in)->kind, EXPR_ERROR);
    assert_true(in.out_of_memory);
    arena_release(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_variable_is_bound_once_and_by_both_sides, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(bindings_become_as_general_as_needed, setup, teardown),
        cmocka_unit_test_setup_teardown(no_type_is_part_of_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_bound_is_taken_back, setup, teardown),
        cmocka_unit_test_setup_teardown(joins_are_dyn_where_nothing_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(signatures_are_instantiated, setup, teardown),
        cmocka_unit_test_setup_teardown(want_of_memory_is_noted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
