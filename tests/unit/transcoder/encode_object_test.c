#include "tests/unit/support/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int load(void **state)
{
    static struct set set;

    set = set_load("kitchen_sink2.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

static void encode_object_finds_fields_by_either_name_in_any_order(void **state)
{
    static const struct encoding cases[] = {
        /* names: the JSON name or the one of the .proto, in any order */
        ENCODED("kitchen.Sink", "{\"f_int32\":1,\"fInt64\":\"2\"}", "20012802"),
        ENCODED("kitchen.OddNames",
                "{\"Leading\":1,\"trailing_\":2,\"other\":3,\"with "
                "space\":4,\"größe\":5,\"$ref\":6,\"0\":7}",
                "080110027803800104980105b80106d00107"),
        ENCODED("kitchen.OddNames", "{\"qu\\\"o\\\\te\":1,\"tag2047\":1,\"tagLast\":1}",
                "880101f87f01f8ffffff0f01"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_takes_null_as_absent(void **state)
{
    static const struct encoding cases[] = {
        /* null is an absent field */
        ENCODED(
            "kitchen.Sink",
            "{\"name\":null,\"fPart\":null,\"rInt32\":null,\"mInt32\":null,\"pInt32\":null,"
            "\"wInt64\":null,\"kTimestamp\":null,\"kStruct\":null,\"kList\":null,\"kAny\":null}",
            ""),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_takes_maps_with_every_kind_of_key(void **state)
{
    static const struct encoding cases[] = {
        /* maps: every kind of key */
        ENCODED("kitchen.Sink",
                "{\"mInt32\":{\"-1\":0.5},\"mInt64\":{\"-9223372036854775808\":1},\"mUint32\":{"
                "\"4294967295\":1},\"mUint64\":{\"18446744073709551615\":\"1\"}}",
                "ba041408ffffffffffffffffff0111000000000000e03fc20410088080808080808080800115000080"
                "3fca040808ffffffff0f1001d2040d08ffffffffffffffffff011001"),
        ENCODED("kitchen.Sink",
                "{\"mSint32\":{\"-1\":1},\"mSint64\":{\"-1\":\"1\"},\"mFixed32\":{\"1\":-1},"
                "\"mFixed64\":{\"1\":\"-1\"}}",
                "da040408011001e2040408011001ea04070d010000001001f2040b0901000000000000001001"),
        ENCODED("kitchen.Sink",
                "{\"mSfixed32\":{\"-1\":1},\"mSfixed64\":{\"-1\":\"1\"},\"mBool\":{\"false\":true},"
                "\"mString\":{\"\":\"\"}}",
                "fa040a0dffffffff150100000082051209ffffffffffffffff1101000000000000008a050408001001"
                "9205040a001200"),
        ENCODED("kitchen.Sink",
                "{\"mToPart\":{\"a\\u00e9\":{\"number\":3}},\"mToValue\":{\"n\":null},"
                "\"mToTimestamp\":{\"t\":\"1970-01-01T00:00:01Z\"}}",
                "ba05090a0361c3a912020803ca05070a016e12020800d205070a017412020801"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_takes_groups_and_extensions(void **state)
{
    static const struct encoding cases[] = {
        /* proto2: groups, extensions, defaults are values like others */
        ENCODED("kitchen2.Sink2",
                "{\"id\":\"1\",\"label\":\"\",\"dInt32\":-2147483648,\"box\":{\"width\":0,\"lid\":{"
                "\"open\":true}},\"crate\":[{\"content\":\"\"}]}",
                "080112006880808080f8ffffffff019b0308001b08011c9c03a3030a00a403"),
        ENCODED("kitchen2.Sink2",
                "{\"id\":1,\"label\":\"\",\"bag\":{\"things\":[\"a\"]},\"[kitchen2.ext_int32]\":0,"
                "\"[kitchen2.ext_nested]\":{\"name\":\"n\",\"[kitchen2.ext_inner]\":\"i\"}}",
                "08011200f3030a0161f403c03e00d23e060a016e520169"),
        ENCODED("kitchen2.Sink2",
                "{\"id\":1,\"label\":\"\",\"[kitchen2.ext_list]\":[\"1\"],\"[kitchen2.ext_packed]"
                "\":[\"1\",\"2\"],\"[kitchen2.extgroup]\":{\"a\":1}}",
                "08011200e03e01ea3e020102fb3e0801fc3e"),
        ENCODED("kitchen2.Sink2",
                "{\"id\":1,\"label\":\"\",\"[kitchen2.Sink2.Nested.scoped]\":{\"name\":\"\"}}",
                "08011200da3e020a00"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_writes_the_items_of_a_message_set(void **state)
{
    static const struct encoding cases[] = {
        ENCODED("kitchen2.Toolbox", "{}", ""),
        ENCODED("kitchen2.Toolbox", "{\"[kitchen2.Wrench.wrench]\":{\"size\":7}}",
                "0b10f9bb5e1a0208070c"),
        ENCODED("kitchen2.Toolbox",
                "{\"[kitchen2.Wrench.bought]\":\"1970-01-01T00:00:01Z\","
                "\"[kitchen2.Wrench.wrench]\":{\"inner\":{\"[kitchen2.Wrench.wrench]\":{}}}}",
                "0b1080a8d6b9071a0208010c"
                "0b10f9bb5e1a0a12080b10f9bb5e1a000c0c"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_refuses_unknown_fields_with_their_path(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"nope\":1}", 1, "nope", "kitchen.Sink has no field \"nope\""),
        REFUSED("kitchen.Sink", "{\"rPart\":[{},{\"nope\":1}]}", 14, "rPart[1].nope",
                "kitchen.Sink.Part has no field"),
        REFUSED("kitchen.Sink", "{\"mToSink\":{\"k\":{\"nope\":1}}}", 17, "mToSink[\"k\"].nope",
                "no field"),
        REFUSED("kitchen.Sink", "{\"kAny\":1,\"\":1}", 8, "kAny", "expected an object"),
        REFUSED("kitchen.Sink", "{\"\":1}", 1, "", "has no field \"\""),
        REFUSED("kitchen.Sink", "{\"fint32\":1}", 1, "fint32", "no field"),
        REFUSED("kitchen.Sink", "{\"F_INT32\":1}", 1, "F_INT32", "no field"),
        REFUSED("kitchen.Sink", "{\"name\\u0000\":1}", 1, "name?", "no field"),
        REFUSED("kitchen2.Sink2", "{\"[kitchen2.nope]\":1}", 1, "[kitchen2.nope]", "no field"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_refuses_fields_given_twice_in_any_casing(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"fInt32\":1,\"fInt32\":1}", 12, "fInt32", "given twice"),
        REFUSED("kitchen.Sink", "{\"fInt32\":1,\"f_int32\":1}", 12, "f_int32", "given twice"),
        REFUSED("kitchen.Sink", "{\"fInt32\":null,\"f_int32\":1}", 15, "f_int32", "given twice"),
        REFUSED("kitchen.Sink", "{\"fPart\":{\"label\":\"a\",\"l\\u0061bel\":\"a\"}}", 22,
                "fPart.label", "given twice"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_takes_one_member_of_a_oneof(void **state)
{
    static const struct encoding cases[] = {
        ENCODED("kitchen.Sink", "{\"oInt32\":1,\"oString\":null}", "a80601"),
        ENCODED("kitchen.Sink", "{\"oString\":\"\",\"oLonely\":\"\"}", "ca0600920700"),
        REFUSED("kitchen.Sink", "{\"oInt32\":1,\"oString\":\"x\"}", 22, "oString",
                "oneof \"choice\""),
        REFUSED("kitchen.Sink", "{\"oNull\":null,\"oInt32\":1}", 23, "oInt32", "oneof \"choice\""),
        REFUSED("kitchen.Sink", "{\"oInt32\":1,\"oValue\":null}", 21, "oValue", "oneof \"choice\""),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_insists_on_required_fields(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen2.Sink2", "{}", 1, "id", "required field \"id\" is missing"),
        REFUSED("kitchen2.Sink2", "{\"id\":1}", 7, "label", "required field \"label\" is missing"),
        REFUSED("kitchen2.Sink2", "{\"id\":null}", 6, "id", "cannot be null"),
        REFUSED("kitchen2.Sink2", "{\"id\":1,\"label\":\"\",\"crate\":[{\"content\":\"\"},{}]}", 44,
                "crate[1].content", "missing"),
        REFUSED("kitchen2.Sink2",
                "{\"id\":1,\"label\":\"\",\"nested\":{\"deeper\":{\"name\":\"\"}}}", 49,
                "nested.name", "missing"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_object_refuses_map_entries_that_do_not_fit(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"mInt32\":{\"1\":1,\"x\":2}}", 17, "mInt32",
                "key of a map entry \"x\" is not"),
        REFUSED("kitchen.Sink", "{\"mInt32\":{\"2147483648\":1}}", 11, "mInt32",
                "key of a map entry"),
        REFUSED("kitchen.Sink", "{\"mBool\":{\"1\":true}}", 10, "mBool", "true or false"),
        REFUSED("kitchen.Sink", "{\"mInt32\":{\"-5\":\"x\"}}", 16, "mInt32[-5]", "not a number"),
        REFUSED("kitchen.Sink", "{\"mUint64\":{\"18446744073709551615\":{}}}", 35,
                "mUint64[18446744073709551615]", "found an object"),
        REFUSED("kitchen.Sink", "{\"mBool\":{\"true\":1}}", 17, "mBool[true]",
                "expected true or false"),
        REFUSED("kitchen.Sink", "{\"mString\":{\"a\":null}}", 16, "mString[\"a\"]",
                "null is not allowed"),
        REFUSED("kitchen.Sink", "{\"mString\":{\"a\":\"b\",}}", 20, "mString", "expected a name"),
        REFUSED("kitchen.Sink", "{\"mString\":[]}", 11, "mString",
                "expected an object, found an array"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static const struct tc_field *field(const struct set *s, const char *message, const char *name)
{
    return set_field(s, message, name);
}

static struct tc_bound leaf(const struct tc_field *f, struct str wire, bool from_path)
{
    struct tc_bound b = {.field = f, .from_path = from_path};

    buf_init(&b.wire, 1024);
    assert_true(buf_add(&b.wire, wire));
    return b;
}

static void encode_object_lets_the_body_repeat_what_is_bound_but_not_change_it(void **state)
{
    const struct set *s = *state;
    struct tc_bound name = leaf(field(s, "kitchen.Sink", "name"), STR("\x0a\x01x"), true);
    struct tc_bound zero = leaf(field(s, "kitchen.Sink", "fInt32"), STR("\x20\x00"), false);
    struct tc_bound one = leaf(field(s, "kitchen.Sink", "oInt32"), STR("\xa8\x06\x01"), true);
    struct tc_bound time = leaf(field(s, "kitchen.Sink", "kTimestamp"), STR("\x8a\x0a\x02\x08\x01"),
                                true);
    struct tc_bound inner = leaf(field(s, "kitchen.Sink.Part", "label"), STR("\x12\x01y"), true);
    struct tc_bound part = {.field = field(s, "kitchen.Sink", "fPart"), .child = &inner};
    struct encoding cases[] = {
        ENCODED("kitchen.Sink", "{}", ""),
        ENCODED("kitchen.Sink", "{\"name\":\"x\",\"fUint32\":7}", "3007"),
        ENCODED("kitchen.Sink", "{\"name\":null}", ""),
        ENCODED("kitchen.Sink", "{\"fInt32\":0,\"oInt32\":\"1\"}", ""),
        ENCODED("kitchen.Sink", "{\"kTimestamp\":\"1970-01-01T00:00:01Z\"}", ""),
        ENCODED("kitchen.Sink", "{\"fPart\":{\"label\":\"y\",\"number\":3}}", "9a01020803"),
        ENCODED("kitchen.Sink", "{\"fSink\":{\"name\":\"z\"}}", "aa01030a017a"),
        REFUSED("kitchen.Sink", "{\"name\":\"y\"}", 8, "name",
                "set by the path and cannot be changed"),
        REFUSED("kitchen.Sink", "{\"name\":\"\"}", 8, "name", "set by the path"),
        REFUSED("kitchen.Sink", "{\"fInt32\":1}", 10, "fInt32", "set by the query"),
        REFUSED("kitchen.Sink", "{\"oInt32\":0}", 10, "oInt32", "set by the path"),
        REFUSED("kitchen.Sink", "{\"oString\":\"a\"}", 11, "oString",
                "\"oInt32\" of the same oneof is set by the path"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"1970-01-01T00:00:02Z\"}", 14, "kTimestamp",
                "set by the path"),
        REFUSED("kitchen.Sink", "{\"fPart\":{\"number\":1,\"label\":\"z\"}}", 29, "fPart.label",
                "set by the path"),
    };

    name.next = &zero;
    zero.next = &one;
    one.next = &time;
    time.next = &part;
    for (size_t i = 0; i < COUNT(cases); i++)
        cases[i].bound = &name;
    encoding_check_all(s, cases, COUNT(cases));
    buf_release(&name.wire);
    buf_release(&zero.wire);
    buf_release(&one.wire);
    buf_release(&time.wire);
    buf_release(&inner.wire);
}

static void encode_object_compares_long_bound_values_too(void **state)
{
    const struct set *s = *state;
    char text[300] = "", json[340];
    struct str wire = str_of(text, 3 + 200);
    struct tc_bound name;
    struct encoding c = {.message = "kitchen.Sink", .hex = "3007", .bound = &name};

    memset(text, 'a', sizeof text);
    memcpy(text, "\x0a\xc8\x01", 3);
    name = leaf(field(s, "kitchen.Sink", "name"), wire, true);
    c.json = str_of(json, (size_t)snprintf(json, sizeof json,
                                           "{\"n\\u0061me\":\"\\u0061%.*s\",\"fUint32\":7}", 199,
                                           text + 3));
    encoding_check(s, &c);
    buf_release(&name.wire);
}

static void encode_object_counts_bound_fields_as_given(void **state)
{
    const struct set *s = *state;
    struct tc_bound id = leaf(field(s, "kitchen2.Sink2", "id"), STR("\x08\x05"), true);
    struct encoding cases[] = {
        ENCODED("kitchen2.Sink2", "{\"label\":\"\"}", "1200"),
        ENCODED("kitchen2.Sink2", "{\"id\":5,\"label\":\"\"}", "1200"),
        REFUSED("kitchen2.Sink2", "{\"id\":5}", 7, "label", "missing"),
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cases[i].bound = &id;
    encoding_check_all(s, cases, COUNT(cases));
    buf_release(&id.wire);
}

static void encode_object_follows_what_is_bound_in_the_bodys_field(void **state)
{
    const struct set *s = *state;
    struct tc_bound name = leaf(field(s, "kitchen.Sink", "name"), STR("\x0a\x01x"), true);
    struct tc_bound sink = {.field = field(s, "kitchen.UpdateRequest", "sink"), .child = &name};
    struct encoding cases[] = {
        {.message = "kitchen.UpdateRequest",
         .field = "sink",
         .json = STR_INIT("{\"name\":\"x\"}"),
         .hex = "0a00"},
        {.message = "kitchen.UpdateRequest",
         .field = "sink",
         .json = STR_INIT("{\"name\":\"y\"}"),
         .offset = 8,
         .path = "sink.name",
         .text = "set by the path"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        cases[i].bound = &sink;
    encoding_check_all(s, cases, COUNT(cases));
    buf_release(&name.wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode_object_finds_fields_by_either_name_in_any_order),
        cmocka_unit_test(encode_object_takes_null_as_absent),
        cmocka_unit_test(encode_object_takes_maps_with_every_kind_of_key),
        cmocka_unit_test(encode_object_takes_groups_and_extensions),
        cmocka_unit_test(encode_object_writes_the_items_of_a_message_set),
        cmocka_unit_test(encode_object_refuses_unknown_fields_with_their_path),
        cmocka_unit_test(encode_object_refuses_fields_given_twice_in_any_casing),
        cmocka_unit_test(encode_object_takes_one_member_of_a_oneof),
        cmocka_unit_test(encode_object_insists_on_required_fields),
        cmocka_unit_test(encode_object_refuses_map_entries_that_do_not_fit),
        cmocka_unit_test(encode_object_lets_the_body_repeat_what_is_bound_but_not_change_it),
        cmocka_unit_test(encode_object_compares_long_bound_values_too),
        cmocka_unit_test(encode_object_counts_bound_fields_as_given),
        cmocka_unit_test(encode_object_follows_what_is_bound_in_the_bodys_field),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
