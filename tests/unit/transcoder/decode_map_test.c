#include "transcoder/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/decode_check.h"
#include "tests/unit/support/decode_schema.h"
#include "transcoder/wire.h"
#include <stdio.h>

static const struct decode_case cases[] = {
    {"entries", "fa01050a01611001 fa01050a01621002", "{\"mI32\":{\"a\":1,\"b\":2}}"},
    {"parts missing or reversed", "fa0100 fa010510050a016b fa01030a016c",
     "{\"mI32\":{\"\":0,\"k\":5,\"l\":0}}"},
    {"parts twice, unknown or of a wrong type", "fa010a0a01610a016210011002 fa010708051801120178",
     "{\"mI32\":{\"b\":2,\"\":0}}"},
    {"last equal key wins", "fa01050a01611001 fa01050a01621002 fa01050a01611003",
     "{\"mI32\":{\"b\":2,\"a\":3}}"},
    {"scattered", "fa01050a01611001 0809 fa01050a01621002 fa01050a01611003",
     "{\"i32\":9,\"mI32\":{\"b\":2,\"a\":3}}"},
    {"number keys equal by value", "820206080112020801 82020a08818080801012020802 820200",
     "{\"mAll\":{\"-1\":{\"i32\":2},\"0\":{}}}"},
    {"parts of a value merged", "82020b0802120208011203e00202",
     "{\"mAll\":{\"1\":{\"i32\":1,\"pI32\":2}}}"},
    {"bool keys, closed enum values", "8a020408011005 8a020408001009 8a020408071008",
     "{\"mLevel\":{\"true\":\"HIGH\"}}"},
    {"entries that are all dropped", "8a020408011007", "{}"},
    {"missing value of a closed enum is its first", "8a02020801",
     "{\"mLevel\":{\"true\":\"LOW\"}}"},
    {"map in a map", "820210120efa01030a0161fa01050a01611001 8202020802",
     "{\"mAll\":{\"0\":{\"mI32\":{\"a\":1}},\"1\":{}}}"},
};

static const struct decode_fault faults[] = {
    {"key not utf-8", "fa01040a02c080", "mI32[\"?\"]", "UTF-8"},
    {"inside a value", "820207080a12037201ff", "mAll[5].str", "UTF-8"},
    {"inside a value of a string key", "b2030b0a090a026b2212031a01ff", "struct[\"k\"\"]", "UTF-8"},
    {"malformed entry", "fa01010a", "mI32[\"\"]", "malformed"},
    {"malformed second entry", "fa01030a0161 fa01010a", "mI32[\"\"]", "malformed"},
};

static void maps_are_objects_with_each_key_once(void **state)
{
    (void)state;
    decode_check(cases, sizeof cases / sizeof *cases, NULL);
}

static void bad_entries_are_refused_with_their_key(void **state)
{
    (void)state;
    decode_check_faults(faults, sizeof faults / sizeof *faults, NULL);
}

enum { MANY = 100000 };

static void put_entry(struct buf *message, struct str key, uint64_t value)
{
    struct buf entry;
    buf_init(&entry, 1000);
    assert_true(tc_put_bytes(&entry, 1, key) && tc_put_key(&entry, 2, TC_VARINT) &&
                tc_put_varint(&entry, value) && tc_put_bytes(message, 31, buf_str(&entry)));
    buf_release(&entry);
}

static void equal_keys_by_the_hundred_thousand_leave_the_last(void **state)
{
    struct buf message, out;
    struct tc_error error = {0};
    (void)state;
    buf_init(&message, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    for (uint64_t i = 1; i <= MANY; i++)
        put_entry(&message, STR("k"), i);
    assert_int_equal(decode_once(buf_str(&message), NULL, 5 * message.n, 1000, &out, &error),
                     TC_OK);
    assert_true(str_eq(buf_str(&out), STR("{\"mI32\":{\"k\":100000}}")));
    buf_release(&message);
    buf_release(&out);
}

/* Each key twice; all of the first half are overridden. */
static void many_keys_keep_their_last_values(void **state)
{
    struct buf message, want, out;
    struct tc_error error = {0};
    (void)state;
    buf_init(&message, SIZE_MAX);
    buf_init(&want, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    assert_true(buf_add(&want, STR("{\"mI32\":{")));
    for (unsigned i = 0; i < 2 * MANY; i++) {
        char key[48];
        int n = snprintf(key, sizeof key, "a key of some length %u", i % MANY);
        put_entry(&message, str_of(key, (size_t)n), i + 1);
        if (i >= MANY)
            assert_true(buf_printf(&want, "%s\"%s\":%u", i > MANY ? "," : "", key, i + 1));
    }
    assert_true(buf_add(&want, STR("}}")));
    assert_int_equal(decode_once(buf_str(&message), NULL, 10 * message.n, 64 << 10, &out, &error),
                     TC_OK);
    assert_true(str_eq(buf_str(&out), buf_str(&want)));
    buf_release(&message);
    buf_release(&want);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_objects_with_each_key_once),
        cmocka_unit_test(bad_entries_are_refused_with_their_key),
        cmocka_unit_test(equal_keys_by_the_hundred_thousand_leave_the_last),
        cmocka_unit_test(many_keys_keep_their_last_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
