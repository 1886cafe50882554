#include "tools/cel-testee/testee.h"

void trial_init(struct trial *t, const struct tc_schema *schema, struct str container,
                struct str memory)
{
    *t = (struct trial){.schema = schema};
    arena_init(&t->arena, 64 << 10, ARENA_MAX);
    struct expr_env_spec spec = {
        .schema = schema, .container = container, .arena = &t->arena, .max_cost = UINT64_MAX >> 1};
    t->env = must(expr_env_new(&spec));
    t->scratch = (struct expr_scratch){.p = (char *)(uintptr_t)memory.p, .n = memory.n};
    t->run = (struct expr_run){.scratch = &t->scratch,
                               .schema = schema,
                               .steps = UINT64_MAX,
                               .max_items = EXPR_ITEMS_DEFAULT};
}

void trial_release(struct trial *t)
{
    expr_env_release(t->env);
    arena_release(&t->arena);
}

void trial_declare(struct trial *t, struct str name, const struct expr_type *type)
{
    uint32_t slot = expr_declare(t->env, name, must((void *)(uintptr_t)type), EXPR_MAY_BE_ABSENT);

    if (slot >= t->slot_room) {
        uint32_t room = t->slot_room ? 2 * t->slot_room : 8;
        struct expr_value *slots = must(arena_array(&t->arena, room, sizeof *slots));
        struct str *names = must(arena_array(&t->arena, room, sizeof *names));
        for (uint32_t i = 0; i < t->nslots; i++) {
            slots[i] = t->slots[i];
            names[i] = t->names[i];
        }
        t->slots = slots;
        t->names = names;
        t->slot_room = room;
    }
    t->slots[slot] = expr_absent();
    t->names[slot] = name;
    t->nslots = slot + 1;
}

void trial_bind(struct trial *t, struct str name, struct expr_value v)
{
    for (uint32_t i = 0; i < t->nslots; i++)
        if (str_eq(t->names[i], name))
            t->slots[i] = v;
}

bool trial_compile(struct trial *t, struct str source)
{
    t->program = expr_compile(t->env, source, NULL, &t->faults);
    return t->program;
}

struct expr_value trial_eval(struct trial *t)
{
    t->taps = must(arena_array(&t->arena, expr_env_taps(t->env, NULL), sizeof *t->taps));
    for (uint32_t i = 0; i < t->nslots; i++) {
        if (t->slots[i].kind == EXPR_MESSAGE)
            expr_collect(t->env, i, t->slots[i].s, t->taps, &t->scratch);
        else
            expr_collect_absent(t->env, i, t->taps);
    }
    return expr_eval(t->program, t->slots, t->taps, &t->scratch);
}
