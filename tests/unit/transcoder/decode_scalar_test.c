#include "transcoder/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/decode_check.h"
#include "tests/unit/support/decode_schema.h"
#include "tests/unit/support/sets.h"
#include "transcoder/wire.h"
#include <stdlib.h>

static const struct decode_case cases[] = {
    {"empty", "", "{}"},
    {"integers",
     "08ffffffffffffffffff01 1080808080808080808001 18ffffffff0f 20ffffffffffffffffff01 "
     "28ffffffff0f 30ffffffffffffffffff01",
     "{\"i32\":-1,\"i64\":\"-9223372036854775808\",\"u32\":4294967295,\"u64\":"
     "\"18446744073709551615\",\"s32\":-2147483648,\"s64\":\"-9223372036854775808\"}"},
    {"fixed", "3dffffffff 41ffffffffffffffff 4dffffffff 51ffffffffffffffff",
     "{\"f32\":4294967295,\"f64\":\"18446744073709551615\",\"sf32\":-1,\"sf64\":\"-1\"}"},
    {"varints cut to 32 bits", "088580808010 188680808020 288380808010 80018180808010",
     "{\"i32\":5,\"u32\":6,\"s32\":-2,\"color\":\"RED\"}"},
    {"a bool is any number but 0", "68808080808020", "{\"b\":true}"},
    {"floats", "5dcdcccc3d 619c7500883ce4377e", "{\"fl\":0.1,\"db\":1e+300}"},
    {"not numbers", "5d0000c07f 61000000000000f0ff", "{\"fl\":\"NaN\",\"db\":\"-Infinity\"}"},
    {"minus zero is not the default", "5d00000080 610000000000000080", "{\"fl\":-0,\"db\":-0}"},
    {"text", "721161225c0a01c3a9e6bca2f09f9a802f3c7f",
     "{\"str\":\"a\\\"\\\\\\n\\u0001é漢🚀/<\177\"}"},
    {"escapes", "720708090a0c0d001f", "{\"str\":\"\\b\\t\\n\\f\\r\\u0000\\u001f\"}"},
    {"bytes", "7a02fbff", "{\"by\":\"+/8=\"}"},
    {"enums", "8001ffffffffffffffffff01", "{\"color\":\"BELOW\"}"},
    {"unknown number of an open enum", "80014d", "{\"color\":77}"},
    {"packed",
     "aa010c0102fdffffffffffffffff01 b201080000c03f00000040 da0110ffffffffffffffff0200000000000000",
     "{\"rI32\":[1,2,-3],\"rFl\":[1.5,2],\"rSf64\":[\"-1\",\"2\"]}"},
    {"empty packed list is no list", "aa0100", "{}"},
    {"closed enum drops unknown numbers", "c80101 c80102 ca0103050701 e80203",
     "{\"rLevel\":[\"LOW\",\"HIGH\",\"LOW\"]}"},
    {"closed enum with unknown numbers alone", "ca01020708 c80109", "{}"},
};

static const struct decode_fault faults[] = {
    {"cut inside a packed list", "b201060000803f0000", "rFl[0]", "malformed"},
    {"cut varint in a packed list", "aa01030102ff", "rI32[1]", "malformed"},
    {"cut varint in a packed enum", "ca010201ff", "rLevel[0]", "malformed"},
    {"not utf-8", "720261ff", "str", "UTF-8"},
    {"cut in a sequence", "ba01026f6b ba0103f09f9a", "rStr[1]", "UTF-8"},
    {"surrogate", "7203eda080", "str", "UTF-8"},
    {"overlong", "7202c0af", "str", "UTF-8"},
};

static void scalars_are_written_as_the_json_mapping_says(void **state)
{
    (void)state;
    decode_check(cases, sizeof cases / sizeof *cases, NULL);
}

static void bad_scalars_are_refused_with_their_path(void **state)
{
    (void)state;
    decode_check_faults(faults, sizeof faults / sizeof *faults, NULL);
}

struct long_text {
    struct str piece;
    size_t times;
    struct str json; /* of one piece */
};

static void check_long(uint32_t number, struct str name, const struct long_text *t)
{
    struct buf text, message, want, out;
    struct tc_error error = {0};
    buf_init(&text, SIZE_MAX);
    buf_init(&message, SIZE_MAX);
    buf_init(&want, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    assert_true(buf_add(&want, name));
    for (size_t i = 0; i < t->times; i++)
        assert_true(buf_add(&text, t->piece) && buf_add(&want, t->json));
    assert_true(buf_add(&want, STR("\"}")));
    assert_true(tc_put_bytes(&message, number, buf_str(&text)));
    for (size_t soft = 1; soft < 100000; soft = soft * 3 + 1) {
        out.n = 0;
        assert_int_equal(decode_once(buf_str(&message), NULL, 1 << 16, soft, &out, &error), TC_OK);
        assert_true(str_eq(buf_str(&out), buf_str(&want)));
    }
    buf_release(&text);
    buf_release(&message);
    buf_release(&want);
    buf_release(&out);
}

static void long_strings_are_cut_between_sequences(void **state)
{
    static const struct long_text texts[] = {
        {STR_INIT("\xf0\x9f\x9a\x80"), 9000, STR_INIT("\xf0\x9f\x9a\x80")},
        {STR_INIT("a\xe6\xbc\xa2"), 9000, STR_INIT("a\xe6\xbc\xa2")},
        {STR_INIT("\1"), 9000, STR_INIT("\\u0001")},
        {STR_INIT("0123456789abcdef\""), 3000, STR_INIT("0123456789abcdef\\\"")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_long(14, STR("{\"str\":\""), &texts[i]);
}

static void long_bytes_are_cut_between_quanta(void **state)
{
    static const struct long_text text = {STR_INIT("\xff\xff\xff"), 9000, STR_INIT("////")};
    (void)state;
    check_long(15, STR("{\"by\":\""), &text);
}

static void switches_change_enums_and_64_bit_integers(void **state)
{
    static const struct decode_case numbers[] = {
        {"numbers",
         "10fbffffffffffffffff01 8001ffffffffffffffffff01 da0110ffffffffffffffff0200000000000000",
         "{\"i64\":-5,\"color\":-1,\"rSf64\":[-1,2]}"},
        {"a map's keys stay strings", "82020408021200", "{\"mAll\":{\"1\":{}}}"},
        {"a closed enum's unknown numbers stay unknown", "e80203", "{}"},
        {"null stays null", "e203020800", "{\"rValue\":[null]}"},
    };
    struct tc_decode_spec spec = {.enums_as_numbers = true, .int64_as_numbers = true};
    (void)state;
    decode_check(numbers, sizeof numbers / sizeof *numbers, &spec);
}

static void enums_may_be_written_without_their_types_name(void **state)
{
    static const struct decode_case short_names[] = {
        {"all places", "0801 12020002 2001 2801 3001",
         "{\"reason\":\"STOP\",\"reasons\":[\"UNSPECIFIED\",\"MAX_TOKENS\"],"
         "\"kind\":\"GOOD\",\"mixed\":\"MIXED_ONE\",\"digit\":\"DIGIT_1\"}"},
        {"no name", "0809", "{\"reason\":9}"},
    };
    struct set s = set_load("switches.pb");
    struct tc_decode_spec spec = {
        .schema = s.schema, .message = set_message(&s, "switches.Message"), .short_enums = true};
    (void)state;
    decode_check(short_names, sizeof short_names / sizeof *short_names, &spec);
    set_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_written_as_the_json_mapping_says),
        cmocka_unit_test(bad_scalars_are_refused_with_their_path),
        cmocka_unit_test(long_strings_are_cut_between_sequences),
        cmocka_unit_test(long_bytes_are_cut_between_quanta),
        cmocka_unit_test(enums_may_be_written_without_their_types_name),
        cmocka_unit_test(switches_change_enums_and_64_bit_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
