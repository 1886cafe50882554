#include "transcoder/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"

#define NINE_FF "\xff\xff\xff\xff\xff\xff\xff\xff\xff"

static void wire_next_reads_each_type(void **state)
{
    static const struct {
        struct str in;
        struct tc_wire_field f;
    } cases[] = {
        {STR_INIT("\x08\x00"), {1, TC_VARINT, 0, {NULL, 0}}},
        {STR_INIT("\x08\x96\x01"), {1, TC_VARINT, 150, {NULL, 0}}},
        {STR_INIT("\x08" NINE_FF "\x01"), {1, TC_VARINT, UINT64_MAX, {NULL, 0}}},
        {STR_INIT("\x08" NINE_FF "\x7f"), {1, TC_VARINT, UINT64_MAX, {NULL, 0}}},
        {STR_INIT("\x08\x80\x80\x00"), {1, TC_VARINT, 0, {NULL, 0}}},
        {STR_INIT("\x11\1\2\3\4\5\6\7\x88"), {2, TC_I64, 0x8807060504030201, {NULL, 0}}},
        {STR_INIT("\x1d\1\2\3\xf4"), {3, TC_I32, 0xf4030201, {NULL, 0}}},
        {STR_INIT("\x22\x03"
                  "abc"),
         {4, TC_LEN, 0, STR_INIT("abc")}},
        {STR_INIT("\x22\x00"), {4, TC_LEN, 0, STR_INIT("")}},
        {STR_INIT("\x22\x83\x00"
                  "abc"),
         {4, TC_LEN, 0, STR_INIT("abc")}},
        {STR_INIT("\x2b\x2c"), {5, TC_SGROUP, 0, STR_INIT("")}},
        {STR_INIT("\x2b\x08\x01\x2b\x2c\x22\x01\x2c\x2c"),
         {5, TC_SGROUP, 0, STR_INIT("\x08\x01\x2b\x2c\x22\x01\x2c")}},
        {STR_INIT("\xf8\xff\xff\xff\x0f\x01"), {(1 << 29) - 1, TC_VARINT, 1, {NULL, 0}}},
        {STR_INIT("\x88\x80\x00\x01"), {1, TC_VARINT, 1, {NULL, 0}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i].in);
        struct str rest = g.s;
        struct tc_wire_field f;
        assert_int_equal(tc_wire_next(&rest, &f), TC_OK);
        assert_int_equal(rest.n, 0);
        assert_int_equal(f.number, cases[i].f.number);
        assert_int_equal(f.type, cases[i].f.type);
        assert_int_equal(f.value, cases[i].f.value);
        assert_true(str_eq(f.bytes, cases[i].f.bytes));
        assert_int_equal(tc_wire_next(&rest, &f), TC_MORE);
        guard_release(&g);
        for (size_t n = 1; n < cases[i].in.n; n++) { /* each cut is malformed */
            g = guard_copy(str_of(cases[i].in.p, n));
            rest = g.s;
            assert_int_equal(tc_wire_next(&rest, &f), TC_INVALID);
            guard_release(&g);
        }
    }
}

static void wire_next_refuses_what_is_malformed(void **state)
{
    static const struct str cases[] = {
        STR_INIT("\x00\x01"),                         /* number 0 */
        STR_INIT("\x04"),                             /* end of no group */
        STR_INIT("\x0c"),                             /* end of a group that is not open */
        STR_INIT("\x0e\x01"),                         /* wire type 6 */
        STR_INIT("\x0f\x01"),                         /* wire type 7 */
        STR_INIT("\x80\x80\x80\x80\x10\x01"),         /* number 2^29 */
        STR_INIT("\x88\x80\x80\x80\x80\x80\x01\x00"), /* key above 32 bits */
        STR_INIT("\x08" NINE_FF "\x80\x01"),          /* 11 bytes of varint */
        STR_INIT("\x0a\x02"
                 "a"),
        STR_INIT("\x0a" NINE_FF "\x01"
                 "a"), /* length 2^64 - 1 */
        STR_INIT("\x0a\xff\xff\xff\xff\x0f"
                 "a"),
        STR_INIT("\x0b\x14"),         /* ends another group */
        STR_INIT("\x0b\x13\x0c\x14"), /* crossed groups */
        STR_INIT("\x0b\x0e\x0c"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i]);
        struct str rest = g.s;
        struct tc_wire_field f;
        if (tc_wire_next(&rest, &f) != TC_INVALID)
            fail_msg("case %zu was taken", i);
        guard_release(&g);
    }
}

static void wire_next_limits_the_depth_of_groups(void **state)
{
    char nested[2 * (TC_WIRE_DEPTH_MAX + 1)];
    struct tc_wire_field f;

    (void)state;
    for (size_t depth = 1; depth <= TC_WIRE_DEPTH_MAX + 1; depth++) {
        memset(nested, 0x0b, depth);
        memset(nested + depth, 0x0c, depth);
        struct guard g = guard_copy(str_of(nested, 2 * depth));
        struct str rest = g.s;
        assert_int_equal(tc_wire_next(&rest, &f), depth <= TC_WIRE_DEPTH_MAX ? TC_OK : TC_INVALID);
        guard_release(&g);
    }
}

static void wire_find_gives_the_last_of_the_type(void **state)
{
    struct str message = STR("\x08\x01\x12\x01"
                             "a\x08\x02\x0a\x01"
                             "b\x08\x03\x10\x09");
    struct tc_wire_field f;

    (void)state;
    assert_true(tc_wire_find(message, 1, TC_VARINT, &f) && f.value == 3);
    assert_true(tc_wire_find(message, 1, TC_LEN, &f) && str_eq(f.bytes, STR("b")));
    assert_false(tc_wire_find(message, 3, TC_VARINT, &f));
    assert_false(tc_wire_find(STR_NONE, 1, TC_VARINT, &f));
    assert_false(tc_wire_find(STR("\x08\x01\x08"), 1, TC_VARINT, &f));
}

static void wire_set_item_stands_for_the_field_of_its_type(void **state)
{
    static const struct {
        struct str in;
        uint32_t number;
        struct str bytes;
    } cases[] = {
        {STR_INIT("\x0b\x10\x07\x1a\x02hi\x0c"), 7, STR_INIT("hi")},
        {STR_INIT("\x0b\x1a\x02hi\x10\x07\x0c"), 7, STR_INIT("hi")},
        {STR_INIT("\x0b\x10\x07\x1a\x00\x0c"), 7, STR_INIT("")},
        /* what comes again or is unknown is passed over */
        {STR_INIT("\x0b\x10\x07\x10\x08\x20\x01\x1a\x02hi\x1a\x02no\x0c"), 7, STR_INIT("hi")},
        {STR_INIT("\x0b\x10\xff\xff\xff\xff\x07\x1a\x00\x0c"), INT32_MAX, STR_INIT("")},
    };
    static const struct str others[] = {
        STR_INIT("\x0b\x0c"),
        STR_INIT("\x0b\x10\x07\x0c"),
        STR_INIT("\x0b\x1a\x00\x0c"),
        STR_INIT("\x0b\x10\x00\x1a\x00\x0c"),
        STR_INIT("\x0b\x10\x80\x80\x80\x80\x08\x1a\x00\x0c"),
        STR_INIT("\x13\x10\x07\x1a\x00\x14"),
        STR_INIT("\x08\x07"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str rest = cases[i].in;
        struct tc_wire_field f;
        assert_int_equal(tc_wire_next(&rest, &f), TC_OK);
        tc_wire_set_item(&f);
        assert_int_equal(f.number, cases[i].number);
        assert_int_equal(f.type, TC_LEN);
        assert_true(str_eq(f.bytes, cases[i].bytes));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct str rest = others[i];
        struct tc_wire_field f, before;
        assert_int_equal(tc_wire_next(&rest, &f), TC_OK);
        before = f;
        tc_wire_set_item(&f);
        assert_int_equal(f.number, before.number);
        assert_int_equal(f.type, before.type);
        assert_true(str_eq(f.bytes, before.bytes));
    }
}

static void wire_varints_survive_a_round_trip(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        const uint64_t values[] = {UINT64_C(1) << bit, (UINT64_C(1) << bit) - 1,
                                   ~(UINT64_C(1) << bit)};
        for (size_t i = 0; i < 3; i++) {
            char text[10];
            size_t n = tc_varint_put(text, values[i]);
            struct guard g = guard_copy(str_of(text, n));
            struct str rest = g.s;
            uint64_t v = 0;
            assert_int_equal(n, tc_varint_size(values[i]));
            assert_true(tc_wire_varint(&rest, &v));
            assert_int_equal(rest.n, 0);
            assert_true(v == values[i]);
            guard_release(&g);
        }
    }
}

static void wire_zigzag_is_its_own_inverse(void **state)
{
    static const int64_t values[] = {0, -1, 1, -2, INT32_MIN, INT64_MAX, INT64_MIN};

    (void)state;
    assert_int_equal(tc_zigzag(-1), 1);
    assert_int_equal(tc_zigzag(1), 2);
    assert_true(tc_zigzag(INT64_MIN) == UINT64_MAX);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(tc_unzigzag(tc_zigzag(values[i])), values[i]);
}

static bool put_all(struct buf *b)
{
    return tc_put_key(b, 1, TC_VARINT) && tc_put_varint(b, 300) && tc_put_key(b, 2, TC_I32) &&
           tc_put_fixed32(b, 0xa1b2c3d4) && tc_put_key(b, 3, TC_I64) &&
           tc_put_fixed64(b, 0x1122334455667788) && tc_put_bytes(b, 16, STR("xyz")) &&
           tc_put_bytes(b, 16, STR_NONE);
}

static void wire_writers_fill_exactly_to_the_ceiling(void **state)
{
    struct str expected = STR("\x08\xac\x02\x15\xd4\xc3\xb2\xa1\x19\x88\x77\x66\x55\x44\x33\x22\x11"
                              "\x82\x01\x03xyz\x82\x01\x00");
    (void)state;
    for (size_t max = 0; max <= expected.n; max++) {
        struct buf b;
        buf_init(&b, max);
        assert_int_equal(put_all(&b), max == expected.n);
        assert_true(str_eq(buf_str(&b), str_of(expected.p, b.n)));
        buf_release(&b);
    }
}

static bool put_once(void *arg)
{
    struct buf b;

    (void)arg;
    buf_init(&b, 1000);
    bool ok = put_all(&b) && put_all(&b) && put_all(&b);
    buf_release(&b);
    return ok;
}

static void wire_writers_report_every_failing_allocation(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(put_once, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_next_reads_each_type),
        cmocka_unit_test(wire_next_refuses_what_is_malformed),
        cmocka_unit_test(wire_next_limits_the_depth_of_groups),
        cmocka_unit_test(wire_find_gives_the_last_of_the_type),
        cmocka_unit_test(wire_set_item_stands_for_the_field_of_its_type),
        cmocka_unit_test(wire_varints_survive_a_round_trip),
        cmocka_unit_test(wire_zigzag_is_its_own_inverse),
        cmocka_unit_test(wire_writers_fill_exactly_to_the_ceiling),
        cmocka_unit_test(wire_writers_report_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
