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

enum { LINE_MAX = 96, PARTS_MAX = 12 };

static uint32_t roll(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 16) % n;
}

/* ---- a matcher that can be read at a glance ---- */

struct parts {
    struct str part[PARTS_MAX];
    size_t n;
};

static struct parts cut(struct str path)
{
    struct parts p = {.n = 0};

    path = str_skip(path, 1);
    while (path.n + p.n > 0 && path.p)
        p.part[p.n++] = str_cut(&path, '/');
    return p;
}

/* Whether the template from segment `t` on takes the path from `s` on; lengths[] gets what each
 * segment stands for. */
static bool naive_takes(const struct path_template *template, uint32_t t, const struct parts *p,
                        size_t s)
{
    if (t == template->nsegments)
        return s == p->n;
    const struct path_segment *g = &template->segments[t];
    if (g->kind == SEGMENT_REST) {
        for (size_t i = s; i <= p->n; i++)
            if (naive_takes(template, t + 1, p, i))
                return true;
        return false;
    }
    if (s == p->n)
        return false;
    bool fits = g->kind == SEGMENT_ONE ? p->part[s].n > 0 : str_eq(g->literal, p->part[s]);
    return fits && naive_takes(template, t + 1, p, s + 1);
}

/* The end goes before a literal's absence: of two templates that take the same path, the one that
 * is more literal first. */
static int rank(const struct path_template *t, uint32_t i)
{
    if (i == t->nsegments)
        return 0;
    return t->segments[i].kind == SEGMENT_LITERAL ? 0 : t->segments[i].kind == SEGMENT_ONE ? 1 : 2;
}

static bool goes_before(const struct path_template *a, const struct path_template *b)
{
    if (a->verb.n != b->verb.n)
        return a->verb.n > b->verb.n;
    for (uint32_t i = 0; i < a->nsegments || i < b->nsegments; i++) {
        if (rank(a, i) != rank(b, i))
            return rank(a, i) < rank(b, i);
        if (rank(a, i) == 2) /* the longer literal end */
            return a->nsegments > b->nsegments;
    }
    return false;
}

struct candidate {
    struct path_template template;
    const struct route *route;
};

static const struct route *naive_match(const struct candidate *c, size_t n, struct str method,
                                       struct str path, bool *other_method)
{
    const struct candidate *best = NULL;

    *other_method = false;
    for (size_t i = 0; i < n; i++) {
        struct str verb = c[i].template.verb, whole = path;
        size_t end = verb.n + 1;
        if (verb.n) {
            if (path.n <= end || !str_ends(path, verb) || path.p[path.n - end] != ':')
                continue;
            whole.n -= end;
        }
        struct parts p = cut(whole);
        if (!naive_takes(&c[i].template, 0, &p, 0))
            continue;
        if (!str_eq(c[i].route->verb, method))
            *other_method = true;
        else if (!best || goes_before(&c[i].template, &best->template))
            best = &c[i];
    }
    return best ? best->route : NULL;
}

/* ---- random templates and paths ---- */

static void random_template(uint32_t *seed, char *out, size_t size)
{
    static const char *const segments[] = {"a", "b", "a", "b", "*", "*", "**"};
    static const char *const verbs[] = {"", "", ":v", ":w:v"};
    size_t n = 1 + roll(seed, 5), used;
    bool rest = false;

    used = (size_t)snprintf(out, size, "%s ", roll(seed, 2) ? "GET" : "POST");
    for (size_t i = 0; i < n; i++) {
        const char *s = segments[roll(seed, rest ? 4 : 7)];
        rest |= s[0] == '*' && s[1] == '*';
        used += (size_t)snprintf(out + used, size - used, "/%s", s);
    }
    snprintf(out + used, size - used, "%s", verbs[roll(seed, 4)]);
}

static struct str random_path(uint32_t *seed, char *out, size_t size)
{
    static const char *const segments[] = {"a", "b", "a", "b", "c", "", "a:v"};
    static const char *const ends[] = {"", "", ":v", ":w:v", ":w"};
    size_t n = roll(seed, 7), used = 0;

    for (size_t i = 0; i < n || i == 0; i++)
        used += (size_t)snprintf(out + used, size - used, "/%s", n ? segments[roll(seed, 7)] : "");
    if (n)
        used += (size_t)snprintf(out + used, size - used, "%s", ends[roll(seed, 5)]);
    return str_of(out, used);
}

enum { TEMPLATES = 24, TABLES = 150, PATHS = 2000 };

struct random_table {
    char lines[TEMPLATES][LINE_MAX];
    const char *list[TEMPLATES];
    struct candidate candidates[TEMPLATES];
    struct table table;
    size_t n;
};

static bool is_twin(const struct random_table *r, const char *line)
{
    for (size_t i = 0; i < r->n; i++)
        if (str_eq(str_c(r->list[i]), str_c(line)))
            return true;
    return false;
}

static void random_table(struct random_table *r, uint32_t *seed)
{
    struct str why;

    r->n = 0;
    for (size_t i = 0; i < TEMPLATES; i++) {
        random_template(seed, r->lines[i], LINE_MAX);
        if (!is_twin(r, r->lines[i]))
            r->list[r->n++] = r->lines[i];
    }
    r->table = table_new(r->list, r->n);
    for (size_t i = 0; i < r->n; i++) {
        struct candidate *c = &r->candidates[i];
        c->route = &r->table.routes[i];
        assert_true(path_template_parse(c->route->pattern, &r->table.arena, &c->template, &why));
    }
}

static void compare(const struct random_table *r, struct str method, struct str path,
                    struct arena *a)
{
    struct route_match m;
    bool other;
    const struct route *want = naive_match(r->candidates, r->n, method, path, &other);
    enum route_result expected = want ? ROUTE_FOUND : other ? ROUTE_NO_METHOD : ROUTE_NO_PATH;

    arena_reset(a);
    enum route_result got = router_match(r->table.router, method, path, a, &m);
    if (got == expected && m.route == want)
        return;
    for (size_t i = 0; i < r->n; i++)
        print_error("%s\n", r->list[i]);
    fail_msg("%.*s %.*s: %d %.*s, the naive matcher says %d %.*s", STR_ARG(method), STR_ARG(path),
             (int)got, STR_ARG(m.route ? m.route->pattern : STR("-")), (int)expected,
             STR_ARG(want ? want->pattern : STR("-")));
}

static void random_paths_take_the_route_that_a_naive_matcher_finds(void **state)
{
    uint32_t seed = 7;
    struct arena a;
    struct random_table *r = malloc(sizeof *r);
    char path[LINE_MAX];

    (void)state;
    assert_non_null(r);
    arena_init(&a, 4096, 1 << 20);
    for (int i = 0; i < TABLES; i++) {
        random_table(r, &seed);
        for (int j = 0; j < PATHS; j++)
            compare(r, roll(&seed, 2) ? STR("GET") : STR("POST"),
                    random_path(&seed, path, sizeof path), &a);
        table_release(&r->table);
    }
    arena_release(&a);
    free(r);
}

/* ---- cost ---- */

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
                                          "GET /v1/{name}/x:verb%zu", "GET /v%zu/{rest=**}/end%zu"};
    static const char *const paths[] = {"/v1/service7/some-name/items/7", "/v1/some-name/x:verb7",
                                        "/v7/a/b/c/d/e/f/end7"};

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
        snprintf(lines[i] + used, LINE_MAX - used, "/%s/end", i % 3 ? "x" : "**");
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
        if (each > 0.001)
            fail_msg("\"%s\": %.0f us", units[i], each * 1e6);
        arena_release(&a);
    }
    table_release(&t);
}

static void colons_without_end_cost_nothing_even_when_verbs_have_them(void **state)
{
    static const char *const list[] = {"GET /{x=**}:a:a:a:a:a:a:a:a", "GET /{x=**}:a:a",
                                       "GET /{x=**}/y:a"};
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
        cmocka_unit_test(random_paths_take_the_route_that_a_naive_matcher_finds),
        cmocka_unit_test(ten_thousand_routes_cost_what_ten_cost),
        cmocka_unit_test(no_path_of_8_KiB_costs_a_millisecond),
        cmocka_unit_test(colons_without_end_cost_nothing_even_when_verbs_have_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
