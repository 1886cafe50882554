#include "gateway/policy/limit_rate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

struct rate {
    const char *text;
    uint64_t amount, window_s;
    const char *why; /* NULL: it is one */
};

static void rates_are_a_number_and_a_time(void **state)
{
    static const struct rate rates[] = {
        {"100/min", 100, 60, NULL},
        {"20/s", 20, 1, NULL},
        {"5000/10s", 5000, 10, NULL},
        {"1000000/day", 1000000, 86400, NULL},
        {"7/2h", 7, 7200, NULL},
        {"1/week", 1, 7 * 86400, NULL},
        {"3/month", 3, 31 * 86400, NULL},
        {"1/400d", 1, UINT64_C(400) * 86400, NULL},
        {"", 0, 0, "no rate"},
        {"fast", 0, 0, "no rate"},
        {"-1/s", 0, 0, "no rate"},
        {"1.5/s", 0, 0, "no rate"},
        {"100", 0, 0, "has no window"},
        {"100/", 0, 0, "no unit"},
        {"100/0s", 0, 0, "window"},
        {"100/401d", 0, 0, "400 days"},
        {"100/2month", 0, 0, "one month"},
        {"100/fortnight", 0, 0, "no unit"},
        {"100/min ", 0, 0, "no unit"},
        {"0/s", 0, 0, "allows nothing"},
        {"99999999999999999999/s", 0, 0, "more than can be counted"},
        {"1099511627777/s", 0, 0, "more than can be counted"},
        {"1/99999999999999999999s", 0, 0, "window"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct limit_rule r = {0};
        char why[LIMIT_SENTENCE] = "";
        assert_int_equal(limit_rate_parse(str_c(rates[i].text), &r, why), !rates[i].why);
        if (rates[i].why && !strstr(why, rates[i].why))
            fail_msg("%s: \"%s\" does not say \"%s\"", rates[i].text, why, rates[i].why);
        if (rates[i].why)
            continue;
        assert_int_equal(r.amount, rates[i].amount);
        assert_int_equal(r.window_ns, rates[i].window_s * S);
        assert_int_equal(r.calendar == LIMIT_MONTH, strstr(rates[i].text, "month") != NULL);
    }
}

static void calendars_are_offsets(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int32_t offset;
    } cases[] = {
        {"UTC", true, 0},        {"+02:00", true, 7200}, {"-07:30", true, -27000},
        {"+14:59", true, 53940}, {"+15:00", false, 0},   {"+02:60", false, 0},
        {"02:00", false, 0},     {"+2:00", false, 0},    {"Europe/Berlin", false, 0},
        {"+02:000", false, 0},   {"", false, 0},         {"+0a:00", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct limit_rule r = {0};
        assert_int_equal(limit_calendar_parse(str_c(cases[i].text), &r), cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_int_equal(r.utc_offset_s, cases[i].offset);
        assert_int_equal(r.calendar, LIMIT_ALIGNED);
    }
    struct limit_rule month = {.calendar = LIMIT_MONTH};
    assert_true(limit_calendar_parse(STR("UTC"), &month));
    assert_int_equal(month.calendar, LIMIT_MONTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_a_number_and_a_time),
        cmocka_unit_test(calendars_are_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
