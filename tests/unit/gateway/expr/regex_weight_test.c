#include "gateway/expr/regex_weight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"
#include "tests/unit/support/guard.h"

static void weights_follow_what_is_repeated(void **state)
{
    static const struct {
        const char *pattern;
        uint64_t least, most;
    } rows[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"[a-z]{10}", 10, 30},
        {"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", 50, 200},
        {".{1,256}", 2560, 2560},
        {"\\pL", 400, 400},
        {"[\\p{L}\\p{N}]+", 800, 900},
        {"((a{10}){10}){10}", 1000, 1500},
        {"(a|b){3,}", 8, 30},
        {"(?i)abc", 6, 16},
        {"[]a]{5}", 5, 10},
        {"((((a{1000}){1000}){1000}){1000}){1000}", UINT64_C(1) << 40, UINT64_C(1) << 41},
        {"a{99999999999999999999999}", UINT64_C(1) << 40, UINT64_C(1) << 41},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard g = guard_copy(str_c(rows[i].pattern));
        uint64_t weight = expr_regex_weight(g.s);
        if (weight < rows[i].least || weight > rows[i].most)
            fail_msg("%s weighs %llu", rows[i].pattern, (unsigned long long)weight);
        guard_release(&g);
    }
}

/* Whatever the text, cut anywhere at an unreadable page. */
static void any_text_has_a_weight(void **state)
{
    static const char text[] = "(?i)[^a-z\\]\\pL]{3,5}(\\d+|.*)\\\\{2}[[:alpha:]-](((x{3}y)?)";
    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct guard g = guard_copy(str_of(text, n));
        assert_true(expr_regex_weight(g.s) < 100000);
        guard_release(&g);
    }
}

static void patterns_of_one_expression_are_bounded_together(void **state)
{
    static const struct eval_row rows[] = {
        {"caller.tier.matches('^.{1,256}$')", "true"},
        {"caller.tier.matches('\\\\pL{20}')", "refused: the pattern becomes too large: about 8000"},
        {"caller.tier.matches('.{256}') || caller.tier.matches('.{257}')",
         "refused: the pattern becomes too large: about 2570"},
    };
    EVAL_ROWS(*state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_follow_what_is_repeated),
        cmocka_unit_test(any_text_has_a_weight),
        cmocka_unit_test(patterns_of_one_expression_are_bounded_together),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
