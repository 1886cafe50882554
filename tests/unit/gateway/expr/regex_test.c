#include "gateway/expr/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "gateway/expr/expr.h"
#include "tests/unit/support/guard.h"

static struct expr_regex *compiled(const char *pattern)
{
    char why[EXPR_REGEX_WHY_MAX] = "";
    struct expr_regex *r = expr_regex_new(str_c(pattern), EXPR_REGEX_MEMORY, why);
    if (!r)
        fail_msg("%s: %s", pattern, why);
    return r;
}

static void a_part_of_the_text_is_enough(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"ubb", "hubba", true},    {"^ubb", "hubba", false}, {"foo|bar", "", false},
        {"", "cows", true},        {"", "", true},           {"a+ñ+a+", "mañana", true},
        {"(a|😀){2}", "x😀😀", true}, {"^.$", "ñ", true},       {"\\d{3}", "ab12", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expr_regex *r = compiled(rows[i].pattern);
        struct guard g = guard_copy(str_c(rows[i].text));
        if (expr_regex_match(r, g.s) != rows[i].matches)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
        guard_release(&g);
        expr_regex_free(r);
    }
}

static void what_is_no_pattern_says_why(void **state)
{
    static const char *const wrong[] = {"(",
                                        "[a",
                                        "a{1001}",
                                        "(a{1000}){1000}",
                                        "(?=a)",
                                        "\\1",
                                        "((((((a{100}){100}){100}){100}){100}){100})"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char why[EXPR_REGEX_WHY_MAX] = "";
        assert_null(expr_regex_new(str_c(wrong[i]), EXPR_REGEX_MEMORY, why));
        assert_true(why[0] != '\0');
    }
    char why[EXPR_REGEX_WHY_MAX] = "";
    assert_null(expr_regex_new(STR("[^x]{1000}[\\pL]{900}"), 4096, why));
}

static double seconds(clock_t since)
{
    return (double)(clock() - since) / CLOCKS_PER_SEC;
}

/* The classic that takes a backtracking engine longer than the universe lasts. */
static void time_is_linear_in_the_text(void **state)
{
    static char text[1 << 20];
    struct expr_regex *r = compiled("^(a+)+$");
    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    clock_t start = clock();
    assert_false(expr_regex_match(r, str_of(text, sizeof text)));
    assert_true(seconds(start) < 1);
    expr_regex_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_the_text_is_enough),
        cmocka_unit_test(what_is_no_pattern_says_why),
        cmocka_unit_test(time_is_linear_in_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
