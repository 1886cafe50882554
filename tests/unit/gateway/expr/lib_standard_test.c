#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void ints_stop_at_their_range(void **state)
{
    static const struct eval_row rows[] = {
        {"i + 1", "8"},
        {"i - 8", "-1"},
        {"i * 3", "21"},
        {"i / 2", "3"},
        {"-i / 2", "-3"},
        {"i % 4", "3"},
        {"-i % 4", "-3"},
        {"-i", "-7"},
        {"9223372036854775807 + i", "error: int overflow"},
        {"-9223372036854775808 - i", "error: int overflow"},
        {"4611686018427387904 * i", "error: int overflow"},
        {"-(-9223372036854775808 + i * 0)", "error: int overflow"},
        {"(i - 7 - 9223372036854775807 - 1) / -1", "error: int overflow"},
        {"(i - 7 - 9223372036854775807 - 1) % -1", "error: int overflow"},
        {"i / (i - 7)", "error: division by zero"},
        {"i % (i - 7)", "error: modulus by zero"},
    };
    EVAL_ROWS(*state, rows);
}

static void uints_stop_at_their_range(void **state)
{
    static const struct eval_row rows[] = {
        {"u + 1u", "8u"},
        {"u - 7u", "0u"},
        {"u - 8u", "error: uint overflow"},
        {"18446744073709551615u + u", "error: uint overflow"},
        {"9223372036854775808u * u", "error: uint overflow"},
        {"u / 2u", "3u"},
        {"u % 4u", "3u"},
        {"u / (u - 7u)", "error: division by zero"},
        {"u % (u - 7u)", "error: modulus by zero"},
    };
    EVAL_ROWS(*state, rows);
}

static void doubles_are_ieee(void **state)
{
    static const struct eval_row rows[] = {
        {"1.5 + 1.0", "2.5"},
        {"1.0 / 0.0", "double(\"inf\")"},
        {"-1.0 / 0.0", "double(\"-inf\")"},
        {"1.0 / -0.0", "double(\"-inf\")"},
        {"0.0 / 0.0", "double(\"NaN\")"},
        {"1e308 * 10.0", "double(\"inf\")"},
        {"-(1.5)", "-1.5"},
        {"0.0 / 0.0 == 0.0 / 0.0", "false"},
        {"0.0 / 0.0 != 0.0 / 0.0", "true"},
        {"-0.0 == 0.0", "true"},
        {"0.0 / 0.0 < 1.0", "false"},
        {"0.0 / 0.0 >= 1.0", "false"},
    };
    EVAL_ROWS(*state, rows);
}

static void numbers_compare_across_types(void **state)
{
    static const struct eval_row rows[] = {
        {"i < 7u", "false"},
        {"i <= 7u", "true"},
        {"i < 7.5", "true"},
        {"u > 6.5", "true"},
        {"7.0 >= i", "true"},
        {"-1 < u", "true"},
        {"18446744073709551615u > i", "true"},
        {"dyn(i) == 7.0", "true"},
        {"dyn(i) == 7u", "true"},
        {"dyn(7.5) == i", "false"},
        {"dyn(-1) == 18446744073709551615u", "false"},
        {"dyn(u) == 7", "true"},
        {"1e30 > i", "true"},
        {"-1e30 < u", "true"},
    };
    EVAL_ROWS(*state, rows);
}

static void other_kinds_compare_with_themselves(void **state)
{
    static const struct eval_row rows[] = {
        {"'a' < 'b'", "true"},
        {"'a' < 'ab'", "true"},
        {"'b' <= 'ab'", "false"},
        {"b'\\xff' > b'a'", "true"},
        {"false < true", "true"},
        {"caller.tier >= 'gold'", "true"},
        {"duration('1s') < duration('2s')", "true"},
        {"now > timestamp('2020-01-01T00:00:00Z')", "true"},
        {"dyn('a') < 1", "error: no such overload"},
        {"dyn([1]) < dyn([2])", "error: no such overload"},
    };
    EVAL_ROWS(*state, rows);
}

static void equality_takes_any_two_values(void **state)
{
    static const struct eval_row rows[] = {
        {"'a' == 'a'", "true"},
        {"caller.tier == 'gold'", "true"},
        {"caller.tier != 'gold'", "false"},
        {"'gold' == caller.tier", "true"},
        {"[1, 2] == [1, 2]", "true"},
        {"[1, 2] == [2, 1]", "false"},
        {"[1] == [1, 2]", "false"},
        {"[[1, 2], [3]] == [[1, 2], [3]]", "true"},
        {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
        {"{'a': 1} == {'a': 2}", "false"},
        {"{'a': 1} == {'b': 1}", "false"},
        {"dyn(1) == '1'", "false"},
        {"null == null", "true"},
        {"dyn(null) == 0", "false"},
        {"type(i) == int", "true"},
        {"type(i) == type(u)", "false"},
        {"optional.of(1) == optional.of(1)", "true"},
        {"optional.none() == optional.of(1)", "false"},
        {"ip('1.2.3.4') == ip('1.2.3.4')", "true"},
        {"[dyn(1), 'a'] == [dyn(1.0), 'a']", "true"},
        {"claims.age == 42", "true"},
        {"claims.age == 42.0", "true"},
        {"claims.missing == 42", "error: no such key: \"missing\""},
        {"1/0 == 1", "error: division by zero"},
    };
    EVAL_ROWS(*state, rows);
}

static void membership_looks_into_lists_and_keys(void **state)
{
    static const struct eval_row rows[] = {
        {"'infer' in caller.scopes", "true"},
        {"'write' in caller.scopes", "false"},
        {"i in [1, 7]", "true"},
        {"dyn(7.0) in [i]", "true"},
        {"1 in []", "false"},
        {"'age' in claims", "true"},
        {"'x' in claims", "false"},
        {"dyn(1.0) in {1: 2}", "true"},
        {"dyn(1.5) in {1: 2}", "false"},
        {"'tiny' in claims.models", "true"},
        {"'a' in claims.age", "error: no such overload"},
    };
    EVAL_ROWS(*state, rows);
}

static void an_index_is_a_place_or_a_key(void **state)
{
    static const struct eval_row rows[] = {
        {"[5, 6][1]", "6"},
        {"[5, 6][i]", "error: index out of bounds"},
        {"[5, 6][-1]", "error: index out of bounds"},
        {"[5, 6][dyn(1.0)]", "6"},
        {"[5, 6][dyn(1u)]", "6"},
        {"[5, 6][dyn(0.5)]", "error: index out of bounds"},
        {"[5, 6][dyn('a')]", "error: no such overload"},
        {"{'a': i}['a']", "7"},
        {"{'a': i}['b']", "error: no such key: \"b\""},
        {"{i: 1}[dyn(7.0)]", "1"},
        {"{u: 1}[dyn(7)]", "1"},
        {"{i: 1}[8]", "error: no such key: 8"},
        {"{u: 1}[8u]", "error: no such key: 8u"},
        {"{true: 1}[true]", "1"},
    };
    EVAL_ROWS(*state, rows);
}

static void sizes_count_what_people_count(void **state)
{
    static const struct eval_row rows[] = {
        {"size('πέντε')", "5"},       {"'a😀'.size()", "2"},
        {"size(b'\\xff\\x00')", "2"}, {"size([1, 2])", "2"},
        {"size({1: 2})", "1"},        {"''.size()", "0"},
        {"size(claims)", "3"},        {"size(dyn(1))", "error: no such overload: size of int"},
    };
    EVAL_ROWS(*state, rows);
}

static void texts_lists_and_bytes_join(void **state)
{
    static const struct eval_row rows[] = {
        {"caller.tier + '!'", "\"gold!\""},
        {"'' + caller.tier + ''", "\"gold\""},
        {"b'a' + b'\\x00'", "b\"a\\x00\""},
        {"[i] + [8, 9]", "[7, 8, 9]"},
        {"[] + [i]", "[7]"},
        {"dyn('a') + 1", "error: no such overload: _+_ of string and int"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_stop_at_their_range),
        cmocka_unit_test(uints_stop_at_their_range),
        cmocka_unit_test(doubles_are_ieee),
        cmocka_unit_test(numbers_compare_across_types),
        cmocka_unit_test(other_kinds_compare_with_themselves),
        cmocka_unit_test(equality_takes_any_two_values),
        cmocka_unit_test(membership_looks_into_lists_and_keys),
        cmocka_unit_test(an_index_is_a_place_or_a_key),
        cmocka_unit_test(sizes_count_what_people_count),
        cmocka_unit_test(texts_lists_and_bytes_join),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
