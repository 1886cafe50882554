#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/bench_setup.h"

static void check(struct bench *b, const char *target, const char *headers, const char *body,
                  const char *cluster)
{
    struct fake_front f;
    assert_true(front_open(&f, &b->host, "POST", target, headers));
    front_body(&f, str_c(body));
    front_end(&f);
    if (!f.x->call)
        fail_msg("%s is refused: %s", body, f.x->error.text);
    struct str got = b->snapshot.plan->clusters[b->channel_asked].name;
    if (!str_eq(got, str_c(cluster)))
        fail_msg("%s %s goes to %.*s, not %s", headers ? headers : "", body, STR_ARG(got), cluster);
    front_close(&f, false);
    assert_string_equal(b->cluster_name, cluster);
    for (size_t i = 0; i < BENCH_CLUSTERS; i++)
        fake_channel_release(&b->channels[i]);
}

static void headers_decide(void **state)
{
    static const struct {
        const char *headers, *cluster;
    } cases[] = {
        {NULL, "main"},
        {"x-canary: 1", "header-equals"},
        {"x-canary: 2", "main"},
        {"x-canary: 2\nx-canary: 1", "header-equals"},
        {"x-canary: 11", "main"},
        {"x-beta: anything", "header-there"},
        {"x-beta:", "header-there"},
        {"x-beta: a\nx-canary: 1", "header-equals"}, /* the first that matches */
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(b, "/routed", cases[i].headers, "{\"flag\":false}", cases[i].cluster);
}

static void fields_decide(void **state)
{
    static const struct {
        const char *body, *cluster;
    } cases[] = {
        {"{}", "main"},
        {"{\"part\":{\"part\":{\"name\":\"deep\"}}}", "nested"},
        {"{\"part\":{\"name\":\"deep\",\"part\":{}}}", "main"},
        {"{\"part\":{\"part\":{\"name\":\"deeper\"}}}", "main"},
        {"{\"kind\":\"LITTLE\"}", "enum"},
        {"{\"kind\":\"SMALL\"}", "enum"}, /* another name of the same number */
        {"{\"kind\":1}", "enum"},
        {"{\"kind\":\"LARGE\"}", "main"},
        {"{\"kind\":77}", "main"},
        {"{\"flag\":true}", "bool"},
        {"{\"count\":-3}", "int"},
        {"{\"count\":3}", "main"},
        {"{\"big\":\"18446744073709551615\"}", "uint"},
        {"{\"ratio\":0.5}", "double"},
        {"{\"ratio\":5e-1}", "double"},
        {"{\"ratio\":\"NaN\"}", "main"},
        {"{\"single\":0.1}", "float"},
        {"{\"zigzag\":\"-9223372036854775808\"}", "sint"},
        {"{\"fixed\":4294967295}", "fixed"},
        {"{\"maybe\":0}", "there"}, /* present, at zero */
        {"{\"left\":\"\"}", "oneof"},
        {"{\"left\":\"x\"}", "main"},
        {"{\"right\":{\"name\":\"\"}}", "main"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(b, "/routed", NULL, cases[i].body, cases[i].cluster);
}

static void a_field_without_presence_is_at_its_zero_when_it_is_left_out(void **state)
{
    struct bench *b = *state;

    check(b, "/zero", NULL, "{\"flag\":true,\"part\":{\"name\":\"x\"}}", "main");
    check(b, "/zero", NULL, "{\"part\":{\"name\":\"x\"}}", "bool");
    check(b, "/zero", NULL, "{\"flag\":false,\"part\":{\"name\":\"x\"}}", "bool");
    check(b, "/zero", NULL, "{\"flag\":true}", "nested");
    check(b, "/zero", NULL, "{\"flag\":true,\"part\":{}}", "nested");
    check(b, "/zero", NULL, "{\"maybe\":0}", "there");
    check(b, "/zero", NULL, "{\"maybe\":1,\"flag\":true,\"part\":{\"name\":\"x\"}}", "main");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(headers_decide),
        BENCH_TEST(fields_decide),
        BENCH_TEST(a_field_without_presence_is_at_its_zero_when_it_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
