#include "gateway/upstream/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void numbers_and_paths_need_no_resolver(void **state)
{
    static const char *const texts[] = {"127.0.0.1:9001", "[::1]:9001", "unix:/run/x.sock"};
    char text[ADDRESS_TEXT];
    struct address a;
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(resolve_numeric(str_c(texts[i]), &a), RESOLVE_DONE);
        assert_true(str_eq(address_text(&a, text), str_c(texts[i])));
    }
}

static void names_have_to_be_asked_for(void **state)
{
    struct address a;
    (void)state;

    assert_int_equal(resolve_numeric(STR("model.internal:80"), &a), RESOLVE_NAME);
}

static void nonsense_is_told_from_names(void **state)
{
    static const char *const texts[] = {"",        "host",    ":80",   "host:",   "host:http",
                                        "h:65536", "host:-1", "unix:", "host:80x"};
    struct address a;
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(resolve_numeric(str_c(texts[i]), &a), RESOLVE_INVALID);
}

static void too_long_a_path_is_refused(void **state)
{
    char text[200];
    struct address a;
    (void)state;

    memset(text, 'x', sizeof text);
    memcpy(text, "unix:", 5);
    assert_int_equal(resolve_numeric(str_of(text, sizeof text), &a), RESOLVE_INVALID);
}

static void on_done(struct resolver *r, const struct address *list, uint32_t n, const char *error)
{
    uint32_t *out = r->request.loop->data;

    *out = n;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < i; k++)
            assert_false(address_eq(&list[i], &list[k]));
    }
    assert_true(n > 0 || error);
}

static uint32_t ask(const char *name, bool cancel)
{
    uv_loop_t loop;
    struct resolver r = {.busy = false};
    uint32_t n = 99;

    uv_loop_init(&loop);
    loop.data = &n;
    assert_true(resolve_start(&r, &loop, str_c(name), on_done));
    assert_false(resolve_start(&r, &loop, str_c(name), on_done));
    if (cancel)
        resolve_cancel(&r);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_false(r.busy);
    uv_loop_close(&loop);
    return n;
}

static void a_name_gives_each_address_once(void **state)
{
    (void)state;
    assert_in_range(ask("localhost:80", false), 1, 4);
}

static void an_unknown_name_gives_none(void **state)
{
    (void)state;
    assert_int_equal(ask("no-such-host.invalid:80", false), 0);
}

static void a_cancelled_question_is_answered_too(void **state)
{
    (void)state;
    assert_int_not_equal(ask("localhost:80", true), 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_paths_need_no_resolver),
        cmocka_unit_test(names_have_to_be_asked_for),
        cmocka_unit_test(nonsense_is_told_from_names),
        cmocka_unit_test(too_long_a_path_is_refused),
        cmocka_unit_test(a_name_gives_each_address_once),
        cmocka_unit_test(an_unknown_name_gives_none),
        cmocka_unit_test(a_cancelled_question_is_answered_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
