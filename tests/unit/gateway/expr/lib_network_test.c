#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void addresses_are_read_strictly(void **state)
{
    static const struct eval_row rows[] = {
        {"ip('192.168.0.1')", "ip(\"192.168.0.1\")"},
        {"ip('2001:DB8::68')", "ip(\"2001:db8::68\")"},
        {"ip('::')", "ip(\"::\")"},
        {"ip('1:0:0:2::3')", "ip(\"1:0:0:2::3\")"},
        {"ip('1.2.3')", "error: \"1.2.3\": IP address parse error"},
        {"ip('01.2.3.4')", "error: \"01.2.3.4\": IP address parse error"},
        {"ip('::ffff:1.2.3.4')", "error: \"::ffff:1.2.3.4\": an IPv4-mapped"},
        {"ip('fe80::1%eth0')", "error: \"fe80::1%eth0\": an IP address with a zone"},
        {"isIP('1.2.3.4')", "true"},
        {"isIP('x')", "false"},
        {"ip.isCanonical('2001:db8::1')", "true"},
        {"ip.isCanonical('2001:DB8::1')", "false"},
        {"string(ip('0:0:1:0:0:0:0:1'))", "\"0:0:1::1\""},
        {"ip('1.2.3.4').family()", "4"},
        {"ip('::1').family()", "6"},
    };
    EVAL_ROWS(*state, rows);
}

static void prefixes_contain_their_own_family(void **state)
{
    static const struct eval_row rows[] = {
        {"cidr('192.168.0.0/24').containsIP('192.168.0.255')", "true"},
        {"cidr('192.168.0.0/24').containsIP(ip('192.168.1.0'))", "false"},
        {"cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true"},
        {"cidr('10.1.0.0/16').containsCIDR('10.0.0.0/8')", "false"},
        {"cidr('::/0').containsIP('1.2.3.4')", "false"},
        {"cidr('0.0.0.0/0').containsIP('1.2.3.4')", "true"},
        {"cidr('192.168.0.77/24').masked()", "cidr(\"192.168.0.0/24\")"},
        {"cidr('192.168.0.77/24').ip()", "ip(\"192.168.0.77\")"},
        {"cidr('10.0.0.0/8').prefixLength()", "8"},
        {"cidr('10.0.0.0/33')", "error: \"10.0.0.0/33\": network address parse error"},
        {"cidr('10.0.0.0')", "error: \"10.0.0.0\": network address parse error"},
        {"cidr('10.0.0.0/08')", "error: \"10.0.0.0/08\": network address"},
        {"isCIDR('10.0.0.0/8')", "true"},
        {"cidr('10.0.0.0/8').containsIP('x')", "error: \"x\": IP address parse error"},
    };
    EVAL_ROWS(*state, rows);
}

static void classes_follow_the_registries(void **state)
{
    static const struct eval_row rows[] = {
        {"ip('127.9.9.9').isLoopback()", "true"},
        {"ip('::1').isLoopback()", "true"},
        {"ip('0.0.0.0').isUnspecified()", "true"},
        {"ip('169.254.1.1').isLinkLocalUnicast()", "true"},
        {"ip('fe80::1').isLinkLocalUnicast()", "true"},
        {"ip('224.0.0.9').isLinkLocalMulticast()", "true"},
        {"ip('ff02::1').isLinkLocalMulticast()", "true"},
        {"ip('224.0.1.9').isLinkLocalMulticast()", "false"},
        {"ip('10.0.0.1').isGlobalUnicast()", "true"},
        {"ip('255.255.255.255').isGlobalUnicast()", "false"},
        {"ip('ff00::1').isGlobalUnicast()", "false"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_strictly),
        cmocka_unit_test(prefixes_contain_their_own_family),
        cmocka_unit_test(classes_follow_the_registries),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
