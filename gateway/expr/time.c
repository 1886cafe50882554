#include "gateway/expr/time.h"

#include <stdio.h>

#define NANOS INT64_C(1000000000)

bool expr_timestamp_fits(struct expr_time t)
{
    return t.seconds >= EXPR_TIMESTAMP_FIRST && t.seconds <= EXPR_TIMESTAMP_LAST;
}

bool expr_duration_fits(struct expr_time t)
{
    return t.seconds >= -EXPR_DURATION_MAX && t.seconds <= EXPR_DURATION_MAX;
}

bool expr_timestamp_norm(int64_t seconds, int64_t nanos, struct expr_time *out)
{
    int64_t carry = nanos / NANOS;
    nanos %= NANOS;
    if (nanos < 0) {
        nanos += NANOS;
        carry--;
    }
    out->nanos = (int32_t)nanos;
    return !__builtin_add_overflow(seconds, carry, &out->seconds);
}

bool expr_duration_norm(int64_t seconds, int64_t nanos, struct expr_time *out)
{
    if (!expr_timestamp_norm(seconds, nanos, out))
        return false;
    if (out->seconds < 0 && out->nanos > 0) {
        out->seconds++;
        out->nanos -= (int32_t)NANOS;
    }
    return true;
}

int expr_time_cmp(struct expr_time a, struct expr_time b)
{
    if (a.seconds != b.seconds)
        return a.seconds < b.seconds ? -1 : 1;
    return (a.nanos > b.nanos) - (a.nanos < b.nanos);
}

/* Days since 1970-01-01 of a date; March-based years put the leap day last. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct expr_calendar expr_calendar_of(int64_t seconds)
{
    int64_t days = floor_div(seconds, 86400), clock = seconds - days * 86400;
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    int64_t weekday = (days + 4) % 7;
    return (struct expr_calendar){
        .year = (int32_t)year,
        .month = (int32_t)month,
        .day = (int32_t)(doy - (153 * mp + 2) / 5 + 1),
        .weekday = (int32_t)(weekday < 0 ? weekday + 7 : weekday),
        .yearday = (int32_t)(days - days_of(year, 1, 1)),
        .hour = (int32_t)(clock / 3600),
        .minute = (int32_t)(clock / 60 % 60),
        .second = (int32_t)(clock % 60),
    };
}

static bool take(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

/* Exactly `n` digits, at most `max`. */
static bool take_digits(struct str *s, size_t n, int64_t max, int64_t *out)
{
    uint64_t v;
    if (s->n < n || !str_to_u64(str_of(s->p, n), (uint64_t)max, &v))
        return false;
    *out = (int64_t)v;
    *s = str_skip(*s, n);
    return true;
}

static size_t count_digits(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* What follows a point: nanoseconds, finer digits are dropped. */
static bool take_fraction(struct str *s, int64_t *nanos)
{
    size_t n = count_digits(*s);
    *nanos = 0;
    for (size_t i = 0; i < 9; i++)
        *nanos = *nanos * 10 + (i < n ? s->p[i] - '0' : 0);
    *s = str_skip(*s, n);
    return n > 0;
}

static bool take_date(struct str *s, int64_t *days)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t y, m, d;
    if (!take_digits(s, 4, 9999, &y) || !take(s, '-') || !take_digits(s, 2, 12, &m) ||
        !take(s, '-') || !take_digits(s, 2, 31, &d) || m == 0 || d == 0)
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    *days = days_of(y, m, d);
    return d <= lengths[m - 1] + (m == 2 && leap);
}

static bool take_offset(struct str *s, int64_t *seconds)
{
    int64_t h, m;
    bool west = s->n > 0 && s->p[0] == '-';
    if (!take(s, '-') && !take(s, '+'))
        return false;
    if (!take_digits(s, 2, 23, &h) || !take(s, ':') || !take_digits(s, 2, 59, &m))
        return false;
    *seconds = (h * 3600 + m * 60) * (west ? -1 : 1);
    return true;
}

/* Five digits of a year are well written but out of range. */
static bool is_far_year(struct str s)
{
    return count_digits(s) > 4 && count_digits(s) < 10;
}

bool expr_timestamp_parse(struct str s, struct expr_time *out, bool *range)
{
    int64_t days, h, m, sec, nanos = 0, east = 0;

    *range = is_far_year(s);
    if (!take_date(&s, &days) || !(take(&s, 'T') || take(&s, 't')) || !take_digits(&s, 2, 23, &h) ||
        !take(&s, ':') || !take_digits(&s, 2, 59, &m) || !take(&s, ':') ||
        !take_digits(&s, 2, 59, &sec))
        return false;
    if (take(&s, '.') && !take_fraction(&s, &nanos))
        return false;
    if (!take(&s, 'Z') && !take(&s, 'z') && !take_offset(&s, &east))
        return false;
    *out = (struct expr_time){days * 86400 + h * 3600 + m * 60 + sec - east, (int32_t)nanos};
    *range = !expr_timestamp_fits(*out);
    return s.n == 0 && !*range;
}

bool expr_zone_parse(struct str s, int64_t *seconds)
{
    *seconds = 0;
    if (str_eq(s, STR("UTC")) || str_eq(s, STR("Z")))
        return true;
    if (take_offset(&s, seconds))
        return s.n == 0;
    int64_t h, m;
    if (!take_digits(&s, 2, 23, &h) || !take(&s, ':') || !take_digits(&s, 2, 59, &m))
        return false;
    *seconds = h * 3600 + m * 60;
    return s.n == 0;
}

static bool take_unit(struct str *s, int64_t *nanos)
{
    static const struct {
        struct str name;
        int64_t nanos;
    } units[] = {
        {STR_INIT("ns"), 1},         {STR_INIT("us"), 1000},        {STR_INIT("µs"), 1000},
        {STR_INIT("μs"), 1000},      {STR_INIT("ms"), 1000000},     {STR_INIT("s"), NANOS},
        {STR_INIT("m"), 60 * NANOS}, {STR_INIT("h"), 3600 * NANOS},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (str_starts(*s, units[i].name)) {
            *nanos = units[i].nanos;
            *s = str_skip(*s, units[i].name.n);
            return true;
        }
    }
    return false;
}

/* `v` units and a fraction of one (in thousand millionths), added to the sum. False: too many. */
static bool add_part(struct expr_time *sum, uint64_t v, int64_t fraction, int64_t unit)
{
    int64_t seconds, nanos = 0;
    if (v > INT64_MAX)
        return false;
    if (unit >= NANOS) {
        if (__builtin_mul_overflow((int64_t)v, unit / NANOS, &seconds))
            return false;
        nanos = fraction * (unit / NANOS);
    } else {
        seconds = (int64_t)v / (NANOS / unit);
        nanos = (int64_t)v % (NANOS / unit) * unit + fraction / (NANOS / unit);
    }
    return !__builtin_add_overflow(sum->seconds, seconds, &seconds) &&
           expr_duration_norm(seconds, sum->nanos + nanos, sum) && expr_duration_fits(*sum);
}

/* One "1.5h". */
static bool take_part(struct str *s, struct expr_time *sum, bool *range)
{
    size_t n = count_digits(*s);
    struct str whole = str_of(s->p, n);
    int64_t fraction = 0, unit;
    uint64_t v = 0;

    *s = str_skip(*s, n);
    bool point = take(s, '.');
    if (point && !take_fraction(s, &fraction) && n == 0)
        return false;
    if ((n == 0 && !point) || !take_unit(s, &unit))
        return false;
    *range = (n > 0 && !str_to_u64(whole, UINT64_MAX, &v)) || !add_part(sum, v, fraction, unit);
    return !*range;
}

bool expr_duration_parse(struct str s, struct expr_time *out, bool *range)
{
    bool negative = take(&s, '-');

    *range = false;
    *out = (struct expr_time){0, 0};
    if (!negative)
        take(&s, '+');
    if (s.n == 0)
        return false;
    if (str_eq(s, STR("0")))
        s.n = 0;
    while (s.n)
        if (!take_part(&s, out, range))
            return false;
    if (negative)
        *out = (struct expr_time){-out->seconds, -out->nanos};
    return true;
}

/* ".5" and the like, nothing for zero. */
static size_t print_nanos(char *out, int32_t nanos)
{
    size_t n = 10;
    if (nanos == 0)
        return 0;
    out[0] = '.';
    for (size_t i = 9; i > 0; i--, nanos /= 10)
        out[i] = (char)('0' + nanos % 10);
    while (out[n - 1] == '0')
        n--;
    return n;
}

size_t expr_timestamp_print(char *out, struct expr_time t)
{
    struct expr_calendar c = expr_calendar_of(t.seconds);
    int n = snprintf(out, EXPR_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month,
                     c.day, c.hour, c.minute, c.second);
    size_t at = n > 0 ? (size_t)n : 0;
    at += print_nanos(out + at, t.nanos);
    out[at++] = 'Z';
    return at;
}

size_t expr_duration_print(char *out, struct expr_time t)
{
    bool negative = t.seconds < 0 || t.nanos < 0;
    int n = snprintf(out, EXPR_TIME_TEXT_MAX, "%s%lld", negative ? "-" : "",
                     (long long)(t.seconds < 0 ? -t.seconds : t.seconds));
    size_t at = n > 0 ? (size_t)n : 0;
    at += print_nanos(out + at, t.nanos < 0 ? -t.nanos : t.nanos);
    out[at++] = 's';
    return at;
}
