/* Timestamps and durations: arithmetic, conversions, accessors. Time zones are UTC and fixed
 * offsets: a table of zones changes with the machine, and a policy must not. */
#include "gateway/expr/function.h"
#include "gateway/expr/time.h"
#include "gateway/expr/values.h"

static struct expr_value value_of(uint8_t kind, struct expr_time t)
{
    return (struct expr_value){.kind = kind, .time = t};
}

static struct expr_value out_of_range(struct expr_run *r, const char *what)
{
    return expr_fail(r, EXPR_FAIL_RANGE, "%s out of range", what);
}

/* A sum or difference: `sign` is 1 or -1. */
static struct expr_value timestamp_and(struct expr_run *r, struct expr_time a, struct expr_time b,
                                       int sign)
{
    struct expr_time t;
    int64_t nanos = (int64_t)a.nanos + sign * (int64_t)b.nanos;
    if (!expr_timestamp_norm(a.seconds + sign * b.seconds, nanos, &t) || !expr_timestamp_fits(t))
        return out_of_range(r, "timestamp");
    return value_of(EXPR_TIMESTAMP, t);
}

static struct expr_value duration_and(struct expr_run *r, struct expr_time a, struct expr_time b,
                                      int sign)
{
    struct expr_time t;
    int64_t nanos = (int64_t)a.nanos + sign * (int64_t)b.nanos;
    if (!expr_duration_norm(a.seconds + sign * b.seconds, nanos, &t) || !expr_duration_fits(t))
        return out_of_range(r, "duration");
    return value_of(EXPR_DURATION, t);
}

static struct expr_value add_timestamp(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    bool first = args[0].kind == EXPR_TIMESTAMP;
    (void)n;
    return timestamp_and(r, args[!first].time, args[first].time, 1);
}

static struct expr_value sub_timestamp(struct expr_run *r, const struct expr_value *args,
                                       uint32_t n)
{
    (void)n;
    return timestamp_and(r, args[0].time, args[1].time, -1);
}

static struct expr_value add_duration(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return duration_and(r, args[0].time, args[1].time, 1);
}

/* Of two timestamps too. */
static struct expr_value sub_duration(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)n;
    return duration_and(r, args[0].time, args[1].time, -1);
}

static struct expr_value bad_text(struct expr_run *r, struct str s, bool range, const char *what)
{
    if (range)
        return out_of_range(r, what);
    return expr_fail(r, EXPR_FAIL_BAD_VALUE, "\"%.*s\" is no %s", (int)(s.n < 64 ? s.n : 64),
                     s.n ? s.p : "", what);
}

static struct expr_value timestamp_of_string(struct expr_run *r, const struct expr_value *args,
                                             uint32_t n)
{
    struct expr_time t;
    bool range;
    (void)n;
    if (!expr_timestamp_parse(args[0].s, &t, &range))
        return bad_text(r, args[0].s, range, "timestamp");
    return value_of(EXPR_TIMESTAMP, t);
}

static struct expr_value timestamp_of_int(struct expr_run *r, const struct expr_value *args,
                                          uint32_t n)
{
    struct expr_time t = {args[0].i, 0};
    (void)n;
    return expr_timestamp_fits(t) ? value_of(EXPR_TIMESTAMP, t) : out_of_range(r, "timestamp");
}

static struct expr_value duration_of_string(struct expr_run *r, const struct expr_value *args,
                                            uint32_t n)
{
    struct expr_time t;
    bool range;
    (void)n;
    if (!expr_duration_parse(args[0].s, &t, &range))
        return bad_text(r, args[0].s, range, "duration");
    return value_of(EXPR_DURATION, t);
}

static struct expr_value same(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return args[0];
}

static struct expr_value int_of_timestamp(struct expr_run *r, const struct expr_value *args,
                                          uint32_t n)
{
    (void)r, (void)n;
    return expr_int(args[0].time.seconds);
}

static struct expr_value string_of_time(struct expr_run *r, const struct expr_value *args,
                                        uint32_t n)
{
    char *p = expr_alloc(r, EXPR_TIME_TEXT_MAX);
    (void)n;
    if (!p)
        return expr_no_memory();
    return expr_string(str_of(p, args[0].kind == EXPR_TIMESTAMP
                                     ? expr_timestamp_print(p, args[0].time)
                                     : expr_duration_print(p, args[0].time)));
}

/* The calendar of args[0], in the zone of args[1] when there is one. */
static bool calendar(struct expr_run *r, const struct expr_value *args, uint32_t n,
                     struct expr_calendar *c, struct expr_value *error)
{
    int64_t east = 0;
    if (n > 1 && !expr_zone_parse(args[1].s, &east)) {
        *error = bad_text(r, args[1].s, false, "time zone known here: UTC, or an offset as +01:00");
        return false;
    }
    *c = expr_calendar_of(args[0].time.seconds + east);
    return true;
}

#define ACCESSOR(name, expression)                                                               \
    static struct expr_value name(struct expr_run *r, const struct expr_value *args, uint32_t n) \
    {                                                                                            \
        struct expr_calendar c;                                                                  \
        struct expr_value error;                                                                 \
        return calendar(r, args, n, &c, &error) ? expr_int(expression) : error;                  \
    }

ACCESSOR(full_year, c.year)
ACCESSOR(month, c.month - 1)
ACCESSOR(date, c.day)
ACCESSOR(day_of_month, c.day - 1)
ACCESSOR(day_of_week, c.weekday)
ACCESSOR(day_of_year, c.yearday)
ACCESSOR(hours, c.hour)
ACCESSOR(minutes, c.minute)
ACCESSOR(seconds, c.second)
ACCESSOR(milliseconds, args[0].time.nanos / 1000000)

static struct expr_value all_hours(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_int(args[0].time.seconds / 3600);
}

static struct expr_value all_minutes(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)r, (void)n;
    return expr_int(args[0].time.seconds / 60);
}

static struct expr_value part_milliseconds(struct expr_run *r, const struct expr_value *args,
                                           uint32_t n)
{
    (void)r, (void)n;
    return expr_int(args[0].time.nanos / 1000000);
}

#define IN_ZONE(name, run)                                         \
    {"timestamp." name "() -> int", run, EXPR_COST_ONE, 0},        \
    {                                                              \
        "timestamp." name "(string) -> int", run, EXPR_COST_ONE, 0 \
    }

static const struct expr_function rows[] = {
    {"_+_(timestamp, duration) -> timestamp", add_timestamp, EXPR_COST_ONE, 0},
    {"_+_(duration, timestamp) -> timestamp", add_timestamp, EXPR_COST_ONE, 0},
    {"_+_(duration, duration) -> duration", add_duration, EXPR_COST_ONE, 0},
    {"_-_(timestamp, duration) -> timestamp", sub_timestamp, EXPR_COST_ONE, 0},
    {"_-_(timestamp, timestamp) -> duration", sub_duration, EXPR_COST_ONE, 0},
    {"_-_(duration, duration) -> duration", sub_duration, EXPR_COST_ONE, 0},
    {"timestamp(timestamp) -> timestamp", same, EXPR_COST_ONE, 0},
    {"timestamp(string) -> timestamp", timestamp_of_string, EXPR_COST_ONE, 0},
    {"timestamp(int) -> timestamp", timestamp_of_int, EXPR_COST_ONE, 0},
    {"duration(duration) -> duration", same, EXPR_COST_ONE, 0},
    {"duration(string) -> duration", duration_of_string, EXPR_COST_BYTES, 0},
    {"int(timestamp) -> int", int_of_timestamp, EXPR_COST_ONE, 0},
    {"string(timestamp) -> string", string_of_time, EXPR_COST_ONE, 0},
    {"string(duration) -> string", string_of_time, EXPR_COST_ONE, 0},
    IN_ZONE("getFullYear", full_year),
    IN_ZONE("getMonth", month),
    IN_ZONE("getDate", date),
    IN_ZONE("getDayOfMonth", day_of_month),
    IN_ZONE("getDayOfWeek", day_of_week),
    IN_ZONE("getDayOfYear", day_of_year),
    IN_ZONE("getHours", hours),
    IN_ZONE("getMinutes", minutes),
    IN_ZONE("getSeconds", seconds),
    IN_ZONE("getMilliseconds", milliseconds),
    {"duration.getHours() -> int", all_hours, EXPR_COST_ONE, 0},
    {"duration.getMinutes() -> int", all_minutes, EXPR_COST_ONE, 0},
    {"duration.getSeconds() -> int", int_of_timestamp, EXPR_COST_ONE, 0},
    {"duration.getMilliseconds() -> int", part_milliseconds, EXPR_COST_ONE, 0},
};

const struct expr_library expr_lib_time = {"time", rows, sizeof rows / sizeof *rows};
