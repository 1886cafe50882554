#include "transcoder/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "transcoder/scan.h"
#include "transcoder/utf8.h"

#define U_FFFD "\xef\xbf\xbd"

struct pair {
    struct str in, out;
};

static void expect(bool (*codec)(struct buf *, struct str), const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct guard g = guard_copy(pairs[i].in);
        struct buf out;
        buf_init(&out, pairs[i].out.n); /* exactly enough */
        assert_true(codec(&out, g.s));
        if (!str_eq(buf_str(&out), pairs[i].out))
            fail_msg("case %zu: %.*s", i, STR_ARG(buf_str(&out)));
        buf_release(&out);
        for (size_t max = 0; max < pairs[i].out.n; max++) {
            buf_init(&out, max);
            assert_false(codec(&out, g.s));
            assert_int_equal(out.n, 0);
            buf_release(&out);
        }
        guard_release(&g);
    }
}

static void json_string_escapes_what_rfc8259_asks_and_repairs_utf8(void **state)
{
    static const struct pair pairs[] = {
        {STR_INIT(""), STR_INIT("\"\"")},
        {STR_INIT("a"), STR_INIT("\"a\"")},
        {STR_INIT("\"\\/<>&'\x7f"), STR_INIT("\"\\\"\\\\/<>&'\x7f\"")},
        {STR_INIT("\b\t\n\v\f\r"), STR_INIT("\"\\b\\t\\n\\u000b\\f\\r\"")},
        {STR_INIT("\0\x01\x1f"), STR_INIT("\"\\u0000\\u0001\\u001f\"")},
        {STR_INIT("\xe2\x80\xa8\xe2\x80\xa9"), STR_INIT("\"\xe2\x80\xa8\xe2\x80\xa9\"")},
        {STR_INIT("0123456789abcdef"), STR_INIT("\"0123456789abcdef\"")},
        {STR_INIT("0123456789abcde\"f"), STR_INIT("\"0123456789abcde\\\"f\"")},
        {STR_INIT("0123456789abcdef\xc3\xa4"
                  "0123456789abcdef0"),
         STR_INIT("\"0123456789abcdef\xc3\xa4"
                  "0123456789abcdef0\"")},
        {STR_INIT("\xf0\x9f\x98\x80\xf0\x9f\x98"), STR_INIT("\"\xf0\x9f\x98\x80" U_FFFD "\"")},
        {STR_INIT("\xff"), STR_INIT("\"" U_FFFD "\"")},
        {STR_INIT("a\x80\x80z"), STR_INIT("\"a" U_FFFD U_FFFD "z\"")},
        {STR_INIT("\xe2\x82z"), STR_INIT("\"" U_FFFD "z\"")},
        {STR_INIT("\xe2\x82\"\xc3"), STR_INIT("\"" U_FFFD "\\\"" U_FFFD "\"")},
        {STR_INIT("\xed\xa0\x80"), STR_INIT("\"" U_FFFD U_FFFD U_FFFD "\"")},
    };
    (void)state;
    expect(tc_json_string, pairs, sizeof pairs / sizeof *pairs);
}

/* The straightforward writer that tc_json_string must equal. */
static size_t put_naively(char *to, struct str front, bool valid)
{
    static const char *const named[0x20] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    unsigned char c = (unsigned char)front.p[0];

    if (c == '"' || c == '\\')
        return (size_t)snprintf(to, 8, "\\%c", c);
    if (c < 0x20)
        return (size_t)(named[c] ? snprintf(to, 8, "%s", named[c]) : snprintf(to, 8, "\\u%04x", c));
    if (!valid)
        front = STR(U_FFFD);
    memcpy(to, front.p, front.n);
    return front.n;
}

static size_t json_naively(char *to, struct str s)
{
    size_t n = 0;

    to[n++] = '"';
    while (s.n) {
        int step = tc_utf8_step(s.p, s.n);
        size_t length = (size_t)(step < 0 ? -step : step);
        n += put_naively(to + n, str_of(s.p, length), step > 0);
        s = str_skip(s, length);
    }
    to[n++] = '"';
    return n;
}

static void json_string_equals_the_naive_writer_on_random_text(void **state)
{
    static const char alphabet[] = "abcdefghij\"\\\n\x01\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xff";
    char text[80], naive[80 * 6 + 8];
    uint32_t random = 7;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t n = (random >> 8) % sizeof text;
        size_t letters = round % 2 ? 10 : sizeof alphabet - 1;
        for (size_t i = 0; i < n; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = alphabet[random >> 16 & 15 ? random / 65536 / 16 % letters
                                                 : random / 65536 / 16 % (sizeof alphabet - 1)];
        }
        struct buf out;
        buf_init(&out, sizeof naive);
        assert_true(tc_json_string(&out, str_of(text, n)));
        assert_true(str_eq(buf_str(&out), str_of(naive, json_naively(naive, str_of(text, n)))));
        buf_release(&out);
    }
}

static void json_string_appends(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 9);
    assert_true(buf_add(&out, STR("{")) && tc_json_string(&out, STR("a")) &&
                tc_json_string(&out, STR("b")));
    assert_false(tc_json_string(&out, STR("\x01")));
    assert_true(str_eq(buf_str(&out), STR("{\"a\"\"b\"")));
    buf_release(&out);
}

static void scan_finds_each_byte_that_is_not_plain_at_each_place(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 40; n++) {
        char text[40];
        memset(text, 'x', sizeof text);
        struct guard g = guard_copy(str_of(text, n));
        assert_int_equal(tc_scan_plain(g.s.p, n), n);
        assert_int_equal(tc_scan_ascii(g.s.p, n), n);
        for (size_t at = 0; at < n; at++) {
            char *p = (char *)g.map + (g.s.p - (char *)g.map) + at;
            for (int c = 0; c < 256; c++) {
                bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
                *p = (char)c;
                assert_int_equal(tc_scan_plain(g.s.p, n), plain ? n : at);
                assert_int_equal(tc_scan_ascii(g.s.p, n), c < 0x80 ? n : at);
            }
            *p = 'x';
        }
        guard_release(&g);
    }
}

/* Every stop at every place of a text that ends, and whose copy ends, at an unreadable page. */
static void json_copy_stops_at_what_may_not_stay(void **state)
{
    static const struct {
        struct str text;
        size_t kept;
    } cases[] = {
        {STR_INIT("a"), 1},
        {STR_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 9},
        {STR_INIT("\""), 0},
        {STR_INIT("\\"), 0},
        {STR_INIT("\n"), 0},
        {STR_INIT("\x7f\x80"), 1},
        {STR_INIT("\xc3"), 0},
        {STR_INIT("\xc3\xa9\xe2\x82"), 2},
        {STR_INIT("\xe2\x82\xac\xed\xa0\x80z"), 3},
        {STR_INIT("\xf0\x9f\x98"), 0},
        {STR_INIT("\xf4\x90\x80\x80 and more"), 0},
    };
    char text[80];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t before = 0; before < 40; before++) {
            memset(text, 'x', before);
            memcpy(text + before, cases[i].text.p, cases[i].text.n);
            struct guard from = guard_copy(str_of(text, before + cases[i].text.n));
            struct guard to = guard_copy(from.s);
            char *copy = (char *)(uintptr_t)to.s.p;
            memset(copy, 0, to.s.n);
            assert_int_equal(tc_json_copy(copy, from.s), before + cases[i].kept);
            assert_memory_equal(copy, from.s.p, before + cases[i].kept);
            guard_release(&from);
            guard_release(&to);
        }
    }
}

static void grpc_message_encodes_what_a_header_cannot_carry(void **state)
{
    static const struct pair pairs[] = {
        {STR_INIT(""), STR_INIT("")},
        {STR_INIT(" ~abc"), STR_INIT(" ~abc")},
        {STR_INIT("100%\r\n"), STR_INIT("100%25%0D%0A")},
        {STR_INIT("\xc3\xa4\x7f\0"), STR_INIT("%C3%A4%7F%00")},
    };
    (void)state;
    expect(tc_grpc_message_encode, pairs, sizeof pairs / sizeof *pairs);
}

static void grpc_message_decoding_keeps_broken_escapes(void **state)
{
    static const struct pair pairs[] = {
        {STR_INIT(""), STR_INIT("")},           {STR_INIT("a%20b%c3%A4"), STR_INIT("a b\xc3\xa4")},
        {STR_INIT("100%"), STR_INIT("100%")},   {STR_INIT("%4"), STR_INIT("%4")},
        {STR_INIT("%zz%41"), STR_INIT("%zzA")}, {STR_INIT("%%41"), STR_INIT("%A")},
        {STR_INIT("%2525"), STR_INIT("%25")},   {STR_INIT("\xff%g0"), STR_INIT("\xff%g0")},
    };
    (void)state;
    expect(tc_grpc_message_decode, pairs, sizeof pairs / sizeof *pairs);
}

static bool write_all(void *arg)
{
    struct buf out;

    (void)arg;
    buf_init(&out, 100000);
    bool ok = tc_json_string(&out, STR("abc"));
    for (int i = 0; ok && i < 100; i++)
        ok = tc_json_string(&out, STR("\x01\x01\x01\x01\x01\x01\x01\x01")) &&
             tc_grpc_message_encode(&out, STR("%%")) && tc_grpc_message_decode(&out, STR("%25"));
    buf_release(&out);
    return ok;
}

static void text_reports_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(failmalloc_each(write_all, NULL) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_string_escapes_what_rfc8259_asks_and_repairs_utf8),
        cmocka_unit_test(json_string_equals_the_naive_writer_on_random_text),
        cmocka_unit_test(json_string_appends),
        cmocka_unit_test(scan_finds_each_byte_that_is_not_plain_at_each_place),
        cmocka_unit_test(json_copy_stops_at_what_may_not_stay),
        cmocka_unit_test(grpc_message_encodes_what_a_header_cannot_carry),
        cmocka_unit_test(grpc_message_decoding_keeps_broken_escapes),
        cmocka_unit_test(text_reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
