#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/sets.h"

static void messages_know_whether_they_reach_a_required_field(void **state)
{
    static const struct {
        const char *name;
        bool reaches;
    } rows[] = {
        {"kitchen2.GetRequest", true},    /* has one */
        {"kitchen2.Holder.Middle", true}, /* holds it */
        {"kitchen2.Holder", true},        /* holds that, and is held by it */
        {"kitchen2.Shelf", false},        /* by lists and maps alone */
        {"kitchen2.Shelf.NamedEntry", true},
        {"kitchen2.Sink2.Crate", true}, /* a group */
        {"kitchen2.Sink2.Box", false},
        {"kitchen2.Wrench", false},
        {"google.protobuf.Timestamp", false},
    };
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        assert_int_equal(set_message(&s, rows[i].name)->reaches_required, rows[i].reaches);
    }
    set_release(&s);
}

static void proto3_reaches_none(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    (void)state;

    for (uint32_t i = 0; i < s.schema->nmessages; i++)
        if (str_starts(s.schema->messages[i]->full_name, STR("kitchen.")))
            assert_false(s.schema->messages[i]->reaches_required);
    set_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_know_whether_they_reach_a_required_field),
        cmocka_unit_test(proto3_reaches_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
