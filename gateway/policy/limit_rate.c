#include "gateway/policy/limit_rate.h"

#include <stdarg.h>
#include <stdio.h>

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

struct unit {
    struct str name;
    uint64_t ns;
};

static const struct unit units[] = {
    {STR_INIT("s"), SECOND},        {STR_INIT("sec"), SECOND},
    {STR_INIT("second"), SECOND},   {STR_INIT("m"), 60 * SECOND},
    {STR_INIT("min"), 60 * SECOND}, {STR_INIT("minute"), 60 * SECOND},
    {STR_INIT("h"), 3600 * SECOND}, {STR_INIT("hour"), 3600 * SECOND},
    {STR_INIT("d"), DAY},           {STR_INIT("day"), DAY},
    {STR_INIT("week"), 7 * DAY},    {STR_INIT("month"), 31 * DAY},
};

__attribute__((format(printf, 2, 3))) static bool wrong(char why[LIMIT_SENTENCE],
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, LIMIT_SENTENCE, format, args);
    va_end(args);
    return false;
}

static const struct unit *unit_of(struct str name)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_eq(units[i].name, name))
            return &units[i];
    return NULL;
}

static struct str cut_digits(struct str *rest)
{
    size_t n = 0;
    while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
        n++;
    struct str digits = str_of(rest->p, n);
    *rest = str_skip(*rest, n);
    return digits;
}

static bool parse_amount(struct str digits, struct limit_rule *r, char why[LIMIT_SENTENCE])
{
    if (!str_to_u64(digits, LIMIT_AMOUNT_MAX, &r->amount))
        return wrong(why,
                     "allows more than can be counted, %llu; a limit that limits nothing is "
                     "left out",
                     (unsigned long long)LIMIT_AMOUNT_MAX);
    if (r->amount == 0)
        return wrong(why, "allows nothing; to refuse every call write allow { expr: \"false\" }");
    return true;
}

bool limit_rate_parse(struct str text, struct limit_rule *r, char why[LIMIT_SENTENCE])
{
    struct str rest = text, digits = cut_digits(&rest);
    uint64_t times = 1;
    if (digits.n == 0 || (rest.n && rest.p[0] != '/'))
        return wrong(why,
                     "\"%.*s\" is no rate; write a number, a slash and a time, as in "
                     "\"100/min\", \"20/s\", \"5000/10s\" or \"1000000/day\"",
                     STR_ARG(text));
    if (!parse_amount(digits, r, why))
        return false;
    if (rest.n == 0)
        return wrong(why, "\"%.*s\" has no window: without one it is no limit; write \"%.*s/min\"",
                     STR_ARG(text), STR_ARG(digits));
    rest = str_skip(rest, 1);
    digits = cut_digits(&rest);
    const struct unit *unit = unit_of(rest);
    if (!unit)
        return wrong(why, "\"%.*s\" is no unit of time; write s, min, h, day, week or month",
                     STR_ARG(rest));
    bool month = str_eq(unit->name, STR("month"));
    if (digits.n && (!str_to_u64(digits, LIMIT_WINDOW_MAX_NS / unit->ns, &times) || times == 0))
        return wrong(why, "has a window that is not between one second and 400 days");
    if (month && digits.n)
        return wrong(why, "counts by one month at a time; write \"%llu/month\"",
                     (unsigned long long)r->amount);
    r->window_ns = unit->ns * times;
    r->calendar = month ? LIMIT_MONTH : LIMIT_NO_CALENDAR;
    return true;
}

static bool two_digits(struct str *rest, unsigned most, unsigned *out)
{
    struct str s = *rest;
    if (s.n < 2 || s.p[0] < '0' || s.p[0] > '9' || s.p[1] < '0' || s.p[1] > '9')
        return false;
    *out = (unsigned)(s.p[0] - '0') * 10 + (unsigned)(s.p[1] - '0');
    *rest = str_skip(s, 2);
    return *out <= most;
}

bool limit_calendar_parse(struct str text, struct limit_rule *r)
{
    struct str rest = str_skip(text, 1);
    unsigned hours = 0, minutes = 0;
    if (!str_eq(text, STR("UTC"))) {
        if (text.n != 6 || (text.p[0] != '+' && text.p[0] != '-') ||
            !two_digits(&rest, 14, &hours) || rest.p[0] != ':')
            return false;
        rest = str_skip(rest, 1);
        if (!two_digits(&rest, 59, &minutes))
            return false;
    }
    int32_t offset = (int32_t)(hours * 3600 + minutes * 60);
    r->utc_offset_s = text.p[0] == '-' ? -offset : offset;
    if (r->calendar != LIMIT_MONTH)
        r->calendar = LIMIT_ALIGNED;
    return true;
}
