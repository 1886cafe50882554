#include "gateway/core/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

static const struct str names[] = {STR_INIT("key"), STR_INIT("api key")};

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
        {"/x?Key=a&keys=b&ke=c&key%=d&=key", "/x?Key=a&keys=b&ke=c&key%=d&=key"},
        {"http://h/x?key=a=b?c", "http://h/x?key=***"},
        {"/key=s?key=", "/key=s?key=***"},
        {"/x?&&key=s&&", "/x?&&key=***&&"},
    };
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g = guard_copy(str_c(rows[i].target));
        struct str shown = query_conceal(g.s, names, 2, &a);
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
        cmocka_unit_test(without_memory_the_query_is_not_shown),
        cmocka_unit_test(a_parameter_is_taken_out_wherever_it_stands),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
