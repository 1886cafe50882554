#include "gateway/expr/tap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"
#include "tests/unit/support/guard.h"

static const char *const sources[] = {
    "request.name",
    "request.f_sink.f_part.label",
    "has(request.f_sink.f_part)",
    "request.f_sink.f_part",
    "request.r_int32",
    "request.m_string.k",
    "has(request.o_string)",
    "request.k_struct",
    "request",
};
enum { SOURCES = sizeof sources / sizeof *sources };

static void compile_all(struct eval_test *t, const struct expr_program **p)
{
    for (size_t i = 0; i < SOURCES; i++)
        p[i] = eval_compile(t, sources[i]);
}

static void one_walk_serves_all_programs(void **state)
{
    static const char *const texts[SOURCES] = {
        "\"n\"",  "\"l\"", "true", "kitchen.Sink.Part{number: 5, label: \"l\"}",
        "[1, 2]", "\"v\"", "true", "{\"a\": true}",
        NULL,
    };
    struct eval_test *t = *state;
    const struct expr_program *p[SOURCES];
    compile_all(t, p);
    t->request = eval_wire(t, "1:'n' 21:{19:{1:5}} 33:[1] 82:{1:'k' 2:'v'} 21:{19:{2:'l'}} 33:2 "
                              "101:5 105:'' 164:{1:{1:'a' 2:{4:1}}}");
    for (size_t i = 0; i < SOURCES; i++) {
        struct expr_value v = eval_run(t, p[i]);
        if (texts[i])
            assert_string_equal(expr_value_text(&t->texts, &v, 100).p, texts[i]);
        else
            assert_true(str_eq(v.s, t->request));
        arena_reset(&t->texts);
    }
    t->request = STR("");
}

static void each_message_of_a_stream_has_its_own(void **state)
{
    struct eval_test *t = *state;
    const struct expr_program *p = eval_compile(t, "request.f_int32 + request.r_int32.size()");
    for (int n = 0; n < 100; n++) {
        char text[32];
        snprintf(text, sizeof text, "4:%d 33:[1 2]", n + 1);
        t->request = eval_wire(t, text);
        struct expr_value v = eval_run(t, p);
        assert_int_equal(v.i, n + 3);
    }
    t->request = STR("");
}

static void without_a_message_there_is_no_attribute(void **state)
{
    struct eval_test *t = *state;
    const struct expr_program *p[SOURCES];
    compile_all(t, p);
    t->request = STR_NONE;
    for (size_t i = 0; i < SOURCES; i++) {
        struct expr_value v = eval_run(t, p[i]);
        assert_int_equal(v.kind, EXPR_ERROR);
        assert_int_equal(v.error->code, EXPR_FAIL_NO_ATTRIBUTE);
    }
    t->request = STR("");
}

/* Malformed bytes hide what is in them, and nothing beside them. */
static void malformed_bytes_are_errors_where_they_hide_something(void **state)
{
    struct eval_test *t = *state;
    const struct expr_program *outer = eval_compile(t, "request.name");
    const struct expr_program *inner = eval_compile(t, "request.f_sink.f_part.label");
    t->request = STR("\x0a\x01n\xaa\x01\x02\x9a\x05"); /* 21: a tag of two bytes, without value */
    struct expr_value v = eval_run(t, inner);
    assert_int_equal(v.kind, EXPR_ERROR);
    assert_int_equal(v.error->code, EXPR_FAIL_MALFORMED);
    v = eval_run(t, outer);
    assert_true(v.kind == EXPR_STRING && str_eq(v.s, STR("n")));
    t->request = STR("\x0a\x01n\xaa\x01\x7f");
    assert_int_equal(eval_run(t, outer).kind, EXPR_ERROR);
    t->request = STR("");
}

/* More fields of one message than one pass looks for. */
static void many_fields_take_more_passes(void **state)
{
    struct eval_test *t = *state;
    static const char *const types[] = {"int32", "int64", "sint32", "sint64", "bool"};
    t->request = eval_wire(t, "33:[1] 34:[1] 37:[1] 38:[1] 43:[1] 53:1 54:1 57:1 58:1 63:1 1:'x'");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char source[96];
        snprintf(source, sizeof source, "size(request.r_%s) + size(request.u_%s)", types[i],
                 types[i]);
        assert_string_equal(eval_text(t, source), "2");
    }
    static const char *const fields[] = {
        "f_int32",  "f_int64",  "f_uint32", "f_uint64",    "f_sint32",   "f_sint64", "f_fixed32",
        "f_bool",   "f_string", "f_bytes",  "f_color",     "f_kind",     "f_double", "f_float",
        "p_int32",  "p_int64",  "p_uint32", "p_uint64",    "p_bool",     "p_string", "p_bytes",
        "o_int32",  "o_uint64", "o_double", "o_lonely",    "w_double",   "w_float",  "w_int64",
        "w_uint64", "w_int32",  "w_string", "k_timestamp", "k_duration", "k_value",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char source[64];
        snprintf(source, sizeof source, "has(request.%s)", fields[i]);
        assert_string_equal(eval_text(t, source), "false");
    }
    assert_string_equal(eval_text(t, "request.name"), "\"x\"");
    t->request = STR("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_walk_serves_all_programs),
        cmocka_unit_test(each_message_of_a_stream_has_its_own),
        cmocka_unit_test(without_a_message_there_is_no_attribute),
        cmocka_unit_test(malformed_bytes_are_errors_where_they_hide_something),
        cmocka_unit_test(many_fields_take_more_passes),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
