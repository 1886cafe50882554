#include "gateway/expr/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void values_are_shown_as_literals(void **state)
{
    static const struct eval_row rows[] = {
        {"[i, u, 1.0, 1e100, 'a\\n\"', b'\\x00\\xff', null, true]",
         "[7, 7u, 1.0, 1e+100, \"a\\n\\\"\", b\"\\x00\\xff\", null, true]"},
        {"{'a': {1: [2.5]}, true: {}}", "{\"a\": {1: [2.5]}, true: {}}"},
        {"[now, duration('-1ms')]",
         "[timestamp(\"2026-01-02T03:04:05.006Z\"), duration(\"-0.001s\")]"},
        {"[optional.of(i), optional.none()]", "[optional.of(7), optional.none()]"},
        {"[int, type(now), type(request)]", "[int, google.protobuf.Timestamp, kitchen.Sink]"},
        {"[dyn(ip('::1')), cidr('10.0.0.0/8')]", "[ip(\"::1\"), cidr(\"10.0.0.0/8\")]"},
        {"kitchen.Sink{name: caller.tier, f_part: kitchen.Sink.Part{number: i}}",
         "kitchen.Sink{name: \"gold\", f_part: kitchen.Sink.Part{number: 7}}"},
        {"1 / (i - 7)", "error: division by zero"},
    };
    EVAL_ROWS(*state, rows);
}

/* Cut at any length, between code points. */
static void long_texts_are_cut(void **state)
{
    struct eval_test *t = *state;
    struct expr_value v = eval_run(t, eval_compile(t, "[caller.tier + 'ñ😀', {'k': [i, i]}]"));
    struct str whole = expr_value_text(&t->texts, &v, 1000);
    for (size_t max = 1; max <= whole.n; max++) {
        struct str cut = expr_value_text(&t->arena, &v, max);
        assert_true(cut.n <= max + 3 && str_ends(cut, STR("...")));
        assert_true(str_starts(whole, str_of(cut.p, cut.n - 3)));
        assert_true((whole.p[cut.n - 3] & 0xc0) != 0x80);
    }
    assert_true(str_eq(expr_value_text(&t->arena, &v, whole.n + 1), whole));
    arena_reset(&t->texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_shown_as_literals),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
