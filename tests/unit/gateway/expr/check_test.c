#include "gateway/expr/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_env.h"
#include "tests/unit/support/failmalloc.h"

static int setup(void **state)
{
    static struct env_test t;
    env_test_init(&t, false);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    env_test_release(*state);
    return 0;
}

struct typed {
    const char *source, *type;
};

static void check_types(struct env_test *t, const struct typed *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct expr_faults faults = {.first = NULL};
        const struct expr_node *root = env_test_check(t, rows[i].source, NULL, &faults);
        if (!root)
            fail_msg("%s: %s", rows[i].source, faults.first ? faults.first->text.p : "no memory");
        struct str type = expr_type_text(&t->set.arena, root->type);
        if (!str_eq(type, str_c(rows[i].type)))
            fail_msg("%s: %.*s, not %s", rows[i].source, STR_ARG(type), rows[i].type);
    }
}

static void expressions_have_the_types_of_cel_spec(void **state)
{
    static const struct typed rows[] = {
        {"1", "int"},
        {"1u", "uint"},
        {"1.5", "double"},
        {"'a'", "string"},
        {"b'a'", "bytes"},
        {"null", "null"},
        {"[1, 2]", "list(int)"},
        {"[1, 'a']", "list(dyn)"},
        {"[]", "list(dyn)"},
        {"{}", "map(dyn, dyn)"},
        {"{'a': 1}", "map(string, int)"},
        {"{'a': 1, 2: 'b'}", "map(dyn, dyn)"},
        {"i + 1", "int"},
        {"d * 2.0", "double"},
        {"s + 'x'", "string"},
        {"i < j && b || !b", "bool"},
        {"b ? i : j", "int"},
        {"b ? 1 : dyn('a')", "dyn"},
        {"s in ['a']", "bool"},
        {"s in ages", "bool"},
        {"ints[0]", "int"},
        {"ages['a']", "int"},
        {"ages.a", "int"},
        {"headers['x-a']", "string"},
        {"size(s) + s.size()", "int"},
        {"s.startsWith('a')", "bool"},
        {"claims", "dyn"},
        {"claims.a.b", "dyn"},
        {"claims + 1", "int"},
        {"claims == 'a'", "bool"},
        {"dyn(1)", "dyn"},
        {"type(1)", "type(int)"},
        {"int", "type(int)"},
        {"type(1) == int", "bool"},
        {"[type([]), int]", "list(type(dyn))"},
        {"[int, type([])]", "list(type(dyn))"},
        {"now - duration('1s')", "timestamp"},
        {"now - now", "duration"},
        {"now.getFullYear()", "int"},
        {"string(i)", "string"},
    };
    check_types(*state, rows, sizeof rows / sizeof *rows);
}

static void variables_of_types_are_bound_by_use(void **state)
{
    static const struct typed rows[] = {
        {"[[], [[]], [[[]]]]", "list(list(list(list(dyn))))"},
        {"[[[[]]], [], [[]]]", "list(list(list(list(dyn))))"},
        {"[[1], []]", "list(list(int))"},
        {"([] + request.r_part + [])[0].number", "int"},
        {"request.r_part.map(x, x).map(y, y.number)", "list(int)"},
        {"[].map(x, x)", "list(dyn)"},
        {"([].map(x, x))[0].foo", "dyn"},
        {"b ? [] : [1u]", "list(uint)"},
        {"[optional.none(), optional.of(1)]", "list(optional_type(int))"},
        {"[optional.of(1), optional.none()]", "list(optional_type(int))"},
        {"[optional.of(1), optional.of(dyn(1))]", "list(optional_type(dyn))"},
        {"true ? optional.of(dyn(1)) : optional.of(1)", "optional_type(dyn)"},
        {"[request.w_int64, request.f_int64]", "list(wrapper(int))"},
        {"[request.f_int64, request.w_int64]", "list(wrapper(int))"},
        {"[request.w_int64, request.w_string]", "list(dyn)"},
        {"[request.w_int64, dyn(1)]", "list(dyn)"},
        {"request.w_int64 + 1", "int"},
        {"request.w_int64 == null", "bool"},
        {"b ? request.w_int64 : null", "wrapper(int)"},
        {"b ? request.w_int64 : 42", "wrapper(int)"},
        {"b ? null : request.f_part", "kitchen.Sink.Part"},
        {"cel.bind(x, [], x + [1])", "list(int)"},
    };
    check_types(*state, rows, sizeof rows / sizeof *rows);
}

static void fields_have_their_types(void **state)
{
    static const struct typed rows[] = {
        {"request.name", "string"},
        {"request.f_int32", "int"},
        {"request.f_uint32", "uint"},
        {"request.f_float", "double"},
        {"request.f_color", "int"},
        {"request.f_part.screw.turns", "int"},
        {"request.r_sink", "list(kitchen.Sink)"},
        {"request.r_sink[0].f_sink.name", "string"},
        {"request.m_to_part['a'].label", "string"},
        {"request.m_to_part.a.label", "string"},
        {"request.w_bool", "wrapper(bool)"},
        {"request.k_timestamp", "timestamp"},
        {"request.k_struct", "map(string, dyn)"},
        {"request.k_value", "dyn"},
        {"request.k_any.anything", "dyn"},
        {"request.k_list", "list(dyn)"},
        {"request.k_mask.paths", "list(string)"},
        {"has(request.f_part)", "bool"},
        {"has(request.f_part.screw)", "bool"},
        {"has(headers.x)", "bool"},
        {"has(response)", "bool"},
        {"has(caller.scopes)", "bool"},
        {"request.?name", "optional_type(string)"},
        {"request.?f_part.label", "optional_type(string)"},
        {"request.?f_part.?label.orValue('x')", "string"},
        {"ints[?0]", "optional_type(int)"},
        {"ages[?'a'].orValue(1)", "int"},
        {"optional.of(request).f_part.number", "optional_type(int)"},
        {"optional.of(1).optMap(x, string(x))", "optional_type(string)"},
        {"optional.of(1).optFlatMap(x, optional.of('a'))", "optional_type(string)"},
    };
    check_types(*state, rows, sizeof rows / sizeof *rows);
}

static void names_are_resolved_from_the_inside_out(void **state)
{
    static const struct typed rows[] = {
        {"inner", "int"},
        {"kitchen.inner", "int"},
        {"kitchen", "string"},
        {".kitchen", "string"},
        {"caller.tier == 'gold'", "bool"},
        {"'infer' in caller.scopes", "bool"},
        {"Color.RED", "int"},
        {"kitchen.Color.RED", "int"},
        {".kitchen.Color.RED", "int"},
        {"Sink.Part.Kind.TAP", "int"},
        {"Sink", "type(kitchen.Sink)"},
        {"type(request) == Sink", "bool"},
        {"google.protobuf.Timestamp", "type(timestamp)"},
        {"Sink{}", "kitchen.Sink"},
        {"kitchen.Sink.Part{}", "kitchen.Sink.Part"},
        {".kitchen.Sink{}.name", "string"},
        {"ints.all(i, i == 1)", "bool"},
        {"['a'].exists(i, i == 'a')", "bool"},
        {"['a'].exists(i, .i == 1)", "bool"},
        {"[{'tier': 1}].exists(caller, caller.tier == 1)", "bool"},
        {"[[1]].map(x, x.map(x, x + 1))", "list(list(int))"},
        {"math.greatest(1, 2)", "int"},
        {"[{'math': 1}].map(math, math.math)", "list(int)"},
    };
    check_types(*state, rows, sizeof rows / sizeof *rows);
}

static void messages_are_built_of_what_fits(void **state)
{
    static const struct typed rows[] = {
        {"Sink{name: s, f_int32: i, f_uint64: u, f_double: d}", "kitchen.Sink"},
        {"Sink{f_part: Sink.Part{number: 1}, r_int32: [1, 2], m_string: {'a': 'b'}}",
         "kitchen.Sink"},
        {"Sink{f_part: null, w_int64: null, w_string: 'a', k_timestamp: now}", "kitchen.Sink"},
        {"Sink{f_color: Color.RED, r_color: [1, Color.GREEN]}", "kitchen.Sink"},
        {"Sink{k_value: 'a', k_struct: {'a': 1}, k_list: [1, 'a'], k_any: Sink{}}", "kitchen.Sink"},
        {"Sink{?name: optional.of('a'), ?f_part: request.?f_part}", "kitchen.Sink"},
        {"Sink{r_string: [], m_to_part: {}}", "kitchen.Sink"},
        {"google.protobuf.Int32Value{value: 1}", "wrapper(int)"},
        {"google.protobuf.Int32Value{value: 1} + 1", "int"},
        {"google.protobuf.Timestamp{seconds: 1}", "timestamp"},
        {"google.protobuf.Struct{}", "map(string, dyn)"},
        {"[?optional.of(1), 2]", "list(int)"},
        {"{?'a': optional.of(1)}", "map(string, int)"},
    };
    check_types(*state, rows, sizeof rows / sizeof *rows);
}

static void folds_have_the_types_of_their_results(void **state)
{
    static const struct typed rows[] = {
        {"ints.all(x, x > 0)", "bool"},
        {"ints.exists_one(x, x > 0)", "bool"},
        {"ints.filter(x, x > 0)", "list(int)"},
        {"ints.map(x, string(x))", "list(string)"},
        {"ints.map(x, x > 1, [x])", "list(list(int))"},
        {"ages.map(k, k)", "list(string)"},
        {"ages.all(k, v, k == 'a' && v > 1)", "bool"},
        {"ints.exists(n, x, n < x)", "bool"},
        {"ages.transformMap(k, v, string(v))", "map(string, string)"},
        {"ints.transformMap(n, x, x > 1, double(x))", "map(int, double)"},
        {"ages.transformList(k, v, k)", "list(string)"},
        {"ages.transformMapEntry(k, v, {v: k})", "map(int, string)"},
        {"claims.all(x, x == 1)", "bool"},
        {"cel.bind(x, ints, x.map(y, y in x))", "list(bool)"},
        {"cel.bind(x, 1, cel.bind(y, x + 1, y * x))", "int"},
        {"request.r_part.sortBy(p, p.number)", "list(kitchen.Sink.Part)"},
    };
    check_types(*state, rows, sizeof rows / sizeof *rows);
}

static void locals_count_the_folds_between(void **state)
{
    struct env_test *t = *state;
    struct expr_faults faults = {.first = NULL};
    const struct expr_node *root = env_test_check(t, "ints.map(x, ints.map(y, x + y + i))", NULL,
                                                  &faults);

    assert_non_null(root);
    const struct expr_node *inner = root->fold->step->args[1]->entries[0].value;
    assert_int_equal(inner->kind, EXPR_NODE_FOLD);
    const struct expr_node *sum = inner->fold->step->args[1]->entries[0].value;
    const struct expr_node *x = sum->args[0]->args[0], *y = sum->args[0]->args[1];
    assert_int_equal(x->ref, EXPR_REF_LOCAL);
    assert_int_equal(x->slot, 1);
    assert_int_equal(y->ref, EXPR_REF_LOCAL);
    assert_int_equal(y->slot, 0);
    assert_int_equal(sum->args[1]->ref, EXPR_REF_SLOT);
    assert_int_equal(sum->noverloads, 1);
    assert_int_equal(inner->fold->range->ref, EXPR_REF_SLOT);
    assert_int_equal(root->fold->result->slot, 0);
}

static void overloads_are_all_that_a_dyn_leaves_open(void **state)
{
    struct env_test *t = *state;
    struct expr_faults faults = {.first = NULL};

    const struct expr_node *sum = env_test_check(t, "claims + claims", NULL, &faults);
    assert_non_null(sum);
    assert_int_equal(sum->type->kind, EXPR_DYN);
    assert_true(sum->noverloads > 5);
    const struct expr_node *index = env_test_check(t, "ints[claims]", NULL, &faults);
    assert_int_equal(index->noverloads, 3);
    index = env_test_check(t, "ints[i]", NULL, &faults);
    assert_int_equal(index->noverloads, 1);
    assert_null(env_test_check(t, "ints[d]", NULL, &faults));
}

static void a_place_says_what_it_needs(void **state)
{
    struct env_test *t = *state;
    struct expr_faults faults = {.first = NULL};

    assert_non_null(env_test_check(t, "b", &expr_type_bool, &faults));
    assert_non_null(env_test_check(t, "claims", &expr_type_bool, &faults));
    assert_non_null(
        env_test_check(t, "[]", expr_type_list(&t->set.arena, &expr_type_int), &faults));
    assert_null(env_test_check(t, "i + 1", &expr_type_bool, &faults));
    assert_string_equal(faults.first->text.p, "this place needs bool; the expression is int");
}

static void dyn_is_refused_where_it_comes_in(void **state)
{
    static const struct {
        const char *source;
        uint32_t offset, end;
    } rows[] = {
        {"i == 1 && claims.a == 1", 10, 16},
        {"request.k_value == 1", 8, 15},
        {"request.k_struct.a == 1", 8, 16},
        {"[1, 'a'].size()", 0, 8},
        {"dyn(1) == 1", 0, 6},
    };
    struct env_test strict;

    (void)state;
    env_test_init(&strict, true);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expr_faults faults = {.first = NULL};
        assert_null(env_test_check(&strict, rows[i].source, NULL, &faults));
        assert_int_equal(faults.count, 1);
        assert_non_null(strstr(faults.first->text.p, "known only when it runs"));
        if (faults.first->offset != rows[i].offset || faults.first->end != rows[i].end)
            fail_msg("%s: %u-%u", rows[i].source, faults.first->offset, faults.first->end);
    }
    struct expr_faults faults = {.first = NULL};
    assert_non_null(env_test_check(&strict, "[].size() == 0 && ints != []", NULL, &faults));
    env_test_release(&strict);
}

struct oom {
    struct env_test t;
    const char *source;
};

static bool check_once(void *arg)
{
    struct oom *o = arg;
    struct expr_faults faults = {.first = NULL};
    struct arena a, *outer = o->t.env->target.arena;

    arena_init(&a, 64, 1 << 22);
    o->t.env->target.arena = &a;
    struct str text = str_c(o->source);
    struct expr_node *root = expr_parse(&a, text, &faults);
    bool ok = root && expr_check(o->t.env, text, root, NULL, &faults);
    assert_true(ok || faults.out_of_memory);
    o->t.env->target.arena = outer;
    arena_release(&a);
    return ok;
}

static void want_of_memory_is_an_outcome(void **state)
{
    struct oom o = {.source = "Sink{r_part: [Sink.Part{number: 1}], ?name: "
                              "optional.of('a')}.r_part.map(p, p.number + "
                              "request.f_int32).exists(n, n in [1] || math.abs(n) == ages['a']) && "
                              "has(request.f_part) "
                              "&& "
                              "type(ints) == type([]) && {'a': [1]}.all(k, v, v[0] > 1)"};

    (void)state;
    env_test_init(&o.t, false);
    assert_true(failmalloc_each(check_once, &o) > 10);
    env_test_release(&o.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_have_the_types_of_cel_spec),
        cmocka_unit_test(variables_of_types_are_bound_by_use),
        cmocka_unit_test(fields_have_their_types),
        cmocka_unit_test(names_are_resolved_from_the_inside_out),
        cmocka_unit_test(messages_are_built_of_what_fits),
        cmocka_unit_test(folds_have_the_types_of_their_results),
        cmocka_unit_test(locals_count_the_folds_between),
        cmocka_unit_test(overloads_are_all_that_a_dyn_leaves_open),
        cmocka_unit_test(a_place_says_what_it_needs),
        cmocka_unit_test(dyn_is_refused_where_it_comes_in),
        cmocka_unit_test(want_of_memory_is_an_outcome),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
