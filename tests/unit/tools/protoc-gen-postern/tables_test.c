/* The tables that the tool printed (those in gen/) are those that a descriptor set is compiled to.
 * tests/e2e/test_codegen.py does the same for protos with everything in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gen/demo/v1/echo.postern.h"
#include "gen/demo/v1/text_generation.postern.h"
#include "gen/google/rpc/error_details.postern.h"
#include "gen/inference/grpc_service.postern.h"
#include "gen/postern/v1/config.postern.h"
#include "tests/unit/support/schema_equal.h"
#include "tests/unit/support/sets.h"

static void printed_tables_equal_the_loaded_ones(void **state)
{
    static const struct {
        const char *set;
        const struct tc_schema *printed;
    } cases[] = {
        {"demo/v1/echo.pb", &postern_schema_demo_v1_echo},
        {"demo/v1/text_generation.pb", &postern_schema_demo_v1_text_generation},
        {"inference/grpc_service.pb", &postern_schema_inference_grpc_service},
        {"google/rpc/error_details.pb", &postern_schema_google_rpc_error_details},
        {"postern/v1/config.pb", &postern_schema_postern_v1_config},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[SCHEMA_DIFFERENCE_MAX];
        struct set s = set_load(cases[i].set);
        const char *difference = schema_difference(cases[i].printed, s.schema, where);
        if (difference)
            fail_msg("%s: %s", cases[i].set, difference);
        set_release(&s);
    }
}

static void a_difference_is_told(void **state)
{
    (void)state;
    char where[SCHEMA_DIFFERENCE_MAX];
    const struct tc_schema *schema = &postern_schema_demo_v1_echo;
    const struct tc_message *echo = tc_schema_message(schema, STR("demo.v1.EchoMessage"));
    struct tc_field fields[5];
    struct tc_message changed = *echo;
    assert_int_equal(echo->nfields, 5);
    memcpy(fields, echo->fields, sizeof fields);
    fields[4].flags ^= TC_PRESENCE;
    changed.fields = fields;
    const struct tc_message *const left[] = {echo}, *const right[] = {&changed};
    const struct tc_schema a = {.messages = left, .nmessages = 1};
    const struct tc_schema b = {.messages = right, .nmessages = 1};
    assert_string_equal(schema_difference(&a, &b, where), "id: flags");
}

static void embedded_descriptors_compile_to_the_same_but_for_lines(void **state)
{
    (void)state;
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 64 << 10, 64 << 20);
    tc_faults_init(&faults, &arena);
    const struct tc_schema *s = schema_compile(postern_descriptors_demo_v1_echo, &arena, &faults);
    const struct tc_schema *printed = &postern_schema_demo_v1_echo;
    assert_non_null(s);
    assert_int_equal(s->nmessages, printed->nmessages);
    assert_int_equal(s->services[0].line, 0);
    assert_true(printed->services[0].line > 0);
    assert_true(str_eq(s->services[0].methods[0].options.bytes,
                       printed->services[0].methods[0].options.bytes));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_tables_equal_the_loaded_ones),
        cmocka_unit_test(a_difference_is_told),
        cmocka_unit_test(embedded_descriptors_compile_to_the_same_but_for_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
