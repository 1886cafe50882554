#include "gateway/expr/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/sets.h"

static const char *field_text(struct set *s, const char *field)
{
    const struct expr_type *t = expr_type_field(&s->arena, set_field(s, "kitchen.Sink", field));
    assert_non_null(t);
    struct str text = expr_type_text(&s->arena, t);
    text = arena_copy(&s->arena, text);
    return text.p;
}

static void fields_have_the_types_of_cel_spec(void **state)
{
    static const struct {
        const char *field, *type;
    } rows[] = {
        {"name", "string"},
        {"f_double", "double"},
        {"f_float", "double"},
        {"f_int32", "int"},
        {"f_uint64", "uint"},
        {"f_fixed32", "uint"},
        {"f_sint64", "int"},
        {"f_bool", "bool"},
        {"f_bytes", "bytes"},
        {"f_color", "int"},
        {"f_part", "kitchen.Sink.Part"},
        {"r_sink", "list(kitchen.Sink)"},
        {"r_double", "list(double)"},
        {"m_to_part", "map(string, kitchen.Sink.Part)"},
    };
    struct set s = set_load("kitchen_sink.pb");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(field_text(&s, rows[i].field), rows[i].type);
    set_release(&s);
}

static void well_known_messages_have_kinds_of_their_own(void **state)
{
    static const struct {
        const char *message, *type;
    } rows[] = {
        {"google.protobuf.Timestamp", "timestamp"},
        {"google.protobuf.Duration", "duration"},
        {"google.protobuf.Any", "dyn"},
        {"google.protobuf.Value", "dyn"},
        {"google.protobuf.Struct", "map(string, dyn)"},
        {"google.protobuf.ListValue", "list(dyn)"},
        {"google.protobuf.Int32Value", "wrapper(int)"},
        {"google.protobuf.UInt64Value", "wrapper(uint)"},
        {"google.protobuf.FloatValue", "wrapper(double)"},
        {"google.protobuf.BoolValue", "wrapper(bool)"},
        {"google.protobuf.StringValue", "wrapper(string)"},
        {"google.protobuf.BytesValue", "wrapper(bytes)"},
        {"google.protobuf.FieldMask", "google.protobuf.FieldMask"},
    };
    struct set s = set_load("kitchen_sink.pb");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct expr_type *t = expr_type_message(&s.arena, set_message(&s, rows[i].message));
        struct str text = expr_type_text(&s.arena, t);
        if (!str_eq(text, str_c(rows[i].type)))
            fail_msg("%s: %.*s", rows[i].message, STR_ARG(text));
    }
    set_release(&s);
}

static void types_are_compared_by_structure(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    const struct expr_type *one = expr_type_map(&a, &expr_type_string,
                                                expr_type_list(&a, &expr_type_int));
    const struct expr_type *same = expr_type_map(&a, &expr_type_string,
                                                 expr_type_list(&a, &expr_type_int));
    const struct expr_type *key = expr_type_map(&a, &expr_type_int,
                                                expr_type_list(&a, &expr_type_int));
    const struct expr_type *value = expr_type_map(&a, &expr_type_string,
                                                  expr_type_list(&a, &expr_type_uint));

    assert_true(expr_type_equal(one, same));
    assert_false(expr_type_equal(one, key));
    assert_false(expr_type_equal(one, value));
    assert_false(expr_type_equal(one, &expr_type_string));
    assert_false(expr_type_equal(expr_type_type(&a, NULL), expr_type_type(&a, &expr_type_int)));
    assert_false(expr_type_has_dyn(one));
    assert_true(expr_type_has_dyn(expr_type_list(&a, &expr_type_dyn)));
    assert_true(expr_type_has_dyn(expr_type_map(&a, &expr_type_dyn, &expr_type_int)));
    assert_false(expr_type_has_dyn(expr_type_type(&a, &expr_type_dyn)));
    assert_ptr_equal(expr_type_wrapper(&expr_type_int)->of, &expr_type_int);
    assert_null(expr_type_wrapper(&expr_type_null));
    assert_null(expr_type_wrapper(one));
    arena_release(&a);
}

static void want_of_memory_is_null(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 64, 0);
    assert_null(expr_type_list(&a, &expr_type_int));
    assert_null(expr_type_map(&a, &expr_type_int, &expr_type_int));
    assert_null(expr_type_optional(&a, &expr_type_int));
    assert_non_null(expr_type_type(&a, NULL));
    struct expr_type list = {.kind = EXPR_LIST, .of = &expr_type_int};
    assert_null(expr_type_text(&a, &list).p);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_have_the_types_of_cel_spec),
        cmocka_unit_test(well_known_messages_have_kinds_of_their_own),
        cmocka_unit_test(types_are_compared_by_structure),
        cmocka_unit_test(want_of_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
