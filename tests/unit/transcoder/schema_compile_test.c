#include "transcoder/schema_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/sets.h"
#include "tests/unit/support/wire_text.h"
#include "transcoder/wire.h"

static const struct tc_schema *compile(struct str set, struct arena *a)
{
    struct tc_faults faults;
    tc_faults_init(&faults, a);
    const struct tc_schema *s = schema_compile(set, a, &faults);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    assert_true(!s == (faults.count > 0));
    return s;
}

static struct set compile_text(const char *text)
{
    struct set s = {.bytes = STR_NONE};
    arena_init(&s.arena, 4096, 16 << 20);
    s.bytes = wire_text(&s.arena, text);
    s.schema = compile(s.bytes, &s.arena);
    assert_non_null(s.schema);
    return s;
}

#define IMPLICIT 0
#define EXPLICIT TC_PRESENCE
#define REPEATED TC_REPEATED
#define PACKED (TC_REPEATED | TC_PACKED)
#define EXTENSION (TC_EXTENSION | TC_PRESENCE)

struct row {
    const char *message, *field;
    uint32_t number;
    int type, flags, oneof;
    struct str tag;
};

static void check_row(const struct set *s, const struct row *r)
{
    const struct tc_field *f = set_field(s, r->message, r->field);
    if (f->number != r->number || f->type != r->type || f->flags != r->flags ||
        f->oneof != r->oneof || !str_eq(str_of(f->tag, f->tag_len), r->tag))
        fail_msg("%s.%s: number %u type %u flags 0x%x oneof %d tag %u bytes, first 0x%02x",
                 r->message, r->field, f->number, f->type, f->flags, f->oneof, f->tag_len,
                 (unsigned char)f->tag[0]);
}

static void proto3_fields_become_rows(void **state)
{
    static const struct row rows[] = {
        {"kitchen.Sink", "name", 1, TC_STRING, IMPLICIT | TC_UTF8, -1, STR_INIT("\x0a")},
        {"kitchen.Sink", "f_double", 2, TC_DOUBLE, IMPLICIT, -1, STR_INIT("\x11")},
        {"kitchen.Sink", "fFloat", 3, TC_FLOAT, IMPLICIT, -1, STR_INIT("\x1d")},
        {"kitchen.Sink", "f_bytes", 16, TC_BYTES, IMPLICIT, -1, STR_INIT("\x82\x01")},
        {"kitchen.Sink", "f_color", 17, TC_ENUM, IMPLICIT, -1, STR_INIT("\x88\x01")},
        {"kitchen.Sink", "f_part", 19, TC_MESSAGE, EXPLICIT, -1, STR_INIT("\x9a\x01")},
        {"kitchen.Sink", "r_sink", 22, TC_MESSAGE, REPEATED, -1, STR_INIT("\xb2\x01")},
        {"kitchen.Sink", "r_double", 31, TC_DOUBLE, PACKED, -1, STR_INIT("\xfa\x01")},
        {"kitchen.Sink", "r_string", 44, TC_STRING, REPEATED | TC_UTF8, -1, STR_INIT("\xe2\x02")},
        {"kitchen.Sink", "r_color", 46, TC_ENUM, PACKED, -1, STR_INIT("\xf2\x02")},
        {"kitchen.Sink", "u_double", 51, TC_DOUBLE, REPEATED, -1, STR_INIT("\x99\x03")},
        {"kitchen.Sink", "m_to_part", 87, TC_MESSAGE, REPEATED | TC_MAP, -1, STR_INIT("\xba\x05")},
        {"kitchen.Sink", "o_int32", 101, TC_INT32, EXPLICIT, 0, STR_INIT("\xa8\x06")},
        {"kitchen.Sink", "o_lonely", 114, TC_STRING, EXPLICIT | TC_UTF8, 1, STR_INIT("\x92\x07")},
        {"kitchen.Sink", "p_double", 121, TC_DOUBLE, EXPLICIT, -1, STR_INIT("\xc9\x07")},
        {"kitchen.Sink", "p_part", 131, TC_MESSAGE, EXPLICIT, -1, STR_INIT("\x9a\x08")},
        {"kitchen.OddNames", "tag_last", 536870911, TC_INT32, IMPLICIT, -1,
         STR_INIT("\xf8\xff\xff\xff\x0f")},
    };
    struct set s = set_load("kitchen_sink.pb");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&s, &rows[i]);
    const struct tc_message *m = set_message(&s, "kitchen.Sink");
    assert_int_equal(m->noneofs, 2); /* the synthetic ones of `optional` are not there */
    assert_true(str_eq(m->oneofs[0], STR("choice")));
    assert_true(str_eq(m->oneofs[1], STR("lonely")));
    assert_ptr_equal(set_field(&s, "kitchen.Sink", "f_sink")->message, m);
    const struct tc_message *entry = set_field(&s, "kitchen.Sink", "m_to_part")->message;
    assert_true(entry->is_map_entry && entry->nfields == 2);
    assert_int_equal(entry->fields[0].type, TC_STRING);
    assert_ptr_equal(entry->fields[1].message, set_message(&s, "kitchen.Sink.Part"));
    set_release(&s);
}

static void proto2_fields_become_rows(void **state)
{
    static const struct row rows[] = {
        {"kitchen2.Sink2", "id", 1, TC_INT64, EXPLICIT | TC_REQUIRED, -1, STR_INIT("\x08")},
        {"kitchen2.Sink2", "d_string", 24, TC_STRING, EXPLICIT, -1, STR_INIT("\xc2\x01")},
        {"kitchen2.Sink2", "levels", 32, TC_ENUM, REPEATED, -1, STR_INIT("\x80\x02")},
        {"kitchen2.Sink2", "packed_levels", 33, TC_ENUM, PACKED, -1, STR_INIT("\x8a\x02")},
        {"kitchen2.Sink2", "loose", 41, TC_INT32, REPEATED, -1, STR_INIT("\xc8\x02")},
        {"kitchen2.Sink2", "tight", 42, TC_INT32, PACKED, -1, STR_INIT("\xd2\x02")},
        {"kitchen2.Sink2", "box", 51, TC_GROUP, EXPLICIT, -1, STR_INIT("\x9b\x03")},
        {"kitchen2.Sink2", "crate", 52, TC_GROUP, REPEATED, -1, STR_INIT("\xa3\x03")},
        {"kitchen2.Sink2", "bag", 62, TC_GROUP, EXPLICIT, 0, STR_INIT("\xf3\x03")},
        {"kitchen2.Sink2", "[kitchen2.ext_int32]", 1000, TC_INT32, EXTENSION, -1,
         STR_INIT("\xc0\x3e")},
        {"kitchen2.Sink2", "[kitchen2.ext_packed]", 1005, TC_INT64, PACKED | TC_EXTENSION, -1,
         STR_INIT("\xea\x3e")},
        {"kitchen2.Sink2", "[kitchen2.extgroup]", 1007, TC_GROUP, EXTENSION, -1,
         STR_INIT("\xfb\x3e")},
        {"kitchen2.Toolbox", "[kitchen2.Wrench.wrench]", 1547769, TC_MESSAGE,
         EXTENSION | TC_SET_ITEM, -1, STR_INIT("\xf9\xbb\x5e")},
    };
    struct set s = set_load("kitchen_sink2.pb");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&s, &rows[i]);
    assert_int_equal(set_message(&s, "kitchen2.Sink2")->nrequired, 2);
    assert_int_equal(set_message(&s, "kitchen2.Sink2.Nested")->nrequired, 1);
    assert_true(str_eq(set_field(&s, "kitchen2.Sink2", "d_inf")->default_text, STR("inf")));
    assert_true(str_eq(set_field(&s, "kitchen2.Sink2", "d_level")->default_text, STR("HIGH")));
    assert_null(set_field(&s, "kitchen2.Sink2", "level")->default_text.p);
    assert_true(tc_is_message_set(set_message(&s, "kitchen2.Toolbox")));
    assert_false(tc_is_message_set(set_message(&s, "kitchen2.Sink2")));
    assert_true(set_field(&s, "kitchen2.Sink2", "level")->enumeration->closed);
    assert_false(set_field(&s, "kitchen2.Sink2", "color")->enumeration->closed);
    set_release(&s);
}

static void well_known_types_are_marked(void **state)
{
    static const struct {
        const char *name;
        enum tc_wkt wkt;
    } rows[] = {
        {"google.protobuf.Any", TC_WKT_ANY},
        {"google.protobuf.Timestamp", TC_WKT_TIMESTAMP},
        {"google.protobuf.Duration", TC_WKT_DURATION},
        {"google.protobuf.FieldMask", TC_WKT_FIELD_MASK},
        {"google.protobuf.Struct", TC_WKT_STRUCT},
        {"google.protobuf.Value", TC_WKT_VALUE},
        {"google.protobuf.ListValue", TC_WKT_LIST_VALUE},
        {"google.protobuf.DoubleValue", TC_WKT_WRAPPER},
        {"google.protobuf.FloatValue", TC_WKT_WRAPPER},
        {"google.protobuf.Int64Value", TC_WKT_WRAPPER},
        {"google.protobuf.UInt64Value", TC_WKT_WRAPPER},
        {"google.protobuf.Int32Value", TC_WKT_WRAPPER},
        {"google.protobuf.UInt32Value", TC_WKT_WRAPPER},
        {"google.protobuf.BoolValue", TC_WKT_WRAPPER},
        {"google.protobuf.StringValue", TC_WKT_WRAPPER},
        {"google.protobuf.BytesValue", TC_WKT_WRAPPER},
        {"google.api.HttpBody", TC_WKT_HTTP_BODY},
        {"google.protobuf.Empty", TC_WKT_NONE},
        {"google.protobuf.Struct.FieldsEntry", TC_WKT_NONE},
        {"kitchen.Sink", TC_WKT_NONE},
    };
    struct set s = set_load("kitchen_sink.pb");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(set_message(&s, rows[i].name)->wkt, rows[i].wkt);
    assert_true(set_field(&s, "kitchen.Sink", "k_null")->enumeration->is_null_value);
    assert_false(set_field(&s, "kitchen.Sink", "f_color")->enumeration->is_null_value);
    set_release(&s);
}

static void options_come_with_bytes_and_lines(void **state)
{
    struct set s = set_load("schema_cases.pb");
    const struct tc_service *v = tc_schema_service(s.schema, STR("schema.cases.Options"));
    struct str rest;
    struct tc_wire_field f;
    (void)state;
    assert_int_equal(v->line, 26);
    assert_int_equal(tc_option_line(&v->options, 33), 27);
    assert_int_equal(tc_option_line(&v->options, 50002), 28);
    assert_int_equal(tc_option_line(&v->options, 50003), 0);
    assert_int_equal(tc_option_line(&v->file->options, 50001), 8);
    assert_true(str_eq(v->file->name, STR("schema_cases.proto")));
    assert_true(str_eq(v->file->package, STR("schema.cases")));
    assert_true(tc_wire_find(v->options.bytes, 50002, TC_LEN, &f));
    assert_true(str_eq(f.bytes, STR("\x0a\x01"
                                    "a")));
    const struct tc_method *m = v->methods;
    assert_int_equal(m->line, 32);
    assert_int_equal(m->options.nlines, 2);
    assert_int_equal(tc_option_line(&m->options, 50003), 34);
    assert_int_equal(tc_option_line(&m->options, 50004), 33);
    size_t tags = 0;
    for (rest = m->options.bytes; tc_wire_next(&rest, &f) == TC_OK;)
        tags += f.number == 50004;
    assert_int_equal(tags, 2);
    assert_int_equal(m[1].options.bytes.n, 0);
    assert_int_equal(m[1].options.nlines, 0);
    assert_int_equal(m[2].line, 39);
    assert_int_equal(tc_option_line(&m[2].options, 50003), 39);
    assert_int_equal(tc_option_line(&m[2].options, 50004), 39);
    set_release(&s);
}

static void methods_know_their_names_ends_and_streams(void **state)
{
    struct set s = set_load("schema_cases.pb");
    const struct tc_service *v = tc_schema_service(s.schema, STR("schema.cases.Options"));
    static const bool streams[3][2] = {{false, false}, {true, false}, {false, true}};
    (void)state;
    assert_int_equal(v->nmethods, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct tc_method *m = &v->methods[i];
        assert_ptr_equal(m->service, v);
        assert_ptr_equal(m->input, set_message(&s, "schema.cases.Limit"));
        assert_ptr_equal(m->output, m->input);
        assert_int_equal(m->client_streaming, streams[i][0]);
        assert_int_equal(m->server_streaming, streams[i][1]);
    }
    assert_true(str_eq(v->methods[0].name, STR("Split")));
    assert_true(str_eq(v->methods[0].full_name, STR("schema.cases.Options.Split")));
    assert_true(str_eq(v->methods[0].path, STR("/schema.cases.Options/Split")));
    set_release(&s);
}

static void options_given_in_pieces_are_joined(void **state)
{
    struct set s = compile_text(
        "1:{1:'a.proto' 8:{50001:'x'} 4:{1:'M'} 8:{50002:'y'}"
        "  6:{1:'S' 3:{9:1} 3:{} 3:{8:2} 2:{1:'R' 2:'.M' 3:'M' 4:{7:1} 4:{7:2}}}}");
    const struct tc_service *v = s.schema->services;
    (void)state;
    assert_true(str_eq(v->file->options.bytes, wire_text(&s.arena, "50001:'x' 50002:'y'")));
    assert_true(str_eq(v->options.bytes, wire_text(&s.arena, "9:1 8:2")));
    assert_true(str_eq(v->methods->options.bytes, wire_text(&s.arena, "7:1 7:2")));
    assert_true(str_eq(v->methods->path, STR("/S/R"))); /* no package */
    assert_ptr_equal(v->methods->output, s.schema->messages[0]);
    set_release(&s);
}

static void json_names_are_derived_where_the_descriptor_has_none(void **state)
{
    static const char *const names[][2] = {
        {"foo", "foo"},        {"foo_bar", "fooBar"},    {"_foo", "Foo"},
        {"foo_", "foo"},       {"foo__bar", "fooBar"},   {"FooBar", "FooBar"},
        {"FOO_BAR", "FOOBAR"}, {"foo_1_bar", "foo1Bar"}, {"a_b_c", "aBC"},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "1:{1:'a' 4:{1:'M' 2:{1:'%s' 3:1 4:1 5:5}}}", names[i][0]);
        struct set s = compile_text(text);
        assert_true(str_eq(s.schema->messages[0]->fields->json_name, str_c(names[i][1])));
        set_release(&s);
    }
}

#define EDITION "12:'editions' 14:1000 "
#define FIELD(label, type, features) "2:{1:'f' 3:1 4:" label " 5:" type " 8:{21:{" features "}}}"

/* One file with one message and its field 1; what its flags and type become. */
static void features_are_resolved_from_file_to_field(void **state)
{
    static const struct {
        const char *file, *message;
        int flags, type;
    } rows[] = {
        {EDITION, FIELD("1", "5", ""), EXPLICIT, TC_INT32},
        {EDITION, FIELD("1", "5", "1:2"), IMPLICIT, TC_INT32},
        {EDITION, FIELD("1", "5", "1:3"), EXPLICIT | TC_REQUIRED, TC_INT32},
        {EDITION "8:{50:{1:2}}", FIELD("1", "5", ""), IMPLICIT, TC_INT32},
        {EDITION "8:{50:{1:2}}", FIELD("1", "5", "1:1"), EXPLICIT, TC_INT32},
        {EDITION "8:{50:{1:2}}", FIELD("1", "11 6:'.M'", ""), EXPLICIT, TC_MESSAGE},
        {EDITION, FIELD("3", "5", ""), PACKED, TC_INT32},
        {EDITION, FIELD("3", "5", "3:2"), REPEATED, TC_INT32},
        {EDITION "8:{50:{3:2}}", FIELD("3", "5", ""), REPEATED, TC_INT32},
        {EDITION "8:{50:{3:2}}", "7:{12:{3:1}}" FIELD("3", "5", ""), PACKED, TC_INT32},
        {EDITION, FIELD("1", "9", ""), EXPLICIT | TC_UTF8, TC_STRING},
        {EDITION, FIELD("1", "9", "4:3"), EXPLICIT, TC_STRING},
        {EDITION "8:{50:{4:3}}", FIELD("1", "9", "4:2"), EXPLICIT | TC_UTF8, TC_STRING},
        {EDITION, FIELD("1", "11 6:'.M'", "5:2"), EXPLICIT, TC_GROUP},
        {EDITION "8:{50:{5:2}}", FIELD("1", "11 6:'.M'", ""), EXPLICIT, TC_GROUP},
        {EDITION "8:{50:{5:2}}", FIELD("1", "11 6:'.M'", "5:1"), EXPLICIT, TC_MESSAGE},
        {EDITION "8:{50:{1:2}}", "8:{1:'o'} 2:{1:'f' 3:1 4:1 5:5 9:0}", EXPLICIT, TC_INT32},
        {EDITION, "8:{1:'o' 2:{1:{4:3}}} 2:{1:'f' 3:1 4:1 5:9 9:0}", EXPLICIT, TC_STRING},
        {"12:'editions' 14:1001 ", FIELD("1", "9", ""), EXPLICIT | TC_UTF8, TC_STRING},
        /* Where features mean nothing they change nothing. */
        {"12:'proto3' 8:{50:{1:1}}", FIELD("1", "5", "1:1"), IMPLICIT, TC_INT32},
        {"12:'proto2'", FIELD("1", "9", ""), EXPLICIT, TC_STRING},
        {"", FIELD("3", "5", ""), REPEATED, TC_INT32},
        {"12:'proto3'", FIELD("3", "5", ""), PACKED, TC_INT32},
        {"12:'proto3'", "2:{1:'f' 3:1 4:3 5:5 8:{2:0}}", REPEATED, TC_INT32},
        {"12:'proto2'", "2:{1:'f' 3:1 4:3 5:5 8:{2:1}}", PACKED, TC_INT32},
        {"12:'proto2'", "2:{1:'f' 3:1 4:3 5:9 8:{2:1}}", REPEATED, TC_STRING},
        {"", "2:{1:'f' 3:1 5:5}", EXPLICIT, TC_INT32},         /* label left out */
        {"", "2:{1:'f' 3:1 4:1 6:'M'}", EXPLICIT, TC_MESSAGE}, /* type left out */
    };
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "1:{1:'a' %s 4:{1:'M' %s}}", rows[i].file, rows[i].message);
        struct set s = compile_text(text);
        const struct tc_field *f = s.schema->messages[0]->fields;
        if (f->flags != rows[i].flags || f->type != rows[i].type)
            fail_msg("%s: flags 0x%x type %u", text, f->flags, f->type);
        set_release(&s);
    }
}

static void maps_stay_length_prefixed_in_delimited_files(void **state)
{
    struct set s = compile_text(
        "1:{1:'a' " EDITION "8:{50:{5:2}} 4:{1:'M' 2:{1:'m' 3:1 4:3 5:11 6:'.M.MEntry'}"
        " 3:{1:'MEntry' 7:{7:1} 2:{1:'key' 3:1 4:1 5:9} 2:{1:'value' 3:2 4:1 5:11 6:'.M'}}}}");
    const struct tc_field *f = set_field(&s, "M", "m");
    (void)state;
    assert_int_equal(f->type, TC_MESSAGE);
    assert_int_equal(f->flags, TC_REPEATED | TC_MAP);
    assert_int_equal(f->message->fields[1].type, TC_MESSAGE);
    set_release(&s);
}

static void enums_are_closed_by_syntax_or_feature(void **state)
{
    static const struct {
        const char *text;
        bool closed;
    } rows[] = {
        {"1:{1:'a' 5:{1:'E' 2:{1:'A' 2:1}}}", true},
        {"1:{1:'a' 12:'proto3' 5:{1:'E' 2:{1:'A' 2:0}}}", false},
        {"1:{1:'a' " EDITION "5:{1:'E' 2:{1:'A' 2:0}}}", false},
        {"1:{1:'a' " EDITION "5:{1:'E' 2:{1:'A' 2:4} 3:{7:{2:2}}}}", true},
        {"1:{1:'a' " EDITION "8:{50:{2:2}} 5:{1:'E' 2:{1:'A' 2:-4}}}", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct set s = compile_text(rows[i].text);
        assert_int_equal(s.schema->enums[0]->closed, rows[i].closed);
        set_release(&s);
    }
}

static void names_without_a_dot_are_looked_for_outwards(void **state)
{
    struct set s = compile_text("1:{1:'a' 2:'p.q' 4:{1:'T'} 4:{1:'M' 3:{1:'T'}"
                                "  2:{1:'inner' 3:1 6:'T'} 2:{1:'outer' 3:2 6:'q.T'}}"
                                " 4:{1:'N' 2:{1:'near' 3:1 6:'T'} 2:{1:'deep' 3:2 6:'M.T'}}}"
                                "1:{1:'b' 4:{1:'T' 2:{1:'far' 3:1 6:'p.q.T'}}}");
    static const char *const rows[][3] = {
        {"p.q.M", "inner", "p.q.M.T"}, {"p.q.M", "outer", "p.q.T"}, {"p.q.N", "near", "p.q.T"},
        {"p.q.N", "deep", "p.q.M.T"},  {"T", "far", "p.q.T"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_ptr_equal(set_field(&s, rows[i][0], rows[i][1])->message,
                         set_message(&s, rows[i][2]));
    set_release(&s);
}

static void extension_ranges_may_stand_in_any_order(void **state)
{
    struct set s = compile_text("1:{1:'a' 4:{1:'M' 5:{1:30 2:40} 5:{1:10 2:20}}"
                                " 7:{1:'x' 2:'M' 3:39 5:5} 7:{1:'y' 2:'M' 3:10 5:5}}");
    (void)state;
    assert_int_equal(set_field(&s, "M", "[x]")->number, 39);
    assert_int_equal(set_field(&s, "M", "[y]")->number, 10);
    set_release(&s);
}

static void concatenated_sets_share_files(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 64 << 10, 64 << 20);
    struct str one = set_read(&a, "kitchen_sink.pb"), two = set_read(&a, "kitchen_sink2.pb");
    struct str both = arena_printf(&a, "%*s", (int)(one.n + two.n), "");
    memcpy((char *)(uintptr_t)both.p, one.p, one.n);
    memcpy((char *)(uintptr_t)both.p + one.n, two.p, two.n);
    const struct tc_schema *s = compile(both, &a), *expected = compile(two, &a);
    assert_non_null(s);
    assert_int_equal(s->nfiles, expected->nfiles);
    assert_int_equal(s->nmessages, expected->nmessages);
    arena_release(&a);
}

static void unused_imports_may_be_missing(void **state)
{
    struct set s = compile_text("1:{1:'a' 3:'gone.proto' 4:{1:'M'}}");
    (void)state;
    assert_int_equal(s.schema->nfiles, 1);
    set_release(&s);
}

static void strings_outlive_the_set(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    struct guard g = guard_copy(
        wire_text(&a, "1:{1:'a.proto' 2:'p' 4:{1:'M' 2:{1:'f' 3:1 4:1 5:9 7:'x' 10:'g'}}}"));
    const struct tc_schema *s = compile(g.s, &a);
    guard_release(&g); /* unmapped: reading the set now would fault */
    assert_true(str_eq(s->files[0].name, STR("a.proto")));
    assert_true(str_eq(s->messages[0]->full_name, STR("p.M")));
    assert_true(str_eq(s->messages[0]->fields->default_text, STR("x")));
    assert_non_null(tc_field_by_name(s->messages[0], STR("g")));
    arena_release(&a);
}

static bool compile_once(void *arg)
{
    struct arena a;
    struct tc_faults faults;
    arena_init(&a, 64, 16 << 20);
    tc_faults_init(&faults, &a);
    bool ok = schema_compile(*(struct str *)arg, &a, &faults) != NULL;
    assert_int_equal(ok, faults.count == 0 && !faults.out_of_memory);
    arena_release(&a);
    return ok;
}

static void every_failing_allocation_is_survived(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 16 << 20);
    struct str http = set_read(&a, "google/api/http.pb");
    struct str wide = wire_text(
        &a, "1:{1:'a' 3:'b' 2:'p' 8:{1:'x'} 8:{2:'y'} 12:'proto3' 9:{1:{1:[6 0 3 50001] 2:[7 1 2]}}"
            " 5:{1:'E' 2:{1:'A'} 2:{1:'B' 2:1}} 7:{1:'x' 2:'M' 3:5 4:1 5:9}"
            " 6:{1:'S' 3:{50001:1} 2:{1:'R' 2:'M' 3:'.p.M'}}"
            " 4:{1:'M' 5:{1:5 2:9} 8:{1:'o'} 2:{1:'f' 3:1 4:1 5:14 6:'.p.E' 9:0}"
            "    2:{1:'m' 3:2 4:3 5:11 6:'.p.M.MEntry'}"
            "    3:{1:'MEntry' 7:{7:1} 2:{1:'key' 3:1 4:1 5:9} 2:{1:'value' 3:2 4:1 5:9}}}}");
    assert_true(failmalloc_each(compile_once, &wide) > 0);
    assert_true(failmalloc_each(compile_once, &http) > 0);
    arena_release(&a);
}

static void every_ceiling_of_the_arena_is_survived(void **state)
{
    struct arena a, out;
    struct tc_faults faults;
    size_t max = 0;
    (void)state;
    arena_init(&a, 4096, 16 << 20);
    struct str set = set_read(&a, "google/api/http.pb");
    for (const struct tc_schema *s = NULL; !s; max += 8) {
        arena_init(&out, 256, max);
        tc_faults_init(&faults, &out);
        s = schema_compile(set, &out, &faults);
        assert_true(s || faults.out_of_memory);
        arena_release(&out);
    }
    assert_in_range(max, 1000, 10000);
    arena_release(&a);
}

static void ten_thousand_methods_compile_in_well_under_a_second(void **state)
{
    enum { COUNT = 10000 };
    struct buf services, file, set;
    struct arena a;
    char text[300];
    (void)state;
    arena_init(&a, 64 << 10, 256 << 20);
    buf_init(&services, 16 << 20);
    buf_init(&file, 16 << 20);
    buf_init(&set, 16 << 20);
    assert_true(tc_put_bytes(&file, 1, STR("big.proto")) && tc_put_bytes(&file, 2, STR("big")));
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text,
                 "4:{1:'Request%d' 2:{1:'first_name' 3:1 4:1 5:9} 2:{1:'next' 3:2 4:1 5:11 "
                 "6:'.big.Request%d'}}",
                 i, (i + 1) % COUNT);
        assert_true(buf_add(&file, wire_text(&a, text)));
        snprintf(text, sizeof text, "2:{1:'M%d' 2:'.big.Request%d' 3:'.big.Request%d'}", i, i,
                 COUNT - 1 - i);
        assert_true(buf_add(&services, wire_text(&a, text)));
    }
    assert_true(buf_add(&services, wire_text(&a, "1:'Service'")));
    assert_true(tc_put_bytes(&file, 6, buf_str(&services)));
    assert_true(tc_put_bytes(&set, 1, buf_str(&file)));
    clock_t start = clock();
    const struct tc_schema *s = compile(buf_str(&set), &a);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_non_null(s);
    assert_int_equal(s->services[0].nmethods, COUNT);
    assert_ptr_equal(s->services[0].methods[COUNT - 1].output,
                     tc_schema_message(s, STR("big.Request0")));
    assert_true(seconds < 1);
    buf_release(&services);
    buf_release(&file);
    buf_release(&set);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proto3_fields_become_rows),
        cmocka_unit_test(proto2_fields_become_rows),
        cmocka_unit_test(well_known_types_are_marked),
        cmocka_unit_test(options_come_with_bytes_and_lines),
        cmocka_unit_test(methods_know_their_names_ends_and_streams),
        cmocka_unit_test(options_given_in_pieces_are_joined),
        cmocka_unit_test(json_names_are_derived_where_the_descriptor_has_none),
        cmocka_unit_test(features_are_resolved_from_file_to_field),
        cmocka_unit_test(maps_stay_length_prefixed_in_delimited_files),
        cmocka_unit_test(enums_are_closed_by_syntax_or_feature),
        cmocka_unit_test(names_without_a_dot_are_looked_for_outwards),
        cmocka_unit_test(extension_ranges_may_stand_in_any_order),
        cmocka_unit_test(concatenated_sets_share_files),
        cmocka_unit_test(unused_imports_may_be_missing),
        cmocka_unit_test(strings_outlive_the_set),
        cmocka_unit_test(every_failing_allocation_is_survived),
        cmocka_unit_test(every_ceiling_of_the_arena_is_survived),
        cmocka_unit_test(ten_thousand_methods_compile_in_well_under_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
