#include "tests/unit/support/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int load(void **state)
{
    static struct set set;

    set = set_load("kitchen_sink.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

static void encode_any_takes_its_type_first_or_anywhere(void **state)
{
    static const struct encoding cases[] = {
        /* Any */
        ENCODED("kitchen.Sink", "{\"kAny\":{}}", "c20a00"),
        ENCODED("kitchen.Sink",
                "{\"kAny\":{\"@type\":\"type.googleapis.com/kitchen.Sink.Part\",\"number\":1}}",
                "c20a2b0a25747970652e676f6f676c65617069732e636f6d2f6b69746368656e2e53696e6b2e506172"
                "7412020801"),
        ENCODED("kitchen.Sink",
                "{\"kAny\":{\"number\":1,\"@type\":\"type.googleapis.com/kitchen.Sink.Part\"}}",
                "c20a2b0a25747970652e676f6f676c65617069732e636f6d2f6b69746368656e2e53696e6b2e506172"
                "7412020801"),
        ENCODED("kitchen.Sink",
                "{\"kAny\":{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"1s\"}}",
                "c20a200a1a782f676f6f676c652e70726f746f6275662e4475726174696f6e12020801"),
        ENCODED("kitchen.Sink",
                "{\"kAny\":{\"value\":{\"a\":[1]},\"@type\":\"x/google.protobuf.Struct\"}}",
                "c20a300a18782f676f6f676c652e70726f746f6275662e53747275637412140a120a0161120d320b0a"
                "0911000000000000f03f"),
        ENCODED("kitchen.Sink", "{\"kAny\":{\"@type\":\"x/kitchen.Nothing\"}}",
                "c20a130a11782f6b69746368656e2e4e6f7468696e67"),
        ENCODED("kitchen.Sink", "{\"kAny\":{\"@type\":\"x/google.protobuf.Empty\"}}",
                "c20a190a17782f676f6f676c652e70726f746f6275662e456d707479"),
        ENCODED("kitchen.Sink",
                "{\"kAny\":{\"value\":{\"value\":\"2s\",\"@type\":\"x/"
                "google.protobuf.Duration\"},\"@type\":\"x/google.protobuf.Any\"}}",
                "c20a390a15782f676f6f676c652e70726f746f6275662e416e7912200a1a782f676f6f676c652e7072"
                "6f746f6275662e4475726174696f6e12020802"),
        ENCODED("kitchen.Sink",
                "{\"kAny\":{\"kAny\":{\"number\":2,\"\\u0040type\":\"x/"
                "kitchen.Sink.Part\"},\"name\":\"n\",\"@type\":\"x/kitchen.Sink\"},\"kEmpty\":{}}",
                "c20a310a0e782f6b69746368656e2e53696e6b121fc20a190a13782f6b69746368656e2e53696e6b2e"
                "50617274120208020a016eca0a00"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_any_refuses_what_it_cannot_resolve(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"kAny\":{\"@type\":\"x/kitchen.Foo\"}}", 17, "kAny.@type",
                "\"x/kitchen.Foo\" is not known"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"@type\":\"kitchen.Sink\"}}", 17, "kAny.@type",
                "not known"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"@type\":\"\"}}", 17, "kAny.@type", "not known"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"@type\":1}}", 17, "kAny.@type",
                "expected a string, found a number"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"@type\":null}}", 17, "kAny.@type",
                "expected a string, found null"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"a\":{\"@type\":\"x/kitchen.Sink\"}}}", 39, "kAny",
                "\"@type\" is missing"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"number\":1,\"@type\":\"x/kitchen.Foo\"}}", 28,
                "kAny.@type", "not known"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_any_refuses_types_given_twice(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink",
                "{\"kAny\":{\"@type\":\"x/kitchen.Sink\",\"@type\":\"x/kitchen.Sink\"}}", 34,
                "kAny.@type", "given twice"),
        REFUSED(
            "kitchen.Sink",
            "{\"kAny\":{\"name\":\"\",\"@type\":\"x/kitchen.Sink\",\"@type\":\"x/kitchen.Sink\"}}",
            44, "kAny.@type", "given twice"),
        REFUSED("kitchen.Sink",
                "{\"kAny\":{\"@type\":\"x/google.protobuf.Duration\",\"@type\":\"a\"}}", 46,
                "kAny.@type", "given twice"),
        REFUSED("kitchen.Sink",
                "{\"kAny\":{\"@type\":\"x/"
                "google.protobuf.Duration\",\"value\":\"1s\",\"value\":\"1s\"}}",
                59, "kAny.value", "given twice"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_any_says_where_its_contents_are_wrong(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"kAny\":{\"@type\":\"x/kitchen.Sink.Part\",\"number\":\"x\"}}",
                48, "kAny.number", "whole number"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"number\":\"x\",\"@type\":\"x/kitchen.Sink.Part\"}}",
                18, "kAny.number", "whole number"),
        REFUSED("kitchen.Sink",
                "{\"rkAny\":[{},{\"screw\":{\"turns\":\"x\"},\"@type\":\"x/kitchen.Sink.Part\"}]}",
                31, "rkAny[1].screw.turns", "whole number"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"a\":[1,}],\"@type\":\"x/kitchen.Sink.Part\"}}", 16,
                "kAny", "expected a value"),
        REFUSED("kitchen.Sink",
                "{\"kAny\":{\"value\":\"x\",\"@type\":\"x/google.protobuf.Duration\"}}", 17,
                "kAny.value", "not a duration"),
        REFUSED("kitchen.Sink", "{\"kAny\":{\"@type\":\"x/google.protobuf.Duration\"}}", 45, "kAny",
                "must have a \"value\""),
        REFUSED("kitchen.Sink",
                "{\"kAny\":{\"@type\":\"x/google.protobuf.Duration\",\"seconds\":1}}", 46,
                "kAny.seconds", "\"value\" and nothing else"),
        REFUSED("kitchen.Sink",
                "{\"kAny\":{\"@type\":\"x/google.protobuf.Duration\",\"value\":null}}", 54,
                "kAny.value", "found null"),
        REFUSED("kitchen.Sink", "{\"kAny\":[]}", 8, "kAny", "expected an object with \"@type\""),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_any_reads_over_unknown_fields_when_told(void **state)
{
    static const struct encoding cases[] = {
        {.message = "kitchen.Sink",
         .json = STR_INIT(
             "{\"a\":{\"b\":[1,{\"c\":\"]}\"}]},\"b\":null,\"c\":\"x\",\"name\":\"n\"}"),
         .hex = "0a016e",
         .ignore_fields = true},
        {.message = "kitchen.Sink",
         .json = STR_INIT("{\"kAny\":{\"a\":[],\"@type\":\"x/kitchen.Nothing\"},\"name\":\"n\"}"),
         .hex = "c20a130a11782f6b69746368656e2e4e6f7468696e670a016e",
         .ignore_fields = true},
        {.message = "kitchen.Sink",
         .json = STR_INIT("{\"a\":{\"b\":[1,}]}}"),
         .offset = 13,
         .path = "",
         .text = "expected a value",
         .ignore_fields = true},
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

/* {"kAny":{"name":"aaa...","@type":"x/kitchen.Sink"}} with `n` bytes of name. */
static enum tc_status encode_late_type(const struct set *s, size_t n, size_t piece,
                                       struct encoding_run *r)
{
    static const struct encoding any = {.message = "kitchen.Sink"};
    struct buf json;
    enum tc_status st = TC_MORE;

    buf_init(&json, n + 100);
    assert_true(buf_add(&json, STR("{\"kAny\":{\"name\":\"")));
    assert_non_null(buf_reserve(&json, n));
    memset(json.p + json.n, 'a', n);
    json.n += n;
    assert_true(buf_add(&json, STR("\",\"@type\":\"x/kitchen.Sink\"}}")));
    assert_true(encoding_begin(r, s, &any, 16 << 20));
    for (size_t at = 0; at < json.n && st == TC_MORE; at += piece)
        st = tc_encode_feed(r->encoder,
                            str_of(json.p + at, json.n - at < piece ? json.n - at : piece));
    buf_release(&json);
    return st == TC_OK ? tc_encode_finish(r->encoder) : st;
}

static void encode_any_keeps_what_stands_before_its_type_however_long(void **state)
{
    static const size_t pieces[] = {1 << 30, 4096};

    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct encoding_run r;

        assert_int_equal(encode_late_type(*state, 9 << 20, pieces[i], &r), TC_OK);
        assert_true(encoding_result(&r).n > 9 << 20);
        encoding_end(&r);
    }
}

/* A string of `n` bytes in `levels` Anys, each with its type behind it. */
static enum tc_status encode_late_types(const struct set *s, int levels, size_t n)
{
    static const struct encoding any = {.message = "google.protobuf.Any"};
    struct encoding_run r;
    struct buf json;
    enum tc_status st;

    buf_init(&json, 4 << 20);
    for (int i = 0; i < levels; i++)
        assert_true(buf_add(&json, STR("{\"value\":")));
    assert_true(buf_add(&json, STR("{\"@type\":\"x/google.protobuf.StringValue\",\"value\":\"")));
    assert_non_null(buf_reserve(&json, n));
    memset(json.p + json.n, 'a', n);
    json.n += n;
    assert_true(buf_add(&json, STR("\"}")));
    for (int i = 0; i < levels; i++)
        assert_true(buf_add(&json, STR(",\"@type\":\"x/google.protobuf.Any\"}")));
    assert_true(encoding_begin(&r, s, &any, 4 << 20));
    st = tc_encode_feed(r.encoder, buf_str(&json));
    if (st == TC_OK)
        assert_true(encoding_result(&r).n > n);
    else
        assert_non_null(strstr(r.error.text, "\"@type\" behind other members"));
    encoding_end(&r);
    buf_release(&json);
    return st;
}

/* Each level is read again inside its parent's replay: how often has a ceiling, so the time is
 * bounded; nobody's JSON reaches it. */
static void encode_any_bounds_how_often_nested_types_are_late(void **state)
{
    assert_int_equal(encode_late_types(*state, 20, 200 << 10), TC_OK);
    assert_int_equal(encode_late_types(*state, 20, 2 << 20), TC_OK);
    assert_int_equal(encode_late_types(*state, 90, 100 << 10), TC_OK);
    assert_int_equal(encode_late_types(*state, 90, 400 << 10), TC_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode_any_takes_its_type_first_or_anywhere),
        cmocka_unit_test(encode_any_refuses_what_it_cannot_resolve),
        cmocka_unit_test(encode_any_refuses_types_given_twice),
        cmocka_unit_test(encode_any_says_where_its_contents_are_wrong),
        cmocka_unit_test(encode_any_reads_over_unknown_fields_when_told),
        cmocka_unit_test(encode_any_keeps_what_stands_before_its_type_however_long),
        cmocka_unit_test(encode_any_bounds_how_often_nested_types_are_late),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
