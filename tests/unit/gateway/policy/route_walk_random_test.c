#include "gateway/policy/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/routes.h"

/* The router against a matcher that can be read at a glance, on random routes and paths: which
 * route, which values, which Allow. Nothing here calls the router's own reading of templates and
 * escapes. The seed is fixed; POSTERN_SEED=n tries another. */

enum {
    TABLES = 2500,
    PATHS = 400, /* per table: a million pairs in all */
    ROUTES = 24,
    SEGMENTS = 5,
    VARIABLES = 3,
    TEXT = 256,
    PARTS = 40,
};

struct rng {
    uint64_t state;
};

static uint32_t roll(struct rng *r, uint32_t n)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(r->state >> 33) % n;
}

static struct str pick(struct rng *r, const char *const *list, uint32_t n)
{
    return str_c(list[roll(r, n)]);
}

#define PICK(r, list) pick(r, list, sizeof(list) / sizeof *(list))

/* ---- text that grows ---- */

struct text {
    char p[TEXT];
    size_t n;
};

static void add(struct text *t, struct str s)
{
    assert_true(t->n + s.n <= TEXT);
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

static struct str of(const struct text *t)
{
    return str_of(t->p, t->n);
}

static void add_escape(struct text *t, char c, bool upper)
{
    char hex[4];

    snprintf(hex, sizeof hex, upper ? "%%%02X" : "%%%02x", (unsigned)(unsigned char)c);
    add(t, str_of(hex, 3));
}

/* `s` with those bytes as escapes that must be, and some that need not. */
static void add_spelled(struct text *t, struct str s, const char *always, struct rng *r)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr(always, s.p[i]) || roll(r, 6) == 0)
            add_escape(t, s.p[i], roll(r, 2));
        else
            add(t, str_of(s.p + i, 1));
}

/* ---- routes ---- */

struct segment {
    enum path_segment_kind kind;
    struct str literal;
};

struct shape {
    struct str method, verb;
    struct segment segments[SEGMENTS];
    uint32_t n, nvariables;
    struct {
        uint32_t first, last;
    } variables[VARIABLES];
    struct text line; /* "GET /a/{v0=*}:v" */
};

static const char *const literals[] = {"a", "b", "a", "b", "\xc3\xa9", "a/b", "x:y", "v"};
static const char *const methods[] = {"GET", "GET", "POST", "POST", "HEAD", "PUT", "*"};
static const char *const verbs[] = {"", "", "", "v", "w:v", "\xc3\xa9", "y"};

/* `**` ends a path, in one of three. */
static void random_segments(struct shape *s, struct rng *r)
{
    s->n = roll(r, SEGMENTS + 1);
    for (uint32_t i = 0; i < s->n; i++) {
        s->segments[i].kind = roll(r, 9) < 6 ? SEGMENT_LITERAL : SEGMENT_ONE;
        s->segments[i].literal = PICK(r, literals);
    }
    if (s->n && roll(r, 3) == 0)
        s->segments[s->n - 1].kind = SEGMENT_REST;
}

/* Variables stand side by side. */
static void random_variables(struct shape *s, struct rng *r)
{
    s->nvariables = 0;
    for (uint32_t i = 0; i < s->n && s->nvariables < VARIABLES; i++) {
        if (roll(r, 2))
            continue;
        uint32_t last = i + 1 + roll(r, s->n - i);
        s->variables[s->nvariables].first = i;
        s->variables[s->nvariables++].last = last;
        i = last - 1;
    }
}

static void write_line(struct shape *s, struct rng *r)
{
    uint32_t v = 0;

    s->line.n = 0;
    add(&s->line, s->method);
    add(&s->line, s->n ? STR(" ") : STR(" /"));
    for (uint32_t i = 0; i < s->n; i++) {
        const struct segment *g = &s->segments[i];
        char head[16];
        add(&s->line, STR("/"));
        if (v < s->nvariables && s->variables[v].first == i) {
            snprintf(head, sizeof head, "{v%u=", v);
            add(&s->line, str_c(head));
        }
        if (g->kind == SEGMENT_LITERAL)
            add_spelled(&s->line, g->literal, "/:", r);
        else
            add(&s->line, g->kind == SEGMENT_ONE ? STR("*") : STR("**"));
        if (v < s->nvariables && s->variables[v].last == i + 1) {
            add(&s->line, STR("}"));
            v++;
        }
    }
    if (s->verb.n && s->n) {
        add(&s->line, STR(":"));
        add_spelled(&s->line, s->verb, "", r);
    } else {
        s->verb = STR("");
    }
}

static int kind_at(const struct shape *s, uint32_t i)
{
    return i < s->n ? (int)s->segments[i].kind : -1;
}

/* They take the same paths. */
static bool same_shape(const struct shape *a, const struct shape *b)
{
    if (a->n != b->n || !str_eq(a->verb, b->verb))
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (kind_at(a, i) != kind_at(b, i) ||
            (kind_at(a, i) == SEGMENT_LITERAL &&
             !str_eq(a->segments[i].literal, b->segments[i].literal)))
            return false;
    return true;
}

struct random_table {
    struct shape shapes[ROUTES];
    struct table table;
    uint32_t n;
};

static void random_table(struct random_table *t, struct rng *r)
{
    char lines[ROUTES][TEXT + 1];
    const char *list[ROUTES];
    uint32_t want = 1 + roll(r, ROUTES);

    t->n = 0;
    while (want-- > 0) {
        struct shape *s = &t->shapes[t->n];
        bool twin = false;
        s->method = PICK(r, methods);
        s->verb = PICK(r, verbs);
        random_segments(s, r);
        random_variables(s, r);
        write_line(s, r);
        for (uint32_t i = 0; i < t->n; i++)
            twin |= str_eq(t->shapes[i].method, s->method) && same_shape(&t->shapes[i], s);
        if (twin)
            continue;
        memcpy(lines[t->n], s->line.p, s->line.n);
        lines[t->n][s->line.n] = 0;
        list[t->n] = lines[t->n];
        t->n++;
    }
    t->table = table_new(list, t->n);
}

/* ---- paths ---- */

static void add_value(struct text *t, struct rng *r)
{
    static const char *const values[] = {"a", "b", "c", "x:y", "\xc3\xa9", "a/b", "a:v", "..", ":"};

    add_spelled(t, PICK(r, values), "/", r);
}

/* Close to what a route takes, most of the time. */
static void random_path(struct text *t, const struct random_table *table, struct rng *r)
{
    const struct shape *s = &table->shapes[roll(r, table->n)];

    t->n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t repeat = s->segments[i].kind == SEGMENT_REST ? roll(r, 4) : 1;
        if (roll(r, 24) == 0)
            continue; /* one too few */
        for (uint32_t j = 0; j < repeat; j++) {
            add(t, STR("/"));
            if (roll(r, 24) == 0)
                continue; /* an empty one */
            if (s->segments[i].kind == SEGMENT_LITERAL && roll(r, 12))
                add_spelled(t, s->segments[i].literal, "/", r);
            else
                add_value(t, r);
        }
    }
    if (t->n == 0 || roll(r, 16) == 0)
        add(t, STR("/"));
    if (roll(r, 3) == 0 || (s->verb.n && roll(r, 4))) {
        struct str verb = roll(r, 3) ? s->verb : PICK(r, verbs);
        add(t, STR(":"));
        add_spelled(t, verb, "/", r);
    }
    if (roll(r, 500) == 0)
        add(t, STR("%zz"));
}

/* ---- the naive matcher ---- */

static int digit(char c)
{
    const char *all = "0123456789abcdef", *at = c ? strchr(all, c | 0x20) : NULL;

    if (c >= '0' && c <= '9')
        at = strchr(all, c);
    return at ? (int)(at - all) : -1;
}

/* False for an escape that is none. */
static bool decode(struct text *out, struct str raw, bool keep_slash)
{
    out->n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] != '%') {
            add(out, str_of(raw.p + i, 1));
            continue;
        }
        if (i + 2 >= raw.n || digit(raw.p[i + 1]) < 0 || digit(raw.p[i + 2]) < 0)
            return false;
        char c = (char)(digit(raw.p[i + 1]) << 4 | digit(raw.p[i + 2]));
        add(out, c == '/' && keep_slash ? str_of(raw.p + i, 3) : str_of(&c, 1));
        i += 2;
    }
    return true;
}

static bool is_bad(struct str path)
{
    struct text t;
    bool bad = false;

    while (path.p && !bad) {
        bad = !decode(&t, str_cut(&path, '/'), false) || str_eq(of(&t), STR(".")) ||
              str_eq(of(&t), STR(".."));
    }
    return bad;
}

struct parts {
    struct str part[PARTS];
    uint32_t n;
};

static struct parts cut(struct str path)
{
    struct parts p = {.n = 0};
    struct str rest = str_skip(path, 1);

    while (rest.p && (rest.n || p.n)) {
        assert_true(p.n < PARTS);
        p.part[p.n++] = str_cut(&rest, '/');
    }
    return p;
}

static bool spells(struct str raw, struct str text)
{
    struct text t;

    return decode(&t, raw, false) && str_eq(of(&t), text);
}

static bool fits(const struct shape *s, uint32_t i, const struct parts *p, uint32_t at)
{
    if (i == s->n || i == SEGMENTS)
        return at == p->n;
    if (s->segments[i].kind == SEGMENT_REST) {
        for (uint32_t next = at; next <= p->n; next++)
            if (fits(s, i + 1, p, next))
                return true;
        return false;
    }
    if (at == p->n)
        return false;
    bool one = s->segments[i].kind == SEGMENT_ONE ? p->part[at].n > 0
                                                  : spells(p->part[at], s->segments[i].literal);
    return one && fits(s, i + 1, p, at + 1);
}

/* A path that a route takes: where its verb begins, or the path's length. */
struct taken {
    const struct shape *shape;
    size_t verb_at;
    struct parts parts;
};

static bool takes(const struct shape *s, struct str path, struct taken *out)
{
    size_t last = path.n;

    out->shape = s;
    out->verb_at = path.n;
    while (s->verb.n && last > 0 && path.p[last - 1] != '/')
        last--;
    for (size_t i = last; s->verb.n && i < path.n; i++)
        if (path.p[i] == ':' && spells(str_skip(path, i + 1), s->verb))
            out->verb_at = i;
    if (s->verb.n && out->verb_at == path.n)
        return false;
    out->parts = cut(str_of(path.p, out->verb_at));
    return fits(s, 0, &out->parts, 0);
}

/* The earlier verb, then literal before `*` before `**`. */
static bool goes_before(const struct taken *a, const struct taken *b)
{
    if (a->verb_at != b->verb_at)
        return a->verb_at < b->verb_at;
    for (uint32_t i = 0; i < a->shape->n || i < b->shape->n; i++) {
        int ka = kind_at(a->shape, i), kb = kind_at(b->shape, i);
        if (ka != kb)
            return ka < kb;
    }
    return false;
}

/* 0: not at all; the larger, the better. */
static int suits(struct str route, struct str method)
{
    if (str_eq(route, method))
        return 3;
    if (str_eq(method, STR("HEAD")) && str_eq(route, STR("GET")))
        return 2;
    return str_eq(route, STR("*"));
}

static bool better(const struct taken *a, const struct taken *b, struct str method)
{
    if (!b->shape || goes_before(a, b))
        return true;
    return !goes_before(b, a) && suits(a->shape->method, method) > suits(b->shape->method, method);
}

/* `others`: methods of routes that take the path, as bits of their place in `methods`. */
static struct taken naive_match(const struct random_table *t, struct str method, struct str path,
                                uint32_t *others)
{
    struct taken best = {.shape = NULL};

    *others = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        struct taken now;
        if (!takes(&t->shapes[i], path, &now))
            continue;
        for (uint32_t m = 0; m < sizeof methods / sizeof *methods; m++)
            if (str_eq(str_c(methods[m]), now.shape->method))
                *others |= 1u << m;
        if (suits(now.shape->method, method) && better(&now, &best, method))
            best = now;
    }
    return best;
}

/* ---- comparing ---- */

static struct str naive_value(const struct taken *t, uint32_t v, struct text *out)
{
    uint32_t first = t->shape->variables[v].first, last = t->shape->variables[v].last;
    uint32_t end = last;
    struct text raw = {.n = 0};
    bool open = false;

    for (uint32_t i = first; i < last; i++)
        open |= t->shape->segments[i].kind == SEGMENT_REST;
    if (open)
        end = t->parts.n - (t->shape->n - last);
    for (uint32_t i = first; i < end; i++) {
        add(&raw, i > first ? STR("/") : STR(""));
        add(&raw, t->parts.part[i]);
    }
    assert_true(decode(out, of(&raw), open || last - first > 1));
    return of(out);
}

static bool same_values(const struct taken *t, const struct route_match *m)
{
    struct text out;

    for (uint32_t v = 0; v < t->shape->nvariables; v++)
        if (!str_eq(m->values[v], naive_value(t, v, &out)))
            return false;
    return true;
}

/* "GET, HEAD, POST" has exactly those methods; HEAD goes with GET. */
static bool same_allow(struct str allow, uint32_t others)
{
    uint32_t said = 0, n = 0, want = 0;

    while (allow.p) {
        struct str one = str_trim(str_cut(&allow, ','));
        n++;
        for (uint32_t m = 0; m < sizeof methods / sizeof *methods; m++)
            if (str_eq(str_c(methods[m]), one))
                said |= 1u << m;
    }
    for (uint32_t m = 0; m < sizeof methods / sizeof *methods; m++)
        if (others >> m & 1 && str_eq(str_c(methods[m]), STR("GET")))
            for (uint32_t h = 0; h < sizeof methods / sizeof *methods; h++)
                others |= (uint32_t)str_eq(str_c(methods[h]), STR("HEAD")) << h;
    for (uint32_t m = 0; m < sizeof methods / sizeof *methods; m++) /* twins in the list count once
                                                                     */
        want += (others >> m & 1) && (m == 0 || !str_eq(str_c(methods[m]), str_c(methods[m - 1])));
    return said == others && n == want;
}

static bool agrees(const struct random_table *t, struct str method, struct str path,
                   struct arena *a)
{
    uint32_t others;
    struct route_match m;
    enum route_result got = router_match(t->table.router, method, path, a, &m);

    if (is_bad(path))
        return got == ROUTE_BAD_PATH;
    struct taken want = naive_match(t, method, path, &others);
    if (want.shape)
        return got == ROUTE_FOUND && m.route == &t->table.routes[want.shape - t->shapes] &&
               same_values(&want, &m);
    if (others)
        return got == ROUTE_NO_METHOD && same_allow(m.allow, others);
    return got == ROUTE_NO_PATH;
}

static void tell(const struct random_table *t, struct str method, struct str path, struct arena *a,
                 uint64_t seed)
{
    struct route_match m;
    uint32_t others;
    enum route_result got = router_match(t->table.router, method, path, a, &m);
    struct taken want = naive_match(t, method, path, &others);

    for (uint32_t i = 0; i < t->n; i++)
        print_error("  %.*s\n", STR_ARG(of(&t->shapes[i].line)));
    fail_msg(
        "POSTERN_SEED=%llu: %.*s %.*s: result %d, route %.*s, values %.*s, Allow %.*s; the naive "
        "matcher takes %.*s",
        (unsigned long long)seed, STR_ARG(method), STR_ARG(path), (int)got,
        STR_ARG(m.route ? m.route->pattern : STR("none")),
        STR_ARG(m.route ? table_values(&m, a) : STR("")), STR_ARG(m.allow),
        STR_ARG(want.shape ? of(&want.shape->line) : STR("none")));
}

static void a_million_random_pairs_agree_with_a_naive_matcher(void **state)
{
    static const char *const asked[] = {"GET", "GET", "POST", "HEAD", "PUT", "LINK"};
    static struct random_table table;
    const char *given = getenv("POSTERN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20240229;
    struct rng r = {seed};
    struct text path;
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 14, 1 << 20);
    for (uint32_t i = 0; i < TABLES; i++) {
        random_table(&table, &r);
        for (uint32_t j = 0; j < PATHS; j++) {
            struct str method = PICK(&r, asked);
            random_path(&path, &table, &r);
            arena_reset(&a);
            if (!agrees(&table, method, of(&path), &a))
                tell(&table, method, of(&path), &a, seed);
        }
        table_release(&table.table);
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_random_pairs_agree_with_a_naive_matcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
