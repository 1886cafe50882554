#include "transcoder/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"
#include "transcoder/text.h"

/* partial: what tc_utf8_partial says of the text at its end. */
static const struct {
    struct str text;
    bool valid;
    int partial;
} cases[] = {
    {STR_INIT(""), true, 0},
    {STR_INIT("plain"), true, 0},
    {STR_INIT("\0\x7f"), true, 0},
    {STR_INIT("\xc2\x80\xdf\xbf"), true, 0},
    {STR_INIT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), true, 0},
    {STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), true, 0},
    {STR_INIT("0123456789abcdef0123456789abcde\xf0\x9f\x98\x80z"), true, 0},
    {STR_INIT("\x80"), false, -1}, /* continuation alone */
    {STR_INIT("a\xbf"), false, -1},
    {STR_INIT("\xc0\x80"), false, -1}, /* overlong */
    {STR_INIT("\xc1\xbf"), false, -1},
    {STR_INIT("\xe0\x9f\xbf"), false, -1},
    {STR_INIT("\xe0\x80"), false, -1},
    {STR_INIT("\xf0\x8f\xbf\xbf"), false, -1},
    {STR_INIT("\xed\xa0\x80"), false, -1}, /* surrogates */
    {STR_INIT("\xed\xbf\xbf"), false, -1},
    {STR_INIT("\xed\xa0"), false, -1},
    {STR_INIT("\xf4\x90\x80\x80"), false, -1}, /* above U+10FFFF */
    {STR_INIT("\xf5"), false, -1},
    {STR_INIT("\xff"), false, -1},
    {STR_INIT("\xc3z"), false, -1}, /* cut in the middle */
    {STR_INIT("\xe2\x82z"), false, -1},
    {STR_INIT("\xe2\x82\xe2\x82\xac"), false, -1},
    {STR_INIT("\xc3"), false, 1}, /* cut at the end */
    {STR_INIT("ab\xe2"), false, 1},
    {STR_INIT("ab\xe2\x82"), false, 2},
    {STR_INIT("\xf0\x9f\x98"), false, 3},
    {STR_INIT("\xf0\x9f"), false, 2},
    {STR_INIT("\xf4"), false, 1},
    {STR_INIT("0123456789abcdef0123456789abcde\xf0\x9f\x98"), false, 3},
    {STR_INIT("0123456789abcdef0123456789\xff"
              "abcde"),
     false, -1},
};

static void utf8_is_judged_by_rfc3629(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i].text);
        assert_int_equal(tc_utf8_valid(g.s), cases[i].valid);
        assert_int_equal(tc_utf8_partial(g.s), cases[i].partial);
        guard_release(&g);
    }
}

/* RFC 3629's grammar by arithmetic instead of ranges: decode, then look at the value. */
static bool decodes(const unsigned char *p, size_t n, size_t *length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80       ? 1
                 : p[0] >> 5 == 6  ? 2
                 : p[0] >> 4 == 14 ? 3
                 : p[0] >> 3 == 30 ? 4
                                   : 0;
    uint32_t v = len > 1 ? p[0] & (0x7fu >> len) : p[0];

    if (len == 0 || len > n)
        return false;
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return false;
        v = v << 6 | (p[i] & 0x3f);
    }
    *length = len;
    return v >= least[len] && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff);
}

static bool valid_naively(const unsigned char *p, size_t n)
{
    size_t length;

    for (size_t i = 0; i < n; i += length) {
        if (!decodes(p + i, n - i, &length))
            return false;
    }
    return true;
}

static void utf8_agrees_with_arithmetic_on_all_interesting_quadruples(void **state)
{
    static const unsigned char bytes[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                          0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                          0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    enum { N = sizeof bytes };

    (void)state;
    for (size_t i = 0; i < (size_t)N * N * N * N; i++) {
        unsigned char p[] = {bytes[i % N], bytes[i / N % N], bytes[i / N / N % N],
                             bytes[i / N / N / N]};
        bool valid = tc_utf8_valid(str_of((const char *)p, 4));
        if (valid != valid_naively(p, 4))
            fail_msg("%02x %02x %02x %02x judged %d", p[0], p[1], p[2], p[3], valid);
    }
}

static void utf8_partial_plus_the_rest_is_whole(void **state)
{
    struct str text = STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");

    (void)state;
    for (size_t n = 0; n <= text.n; n++) {
        int cut = tc_utf8_partial(str_of(text.p, n));
        assert_true(cut >= 0 && cut <= 3);
        assert_true(tc_utf8_valid(str_of(text.p, n - (size_t)cut)));
        assert_true(tc_utf8_valid(str_skip(text, n - (size_t)cut)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_judged_by_rfc3629),
        cmocka_unit_test(utf8_agrees_with_arithmetic_on_all_interesting_quadruples),
        cmocka_unit_test(utf8_partial_plus_the_rest_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
