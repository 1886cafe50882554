#include "gateway/expr/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check_text(const char *source, uint32_t offset, uint32_t end, const char *want)
{
    struct arena a;
    struct expr_fault f = {.offset = offset, .end = end, .text = STR("wrong")};

    arena_init(&a, 4096, 1 << 16);
    struct str text = expr_fault_text(&a, str_c(source), &f);
    assert_string_equal(text.p, want);
    arena_release(&a);
}

static void faults_are_shown_with_line_column_and_caret(void **state)
{
    (void)state;
    check_text("a + b", 4, 5, "1:5: wrong\n  a + b\n      ^");
    check_text("abc", 0, 3, "1:1: wrong\n  abc\n  ^^^");
    check_text("", 0, 0, "1:1: wrong\n  \n  ^");
    check_text("a +", 3, 3, "1:4: wrong\n  a +\n     ^");
    check_text("a\n&& bc", 5, 7, "2:4: wrong\n  && bc\n     ^^");
    check_text("a\r\nb", 0, 4, "1:1: wrong\n  a\n  ^");
    check_text("'\xc3\xa9\xe2\x82\xac' + x", 10, 11,
               "1:8: wrong\n  '\xc3\xa9\xe2\x82\xac' + x\n         ^");
}

static void long_lines_are_cut_around_the_place(void **state)
{
    char source[400];

    (void)state;
    for (size_t i = 0; i < sizeof source - 1; i++)
        source[i] = (char)('a' + i % 26);
    source[sizeof source - 1] = '\0';
    struct arena a;
    struct expr_fault f = {.offset = 200, .end = 202, .text = STR("wrong")};
    arena_init(&a, 4096, 1 << 16);
    struct str text = expr_fault_text(&a, str_c(source), &f);
    struct str head = str_cut(&text, '\n'), line = str_cut(&text, '\n'), caret = text;
    assert_true(str_eq(head, STR("1:201: wrong")));
    assert_int_equal(line.n, 102);
    size_t at = str_find(caret, '^');
    assert_int_equal(caret.n - at, 2);
    assert_int_equal(line.p[at], source[200]);
    arena_release(&a);
}

static void faults_are_kept_in_order_of_place(void **state)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};
    uint32_t last = 0;

    (void)state;
    arena_init(&a, 4096, 1 << 16);
    for (uint32_t i = 0; i < 10; i++)
        expr_fault_at(&faults, &a, 1 + i * 7 % 10, 20, STR("x"));
    expr_fault_at(&faults, &a, 5, 20, STR("again"));
    assert_int_equal(faults.count, 10);
    for (const struct expr_fault *f = faults.first; f; f = f->next) {
        assert_int_equal(f->offset, last + 1);
        assert_true(str_eq(f->text, STR("x")));
        last = f->offset;
    }
    expr_fault_at(&faults, &a, 50, 51, STR_NONE);
    assert_true(faults.out_of_memory);
    assert_int_equal(faults.count, 10);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_shown_with_line_column_and_caret),
        cmocka_unit_test(long_lines_are_cut_around_the_place),
        cmocka_unit_test(faults_are_kept_in_order_of_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
