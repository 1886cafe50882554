#include "transcoder/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

/* message Tree { Tree child = 1; string name = 2; bytes blob = 3; repeated int32 packed = 4;
 * repeated fixed32 fixed = 5; repeated double reals = 6; group Tree twig = 7; string old = 8
 * (proto2); int64 one = 9; repeated string names = 10; } */
static const struct tc_message tree;

#define FIELD(n, t, flag, text)                                                                    \
    {                                                                                              \
        .name = STR_INIT(text), .json_name = STR_INIT(text), .number = n, .type = t,               \
        .flags = flag, .oneof = -1, .message = (t) == TC_MESSAGE || (t) == TC_GROUP ? &tree : NULL \
    }

static const struct tc_field fields[] = {
    FIELD(1, TC_MESSAGE, TC_PRESENCE, "child"),
    FIELD(2, TC_STRING, TC_UTF8, "name"),
    FIELD(3, TC_BYTES, 0, "blob"),
    FIELD(4, TC_INT32, TC_REPEATED | TC_PACKED, "packed"),
    FIELD(5, TC_FIXED32, TC_REPEATED | TC_PACKED, "fixed"),
    FIELD(6, TC_DOUBLE, TC_REPEATED, "reals"),
    FIELD(7, TC_GROUP, TC_PRESENCE, "twig"),
    FIELD(8, TC_STRING, TC_PRESENCE, "old"),
    FIELD(9, TC_INT64, 0, "one"),
    FIELD(10, TC_STRING, TC_REPEATED | TC_UTF8, "names"),
};

enum { NFIELDS = sizeof fields / sizeof *fields };

static const struct tc_message tree = {
    .full_name = STR_INIT("test.Tree"), .fields = fields, .nfields = NFIELDS};

static void wire_check_takes_what_fits_the_type(void **state)
{
    static const struct str cases[] = {
        STR_INIT(""),
        STR_INIT("\x0a\x00"),
        STR_INIT("\x0a\x04\x0a\x02\x12\x00"),
        STR_INIT("\x12\x02\xc3\xa4"),
        STR_INIT("\x1a\x02\xff\x00"),             /* bytes are bytes */
        STR_INIT("\x22\x03\x01\x96\x01\x20\x05"), /* packed and not */
        STR_INIT("\x2a\x04\1\2\3\4\x2d\1\2\3\4"),
        STR_INIT("\x32\x08\1\2\3\4\5\6\7\x08"),
        STR_INIT("\x3b\x12\x01z\x3c"),
        STR_INIT("\x42\x01\xff"),                             /* proto2: not enforced */
        STR_INIT("\x9a\x06\x01\xff\xa3\x06\x08\x01\xa4\x06"), /* unknown ones, a group too */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i]);
        struct tc_error e = {0};
        if (tc_wire_check(&tree, g.s, TC_WIRE_FOR_C, &e) != TC_OK)
            fail_msg("case %zu: %s at %zu", i, e.text, e.offset);
        assert_int_equal(e.status, TC_OK);
        guard_release(&g);
    }
}

static void wire_check_refuses_and_says_where(void **state)
{
    static const struct {
        struct str bytes;
        size_t offset;
        const char *path;
    } cases[] = {
        {STR_INIT("\x08\x01"), 0, "child"}, /* wire types */
        {STR_INIT("\x48\x01\x10\x01"), 2, "name"},
        {STR_INIT("\x4a\x01\x01"), 0, "one"}, /* only repeated ones may be packed */
        {STR_INIT("\x52\x00\x50\x01"), 2, "names"},
        {STR_INIT("\x3a\x00"), 0, "twig"},
        {STR_INIT("\x12\x01\xff"), 2, "name"}, /* UTF-8 */
        {STR_INIT("\x0a\x05\x0a\x03\x12\x01\xff"), 6, "child.child.name"},
        {STR_INIT("\x0a\x02\x12\x01"), 2, "child"}, /* cut inside */
        {STR_INIT("\x0a\x00\x0a\x05"), 2, ""},      /* cut outside */
        {STR_INIT("\x22\x02\x01\x80"), 2, "packed"},
        {STR_INIT("\x2a\x03\1\2\3"), 2, "fixed"},
        {STR_INIT("\x32\x09\1\2\3\4\5\6\7\x08\x09"), 2, "reals"},
        {STR_INIT("\x3b\x12\x01\xff\x3c"), 3, "twig.name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard g = guard_copy(cases[i].bytes);
        struct tc_error e = {0};
        assert_int_equal(tc_wire_check(&tree, g.s, TC_WIRE_TYPED, &e), TC_INVALID);
        if (e.offset != cases[i].offset || !str_eq(str_c(e.path), str_c(cases[i].path)))
            fail_msg("case %zu: \"%s\" at %zu: %s", i, e.path, e.offset, e.text);
        assert_int_equal(tc_wire_check(&tree, g.s, TC_WIRE_TYPED, NULL), TC_INVALID);
        guard_release(&g);
    }
}

static void wire_check_refuses_nul_in_strings_only_when_asked(void **state)
{
    (void)state;
    assert_int_equal(tc_wire_check(&tree, STR("\x12\x02z\0"), TC_WIRE_TYPED, NULL), TC_OK);
    assert_int_equal(tc_wire_check(&tree, STR("\x12\x02z\0"), TC_WIRE_FOR_C, NULL), TC_INVALID);
    assert_int_equal(tc_wire_check(&tree, STR("\x42\x01\0"), TC_WIRE_FOR_C, NULL), TC_INVALID);
    assert_int_equal(tc_wire_check(&tree, STR("\x1a\x01\0"), TC_WIRE_FOR_C, NULL), TC_OK);
}

static void wire_check_counts_another_wire_type_as_unknown_when_asked(void **state)
{
    (void)state;
    assert_int_equal(tc_wire_check(&tree, STR("\x08\x01\x12\x01z"), TC_WIRE_WHOLE, NULL), TC_OK);
    assert_int_equal(tc_wire_check(&tree, STR("\x3a\x02\x12\x05"), TC_WIRE_WHOLE, NULL), TC_OK);
    assert_int_equal(tc_wire_check(&tree, STR("\x12\x02z\0"), TC_WIRE_WHOLE, NULL), TC_OK);
    assert_int_equal(tc_wire_check(&tree, STR("\x08\x01\x12\x01\xff"), TC_WIRE_WHOLE, NULL),
                     TC_INVALID);
    assert_int_equal(tc_wire_check(&tree, STR("\x0a\x02\x12\x05"), TC_WIRE_WHOLE, NULL),
                     TC_INVALID);
}

/* `depth` messages in one another, written backwards from the end of `room`; 3 bytes of head each.
 */
static struct str nest(char *room, size_t size, size_t depth)
{
    char *p = room + size;

    for (size_t i = 0; i < depth; i++) {
        size_t n = (size_t)(room + size - p);
        *--p = (char)(n >> 7);
        *--p = (char)(n | 0x80);
        *--p = 0x0a;
    }
    return str_of(p, (size_t)(room + size - p));
}

static void wire_check_limits_the_depth(void **state)
{
    char room[1000];
    struct tc_error e = {0};

    (void)state;
    assert_int_equal(
        tc_wire_check(&tree, nest(room, sizeof room, TC_WIRE_DEPTH_MAX), TC_WIRE_FOR_C, &e), TC_OK);
    struct str deep = nest(room, sizeof room, TC_WIRE_DEPTH_MAX + 1);
    assert_int_equal(tc_wire_check(&tree, deep, TC_WIRE_FOR_C, &e), TC_INVALID);
    assert_int_equal(strlen(e.path), TC_ERROR_PATH_MAX - 1); /* cut, not overrun */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_check_takes_what_fits_the_type),
        cmocka_unit_test(wire_check_refuses_and_says_where),
        cmocka_unit_test(wire_check_refuses_nul_in_strings_only_when_asked),
        cmocka_unit_test(wire_check_counts_another_wire_type_as_unknown_when_asked),
        cmocka_unit_test(wire_check_limits_the_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
