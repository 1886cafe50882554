#include "gateway/policy/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/routes.h"

/* ---- which route, with which values ---- */

/* Routes as "GET /v1/{name}"; the table says which one of them takes a request. */
static const char *const api[] = {
    /* 0 */ "GET /v1/models",
    /* 1 */ "GET /v1/models/{name}",
    /* 2 */ "POST /v1/models/{name}:generate",
    /* 3 */ "GET /v1/models/default",
    /* 4 */ "GET /v1/{parent=shelves/*/books/**}",
    /* 5 */ "GET /v1/files/{path=**}",
    /* 6 */ "GET /v1/files/{path=**}:meta",
    /* 7 */ "DELETE /v1/models/{name}",
    /* 8 */ "GET /",
    /* 9 */ "PUT /v1/{a}/{b}/{c}",
    /* 10 */ "* /v1/any/{x}",
    /* 11 */ "GET /v1/any/{x}",
    /* 12 */ "HEAD /v1/head",
    /* 13 */ "GET /v1/head",
    /* 14 */ "POST /v1/{x=**}:cancel",
    /* 15 */ "POST /v1/models/{name}:a:b",
    /* 16 */ "POST /v1/models/{name}:b",
    /* 17 */ "GET /v1/caf%C3%A9",
    /* 18 */ "GET /v1/a%2Fb/x",
    /* 19 */ "PURGE /v1/{name=models/*}",
    /* 20 */ "GET /v2/{x}/end",
    /* 21 */ "GET /v2/{y=**}",
    /* 22 */ "POST /v2/lit/end",
};

struct taken {
    const char *method, *path;
    int route;
    const char *values; /* "a|b" */
};

static const struct taken takens[] = {
    {"GET", "/v1/models", 0, ""},
    {"GET", "/v1/models/llama", 1, "llama"},
    {"HEAD", "/v1/models/llama", 1, "llama"},
    {"GET", "/v1/models/llama:7b", 1, "llama:7b"},
    {"GET", "/v1/models/llama:generate", 1, "llama:generate"},
    {"POST", "/v1/models/llama:generate", 2, "llama"},
    {"POST", "/v1/models/llama:7b:generate", 2, "llama:7b"},
    {"POST", "/v1/models/a%3Ab:generate", 2, "a:b"},
    {"POST", "/v1/models/llama:gener%61te", 2, "llama"},
    {"GET", "/v1/models/default", 3, ""},
    {"GET", "/v1/models/def%61ult", 3, ""},
    {"DELETE", "/v1/models/default", 7, "default"},
    {"GET", "/v1/shelves/1/books/2/3", 4, "shelves/1/books/2/3"},
    {"GET", "/v1/shelves/1/books", 4, "shelves/1/books"},
    {"GET", "/v1/shelves/1/books/", 4, "shelves/1/books/"},
    {"GET", "/v1/shelves/a%2Fb/books/c%20d%2fe", 4, "shelves/a%2Fb/books/c d%2fe"},
    {"GET", "/v1/files", 5, ""},
    {"GET", "/v1/files/", 5, ""},
    {"GET", "/v1/files/a", 5, "a"},
    {"GET", "/v1/files/a//b/", 5, "a//b/"},
    {"GET", "/v1/files/%25zz", 5, "%zz"},
    {"GET", "/v1/files/meta", 5, "meta"},
    {"GET", "/v1/files:meta", 6, ""},
    {"GET", "/v1/files/:meta", 6, ""},
    {"GET", "/v1/files/a/b:meta", 6, "a/b"},
    {"GET", "/v1/files/meta:meta", 6, "meta"},
    {"GET", "/v1/files/a:m%65ta", 6, "a"},
    {"GET", "/v1/files/meta/x", 5, "meta/x"},
    {"GET", "/", 8, ""},
    {"PUT", "/v1/1/2/3", 9, "1|2|3"},
    {"PUT", "/v1/models/2/3", 9, "models|2|3"},
    {"PUT", "/v1/a%2Fb/%20/%C3%A9", 9, "a/b| |\xc3\xa9"},
    {"PATCH", "/v1/any/1", 10, "1"},
    {"GET", "/v1/any/1", 11, "1"},
    {"HEAD", "/v1/any/1", 11, "1"},
    {"HEAD", "/v1/head", 12, ""},
    {"GET", "/v1/head", 13, ""},
    {"POST", "/v1/a/b/c:cancel", 14, "a/b/c"},
    {"POST", "/v1/:cancel", 14, ""},
    {"POST", "/v1:cancel", 14, ""},
    {"POST", "/v1/models/x:a:b", 15, "x"},
    {"POST", "/v1/models/x:c:b", 16, "x:c"},
    {"POST", "/v1/models/x:a:a:b", 15, "x:a"},
    {"GET", "/v1/caf%c3%a9", 17, ""},
    {"GET", "/v1/caf\xc3\xa9", 17, ""},
    {"GET", "/v1/a%2Fb/x", 18, ""},
    {"PURGE", "/v1/models/x", 19, "models/x"},
    {"GET", "/v2/a/end", 20, "a"},
    {"GET", "/v2/lit/end", 20, "lit"}, /* the literal takes POST alone: back to `*` */
    {"GET", "/v2/lit/other", 21, "lit/other"},
    {"GET", "/v2/a/b/c", 21, "a/b/c"},
    {"GET", "/v2/a/", 21, "a/"},
    {"POST", "/v2/lit/end", 22, ""},
};

static void check_taken(const struct table *t, const struct taken *c)
{
    struct arena a;
    struct route_match m;
    struct guard path = guard_copy(str_c(c->path));

    arena_init(&a, 512, 1 << 20);
    enum route_result result = router_match(t->router, str_c(c->method), path.s, &a, &m);
    if (result != ROUTE_FOUND || m.route != &t->routes[c->route])
        fail_msg("%s %s: result %d, route %.*s", c->method, c->path, (int)result,
                 STR_ARG(m.route ? m.route->pattern : STR("none")));
    struct str joined = table_values(&m, &a);
    if (!str_eq(joined, str_c(c->values)))
        fail_msg("%s %s: values \"%.*s\"", c->method, c->path, STR_ARG(joined));
    arena_release(&a);
    guard_release(&path);
}

static void a_request_takes_the_most_literal_route_that_has_its_method(void **state)
{
    struct table t = table_new(api, sizeof api / sizeof *api);

    (void)state;
    for (size_t i = 0; i < sizeof takens / sizeof *takens; i++)
        check_taken(&t, &takens[i]);
    table_release(&t);
}

struct refused {
    const char *method, *path;
    enum route_result result;
    const char *allow;
};

static const struct refused refuseds[] = {
    {"GET", "/v3", ROUTE_NO_PATH, ""},
    {"GET", "/v1/models/", ROUTE_NO_PATH, ""}, /* `*` needs a byte */
    {"GET", "/v1/models/llama/", ROUTE_NO_PATH, ""},
    {"GET", "/v1/models//", ROUTE_NO_PATH, ""},
    {"GET", "//", ROUTE_NO_PATH, ""},
    {"GET", "//v1/models", ROUTE_NO_PATH, ""},
    {"GET", "/v1/Models", ROUTE_NO_PATH, ""},
    {"GET", "/v1/a/b/x", ROUTE_NO_METHOD, "PUT"}, /* not /v1/a%2Fb/x */
    {"POST", "/v1/models/:generate", ROUTE_NO_METHOD, "GET, HEAD, DELETE, PURGE"},
    {"GET", "/v1/shelves//books/1", ROUTE_NO_PATH, ""},
    {"GET", "/v1/models/llama:gen/x", ROUTE_NO_METHOD, "PUT"},
    {"POST", "/v1/models", ROUTE_NO_METHOD, "GET, HEAD"},
    {"get", "/v1/models", ROUTE_NO_METHOD, "GET, HEAD"},
    {"PATCH", "/v1/models/x", ROUTE_NO_METHOD, "GET, HEAD, DELETE, PURGE"},
    {"DELETE", "/v1/models/x:generate", ROUTE_FOUND, ""},
    {"PATCH", "/v1/models/x:generate", ROUTE_NO_METHOD, "POST, GET, HEAD, DELETE, PURGE"},
    {"POST", "/v1/head", ROUTE_NO_METHOD, "HEAD, GET"},
    {"", "/v1/models", ROUTE_NO_METHOD, "GET, HEAD"},
    {"GET", "", ROUTE_BAD_PATH, ""},
    {"OPTIONS", "*", ROUTE_BAD_PATH, ""},
    {"GET", "v1/models", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/%", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/%4", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/%zz", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/%00", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/models/%c0%ae", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/models/%ff", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/models/\xff", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/models/%C3", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/models/%C3/%A9", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/models/%ED%A0%80", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/files/../models", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/files/./a", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/files/%2e%2E", ROUTE_BAD_PATH, ""},
    {"GET", "/v1/files/.%2e/a", ROUTE_BAD_PATH, ""},
};

static void other_requests_are_refused_with_the_right_reason(void **state)
{
    struct table t = table_new(api, sizeof api / sizeof *api);

    (void)state;
    for (size_t i = 0; i < sizeof refuseds / sizeof *refuseds; i++) {
        const struct refused *c = &refuseds[i];
        struct arena a;
        struct route_match m;
        struct guard path = guard_copy(str_c(c->path));
        arena_init(&a, 512, 1 << 20);
        enum route_result result = router_match(t.router, str_c(c->method), path.s, &a, &m);
        if (result != c->result || !str_eq(m.allow, str_c(c->allow)))
            fail_msg("%s %s: result %d, allow \"%.*s\"", c->method, c->path, (int)result,
                     STR_ARG(m.allow));
        arena_release(&a);
        guard_release(&path);
    }
    table_release(&t);
}

static void a_nul_byte_in_the_path_is_a_bad_path(void **state)
{
    struct table t = table_new(api, 2);
    struct route_match m;
    struct arena a;

    (void)state;
    arena_init(&a, 512, 1 << 20);
    assert_int_equal(router_match(t.router, STR("GET"), STR("/v1/models\0x"), &a, &m),
                     ROUTE_BAD_PATH);
    arena_release(&a);
    table_release(&t);
}

static void a_router_without_routes_knows_no_path(void **state)
{
    struct table t = table_new(api, 0);
    struct route_match m;
    struct arena a;

    (void)state;
    arena_init(&a, 512, 1 << 20);
    assert_int_equal(router_match(t.router, STR("GET"), STR("/"), &a, &m), ROUTE_NO_PATH);
    assert_int_equal(router_match(t.router, STR("GET"), STR("/a:b"), &a, &m), ROUTE_NO_PATH);
    arena_release(&a);
    table_release(&t);
}

/* ---- twins ---- */

static const char *const twins[][2] = {
    {"GET /v1/{a}", "GET /v1/{b}"},
    {"GET /v1/a", "GET /v1/%61"},
    {"GET /v1/*", "GET /v1/{b=*}"},
    {"POST /v1/{a=x/*}:do", "POST /v1/x/{b}:d%6F"},
    {"GET /{a=**}", "GET /**"},
    {"GET /x/{a=**}:y", "GET /x/**:y"},
    {"* /v1", "* /v1"},
    {"GET /", "GET /"},
};

static void two_routes_that_take_the_same_requests_are_refused_naming_both(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        struct table t = table_try(twins[i], 2);
        assert_null(t.router);
        assert_int_equal(t.faults.count, 1);
        struct str text = t.faults.first->text;
        for (size_t j = 0; j < 2; j++)
            if (!strstr(text.p, twins[i][j]))
                fail_msg("%s, %s: %.*s", twins[i][0], twins[i][1], STR_ARG(text));
        assert_non_null(strstr(text.p, "(t.proto:1)"));
        assert_true(str_eq(t.faults.first->place, STR("t.proto:2")));
        table_release(&t);
    }
}

static void routes_that_differ_in_one_thing_stand_together(void **state)
{
    static const char *const all[] = {
        "GET /v1/a",    "POST /v1/a",    "* /v1/a",     "GET /v1/*",
        "GET /v1/**",   "GET /v1/a:x",   "GET /v1/*:x", "GET /v1",
        "GET /v1/a/**", "GET /v1/a%2Fb", "GET /v1/a/b", "GET /v1/a%3Ax",
    };
    struct table t = table_try(all, sizeof all / sizeof *all);

    (void)state;
    assert_non_null(t.router);
    table_release(&t);
}

/* ---- memory ---- */

static bool build_once(void *arg)
{
    struct table t = table_try(arg, sizeof api / sizeof *api);
    bool ok = t.router != NULL;

    assert_true(ok || t.faults.out_of_memory);
    assert_int_equal(t.faults.count, 0);
    table_release(&t);
    return ok;
}

static void building_survives_any_failed_allocation(void **state)
{
    (void)state;
    assert_true(failmalloc_each(build_once, (void *)(uintptr_t)api) > 10);
}

struct match_run {
    const struct table *table;
    const char *method, *path;
    enum route_result want;
};

static bool match_once(void *arg)
{
    const struct match_run *run = arg;
    struct arena a;
    struct route_match m;

    arena_init(&a, 64, 1 << 20);
    enum route_result result = router_match(run->table->router, str_c(run->method),
                                            str_c(run->path), &a, &m);
    assert_true(result == ROUTE_NOMEM || result == run->want);
    arena_release(&a);
    return result == run->want;
}

static void matching_survives_any_failed_allocation(void **state)
{
    struct table t = table_new(api, sizeof api / sizeof *api);
    struct match_run runs[] = {
        {&t, "PUT", "/v1/%41%41%41%41/%42%42%42/%43%43:%44%44", ROUTE_FOUND},
        {&t, "GET", "/v1/files/%41%41/%42%42/m%65ta", ROUTE_FOUND},
        {&t, "POST", "/v1/models/%41:g%65nerat%65", ROUTE_FOUND},
        {&t, "PATCH", "/v1/models/%41:g%65nerat%65", ROUTE_NO_METHOD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        assert_true(failmalloc_each(match_once, &runs[i]) > 0);
    table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_takes_the_most_literal_route_that_has_its_method),
        cmocka_unit_test(other_requests_are_refused_with_the_right_reason),
        cmocka_unit_test(a_nul_byte_in_the_path_is_a_bad_path),
        cmocka_unit_test(a_router_without_routes_knows_no_path),
        cmocka_unit_test(two_routes_that_take_the_same_requests_are_refused_naming_both),
        cmocka_unit_test(routes_that_differ_in_one_thing_stand_together),
        cmocka_unit_test(building_survives_any_failed_allocation),
        cmocka_unit_test(matching_survives_any_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
