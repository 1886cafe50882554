#include "transcoder/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transcoder/text.h"

static void error_keeps_the_first(void **state)
{
    struct tc_error e = {0};

    (void)state;
    assert_int_equal(tc_fail(&e, TC_INVALID, 7, "a.b", "%s %d", "bad", 1), TC_INVALID);
    assert_int_equal(tc_fail(&e, TC_LIMIT, 9, "c", "other"), TC_INVALID);
    assert_int_equal(e.status, TC_INVALID);
    assert_int_equal(e.offset, 7);
    assert_string_equal(e.path, "a.b");
    assert_string_equal(e.text, "bad 1");
}

static void error_works_without_a_place_to_note_it(void **state)
{
    struct tc_error e = {0};

    (void)state;
    assert_int_equal(tc_fail(NULL, TC_LIMIT, 0, "", "x"), TC_LIMIT);
    assert_int_equal(tc_fail(&e, TC_NOMEM, TC_NO_OFFSET, NULL, "x"), TC_NOMEM);
    assert_string_equal(e.path, "");
}

/* Each unit, 1 to 4 bytes of UTF-8, so often that the cut falls on each of its bytes once. */
static void error_text_and_path_are_cut_at_a_boundary(void **state)
{
    static const char *const units[] = {"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char many[1000];

    (void)state;
    for (size_t u = 0; u < 4; u++) {
        for (size_t skew = 0; skew < 4; skew++) {
            struct tc_error e = {0};
            size_t n = skew;
            memset(many, '.', skew);
            for (; n + u + 1 < sizeof many; n += u + 1)
                memcpy(many + n, units[u], u + 1);
            many[n] = '\0';
            tc_fail(&e, TC_INVALID, 0, many, "%s", many);
            assert_true(tc_utf8_valid(str_c(e.text)) && tc_utf8_valid(str_c(e.path)));
            assert_true(strlen(e.text) + u + 1 >= sizeof e.text);
            assert_true(strlen(e.path) + u + 1 >= sizeof e.path);
        }
    }
}

static void error_text_that_just_fits_is_whole(void **state)
{
    struct tc_error e = {0};
    char text[TC_ERROR_TEXT_MAX];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    memcpy(text + sizeof text - 3, "\xc3\xa4", 3);
    tc_fail(&e, TC_INVALID, 0, "", "%s", text);
    assert_string_equal(e.text, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_keeps_the_first),
        cmocka_unit_test(error_works_without_a_place_to_note_it),
        cmocka_unit_test(error_text_and_path_are_cut_at_a_boundary),
        cmocka_unit_test(error_text_that_just_fits_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
