#include "gateway/expr/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"
#include "tests/unit/support/failmalloc.h"

static const char *const torture[] = {
    "1 + i",
    "caller.tier == 'gold' && 'infer' in caller.scopes",
    "caller.tier + caller.tier + '!'",
    "[i, 2, 3].map(x, x * x)",
    "[i, 2, 3].filter(x, x > 2).map(x, string(x)).join(',')",
    "['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', caller.tier].transformMapEntry(n, v, {v: n})",
    "{'a': i, 'b': [i, {'c': i}]}",
    "'%s %d %.2f %x'.format([[i, {'a': now}], 5, 2.5, 'hi'])",
    "'a,b,c'.split(',').map(x, x.upperAscii())",
    "caller.tier.replace('o', '00')",
    "strings.quote(caller.tier)",
    "kitchen.Sink{name: caller.tier, r_int32: [i, 2], m_string: {'k': caller.tier}, f_part: "
    "kitchen.Sink.Part{label: 'x'}, k_value: [i, {'a': null}], k_any: kitchen.Sink.Part{number: "
    "5}}",
    "kitchen.Sink{r_string: ['a', caller.tier]} == kitchen.Sink{r_string: ['a', 'gold']}",
    "request.r_sink.map(s, s.m_string['k'] + s.name)",
    "request.k_struct",
    "request.m_to_value",
    "request.r_int32 + request.u_int32",
    "request.f_sink.f_part.label + request.f_sink.name",
    "two.box.lid.open",
    "claims.?missing.orValue(claims.age)",
    "1 / (i - 7)",
    "claims.missing",
    "[3, i, 1].sort() + [1, [2, [3]]].flatten() + [i, i].distinct()",
    "ip('1.2.3.4') in [ip('1.2.3.4')] && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
    "base64.encode(b'abc') + string(now)",
    "optional.of([i]).optMap(l, l + [1])",
    "type(request) == kitchen.Sink",
};

static void fill(struct eval_test *t)
{
    t->request = eval_wire(
        t, "1:'me' 21:{1:'in' 19:{2:'half'}} 21:{19:{1:5 2:'whole'}} 22:{1:'a' 82:{1:'k' "
           "2:'v'}} 22:{1:'b' 82:{1:'k' 2:'w'}} 33:[1 2] 53:3 53:[4] "
           "164:{1:{1:'x' 2:{3:'y'}} 1:{1:'l' 2:{6:{1:{4:1} 1:{1:0}}}}} "
           "89:{1:'q' 2:{3:'z'}}");
    t->two = eval_wire(t, "1:1 2:'l'");
}

static void errors_are_absorbed_from_both_sides(void **state)
{
    static const struct eval_row rows[] = {
        {"1/(i-7) == 1 || true", "true"},
        {"true || 1/(i-7) == 1", "true"},
        {"i == 7 || 1/(i-7) == 1", "true"},
        {"1/(i-7) == 1 || i == 7", "true"},
        {"1/(i-7) == 1 && i == 8", "false"},
        {"i == 8 && 1/(i-7) == 1", "false"},
        {"1/(i-7) == 1 || i == 8", "error: division by zero"},
        {"1/(i-7) == 1 && i == 7", "error: division by zero"},
        {"i == 7 && claims.missing", "error: no such key"},
        {"claims.age || i == 7", "true"},
        {"claims.age && i == 8", "false"},
        {"claims.age || i == 8", "error: no such overload"},
        {"!claims.age", "error: no such overload"},
        {"claims.missing || 1/(i-7) == 1", "error: no such key: \"missing\""},
    };
    EVAL_ROWS(*state, rows);
}

static void a_choice_runs_one_branch(void **state)
{
    static const struct eval_row rows[] = {
        {"i == 7 ? 1 : 1/(i-7)", "1"},
        {"i == 8 ? 1/(i-7) : 2", "2"},
        {"1/(i-7) == 1 ? 1 : 2", "error: division by zero"},
        {"claims.age ? 1 : 2", "error: no such overload"},
        {"i > 5 ? (i > 6 ? 'a' : 'b') : 'c'", "\"a\""},
        {"(i == 7 ? 1 : 2) == 1", "true"},
    };
    EVAL_ROWS(*state, rows);
}

static void what_is_absent_is_no_attribute(void **state)
{
    static const struct eval_row rows[] = {
        {"two.id == 1", "error: no such attribute: two"},
        {"has(two)", "false"},
        {"has(two.id)", "error: no such attribute: two"},
        {"has(claims)", "true"},
        {"has(claims.age)", "true"},
        {"has(claims.x)", "false"},
        {"two.id == 1 || i == 7", "true"},
    };
    EVAL_ROWS(*state, rows);
}

/* Whatever memory an evaluation gets, it gives the right value or says that this was too little;
 * and it never reaches past it. */
static void every_size_of_memory_is_right_or_too_little(void **state)
{
    struct eval_test *t = *state;
    fill(t);
    for (size_t i = 0; i < sizeof torture / sizeof *torture; i++) {
        const struct expr_program *p = eval_compile(t, torture[i]);
        char want[4096];
        snprintf(want, sizeof want, "%s", eval_text(t, torture[i]));
        bool enough = false;
        for (size_t n = 0; n < 16384 && !(enough && n % 64); n += 8) {
            const char *got = eval_text_within(t, p, n);
            enough = strcmp(got, want) == 0;
            if (!enough && strcmp(got, "budget") != 0)
                fail_msg("%s with %zu bytes\n  is    %s\n  wants %s", torture[i], n, got, want);
        }
        if (!enough)
            fail_msg("%s: not even 16 KiB are enough", torture[i]);
    }
    t->request = STR("");
    t->two = STR_NONE;
}

static void nothing_comes_from_the_heap(void **state)
{
    struct eval_test *t = *state;
    fill(t);
    for (size_t i = 0; i < sizeof torture / sizeof *torture; i++) {
        const struct expr_program *p = eval_compile(t, torture[i]);
        failmalloc_start(0);
        eval_run(t, p);
        if (failmalloc_stop())
            fail_msg("%s: asks for memory", torture[i]);
    }
    t->request = STR("");
    t->two = STR_NONE;
}

static void steps_end_at_run_time_too(void **state)
{
    struct eval_test *t = *state;
    struct expr_env_spec spec = {
        .schema = t->set.schema, .arena = &t->arena, .max_cost = 5000, .max_items = 1000};
    struct expr_env *env = expr_env_new(&spec);
    struct expr_faults faults = {.first = NULL};
    assert_int_equal(expr_declare(env, STR("s"), &expr_type_string, 0), 0);
    const struct expr_program *p = expr_compile(env, STR("(s + s).contains('x')"), NULL, &faults);
    assert_non_null(p);
    static char text[400000];
    memset(text, 'a', sizeof text);
    for (size_t n = 100; n <= sizeof text; n += sizeof text - 100) {
        struct expr_value slot = expr_string(str_of(text, n));
        struct expr_scratch scratch = {t->memory, EVAL_MEMORY, 0};
        struct expr_value v = expr_eval(p, &slot, NULL, &scratch);
        assert_int_equal(v.kind, n == 100 ? EXPR_BOOL : EXPR_ERROR);
        if (v.kind == EXPR_ERROR)
            assert_int_equal(v.error->code, EXPR_FAIL_BUDGET);
    }
    expr_env_release(env);
}

static void errors_know_their_place(void **state)
{
    struct eval_test *t = *state;
    struct expr_value v = eval_run(t, eval_compile(t, "i > 0 && 5 / (i - 7) > 1"));
    assert_int_equal(v.kind, EXPR_ERROR);
    assert_int_equal(v.error->code, EXPR_FAIL_RANGE);
    assert_int_equal(v.error->offset, 9);
}

/* A method may take a Struct or a StringValue itself. */
static void a_message_with_a_meaning_is_what_it_means(void **state)
{
    static const struct {
        const char *message;
        struct str wire;
        const char *source;
    } rows[] = {
        {"google.protobuf.StringValue", STR_INIT("\x0a\x02hi"), "m == 'hi'"},
        {"google.protobuf.Int64Value", STR_INIT(""), "m == 0"},
        {"google.protobuf.Timestamp", STR_INIT("\x08\x05"), "m.getSeconds() == 5"},
        {"google.protobuf.Duration", STR_INIT("\x08\x05"), "m == duration('5s')"},
        {"google.protobuf.Value", STR_INIT("\x1a\x01x"), "m == 'x'"},
        {"google.protobuf.ListValue", STR_INIT("\x0a\x02\x20\x01"), "size(m) == 1 && m[0] == true"},
        {"google.protobuf.Struct", STR_INIT("\x0a\x07\x0a\x01k\x12\x02\x20\x01"), "m['k'] == true"},
    };
    struct eval_test *t = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct tc_message *m = set_message(&t->set, rows[i].message);
        struct expr_env_spec spec = {.schema = t->set.schema, .arena = &t->arena};
        struct expr_env *env = expr_env_new(&spec);
        struct expr_faults faults = {.first = NULL};
        expr_declare(env, STR("m"), expr_type_message(&t->arena, m), 0);
        const struct expr_program *p = expr_compile(env, str_c(rows[i].source), NULL, &faults);
        assert_non_null(p);
        struct expr_value slot = {.kind = EXPR_MESSAGE, .s = rows[i].wire, .message = m};
        struct expr_scratch scratch = {t->memory, EVAL_MEMORY, 0};
        struct expr_value v = expr_eval(p, &slot, NULL, &scratch);
        if (v.kind != EXPR_BOOL || !v.b)
            fail_msg("%s: not so: %s", rows[i].message, rows[i].source);
        expr_env_release(env);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_absorbed_from_both_sides),
        cmocka_unit_test(a_choice_runs_one_branch),
        cmocka_unit_test(what_is_absent_is_no_attribute),
        cmocka_unit_test(every_size_of_memory_is_right_or_too_little),
        cmocka_unit_test(nothing_comes_from_the_heap),
        cmocka_unit_test(steps_end_at_run_time_too),
        cmocka_unit_test(errors_know_their_place),
        cmocka_unit_test(a_message_with_a_meaning_is_what_it_means),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
