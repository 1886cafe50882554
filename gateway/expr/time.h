/* Timestamps and durations: calendar and text. Pure. The calendar is the proleptic Gregorian one
 * without leap seconds, as protobuf's. */
#pragma once

#include "gateway/expr/value.h"

#define EXPR_TIMESTAMP_FIRST INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define EXPR_TIMESTAMP_LAST INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */
#define EXPR_DURATION_MAX INT64_C(315576000000)    /* seconds, either way; any nanos may follow */

enum { EXPR_TIME_TEXT_MAX = 48 };

struct expr_calendar {
    int32_t year, month, day; /* month and day count from 1 */
    int32_t weekday;          /* 0: Sunday */
    int32_t yearday;          /* from 0 */
    int32_t hour, minute, second;
};

bool expr_timestamp_fits(struct expr_time t);
bool expr_duration_fits(struct expr_time t);
/* `nanos` brought into their range: [0, 1e9) for a timestamp, one sign with the seconds for a
 * duration. False: overflow. */
bool expr_timestamp_norm(int64_t seconds, int64_t nanos, struct expr_time *out);
bool expr_duration_norm(int64_t seconds, int64_t nanos, struct expr_time *out);
int expr_time_cmp(struct expr_time a, struct expr_time b);

struct expr_calendar expr_calendar_of(int64_t seconds);

/* RFC 3339 ("2009-02-13T23:31:30.5+01:00"); "1h30m", "-1.5s", "100ms" ... False: no such text, or
 * out of range, which *range says. */
bool expr_timestamp_parse(struct str s, struct expr_time *out, bool *range);
bool expr_duration_parse(struct str s, struct expr_time *out, bool *range);
/* "UTC", "+11:00", "-02:30", "02:00": seconds east of Greenwich. */
bool expr_zone_parse(struct str s, int64_t *seconds);
/* To `out` (EXPR_TIME_TEXT_MAX); the length. */
size_t expr_timestamp_print(char *out, struct expr_time t);
size_t expr_duration_print(char *out, struct expr_time t);
