#include "gateway/core/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void headers_keep_order_and_duplicates_while_they_grow(void **state)
{
    enum { MANY = 100 };
    struct arena arena;
    struct headers h = {0};
    (void)state;

    arena_init(&arena, 4096, 1 << 20);
    for (int i = 0; i < MANY; i++)
        assert_true(headers_add(&h, &arena, i % 2 ? STR("odd") : STR("even"),
                                arena_printf(&arena, "%d", i)));
    assert_int_equal(h.n, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_true(str_eq(h.items[i].name, i % 2 ? STR("odd") : STR("even")));
        assert_true(str_eq(h.items[i].value, arena_printf(&arena, "%d", i)));
    }
    assert_true(str_eq(headers_get(&h, STR("odd")), STR("1")));
    assert_true(headers_repeat(&h, STR("odd")));
    assert_true(headers_add(&h, &arena, STR("one"), STR("")));
    assert_false(headers_repeat(&h, STR("one")));
    assert_false(headers_repeat(&h, STR("none")));
    arena_release(&arena);
}

static void headers_get_tells_absent_from_empty(void **state)
{
    struct arena arena;
    struct headers h = {0};
    (void)state;

    arena_init(&arena, 4096, 1 << 20);
    assert_null(headers_get(&h, STR("a")).p);
    assert_true(headers_add(&h, &arena, STR("a"), STR("")));
    assert_non_null(headers_get(&h, STR("a")).p);
    assert_int_equal(headers_get(&h, STR("a")).n, 0);
    assert_null(headers_get(&h, STR("A")).p);
    assert_null(headers_get(&h, STR("ab")).p);
    arena_release(&arena);
}

static void headers_add_reports_a_full_arena_and_keeps_what_it_has(void **state)
{
    struct arena arena;
    struct headers h = {0};
    (void)state;

    arena_init(&arena, 64, 700);
    uint32_t n = 0;
    while (headers_add(&h, &arena, STR("n"), STR("v")))
        n++;
    assert_in_range(n, 1, 700 / sizeof(struct header));
    assert_int_equal(h.n, n);
    assert_true(str_eq(h.items[n - 1].name, STR("n")));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_keep_order_and_duplicates_while_they_grow),
        cmocka_unit_test(headers_get_tells_absent_from_empty),
        cmocka_unit_test(headers_add_reports_a_full_arena_and_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
