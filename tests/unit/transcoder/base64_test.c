#include "transcoder/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"

static void base64_decodes_both_alphabets_padded_or_not(void **state)
{
    static const struct {
        struct str text, bytes;
    } cases[] = {
        {STR_INIT(""), STR_INIT("")},
        {STR_INIT("Zg=="), STR_INIT("f")},
        {STR_INIT("Zg"), STR_INIT("f")},
        {STR_INIT("Zm8="), STR_INIT("fo")},
        {STR_INIT("Zm8"), STR_INIT("fo")},
        {STR_INIT("Zm9v"), STR_INIT("foo")},
        {STR_INIT("Zm9vYmFy"), STR_INIT("foobar")},
        {STR_INIT("+/+/"), STR_INIT("\xfb\xff\xbf")},
        {STR_INIT("-_-_"), STR_INIT("\xfb\xff\xbf")},
        {STR_INIT("-_8="), STR_INIT("\xfb\xff")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i].text);
        struct buf out;
        size_t bad = 99;
        buf_init(&out, cases[i].bytes.n); /* the ceiling need not have more room */
        assert_true(tc_base64_decode(&out, g.s, &bad));
        assert_true(str_eq(buf_str(&out), cases[i].bytes));
        buf_release(&out);
        guard_release(&g);
    }
}

static void base64_says_where_it_is_wrong(void **state)
{
    static const struct {
        struct str text;
        size_t bad;
    } cases[] = {
        {STR_INIT("A"), 0},
        {STR_INIT("AAAAA"), 4},
        {STR_INIT("AA*A"), 2},
        {STR_INIT("AAAA\0AAA"), 4},
        {STR_INIT("AA\xff"
                  "A"),
         2},
        {STR_INIT("+AA_"), 3},
        {STR_INIT("-A+A"), 2},
        {STR_INIT("AA A"), 2},
        {STR_INIT("AAA=="), 3},
        {STR_INIT("AA="), 2},
        {STR_INIT("A==="), 1},
        {STR_INIT("AAAA="), 4},
        {STR_INIT("AAAA=="), 4},
        {STR_INIT("AAAA===="), 4},
        {STR_INIT("="), 0},
        {STR_INIT("===="), 0},
        {STR_INIT("AA==AAAA"), 2},
        {STR_INIT("AA=A"), 2},
        {STR_INIT("AAAA\n"), 4},
        {STR_INIT("*"), 0},
        {STR_INIT("AAAAAAA*"), 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i].text);
        struct buf out;
        size_t bad = 99;
        buf_init(&out, 100);
        assert_false(tc_base64_decode(&out, g.s, &bad));
        if (bad != cases[i].bad)
            fail_msg("case %zu: offset %zu instead of %zu", i, bad, cases[i].bad);
        assert_int_equal(out.n, 0);
        buf_release(&out);
        guard_release(&g);
    }
}

static void base64_survives_a_round_trip_at_every_length(void **state)
{
    unsigned char bytes[300];
    uint32_t random = 1;

    (void)state;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct buf text, back;
        size_t bad;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
        struct guard g = guard_copy(str_of((const char *)bytes, n));
        buf_init(&text, (n + 2) / 3 * 4);
        buf_init(&back, n);
        assert_true(tc_base64_encode(&text, g.s));
        assert_int_equal(text.n, (n + 2) / 3 * 4);
        assert_true(tc_base64_decode(&back, buf_str(&text), &bad));
        assert_true(str_eq(buf_str(&back), g.s));
        buf_release(&text);
        buf_release(&back);
        guard_release(&g);
    }
}

static void base64_encodes_as_rfc4648(void **state)
{
    static const char *const text[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

    (void)state;
    for (size_t n = 0; n <= 6; n++) {
        struct buf out;
        buf_init(&out, 100);
        assert_true(tc_base64_encode(&out, str_of("foobar", n)));
        assert_true(str_eq(buf_str(&out), str_c(text[n])));
        buf_release(&out);
    }
}

static void base64_reports_a_full_buffer(void **state)
{
    struct buf out;
    size_t bad = 0;

    (void)state;
    buf_init(&out, 5);
    assert_false(tc_base64_encode(&out, STR("four")));
    assert_false(tc_base64_decode(&out, STR("Zm9vYmFy"), &bad));
    assert_int_equal(bad, 8);
    assert_int_equal(out.n, 0);
    buf_release(&out);
}

static bool encode_and_decode(void *arg)
{
    struct buf text, back;
    size_t bad;

    (void)arg;
    buf_init(&text, 100);
    buf_init(&back, 100);
    bool ok = tc_base64_encode(&text, STR("foo")) && tc_base64_decode(&back, buf_str(&text), &bad);
    buf_release(&text);
    buf_release(&back);
    return ok;
}

static void base64_reports_every_failing_allocation(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(encode_and_decode, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_decodes_both_alphabets_padded_or_not),
        cmocka_unit_test(base64_says_where_it_is_wrong),
        cmocka_unit_test(base64_survives_a_round_trip_at_every_length),
        cmocka_unit_test(base64_encodes_as_rfc4648),
        cmocka_unit_test(base64_reports_a_full_buffer),
        cmocka_unit_test(base64_reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
