#include "transcoder/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void str_to_u64_takes_digits_up_to_the_maximum(void **state)
{
    static const struct {
        struct str text;
        uint64_t max, value;
        bool ok;
    } cases[] = {
        {STR_INIT("0"), UINT64_MAX, 0, true},
        {STR_INIT("007"), UINT64_MAX, 7, true},
        {STR_INIT("18446744073709551615"), UINT64_MAX, UINT64_MAX, true},
        {STR_INIT("18446744073709551616"), UINT64_MAX, 0, false},
        {STR_INIT("99999999999999999999999"), UINT64_MAX, 0, false},
        {STR_INIT("65535"), 65535, 65535, true},
        {STR_INIT("65536"), 65535, 0, false},
        {STR_INIT("3"), 3, 3, true},
        {STR_INIT("4"), 3, 0, false},
        {STR_INIT("10"), 3, 0, false},
        {STR_INIT("0"), 0, 0, true},
        {STR_INIT("1"), 0, 0, false},
        {STR_INIT(""), 9, 0, false},
        {STR_INIT("-1"), 9, 0, false},
        {STR_INIT("+1"), 9, 0, false},
        {STR_INIT(" 1"), 9, 0, false},
        {STR_INIT("1 "), 9, 0, false},
        {STR_INIT("0x1"), 9, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t v = 0;
        assert_int_equal(str_to_u64(cases[i].text, cases[i].max, &v), cases[i].ok);
        assert_int_equal(v, cases[i].value);
    }
}

static void str_eq_nocase_folds_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_true(str_eq_nocase(STR(""), STR_NONE));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_false(str_eq_nocase(STR("["), STR("{")));
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
}

static void str_cmp_sorts_by_byte_and_a_prefix_first(void **state)
{
    (void)state;
    assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_cmp(STR("a"), STR("\xff")) < 0);
    assert_true(str_cmp(STR_NONE, STR("a")) < 0);
}

static void str_is_one_of_wants_the_whole_of_one(void **state)
{
    static const struct str list[] = {STR_INIT("ab"), STR_INIT(""), STR_INIT("c")};
    (void)state;

    assert_true(str_is_one_of(STR("ab"), list, 3));
    assert_true(str_is_one_of(STR_NONE, list, 3));
    assert_true(str_is_one_of(STR("c"), list, 3));
    assert_false(str_is_one_of(STR("c"), list, 2));
    assert_false(str_is_one_of(STR("a"), list, 3));
    assert_false(str_is_one_of(STR("abc"), list, 3));
    assert_false(str_is_one_of(STR(""), NULL, 0));
}

static void str_cut_walks_a_list_with_empty_parts(void **state)
{
    static const struct str parts[] = {STR_INIT("a"), STR_INIT(""), STR_INIT("bc"), STR_INIT("")};
    struct str rest = STR("a,,bc,");
    size_t n = 0;

    (void)state;
    while (rest.p) {
        assert_true(n < 4);
        assert_true(str_eq(str_cut(&rest, ','), parts[n++]));
    }
    assert_int_equal(n, 4);
    assert_int_equal(str_cut(&rest, ',').n, 0);
}

static void str_trim_takes_blanks_off_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    assert_true(str_eq(str_trim(STR(" \t ")), STR("")));
    assert_true(str_eq(str_trim(STR("\na\r")), STR("\na\r")));
    assert_true(str_eq(str_trim(STR_NONE), STR("")));
}

static void str_pieces_stay_inside(void **state)
{
    struct str s = STR("abc");

    (void)state;
    assert_true(str_starts(s, STR("ab")) && str_starts(s, STR("")) && !str_starts(s, STR("abcd")));
    assert_true(str_ends(s, STR("bc")) && str_ends(s, STR("")) && !str_ends(s, STR("ab")));
    assert_int_equal(str_find(s, 'c'), 2);
    assert_int_equal(str_find(s, 'x'), 3);
    assert_int_equal(str_find(STR_NONE, 'x'), 0);
    assert_true(str_skip(s, 9).p == s.p + 3 && str_skip(s, 9).n == 0);
    assert_true(str_eq(str_skip(s, 2), STR("c")));
    assert_int_equal(str_skip(STR_NONE, 1).n, 0);
    assert_int_equal(str_c(NULL).n, 0);
}

static void str_hash_is_fnv1a(void **state)
{
    (void)state;
    assert_int_equal(str_hash(STR("")), 0x811c9dc5u);
    assert_int_equal(str_hash(STR("a")), 0xe40c292cu);
    assert_int_equal(str_hash(STR("foobar")), 0xbf9cf968u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_to_u64_takes_digits_up_to_the_maximum),
        cmocka_unit_test(str_eq_nocase_folds_ascii_letters_only),
        cmocka_unit_test(str_cmp_sorts_by_byte_and_a_prefix_first),
        cmocka_unit_test(str_is_one_of_wants_the_whole_of_one),
        cmocka_unit_test(str_cut_walks_a_list_with_empty_parts),
        cmocka_unit_test(str_trim_takes_blanks_off_both_ends),
        cmocka_unit_test(str_pieces_stay_inside),
        cmocka_unit_test(str_hash_is_fnv1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
