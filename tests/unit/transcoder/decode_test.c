#include "transcoder/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/decode_check.h"
#include "tests/unit/support/decode_schema.h"
#include "transcoder/wire.h"

static const struct decode_case cases[] = {
    {"defaults on the wire are left out", "0800 610000000000000000 6800 7200 7a00 800100", "{}"},
    {"defaults with presence stay", "8a0100 c80200 e00200", "{\"all\":{},\"oI32\":0,\"pI32\":0}"},
    {"nested", "8a01088a01020801e00202", "{\"all\":{\"all\":{\"i32\":1},\"pI32\":2}}"},
    {"groups", "930108019301080294019401 d301d401 d3010801d401",
     "{\"group\":{\"i32\":1,\"group\":{\"i32\":2}},\"rGroup\":[{},{\"i32\":1}]}"},
    {"lists", "ba010161 ba0100 c20100 c201020801",
     "{\"rStr\":[\"a\",\"\"],\"rAll\":[{},{\"i32\":1}]}"},
    {"unpacked and packed mixed", "a80101 aa01020203 a80104 aa0100", "{\"rI32\":[1,2,3,4]}"},
    {"extension, name to be escaped", "a00605 c0b80203", "{\"[x.ext]\":5,\"q\\\"\\n\":3}"},
};

static const struct decode_fault faults[] = {
    {"cut varint", "0801 08ff", "", "malformed"},
    {"varint of 11 bytes", "08ffffffffffffffffffff01", "", "malformed"},
    {"length past the end", "8a010472036162", "all", "malformed"},
    {"field number zero", "0001", "", "malformed"},
    {"end of a group that did not begin", "0c", "", "malformed"},
    {"group without an end", "c201029301", "rAll[0]", "malformed"},
    {"cut in an element", "c20100 c201048a010108", "rAll[1].all", "malformed"},
};

static void messages_are_written_field_by_field(void **state)
{
    (void)state;
    decode_check(cases, sizeof cases / sizeof *cases, NULL);
}

static void malformed_messages_are_refused_with_their_path(void **state)
{
    (void)state;
    decode_check_faults(faults, sizeof faults / sizeof *faults, NULL);
}

static void switches_change_names(void **state)
{
    static const struct decode_case names[] = {
        {"names", "aa010101 a00601", "{\"r_i32\":[1],\"[x.ext]\":1}"},
        {"entries", "fa01050a01611001", "{\"m_i32\":{\"a\":1}}"},
    };
    struct tc_decode_spec spec = {.proto_names = true};
    (void)state;
    decode_check(names, sizeof names / sizeof *names, &spec);
}

static void a_switch_puts_the_json_into_lines(void **state)
{
    static const struct decode_case lines[] = {
        {"empty", "", "{}"},
        {"names, numbers, lists", "0801 8a0100 aa01020102",
         "{\n   \"i32\": 1,\n   \"all\": {},\n   \"rI32\": [\n      1,\n      2\n   ]\n}"},
        {"entries", "fa01050a01611001", "{\n   \"mI32\": {\n      \"a\": 1\n   }\n}"},
    };
    struct tc_decode_spec spec = {.indent = 3};
    (void)state;
    decode_check(lines, sizeof lines / sizeof *lines, &spec);
}

static void wrap(struct buf *message, uint32_t field, size_t levels)
{
    struct buf inner;
    buf_init(&inner, SIZE_MAX);
    for (size_t i = 0; i < levels; i++) {
        buf_move(&inner, message);
        assert_true(tc_put_bytes(message, field, buf_str(&inner)));
    }
    buf_release(&inner);
}

static enum tc_status decode_nested(uint32_t field, size_t levels, struct tc_error *error)
{
    struct buf message, out;
    buf_init(&message, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    wrap(&message, field, levels);
    enum tc_status st = decode_once(buf_str(&message), NULL, 1 << 20, 100, &out, error);
    buf_release(&message);
    buf_release(&out);
    return st;
}

static void nesting_ends_at_100_levels(void **state)
{
    static const uint32_t fields[] = {17, 24, 43}; /* message, list, oneof */
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct tc_error error = {0};
        assert_int_equal(decode_nested(fields[i], 99, &error), TC_OK);
        assert_int_equal(decode_nested(fields[i], 100, &error), TC_INVALID);
        assert_non_null(strstr(error.text, "100"));
    }
}

/* The second of two messages of a stream: frames and their scratch are used again. */
static void a_decoder_is_used_again_without_new_memory(void **state)
{
    static const struct str message = STR_INIT(
        "\x08\x01\x8a\x01\x02\x08\x02\x8a\x01\x02\x10\x03\x08\x04"
        "\xfa\x01\x03\x0a\x01\x61\xfa\x01\x03\x0a\x01\x62");
    struct tc_decode_spec spec = {.message = &test_all};
    struct arena arena;
    struct buf out;
    size_t used = 0;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    buf_init(&out, 1 << 20);
    struct tc_decoder *d = tc_decoder_new(&arena, &spec, message, NULL);
    for (int i = 0; i < 5; i++) {
        out.n = 0;
        assert_int_equal(tc_decode_some(d, &out, SIZE_MAX), TC_OK);
        assert_true(str_eq(buf_str(&out), STR("{\"i32\":4,\"all\":{\"i32\":2,\"i64\":\"3\"},"
                                              "\"mI32\":{\"a\":0,\"b\":0}}")));
        assert_true(i == 0 || arena.used == used);
        used = arena.used;
        tc_decode_reset(d, message);
    }
    arena_release(&arena);
    buf_release(&out);
}

static void reset_forgets_a_message_half_written(void **state)
{
    struct tc_decode_spec spec = {.message = &test_all};
    struct arena arena;
    struct buf out;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    buf_init(&out, 1 << 20);
    struct tc_decoder *d = tc_decoder_new(&arena, &spec, STR("\x8a\x01\x02\x08\x01\xc0\x02\x01"),
                                          NULL);
    assert_int_equal(tc_decode_some(d, &out, 3), TC_FULL);
    out.n = 0;
    tc_decode_reset(d, STR("\x08\x07"));
    assert_int_equal(tc_decode_some(d, &out, 100), TC_OK);
    assert_true(str_eq(buf_str(&out), STR("{\"i32\":7}")));
    arena_release(&arena);
    buf_release(&out);
}

/* Two million bytes of them, and no more memory than for one. */
static void a_million_empty_messages_cost_no_memory(void **state)
{
    struct buf message, out;
    struct tc_error error = {0};
    (void)state;
    buf_init(&message, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    for (int i = 0; i < 1000000; i++)
        assert_true(buf_add(&message, STR("\xc2\x01\x00")));
    assert_int_equal(decode_once(buf_str(&message), NULL, 4096, 64 << 10, &out, &error), TC_OK);
    assert_int_equal(out.n, 3000000 + sizeof "{\"rAll\":[]}" - 2);
    buf_release(&message);
    buf_release(&out);
}

static void offsets_point_into_the_input(void **state)
{
    struct buf out;
    struct tc_error error = {0};
    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(
        decode_once(STR("\x08\x01\x72\x03\x61\x62\xff"), NULL, 1 << 16, 100, &out, &error),
        TC_INVALID);
    assert_int_equal(error.offset, 4);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_written_field_by_field),
        cmocka_unit_test(malformed_messages_are_refused_with_their_path),
        cmocka_unit_test(switches_change_names),
        cmocka_unit_test(a_switch_puts_the_json_into_lines),
        cmocka_unit_test(nesting_ends_at_100_levels),
        cmocka_unit_test(a_decoder_is_used_again_without_new_memory),
        cmocka_unit_test(reset_forgets_a_message_half_written),
        cmocka_unit_test(a_million_empty_messages_cost_no_memory),
        cmocka_unit_test(offsets_point_into_the_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
