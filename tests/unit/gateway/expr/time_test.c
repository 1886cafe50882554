#include "gateway/expr/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

/* The C library's calendar over all years that a timestamp may have. */
static void the_calendar_is_that_of_the_library(void **state)
{
    (void)state;
    for (int64_t s = EXPR_TIMESTAMP_FIRST; s <= EXPR_TIMESTAMP_LAST; s += 86400 * 13 + 3607) {
        struct expr_calendar c = expr_calendar_of(s);
        struct tm want;
        assert_non_null(gmtime_r(&s, &want));
        assert_int_equal(c.year, want.tm_year + 1900);
        assert_int_equal(c.month, want.tm_mon + 1);
        assert_int_equal(c.day, want.tm_mday);
        assert_int_equal(c.weekday, want.tm_wday);
        assert_int_equal(c.yearday, want.tm_yday);
        assert_int_equal(c.hour, want.tm_hour);
        assert_int_equal(c.minute, want.tm_min);
        assert_int_equal(c.second, want.tm_sec);
    }
}

static void timestamps_are_read_back_as_printed(void **state)
{
    char out[EXPR_TIME_TEXT_MAX];
    (void)state;
    for (int64_t s = EXPR_TIMESTAMP_FIRST; s <= EXPR_TIMESTAMP_LAST; s += 86400 * 131 + 12345) {
        struct expr_time t = {s, (int32_t)(s & 0x3fffffff) % 1000000000}, back;
        bool range;
        struct str text = str_of(out, expr_timestamp_print(out, t));
        assert_true(expr_timestamp_parse(text, &back, &range));
        assert_int_equal(expr_time_cmp(t, back), 0);
    }
}

static void durations_are_read_back_as_printed(void **state)
{
    static const struct expr_time rows[] = {
        {0, 0},           {1, 500000000},
        {-1, -500000000}, {0, -1},
        {0, 1},           {EXPR_DURATION_MAX, 999999999},
        {59, 0},          {-EXPR_DURATION_MAX, -999999999},
    };
    char out[EXPR_TIME_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expr_time back;
        bool range;
        struct str text = str_of(out, expr_duration_print(out, rows[i]));
        assert_true(expr_duration_parse(text, &back, &range));
        assert_int_equal(expr_time_cmp(rows[i], back), 0);
    }
}

/* Every prefix of a text ends at an unreadable page. */
static void cut_texts_are_refused(void **state)
{
    static const struct str texts[] = {STR_INIT("2026-01-02T03:04:05.123456789+01:00"),
                                       STR_INIT("1h2m3.5s4ms5us6ns"), STR_INIT("+11:30")};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t n = 0; n < texts[i].n; n++) {
            struct guard g = guard_copy(str_of(texts[i].p, n));
            struct expr_time t;
            int64_t zone;
            bool range;
            assert_false(expr_timestamp_parse(g.s, &t, &range));
            if (i != 1)
                assert_false(expr_duration_parse(g.s, &t, &range));
            else
                expr_duration_parse(g.s, &t, &range);
            expr_zone_parse(g.s, &zone);
            guard_release(&g);
        }
    }
}

static void parts_are_brought_into_their_range(void **state)
{
    struct expr_time t;
    (void)state;
    assert_true(expr_timestamp_norm(5, -1, &t) && t.seconds == 4 && t.nanos == 999999999);
    assert_true(expr_timestamp_norm(5, 2000000001, &t) && t.seconds == 7 && t.nanos == 1);
    assert_true(expr_duration_norm(1, -1, &t) && t.seconds == 0 && t.nanos == 999999999);
    assert_true(expr_duration_norm(-1, 1, &t) && t.seconds == 0 && t.nanos == -999999999);
    assert_true(expr_duration_norm(-1, -1, &t) && t.seconds == -1 && t.nanos == -1);
    assert_false(expr_timestamp_norm(INT64_MAX, 1000000000, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calendar_is_that_of_the_library),
        cmocka_unit_test(timestamps_are_read_back_as_printed),
        cmocka_unit_test(durations_are_read_back_as_printed),
        cmocka_unit_test(cut_texts_are_refused),
        cmocka_unit_test(parts_are_brought_into_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
