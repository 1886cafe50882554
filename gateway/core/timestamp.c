#include "gateway/core/timestamp.h"

#include <string.h>

enum { DAYS_PER_ERA = 146097, DAYS_TO_EPOCH = 719468 };

static void put_digits(char *out, int n, uint64_t v)
{
    while (n-- > 0) {
        out[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

/* The civil calendar counted from a first of March, which puts the leap day at the end of a year:
 * eras of 400 years all have the same number of days. */
static void put_date(char *out, uint64_t days)
{
    uint64_t shifted = days + DAYS_TO_EPOCH; /* since 0000-03-01 */
    uint64_t era = shifted / DAYS_PER_ERA, day = shifted % DAYS_PER_ERA;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t of_year = day - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153; /* 0 is March */

    put_digits(out, 4, era * 400 + year + (month >= 10));
    put_digits(out + 5, 2, month < 10 ? month + 3 : month - 9);
    put_digits(out + 8, 2, of_year - (153 * month + 2) / 5 + 1);
}

void timestamp_print(char out[TIMESTAMP_BYTES], uint64_t wall_us)
{
    uint64_t seconds = wall_us / 1000000;

    memcpy(out, "0000-00-00T00:00:00.000000Z", TIMESTAMP_BYTES);
    put_date(out, seconds / 86400);
    put_digits(out + 11, 2, seconds / 3600 % 24);
    put_digits(out + 14, 2, seconds / 60 % 60);
    put_digits(out + 17, 2, seconds % 60);
    put_digits(out + 20, 6, wall_us % 1000000);
}
