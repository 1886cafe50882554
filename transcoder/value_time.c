#include "transcoder/value_internal.h"
#include "transcoder/wire.h"

/* Timestamp and Duration (google/protobuf/timestamp.proto, duration.proto): both are seconds = 1
 * and nanos = 2. */

#define DURATION_MAX INT64_C(315576000000)

static enum tc_status put_time(struct buf *out, int64_t seconds, int64_t nanos)
{
    char p[2 * (1 + 10)];
    size_t n = 0;

    if (seconds) {
        p[n++] = 1 << 3 | TC_VARINT;
        n += tc_varint_put(p + n, (uint64_t)seconds);
    }
    if (nanos) {
        p[n++] = 2 << 3 | TC_VARINT;
        n += tc_varint_put(p + n, (uint64_t)nanos);
    }
    return buf_add(out, str_of(p, n)) ? TC_OK : tc_value_full(out, n);
}

static bool take(struct str *rest, char c)
{
    if (!rest->n || *rest->p != c)
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

/* Exactly `n` digits. */
static bool take_number(struct str *rest, size_t n, int64_t *v)
{
    uint64_t u;

    if (rest->n < n || !str_to_u64(str_of(rest->p, n), INT64_MAX, &u))
        return false;
    *v = (int64_t)u;
    *rest = str_skip(*rest, n);
    return true;
}

static size_t count_digits(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* ".5" as nanoseconds: one to nine digits, or no fraction at all. */
static bool take_fraction(struct str *rest, int64_t *nanos)
{
    size_t n;

    *nanos = 0;
    if (!take(rest, '.'))
        return true;
    n = count_digits(*rest);
    if (n > 9 || !take_number(rest, n, nanos))
        return false;
    for (; n < 9; n++)
        *nanos *= 10;
    return true;
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar, whose years are counted from
 * March on, so that the leap day is a year's last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    int64_t leap_days = y / 4 - y / 100 + y / 400;

    return y * 365 + leap_days + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(struct str *rest, int64_t *days)
{
    int64_t year, month, day;

    if (!take_number(rest, 4, &year) || !take(rest, '-') || !take_number(rest, 2, &month) ||
        !take(rest, '-') || !take_number(rest, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *days = days_of(year, month, day);
    return true;
}

static bool take_clock(struct str *rest, int64_t *seconds)
{
    int64_t hour, minute, second;

    if (!take_number(rest, 2, &hour) || !take(rest, ':') || !take_number(rest, 2, &minute) ||
        !take(rest, ':') || !take_number(rest, 2, &second))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60;
}

/* "Z", or how far local time is ahead of UTC. */
static bool take_zone(struct str *rest, int64_t *ahead)
{
    int64_t hour, minute, sign;

    *ahead = 0;
    if (take(rest, 'Z'))
        return true;
    sign = take(rest, '-') ? -1 : 1;
    if (sign > 0 && !take(rest, '+'))
        return false;
    if (!take_number(rest, 2, &hour) || !take(rest, ':') || !take_number(rest, 2, &minute))
        return false;
    *ahead = sign * (hour * 3600 + minute * 60);
    return hour < 24 && minute < 60;
}

enum tc_status tc_value_timestamp(struct buf *out, struct str text, char *why)
{
    const int64_t first = days_of(1, 1, 1) * 86400, last = days_of(10000, 1, 1) * 86400 - 1;
    struct str rest = text;
    int64_t days, clock, nanos, ahead, seconds;

    if (!take_date(&rest, &days) || !take(&rest, 'T') || !take_clock(&rest, &clock) ||
        !take_fraction(&rest, &nanos) || !take_zone(&rest, &ahead) || rest.n)
        return tc_value_wrong(why, "\"%.*s\" is not a time like \"2001-02-03T04:05:06.789Z\"",
                              TC_VALUE_SHOW(text));
    seconds = days * 86400 + clock - ahead;
    if (seconds < first || seconds > last)
        return tc_value_wrong(why, "\"%.*s\" is not within the years 0001 to 9999 (UTC)",
                              TC_VALUE_SHOW(text));
    return put_time(out, seconds, nanos);
}

enum tc_status tc_value_duration(struct buf *out, struct str text, char *why)
{
    struct str rest = text;
    int64_t sign = take(&rest, '-') ? -1 : 1, seconds, nanos;
    size_t digits = count_digits(rest);
    struct str whole = str_of(rest.p, digits);
    uint64_t u = 0;

    rest = str_skip(rest, digits);
    if (!digits || !take_fraction(&rest, &nanos) || !take(&rest, 's') || rest.n)
        return tc_value_wrong(why, "\"%.*s\" is not a duration like \"1.5s\"", TC_VALUE_SHOW(text));
    if (!str_to_u64(whole, DURATION_MAX, &u))
        return tc_value_wrong(why, "\"%.*s\" is longer than 315576000000 seconds (10,000 years)",
                              TC_VALUE_SHOW(text));
    seconds = sign * (int64_t)u;
    return put_time(out, seconds, sign * nanos);
}
