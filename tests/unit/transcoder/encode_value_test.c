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

    set = set_load("kitchen_sink2.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

static void encode_value_takes_scalars_in_every_form_of_the_json_mapping(void **state)
{
    static const struct encoding cases[] = {
        /* every scalar type, at its ends */
        ENCODED("kitchen.Sink",
                "{\"fDouble\":-1.5e300,\"fFloat\":3.4028235e38,\"fInt32\":-2147483648,\"fInt64\":"
                "\"-9223372036854775808\"}",
                "11355800662deb41fe1dffff7f7f2080808080f8ffffffff012880808080808080808001"),
        ENCODED("kitchen.Sink",
                "{\"fUint32\":4294967295,\"fUint64\":\"18446744073709551615\",\"fSint32\":-"
                "2147483648,\"fSint64\":\"-9223372036854775808\"}",
                "30ffffffff0f38ffffffffffffffffff0140ffffffff0f48ffffffffffffffffff01"),
        ENCODED("kitchen.Sink",
                "{\"fFixed32\":4294967295,\"fFixed64\":\"18446744073709551615\",\"fSfixed32\":-"
                "2147483648,\"fSfixed64\":\"-9223372036854775808\"}",
                "55ffffffff59ffffffffffffffff6500000080690000000000000080"),
        ENCODED("kitchen.Sink",
                "{\"fBool\":true,\"fString\":\"x\",\"fBytes\":\"AAEC\",\"fColor\":\"BEIGE\","
                "\"fSize\":2}",
                "70017a01788201030001028801ffffffffffffffffff01900102"),
        /* numbers in strings, strings as numbers, whole numbers with exponents and fractions */
        ENCODED(
            "kitchen.Sink",
            "{\"fDouble\":\"1.5\",\"fInt32\":\"7\",\"fInt64\":7,\"fUint64\":18446744073709551615}",
            "11000000000000f83f2007280738ffffffffffffffffff01"),
        ENCODED("kitchen.Sink", "{\"fInt32\":1e5,\"fInt64\":5.0}", "20a08d062805"),
        ENCODED("kitchen.Sink", "{\"fDouble\":\"NaN\",\"fFloat\":\"-Infinity\"}",
                "11000000000000f87f1d000080ff"),
        ENCODED("kitchen.Sink", "{\"fDouble\":\"Infinity\",\"fFloat\":\"NaN\"}",
                "11000000000000f07f1d0000c07f"),
        ENCODED("kitchen.Sink", "{\"fDouble\":-0.0,\"fFloat\":-0.0}",
                "1100000000000000801d00000080"),
        ENCODED("kitchen.Sink", "{\"fDouble\":1e-400,\"fFloat\":1e-60}", ""),
        /* zeros of fields without presence are not written, of others they are */
        ENCODED("kitchen.Sink",
                "{\"name\":\"\",\"fDouble\":0,\"fInt32\":0,\"fInt64\":\"0\",\"fBool\":false,"
                "\"fBytes\":\"\",\"fColor\":\"COLOR_UNSPECIFIED\"}",
                ""),
        ENCODED("kitchen.Sink",
                "{\"pDouble\":0,\"pInt32\":0,\"pBool\":false,\"pString\":\"\",\"pBytes\":\"\","
                "\"pColor\":0,\"pPart\":{}}",
                "c9070000000000000000d80700f807008208008a08009008009a0800"),
        ENCODED("kitchen.Sink", "{\"oInt32\":0}", "a80600"),
        /* enums: aliases, other cases of name, numbers without a name */
        ENCODED("kitchen.Sink",
                "{\"fColor\":77,\"fSize\":\"big\",\"rColor\":[\"RED\",-1,\"LAST\",5]}",
                "88014d900102f2021101ffffffffffffffffff01ffffffff0705"),
        ENCODED("kitchen2.Sink2",
                "{\"id\":1,\"label\":\"a\",\"level\":5,\"levels\":[\"LOW\",\"HIGH\"],"
                "\"packedLevels\":[1,10]}",
                "0801120161f8010580020180020a8a0202010a"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_takes_strings_and_bytes(void **state)
{
    static const struct encoding cases[] = {
        /* strings */
        ENCODED("kitchen.Sink", "{\"name\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
                "0a08225c2f080c0a0d09"),
        ENCODED("kitchen.Sink", "{\"name\":\"a\\u0000b\\u00e9\\u4e16\\ud83d\\ude00\"}",
                "0a0c610062c3a9e4b896f09f9880"),
        ENCODED("kitchen.Sink", "{\"name\":\"é世😀, plain and long enough for a block\"}",
                "0a2cc3a9e4b896f09f98802c20706c61696e20616e64206c6f6e6720656e6f75676820666f72206120"
                "626c6f636b"),
        /* bytes: both alphabets, with and without padding */
        ENCODED("kitchen.Sink", "{\"fBytes\":\"+/+/\"}", "820103fbffbf"),
        ENCODED("kitchen.Sink", "{\"fBytes\":\"-_-_\"}", "820103fbffbf"),
        ENCODED("kitchen.Sink", "{\"rBytes\":[\"AA==\",\"AA\",\"AAA=\",\"AAA\",\"\"]}",
                "ea020100ea020100ea02020000ea02020000ea0200"),
        ENCODED("kitchen.Sink", "{\"fBytes\":\"\\u0041\\/8=\"}", "82010203ff"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_writes_lists_packed_or_not(void **state)
{
    static const struct encoding cases[] = {
        /* lists: packed and not, empty */
        ENCODED("kitchen.Sink",
                "{\"rDouble\":[1,0],\"rInt32\":[1,-1,300],\"rSint32\":[-1],\"rBool\":[true,false],"
                "\"rString\":[\"\",\"a\"]}",
                "fa0110000000000000f03f00000000000000008a020d01ffffffffffffffffff01ac02aa020101da02"
                "020100e20200e2020161"),
        ENCODED("kitchen.Sink", "{\"uDouble\":[1],\"uInt32\":[0,1],\"uBool\":[false]}",
                "9903000000000000f03fa80300a80301f80300"),
        ENCODED("kitchen.Sink",
                "{\"rDouble\":[],\"rString\":[],\"uInt32\":[],\"rPart\":[],\"mInt32\":{}}", ""),
        ENCODED("kitchen.Sink",
                "{\"rPart\":[{},{\"number\":1},{\"screw\":{\"of\":{\"label\":\"x\"}}}]}",
                "fa0200fa02020801fa020722051203120178"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_takes_well_known_types(void **state)
{
    static const struct encoding cases[] = {
        /* wrappers: their zero is a value */
        ENCODED("kitchen.Sink",
                "{\"wDouble\":0,\"wInt64\":\"5\",\"wBool\":false,\"wString\":\"\",\"wBytes\":\"AA=="
                "\",\"rwInt64\":[0,\"1\"]}",
                "ea0800fa080208059a0900a20900aa09030a0100b20900b209020801"),
        /* well-known types */
        ENCODED("kitchen.Sink",
                "{\"kTimestamp\":\"1970-01-01T00:00:00Z\",\"kDuration\":\"0s\",\"kMask\":\"\","
                "\"kStruct\":{},\"kList\":[],\"kEmpty\":{}}",
                "8a0a00920a009a0a00a20a00b20a00ca0a00"),
        ENCODED("kitchen.Sink", "{\"kTimestamp\":\"0001-01-01T00:00:00Z\"}",
                "8a0a0b088092b8c398feffffff01"),
        ENCODED("kitchen.Sink", "{\"kTimestamp\":\"9999-12-31T23:59:59.999999999Z\"}",
                "8a0a0d08ff82d1ffaf0710ff93ebdc03"),
        ENCODED("kitchen.Sink",
                "{\"kTimestamp\":\"2024-02-29T23:30:00.5-01:30\",\"kDuration\":\"-315576000000."
                "000000001s\"}",
                "8a0a0c0890d184af061080cab5ee01920a160880c4d1b1e8f6ffffff0110ffffffffffffffffff01"),
        ENCODED("kitchen.Sink", "{\"kDuration\":\"-0.5s\",\"kMask\":\"fooBar,b.cDe\"}",
                "920a0b1080b6ca91feffffffff019a0a110a07666f6f5f6261720a06622e635f6465"),
        ENCODED("kitchen.Sink",
                "{\"kStruct\":{\"a\":null,\"b\":[1,\"x\",true,{}],\"c\":{\"d\":false}}}",
                "a20a3c0a070a0161120208000a1f0a0162121a32180a0911000000000000f03f0a031a01780a022001"
                "0a022a000a100a0163120b2a090a070a016412022000"),
        ENCODED("kitchen.Sink",
                "{\"kValue\":null,\"kNull\":null,\"rkValue\":[null,1.5],\"rkNull\":[null,\"NULL_"
                "VALUE\",0]}",
                "aa0a020800fa0a020800fa0a0911000000000000f83f8a0b03000000"),
        ENCODED("kitchen.Sink", "{\"oNull\":null}", "f00600"),
        ENCODED("kitchen.Sink", "{\"oValue\":null}", "fa06020800"),
        ENCODED("kitchen.Sink", "{\"kValue\":[[[]]],\"kList\":[null,[]]}",
                "aa0a0a32080a0632040a023200b20a080a0208000a023200"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_takes_messages_that_stand_for_themselves(void **state)
{
    static const struct encoding cases[] = {
        /* messages that stand for themselves */
        ENCODED("google.protobuf.Timestamp", "\"1970-01-01T00:00:01Z\"", "0801"),
        ENCODED("google.protobuf.Duration", "\"1.5s\"", "08011080cab5ee01"),
        ENCODED("google.protobuf.FieldMask", "\"a,bC\"", "0a01610a03625f63"),
        ENCODED("google.protobuf.Value", "null", "0800"),
        ENCODED("google.protobuf.Value", "[1,{}]", "320f0a0911000000000000f03f0a022a00"),
        ENCODED("google.protobuf.ListValue", "[true]", "0a022001"),
        ENCODED("google.protobuf.Struct", "{\"a\":\"b\"}", "0a080a016112031a0162"),
        ENCODED("google.protobuf.Int64Value", "7", "0807"),
        ENCODED("google.protobuf.StringValue", "\"s\"", "0a0173"),
        ENCODED("google.protobuf.Any", "{\"value\":7,\"@type\":\"x/google.protobuf.Int32Value\"}",
                "0a1c782f676f6f676c652e70726f746f6275662e496e74333256616c756512020807"),
        ENCODED("google.protobuf.Empty", " { } ", ""),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_refuses_numbers_that_do_not_fit(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"fInt32\":2147483648}", 10, "fInt32",
                "from -2147483648 to 2147483647"),
        REFUSED("kitchen.Sink", "{\"fInt32\":-2147483649}", 10, "fInt32", "whole number"),
        REFUSED("kitchen.Sink", "{\"fInt32\":1.5}", 10, "fInt32", "whole number"),
        REFUSED("kitchen.Sink", "{\"fUint32\":-1}", 11, "fUint32", "from 0 to 4294967295"),
        REFUSED("kitchen.Sink", "{\"fFixed32\":4294967296}", 12, "fFixed32", "whole number"),
        REFUSED("kitchen.Sink", "{\"fInt64\":9223372036854775808}", 10, "fInt64", "whole number"),
        REFUSED("kitchen.Sink", "{\"fUint64\":\"18446744073709551616\"}", 11, "fUint64",
                "whole number"),
        REFUSED("kitchen.Sink", "{\"fSint64\":1e999999999}", 11, "fSint64", "whole number"),
        REFUSED("kitchen.Sink", "{\"fFloat\":3.5e38}", 10, "fFloat", "does not fit a float"),
        REFUSED("kitchen.Sink", "{\"fDouble\":1e400}", 11, "fDouble", "does not fit a double"),
        REFUSED("kitchen.Sink", "{\"rInt32\":[1,2,4294967296]}", 15, "rInt32[2]", "whole number"),
        REFUSED("kitchen.Sink", "{\"kValue\":1e400}", 10, "kValue", "does not fit a double"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_refuses_other_types_and_near_misses(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"fInt32\":\"1 \"}", 10, "fInt32", "whole number"),
        REFUSED("kitchen.Sink", "{\"fInt32\":\"+1\"}", 10, "fInt32", "whole number"),
        REFUSED("kitchen.Sink", "{\"fInt32\":\"0x1\"}", 10, "fInt32", "whole number"),
        REFUSED("kitchen.Sink", "{\"fInt32\":\"\"}", 10, "fInt32", "whole number"),
        REFUSED("kitchen.Sink", "{\"fInt32\":true}", 10, "fInt32",
                "expected a whole number, found true"),
        REFUSED("kitchen.Sink", "{\"fDouble\":\"nan\"}", 11, "fDouble", "\"nan\" is not a number"),
        REFUSED("kitchen.Sink", "{\"fDouble\":\"inf\"}", 11, "fDouble", "not a number"),
        REFUSED("kitchen.Sink", "{\"fBool\":\"true\"}", 9, "fBool",
                "expected true or false, found a string"),
        REFUSED("kitchen.Sink", "{\"fBool\":1}", 9, "fBool",
                "expected true or false, found a number"),
        REFUSED("kitchen.Sink", "{\"fString\":1}", 11, "fString",
                "expected a string, found a number"),
        REFUSED("kitchen.Sink", "{\"fBytes\":\"A\"}", 10, "fBytes", "base64"),
        REFUSED("kitchen.Sink", "{\"fBytes\":\"+_+_\"}", 10, "fBytes", "base64"),
        REFUSED("kitchen.Sink", "{\"fBytes\":\"AA=A\"}", 10, "fBytes", "base64"),
        REFUSED("kitchen.Sink", "{\"fBytes\":\"A\\n==\"}", 10, "fBytes", "base64"),
        REFUSED("kitchen.Sink", "{\"fColor\":\"red\"}", 10, "fColor",
                "\"red\" is not a name in kitchen.Color"),
        REFUSED("kitchen.Sink", "{\"fColor\":\"1\"}", 10, "fColor", "not a name"),
        REFUSED("kitchen.Sink", "{\"fColor\":2147483648}", 10, "fColor", "whole number"),
        REFUSED("kitchen.Sink", "{\"rInt32\":1}", 10, "rInt32",
                "expected an array, found a number"),
        REFUSED("kitchen.Sink", "{\"rInt32\":[1,null]}", 13, "rInt32[1]", "null is not allowed"),
        REFUSED("kitchen.Sink", "{\"rInt32\":[[1]]}", 11, "rInt32[0]", "found an array"),
        REFUSED("kitchen.Sink", "{\"fPart\":[]}", 9, "fPart", "expected an object, found an array"),
        REFUSED("kitchen.Sink", "{\"wInt64\":{\"value\":1}}", 10, "wInt64", "found an object"),
        REFUSED("kitchen2.Sink2", "{\"level\":2}", 9, "level", "kitchen2.Level has no name for 2"),
        REFUSED("google.protobuf.Duration", "{}", 0, "", "expected a string like"),
        REFUSED("kitchen.Sink", "[]", 0, "", "expected an object, found an array"),
        REFUSED("kitchen.Sink", "null", 0, "", "expected an object, found null"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_refuses_times_and_masks_that_are_none(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-02-29T00:00:00Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"1900-02-29T00:00:00Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-13-01T00:00:00Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01t00:00:00Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T00:00:00z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T00:00:60Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T24:00:00Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T00:00:00\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T00:00:00.Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T00:00:00.0123456789Z\"}", 14,
                "kTimestamp", "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T00:00:00+0100\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"2021-01-01T00:00:00Zx\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"0000-01-01T00:00:00Z\"}", 14, "kTimestamp",
                "is not a time"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"0001-01-01T00:00:00+00:01\"}", 14, "kTimestamp",
                "0001 to 9999"),
        REFUSED("kitchen.Sink", "{\"kTimestamp\":\"9999-12-31T23:59:59-00:01\"}", 14, "kTimestamp",
                "0001 to 9999"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"1\"}", 13, "kDuration", "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"s\"}", 13, "kDuration", "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"1.s\"}", 13, "kDuration", "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\".5s\"}", 13, "kDuration", "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"+1s\"}", 13, "kDuration", "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"--1s\"}", 13, "kDuration", "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"1.0000000001s\"}", 13, "kDuration",
                "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"1s \"}", 13, "kDuration", "is not a duration"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"315576000001s\"}", 13, "kDuration",
                "longer than"),
        REFUSED("kitchen.Sink", "{\"kDuration\":\"-99999999999999999999s\"}", 13, "kDuration",
                "longer than"),
        REFUSED("kitchen.Sink", "{\"kMask\":\"a_b\"}", 9, "kMask", "lowerCamelCase"),
        REFUSED("kitchen.Sink", "{\"kMask\":\"a,\"}", 9, "kMask", "empty path"),
        REFUSED("kitchen.Sink", "{\"kMask\":\",a\"}", 9, "kMask", "empty path"),
        REFUSED("kitchen.Sink", "{\"kMask\":\"a,,b\"}", 9, "kMask", "empty path"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_leaves_unknown_enum_names_out_when_told(void **state)
{
    static const struct encoding cases[] = {
        {.message = "kitchen.Sink",
         .json = STR_INIT("{\"fColor\":\"X\",\"rColor\":[\"RED\",\"X\"],\"mToColor\":{\"a\":\"X\","
                          "\"b\":\"RED\"}}"),
         .hex = "f2020101b205050a01621001",
         .ignore_enums = true},
        {.message = "kitchen.Sink",
         .json = STR_INIT("{\"oColor\":\"X\"}"),
         .hex = "",
         .ignore_enums = true},
        {.message = "kitchen2.Sink2",
         .json = STR_INIT("{\"level\":3}"),
         .offset = 9,
         .path = "level",
         .text = "has no name for 3",
         .ignore_enums = true},
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_takes_names_of_enums_as_the_switches_say(void **state)
{
    static const struct encoding cases[] = {
        {.message = "kitchen.Sink",
         .json = STR_INIT(
             "{\"fColor\":\"red\",\"rColor\":[\"Green\",\"BEIGE\"],\"fSize\":\"Big\"}"),
         .hex = "880101f2020b02ffffffffffffffffff01900102",
         .enum_names = TC_ENUM_ANY_CASE},
        {.message = "kitchen.Sink",
         .json = STR_INIT("{\"rColor\":[\"red\",\"nope\",\"RED\"]}"),
         .hex = "f202020101",
         .enum_names = TC_ENUM_ANY_CASE,
         .ignore_enums = true},
        {.message = "kitchen.Sink",
         .json = STR_INIT("{\"fColor\":\"red\"}"),
         .offset = 10,
         .path = "fColor",
         .text = "is not a name",
         .enum_names = TC_ENUM_SHORT},
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_value_takes_the_value_of_a_field_alone(void **state)
{
    static const struct encoding cases[] = {
        {.message = "kitchen.Text", .field = "text", .json = STR_INIT("\"hi\""), .hex = "12026869"},
        {.message = "kitchen.Text",
         .field = "words",
         .json = STR_INIT("[\"a\",\"\"]"),
         .hex = "1a01611a00"},
        {.message = "kitchen.Text",
         .field = "counts",
         .json = STR_INIT("{\"a\":1}"),
         .hex = "22050a01611001"},
        {.message = "kitchen.Text", .field = "size", .json = STR_INIT("12"), .hex = "280c"},
        {.message = "kitchen.Text", .field = "size", .json = STR_INIT(" null "), .hex = ""},
        {.message = "kitchen.Text",
         .field = "raw",
         .json = STR_INIT("\"AAE=\""),
         .hex = "32020001"},
        {.message = "kitchen.Text", .field = "value", .json = STR_INIT("null"), .hex = "3a020800"},
        {.message = "kitchen2.Sink2",
         .field = "box",
         .json = STR_INIT("{\"width\":1}"),
         .hex = "9b0308019c03"},
        {.message = "kitchen.Text",
         .field = "size",
         .json = STR_INIT("1.5"),
         .offset = 0,
         .path = "size",
         .text = "whole number"},
        {.message = "kitchen.Text",
         .field = "words",
         .json = STR_INIT("[\"a\",1]"),
         .offset = 5,
         .path = "words[1]",
         .text = "expected a string"},
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode_value_takes_scalars_in_every_form_of_the_json_mapping),
        cmocka_unit_test(encode_value_takes_strings_and_bytes),
        cmocka_unit_test(encode_value_writes_lists_packed_or_not),
        cmocka_unit_test(encode_value_takes_well_known_types),
        cmocka_unit_test(encode_value_takes_messages_that_stand_for_themselves),
        cmocka_unit_test(encode_value_refuses_numbers_that_do_not_fit),
        cmocka_unit_test(encode_value_refuses_other_types_and_near_misses),
        cmocka_unit_test(encode_value_refuses_times_and_masks_that_are_none),
        cmocka_unit_test(encode_value_leaves_unknown_enum_names_out_when_told),
        cmocka_unit_test(encode_value_takes_names_of_enums_as_the_switches_say),
        cmocka_unit_test(encode_value_takes_the_value_of_a_field_alone),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
