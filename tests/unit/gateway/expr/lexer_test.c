#include "gateway/expr/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

/* Each token as its kind's letter, and its text. */
static void check_tokens(const char *source, const char *want)
{
    static const char letters[] = ".?nqiudsxb";
    char got[512];
    size_t n = 0;
    struct guard g = guard_copy(str_c(source));
    struct expr_lexer lx = {.source = g.s};
    struct expr_token t;

    while ((t = expr_lex(&lx)).kind != EXPR_TOKEN_END) {
        char letter = t.kind < 9 ? letters[t.kind == EXPR_TOKEN_BYTES ? 9 : t.kind] : '!';
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%c<%.*s>", n ? " " : "", letter,
                              STR_ARG(t.text));
        assert_true(n < sizeof got);
        assert_true(t.end > t.offset && t.end <= g.s.n);
        assert_int_equal(t.kind == EXPR_TOKEN_BAD, t.fault != NULL);
    }
    got[n] = '\0';
    assert_string_equal(got, want);
    assert_int_equal(t.offset, g.s.n);
    guard_release(&g);
}

static void words_numbers_and_marks_are_told_apart(void **state)
{
    (void)state;
    check_tokens("", "");
    check_tokens(" \t\r\n\f", "");
    check_tokens("a_1.b", "n<a_1> !<.> n<b>");
    check_tokens("0 12 0x1F 7u 0x1fU", "i<0> i<12> i<0x1F> u<7u> u<0x1fU>");
    check_tokens("1.5 .5 1e3 1.5E-3 2e+1", "d<1.5> d<.5> d<1e3> d<1.5E-3> d<2e+1>");
    check_tokens("1.a", "i<1> !<.> n<a>");
    check_tokens("a.5", "n<a> d<.5>");
    check_tokens("a<=b&&!c||d!=e", "n<a> !<<=> n<b> !<&&> !<!> n<c> !<||> n<d> !<!=> n<e>");
    check_tokens("a?b:c", "n<a> !<?> n<b> !<:> n<c>");
    check_tokens("a.`x-y/z 1`", "n<a> !<.> q<x-y/z 1>");
    check_tokens("a // b\n+ c // d", "n<a> !<+> n<c>");
    check_tokens("//", "");
    check_tokens("in true null", "n<in> n<true> n<null>");
}

static void strings_end_where_their_quotes_say(void **state)
{
    (void)state;
    check_tokens("'a' \"b\"", "s<'a'> s<\"b\">");
    check_tokens("'' \"\"", "s<''> s<\"\">");
    check_tokens("'a\\'b'", "s<'a\\'b'>");
    check_tokens("r'a\\' R\"b\"", "s<r'a\\'> s<R\"b\">");
    check_tokens("b'a' B\"b\" br'c' bR\"d\"", "b<b'a'> b<B\"b\"> b<br'c'> b<bR\"d\">");
    check_tokens("rb'a'", "n<rb> s<'a'>");
    check_tokens("'''a'b''c''' x", "s<'''a'b''c'''> n<x>");
    check_tokens("\"\"\"a\nb\"\"\"", "s<\"\"\"a\nb\"\"\">");
    check_tokens("'''\\''''", "s<'''\\''''>");
    check_tokens("br b", "n<br> n<b>");
}

static void what_is_no_token_is_bad_and_passed(void **state)
{
    (void)state;
    check_tokens("'a", "?<'a>");
    check_tokens("'a\nb", "?<'a> n<b>");
    check_tokens("'''a''", "?<'''a''>");
    check_tokens("'\\", "?<'\\>");
    check_tokens("1abc 0x 0xg 12uu", "?<1abc> ?<0x> ?<0xg> ?<12uu>");
    check_tokens("a = b", "n<a> ?<=> n<b>");
    check_tokens("a & b | c", "n<a> ?<&> n<b> ?<|> n<c>");
    check_tokens("@ # $", "?<@> ?<#> ?<$>");
    check_tokens("\xe2\x82\xac 1", "?<\xe2\x82\xac> i<1>");
    check_tokens("``", "?<`> ?<`>");
    check_tokens("`a", "?<`a>");
}

static void keywords_and_reserved_words_are_known(void **state)
{
    (void)state;
    assert_true(expr_is_keyword(STR("in")));
    assert_false(expr_is_keyword(STR("int")));
    assert_true(expr_is_reserved(STR("package")));
    assert_false(expr_is_reserved(STR("in")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_numbers_and_marks_are_told_apart),
        cmocka_unit_test(strings_end_where_their_quotes_say),
        cmocka_unit_test(what_is_no_token_is_bad_and_passed),
        cmocka_unit_test(keywords_and_reserved_words_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
