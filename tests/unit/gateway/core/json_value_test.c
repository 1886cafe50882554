#include "gateway/core/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "transcoder/buf.h"

static struct expr_value parsed(const char *text, struct arena *a)
{
    struct expr_value v;
    struct tc_error e = {0};
    if (!json_value_parse(str_c(text), a, &v, &e))
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void every_kind_has_its_value(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, 4096, 1 << 20);
    struct expr_value v = parsed(" {\"s\":\"a\\u00e9\\n\",\"i\":-7,\"d\":1.5,\"e\":1e3,\"t\":true,"
                                 "\"n\":null,\"l\":[1,[\"x\"],{}],\"o\":{\"k\":\"v\"}} ",
                                 &a);
    assert_int_equal(v.kind, EXPR_MAP);
    assert_int_equal(v.map->size(v.map), 8);
    assert_true(str_eq(json_text(&v, "s"), STR("a\xc3\xa9\n")));
    assert_int_equal(json_member(&v, "i").i, -7);
    assert_int_equal(json_member(&v, "i").kind, EXPR_INT);
    assert_true(json_member(&v, "d").d == 1.5);
    assert_int_equal(json_member(&v, "e").kind, EXPR_DOUBLE);
    assert_true(json_member(&v, "t").b);
    assert_int_equal(json_member(&v, "n").kind, EXPR_NULL);
    assert_int_equal(json_member(&v, "none").kind, EXPR_ABSENT);
    assert_null(json_text(&v, "i").p);
    struct expr_value l = json_member(&v, "l"), o = json_member(&v, "o");
    assert_int_equal(l.list->size(l.list), 3);
    assert_int_equal(l.list->at(l.list, NULL, 1).kind, EXPR_LIST);
    assert_true(str_eq(json_text(&o, "k"), STR("v")));
    struct expr_value key, value;
    v.map->at(v.map, NULL, 1, &key, &value);
    assert_true(str_eq(key.s, STR("i")) && value.i == -7);
    arena_release(&a);
}

static void a_scalar_alone_is_a_text_too(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, 4096, 1 << 20);
    assert_int_equal(parsed("12", &a).i, 12);
    assert_int_equal(parsed("9223372036854775807", &a).kind, EXPR_INT);
    assert_int_equal(parsed("9223372036854775808", &a).kind, EXPR_DOUBLE);
    assert_int_equal(parsed("\"x\"", &a).kind, EXPR_STRING);
    struct expr_value v = parsed("12", &a);
    assert_int_equal(json_member(&v, "a").kind, EXPR_ABSENT);
    arena_release(&a);
}

static void what_is_not_strict_json_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "{\"a\":1,}",
        "{\"a\":1}x",
        "[1 2]",
        "nul",
        "01",
        "1e400",
        "\"\xff\"",
        "'a'",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "\"abc",
        "\"\\ud800\"",
        "\xef\xbb\xbf{}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "/**/1",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct expr_value v;
        struct tc_error e = {0};
        struct arena a;
        arena_init(&a, 4096, 1 << 20);
        if (json_value_parse(str_c(bad[i]), &a, &v, &e))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(e.status, TC_INVALID);
        assert_true(e.text[0]);
        arena_release(&a);
    }
}

static void depth_and_number_of_values_are_bounded(void **state)
{
    char text[3 * JSON_VALUE_DEPTH_MAX];
    struct expr_value v;
    struct arena a;
    (void)state;

    arena_init(&a, 4096, 1 << 30);
    for (int extra = 0; extra <= 1; extra++) {
        size_t n = JSON_VALUE_DEPTH_MAX + (size_t)extra;
        memset(text, '[', n);
        memset(text + n, ']', n);
        assert_int_equal(json_value_parse(str_of(text, 2 * n), &a, &v, NULL), !extra);
    }
    struct buf many;
    buf_init(&many, 16 << 20);
    buf_add_char(&many, '[');
    for (int i = 0; i < JSON_VALUE_ITEMS_MAX; i++)
        buf_add(&many, STR("1,"));
    struct tc_error e = {0};
    buf_add(&many, STR("1]"));
    assert_false(json_value_parse(buf_str(&many), &a, &v, &e));
    assert_int_equal(e.status, TC_LIMIT);
    buf_release(&many);
    arena_release(&a);
}

static void want_of_memory_is_said(void **state)
{
    struct str text = STR("{\"a\":[1,2,{\"b\\n\":\"c\\td\"}],\"e\":{}}");
    (void)state;

    for (size_t i = 0;; i++) {
        struct arena a;
        struct expr_value v;
        struct tc_error e = {0};
        arena_init(&a, 64, 1 << 20);
        failmalloc_start(i);
        bool ok = json_value_parse(text, &a, &v, &e);
        bool hit = failmalloc_stop();
        arena_release(&a);
        if (!hit) {
            assert_true(ok);
            return;
        }
        assert_false(ok);
        assert_int_equal(e.status, TC_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_value),
        cmocka_unit_test(a_scalar_alone_is_a_text_too),
        cmocka_unit_test(what_is_not_strict_json_is_refused),
        cmocka_unit_test(depth_and_number_of_values_are_bounded),
        cmocka_unit_test(want_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
