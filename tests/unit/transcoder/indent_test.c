#include "transcoder/indent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"

struct indented {
    struct str json, lines;
    uint8_t width;
};

static const struct indented cases[] = {
    {STR_INIT("1"), STR_INIT("1"), 2},
    {STR_INIT("\"a,b:[{}]\""), STR_INIT("\"a,b:[{}]\""), 2},
    {STR_INIT("{}"), STR_INIT("{}"), 2},
    {STR_INIT("[]"), STR_INIT("[]"), 2},
    {STR_INIT("[[],{}]"), STR_INIT("[\n  [],\n  {}\n]"), 2},
    {STR_INIT("[null]"), STR_INIT("[\n null\n]"), 1},
    {STR_INIT("{\"a\":1}"), STR_INIT("{\n  \"a\": 1\n}"), 2},
    {STR_INIT("{\"a\":[1,-2.5e3],\"b\":\"x\"}"),
     STR_INIT("{\n  \"a\": [\n    1,\n    -2.5e3\n  ],\n  \"b\": \"x\"\n}"), 2},
    {STR_INIT("{\"a\":{\"b\":{}}}"),
     STR_INIT("{\n        \"a\": {\n                \"b\": {}\n        }\n}"), 200}, /* as 8 */
    {STR_INIT("[\"\\\"[\",\"\\\\\",\",\"]"), STR_INIT("[\n  \"\\\"[\",\n  \"\\\\\",\n  \",\"\n]"),
     2},
};

static void expect(void *arg, const struct str *pieces, size_t n)
{
    const struct indented *c = arg;
    struct tc_indenter i;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    tc_indent_init(&i, c->width);
    for (size_t k = 0; k < n; k++) {
        struct guard g = guard_copy(pieces[k]);
        assert_true(tc_indent(&i, g.s, &out));
        guard_release(&g);
    }
    if (!str_eq(buf_str(&out), c->lines))
        fail_msg("%.*s became %.*s", STR_ARG(c->json), STR_ARG(buf_str(&out)));
    buf_release(&out);
}

static void indent_puts_json_into_lines_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct indented c = cases[i];
        splits_each(c.json, expect, &c);
    }
}

static void indent_never_passes_the_ceiling(void **state)
{
    const struct indented *c = &cases[7];

    (void)state;
    for (size_t max = 0; max <= c->lines.n; max++) {
        struct tc_indenter i;
        struct buf out;

        buf_init(&out, max);
        tc_indent_init(&i, c->width);
        assert_int_equal(tc_indent(&i, c->json, &out), max == c->lines.n);
        assert_true(out.n <= max);
        buf_release(&out);
    }
}

static bool run(void *arg)
{
    const struct indented *c = arg;
    struct tc_indenter i;
    struct buf out;
    bool ok;

    buf_init(&out, SIZE_MAX);
    tc_indent_init(&i, c->width);
    ok = tc_indent(&i, c->json, &out);
    buf_release(&out);
    return ok;
}

static void indent_reports_every_failing_allocation(void **state)
{
    struct indented c = cases[7];

    (void)state;
    assert_true(failmalloc_each(run, &c) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indent_puts_json_into_lines_however_it_is_cut),
        cmocka_unit_test(indent_never_passes_the_ceiling),
        cmocka_unit_test(indent_reports_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
