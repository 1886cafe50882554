#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/bench_setup.h"

static void check(struct bench *b, const char *method, const char *target, uint16_t http,
                  const char *part)
{
    struct fake_front f;
    assert_true(front_open(&f, &b->host, method, target, NULL));
    assert_int_equal(f.x->answer.status, http);
    assert_true(f.x->answer.complete);
    front_read(&f, SIZE_MAX);
    assert_has(buf_str(&f.got), part);
    assert_int_equal(front_header(&f, "allow").p != NULL, http == 405);
    front_close(&f, true);
    assert_null(b->event.route);
    assert_int_equal(b->event.cluster, PLAN_NO_CLUSTER);
}

static void an_unknown_path_is_404(void **state)
{
    struct bench *b = *state;
    check(b, "GET", "/nowhere", 404, "no RPC is served at /nowhere");
    check(b, "POST", "/unary/", 404, "\"code\":5");
    check(b, "POST", "/calls.Calls/Unary", 404, "\"code\":5"); /* it has a rule of its own */
}

static void a_path_that_cannot_be_one_is_400(void **state)
{
    static const char *paths[] = {"/unary/%zz", "/unary/%00", "/unary/%ff", "unary", "/unary/../x"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        check(*state, "GET", paths[i], 400, "the path is not valid");
}

static void a_method_that_is_not_served_is_405_with_allow(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    check(b, "DELETE", "/unary/a", 405, "/unary/a does not take DELETE");
    assert_true(front_open(&f, &b->host, "GET", "/unary", NULL));
    assert_str(front_header(&f, "allow"), "POST");
    front_close(&f, true);
    assert_true(front_open(&f, &b->host, "DELETE", "/unary/a", NULL));
    assert_has(front_header(&f, "allow"), "GET");
    assert_has(front_header(&f, "allow"), "HEAD");
    assert_has(front_header(&f, "allow"), "PUT");
    front_close(&f, true);
}

static void head_takes_the_route_of_get(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "HEAD", "/unary/a", NULL));
    front_end(&f);
    assert_str(bench_call(b, 0)->path, "/calls.Calls/Unary");
    fake_message(bench_call(b, 0), STR(""));
    fake_end(bench_call(b, 0), TC_CODE_OK, "");
    assert_int_equal(f.x->answer.status, 200);
    front_close(&f, true);
    assert_str(b->event.http_method, "HEAD");
}

static void the_route_comes_with_policy_and_values(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a%20b", NULL));
    assert_str(f.x->route->pattern, "/unary/{name}");
    assert_ptr_equal(f.x->policy, f.x->route->policy);
    assert_str(f.x->policy->method->full_name, "calls.Calls.Unary");
    assert_str(f.x->values[0], "a b");
    front_close(&f, false);
    assert_str(b->event.route->pattern, "/unary/{name}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(an_unknown_path_is_404),
        BENCH_TEST(a_path_that_cannot_be_one_is_400),
        BENCH_TEST(a_method_that_is_not_served_is_405_with_allow),
        BENCH_TEST(head_takes_the_route_of_get),
        BENCH_TEST(the_route_comes_with_policy_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
