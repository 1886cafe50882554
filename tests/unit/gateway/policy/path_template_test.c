#include "gateway/policy/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"

/* One line per template: literals quoted, variables behind with their span, the verb last. */
static struct str show(const struct path_template *t, struct arena *a)
{
    struct str s = STR("");

    for (uint32_t i = 0; i < t->nsegments; i++) {
        const struct path_segment *g = &t->segments[i];
        if (g->kind == SEGMENT_LITERAL)
            s = arena_printf(a, "%.*s '%.*s'", STR_ARG(s), STR_ARG(g->literal));
        else
            s = arena_printf(a, "%.*s %s", STR_ARG(s), g->kind == SEGMENT_ONE ? "*" : "**");
    }
    for (uint32_t i = 0; i < t->nvariables; i++)
        s = arena_printf(a, "%.*s %.*s=%u-%u", STR_ARG(s), STR_ARG(t->variables[i].path),
                         t->variables[i].first, t->variables[i].last);
    return t->verb.n ? arena_printf(a, "%.*s :%.*s", STR_ARG(s), STR_ARG(t->verb)) : s;
}

struct good {
    const char *text, *shown;
};

static const struct good goods[] = {
    {"/", ""},
    {"/v1", " 'v1'"},
    {"/v1/shelves", " 'v1' 'shelves'"},
    {"/v1/*", " 'v1' *"},
    {"/**", " **"},
    {"/v1/**", " 'v1' **"},
    {"/v1/{name}", " 'v1' * name=1-2"},
    {"/v1/{name=*}", " 'v1' * name=1-2"},
    {"/v1/{name=**}", " 'v1' ** name=1-2"},
    {"/v1/{name=shelves/*}", " 'v1' 'shelves' * name=1-3"},
    {"/v1/{name=shelves/*/books/**}", " 'v1' 'shelves' * 'books' ** name=1-5"},
    {"/v1/{a}/{b}", " 'v1' * * a=1-2 b=2-3"},
    {"/v1/{model.name}", " 'v1' * model.name=1-2"},
    {"/v1/{_a1.B_2=x}", " 'v1' 'x' _a1.B_2=1-2"},
    {"/v1/models:list", " 'v1' 'models' :list"},
    {"/v1/{name}:generate", " 'v1' * name=1-2 :generate"},
    {"/v1/{name=**}:x", " 'v1' ** name=1-2 :x"},
    {"/v1/*:x", " 'v1' * :x"},
    {"/v1/{name}:a:b", " 'v1' * name=1-2 :a:b"},
    {"/v1:x/{name}", " 'v1:x' * name=1-2"},
    {"/v1/{name=a:b/*}:c", " 'v1' 'a:b' * name=1-3 :c"},
    {"/v1/**:end", " 'v1' ** :end"},
    {"/{name=a/**}:b:c", " 'a' ** name=0-2 :b:c"},
    {"/a%20b/%C3%A9:%76", " 'a b' '\xc3\xa9' :v"},
    {"/a%2Fb", " 'a/b'"},
    {"/a%2Ab/%7Bx%7D", " 'a*b' '{x}'"},
    {"/\xc3\xa9", " '\xc3\xa9'"},
    {"/a-b._~!$&'()+,;=@c", " 'a-b._~!$&'()+,;=@c'"},
};

static void a_template_becomes_segments_variables_and_verb(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
        struct arena a;
        struct guard g = guard_copy(str_c(goods[i].text));
        struct path_template t;
        struct str why;

        arena_init(&a, 4096, 1 << 20);
        if (!path_template_parse(g.s, &a, &t, &why))
            fail_msg("%s: %.*s", goods[i].text, STR_ARG(why));
        struct str shown = show(&t, &a);
        if (!str_eq(shown, str_c(goods[i].shown)))
            fail_msg("%s: \"%.*s\"", goods[i].text, STR_ARG(shown));
        arena_release(&a);
        guard_release(&g);
    }
}

struct bad {
    const char *text;
    size_t at;
    const char *why; /* a part of the sentence */
};

static const struct bad bads[] = {
    {"", 0, "starts with \"/\""},
    {"v1", 0, "starts with \"/\""},
    {"{name}", 0, "starts with \"/\""},
    {"//", 1, "empty segments"},
    {"/v1/", 4, "empty segments"},
    {"/v1//x", 4, "empty segments"},
    {"/v1/:x", 4, "empty segments"},
    {"/:x", 1, "empty segments"},
    {"/v1/x:", 6, "a verb is expected"},
    {"/v1/{", 5, "field name is expected"},
    {"/v1/{}", 5, "field name is expected"},
    {"/v1/{name", 9, "the \"{\" at byte 4 is still open"},
    {"/v1/{name/x}", 9, "\"}\" is expected"},
    {"/v1/{name=}", 10, "empty segments"},
    {"/v1/{name=a//b}", 12, "empty segments"},
    {"/v1/{name=a/}", 12, "empty segments"},
    {"/v1/{1a}", 5, "field name is expected"},
    {"/v1/{a.}", 7, "field name is expected"},
    {"/v1/{a..b}", 7, "field name is expected"},
    {"/v1/{a-b}", 6, "\"}\" is expected"},
    {"/v1/{a={b}}", 7, "do not nest"},
    {"/v1/{a=x/{b}}", 9, "do not nest"},
    {"/v1/{a=x{b}}", 8, "do not nest"},
    {"/v1/{a}/{a}", 9, "stands twice"},
    {"/v1/{a}x", 7, "\"/\", \":\" or the end"},
    {"/v1/{a}{b}", 7, "\"/\", \":\" or the end"},
    {"/v1/x{a}", 5, "a segment of its own"},
    {"/v1/a}", 5, "\"/\", \":\" or the end"},
    {"/v1/a*", 5, "stand alone"},
    {"/v1/***", 4, "stand alone"},
    {"/**/*", 4, "must be the last segment"},
    {"/**/**", 4, "must be the last segment"},
    {"/**/{a}", 4, "must be the last segment"},
    {"/**/a", 4, "must be the last segment"},
    {"/**/a:b", 4, "only a \":verb\" may follow it"},
    {"/{name=**}/a", 11, "must be the last segment"},
    {"/{name=**/a}", 10, "must be the last segment"},
    {"/{a=**}/{b=x}", 8, "must be the last segment"},
    {"/a?b", 2, "%3F"},
    {"/a#b", 2, "%23"},
    {"/a b", 2, "%20"},
    {"/a\x01", 2, "%01"},
    {"/a%", 2, "two hex digits"},
    {"/a%4", 2, "two hex digits"},
    {"/a%zz", 2, "two hex digits"},
    {"/a%00", 2, "%00 can never be matched"},
    {"/a/../b", 3, "can never be matched"},
    {"/.", 1, "can never be matched"},
    {"/{a=b/%2e%2E}", 6, "can never be matched"},
    {"/a%ff", 1, "not UTF-8"},
    {"/x:v%C3", 3, "not UTF-8"},
    {"/x:a/b*:c", 6, "stand alone"},
};

static void a_mistake_is_named_with_its_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct arena a;
        struct guard g = guard_copy(str_c(bads[i].text));
        struct path_template t;
        struct str why;
        char place[32];

        arena_init(&a, 4096, 1 << 20);
        assert_false(path_template_parse(g.s, &a, &t, &why));
        snprintf(place, sizeof place, "byte %zu (", bads[i].at);
        if (!why.p || !str_starts(why, str_c(place)) || !strstr(why.p, bads[i].why))
            fail_msg("\"%s\": %.*s", bads[i].text, STR_ARG(why));
        arena_release(&a);
        guard_release(&g);
    }
}

static void a_template_of_256_segments_is_the_longest(void **state)
{
    char text[2 * 257 + 1];
    struct arena a;
    struct path_template t;
    struct str why;

    (void)state;
    for (size_t i = 0; i < 257; i++)
        memcpy(text + 2 * i, "/a", 2);
    arena_init(&a, 4096, 1 << 20);
    assert_true(path_template_parse(str_of(text, 512), &a, &t, &why));
    assert_false(path_template_parse(str_of(text, 514), &a, &t, &why));
    arena_release(&a);
}

static bool parse_once(void *arg)
{
    struct arena a;
    struct path_template t;
    struct str why;

    arena_init(&a, 64, 1 << 20);
    bool ok = path_template_parse(str_c(arg), &a, &t, &why);
    assert_true(ok || !why.p); /* want of memory is no mistake of the author */
    arena_release(&a);
    return ok;
}

static void parsing_survives_any_failed_allocation(void **state)
{
    char text[] = "/v1/{name=shelves/*/%62ooks%20and%20more%20text/lit%65ral/**}:a%62c";

    (void)state;
    assert_true(failmalloc_each(parse_once, text) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_becomes_segments_variables_and_verb),
        cmocka_unit_test(a_mistake_is_named_with_its_byte),
        cmocka_unit_test(a_template_of_256_segments_is_the_longest),
        cmocka_unit_test(parsing_survives_any_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
