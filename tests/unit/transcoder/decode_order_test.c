/* No message holds up the caller's loop, however many fields it has and in whatever order. */
#include "transcoder/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/support/decode_check.h"
#include "tests/unit/support/decode_schema.h"
#include "tests/unit/support/slower.h"
#include "transcoder/wire.h"

enum { LIST = 21, /* r_i32 */ BYTES = 4 << 20, SOFT = 256 << 10, MOST_US = 10000 * SLOWER };

static void fill(struct buf *b, const void *unit, size_t n)
{
    while (b->n < BYTES)
        assert_true(buf_add(b, str_of(unit, n)));
}

/* Fields 1 and 2 by turns: every one is out of order, the last ones count. */
static void by_turns(struct buf *b)
{
    fill(b, "\x10\x01\x08\x02", 4);
}

/* Elements of two lists by turns: all of them count. */
static void two_lists(struct buf *b)
{
    fill(b, "\xc2\x01\0\xba\x01\0", 6);
}

static void repeated_in_order(struct buf *b)
{
    fill(b, "\x08\x01", 2);
}

static void unknown(struct buf *b)
{
    fill(b, "\xb8\x3e\x01", 3); /* number 999 */
}

static void unknown_behind_disorder(struct buf *b)
{
    assert_true(buf_add(b, STR("\x10\x01\x08\x02")));
    unknown(b);
}

static void map_of(struct buf *b, uint32_t keys)
{
    for (uint32_t i = 0; b->n < BYTES; i++) {
        char text[32];
        struct buf entry;
        int n = snprintf(text, sizeof text, "%u", i % keys);
        buf_init(&entry, 64);
        assert_true(tc_put_bytes(&entry, 1, str_of(text, (size_t)n)) &&
                    tc_put_bytes(b, 31, buf_str(&entry)));
        buf_release(&entry);
    }
}

static void map_of_many_keys(struct buf *b)
{
    map_of(b, UINT32_MAX);
}

static void map_of_two_keys(struct buf *b)
{
    map_of(b, 2);
}

static const struct {
    const char *name;
    void (*make)(struct buf *);
} messages[] = {
    {"two fields by turns", by_turns},
    {"two lists by turns", two_lists},
    {"one field that is repeated", repeated_in_order},
    {"nothing that is known", unknown},
    {"nothing that is known, behind disorder", unknown_behind_disorder},
    {"a map of many keys", map_of_many_keys},
    {"a map of two keys", map_of_two_keys},
};

/* Microseconds of processor time of the longest call. */
static uint64_t longest_call(struct str message)
{
    struct tc_decode_spec spec = {.schema = &test_schema, .message = &test_all};
    struct tc_error error = {0};
    struct arena arena;
    struct buf out;
    uint64_t longest = 0;
    enum tc_status st;
    arena_init(&arena, 4096, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    struct tc_decoder *d = tc_decoder_new(&arena, &spec, message, &error);
    do {
        clock_t before = clock();
        st = tc_decode_some(d, &out, SOFT);
        uint64_t us = (uint64_t)(clock() - before) * 1000000 / CLOCKS_PER_SEC;
        longest = us > longest ? us : longest;
        out.n = 0;
    } while (st == TC_FULL);
    assert_int_equal(st, TC_OK);
    buf_release(&out);
    arena_release(&arena);
    return longest;
}

static void no_call_takes_ten_milliseconds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct buf message;
        buf_init(&message, SIZE_MAX);
        messages[i].make(&message);
        uint64_t us = longest_call(buf_str(&message));
        for (int again = 0; us > MOST_US && again < 3; again++) /* the machine may have been busy */
            us = longest_call(buf_str(&message));
        print_message("%s: %llu us\n", messages[i].name, (unsigned long long)us);
        if (us > MOST_US)
            fail_msg("%s: one call took %llu us", messages[i].name, (unsigned long long)us);
        buf_release(&message);
    }
}

/* The order does not change what is said. */
static void sorted_in_parts_is_sorted(void **state)
{
    (void)state;
    for (uint32_t work = 1; work < 200; work += 13) {
        struct tc_decode_spec spec = {.work = work};
        struct buf message, want, out;
        struct tc_error error = {0};
        buf_init(&message, SIZE_MAX);
        buf_init(&want, SIZE_MAX);
        buf_init(&out, SIZE_MAX);
        assert_true(buf_add(&want, STR("{\"rI32\":[")));
        for (uint32_t i = 0; i < 500; i++) {
            assert_true(tc_put_key(&message, 1, TC_VARINT) && tc_put_varint(&message, i + 1));
            assert_true(tc_put_key(&message, LIST, TC_VARINT) && tc_put_varint(&message, i));
            assert_true(buf_printf(&want, "%s%u", i ? "," : "", i));
        }
        assert_true(buf_add(&want, STR("]}")));
        assert_int_equal(decode_once(buf_str(&message), &spec, SIZE_MAX, 1 << 20, &out, &error),
                         TC_OK);
        if (!memmem(out.p, out.n, want.p + 1, want.n - 1) || !memmem(out.p, out.n, ":500,", 5))
            fail_msg("%u: %.*s", work, STR_ARG(buf_str(&out)));
        buf_release(&message);
        buf_release(&want);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_call_takes_ten_milliseconds),
        cmocka_unit_test(sorted_in_parts_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
