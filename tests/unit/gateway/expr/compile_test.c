#include "gateway/expr/compile.h"
#include "gateway/expr/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

static void walks_inside_walks_are_refused_with_their_cost(void **state)
{
    static const char *const bombs[] = {
        "request.r_sink.all(a, request.r_sink.all(b, request.r_sink.all(c, a == b && b == c)))",
        "caller.scopes.map(a, caller.scopes.map(b, a + b)).size() > 5",
        "lists.range(i).map(a, lists.range(a).map(b, lists.range(b)))",
    };
    struct eval_test *t = *state;
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        const char *text = eval_text(t, bombs[i]);
        if (!strstr(text, "refused: ") || !strstr(text, "steps, and 1000000 are allowed"))
            fail_msg("%s: %s", bombs[i], text);
    }
}

static void costs_count_what_is_known(void **state)
{
    struct eval_test *t = *state;
    assert_true(eval_compile(t, "i + 1 > 5")->cost < 10);
    assert_true(eval_compile(t, "caller.tier == 'gold'")->cost < 30);
    assert_true(eval_compile(t, "caller.scopes.all(s, s != '')")->cost > EXPR_ITEMS_DEFAULT);
    assert_true(eval_compile(t, "[i, 2, 3].all(a, request.r_int32.all(b, a < b))")->cost <
                EXPR_COST_DEFAULT);
    assert_true(eval_compile(t, "i > 1 ? caller.scopes.all(s, s != '') : true")->cost >
                EXPR_ITEMS_DEFAULT);
}

static void what_stands_for_itself_is_evaluated_at_load(void **state)
{
    static const char *const constants[] = {
        "1 + 2 * 3",
        "[1, 2, 3].map(x, x * x).filter(x, x > 1)",
        "{'a': [1, {'b': null}]}",
        "timestamp('2026-01-01T00:00:00Z') + duration('1h')",
        "cel.bind(x, 'a' + 'b', x + x)",
        "'%s'.format([[1, 2]])",
        "1/0 == 1 || true",
        "kitchen.Sink{name: 'a', r_int32: [1, 2]}",
        "optional.of([1])",
        "[type(1), int]",
        "lists.range(12).transformMapEntry(i, v, {v: i})",
    };
    struct eval_test *t = *state;
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        const struct expr_program *p = eval_compile(t, constants[i]);
        if (!p->constant || p->cost > 2 || p->nslots || p->ntaps)
            fail_msg("%s: not constant", constants[i]);
    }
    assert_false(eval_compile(t, "1 / 0")->constant);
    assert_false(eval_compile(t, "i")->constant);
    /* Too much work for a load: left to the run, within its budget. */
    assert_false(eval_compile(t, "lists.range(9000).map(x, x * x).size() == 9000")->constant);
    const struct eval_row rows[] = {
        {"lists.range(9000).map(x, x * x).size()", "9000"},
        {"lists.range(12).transformMapEntry(i, v, {v: i})[11]", "11"},
        {"kitchen.Sink{name: 'a'}.name", "\"a\""},
        {"(1 + 1) * i", "14"},
        {"[1, 2].map(x, x * i)", "[7, 14]"},
    };
    EVAL_ROWS(t, rows);
}

static void slots_are(const struct expr_program *p, const char *want)
{
    char got[128] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < p->nslots; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%u ", p->slots[i]);
    assert_string_equal(got, want);
}

static void programs_say_which_slots_they_read(void **state)
{
    struct eval_test *t = *state;
    slots_are(eval_compile(t, "u == 7u && caller.tier == 'a' && u > 1u"), "2 6 ");
    slots_are(eval_compile(t, "request.name == 'a' || has(two)"), "0 1 ");
    slots_are(eval_compile(t, "1 == 1"), "");
    slots_are(eval_compile(t, "caller.scopes.all(s, s == caller.tier)"), "2 3 ");
}

/* A tap as "slot.field.field", has() with a question mark. */
static void show_tap(struct eval_test *t, const struct expr_program *p, char *out, size_t room)
{
    const struct expr_tap *taps;
    size_t n = 0;
    expr_env_taps(t->env, &taps);
    out[0] = '\0';
    for (uint32_t i = 0; i < p->ntaps; i++) {
        const struct expr_tap *tap = &taps[p->taps[i]];
        n += (size_t)snprintf(out + n, room - n, "%u", tap->slot);
        for (uint32_t k = 0; k < tap->depth; k++)
            n += (size_t)snprintf(out + n, room - n, ".%.*s", STR_ARG(tap->path[k]->name));
        n += (size_t)snprintf(out + n, room - n, tap->test ? "? " : " ");
    }
}

static void selections_from_messages_become_taps(void **state)
{
    static const struct {
        const char *source, *taps;
    } rows[] = {
        {"request.name == 'a'", "0.name "},
        {"request.f_sink.f_part.label == request.name", "0.name 0.f_sink.f_part.label "},
        {"has(request.f_part) && has(request.f_part.label)", "0.f_part? 0.f_part.label? "},
        {"request.r_sink.all(s, s.name == 'x')", "0.r_sink "},
        {"request.m_to_part['x'].label == 'y'", "0.m_to_part "},
        {"request == kitchen.Sink{}", "0 "},
        {"request.k_struct.a.b == 1", "0.k_struct "},
        {"two.nested.deeper.name == request.name", "0.name 1.nested.deeper.name "},
        {"request.?f_part.label == optional.none()", "0 "},
        {"request.w_int64 == 5", "0.w_int64 "},
    };
    struct eval_test *t = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char got[256];
        show_tap(t, eval_compile(t, rows[i].source), got, sizeof got);
        if (strcmp(got, rows[i].taps) != 0)
            fail_msg("%s: %s, not %s", rows[i].source, got, rows[i].taps);
    }
    uint32_t before = expr_env_taps(t->env, NULL);
    eval_compile(t, "request.name != request.f_sink.f_part.label");
    assert_int_equal(expr_env_taps(t->env, NULL), before);
}

static const char *const sources[] = {
    "caller.scopes.filter(s, s.matches('^a' + '+')).map(s, s + '!') == ['a'] || i == 1 + 1",
    "kitchen.Sink{name: caller.tier, ?f_int32: claims.?age}.name.size() > 0 ? request.name : 'x'",
    "{'a': [1, 2], 'b': [i]}[caller.tier].exists(x, optional.of(x).orValue(1) == x)",
};

/* What the arena refuses is reported, whichever of its blocks it is. */
static void memory_may_end_anywhere(void **state)
{
    struct eval_test *t = *state;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        size_t max = t->arena.max;
        bool done = false;
        for (size_t room = 0; !done && room < 64000; room += 64) {
            struct expr_faults faults = {.first = NULL};
            struct str source = str_c(sources[i]);
            struct expr_node *root = expr_parse(&t->arena, source, &faults);
            assert_true(root && expr_check(t->env, source, root, NULL, &faults));
            t->arena.max = t->arena.used + room;
            const struct expr_program *p = expr_generate(&t->env->target, root, source, &faults);
            t->arena.max = max;
            done = p != NULL;
            if (!p && !faults.out_of_memory)
                fail_msg("%s: no program and no reason with %zu bytes", sources[i], room);
        }
        assert_true(done);
    }
}

/* b = a + a, c = b + b ...: what is bound is evaluated once, however often it is read; and what
 * fails is not written out for each reader. */
static void chains_of_bound_names_stay_short(void **state)
{
    struct eval_test *t = *state;
    static const char *const firsts[] = {"1", "i", "1/0"};
    for (size_t k = 0; k < sizeof firsts / sizeof *firsts; k++) {
        char source[2048];
        size_t n = (size_t)snprintf(source, sizeof source, "cel.bind(a0, %s, ", firsts[k]);
        for (int i = 1; i <= 40; i++)
            n += (size_t)snprintf(source + n, sizeof source - n, "cel.bind(a%d, a%d + a%d, ", i,
                                  i - 1, i - 1);
        n += (size_t)snprintf(source + n, sizeof source - n, "a40");
        memset(source + n, ')', 41);
        source[n + 41] = '\0';
        const char *want = k == 0   ? "1099511627776"
                           : k == 1 ? "7696581394432"
                                    : "refused: the expression is too large; split it";
        assert_string_equal(eval_text(t, source), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_inside_walks_are_refused_with_their_cost),
        cmocka_unit_test(costs_count_what_is_known),
        cmocka_unit_test(what_stands_for_itself_is_evaluated_at_load),
        cmocka_unit_test(programs_say_which_slots_they_read),
        cmocka_unit_test(selections_from_messages_become_taps),
        cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(chains_of_bound_names_stay_short),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
