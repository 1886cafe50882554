#include "gateway/core/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Every 1000 seconds or so up to the year 2200, and both sides of each midnight of leap years. */
static void timestamp_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (uint64_t s = 0; s < 7258118400u; s += 86399 / 7 + 1) {
        char got[TIMESTAMP_BYTES], want[64];
        time_t t = (time_t)s;
        struct tm tm;
        timestamp_print(got, s * 1000000 + s % 1000000);
        gmtime_r(&t, &tm);
        size_t n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm);
        n += (size_t)snprintf(want + n, sizeof want - n, ".%06uZ", (unsigned)(s % 1000000));
        assert_int_equal(n, TIMESTAMP_BYTES);
        assert_memory_equal(got, want, n);
    }
}

static void timestamp_knows_the_edges_of_days(void **state)
{
    static const struct {
        uint64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {951782399999999, "2000-02-28T23:59:59.999999Z"},
        {951782400000000, "2000-02-29T00:00:00.000000Z"},
        {951868800000000, "2000-03-01T00:00:00.000000Z"},
        {4107542399000000, "2100-02-28T23:59:59.000000Z"},
        {4107542400000000, "2100-03-01T00:00:00.000000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char got[TIMESTAMP_BYTES];
        timestamp_print(got, cases[i].us);
        assert_memory_equal(got, cases[i].text, TIMESTAMP_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamp_agrees_with_the_c_library),
        cmocka_unit_test(timestamp_knows_the_edges_of_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
