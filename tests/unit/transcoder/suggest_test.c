#include "transcoder/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct str nearest(const char *wrong, const char *const *candidates)
{
    struct tc_suggestion s = tc_suggest_for(str_c(wrong));

    for (; *candidates; candidates++)
        tc_suggest(&s, str_c(*candidates));
    return s.best;
}

static void the_nearest_name_is_suggested(void **state)
{
    static const char *const names[] = {"model", "mode", "prompt", "max_tokens", "x", NULL};

    (void)state;
    assert_true(str_eq(nearest("modle", names), STR("model")));
    assert_true(str_eq(nearest("model_", names), STR("model")));
    assert_true(str_eq(nearest("mod", names), STR("mode")));
    assert_true(str_eq(nearest("MODEL", names), STR("model")));
    assert_true(str_eq(nearest("maxtokens", names), STR("max_tokens")));
    assert_true(str_eq(nearest("max_tokne", names), STR("max_tokens")));
    assert_true(str_eq(nearest("X", names), STR("x")));
}

static void far_names_are_not(void **state)
{
    static const char *const names[] = {"model", "prompt", "x", "", NULL};
    static const char *const none[] = {NULL};

    (void)state;
    assert_null(nearest("temperature", names).p);
    assert_null(nearest("y", names).p);
    assert_null(nearest("prompt_text", names).p);
    assert_null(nearest("model", none).p);
    assert_null(
        nearest("a_name_that_is_a_good_deal_longer_than_any_that_are_compared_here_x", names).p);
}

static void suggestions_are_worded(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 16);
    struct tc_suggestion s = tc_suggest_for(STR("modle"));
    assert_true(str_eq(tc_suggest_text(&a, &s), STR("")));
    tc_suggest(&s, STR("model"));
    assert_true(str_eq(tc_suggest_text(&a, &s), STR("; did you mean \"model\"?")));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_name_is_suggested),
        cmocka_unit_test(far_names_are_not),
        cmocka_unit_test(suggestions_are_worded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
