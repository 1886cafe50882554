#include "transcoder/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

static void arena_gives_zeroed_aligned_memory_again_after_reset(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 256, 1 << 20);
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 600; n += 7) {
            unsigned char *p = arena_alloc(&a, n);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
            if (n)
                memset(p, 0xa5, n);
            assert_non_null(arena_copy(&a, STR("x")).p); /* the next one starts off alignment */
        }
        arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    arena_release(&a);
}

static void arena_allocations_do_not_overlap(void **state)
{
    enum { COUNT = 500 };
    struct arena a;
    unsigned char *p[COUNT];

    (void)state;
    arena_init(&a, 512, 1 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = arena_alloc(&a, i % 400);
        assert_non_null(p[i]);
        memset(p[i], (int)(i & 0xff), i % 400);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < i % 400; j++)
            assert_int_equal(p[i][j], i & 0xff);
    }
    arena_release(&a);
}

static void arena_never_hands_out_more_than_its_ceiling(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 64, 1024);
    assert_null(arena_alloc(&a, 1025));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(arena_copy(&a, str_of("", SIZE_MAX)).p);
    assert_non_null(arena_alloc(&a, 1008));
    assert_non_null(arena_alloc(&a, 1)); /* counts as one unit of alignment */
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_copy(&a, STR("")).p);
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1024));
    arena_release(&a);
}

static void arena_zeroed_is_empty_and_may_be_released(void **state)
{
    struct arena a = {0};

    (void)state;
    assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    arena_release(&a);
}

static void arena_copy_and_printf_end_with_nul(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 0, 1 << 20);
    struct str s = arena_copy(&a, STR("a\0b"));
    assert_true(str_eq(s, STR("a\0b")));
    assert_int_equal(s.p[s.n], 0);
    s = arena_copy(&a, STR_NONE);
    assert_true(s.n == 0 && s.p && s.p[0] == 0);
    s = arena_printf(&a, "%d-%s", 42, "x");
    assert_string_equal(s.p, "42-x");
    for (size_t n = 250; n < 262; n++) {
        s = arena_printf(&a, "%0*d", (int)n, 7);
        assert_int_equal(s.n, n);
        assert_int_equal(strlen(s.p), n);
        assert_int_equal(s.p[n - 1], '7');
    }
    arena_release(&a);
}

static bool use_it_all(void *arg)
{
    struct arena a;

    (void)arg;
    arena_init(&a, 128, 1 << 20);
    bool ok = arena_alloc(&a, 16) && arena_alloc(&a, 5000) && arena_array(&a, 10, 10);
    ok = ok && arena_copy(&a, STR("copied")).p && arena_printf(&a, "%300d", 1).p;
    if (!ok) /* a failure leaves an arena that still works */
        assert_non_null(arena_alloc(&a, 64));
    arena_reset(&a);
    ok = ok && arena_alloc(&a, 100) && arena_alloc(&a, 100);
    arena_release(&a);
    return ok;
}

static void arena_survives_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(failmalloc_each(use_it_all, NULL) >= 3);
}

#ifndef __SANITIZE_ADDRESS__ /* its twin asks for each */
static void arena_of_two_blocks_asks_for_no_memory_in_the_next_round(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 256, 1 << 20);
    for (int round = 0; round < 3; round++) {
        failmalloc_start(0);
        bool ok = arena_alloc(&a, 100) && arena_alloc(&a, 100) && arena_alloc(&a, 100);
        bool asked = failmalloc_stop();
        assert_int_equal(asked, round == 0);
        assert_int_equal(ok, round != 0);
        for (int i = 0; i < 3; i++) /* more than two are not kept */
            assert_non_null(arena_alloc(&a, 100));
        arena_reset(&a);
    }
    arena_release(&a);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory_again_after_reset),
        cmocka_unit_test(arena_allocations_do_not_overlap),
        cmocka_unit_test(arena_never_hands_out_more_than_its_ceiling),
        cmocka_unit_test(arena_zeroed_is_empty_and_may_be_released),
        cmocka_unit_test(arena_copy_and_printf_end_with_nul),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(arena_of_two_blocks_asks_for_no_memory_in_the_next_round),
#endif
        cmocka_unit_test(arena_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
