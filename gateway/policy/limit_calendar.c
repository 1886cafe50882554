#include "gateway/policy/limit_algorithm.h"

#define NS UINT64_C(1000000000)
#define DAY (86400 * NS)

/* Local time of the calendar, in ns since 1970; before that and after 2262 it saturates. */
static uint64_t to_local(const struct limit_rule *r, uint64_t t)
{
    uint64_t offset = (uint64_t)(r->utc_offset_s < 0 ? -(int64_t)r->utc_offset_s
                                                     : (int64_t)r->utc_offset_s) *
                      NS;
    if (r->utc_offset_s < 0)
        return t > offset ? t - offset : 0;
    return t < UINT64_MAX - offset ? t + offset : UINT64_MAX;
}

static uint64_t from_local(const struct limit_rule *r, uint64_t t)
{
    struct limit_rule back = {.utc_offset_s = -r->utc_offset_s};
    return to_local(&back, t);
}

/* Proleptic Gregorian calendar, years counted from March so that the leap day is the last one. */
struct month {
    uint64_t first_day, days;
};

static struct month month_of(uint64_t day)
{
    uint64_t z = day + 719468, in_era = z % 146097;
    uint64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    uint64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * in_year + 2) / 153; /* 0: March */
    uint64_t begins = (153 * month + 2) / 5, ends = (153 * (month + 1) + 2) / 5;
    bool leap = (year + 1) % 4 == 0 && ((year + 1) % 100 != 0 || (year + 1) % 400 == 0);
    if (month == 11) /* February ends with the year */
        ends = leap ? 366 : 365;
    return (struct month){.first_day = day - (in_year - begins), .days = ends - begins};
}

uint64_t limit_calendar_start(const struct limit_rule *r, uint64_t now)
{
    if (r->calendar == LIMIT_NO_CALENDAR)
        return now;
    uint64_t local = to_local(r, now);
    if (r->calendar == LIMIT_MONTH)
        return from_local(r, month_of(local / DAY).first_day * DAY);
    return from_local(r, local - local % r->window_ns);
}

uint64_t limit_calendar_end(const struct limit_rule *r, uint64_t start)
{
    uint64_t length = r->window_ns;
    if (r->calendar == LIMIT_MONTH)
        length = month_of(to_local(r, start) / DAY).days * DAY;
    return start < UINT64_MAX - length ? start + length : UINT64_MAX;
}
