#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void sums_stay_in_range(void **state)
{
    static const struct eval_row rows[] = {
        {"now + duration('1h')", "timestamp(\"2026-01-02T04:04:05.006Z\")"},
        {"duration('1h') + now", "timestamp(\"2026-01-02T04:04:05.006Z\")"},
        {"now - duration('6ms')", "timestamp(\"2026-01-02T03:04:05Z\")"},
        {"now - timestamp('2026-01-02T03:04:00Z')", "duration(\"5.006s\")"},
        {"timestamp('2026-01-02T03:04:00Z') - now", "duration(\"-5.006s\")"},
        {"duration('1.5s') + duration('500ms')", "duration(\"2s\")"},
        {"duration('1s') - duration('1500ms')", "duration(\"-0.5s\")"},
        {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: timestamp out of range"},
        {"timestamp('0001-01-01T00:00:00Z') - duration('1ns')", "error: timestamp out of range"},
        {"duration('315576000000s') + duration('1s')", "error: duration out of range"},
    };
    EVAL_ROWS(*state, rows);
}

static void texts_become_timestamps(void **state)
{
    static const struct eval_row rows[] = {
        {"timestamp('2024-02-29T12:00:00Z')", "timestamp(\"2024-02-29T12:00:00Z\")"},
        {"timestamp('2023-02-29T12:00:00Z')", "error: \"2023-02-29T12:00:00Z\" is no timestamp"},
        {"timestamp('2024-01-01T00:00:00+01:30')", "timestamp(\"2023-12-31T22:30:00Z\")"},
        {"timestamp('2024-01-01T00:00:00.123456789Z')",
         "timestamp(\"2024-01-01T00:00:00.123456789Z\")"},
        {"timestamp('2024-01-01')", "error: \"2024-01-01\" is no timestamp"},
        {"timestamp('2024-13-01T00:00:00Z')", "error: \"2024-13-01T00:00:00Z\" is no timestamp"},
        {"timestamp('0000-01-01T00:00:00Z')", "error: timestamp out of range"},
        {"timestamp('10000-01-01T00:00:00Z')", "error: timestamp out of range"},
        {"timestamp(253402300799)", "timestamp(\"9999-12-31T23:59:59Z\")"},
        {"timestamp(253402300800)", "error: timestamp out of range"},
        {"timestamp(-62135596800)", "timestamp(\"0001-01-01T00:00:00Z\")"},
    };
    EVAL_ROWS(*state, rows);
}

static void texts_become_durations(void **state)
{
    static const struct eval_row rows[] = {
        {"duration('1h30m10.5s')", "duration(\"5410.5s\")"},
        {"duration('-1.5h')", "duration(\"-5400s\")"},
        {"duration('100us')", "duration(\"0.0001s\")"},
        {"duration('0')", "duration(\"0s\")"},
        {"duration('1')", "error: \"1\" is no duration"},
        {"duration('')", "error: \"\" is no duration"},
        {"duration('1x')", "error: \"1x\" is no duration"},
        {"duration('.s')", "error: \".s\" is no duration"},
        {"duration('99999999999999999999h')", "error: duration out of range"},
        {"duration('9223372036854775807h')", "error: duration out of range"},
        {"duration('315576000001s')", "error: duration out of range"},
    };
    EVAL_ROWS(*state, rows);
}

static void accessors_count_from_where_the_specification_does(void **state)
{
    static const struct eval_row rows[] = {
        {"now.getFullYear()", "2026"},
        {"now.getMonth()", "0"},
        {"now.getDate()", "2"},
        {"now.getDayOfMonth()", "1"},
        {"now.getDayOfWeek()", "5"},
        {"now.getDayOfYear()", "1"},
        {"now.getHours()", "3"},
        {"now.getMinutes()", "4"},
        {"now.getSeconds()", "5"},
        {"now.getMilliseconds()", "6"},
        {"timestamp('1969-12-31T23:59:59Z').getDayOfWeek()", "3"},
        {"timestamp('2024-12-31T00:00:00Z').getDayOfYear()", "365"},
        {"duration('3730.5s').getHours()", "1"},
        {"duration('3730.5s').getMinutes()", "62"},
        {"duration('3730.5s').getSeconds()", "3730"},
        {"duration('3730.5s').getMilliseconds()", "500"},
    };
    EVAL_ROWS(*state, rows);
}

static void zones_are_utc_and_offsets(void **state)
{
    static const struct eval_row rows[] = {
        {"now.getHours('UTC')", "3"},
        {"now.getHours('+11:00')", "14"},
        {"now.getDate('-09:30')", "1"},
        {"now.getHours('02:00')", "5"},
        {"now.getMinutes('-00:30')", "34"},
        {"now.getHours('Europe/Berlin')", "error: \"Europe/Berlin\" is no time zone known here"},
        {"now.getHours('+25:00')", "error: \"+25:00\" is no time zone known here"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_stay_in_range),
        cmocka_unit_test(texts_become_timestamps),
        cmocka_unit_test(texts_become_durations),
        cmocka_unit_test(accessors_count_from_where_the_specification_does),
        cmocka_unit_test(zones_are_utc_and_offsets),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
