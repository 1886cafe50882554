/* A template, a newline, and paths to be matched: a template that is taken makes a router, and what
 * that finds fills every variable. */
#include "gateway/policy/route.h"
#include "tests/fuzz/fuzz.h"

static void match(const struct router *router, const struct path_template *t, struct str path)
{
    struct arena arena;
    struct route_match m = {0};
    arena_init(&arena, 4096, 16 << 20);
    if (router_match(router, STR("GET"), path, &arena, &m) == ROUTE_FOUND)
        for (uint32_t i = 0; i < t->nvariables; i++)
            REQUIRE(m.values[i].p != NULL);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, text = str_cut(&rest, '\n'), why = STR_NONE;
    struct method_policy policy = {.method = NULL};
    struct route_variable variables[64] = {{.first = 0}};
    struct path_template t;
    struct tc_faults faults;
    struct arena arena;

    arena_init(&arena, 4096, 16 << 20);
    tc_faults_init(&faults, &arena);
    bool ok = path_template_parse(text, &arena, &t, &why);
    REQUIRE(ok || why.n);
    if (ok && t.nvariables <= 64) {
        for (uint32_t i = 0; i < t.nvariables; i++)
            path_template_span(&t, i, &variables[i]);
        struct route route = {.policy = &policy,
                              .verb = STR("GET"),
                              .pattern = text,
                              .variables = variables,
                              .nvariables = (uint16_t)t.nvariables,
                              .place = STR("fuzz")};
        const struct router *router = router_build(&route, 1, &arena, &faults);
        while (router && rest.p)
            match(router, &t, str_cut(&rest, '\n'));
    }
    arena_release(&arena);
    return 0;
}
