#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void searches_count_code_points(void **state)
{
    static const struct eval_row rows[] = {
        {"'tacocat'.indexOf('c')", "2"},
        {"'ta©o©αT'.indexOf('©', 3)", "4"},
        {"'ta©o'.indexOf('x')", "-1"},
        {"'abc'.indexOf('')", "0"},
        {"'abc'.indexOf('', 3)", "3"},
        {"'abc'.indexOf('a', 4)", "error: index out of range: 4"},
        {"'bananana'.lastIndexOf('nana')", "4"},
        {"'bananana'.lastIndexOf('nana', 3)", "2"},
        {"'abc'.lastIndexOf('')", "3"},
        {"''.lastIndexOf('x')", "-1"},
        {"'abc'.lastIndexOf('a', -1)", "error: index out of range: -1"},
        {"'hello'.contains('ell')", "true"},
        {"'hello'.contains('')", "true"},
        {"''.contains('x')", "false"},
        {"caller.tier.startsWith('go')", "true"},
        {"caller.tier.endsWith('old')", "true"},
        {"'a'.endsWith('ba')", "false"},
    };
    EVAL_ROWS(*state, rows);
}

static void parts_are_cut_at_code_points(void **state)
{
    static const struct eval_row rows[] = {
        {"'©αT'.charAt(1)", "\"α\""},
        {"'abc'.charAt(3)", "\"\""},
        {"'abc'.charAt(4)", "error: index out of range: 4"},
        {"'abc'.charAt(-1)", "error: index out of range: -1"},
        {"'ta©o©αT'.substring(2, 6)", "\"©o©α\""},
        {"'abc'.substring(3)", "\"\""},
        {"'abc'.substring(2, 1)", "error: invalid substring range. start: 2, end: 1"},
        {"'abc'.substring(1, 9)", "error: index out of range: 9"},
        {"'a©b'.reverse()", "\"b©a\""},
        {"''.reverse()", "\"\""},
    };
    EVAL_ROWS(*state, rows);
}

static void case_and_space_change_as_said(void **state)
{
    static const struct eval_row rows[] = {
        {"'TacoCÆt'.lowerAscii()", "\"tacocÆt\""},
        {"'tacoCαt'.upperAscii()", "\"TACOCαT\""},
        {"' \\t\\u2003x y\\u00a0\\n'.trim()", "\"x y\""},
        {"'\\u200bx'.trim() == '\\u200bx'", "true"},
        {"'   '.trim()", "\"\""},
        {"''.trim()", "\"\""},
    };
    EVAL_ROWS(*state, rows);
}

static void splitting_and_joining_are_inverse(void **state)
{
    static const struct eval_row rows[] = {
        {"'a,b,,c'.split(',')", "[\"a\", \"b\", \"\", \"c\"]"},
        {"'a,b,c'.split(',', 2)", "[\"a\", \"b,c\"]"},
        {"'a,b'.split(',', 0)", "[]"},
        {"'a,b'.split(',', 1)", "[\"a,b\"]"},
        {"'a,b'.split(',', -1)", "[\"a\", \"b\"]"},
        {"'h©i'.split('')", "[\"h\", \"©\", \"i\"]"},
        {"''.split(',')", "[\"\"]"},
        {"['a', 'b'].join('-')", "\"a-b\""},
        {"['a', 'b'].join()", "\"ab\""},
        {"[].join('-')", "\"\""},
        {"dyn(['a', 1]).join('-')", "error: no such overload"},
    };
    EVAL_ROWS(*state, rows);
}

static void replacing_goes_from_the_front(void **state)
{
    static const struct eval_row rows[] = {
        {"'hello hello'.replace('he', 'we')", "\"wello wello\""},
        {"'hello hello'.replace('he', 'we', 1)", "\"wello hello\""},
        {"'hello'.replace('x', 'y')", "\"hello\""},
        {"'aaa'.replace('aa', 'b')", "\"ba\""},
        {"'ab'.replace('', '_')", "\"_a_b_\""},
        {"'ab'.replace('', '_', 2)", "\"_a_b\""},
        {"'hello'.replace('he', 'we', 0)", "\"hello\""},
    };
    EVAL_ROWS(*state, rows);
}

static void quotes_escape_what_must_be(void **state)
{
    static const struct eval_row rows[] = {
        {"strings.quote('a\"b\\n')", "\"\\\"a\\\\\\\"b\\\\n\\\"\""},
        {"strings.quote('')", "\"\\\"\\\"\""},
        {"strings.quote('😀')", "\"\\\"😀\\\"\""},
    };
    EVAL_ROWS(*state, rows);
}

static void patterns_are_constants_in_linear_time(void **state)
{
    static const struct eval_row rows[] = {
        {"caller.tier.matches('^g.*d$')", "true"},
        {"caller.tier.matches('silver|bronze')", "false"},
        {"matches(caller.tier, 'o' + 'l')", "true"},
        {"cel.bind(p, '^go', caller.tier.matches(p))", "true"},
        {"caller.tier.matches(caller.tier)",
         "refused: the pattern of matches() must be a constant string"},
        {"caller.tier.matches('(')", "refused: no regular expression: missing )"},
        {"caller.tier.matches('(a{1000}){1000}')", "refused: the pattern becomes too large"},
        {"dyn(1).matches('a')", "error: no such overload"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches_count_code_points),
        cmocka_unit_test(parts_are_cut_at_code_points),
        cmocka_unit_test(case_and_space_change_as_said),
        cmocka_unit_test(splitting_and_joining_are_inverse),
        cmocka_unit_test(replacing_goes_from_the_front),
        cmocka_unit_test(quotes_escape_what_must_be),
        cmocka_unit_test(patterns_are_constants_in_linear_time),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
