#include "stubs/reflection_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/sets.h"

struct index {
    struct arena arena;
    struct reflection_index index;
};

static bool build(struct index *x, struct str set)
{
    arena_init(&x->arena, 64 << 10, 64 << 20);
    x->index = (struct reflection_index){.arena = &x->arena};
    bool ok = reflection_index_add(&x->index, set) && reflection_index_add(&x->index, set);
    reflection_index_finish(&x->index);
    return ok;
}

static struct str file_of(const struct index *x, const char *symbol)
{
    int64_t file = reflection_symbol(&x->index, str_c(symbol));
    return file == REFLECTION_NONE ? STR("none") : x->index.files[file].name;
}

static void symbols_of_every_kind_lead_to_their_file(void **state)
{
    static const struct {
        const char *symbol, *file;
    } cases[] = {
        {"kitchen2.Sink2", "kitchen_sink2.proto"},
        {"kitchen2.Sink2.Nested", "kitchen_sink2.proto"},
        {"kitchen2.Sink2.d_int32", "kitchen_sink2.proto"},
        {"kitchen2.Sink2.choice", "kitchen_sink2.proto"},
        {"kitchen2.ext_int32", "kitchen_sink2.proto"},
        {"kitchen2.Sink2.Nested.scoped", "kitchen_sink2.proto"},
        {"kitchen2.Level", "kitchen_sink2.proto"},
        {"kitchen2.HIGH", "kitchen_sink2.proto"},
        {"kitchen.Sink", "kitchen_sink.proto"},
        {"google.protobuf.Timestamp.seconds", "google/protobuf/timestamp.proto"},
        {"kitchen2.Level.HIGH", "none"},
        {"kitchen2", "none"},
        {"", "none"},
    };
    (void)state;
    struct set s = set_load("kitchen_sink2.pb");
    struct index x;
    assert_true(build(&x, s.bytes));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!str_eq(file_of(&x, cases[i].symbol), str_c(cases[i].file)))
            fail_msg("%s: %.*s", cases[i].symbol, STR_ARG(file_of(&x, cases[i].symbol)));
    arena_release(&x.arena);
    set_release(&s);
}

static void services_methods_and_extensions_are_found_once(void **state)
{
    (void)state;
    struct set s = set_load("kitchen_sink2.pb");
    struct index x;
    assert_true(build(&x, s.bytes));
    assert_int_equal(x.index.nfiles, s.schema->nfiles);
    assert_int_equal(x.index.nservices, s.schema->nservices);
    for (uint32_t i = 0; i < s.schema->nservices; i++)
        for (uint32_t k = 0; k < s.schema->services[i].nmethods; k++)
            assert_true(reflection_symbol(&x.index, s.schema->services[i].methods[k].full_name) !=
                        REFLECTION_NONE);
    int64_t here = reflection_file(&x.index, STR("kitchen_sink2.proto"));
    assert_int_equal(reflection_extension(&x.index, STR("kitchen2.Sink2"), 1000), here);
    assert_int_equal(reflection_extension(&x.index, STR("kitchen2.Sink2"), 999), REFLECTION_NONE);
    assert_int_equal(reflection_extension(&x.index, STR("kitchen2.None"), 1000), REFLECTION_NONE);
    arena_release(&x.arena);
    set_release(&s);
}

static void a_cut_set_is_refused(void **state)
{
    (void)state;
    struct set s = set_load("demo/v1/echo.pb");
    struct index x;
    assert_false(build(&x, str_of(s.bytes.p, s.bytes.n - 1)));
    arena_release(&x.arena);
    set_release(&s);
}

static bool build_once(void *set)
{
    struct index x;
    bool ok = build(&x, *(const struct str *)set);
    arena_release(&x.arena);
    return ok;
}

static void each_failing_allocation_is_told(void **state)
{
    (void)state;
    struct set s = set_load("google/rpc/status.pb");
    assert_true(failmalloc_each(build_once, &s.bytes) > 0);
    set_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_of_every_kind_lead_to_their_file),
        cmocka_unit_test(services_methods_and_extensions_are_found_once),
        cmocka_unit_test(a_cut_set_is_refused),
        cmocka_unit_test(each_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
