#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/policies.h"

#define TEXT_OF(text) ((char *)(uintptr_t)(text))

struct fixture {
    struct policies r;
    Postern__V1__Config config;
    Postern__V1__Redis redis;
    Postern__V1__RateLimitService service;
    Postern__V1__Limits limits;
};

static struct fixture f;

static void open_fixture(void)
{
    f.config = (Postern__V1__Config)POSTERN__V1__CONFIG__INIT;
    f.redis = (Postern__V1__Redis)POSTERN__V1__REDIS__INIT;
    f.redis.address = TEXT_OF("127.0.0.1:6379");
    f.service = (Postern__V1__RateLimitService)POSTERN__V1__RATE_LIMIT_SERVICE__INIT;
    f.service.upstream = TEXT_OF("canary");
    f.service.domain = TEXT_OF("inference");
    f.limits = (Postern__V1__Limits)POSTERN__V1__LIMITS__INIT;
    f.config.redis = &f.redis;
    f.config.rate_limit_service = &f.service;
    f.config.limits = &f.limits;
    f.r = policies_begin("policy_good.pb");
    f.r.in.default_upstream = "main";
    f.r.in.config = &f.config;
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    open_fixture();
    policies_compile_well(&f.r);
    const struct plan *p = f.r.plan;
    assert_true(str_eq(p->redis.config.endpoint, STR("127.0.0.1:6379")));
    assert_int_equal(p->redis.config.timeout_ms, 20);
    assert_true(str_eq(p->redis.prefix, STR("postern")));
    assert_null(p->redis.password_file);
    assert_int_equal(p->limits.service, 1); /* canary */
    assert_int_equal(p->limits.service_timeout_ms, 20);
    assert_true(str_eq(p->limits.domain, STR("inference")));
    assert_int_equal(p->limits.fields, LIMIT_TELL_STANDARD);
    assert_int_equal(p->limits.keys, 0);
    set_release(&f.r.set);
    open_fixture();
    f.config.redis = NULL;
    f.config.rate_limit_service = NULL;
    f.config.limits = NULL;
    policies_compile_well(&f.r);
    assert_int_equal(f.r.plan->redis.config.endpoint.n, 0);
    assert_int_equal(f.r.plan->limits.service, PLAN_NO_CLUSTER);
    assert_int_equal(f.r.plan->limits.fields, LIMIT_TELL_STANDARD);
    set_release(&f.r.set);
}

static void what_is_said_is_taken(void **state)
{
    static const uint8_t told[] = {LIMIT_TELL_STANDARD, LIMIT_TELL_X,
                                   LIMIT_TELL_STANDARD | LIMIT_TELL_X, 0};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        open_fixture();
        f.limits.fields = (Postern__V1__Limits__Fields)i;
        f.limits.keys = 5000;
        f.limits.log_bytes = 1 << 20;
        f.redis.address = TEXT_OF("unix:/run/r.sock");
        f.redis.timeout = TEXT_OF("250ms");
        f.redis.database = 3;
        f.redis.prefix = TEXT_OF("gw");
        f.redis.user = TEXT_OF("u");
        f.redis.password_file = TEXT_OF("/p");
        f.service.timeout = TEXT_OF("1s");
        policies_compile_well(&f.r);
        const struct plan *p = f.r.plan;
        assert_int_equal(p->limits.fields, told[i]);
        assert_int_equal(p->limits.keys, 5000);
        assert_int_equal(p->limits.log_bytes, 1 << 20);
        assert_int_equal(p->redis.config.timeout_ms, 250);
        assert_int_equal(p->redis.config.db, 3);
        assert_true(str_eq(p->redis.prefix, STR("gw")));
        assert_string_equal(p->redis.password_file, "/p");
        assert_int_equal(p->limits.service_timeout_ms, 1000);
        set_release(&f.r.set);
    }
}

static void check(const char *text)
{
    const struct policy_fault faults[] = {{"postern.yaml", text}};
    policies_compile(&f.r);
    CHECK_FAULTS(&f.r, faults);
    set_release(&f.r.set);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    open_fixture();
    f.redis.address = TEXT_OF("");
    check("redis.address: is missing");
    open_fixture();
    f.redis.address = TEXT_OF("127.0.0.1");
    check("redis.address: \"127.0.0.1\" is no address");
    open_fixture();
    f.redis.timeout = TEXT_OF("2s");
    check("redis.timeout: \"2s\" is no time that a call could wait");
    open_fixture();
    f.redis.timeout = TEXT_OF("0s");
    check("redis.timeout: \"0s\" is no time that a call could wait");
    open_fixture();
    f.redis.prefix = TEXT_OF("ninechars");
    check("redis.prefix: \"ninechars\" is longer than 8 characters");
    open_fixture();
    f.redis.user = TEXT_OF("u");
    check("redis.password_file: is missing; a user has a password");
    open_fixture();
    f.service.upstream = TEXT_OF("");
    check("rate_limit_service.upstream: is missing");
    open_fixture();
    f.service.upstream = TEXT_OF("canray");
    check("rate_limit_service.upstream: ");
    open_fixture();
    f.service.domain = TEXT_OF("");
    check("rate_limit_service.domain: is missing");
    open_fixture();
    f.limits.keys = 999;
    check("limits.keys: 999 is out of range; from 1000");
}

static void proxies_are_prefixes(void **state)
{
    char *good[] = {TEXT_OF("10.0.0.0/8"), TEXT_OF("unix"), TEXT_OF("2001:db8::/32")};
    char *bad[] = {TEXT_OF("10.0.0.0/8"), TEXT_OF("10.0.0.0/33")};
    (void)state;
    open_fixture();
    f.config.trusted_proxies = good;
    f.config.n_trusted_proxies = 3;
    policies_compile_well(&f.r);
    assert_int_equal(f.r.plan->proxies.n, 2);
    assert_true(f.r.plan->proxies.unix_sockets);
    set_release(&f.r.set);
    open_fixture();
    f.config.trusted_proxies = bad;
    f.config.n_trusted_proxies = 2;
    check("trusted_proxies[1]: \"10.0.0.0/33\" is no prefix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(what_is_said_is_taken),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(proxies_are_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
