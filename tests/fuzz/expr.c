/* An expression, then NUL, then bytes of a request: compiled or refused with a place inside the
 * text; a program has a value of its type, or an error, whatever the message is. */
#include "gateway/expr/expr.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support/sets.h"

enum { SCRATCH = 64 << 10, TAPS = 64 };

static void run(const struct expr_env *env, const struct expr_program *p, uint32_t slot,
                const struct tc_message *m, struct str message)
{
    static char memory[2][SCRATCH]; /* breach: scratch */
    struct expr_scratch taps_scratch = {memory[0], SCRATCH, 0}, scratch = {memory[1], SCRATCH, 0};
    struct expr_value slots[8], taps[TAPS];
    for (int i = 0; i < 8; i++)
        slots[i] = expr_absent();
    slots[slot] = (struct expr_value){.kind = EXPR_MESSAGE, .s = message, .message = m};
    if (expr_env_taps(env, NULL) > TAPS)
        return;
    expr_collect(env, slot, message, taps, &taps_scratch);
    struct expr_value v = expr_eval(p, slots, taps, &scratch);
    REQUIRE(v.kind == EXPR_ERROR || p->type->kind == EXPR_DYN || p->type->kind == EXPR_WRAPPER ||
            v.kind == p->type->kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct set s; /* breach: loaded once */
    struct str rest = {(const char *)data, size}, text = str_cut(&rest, '\0');
    struct expr_faults faults = {.tail = &faults.first};
    struct arena arena;
    if (!s.schema)
        s = set_load("kitchen_sink.pb");
    arena_init(&arena, 4096, 64 << 20);
    struct expr_env_spec spec = {.schema = s.schema, .container = STR("kitchen"), .arena = &arena};
    const struct tc_message *m = s.schema->messages[size % s.schema->nmessages];
    struct expr_env *env = expr_env_new(&spec);
    const struct expr_type *list = expr_type_list(&arena, &expr_type_string);
    uint32_t request = expr_declare(env, STR("request"), expr_type_message(&arena, m), 0);
    expr_declare(env, STR("caller.tier"), &expr_type_string, EXPR_MAY_BE_ABSENT);
    expr_declare(env, STR("caller.scopes"), list, EXPR_MAY_BE_ABSENT);
    expr_declare(env, STR("now"), &expr_type_timestamp, 0);
    expr_declare(env, STR("any"), &expr_type_dyn, 0);
    const struct expr_program *p = expr_compile(env, text, NULL, &faults);
    REQUIRE(p || faults.count || faults.out_of_memory);
    for (const struct expr_fault *f = faults.first; f; f = f->next) {
        REQUIRE(f->offset <= f->end && f->end <= text.n + 1 && f->text.n);
        REQUIRE(expr_fault_text(&arena, text, f).p);
    }
    if (p)
        run(env, p, request, m, rest.p ? rest : STR(""));
    expr_env_release(env);
    arena_release(&arena);
    return 0;
}
