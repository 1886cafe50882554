#include "transcoder/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/decode_check.h"
#include "tests/unit/support/decode_schema.h"

static const struct decode_case cases[] = {
    {"timestamp", "9a0300", "{\"time\":\"1970-01-01T00:00:00Z\"}"},
    {"first timestamp", "9a030b088092b8c398feffffff01", "{\"time\":\"0001-01-01T00:00:00Z\"}"},
    {"last timestamp", "9a030d08ff82d1ffaf0710ff93ebdc03",
     "{\"time\":\"9999-12-31T23:59:59.999999999Z\"}"},
    {"leap day", "9a030b08ffbaf1c50310809c9c39", "{\"time\":\"2000-02-29T23:59:59.120Z\"}"},
    {"no leap day in 1900", "9a030b0880948de5f7ffffffff01", "{\"time\":\"1900-03-01T00:00:00Z\"}"},
    {"before 1970", "9a030e08ffffffffffffffffff0110e807",
     "{\"time\":\"1969-12-31T23:59:59.000001Z\"}"},
    {"parts of a timestamp merged", "9a030408051007 9a03020806",
     "{\"time\":\"1970-01-01T00:00:06.000000007Z\"}"},
    {"duration", "a2031608ffffffffffffffffff011080b6ca91feffffffff01", "{\"span\":\"-1.500s\"}"},
    {"duration below a second", "a2030b10ffffffffffffffffff01", "{\"span\":\"-0.000000001s\"}"},
    {"longest duration", "a2030d0880bcaece970910ff93ebdc03",
     "{\"span\":\"315576000000.999999999s\"}"},
    {"no duration", "a20300", "{\"span\":\"0s\"}"},
    {"field mask", "aa03160a01610a0b666f6f5f6261722e625f6310010a027831",
     "{\"mask\":\"a,fooBar.bC,x1\"}"},
    {"field mask with any text", "aa03090a076d5b22c3a9225d", "{\"mask\":\"m[\\\"é\\\"]\"}"},
    {"empty field mask", "aa0300", "{\"mask\":\"\"}"},
    {"struct",
     "b203510a070a016e120208000a0e0a0178120911000000000000f83f0a080a017312031a01740a070a01621202200"
     "00a070a016f12022a000a1a0a016c121532130a091100000000000000000a021a000a023200",
     "{\"struct\":{\"n\":null,\"x\":1.5,\"s\":\"t\",\"b\":false,\"o\":{},\"l\":[0,\"\",[]]}}"},
    {"empty struct", "b20300", "{\"struct\":{}}"},
    {"equal keys in a struct",
     "b203200a0e0a0161120911000000000000f03f0a0e0a01611209110000000000000040",
     "{\"struct\":{\"a\":2}}"},
    {"value", "ba03031a0178", "{\"value\":\"x\"}"},
    {"value null", "ba03020800", "{\"value\":null}"},
    {"value overridden", "ba030b11000000000000f87f2001", "{\"value\":true}"},
    {"list value", "c203040a020800", "{\"list\":[null]}"},
    {"empty list value", "c20300", "{\"list\":[]}"},
    {"wrappers", "ca030b08fbffffffffffffffff01 ea03030a0177", "{\"w_i64\":\"-5\",\"w_str\":\"w\"}"},
    {"wrappers at their defaults", "ca0300 ea03020a00", "{\"w_i64\":\"0\",\"w_str\":\"\"}"},
    {"null value", "d80300 e203020800 e20309110000000000000040", "{\"rValue\":[null,2]}"},
};

static const struct decode_fault faults[] = {
    {"timestamp too late", "9a0307088083d1ffaf07", "time", "Timestamp"},
    {"timestamp too early", "9a030b08ff91b8c398feffffff01", "time", "Timestamp"},
    {"nanos of a timestamp", "9a0306108094ebdc03", "time", "Timestamp"},
    {"negative nanos of a timestamp", "9a030b10ffffffffffffffffff01", "time", "Timestamp"},
    {"timestamp malformed", "9a030108", "time", "malformed"},
    {"duration too long", "a203070881bcaece9709", "span", "Duration"},
    {"signs of a duration", "a2030d080110ffffffffffffffffff01", "span", "Duration"},
    {"nanos of a duration", "a20306108094ebdc03", "span", "Duration"},
    {"mask with a capital", "aa030c0a026f6b0a06666f6f426172", "mask", "FieldMask"},
    {"mask with a digit behind the underscore", "aa03070a05666f6f5f33", "mask", "FieldMask"},
    {"mask with two underscores", "aa030a0a08666f6f5f5f626172", "mask", "FieldMask"},
    {"mask with an underscore at the end", "aa03060a04666f6f5f", "mask", "FieldMask"},
    {"mask with an empty path", "aa03020a00", "mask", "FieldMask"},
    {"mask with an empty path behind another", "aa03050a01610a00", "mask", "FieldMask"},
    {"mask with a comma", "aa03050a03612c62", "mask", "FieldMask"},
    {"mask not utf-8", "aa03040a0261ff", "mask", "UTF-8"},
    {"mask malformed", "aa03010a", "mask", "malformed"},
    {"value without a kind", "ba0300", "value", "kind"},
    {"nan in a struct", "b2031f0a1d0a016b121832160a0911000000000000f03f0a0911000000000000f87f",
     "struct[\"k\"][1]", "NaN"},
    {"value infinite", "ba030911000000000000f07f", "value", "NaN"},
};

static void well_known_types_have_their_own_json(void **state)
{
    (void)state;
    decode_check(cases, sizeof cases / sizeof *cases, NULL);
}

static void values_without_json_are_refused(void **state)
{
    (void)state;
    decode_check_faults(faults, sizeof faults / sizeof *faults, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_known_types_have_their_own_json),
        cmocka_unit_test(values_without_json_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
