#include "transcoder/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/sets.h"
#include "transcoder/wire.h"

enum { MASK_MAX = 1024 };

struct mask_run {
    const struct set *set;
    const char *query;
    size_t max;
    struct str expected; /* contents of a FieldMask */
};

/* Binds thing.name by the path and `query` beside it; makes the mask of what is below `thing`. */
static enum tc_status make(const struct mask_run *run, struct buf *mask)
{
    const struct tc_query_options none = {.body_field = NULL};
    struct tc_error error = {.status = TC_OK};
    struct tc_field_path path;
    struct tc_binding b;
    struct arena arena;
    size_t n;

    arena_init(&arena, 512, 1 << 20);
    buf_init(mask, run->max);
    tc_binding_init(&b, &arena, set_message(run->set, "bodies.PatchRequest"), &error);
    enum tc_status st = TC_NOMEM;
    if (tc_field_path_resolve(b.message, STR("thing.name"), &arena, &path, &n))
        st = tc_bind_path(&b, &path, STR("n"));
    if (st == TC_OK)
        st = tc_bind_query(&b, str_c(run->query), &none);
    if (st == TC_OK)
        st = tc_binding_mask(&b, b.root->child, mask);
    tc_binding_release(&b);
    arena_release(&arena);
    return st;
}

static void the_paths_of_what_is_bound_are_the_mask(void **state)
{
    const struct mask_run runs[] = {
        {NULL, "", MASK_MAX, STR("")},
        {NULL, "thing.note=x", MASK_MAX, STR("\x0a\x04note")},
        {NULL, "thing.name=n&thing.size_in_mm=0", MASK_MAX, STR("\x0a\x04name\x0a\x0asize_in_mm")},
        {NULL, "thing.partOf.partOf.count=1&thing.madeAt=1970-01-01T00:00:00Z&thing.partOf.note=",
         MASK_MAX, STR("\x0a\x15part_of.part_of.count\x0a\x0cpart_of.note\x0a\x07made_at")},
    };
    struct set s = set_load("bodies.pb");
    (void)state;

    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct mask_run run = runs[i];
        struct buf mask;
        run.set = &s;
        assert_int_equal(make(&run, &mask), TC_OK);
        assert_int_equal(mask.n, run.expected.n);
        assert_true(str_eq(buf_str(&mask), run.expected));
        buf_release(&mask);
    }
    set_release(&s);
}

static void a_mask_that_would_be_too_large_is_refused(void **state)
{
    struct set s = set_load("bodies.pb");
    struct mask_run run = {&s, "thing.note=x&thing.partOf.note=y", 30, STR_NONE};
    struct buf mask;
    (void)state;

    assert_int_equal(make(&run, &mask), TC_LIMIT);
    buf_release(&mask);
    set_release(&s);
}

static bool make_once(void *arg)
{
    struct buf mask;
    enum tc_status st = make(arg, &mask);

    assert_true(st == TC_OK || st == TC_NOMEM);
    buf_release(&mask);
    return st == TC_OK;
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct set s = set_load("bodies.pb");
    struct mask_run run = {&s, "thing.note=x&thing.partOf.note=y", MASK_MAX, STR_NONE};
    (void)state;

    assert_true(failmalloc_each(make_once, &run) > 2);
    set_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_paths_of_what_is_bound_are_the_mask),
        cmocka_unit_test(a_mask_that_would_be_too_large_is_refused),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
