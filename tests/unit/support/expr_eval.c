#include "tests/unit/support/expr_eval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"
#include "tests/unit/support/wire_text.h"

enum { REQUEST, TWO, TIER, SCOPES, CLAIMS, I, U, D, NOW, SLOTS };

static void declare(struct eval_test *t)
{
    struct arena *a = &t->arena;
    const struct expr_type *strings = expr_type_list(a, &expr_type_string);
    const struct {
        const char *name;
        const struct expr_type *type;
        uint32_t flags;
    } variables[SLOTS] = {
        {"request", expr_type_message(a, set_message(&t->set, "kitchen.Sink")), 0},
        {"two", expr_type_message(a, set_message(&t->set, "kitchen2.Sink2")), EXPR_MAY_BE_ABSENT},
        {"caller.tier", &expr_type_string, 0},
        {"caller.scopes", strings, 0},
        {"claims", expr_type_map(a, &expr_type_string, &expr_type_dyn), EXPR_MAY_BE_ABSENT},
        {"i", &expr_type_int, 0},
        {"u", &expr_type_uint, 0},
        {"d", &expr_type_dyn, 0},
        {"now", &expr_type_timestamp, 0},
    };
    for (uint32_t i = 0; i < SLOTS; i++)
        assert_int_equal(
            expr_declare(t->env, str_c(variables[i].name), variables[i].type, variables[i].flags),
            i);
}

void eval_init(struct eval_test *t)
{
    *t = (struct eval_test){.set = set_load("kitchen_sink2.pb"), .request = STR("")};
    t->set.arena.max = (size_t)256 << 20;
    arena_init(&t->arena, 1 << 16, (size_t)512 << 20);
    arena_init(&t->texts, 1 << 17, 1 << 20);
    struct expr_env_spec spec = {
        .schema = t->set.schema, .container = STR("kitchen"), .arena = &t->arena};
    t->env = expr_env_new(&spec);
    assert_non_null(t->env);
    declare(t);
    t->memory = malloc(EVAL_MEMORY);
    assert_non_null(t->memory);
    t->scope_items[0] = expr_string(STR("read"));
    t->scope_items[1] = expr_string(STR("infer"));
    t->model_items[0] = expr_string(STR("tiny"));
    t->model_items[1] = expr_string(STR("large"));
    t->claim_items[0] = (struct expr_pair){expr_string(STR("models")),
                                           expr_array_init(&t->models, t->model_items, 2)};
    t->claim_items[1] = (struct expr_pair){expr_string(STR("age")), expr_int(42)};
    t->claim_items[2] = (struct expr_pair){expr_string(STR("n")), expr_double(2.5)};
    t->d = expr_absent();
}

void eval_release(struct eval_test *t)
{
    expr_env_release(t->env);
    free(t->memory);
    arena_release(&t->texts);
    arena_release(&t->arena);
    set_release(&t->set);
}

int eval_setup(void **state)
{
    static struct eval_test t;
    eval_init(&t);
    *state = &t;
    return 0;
}

int eval_teardown(void **state)
{
    eval_release(*state);
    return 0;
}

struct str eval_wire(struct eval_test *t, const char *text)
{
    return wire_text(&t->set.arena, text);
}

const struct expr_program *eval_compile(struct eval_test *t, const char *source)
{
    struct expr_faults faults = {.first = NULL};
    const struct expr_program *p = expr_compile(t->env, str_c(source), NULL, &faults);
    if (!p)
        fail_msg("%s: %.*s", source,
                 STR_ARG(faults.first ? faults.first->text : STR("out of memory")));
    return p;
}

static void collect(struct eval_test *t, uint32_t slot, struct str message, struct expr_value *taps)
{
    if (message.p)
        expr_collect(t->env, slot, message, taps, &t->scratch);
    else
        expr_collect_absent(t->env, slot, taps);
}

static struct expr_value run(struct eval_test *t, const struct expr_program *p)
{
    struct expr_value slots[SLOTS] = {
        [REQUEST] = t->request.p ? expr_null() : expr_absent(),
        [TWO] = t->two.p ? expr_null() : expr_absent(),
        [TIER] = expr_string(STR("gold")),
        [SCOPES] = expr_array_init(&t->scopes, t->scope_items, 2),
        [CLAIMS] = expr_pairs_init(&t->claims, t->claim_items, 3),
        [I] = expr_int(7),
        [U] = expr_uint(7),
        [D] = t->d,
        [NOW] = {.kind = EXPR_TIMESTAMP, .time = {1767323045, 6000000}},
    };
    static struct expr_value taps[4096];
    assert_true(expr_env_taps(t->env, NULL) <= sizeof taps / sizeof *taps);
    collect(t, REQUEST, t->request, taps);
    collect(t, TWO, t->two, taps);
    return expr_eval(p, slots, taps, &t->scratch);
}

struct expr_value eval_run(struct eval_test *t, const struct expr_program *p)
{
    t->scratch = (struct expr_scratch){t->memory, EVAL_MEMORY, 0};
    return run(t, p);
}

static const char *text_of(struct eval_test *t, const struct expr_value *v)
{
    arena_reset(&t->texts);
    struct str text = expr_value_text(&t->texts, v, 4000);
    assert_non_null(text.p);
    return arena_copy(&t->texts, text).p;
}

const char *eval_text_within(struct eval_test *t, const struct expr_program *p, size_t n)
{
    struct guard g = guard_copy(str_of(t->memory, n));
    t->scratch = (struct expr_scratch){(char *)(uintptr_t)g.s.p, n, 0};
    struct expr_value v = run(t, p);
    bool budget = v.kind == EXPR_ERROR && v.error->code == EXPR_FAIL_BUDGET;
    const char *text = budget ? "budget" : text_of(t, &v);
    guard_release(&g);
    return text;
}

const char *eval_text(struct eval_test *t, const char *source)
{
    struct expr_faults faults = {.first = NULL};
    const struct expr_program *p = expr_compile(t->env, str_c(source), NULL, &faults);
    if (p) {
        struct expr_value v = eval_run(t, p);
        return text_of(t, &v);
    }
    arena_reset(&t->texts);
    return arena_printf(&t->texts, "refused: %.*s",
                        STR_ARG(faults.first ? faults.first->text : STR("out of memory")))
        .p;
}

void eval_rows(struct eval_test *t, const struct eval_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str got = str_c(eval_text(t, rows[i].source)), want = str_c(rows[i].text);
        bool cut = str_starts(want, STR("error: ")) || str_starts(want, STR("refused: "));
        if (!(cut ? str_starts(got, want) : str_eq(got, want)))
            fail_msg("%s\n  is    %.*s\n  wants %s", rows[i].source, STR_ARG(got), rows[i].text);
    }
}
