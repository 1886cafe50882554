/* Sets that are readable and wrong: each row is one mistake, with its place and words of its
 * remedy. */
#include "transcoder/schema_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/sets.h"
#include "tests/unit/support/wire_text.h"
#include "transcoder/wire.h"

struct row {
    const char *set, *place, *text;
};

static bool holds(struct str s, const char *part)
{
    for (size_t i = 0; i <= s.n; i++)
        if (str_starts(str_skip(s, i), str_c(part)))
            return true;
    return false;
}

/* One fault, and it is the one. */
static void check_row(const struct row *r)
{
    struct arena a;
    struct tc_faults faults;
    arena_init(&a, 4096, 16 << 20);
    tc_faults_init(&faults, &a);
    struct str set = wire_text(&a, r->set);
    assert_null(schema_compile(set, &a, &faults));
    const struct tc_fault *f = faults.first;
    if (faults.count != 1 || !f || !str_eq(f->place, str_c(r->place)) || !holds(f->text, r->text))
        for (; f; f = f->next)
            print_error("  %.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    if (f != faults.first || !f)
        fail_msg("%s\n  expected %s: %s", r->set, r->place, r->text);
    arena_release(&a);
}

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_row(&rows[i]);
}

#define FIELDS(fields) "1:{1:'a.proto' 2:'p' 4:{1:'M' " fields "}}"
#define TYPES(types) "1:{1:'a.proto' 2:'p' 12:'proto3' " types "}"

static void wrong_fields_are_named(void **state)
{
    static const struct row rows[] = {
        {FIELDS("2:{1:'f' 3:0 5:5}"), "p.M.f", "number 0 is not between 1 and 536870911"},
        {FIELDS("2:{1:'f' 3:-1 5:5}"), "p.M.f", "number -1 is not between"},
        {FIELDS("2:{1:'f' 3:536870912 5:5}"), "p.M.f", "number 536870912 is not between"},
        {FIELDS("2:{1:'f' 3:19000 5:5}"), "p.M.f", "belong to protobuf itself"},
        {FIELDS("2:{1:'f' 3:19999 5:5}"), "p.M.f", "belong to protobuf itself"},
        {FIELDS("2:{1:'f' 3:1 5:5} 2:{1:'g' 3:1 5:5}"), "p.M.g", "number 1 is that of f too"},
        {FIELDS("2:{1:'f' 3:1 5:5} 2:{1:'f' 3:2 5:5}"), "p.M.f", "is there twice"},
        {FIELDS("2:{1:'a_b' 3:2 5:5} 2:{1:'aB' 3:1 5:5}"), "p.M.aB", "has the JSON name of a_b"},
        {FIELDS("2:{1:'a' 3:1 5:5 10:'x'} 2:{1:'b' 3:2 5:5 10:'x'}"), "p.M.b", "JSON name of a;"},
        {FIELDS("2:{1:'2f' 3:1 5:5}"), "p.M.2f", "is not a name"},
        {FIELDS("2:{3:1 5:5}"), "p.M.", "is not a name"},
        {FIELDS("2:{1:'f' 3:1 5:19}"), "p.M.f", "type 19 is not known"},
        {FIELDS("2:{1:'f' 3:1 4:4 5:5}"), "p.M.f", "label 4 is not known"},
        {FIELDS("2:{1:'f' 3:1}"), "p.M.f", "has no type"},
        {FIELDS("2:{1:'f' 3:1 5:11}"), "p.M.f", "has no type"},
        {FIELDS("2:{1:'f' 3:1 5:11 6:'.q.N'}"), "p.M.f", "type .q.N is not defined in any file"},
        {FIELDS("2:{1:'f' 3:1 5:11 6:'M.N'}"), "p.M.f", "type M.N is not defined"},
        {FIELDS("2:{1:'f' 3:1 5:14 6:'.p.M'}"), "p.M.f", "type .p.M is no enum"},
        {FIELDS("2:{1:'f' 3:1 5:11 6:'.p.M.E'} 4:{1:'E' 2:{1:'A' 2:0}}"), "p.M.f", "no message"},
        {FIELDS("2:{1:'f' 3:1 5:5 9:0}"), "p.M.f", "is in oneof 0, which its message does not"},
        {FIELDS("2:{1:'f' 3:1 5:5 9:-1}"), "p.M.f", "is in oneof -1"},
        {FIELDS("8:{1:'o'}"), "p.M.o", "is an empty oneof"},
        {FIELDS("8:{1:'o'} 2:{1:'f' 3:1 4:3 5:5 9:0}"), "p.M.f", "neither repeated nor required"},
        {FIELDS("8:{1:'o'} 2:{1:'f' 3:1 5:5 9:0 17:1} 2:{1:'g' 3:2 5:5 9:0}"), "p.M.o", "alone"},
        {FIELDS("2:{1:'f' 3:1 5:5 17:1}"), "p.M.f", "without its synthetic oneof"},
        {FIELDS("2:{1:'f' 3:1 5:5 10:'\xff'}"), "p.M.f", "json_name is not UTF-8"},
        {FIELDS("7:{1:1} 2:{1:'f' 3:1 5:5}"), "p.M.f", "is in a message set"},
        {FIELDS("2:{1:'f' 3:1 5:5 8:{2:''}}"), "p.M.f", "its options are malformed"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void wrong_defaults_are_named(void **state)
{
    static const struct {
        const char *type, *good, *bad;
    } rows[] = {
        {"5", "-2147483648", "2147483648"},
        {"13", "4294967295", "-1"},
        {"3", "-9223372036854775808", "9223372036854775808"},
        {"4", "18446744073709551615", "x"},
        {"1", "-1.5e+300", "1,5"},
        {"2", "-inf", "infinity"},
        {"1", "nan", ""},
        {"8", "true", "1"},
        {"9", "", "\xff"},
        {"14 6:'.p.E'", "A", "B"},
    };
    char good[300], bad[300];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *format = "1:{1:'a' 2:'p' 5:{1:'E' 2:{1:'A' 2:1}} 4:{1:'M' 2:{1:'f' 3:1 5:%s "
                             "7:'%s'}}}";
        struct arena a;
        struct tc_faults faults;
        arena_init(&a, 4096, 1 << 20);
        tc_faults_init(&faults, &a);
        snprintf(good, sizeof good, format, rows[i].type, rows[i].good);
        assert_non_null(schema_compile(wire_text(&a, good), &a, &faults));
        arena_release(&a);
        snprintf(bad, sizeof bad, format, rows[i].type, rows[i].bad);
        check_row(&(struct row){bad, "p.M.f", "is no value of its type"});
    }
    check_row(&(struct row){FIELDS("2:{1:'f' 3:1 4:3 5:5 7:'1'}"), "p.M.f", "default \"1\""});
    check_row(&(struct row){FIELDS("2:{1:'f' 3:1 5:11 6:'M' 7:'1'}"), "p.M.f", "default \"1\""});
}

#define ENTRY(options, fields) \
    FIELDS("2:{1:'m' 3:1 4:3 5:11 6:'.p.M.E'} 3:{1:'E' 7:{" options "} " fields "}")

static void wrong_map_entries_are_named(void **state)
{
    static const char right[] = "the wrong shape; right is: key = 1";
    static const struct row rows[] = {
        {ENTRY("7:1", ""), "p.M.E", right},
        {ENTRY("7:1", "2:{1:'key' 3:1 5:9}"), "p.M.E", right},
        {ENTRY("7:1", "2:{1:'key' 3:1 5:9} 2:{1:'value' 3:3 5:9}"), "p.M.E", right},
        {ENTRY("7:1", "2:{1:'key' 3:1 5:1} 2:{1:'value' 3:2 5:9}"), "p.M.E", right},
        {ENTRY("7:1", "2:{1:'key' 3:1 5:12} 2:{1:'value' 3:2 5:9}"), "p.M.E", right},
        {ENTRY("7:1", "2:{1:'key' 3:1 5:11 6:'M'} 2:{1:'value' 3:2 5:9}"), "p.M.E", right},
        {ENTRY("7:1", "2:{1:'key' 3:1 4:3 5:9} 2:{1:'value' 3:2 5:9}"), "p.M.E", right},
        {ENTRY("7:1", "2:{1:'key' 3:1 5:9} 2:{1:'value' 3:2 5:9} 2:{1:'x' 3:3 5:9}"), "p.M.E",
         right},
        {"1:{1:'a' 4:{1:'E' 7:{7:1} 2:{1:'key' 3:1 5:9} 2:{1:'value' 3:2 5:9}}}", "E", right},
        {FIELDS("2:{1:'m' 3:1 5:11 6:'E'} 3:{1:'E' 7:{7:1} 2:{1:'key' 3:1 5:9} 2:{1:'value' 3:2 "
                "5:9}}"),
         "p.M.m", "only the map field it was made for may"},
        {FIELDS("3:{1:'E' 7:{7:1} 2:{1:'key' 3:1 5:9} 2:{1:'value' 3:2 5:9}}} "
                "4:{1:'N' 2:{1:'m' 3:1 4:3 5:11 6:'.p.M.E'}"),
         "p.N.m", "has the map entry p.M.E as type"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void wrong_enums_are_named(void **state)
{
    static const struct row rows[] = {
        {TYPES("5:{1:'E'}"), "p.E", "is an enum without values"},
        {TYPES("5:{1:'E' 2:{1:'A' 2:1}}"), "p.E.A", "first value of an open enum; it must be 0"},
        {TYPES("5:{1:'E' 2:{1:'A'} 2:{1:'A' 2:1}}"), "p.E.A", "is there twice"},
        {TYPES("5:{1:'E' 2:{1:'A'} 2:{1:'B'}}"), "p.E.B", "number 0 is that of A too"},
        {TYPES("5:{1:'E' 2:{1:'A'} 2:{1:'-'  2:1}}"), "p.E.-", "is not a name"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void wrong_services_are_named(void **state)
{
    static const struct row rows[] = {
        {TYPES("4:{1:'M'} 6:{1:'S' 2:{1:'R' 2:'.p.M'}}"), "p.S/R", "has no response type"},
        {TYPES("4:{1:'M'} 6:{1:'S' 2:{1:'R' 2:'.p.N' 3:'M'}}"), "p.S/R",
         "request type .p.N is not"},
        {TYPES("4:{1:'M'} 5:{1:'E' 2:{1:'A'}} 6:{1:'S' 2:{1:'R' 2:'M' 3:'E'}}"), "p.S/R",
         "response type E is no message"},
        {TYPES("4:{1:'M'} 6:{1:'S' 2:{1:'R' 2:'M' 3:'M'} 2:{1:'R' 2:'M' 3:'M'}}"), "p.S/R",
         "is there twice"},
        {TYPES("4:{1:'M'} 6:{1:'S' 2:{1:'a/b' 2:'M' 3:'M'}}"), "p.S/a/b", "is not a name"},
        {TYPES("4:{1:'M' 2:{1:'m' 3:1 4:3 5:11 6:'E'} 3:{1:'E' 7:{7:1} 2:{1:'key' 3:1 5:9} 2:{1:'v'"
               " 3:2 5:9}}} 6:{1:'S' 2:{1:'R' 2:'M' 3:'M.E'}}"),
         "p.S/R", "is a map entry"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void wrong_files_types_and_extensions_are_named(void **state)
{
    static const struct row rows[] = {
        {"1:{1:'a' 12:'proto4'}", "a", "syntax \"proto4\" is not known"},
        {"1:{1:'a' 12:'editions' 14:2}", "a", "edition 2 is not known"},
        {"1:{1:'a' 2:'p..q'}", "a", "package \"p..q\" is not a name"},
        {"1:{2:'p'}", "descriptor set", "holds a file without a name"},
        {"1:{1:'a' 2:'p'} 1:{1:'a' 2:'q'}", "a", "twice with different contents"},
        {"1:{1:'a' 4:{1:'M'} 5:{1:'M' 2:{1:'A'}}}", "M", "is defined twice: also in a"},
        {"1:{1:'a' 4:{1:'M'}} 1:{1:'b' 6:{1:'M'}}", "M", "is defined twice: also in a"},
        {"1:{1:'a' 4:{}}", "", "\"\" is not a name"},
        {"1:{1:'a' 4:{1:'M.N'}}", "M.N", "is not a name"},
        {"1:{1:'a' 12:'editions' 14:1000 8:{50:{1:4}}}", "a", "features.field_presence = 4"},
        {"1:{1:'a' 12:'editions' 14:1000 8:{50:{1:''}}}", "a", "its features are malformed"},
        {FIELDS("5:{1:10 2:20}} 7:{1:'x' 2:'M' 3:20 5:5"), "p.x", "20 is in no extension range"},
        {FIELDS("5:{1:10 2:20}} 7:{1:'x' 2:'M' 3:9 5:5"), "p.x", "9 is in no extension range"},
        {FIELDS("5:{1:10 2:20}} 7:{1:'x' 2:'N' 3:9 5:5"), "p.x", "extended message N is not"},
        {FIELDS("5:{1:10 2:20}} 7:{1:'x' 3:9 5:5"), "p.x", "has no extended message"},
        {FIELDS("5:{1:10 2:20}} 7:{1:'x' 2:'M' 3:10 5:5} 7:{1:'y' 2:'M' 3:10 5:5"), "p.y",
         "number 10 is that of x too"},
        {FIELDS("5:{1:30 2:40} 5:{1:10 2:20}} 7:{1:'x' 2:'M' 3:25 5:5"), "p.x", "is in no"},
        {"1:{1:'a' 3:'b.proto' 3:'c.proto' 4:{1:'M' 2:{1:'f' 3:1 5:11 6:'.N'}}} 1:{1:'c.proto'}",
         "M.f", "file b.proto is imported but not in the set: run protoc with --include_imports"},
        {"1:{1:'a' 2:'google.protobuf' 4:{1:'Any' 2:{1:'type_url' 3:1 5:9} 2:{1:'value' 3:2 5:12}"
         " 2:{1:'more' 3:3 5:5}}}",
         "google.protobuf.Any", "not the well-known"},
        {"1:{1:'a' 12:'proto3' 2:'google.protobuf' 5:{1:'NullValue' 2:{1:'NULL_VALUE'}} "
         "4:{1:'Value'"
         " 8:{1:'kind'} 2:{1:'null_value' 3:1 5:14 6:'NullValue' 9:0}"
         " 2:{1:'number_value' 3:2 5:1 9:0} 2:{1:'string_value' 3:3 5:9 9:0}"
         " 2:{1:'bool_value' 3:4 5:8 9:0} 2:{1:'struct_value' 3:5 5:11 6:'Struct' 9:0}"
         " 2:{1:'list_value' 3:6 5:11 6:'ListValue'}}"
         " 4:{1:'ListValue' 2:{1:'values' 3:1 4:3 5:11 6:'Value'}}"
         " 4:{1:'Struct' 2:{1:'fields' 3:1 4:3 5:11 6:'E'} 3:{1:'E' 7:{7:1} 2:{1:'key' 3:1 5:9}"
         " 2:{1:'value' 3:2 5:11 6:'Value'}}}}",
         "google.protobuf.Value", "not the well-known"},
        {"1:{1:'a' 2:'google.protobuf' 4:{1:'Any'}}", "google.protobuf.Any", "not the well-known"},
        {"1:{1:'a' 2:'google.protobuf' 4:{1:'Duration' 2:{1:'seconds' 3:1 5:5} 2:{1:'nanos' 3:2 "
         "5:5}}}",
         "google.protobuf.Duration", "not the well-known type"},
        {"1:{1:'a' 2:'google.protobuf' 4:{1:'FieldMask' 2:{1:'paths' 3:1 5:9}}}",
         "google.protobuf.FieldMask", "not the well-known type"},
        {"1:{1:'a' 2:'google.api' 4:{1:'HttpBody' 2:{1:'content_type' 3:1 5:9}}}",
         "google.api.HttpBody", "not the well-known type"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void places_are_lines_where_the_set_has_them(void **state)
{
    static const struct row rows[] = {
        {"1:{1:'d/a.proto' 2:'p' 4:{1:'M' 2:{1:'f' 3:0 5:5}} 9:{1:{1:[4 0 2 0] 2:[6 1 2]}}}",
         "d/a.proto:7", "field p.M.f: number 0"},
        {"1:{1:'a' 4:{1:'M'} 6:{1:'S' 2:{1:'Q' 2:'M' 3:'M'} 2:{1:'R' 2:'M' 3:'N'}}"
         " 9:{1:{1:[6 0 2 1] 2:[41 0 1]} 1:{1:[6 0 2 1 1] 2:[50 0 1]}}}",
         "a:42", "rpc S/R: response type N"},
        {"1:{1:'a' 4:{1:'M'} 5:{1:'E'} 9:{1:{1:[5 0 1] 2:[1 1]} 1:{1:[5 0] 2:[2 0 1]} 1:{1:[5 1] "
         "2:[1]}}}",
         "a:3", "enum E: is an enum without values"},
        /* Unpacked lists, paths that lead nowhere, a second line for the same thing. */
        {"1:{1:'a' 5:{1:'E'} 9:{1:{1:5 1:0 2:9 2:1} 1:{1:[5 0] 2:[99 1]} 1:{1:[77 5 3] 2:[1]}"
         " 1:{1:[5 9] 2:[1]} 1:{} 1:{2:[3]}}}",
         "a:10", "enum E: is an enum without values"},
    };
    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void all_faults_are_told_in_order_of_files_and_lines(void **state)
{
    static const char text[] =
        "1:{1:'a' 4:{1:'M' 2:{1:'f' 3:0 5:5} 2:{1:'g' 3:1 5:11 6:'.X'} 8:{1:'o'}} 5:{1:'E'}"
        "  9:{1:{1:[4 0 2 0] 2:[8 1]} 1:{1:[4 0 2 1] 2:[6 1]} 1:{1:[4 0 8 0] 2:[7 1]}"
        "     1:{1:[5 0] 2:[1 1]}}}"
        "1:{1:'b' 6:{1:'S' 2:{1:'R' 2:'Y' 3:'Z'}} 9:{1:{1:[6 0 2 0] 2:[0 1]}}}";
    static const char *const places[] = {"a:2", "a:7", "a:8", "a:9", "b:1", "b:1"};
    struct arena a;
    struct tc_faults faults;
    size_t n = 0;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    tc_faults_init(&faults, &a);
    assert_null(schema_compile(wire_text(&a, text), &a, &faults));
    assert_int_equal(faults.count, 6);
    for (const struct tc_fault *f = faults.first; f; f = f->next, n++)
        assert_true(str_eq(f->place, str_c(places[n])));
    assert_int_equal(n, 6);
    arena_release(&a);
}

static void faults_past_a_hundred_are_only_counted(void **state)
{
    struct arena a;
    struct tc_faults faults;
    struct buf text;
    (void)state;
    arena_init(&a, 4096, 4 << 20);
    buf_init(&text, 1 << 20);
    assert_true(buf_printf(&text, "1:{1:'a'"));
    for (int i = 0; i < 1500; i++)
        assert_true(buf_printf(&text, " 5:{1:'E%d'}", i));
    assert_true(buf_printf(&text, "}") && buf_add_char(&text, 0));
    tc_faults_init(&faults, &a);
    assert_null(schema_compile(wire_text(&a, text.p), &a, &faults));
    assert_int_equal(faults.count, 1500);
    size_t shown = 0;
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        shown++;
    assert_int_equal(shown, 100);
    assert_true(str_eq(faults.first->place, STR("E0")));
    buf_release(&text);
    arena_release(&a);
}

static void faults_hold_no_control_characters(void **state)
{
    (void)state;
    check_row(
        &(struct row){"1:{1:'a' 4:{1:'M\x1b[2J\nN'}}", "M?[2J?N", "\"M?[2J?N\" is not a name"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(wrong_defaults_are_named),
        cmocka_unit_test(wrong_map_entries_are_named),
        cmocka_unit_test(wrong_enums_are_named),
        cmocka_unit_test(wrong_services_are_named),
        cmocka_unit_test(wrong_files_types_and_extensions_are_named),
        cmocka_unit_test(places_are_lines_where_the_set_has_them),
        cmocka_unit_test(all_faults_are_told_in_order_of_files_and_lines),
        cmocka_unit_test(faults_past_a_hundred_are_only_counted),
        cmocka_unit_test(faults_hold_no_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
