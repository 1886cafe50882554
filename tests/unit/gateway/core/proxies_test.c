#include "gateway/core/proxies.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "gateway/expr/ip.h"
#include "tests/unit/support/guard.h"

/* R1: a forged X-Forwarded-For is ignored unless the peer is trusted, and then read from the right.
 */
struct hop {
    const char *peer, *first, *second; /* lines of the field; NULL: none */
    const char *client;                /* NULL: none */
};

static void the_client_is_the_last_that_no_proxy_vouches_for(void **state)
{
    static const struct hop hops[] = {
        {"198.51.100.7:4711", NULL, NULL, "198.51.100.7"},
        {"198.51.100.7:4711", "1.1.1.1", NULL, "198.51.100.7"},
        {"10.0.0.1:80", NULL, NULL, "10.0.0.1"},
        {"10.0.0.1:80", "198.51.100.7", NULL, "198.51.100.7"},
        {"10.0.0.1:80", "6.6.6.6, 198.51.100.7", NULL, "198.51.100.7"},
        {"10.0.0.1:80", "6.6.6.6, 198.51.100.7, 10.9.9.9", NULL, "198.51.100.7"},
        {"10.0.0.1:80", "6.6.6.6", "198.51.100.7", "198.51.100.7"},
        {"10.0.0.1:80", "6.6.6.6", "198.51.100.7,10.0.0.2 ,\t10.0.0.3", "198.51.100.7"},
        {"10.0.0.1:80", "10.0.0.5, 10.0.0.6", NULL, "10.0.0.5"},
        {"10.0.0.1:80", "198.51.100.7:1234", NULL, "198.51.100.7"},
        {"10.0.0.1:80", "[2001:db8::7]:1234", NULL, "2001:db8::7"},
        {"10.0.0.1:80", "2001:db8::7", NULL, "2001:db8::7"},
        {"10.0.0.1:80", "unknown", NULL, "10.0.0.1"},
        {"10.0.0.1:80", "198.51.100.7, <script>", NULL, "10.0.0.1"},
        {"10.0.0.1:80", "", NULL, "10.0.0.1"},
        {"10.0.0.1:80", ",,", NULL, "10.0.0.1"},
        {"10.0.0.1:80", "[", NULL, "10.0.0.1"},
        {"[2001:db8:1::1]:80", "6.6.6.6", NULL, "6.6.6.6"},
        {"[2001:db8:2::1]:80", "6.6.6.6", NULL, "2001:db8:2::1"},
        {"[::ffff:10.0.0.1]:80", "6.6.6.6", NULL, "6.6.6.6"},
        {"unix", "6.6.6.6", NULL, "6.6.6.6"},
        {"unix", NULL, NULL, NULL},
    };
    struct expr_value prefixes[2];
    (void)state;
    assert_null(expr_cidr_parse(STR("10.0.0.0/8"), &prefixes[0]));
    assert_null(expr_cidr_parse(STR("2001:db8:1::/48"), &prefixes[1]));
    struct proxies p = {prefixes, 2, true};
    for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
        const struct hop *h = &hops[i];
        struct guard peer = guard_copy(str_c(h->peer)), a = guard_copy(str_c(h->first)),
                     b = guard_copy(str_c(h->second));
        struct header items[] = {{STR("x-forwarded-for"), a.s},
                                 {STR("x-other"), STR("7.7.7.7")},
                                 {STR("x-forwarded-for"), b.s}};
        struct headers all = {items, h->second ? 3u : h->first ? 2u : 0u, 3};
        struct expr_value ip = proxies_client(&p, peer.s, &all);
        char text[EXPR_IP_TEXT_MAX];
        if (!h->client) {
            assert_int_equal(ip.kind, EXPR_ABSENT);
        } else {
            assert_int_equal(ip.kind, EXPR_IP);
            struct str got = str_of(text, expr_ip_print(text, &ip));
            if (!str_eq(got, str_c(h->client)))
                fail_msg("%s behind %s is %.*s", h->client, h->peer, STR_ARG(got));
        }
        guard_release(&peer);
        guard_release(&a);
        guard_release(&b);
    }
}

static void nobody_is_trusted_unless_named(void **state)
{
    struct header item = {STR("x-forwarded-for"), STR("6.6.6.6")};
    struct headers all = {&item, 1, 1};
    struct proxies none = {0};
    (void)state;
    struct expr_value ip = proxies_client(&none, STR("127.0.0.1:1"), &all);
    assert_int_equal(ip.kind, EXPR_IP);
    assert_int_equal(ip.ip.bytes[0], 127);
    assert_int_equal(proxies_client(&none, STR("unix"), &all).kind, EXPR_ABSENT);
}

static void a_long_chain_ends(void **state)
{
    static char chain[16 << 10];
    struct expr_value everybody[1];
    struct header item = {STR("x-forwarded-for"), STR_NONE};
    struct headers all = {&item, 1, 1};
    size_t n = 0;
    (void)state;
    assert_null(expr_cidr_parse(STR("0.0.0.0/0"), everybody));
    for (; n + 10 < sizeof chain; n += 8)
        memcpy(chain + n, "1.2.3.4,", 8);
    item.value = str_of(chain, n - 1);
    struct proxies p = {everybody, 1, false};
    assert_int_equal(proxies_client(&p, STR("9.9.9.9:1"), &all).ip.bytes[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_last_that_no_proxy_vouches_for),
        cmocka_unit_test(nobody_is_trusted_unless_named),
        cmocka_unit_test(a_long_chain_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
