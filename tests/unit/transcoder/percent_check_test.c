#include "transcoder/percent_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"
#include "transcoder/bind.h"

static void whole_escapes_of_utf8_without_nul_are_valid(void **state)
{
    static const char *const valid[] = {
        "",       "a",       "%41",     "a%2Fb%2fc",  "%25zz",         "\xc3\xa9",
        "%C3%A9", "\xc3%a9", "%C3\xa9", "%E2%82\xac", "%F0%9F%92%A9x", "%F4%8F%BF%BF",
        "%7F%01", "\x7f",    "+",
    };

    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct guard g = guard_copy(str_c(valid[i]));
        if (!tc_percent_valid(g.s))
            fail_msg("%s", valid[i]);
        guard_release(&g);
    }
}

static void broken_escapes_other_bytes_and_nul_are_not(void **state)
{
    static const struct str invalid[] = {
        STR_INIT("%"),
        STR_INIT("a%"),
        STR_INIT("%4"),
        STR_INIT("%4g"),
        STR_INIT("%g4"),
        STR_INIT("%%41"),
        STR_INIT("%00"),
        STR_INIT("a\0b"),
        STR_INIT("%80"),
        STR_INIT("\xff"),
        STR_INIT("%C3"),
        STR_INIT("%C3%"),
        STR_INIT("%C3x"),
        STR_INIT("%C3/%A9"),
        STR_INIT("%C0%AE"),
        STR_INIT("%E0%80%AF"),
        STR_INIT("%ED%A0%80"),
        STR_INIT("%F4%90%80%80"),
        STR_INIT("%F8%88%80%80%80"),
        STR_INIT("%E2%82"),
        STR_INIT("\xe2\x82"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        struct guard g = guard_copy(invalid[i]);
        if (tc_percent_valid(g.s))
            fail_msg("%.*s", STR_ARG(invalid[i]));
        guard_release(&g);
    }
}

static void the_verdict_is_that_of_decoding(void **state)
{
    static const char digits[] = "08aFfCcEe9%x\xc3\xa9";
    uint32_t seed = 1;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        char text[12];
        struct str s = {text, 0}, decoded;
        struct arena a;
        arena_init(&a, 256, 4096);
        while (s.n < sizeof text) {
            seed = seed * 1664525 + 1013904223;
            text[s.n] = s.n % 3 == 0 ? '%' : digits[(seed >> 16) % (sizeof digits - 1)];
            s.n++;
        }
        bool ok = tc_percent_decode(s, TC_DECODE_SEGMENT, &a, &decoded);
        assert_true(tc_percent_valid(s) == (ok && str_find(decoded, '\0') == decoded.n));
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_escapes_of_utf8_without_nul_are_valid),
        cmocka_unit_test(broken_escapes_other_bytes_and_nul_are_not),
        cmocka_unit_test(the_verdict_is_that_of_decoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
