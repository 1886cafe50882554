#include "gateway/core/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

static const struct str names[] = {STR_INIT("key"), STR_INIT("api key"), STR_INIT("$"),
                                   STR_INIT("a&b")};

static void secrets_are_hidden_and_nothing_else(void **state)
{
    static const struct {
        const char *target, *shown;
    } rows[] = {
        {"/x", "/x"},
        {"/x?", "/x?"},
        {"/x?a=1&b", "/x?a=1&b"},
        {"/x?key=s3cret", "/x?key=***"},
        {"/x?a=1&key=s3cret&b=2", "/x?a=1&key=***&b=2"},
        {"/x?key=one&key=two&key", "/x?key=***&key=***&key=***"},
        {"/x?k%65y=s3cret", "/x?k%65y=***"},
        {"/x?%6B%65%79=s3cret&", "/x?%6B%65%79=***&"},
        {"/x?api+key=s3cret&api%20key=two", "/x?api+key=***&api%20key=***"},
        {"/x?keys=b&ke=c&=key&page_token=d", "/x?keys=b&ke=c&=key&page_token=d"},
        {"/x?api_key=s3cret&API-Key=s&apikey=s", "/x?api_key=***&API-Key=***&apikey=***"},
        {"/x?access_token=s3cret&token=s&id_token=s", "/x?access_token=***&token=***&id_token=***"},
        {"/x?Key=s3cret", "/x?Key=***"},
        {"/x?x=1;key=s3cret", "/x?x=1;key=***"},
        {"/x?key=s3;cret&a=1", "/x?key=***&a=1"},
        {"/x?key=s3#cret?&a=1", "/x?key=***&a=1"},
        {"/x?key[]=s3cret", "/x?key[]=***"},
        {"/x?key%5B%5d=s3cret", "/x?key%5B%5d=***"},
        {"/x?+key=s3cret", "/x?+key=***"},
        {"/x?key%00=s3cret", "/x?key%00=***"},
        {"/x?key%=s3cret", "/x?key%=***"},
        {"/x?key%3Ds3cret", "/x?key=***"},
        {"/x#key=s3cret", "/x#key=***"},
        {"/x%3fkey=s3cret", "/x%3fkey=***"},
        {"/x??key=s3cret", "/x??key=***"},
        {"/x?a=1%26key=s3cret", "/x?a=1%26key=***"},
        {"/x?$=s3cret&a%26b=s", "/x?$=***&a=***"},
        {"key=s3cret", "key=***"},
        {"http://h/x?key=a=b?c", "http://h/x?key=***"},
        {"/key=s?key=", "/key=s?key=***"},
        {"/x?&&key=s&&", "/x?&&key=***&&"},
    };
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g = guard_copy(str_c(rows[i].target));
        struct str shown = query_conceal(g.s, names, 4, &a);
        if (!str_eq(shown, str_c(rows[i].shown)))
            fail_msg("%s: %.*s", rows[i].target, STR_ARG(shown));
        guard_release(&g);
    }
    arena_release(&a);
}

static void all_of_a_query_is_hidden(void **state)
{
    static const struct {
        const char *target, *shown;
    } rows[] = {
        {"", ""},
        {"/x", "/x"},
        {"/x?", "/x?"},
        {"/x?s3cret", "/x?***"},
        {"/x?a=1&b=s3cret", "/x?***"},
        {"/x#s3cret", "/x#***"},
        {"/x;s3cret", "/x;***"},
        {"/x%3fs3cret", "/x%3f***"},
        {"/x%3", "/x%3"},
    };
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g = guard_copy(str_c(rows[i].target));
        struct str shown = query_conceal_all(g.s, &a);
        if (!str_eq(shown, str_c(rows[i].shown)))
            fail_msg("%s: %.*s", rows[i].target, STR_ARG(shown));
        guard_release(&g);
    }
    arena_release(&a);
}

static void without_memory_the_query_is_not_shown(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 16, 4);
    assert_true(str_eq(query_conceal(STR("/x?key=s3cret"), names, 2, &a), STR("/x")));
    assert_true(str_eq(query_conceal_all(STR("/x?s3cret"), &a), STR("/x")));
    assert_null(query_without(STR("key=s3cret"), names[0], &a).p);
    arena_release(&a);
}

static void a_parameter_is_taken_out_wherever_it_stands(void **state)
{
    static const struct {
        const char *query, *left;
    } rows[] = {
        {"", ""},
        {"key=1", ""},
        {"key=1&a=2", "a=2"},
        {"a=2&key=1", "a=2"},
        {"a=2&ke%79=1&b=3&key", "a=2&b=3"},
        {"a=key&keys=1", "a=key&keys=1"},
    };
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g = guard_copy(str_c(rows[i].query));
        struct str left = query_without(g.s, names[0], &a);
        if (!str_eq(left, str_c(rows[i].left)))
            fail_msg("%s: %.*s", rows[i].query, STR_ARG(left));
        guard_release(&g);
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_hidden_and_nothing_else),
        cmocka_unit_test(all_of_a_query_is_hidden),
        cmocka_unit_test(without_memory_the_query_is_not_shown),
        cmocka_unit_test(a_parameter_is_taken_out_wherever_it_stands),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
