#include "gateway/policy/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/support/routes.h"
#include "tests/unit/support/slower.h"

enum { LINE_MAX = 96 };

/* What a match costs. Which route it finds: route_test.c and route_walk_random_test.c. */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU time of the quickest of five rounds of `n` matches of `path`. */
static double cost(const struct table *t, struct str path, int n, enum route_result want)
{
    double best = 1e9;
    struct arena a;
    struct route_match m;

    arena_init(&a, 1 << 16, 1 << 24);
    for (int round = 0; round < 5; round++) {
        double start = seconds();
        for (int i = 0; i < n; i++) {
            arena_reset(&a);
            assert_int_equal(router_match(t->router, STR("GET"), path, &a, &m), want);
        }
        double took = seconds() - start;
        best = took < best ? took : best;
    }
    arena_release(&a);
    return best;
}

static struct table numbered(size_t n, const char *format)
{
    char(*lines)[LINE_MAX] = malloc(n * sizeof *lines);
    const char **list = malloc(n * sizeof *list);

    assert_non_null(lines);
    assert_non_null(list);
    for (size_t i = 0; i < n; i++) {
        snprintf(lines[i], LINE_MAX, format, i, i);
        list[i] = lines[i];
    }
    struct table t = table_new(list, n);
    free(list);
    free(lines);
    return t;
}

static void ten_thousand_routes_cost_what_ten_cost(void **state)
{
    static const char *const formats[] = {"GET /v1/service%zu/{name}/items/%zu",
                                          "GET /v1/{name}/x:verb%zu", "GET /v%zu/{rest=**}:end%zu"};
    static const char *const paths[] = {"/v1/service7/some-name/items/7", "/v1/some-name/x:verb7",
                                        "/v7/a/b/c/d/e/f:end7"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct table few = numbered(10, formats[i]), many = numbered(10000, formats[i]);
        double low = cost(&few, str_c(paths[i]), 20000, ROUTE_FOUND);
        double high = cost(&many, str_c(paths[i]), 20000, ROUTE_FOUND);
        print_message("%s: %.0f ns with 10 routes, %.0f with 10,000\n", paths[i], low * 5e4,
                      high * 5e4);
        if (high > 4 * low) /* caches take their share */
            fail_msg("%s: %.0f ns with 10 routes, %.0f with 10,000", paths[i], low * 5e4,
                     high * 5e4);
        table_release(&few);
        table_release(&many);
    }
}

/* A table in which each segment may be a literal or `*`: 2^8 ways for a path of eight segments. */
static struct table forked(void)
{
    static char lines[256][LINE_MAX];
    static const char *list[256];

    for (size_t i = 0; i < 256; i++) {
        size_t used = (size_t)snprintf(lines[i], LINE_MAX, "GET ");
        for (size_t bit = 0; bit < 8; bit++)
            used += (size_t)snprintf(lines[i] + used, LINE_MAX - used, i >> bit & 1 ? "/*" : "/a");
        snprintf(lines[i] + used, LINE_MAX - used, "/%s", i % 3 ? "x/end" : "y/**");
        list[i] = lines[i];
    }
    return table_new(list, 256);
}

static struct str repeat(char *out, const char *unit, size_t size)
{
    struct str u = str_c(unit);
    size_t n = 0;

    for (; n + u.n <= size; n += u.n)
        memcpy(out + n, u.p, u.n);
    return str_of(out, n);
}

static void no_path_of_8_KiB_costs_a_millisecond(void **state)
{
    static const char *const units[] = {"/a", "/",  "/a:", "/%61",   "/a/x/end",
                                        ":x", "/:", "//a", "/%C3%A9"};
    struct table t = forked();
    char path[8192];

    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        path[0] = '/';
        struct str p = repeat(path + 1, units[i], sizeof path - 1);
        p = str_of(path, p.n + 1);
        struct arena a;
        struct route_match m;
        arena_init(&a, 1 << 16, 10 * sizeof path); /* what a byte may cost */
        double start = seconds();
        for (int j = 0; j < 10; j++) {
            arena_reset(&a);
            assert_int_equal(router_match(t.router, STR("GET"), p, &a, &m), ROUTE_NO_PATH);
        }
        double each = (seconds() - start) / 10;
        if (each > 0.001 * SLOWER)
            fail_msg("\"%s\": %.0f us", units[i], each * 1e6);
        arena_release(&a);
    }
    table_release(&t);
}

static void colons_without_end_cost_nothing_even_when_verbs_have_them(void **state)
{
    static const char *const list[] = {"GET /{x=**}:a:a:a:a:a:a:a:a", "GET /{x=**}:a:a",
                                       "GET /y/{x=**}:a"};
    struct table t = table_new(list, 3);
    char path[8192];
    struct str p = repeat(path, ":a", sizeof path);

    (void)state;
    path[0] = '/';
    assert_true(cost(&t, p, 10, ROUTE_FOUND) < 0.01);
    table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_routes_cost_what_ten_cost),
        cmocka_unit_test(no_path_of_8_KiB_costs_a_millisecond),
        cmocka_unit_test(colons_without_end_cost_nothing_even_when_verbs_have_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
