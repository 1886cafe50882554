#include "transcoder/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/sets.h"

static const char *const set_names[] = {"kitchen_sink2.pb", "schema_cases.pb"};
enum { SETS = sizeof set_names / sizeof *set_names };

static void each_message(void (*check)(const struct tc_message *m))
{
    for (size_t i = 0; i < SETS; i++) {
        struct set s = set_load(set_names[i]);
        for (uint32_t j = 0; j < s.schema->nmessages; j++)
            check(s.schema->messages[j]);
        set_release(&s);
    }
}

/* The rule of the header, without a table. */
static const struct tc_field *slow_by_name(const struct tc_message *m, struct str name)
{
    for (uint32_t i = 0; i < m->nfields; i++)
        if (str_eq(m->fields[i].json_name, name))
            return &m->fields[i];
    for (uint32_t i = 0; i < m->nfields; i++)
        if (str_eq(m->fields[i].name, name) && !(m->fields[i].flags & TC_EXTENSION))
            return &m->fields[i];
    return NULL;
}

static void check_names(const struct tc_message *m)
{
    char changed[256];
    for (uint32_t i = 0; i < m->nfields; i++) {
        struct str names[] = {m->fields[i].name, m->fields[i].json_name};
        for (size_t j = 0; j < 2; j++) {
            struct str name = names[j];
            if (name.n == 0)
                continue;
            assert_ptr_equal(tc_field_by_name(m, name), slow_by_name(m, name));
            struct str shorter = str_of(name.p, name.n - 1);
            assert_ptr_equal(tc_field_by_name(m, shorter), slow_by_name(m, shorter));
            assert_true(name.n < sizeof changed);
            memcpy(changed, name.p, name.n);
            changed[0] ^= 0x20; /* the other case is another name */
            struct str other = str_of(changed, name.n);
            assert_ptr_equal(tc_field_by_name(m, other), slow_by_name(m, other));
        }
    }
    assert_null(tc_field_by_name(m, STR("")));
    assert_null(tc_field_by_name(m, STR("no such field")));
    assert_null(tc_field_by_name(m, STR_NONE));
}

static void field_by_name_agrees_with_a_search_of_all(void **state)
{
    (void)state;
    each_message(check_names);
}

static void check_numbers(const struct tc_message *m)
{
    for (uint32_t number = 0; number < 3000; number++) {
        const struct tc_field *expected = NULL;
        for (uint32_t i = 0; i < m->nfields; i++)
            if (m->fields[i].number == number)
                expected = &m->fields[i];
        assert_ptr_equal(tc_field_by_number(m, number), expected);
    }
    for (uint32_t i = 0; i < m->nfields; i++)
        assert_ptr_equal(tc_field_by_number(m, m->fields[i].number), &m->fields[i]);
    assert_null(tc_field_by_number(m, UINT32_MAX));
}

static void field_by_number_agrees_with_a_search_of_all(void **state)
{
    (void)state;
    each_message(check_numbers);
}

static void messages_have_dense_tables_where_numbers_are_dense(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;
    assert_int_equal(set_message(&s, "kitchen.Ping")->ndense, 2);
    assert_true(set_message(&s, "kitchen.Sink")->ndense > 0);
    assert_int_equal(set_message(&s, "kitchen.OddNames")->ndense, 0);
    assert_int_equal(set_message(&s, "kitchen.Nothing")->ndense, 0);
    set_release(&s);
}

static void field_by_name_prefers_the_json_name(void **state)
{
    struct set s = set_load("schema_cases.pb");
    (void)state;
    assert_int_equal(set_field(&s, "schema.cases.Crossed", "b")->number, 1);
    assert_int_equal(set_field(&s, "schema.cases.Crossed", "a")->number, 1);
    assert_int_equal(set_field(&s, "schema.cases.Crossed", "c")->number, 2);
    assert_int_equal(set_field(&s, "schema.cases.Crossed", "d_e")->number, 3);
    assert_int_equal(set_field(&s, "schema.cases.Crossed", "dE")->number, 3);
    set_release(&s);
}

static void extensions_are_known_by_their_bracketed_name(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    const struct tc_message *m = set_message(&s, "kitchen2.Sink2");
    (void)state;
    assert_int_equal(tc_field_by_name(m, STR("[kitchen2.ext_int32]"))->number, 1000);
    assert_int_equal(tc_field_by_name(m, STR("[kitchen2.Sink2.Nested.scoped]"))->number, 1003);
    assert_null(tc_field_by_name(m, STR("kitchen2.ext_int32")));
    assert_null(tc_field_by_name(m, STR("ext_int32")));
    assert_null(tc_field_by_name(m, STR("extInt32")));
    set_release(&s);
}

static const struct tc_enum *find_enum(const struct set *s, const char *full_name)
{
    for (uint32_t i = 0; i < s->schema->nenums; i++)
        if (str_eq(s->schema->enums[i]->full_name, str_c(full_name)))
            return s->schema->enums[i];
    fail_msg("no enum %s", full_name);
    return NULL;
}

static void enum_values_are_found_by_every_name_and_shown_by_the_first(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    const struct tc_enum *e = find_enum(&s, "kitchen.Size");
    (void)state;
    assert_int_equal(tc_enum_by_name(e, STR("LITTLE"))->number, 1);
    assert_int_equal(tc_enum_by_name(e, STR("big"))->number, 2);
    assert_true(str_eq(tc_enum_by_number(e, 1)->name, STR("SMALL")));
    assert_true(str_eq(tc_enum_by_number(e, 2)->name, STR("BIG")));
    assert_null(tc_enum_by_number(e, 3));
    assert_null(tc_enum_by_name(e, STR("Big")));
    assert_null(tc_enum_by_name(e, STR("")));
    e = find_enum(&s, "kitchen.Color");
    assert_true(str_eq(tc_enum_by_number(e, INT32_MIN)->name, STR("FIRST")));
    assert_true(str_eq(tc_enum_by_number(e, INT32_MAX)->name, STR("LAST")));
    assert_true(str_eq(tc_enum_by_number(e, -1)->name, STR("BEIGE")));
    assert_null(tc_enum_by_number(e, -2));
    set_release(&s);
}

static void schema_finds_messages_services_and_methods(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;
    for (uint32_t i = 0; i < s.schema->nmessages; i++) {
        const struct tc_message *m = s.schema->messages[i];
        assert_ptr_equal(tc_schema_message(s.schema, m->full_name), m);
        assert_true(i == 0 || str_cmp(s.schema->messages[i - 1]->full_name, m->full_name) < 0);
    }
    assert_null(tc_schema_message(s.schema, STR(".kitchen.Sink")));
    assert_null(tc_schema_message(s.schema, STR("kitchen.Level")));
    assert_null(tc_schema_message(s.schema, STR("")));
    const struct tc_service *v = tc_schema_service(s.schema, STR("kitchen.KitchenService"));
    assert_non_null(v);
    for (uint32_t i = 0; i < v->nmethods; i++) {
        assert_ptr_equal(tc_schema_method(s.schema, v->methods[i].full_name), &v->methods[i]);
        assert_ptr_equal(tc_schema_method(s.schema, str_skip(v->methods[i].path, 1)),
                         &v->methods[i]);
    }
    assert_null(tc_schema_service(s.schema, STR("kitchen.Sink")));
    assert_null(tc_schema_method(s.schema, STR("kitchen.KitchenService")));
    assert_null(tc_schema_method(s.schema, STR("kitchen.KitchenService/")));
    assert_null(tc_schema_method(s.schema, STR("/")));
    assert_null(tc_schema_method(s.schema, STR("Plain")));
    assert_null(tc_schema_method(s.schema, STR("")));
    set_release(&s);
}

static void wire_types_are_those_of_the_encoding_spec(void **state)
{
    static const uint8_t expected[][2] = {
        {TC_DOUBLE, TC_I64},    {TC_FLOAT, TC_I32},     {TC_INT64, TC_VARINT},
        {TC_UINT64, TC_VARINT}, {TC_INT32, TC_VARINT},  {TC_FIXED64, TC_I64},
        {TC_FIXED32, TC_I32},   {TC_BOOL, TC_VARINT},   {TC_STRING, TC_LEN},
        {TC_GROUP, TC_SGROUP},  {TC_MESSAGE, TC_LEN},   {TC_BYTES, TC_LEN},
        {TC_UINT32, TC_VARINT}, {TC_ENUM, TC_VARINT},   {TC_SFIXED32, TC_I32},
        {TC_SFIXED64, TC_I64},  {TC_SINT32, TC_VARINT}, {TC_SINT64, TC_VARINT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        enum tc_type type = (enum tc_type)expected[i][0];
        bool packable = expected[i][1] != TC_LEN && expected[i][1] != TC_SGROUP;
        assert_int_equal(tc_wire_type_of(type), expected[i][1]);
        assert_int_equal(tc_type_packable(type), packable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_by_name_agrees_with_a_search_of_all),
        cmocka_unit_test(field_by_number_agrees_with_a_search_of_all),
        cmocka_unit_test(messages_have_dense_tables_where_numbers_are_dense),
        cmocka_unit_test(field_by_name_prefers_the_json_name),
        cmocka_unit_test(extensions_are_known_by_their_bracketed_name),
        cmocka_unit_test(enum_values_are_found_by_every_name_and_shown_by_the_first),
        cmocka_unit_test(schema_finds_messages_services_and_methods),
        cmocka_unit_test(wire_types_are_those_of_the_encoding_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
