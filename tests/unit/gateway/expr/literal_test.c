#include "gateway/expr/literal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

static bool read(struct arena *a, struct str source, bool negative, struct expr_value *v,
                 struct expr_literal_fault *f)
{
    struct expr_lexer lx = {.source = source};
    struct expr_token t = expr_lex(&lx);

    assert_int_not_equal(t.kind, EXPR_TOKEN_BAD);
    assert_int_equal(t.end, source.n);
    return expr_literal(a, &t, negative, v, f);
}

static struct expr_value value_of(struct arena *a, const char *source, bool negative)
{
    struct guard g = guard_copy(str_c(source));
    struct expr_value v;
    struct expr_literal_fault f;

    if (!read(a, g.s, negative, &v, &f))
        fail_msg("%s: %s", source, f.text);
    if (v.kind == EXPR_STRING || v.kind == EXPR_BYTES)
        v.s = arena_copy(a, v.s);
    guard_release(&g);
    return v;
}

static void numbers_have_their_values(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    assert_int_equal(value_of(&a, "0", false).i, 0);
    assert_int_equal(value_of(&a, "9223372036854775807", false).i, INT64_MAX);
    assert_true(value_of(&a, "9223372036854775808", true).i == INT64_MIN);
    assert_int_equal(value_of(&a, "0x7f", true).i, -127);
    assert_int_equal(value_of(&a, "0xAbu", false).u, 0xab);
    assert_true(value_of(&a, "18446744073709551615u", false).u == UINT64_MAX);
    assert_true(value_of(&a, "1.5", true).d == -1.5);
    assert_true(value_of(&a, ".5e1", false).d == 5);
    assert_true(value_of(&a, "007.25", false).d == 7.25);
    assert_true(value_of(&a, "00e1", false).d == 0);
    arena_release(&a);
}

static void check_text(const char *source, struct str want)
{
    struct arena a;

    arena_init(&a, 4096, 1 << 20);
    struct str got = value_of(&a, source, false).s;
    if (!str_eq(got, want))
        fail_msg("%s: \"%.*s\"", source, STR_ARG(got));
    arena_release(&a);
}

static void texts_have_their_escapes_resolved(void **state)
{
    (void)state;
    check_text("''", STR(""));
    check_text("'''x''x'''", STR("x''x"));
    check_text("'\\\"\\'\\`\\?\\\\'", STR("\"'`?\\"));
    check_text("'\\a\\b\\f\\n\\r\\t\\v'", STR("\a\b\f\n\r\t\v"));
    check_text("'\\x41\\X4a\\u00e9\\U0001F62C'", STR("AJ\xc3\xa9\xf0\x9f\x98\xac"));
    check_text("'\\303\\277'", STR("\xc3\x83\xc2\xbf"));
    check_text("'\\xff'", STR("\xc3\xbf"));
    check_text("'\\u20ac'", STR("\xe2\x82\xac"));
    check_text("'\\000'", STR("\0"));
    check_text("r'\\n'", STR("\\n"));
    check_text("b'\\303\\277'", STR("\xc3\xbf"));
    check_text("b'\\xff\\377'", STR("\xff\xff"));
    check_text("b'\xc3\xbf'", STR("\xc3\xbf"));
    check_text("br'\\xff'", STR("\\xff"));
}

static void check_fault(const char *source, bool negative, uint32_t offset, uint32_t end,
                        const char *text)
{
    struct arena a;
    struct expr_value v;
    struct expr_literal_fault f;

    arena_init(&a, 4096, 1 << 20);
    assert_false(read(&a, str_c(source), negative, &v, &f));
    if (!strstr(f.text, text))
        fail_msg("%s: %s", source, f.text);
    assert_int_equal(f.offset, offset);
    assert_int_equal(f.end, end);
    arena_release(&a);
}

static void what_has_no_value_is_refused_with_its_place(void **state)
{
    (void)state;
    check_fault("9223372036854775808", false, 0, 19, "does not fit an int");
    check_fault("9223372036854775809", true, 0, 19, "does not fit an int");
    check_fault("0x10000000000000000", false, 0, 19, "does not fit an int");
    check_fault("18446744073709551616u", false, 0, 21, "does not fit a uint");
    check_fault("1u", true, 0, 2, "no sign");
    check_fault("1e400", false, 0, 5, "does not fit a double");
    check_fault("'ab\\q'", false, 3, 5, "no escape");
    check_fault("'\\x4'", false, 1, 3, "is cut");
    check_fault("'\\u12G4'", false, 1, 3, "is cut");
    check_fault("'\\ud800'", false, 1, 7, "no Unicode");
    check_fault("'\\U00110000'", false, 1, 11, "no Unicode");
    check_fault("'\\08'", false, 1, 3, "is cut");
    check_fault("'\\400'", false, 1, 3, "no escape");
    check_fault("b'\\u0041'", false, 2, 8, "in bytes");
}

static void want_of_memory_is_told_apart(void **state)
{
    struct arena a;
    struct expr_value v;
    struct expr_literal_fault f;

    (void)state;
    arena_init(&a, 64, 0);
    assert_false(read(&a, STR("'\\n'"), false, &v, &f));
    assert_true(f.out_of_memory);
    assert_false(read(&a, STR(".5"), false, &v, &f));
    assert_true(f.out_of_memory);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_their_values),
        cmocka_unit_test(texts_have_their_escapes_resolved),
        cmocka_unit_test(what_has_no_value_is_refused_with_its_place),
        cmocka_unit_test(want_of_memory_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
