#include "transcoder/enum_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/sets.h"

enum { ANY = TC_ENUM_ANY_CASE, SHORT = TC_ENUM_SHORT };

static void the_prefix_is_the_types_name_before_a_letter(void **state)
{
    static const struct {
        const char *type, *value;
        size_t prefix;
    } cases[] = {
        {"p.FinishReason", "FINISH_REASON_STOP", 14},
        {"FinishReason", "FINISH_REASON_STOP", 14},
        {"p.M.FinishReason", "FinishReason_Stop", 13},
        {"p.finish_reason", "FINISHREASON_STOP", 13},
        {"p.HTTPMethod", "HTTP_METHOD_GET", 12},
        {"p.V2Kind", "V2_KIND_A", 8},
        {"p.V2Kind", "V_2_KIND_A", 9},
        {"p.Kind_", "KIND_A", 5},
        {"p.Kind", "KIND", 0},
        {"p.Kind", "KIND_", 0},
        {"p.Kind", "KIND_1", 0},
        {"p.Kind", "KIND__A", 0},
        {"p.Kind", "KINDS_A", 0},
        {"p.Kind", "KINDA", 0},
        {"p.Kind", "A", 0},
        {"p.Kind", "", 0},
        {"kind.Sort", "KIND_A", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (tc_enum_prefix(str_c(cases[i].type), str_c(cases[i].value)) != cases[i].prefix)
            fail_msg("%s of %s", cases[i].value, cases[i].type);
}

static void an_enum_has_short_names_when_all_of_its_values_have_one(void **state)
{
    static const struct {
        const char *name;
        unsigned prefix;
    } cases[] = {
        {"switches.FinishReason", 14},
        {"switches.Message.Kind", 5},
        {"switches.Mixed", 0},
        {"switches.Digit", 0},
    };
    struct set s = set_load("switches.pb");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tc_enum *e = NULL;
        for (uint32_t k = 0; k < s.schema->nenums; k++)
            if (str_eq(s.schema->enums[k]->full_name, str_c(cases[i].name)))
                e = s.schema->enums[k];
        assert_non_null(e);
        assert_int_equal(e->prefix, cases[i].prefix);
    }
    set_release(&s);
}

static void a_text_is_a_name_by_the_rules_that_are_asked_for(void **state)
{
    static const struct {
        const char *field, *text;
        unsigned how;
        const char *name; /* NULL: the text is none and stays as it is */
    } cases[] = {
        {"reason", "FINISH_REASON_STOP", 0, "FINISH_REASON_STOP"},
        {"reason", "STOP", 0, NULL},
        {"reason", "finish_reason_stop", SHORT, NULL},
        {"reason", "STOP", SHORT, "FINISH_REASON_STOP"},
        {"reason", "FINISH_REASON_STOP", SHORT, "FINISH_REASON_STOP"},
        {"reason", "stop", SHORT, NULL},
        {"reason", "STOP", ANY, NULL},
        {"reason", "Finish_Reason_Stop", ANY, "FINISH_REASON_STOP"},
        {"reason", "Stop", ANY | SHORT, "FINISH_REASON_STOP"},
        {"reason", "finish-reason-stop", ANY | SHORT, NULL},
        {"reason", "", ANY | SHORT, NULL},
        {"reason", "_STOP", ANY | SHORT, NULL},
        {"mixed", "OTHER", SHORT, "OTHER"},
        {"mixed", "ONE", SHORT, NULL},
        {"mixed", "mixed_one", ANY | SHORT, "MIXED_ONE"},
    };
    struct set s = set_load("switches.pb");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tc_field *f = set_field(&s, "switches.Message", cases[i].field);
        struct str text = str_c(cases[i].text);
        struct str name = tc_enum_full_name(f->enumeration, text, cases[i].how);

        if (!str_eq(name, cases[i].name ? str_c(cases[i].name) : text))
            fail_msg("%s by %u is %.*s", cases[i].text, cases[i].how, STR_ARG(name));
    }
    set_release(&s);
}

/* protoc refuses names that differ by case alone; a set need not come from protoc. */
static void a_text_that_could_be_two_values_is_none(void **state)
{
    static const struct tc_enum_value values[] = {
        {STR_INIT("Low"), 1}, {STR_INIT("LOW"), 2}, {STR_INIT("High"), 3}, {STR_INIT("HIGH"), 3}};
    static const uint16_t no_names[1];
    static const struct tc_enum cased = {
        .full_name = STR_INIT("p.Cased"), .values = values, .by_name = no_names, .nvalues = 4};

    (void)state;
    assert_true(str_eq(tc_enum_full_name(&cased, STR("lOW"), ANY), STR("lOW")));
    assert_true(str_eq(tc_enum_full_name(&cased, STR("hIGH"), ANY), STR("High")));
}

static void texts_of_any_length_are_looked_up_within_bounds(void **state)
{
    char text[600];
    struct set s = set_load("switches.pb");
    const struct tc_enum *e = set_field(&s, "switches.Message", "reason")->enumeration;

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t n = 200; n < sizeof text; n++) {
        struct str found = tc_enum_full_name(e, str_of(text, n), ANY | SHORT);
        assert_true(found.p == text && found.n == n);
    }
    set_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prefix_is_the_types_name_before_a_letter),
        cmocka_unit_test(an_enum_has_short_names_when_all_of_its_values_have_one),
        cmocka_unit_test(a_text_is_a_name_by_the_rules_that_are_asked_for),
        cmocka_unit_test(a_text_that_could_be_two_values_is_none),
        cmocka_unit_test(texts_of_any_length_are_looked_up_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
