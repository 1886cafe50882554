#include "transcoder/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

static void buf_holds_exactly_its_ceiling(void **state)
{
    (void)state;
    for (size_t max = 0; max < 300; max++) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            assert_true(buf_add_char(&b, (char)i));
        assert_false(buf_add_char(&b, 'x'));
        assert_false(buf_add(&b, STR("xy")));
        assert_true(buf_add(&b, STR_NONE));
        assert_int_equal(b.n, max);
        assert_true(b.cap <= max);
        assert_int_equal(buf_room(&b), 0);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(b.p[i], (char)i);
        buf_release(&b);
        assert_int_equal(b.max, max);
    }
}

static void buf_failure_leaves_the_contents(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    assert_true(buf_add(&b, STR("abcde")));
    assert_false(buf_add(&b, STR("fghi")));
    assert_false(buf_printf(&b, "%d", 1234));
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(str_eq(buf_str(&b), STR("abcde")));
    assert_true(buf_printf(&b, "%d", 123));
    assert_true(str_eq(buf_str(&b), STR("abcde123")));
    buf_release(&b);
}

static void buf_growth_is_amortised(void **state)
{
    struct buf b;
    size_t moves = 0, cap = 0;

    (void)state;
    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < 1 << 20; i++) {
        assert_true(buf_add_char(&b, 'x'));
        moves += b.cap != cap;
        cap = b.cap;
    }
    assert_true(moves <= 20);
    buf_release(&b);
}

static void buf_consume_moves_the_rest_to_the_front(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_consume(&b, 0);
    assert_true(buf_add(&b, STR("abcdef")));
    buf_consume(&b, 4);
    assert_true(str_eq(buf_str(&b), STR("ef")));
    buf_consume(&b, 2);
    assert_int_equal(b.n, 0);
    buf_release(&b);
}

static void buf_move_keeps_both_ceilings(void **state)
{
    struct buf from, to;

    (void)state;
    buf_init(&from, 1000);
    buf_init(&to, 10);
    assert_true(buf_add(&to, STR("old")) && buf_add(&from, STR("new")));
    buf_move(&to, &from);
    assert_true(str_eq(buf_str(&to), STR("new")));
    assert_true(from.p == NULL && from.n == 0 && from.max == 1000);
    assert_true(buf_add(&to, STR("1234567")));
    assert_false(buf_add_char(&to, '8'));
    assert_true(buf_add(&from, STR("again")));
    buf_release(&from);
    buf_release(&to);
}

static void buf_printf_writes_any_length(void **state)
{
    (void)state;
    for (int n = 1; n < 600; n++) {
        struct buf b;
        buf_init(&b, (size_t)n);
        assert_true(buf_printf(&b, "%0*d", n, 5));
        assert_int_equal(b.n, n);
        assert_int_equal(b.p[n - 1], '5');
        buf_release(&b);
    }
}

static bool use_it_all(void *arg)
{
    struct buf b;

    (void)arg;
    buf_init(&b, 1 << 20);
    bool ok = buf_add(&b, STR("abc"));
    ok = ok && buf_printf(&b, "%500d", 1);
    ok = ok && buf_reserve(&b, 5000);
    assert_true(b.n == 0 || (b.n >= 3 && memcmp(b.p, "abc", 3) == 0));
    buf_release(&b);
    return ok;
}

static void buf_survives_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(failmalloc_each(use_it_all, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_holds_exactly_its_ceiling),
        cmocka_unit_test(buf_failure_leaves_the_contents),
        cmocka_unit_test(buf_growth_is_amortised),
        cmocka_unit_test(buf_consume_moves_the_rest_to_the_front),
        cmocka_unit_test(buf_move_keeps_both_ceilings),
        cmocka_unit_test(buf_printf_writes_any_length),
        cmocka_unit_test(buf_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
