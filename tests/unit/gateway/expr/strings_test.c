#include "gateway/expr/strings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

static void points_are_counted_and_found(void **state)
{
    size_t at;
    (void)state;
    assert_int_equal(expr_points(STR("a©😀")), 3);
    assert_true(expr_byte_of(STR("a©😀"), 2, &at) && at == 3);
    assert_true(expr_byte_of(STR("a©😀"), 3, &at) && at == 7);
    assert_false(expr_byte_of(STR("a©😀"), 4, &at));
    assert_false(expr_byte_of(STR("a"), -1, &at));
    assert_int_equal(expr_point(STR("😀")), 0x1f600);
    assert_int_equal(expr_point_size(STR("")), 0);
}

/* Bytes that are no UTF-8 count as one each; none is read past the end. */
static void broken_sequences_are_points_of_a_byte(void **state)
{
    static const char *const broken[] = {"\xf0\x9f\x98", "\xe2\x82", "\xc3", "\xff\xfe", "a\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct guard g = guard_copy(str_c(broken[i]));
        size_t at;
        assert_int_equal(expr_points(g.s), g.s.n);
        assert_true(expr_byte_of(g.s, (int64_t)g.s.n, &at));
        assert_int_equal(expr_count(g.s, STR("")), g.s.n - 1);
        assert_int_equal(expr_find(g.s, STR("zzzz"), 0), EXPR_NOT_FOUND);
        guard_release(&g);
    }
}

static void a_shared_text_leaves_half_to_others(void **state)
{
    char memory[1024];
    struct expr_scratch scratch = {memory, sizeof memory, 0};
    struct expr_run r = {.scratch = &scratch, .steps = 1000};
    struct expr_text t;
    (void)state;
    expr_text_open_shared(&t, &r);
    expr_text_add(&t, STR("one "));
    char *other = expr_alloc(&r, 100);
    assert_non_null(other);
    memset(other, 'x', 100);
    expr_text_printf(&t, "and %d", 2);
    struct expr_value v = expr_text_close(&t);
    assert_true(str_eq(v.s, STR("one and 2")));
    assert_int_equal(other[99], 'x');
    assert_true(v.s.p >= other + 100);
    assert_int_equal(scratch.n, sizeof memory);
}

static void a_text_without_room_or_steps_fails_as_that(void **state)
{
    char memory[64];
    struct expr_scratch scratch = {memory, sizeof memory, 0};
    struct expr_run r = {.scratch = &scratch, .steps = 1000};
    struct expr_text t;
    (void)state;
    expr_text_open(&t, &r);
    for (int i = 0; i < 20; i++)
        expr_text_add(&t, STR("0123456789"));
    assert_ptr_equal(expr_text_close(&t).error, expr_no_memory().error);
    assert_int_equal(scratch.used, 0);
    r.steps = 0;
    expr_text_open(&t, &r);
    expr_text_add(&t, str_of(memory, EXPR_STEP_BYTES));
    assert_ptr_equal(expr_text_close(&t).error, expr_no_steps().error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_counted_and_found),
        cmocka_unit_test(broken_sequences_are_points_of_a_byte),
        cmocka_unit_test(a_shared_text_leaves_half_to_others),
        cmocka_unit_test(a_text_without_room_or_steps_fails_as_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
