#include "gateway/core/text_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void duration_has_a_count_and_a_unit(void **state)
{
    static const struct {
        struct str text;
        bool ok;
        uint32_t ms;
    } cases[] = {
        {STR_INIT("250ms"), true, 250},
        {STR_INIT("30s"), true, 30000},
        {STR_INIT("5m"), true, 300000},
        {STR_INIT("2h"), true, 7200000},
        {STR_INIT("0s"), true, 0},
        {STR_INIT("007s"), true, 7000},
        {STR_INIT("2147483647ms"), true, 2147483647},
        {STR_INIT("2147483648ms"), false, 0},
        {STR_INIT("2147484s"), false, 0},
        {STR_INIT("597h"), false, 0},
        {STR_INIT("99999999999999999999s"), false, 0},
        {STR_INIT(""), false, 0},
        {STR_INIT("5"), false, 0},
        {STR_INIT("s"), false, 0},
        {STR_INIT("5 s"), false, 0},
        {STR_INIT(" 5s"), false, 0},
        {STR_INIT("5s "), false, 0},
        {STR_INIT("5sec"), false, 0},
        {STR_INIT("1.5s"), false, 0},
        {STR_INIT("-5s"), false, 0},
        {STR_INIT("5S"), false, 0},
        {STR_INIT("1m30s"), false, 0},
        {STR_INIT("5s\0"), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t ms = 0;
        if (duration_parse(cases[i].text, &ms) != cases[i].ok)
            fail_msg("%.*s", STR_ARG(cases[i].text));
        if (cases[i].ok)
            assert_int_equal(ms, cases[i].ms);
    }
}

static void address_is_one_of_three_kinds(void **state)
{
    static const struct {
        struct str text, host;
        uint16_t port;
        bool is_unix;
    } cases[] = {
        {STR_INIT("127.0.0.1:8080"), STR_INIT("127.0.0.1"), 8080, false},
        {STR_INIT("model-server.svc_1:1"), STR_INIT("model-server.svc_1"), 1, false},
        {STR_INIT("h:65535"), STR_INIT("h"), 65535, false},
        {STR_INIT("[::1]:9001"), STR_INIT("::1"), 9001, false},
        {STR_INIT("[fe80::ffff:10.0.0.1]:9001"), STR_INIT("fe80::ffff:10.0.0.1"), 9001, false},
        {STR_INIT("unix:/run/x.sock"), STR_INIT("/run/x.sock"), 0, true},
        {STR_INIT("unix:relative"), STR_INIT("relative"), 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a;
        if (!address_parse(cases[i].text, &a))
            fail_msg("%.*s", STR_ARG(cases[i].text));
        assert_true(endpoint_valid(cases[i].text));
        assert_true(str_eq(a.host, cases[i].host));
        assert_int_equal(a.port, cases[i].port);
        assert_int_equal(a.is_unix, cases[i].is_unix);
    }
}

static void address_refuses_all_else(void **state)
{
    char long_path[5 + 108];
    static const struct str cases[] = {
        STR_INIT(""),          STR_INIT("host"),         STR_INIT("host:"),
        STR_INIT(":80"),       STR_INIT("host:0"),       STR_INIT("host:65536"),
        STR_INIT("host:-1"),   STR_INIT("host:8o"),      STR_INIT("ho st:80"),
        STR_INIT("::1:80"),    STR_INIT("[::1]"),        STR_INIT("[::1:80"),
        STR_INIT("[]:80"),     STR_INIT("[host]:80"),    STR_INIT("http://host:80"),
        STR_INIT("host:80/"),  STR_INIT("unix:"),        STR_INIT("unix:/a\0b"),
        STR_INIT("host\0:80"), STR_INIT("[::\0001]:80"), STR_INIT("host:80 "),
        STR_INIT("host: 80"),  STR_INIT("xds:///name"),  STR_INIT("h\xc3\xb6st:80"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (endpoint_valid(cases[i]))
            fail_msg("%.*s", STR_ARG(cases[i]));
    memset(long_path, 'p', sizeof long_path);
    memcpy(long_path, "unix:", 5);
    assert_true(endpoint_valid(str_of(long_path, sizeof long_path - 1)));
    assert_false(endpoint_valid(str_of(long_path, sizeof long_path)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duration_has_a_count_and_a_unit),
        cmocka_unit_test(address_is_one_of_three_kinds),
        cmocka_unit_test(address_refuses_all_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
