#include "transcoder/value_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/encoding.h"
#include "tests/unit/support/failmalloc.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int load(void **state)
{
    static struct set set;

    set = set_load("kitchen_sink2.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

struct text_case {
    const char *message, *field;
    struct str text;
    const char *hex; /* NULL: refused */
    const char *why; /* a part of the sentence */
};

static void check(const struct set *s, const struct text_case *c, enum tc_text_origin origin)
{
    struct arena a;
    struct buf out;
    char why[TC_ERROR_TEXT_MAX] = "";
    enum tc_status st;

    arena_init(&a, 4096, 1 << 20);
    buf_init(&out, 4096);
    assert_true(buf_add(&out, STR("head")));
    st = tc_value_text(&out, set_field(s, c->message, c->field), c->text, origin, why);
    if (st != (c->hex ? TC_OK : TC_INVALID) || (c->why && !strstr(why, c->why)) ||
        !str_eq(str_skip(buf_str(&out), 4), encoding_hex(&a, c->hex ? c->hex : "")))
        fail_msg("%s \"%.*s\": status %d, %zu bytes, %s", c->field, STR_ARG(c->text), (int)st,
                 out.n - 4, why);
    buf_release(&out);
    arena_release(&a);
}

static void check_all(void **state, const struct text_case *cases, size_t n,
                      enum tc_text_origin origin)
{
    for (size_t i = 0; i < n; i++)
        check(*state, &cases[i], origin);
}

#define TAKES(f, t, h)                          \
    {                                           \
        "kitchen.Sink", f, STR_INIT(t), h, NULL \
    }
#define REFUSES(f, t, w)                        \
    {                                           \
        "kitchen.Sink", f, STR_INIT(t), NULL, w \
    }

static void value_text_takes_parameters_of_every_type(void **state)
{
    static const struct text_case cases[] = {
        TAKES("fDouble", "1.5", "000000000000f83f"),
        TAKES("fDouble", "Infinity", "000000000000f07f"),
        TAKES("fFloat", "-Infinity", "000080ff"),
        TAKES("fInt32", "-1", "ffffffffffffffffff01"),
        TAKES("fInt32", "1e2", "64"),
        TAKES("fInt64", "0", "00"),
        TAKES("fUint32", "4294967295", "ffffffff0f"),
        TAKES("fUint64", "18446744073709551615", "ffffffffffffffffff01"),
        TAKES("fSint32", "-2147483648", "ffffffff0f"),
        TAKES("fSint64", "-1", "01"),
        TAKES("fFixed32", "1", "01000000"),
        TAKES("fFixed64", "1", "0100000000000000"),
        TAKES("fSfixed32", "-1", "ffffffff"),
        TAKES("fSfixed64", "-2", "feffffffffffffff"),
        TAKES("fBool", "true", "01"),
        TAKES("fBool", "false", "00"),
        TAKES("fString", "", "00"),
        TAKES("fString", "a\0b", "03610062"),
        TAKES("fBytes", "AAE", "020001"),
        TAKES("fBytes", "-_-_", "03fbffbf"),
        TAKES("fColor", "RED", "01"),
        TAKES("fColor", "-1", "ffffffffffffffffff01"),
        TAKES("fColor", "77", "4d"),
        TAKES("kNull", "NULL_VALUE", "00"),
        TAKES("wInt64", "5", "020805"),
        TAKES("wInt64", "0", "00"),
        TAKES("wBool", "true", "020801"),
        TAKES("wString", "ab", "040a026162"),
        TAKES("wBytes", "AA", "030a0100"),
        TAKES("kTimestamp", "1970-01-01T00:00:01.5Z",
              "08080110"
              "80cab5ee01"),
        TAKES("kDuration", "-1s", "0b08ffffffffffffffffff01"),
        TAKES("kMask", "aB,c", "080a03615f620a0163"),
        {"kitchen2.Sink2", "level", STR_INIT("10"), "0a", NULL},
    };

    check_all(state, cases, COUNT(cases), TC_TEXT_PARAMETER);
}

static void value_text_refuses_parameters_with_a_sentence(void **state)
{
    static const struct text_case cases[] = {
        REFUSES("fDouble", "", "not a number"),
        REFUSES("fDouble", "1e400", "does not fit a double"),
        REFUSES("fDouble", "inf", "not a number"),
        REFUSES("fInt32", "", "is not a whole number from -2147483648 to 2147483647"),
        REFUSES("fInt32", "1.5", "whole number"),
        REFUSES("fInt32", " 1", "whole number"),
        REFUSES("fInt32", "01", "whole number"),
        REFUSES("fInt32", "2147483648", "whole number"),
        REFUSES("fUint32", "-1", "from 0 to 4294967295"),
        REFUSES("fBool", "1", "not true or false"),
        REFUSES("fBool", "TRUE", "not true or false"),
        REFUSES("fString", "\xff", "UTF-8"),
        REFUSES("fBytes", "A", "not base64"),
        REFUSES("fBytes", "!", "not base64"),
        REFUSES("fColor", "red", "\"red\" is not a name in kitchen.Color"),
        REFUSES("fColor", "2147483648", "whole number"),
        REFUSES("wInt64", "x", "whole number"),
        REFUSES("kTimestamp", "now", "not a time like"),
        REFUSES("kMask", "a_b", "lowerCamelCase"),
        REFUSES("kStruct", "{}", "google.protobuf.Struct cannot be given as one text"),
        REFUSES("fPart", "x", "cannot be given as one text"),
        {"kitchen2.Sink2", "level", STR_INIT("3"), NULL, "kitchen2.Level has no name for 3"},
    };

    check_all(state, cases, COUNT(cases), TC_TEXT_PARAMETER);
}

static void value_text_keeps_json_strings_and_numbers_apart(void **state)
{
    static const struct text_case strings[] = {
        TAKES("fInt32", "5", "05"),
        TAKES("fColor", "RED", "01"),
        REFUSES("fBool", "true", "true or false"),
        REFUSES("fColor", "1", "not a name"),
        REFUSES("fInt32", "5 ", "whole number"),
    };
    static const struct text_case numbers[] = {
        TAKES("fInt32", "5", "05"),
        TAKES("fColor", "5", "05"),
        TAKES("wDouble", "1", "0909000000000000f03f"),
        REFUSES("fString", "5", "expected a string, found a number"),
        REFUSES("fBytes", "5", "expected a string"),
        REFUSES("fBool", "1", "true or false"),
        REFUSES("kDuration", "5", "expected a string"),
        REFUSES("wString", "5", "expected a string"),
    };

    check_all(state, strings, COUNT(strings), TC_TEXT_JSON_STRING);
    check_all(state, numbers, COUNT(numbers), TC_TEXT_JSON_NUMBER);
}

/* Whatever the ceiling: all of the value or none of it. */
static void value_text_leaves_its_output_alone_when_it_is_full(void **state)
{
    static const struct text_case cases[] = {
        TAKES("fDouble", "1", "000000000000f03f"),
        TAKES("fInt32", "-1", "ffffffffffffffffff01"),
        TAKES("fString", "abc", "03616263"),
        TAKES("fBytes", "AAAA", "03000000"),
        TAKES("wString", "ab", "040a026162"),
        TAKES("kTimestamp", "1970-01-01T00:00:01.5Z", "0808011080cab5ee01"),
        TAKES("kMask", "aB,c", "080a03615f620a0163"),
    };
    char why[TC_ERROR_TEXT_MAX];

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct tc_field *f = set_field(*state, "kitchen.Sink", cases[i].field);
        size_t n = strlen(cases[i].hex) / 2;

        for (size_t max = 0; max <= n; max++) {
            struct buf out;

            buf_init(&out, max + 1);
            assert_true(buf_add_char(&out, 'h'));
            assert_int_equal(tc_value_text(&out, f, cases[i].text, TC_TEXT_PARAMETER, why),
                             max < n ? TC_LIMIT : TC_OK);
            assert_int_equal(out.n, max < n ? 1 : n + 1);
            buf_release(&out);
        }
    }
}

static bool long_mask(void *arg)
{
    static char text[400];
    struct str mask = str_of(text, sizeof text);
    char why[TC_ERROR_TEXT_MAX];
    struct buf out;
    enum tc_status st;

    memset(text, 'a', sizeof text);
    buf_init(&out, 4096);
    st = tc_value_text(&out, arg, mask, TC_TEXT_PARAMETER, why);
    assert_true(st == TC_OK || (st == TC_NOMEM && out.n == 0));
    buf_release(&out);
    return st == TC_OK;
}

static void value_text_survives_the_failure_of_any_allocation(void **state)
{
    const struct tc_field *f = set_field(*state, "kitchen.Sink", "kMask");

    assert_true(failmalloc_each(long_mask, (void *)(uintptr_t)f) > 1);
}

/* Every day from 1900 to 2100, and both ends of what a Timestamp may hold, against days counted one
 * by one. */
static void value_text_knows_the_calendar(void **state)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const struct tc_field *f = set_field(*state, "kitchen.Sink", "kTimestamp");
    int64_t day = -25567; /* 1900-01-01 */

    for (int year = 1900; year <= 2100; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        for (int month = 1; month <= 12; month++) {
            int last = days[month - 1] + (month == 2 && leap);

            for (int d = 1; d <= last + 1; d++) {
                char text[32], why[TC_ERROR_TEXT_MAX], want[16] = {0};
                struct buf out;
                struct str t = str_of(text,
                                      (size_t)snprintf(text, sizeof text,
                                                       "%04d-%02d-%02dT00:00:01Z", year, month, d));
                uint64_t seconds = (uint64_t)(day * 86400 + 1);
                size_t n = 2;

                buf_init(&out, 64);
                assert_int_equal(tc_value_text(&out, f, t, TC_TEXT_PARAMETER, why),
                                 d <= last ? TC_OK : TC_INVALID);
                for (want[1] = 0x08; seconds >= 0x80; seconds >>= 7)
                    want[n++] = (char)(seconds | 0x80);
                want[n++] = (char)seconds;
                want[0] = (char)(n - 1);
                if (d <= last) {
                    assert_true(str_eq(buf_str(&out), str_of(want, n)));
                    day++;
                }
                buf_release(&out);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_text_takes_parameters_of_every_type),
        cmocka_unit_test(value_text_refuses_parameters_with_a_sentence),
        cmocka_unit_test(value_text_keeps_json_strings_and_numbers_apart),
        cmocka_unit_test(value_text_leaves_its_output_alone_when_it_is_full),
        cmocka_unit_test(value_text_survives_the_failure_of_any_allocation),
        cmocka_unit_test(value_text_knows_the_calendar),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
