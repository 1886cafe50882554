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

static const struct decode_case cases[] = {
    {"last scalar wins", "0801 0802", "{\"i32\":2}"},
    {"last scalar wins with others between", "1001 720178 1000 7200", "{}"},
    {"order of numbers", "e00201 0802 720173", "{\"i32\":2,\"str\":\"s\",\"pI32\":1}"},
    {"scattered list", "a80101 0809 aa01020203 720173 a80104",
     "{\"i32\":9,\"str\":\"s\",\"rI32\":[1,2,3,4]}"},
    {"messages merged", "8a01080801720161a80101 8a01050802a80102 0807",
     "{\"i32\":7,\"all\":{\"i32\":2,\"str\":\"a\",\"rI32\":[1,2]}}"},
    {"merged within merged", "8a01058a01020801 8a01058a01021002 8a01058a01020803",
     "{\"all\":{\"all\":{\"i32\":3,\"i64\":\"2\"}}}"},
    {"empty messages merged", "8a0100 8a0100", "{\"all\":{}}"},
    {"groups merged", "930108019401 0805 930110029401",
     "{\"i32\":5,\"group\":{\"i32\":1,\"i64\":\"2\"}}"},
    {"last member of a oneof wins", "c80201 d2020173", "{\"oStr\":\"s\"}"},
    {"first member of a oneof set last", "d2020173 c80201", "{\"oI32\":1}"},
    {"oneof message forgets what came before another member", "da02020801 c80201 da02021002",
     "{\"oAll\":{\"i64\":\"2\"}}"},
    {"oneof message merged", "c80201 da02020801 da02021002",
     "{\"oAll\":{\"i32\":1,\"i64\":\"2\"}}"},
    {"unknown number of a closed enum overrides nothing", "e80205 e80203", "{\"level\":\"HIGH\"}"},
    {"unknown fields",
     "c00c01 ca0c0178 d50c31323334 d90c3132333435363738 e30ceb0c0801ec0ce40c e00203",
     "{\"pI32\":3}"},
    {"unknown fields between elements", "a80101 c00c01 a80102", "{\"rI32\":[1,2]}"},
    {"wrong wire types are unknown fields", "0a026162 7005 880101 1531323334 920100", "{}"},
    {"many fields in disorder",
     "a80100 0800 a80101 0801 a80102 0802 a80103 0803 a80104 0804 a80105 0805 a80106 0806 a80107 "
     "0807 a80108 0808 a80109 0809 a8010a 080a a8010b 080b a8010c 080c a8010d 080d a8010e 080e "
     "a8010f 080f a80110 0810 a80111 0811 a80112 0812 a80113 0813 a80114 0814 a80115 0815 a80116 "
     "0816 a80117 0817 a80118 0818 a80119 0819 a8011a 081a a8011b 081b a8011c 081c a8011d 081d "
     "a8011e 081e a8011f 081f a80120 0820 a80121 0821 a80122 0822 a80123 0823 a80124 0824 a80125 "
     "0825 a80126 0826 a80127 0827",
     "{\"i32\":39,\"rI32\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,"
     "27,28,29,30,31,32,33,34,35,36,37,38,39]}"},
};

static const struct decode_fault faults[] = {
    {"merged messages malformed at their seam", "8a010472036162 8a010163", "all", "malformed"},
};

static void fields_in_any_order_give_one_message(void **state)
{
    (void)state;
    decode_check(cases, sizeof cases / sizeof *cases, NULL);
}

static void items_of_a_message_set_are_its_fields(void **state)
{
    static const struct decode_case sets[] = {
        {"one item", "0b10f9bb5e1a0208070c", "{\"[kitchen2.Wrench.wrench]\":{\"size\":7}}"},
        {"message before type, unknown between", "0b1a02080720 0110f9bb5e0c",
         "{\"[kitchen2.Wrench.wrench]\":{\"size\":7}}"},
        {"items in disorder, merged, unknown type",
         "0b1080a8d6b9071a0208010c 0b10f9bb5e1a0208070c"
         " 0b10051a0208090c 0b10f9bb5e1a0212000c",
         "{\"[kitchen2.Wrench.wrench]\":{\"size\":7,\"inner\":{}},"
         "\"[kitchen2.Wrench.bought]\":\"1970-01-01T00:00:01Z\"}"},
        {"not an item", "0b10f9bb5e0c caddf305020807", "{}"},
    };
    struct set s = set_load("kitchen_sink2.pb");
    struct tc_decode_spec spec = {.schema = s.schema,
                                  .message = set_message(&s, "kitchen2.Toolbox")};
    (void)state;
    decode_check(sets, sizeof sets / sizeof *sets, &spec);
    set_release(&s);
}

static void a_merged_message_is_checked_as_a_whole(void **state)
{
    (void)state;
    decode_check_faults(faults, sizeof faults / sizeof *faults, NULL);
}

/* At each level the message stands twice, so each level is joined: with no ceiling this would copy
 * everything 90 times. */
static void merging_is_bounded_by_the_input(void **state)
{
    struct buf message, inner, out;
    struct tc_error error = {0};
    (void)state;
    buf_init(&message, SIZE_MAX);
    buf_init(&inner, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    for (int i = 0; i < 100000; i++)
        assert_true(buf_add(&message, STR("\x08\x01")));
    for (int level = 0; level < 90; level++) {
        buf_move(&inner, &message);
        assert_true(tc_put_bytes(&message, 17, buf_str(&inner)) &&
                    tc_put_bytes(&message, 17, STR("")));
    }
    assert_int_equal(decode_once(buf_str(&message), NULL, SIZE_MAX, 1000, &out, &error), TC_LIMIT);
    out.n = 0;
    error = (struct tc_error){0};
    assert_int_equal(decode_once(buf_str(&message), NULL, 10 * message.n, 1000, &out, &error),
                     TC_LIMIT);
    buf_release(&message);
    buf_release(&inner);
    buf_release(&out);
}

/* 90 groups around half a million fields: skipping them at each level again would take 90 reads of
 * all. */
static void groups_are_not_read_once_for_each_level(void **state)
{
    struct buf message, out;
    struct tc_error error = {0};
    (void)state;
    buf_init(&message, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    for (int level = 0; level < 90; level++)
        assert_true(tc_put_key(&message, 18, TC_SGROUP));
    for (int i = 0; i < 500000; i++)
        assert_true(buf_add(&message, STR("\x08\x01")));
    for (int level = 0; level < 90; level++)
        assert_true(tc_put_key(&message, 18, TC_EGROUP));
    assert_int_equal(decode_once(buf_str(&message), NULL, 1 << 20, 1000, &out, &error), TC_LIMIT);
    buf_release(&message);
    buf_release(&out);
}

static void disorder_costs_few_bytes_a_byte(void **state)
{
    struct buf message, out;
    struct tc_error error = {0};
    (void)state;
    buf_init(&message, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    for (int i = 0; i < 100000; i++)
        assert_true(buf_add(&message, STR("\x72\x00\x08\x01")));
    assert_int_equal(decode_once(buf_str(&message), NULL, 5 * message.n, 1000, &out, &error),
                     TC_OK);
    assert_true(str_eq(buf_str(&out), STR("{\"i32\":1}")));
    out.n = 0;
    assert_int_equal(decode_once(buf_str(&message), NULL, message.n, 1000, &out, &error), TC_LIMIT);
    buf_release(&message);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_in_any_order_give_one_message),
        cmocka_unit_test(items_of_a_message_set_are_its_fields),
        cmocka_unit_test(a_merged_message_is_checked_as_a_whole),
        cmocka_unit_test(merging_is_bounded_by_the_input),
        cmocka_unit_test(groups_are_not_read_once_for_each_level),
        cmocka_unit_test(disorder_costs_few_bytes_a_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
