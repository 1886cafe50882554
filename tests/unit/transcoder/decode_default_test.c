#include "transcoder/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/decode_check.h"
#include "tests/unit/support/decode_schema.h"

static void one_field_is_written_alone(void **state)
{
    static const struct {
        const char *field;
        struct decode_case set;
    } cases[] = {
        {"i32", {"number", "720178 0805", "5"}},
        {"i64", {"64 bits", "1005", "\"5\""}},
        {"str", {"text", "0805 720178", "\"x\""}},
        {"all", {"message", "8a01020805", "{\"i32\":5}"}},
        {"all", {"message in parts", "8a01020805 0801 8a01021002", "{\"i32\":5,\"i64\":\"2\"}"}},
        {"rI32", {"list", "a80101 720178 aa010102", "[1,2]"}},
        {"rAll", {"messages", "c20100 c201020805", "[{},{\"i32\":5}]"}},
        {"mI32", {"map", "fa01050a01611001", "{\"a\":1}"}},
        {"oI32", {"the oneof's winner is another", "c80205 d2020178", "0"}},
        {"w_i64", {"wrapper", "ca03020805", "\"5\""}},
        {"value", {"value", "ba03022001", "true"}},
        {"time", {"time", "9a0300", "\"1970-01-01T00:00:00Z\""}},
        {"i32", {"number unset", "720178", "0"}},
        {"i64", {"64 bits unset", "", "\"0\""}},
        {"db", {"double unset", "", "0"}},
        {"b", {"bool unset", "", "false"}},
        {"str", {"text unset", "", "\"\""}},
        {"by", {"bytes unset", "", "\"\""}},
        {"color", {"enum unset", "", "\"NONE\""}},
        {"level", {"closed enum unset", "", "\"LOW\""}},
        {"null", {"null unset", "", "null"}},
        {"all", {"message unset", "", "{}"}},
        {"group", {"group unset", "", "{}"}},
        {"rI32", {"list unset", "", "[]"}},
        {"mI32", {"map unset", "", "{}"}},
        {"time", {"time unset", "", "null"}},
        {"w_i64", {"wrapper unset", "", "null"}},
        {"value", {"value unset", "", "null"}},
        {"struct", {"struct unset", "", "{}"}},
        {"list", {"list value unset", "", "[]"}},
        {"any", {"any unset", "", "{}"}},
        {"pI32", {"declared default", "", "-7"}},
        {"dInf", {"declared infinity", "", "\"-Infinity\""}},
        {"dBy", {"declared bytes", "", "\"AP9ceAo=\""}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tc_decode_spec spec = {0};
        for (size_t k = 0; k < test_all.nfields; k++)
            if (str_eq(test_all.fields[k].json_name, str_c(cases[i].field)))
                spec.field = &test_all.fields[k];
        assert_non_null(spec.field);
        decode_check(&cases[i].set, 1, &spec);
    }
}

static void a_fault_in_one_field_has_its_path(void **state)
{
    static const struct decode_fault fault = {"inside", "c20100 c201037201ff", "rAll[1].str",
                                              "UTF-8"};
    struct tc_decode_spec spec = {0};
    (void)state;
    for (size_t k = 0; k < test_all.nfields; k++)
        if (str_eq(test_all.fields[k].json_name, STR("rAll")))
            spec.field = &test_all.fields[k];
    decode_check_faults(&fault, 1, &spec);
}

#define NUMBERS                                                                              \
    "\"i64\":\"0\",\"u32\":0,\"u64\":\"0\",\"s32\":0,\"s64\":\"0\",\"f32\":0,\"f64\":\"0\"," \
    "\"sf32\":0,\"sf64\":\"0\",\"fl\":0,\"db\":0,\"b\":false,"
#define LISTS \
    "\"rI32\":[],\"rFl\":[],\"rStr\":[],\"rAll\":[],\"rLevel\":[],\"rGroup\":[],\"rSf64\":[],"
#define MAPS "\"mI32\":{},\"mAll\":{},\"mLevel\":{},"

static void defaults_are_shown_on_demand(void **state)
{
    static const struct decode_case cases[] = {
        {"empty", "",
         "{\"i32\":0," NUMBERS "\"str\":\"\",\"by\":\"\",\"color\":\"NONE\"," LISTS MAPS
         "\"null\":null,\"rValue\":[],\"q\\\"\\n\":0}"},
        {"set ones between, also at their default or all unknown", "0805 7200 c80107 f00200 9a0300",
         "{\"i32\":5," NUMBERS "\"str\":\"\",\"by\":\"\",\"color\":\"NONE\"," LISTS MAPS
         "\"time\":\"1970-01-01T00:00:00Z\",\"null\":null,\"rValue\":[],\"q\\\"\\n\":0}"},
    };
    struct tc_decode_spec spec = {.emit_defaults = true};
    (void)state;
    decode_check(cases, sizeof cases / sizeof *cases, &spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_field_is_written_alone),
        cmocka_unit_test(a_fault_in_one_field_has_its_path),
        cmocka_unit_test(defaults_are_shown_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
