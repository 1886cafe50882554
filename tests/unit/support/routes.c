#include "tests/unit/support/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct tc_method method = {.name = STR_INIT("M"), .full_name = STR_INIT("t.S.M")};
static const struct method_policy policy = {.method = &method};

static bool add_route(struct table *t, const char *line, size_t i)
{
    struct route *r = &t->routes[i];
    struct path_template template;
    struct str text = arena_copy(&t->arena, str_c(line)), why;

    if (!text.p)
        return false;
    r->policy = &policy;
    r->verb = str_cut(&text, ' ');
    r->pattern = text;
    r->place = arena_printf(&t->arena, "t.proto:%zu", i + 1);
    if (!r->place.p || !path_template_parse(text, &t->arena, &template, &why))
        return false;
    struct route_variable *v = arena_array(&t->arena, template.nvariables, sizeof *v);
    for (uint32_t j = 0; v && j < template.nvariables; j++)
        path_template_span(&template, j, &v[j]);
    r->variables = v;
    r->nvariables = (uint16_t) template.nvariables;
    return v != NULL;
}

struct table table_try(const char *const *lines, size_t n)
{
    struct table t = {.router = NULL};
    bool ok = true;

    arena_init(&t.arena, 1 << 9, 256 << 20);
    tc_faults_init(&t.faults, &t.arena);
    t.routes = arena_array(&t.arena, n, sizeof *t.routes);
    for (size_t i = 0; i < n && ok && t.routes; i++)
        ok = add_route(&t, lines[i], i);
    if (ok && t.routes)
        t.router = router_build(t.routes, (uint32_t)n, &t.arena, &t.faults);
    else
        t.faults.out_of_memory = true;
    return t;
}

struct table table_new(const char *const *lines, size_t n)
{
    struct table t = table_try(lines, n);

    for (const struct tc_fault *f = t.faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    assert_non_null(t.router);
    return t;
}

void table_release(struct table *t)
{
    arena_release(&t->arena);
}

struct str table_values(const struct route_match *m, struct arena *a)
{
    struct str s = STR("");

    for (uint16_t i = 0; i < m->route->nvariables; i++)
        s = arena_printf(a, "%.*s%s%.*s", STR_ARG(s), i ? "|" : "", STR_ARG(m->values[i]));
    return s;
}
