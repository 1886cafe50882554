#include "transcoder/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"

#define BROKEN  \
    {           \
        NULL, 0 \
    }

static void percent_decodes_once_by_place(void **state)
{
    /* For each mode the expected text, BROKEN when refused. */
    static const struct {
        struct str in, segment, multi, query;
    } cases[] = {
        {STR_INIT(""), STR_INIT(""), STR_INIT(""), STR_INIT("")},
        {STR_INIT("abc"), STR_INIT("abc"), STR_INIT("abc"), STR_INIT("abc")},
        {STR_INIT("a+b"), STR_INIT("a+b"), STR_INIT("a+b"), STR_INIT("a b")},
        {STR_INIT("a%2Bb"), STR_INIT("a+b"), STR_INIT("a+b"), STR_INIT("a+b")},
        {STR_INIT("a%20b%c3%A4"), STR_INIT("a b\xc3\xa4"), STR_INIT("a b\xc3\xa4"),
         STR_INIT("a b\xc3\xa4")},
        {STR_INIT("a%2Fb%2fc/d"), STR_INIT("a/b/c/d"), STR_INIT("a%2Fb%2fc/d"),
         STR_INIT("a/b/c/d")},
        {STR_INIT("%252F"), STR_INIT("%2F"), STR_INIT("%2F"), STR_INIT("%2F")},
        {STR_INIT("%00"), STR_INIT("\0"), STR_INIT("\0"), STR_INIT("\0")},
        {STR_INIT("\xc3%a4"), STR_INIT("\xc3\xa4"), STR_INIT("\xc3\xa4"), STR_INIT("\xc3\xa4")},
        {STR_INIT("%zz"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("%4"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("a%"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("%%41"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("%+1"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("%ff"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("\xff"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("%c3"), BROKEN, BROKEN, BROKEN},
        {STR_INIT("%ed%a0%80"), BROKEN, BROKEN, BROKEN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct str expected[] = {[TC_DECODE_SEGMENT] = cases[i].segment,
                                       [TC_DECODE_MULTI_SEGMENT] = cases[i].multi,
                                       [TC_DECODE_QUERY] = cases[i].query};
        struct guard g = guard_copy(cases[i].in);
        for (int mode = 0; mode < 3; mode++) {
            struct arena a;
            struct str out = STR_NONE;
            arena_init(&a, 256, 4096);
            bool ok = tc_percent_decode(g.s, (enum tc_decode_mode)mode, &a, &out);
            if (ok != (expected[mode].p != NULL) || (ok && !str_eq(out, expected[mode])))
                fail_msg("case %zu mode %d: %d %.*s", i, mode, ok, STR_ARG(out));
            arena_release(&a);
        }
        guard_release(&g);
    }
}

static void percent_gives_the_input_back_when_nothing_changes(void **state)
{
    struct arena a = {0};
    struct str in = STR("a+b/c"), out;

    (void)state;
    assert_true(tc_percent_decode(in, TC_DECODE_SEGMENT, &a, &out));
    assert_true(out.p == in.p && out.n == in.n);
}

static bool decode_once(void *arg)
{
    struct arena a;
    struct str out;

    (void)arg;
    arena_init(&a, 256, 4096);
    bool ok = tc_percent_decode(STR("a%20b"), TC_DECODE_SEGMENT, &a, &out);
    arena_release(&a);
    return ok;
}

static void percent_reports_every_failing_allocation(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(decode_once, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_decodes_once_by_place),
        cmocka_unit_test(percent_gives_the_input_back_when_nothing_changes),
        cmocka_unit_test(percent_reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
