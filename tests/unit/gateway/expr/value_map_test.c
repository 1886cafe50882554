#include "gateway/expr/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { MOST = 600 };

static char memory[1 << 20];

static struct expr_run fresh(struct expr_scratch *scratch)
{
    *scratch = (struct expr_scratch){memory, sizeof memory, 0};
    return (struct expr_run){.scratch = scratch, .steps = 1000000, .max_items = 10000};
}

/* Keys of all kinds by turns: 0 int, 1 uint, 2 string. */
static struct expr_value key_of(uint32_t i, char *text)
{
    int n = snprintf(text, 16, "k%u", i);
    return i % 3 == 0   ? expr_int((int64_t)i - 300)
           : i % 3 == 1 ? expr_uint(UINT64_MAX - i)
                        : expr_string(str_of(text, (size_t)n));
}

static void every_key_is_found_in_maps_of_every_size(void **state)
{
    static char texts[MOST][16];
    static struct expr_pair pairs[MOST];
    (void)state;
    for (uint32_t n = 0; n <= MOST; n = n < 40 ? n + 1 : n * 2) {
        struct expr_scratch scratch;
        struct expr_run r = fresh(&scratch);
        for (uint32_t i = 0; i < n; i++)
            pairs[i] = (struct expr_pair){key_of(i, texts[i]), expr_int(i)};
        struct expr_value m = expr_map_of(&r, pairs, n, EXPR_REPEATED_FAILS), out;
        assert_int_equal(m.kind, EXPR_MAP);
        assert_int_equal(expr_map_size(&m), n);
        for (uint32_t i = 0; i < MOST; i++) {
            char text[16];
            struct expr_value key = key_of(i, text);
            assert_int_equal(expr_map_find(&r, &m, &key, &out), i < n);
            if (i < n)
                assert_int_equal(out.i, i);
        }
    }
}

static void numbers_match_across_their_types_exactly(void **state)
{
    struct expr_scratch scratch;
    struct expr_run r = fresh(&scratch);
    (void)state;
    for (uint32_t filler = 0; filler <= 20; filler += 20) {
        struct expr_pair pairs[23] = {
            {expr_int(5), expr_int(1)},
            {expr_uint(UINT64_C(1) << 63), expr_int(2)},
            {expr_int((INT64_C(1) << 53) + 1), expr_int(3)},
        };
        for (uint32_t i = 0; i < filler; i++)
            pairs[3 + i] = (struct expr_pair){expr_int(1000 + i), expr_null()};
        struct expr_value m = expr_map_of(&r, pairs, 3 + filler, EXPR_REPEATED_FAILS), out;
        struct expr_value keys[] = {expr_double(5),      expr_uint(5),     expr_double(0x1p63),
                                    expr_double(0x1p53), expr_double(5.5), expr_double(-0x1p63)};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            assert_int_equal(expr_map_find(&r, &m, &keys[i], &out), i < 3);
    }
}

static void a_repeated_key_fails_or_wins(void **state)
{
    struct expr_scratch scratch;
    struct expr_run r = fresh(&scratch);
    (void)state;
    for (uint32_t n = 2; n < 30; n++) {
        struct expr_pair pairs[30], again[30];
        for (uint32_t i = 0; i < n; i++)
            pairs[i] = (struct expr_pair){expr_int(i == n - 1 ? 0 : i), expr_int(i)};
        memcpy(again, pairs, sizeof pairs);
        assert_int_equal(expr_map_of(&r, pairs, n, EXPR_REPEATED_FAILS).kind, EXPR_ERROR);
        struct expr_value m = expr_map_of(&r, again, n, EXPR_REPEATED_WINS), out;
        struct expr_value key = expr_int(0);
        assert_int_equal(expr_map_size(&m), n - 1);
        assert_true(expr_map_find(&r, &m, &key, &out) && out.i == n - 1);
    }
}

static void a_map_grows_pair_by_pair(void **state)
{
    struct expr_scratch scratch;
    struct expr_run r = fresh(&scratch);
    struct expr_value m = expr_map_of(&r, NULL, 0, EXPR_REPEATED_FAILS), out;
    (void)state;
    for (uint32_t i = 0; i < MOST; i++) {
        struct expr_value key = expr_int(i), value = expr_uint(i);
        m = expr_map_insert(&r, &m, &key, &value);
        assert_int_equal(m.kind, EXPR_MAP);
        assert_int_equal(expr_map_size(&m), i + 1);
    }
    for (uint32_t i = 0; i < MOST; i++) {
        struct expr_value key = expr_int(i);
        assert_true(expr_map_find(&r, &m, &key, &out) && out.u == i);
        assert_int_equal(expr_map_insert(&r, &m, &key, &key).kind, EXPR_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_in_maps_of_every_size),
        cmocka_unit_test(numbers_match_across_their_types_exactly),
        cmocka_unit_test(a_repeated_key_fails_or_wins),
        cmocka_unit_test(a_map_grows_pair_by_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
