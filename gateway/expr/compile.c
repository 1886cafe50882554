#include "gateway/expr/compile.h"
#include "gateway/expr/internal.h"

#include <stdio.h>

enum { FOLD_STEPS = 10000, FOLD_VALUES = 5000, INSNS_FIRST = 16, INSNS_MAX = 8000 };

void *expr_gen_alloc(struct expr_generator *g, size_t count, size_t size)
{
    void *p = arena_array(g->target->arena, count, size);
    if (!p) {
        g->failed = true;
        g->faults->out_of_memory = true;
    }
    return p;
}

void expr_gen_fault(struct expr_generator *g, const struct expr_node *n, struct str text)
{
    g->failed = true;
    expr_fault_at(g->faults, g->target->arena, n->offset, n->end, text);
}

uint32_t expr_emit(struct expr_generator *g, const struct expr_node *n, struct expr_insn i)
{
    if (g->n == INSNS_MAX && !g->failed)
        expr_gen_fault(g, n, STR("the expression is too large; split it"));
    if (g->n == g->room && !g->failed) {
        uint32_t room = g->room ? 2 * g->room : INSNS_FIRST;
        struct expr_insn *insns = expr_gen_alloc(g, room, sizeof *insns);
        if (insns && g->n)
            memcpy(insns, g->insns, g->n * sizeof *insns);
        g->insns = insns;
        g->room = insns ? room : 0;
    }
    if (g->failed)
        return 0;
    i.offset = n->offset;
    g->insns[g->n] = i;
    uint32_t places = (uint32_t)i.at + 2 * (uint32_t)i.n + EXPR_FOLD_PLACES;
    if (places >= g->depth)
        g->depth = places + 1;
    if (g->depth > UINT16_MAX)
        expr_gen_fault(g, n, STR("too many values at once; split the expression"));
    return g->n++;
}

void expr_land(struct expr_generator *g, uint32_t from)
{
    if (!g->failed)
        g->insns[from].x = g->n - from;
}

void expr_gen_reads(struct expr_generator *g, struct expr_bits *bits, uint32_t i)
{
    if (i >= bits->n) {
        uint32_t n = 2 * (i / 32 + 1);
        uint32_t *words = expr_gen_alloc(g, n, sizeof *words);
        if (!words)
            return;
        if (bits->n)
            memcpy(words, bits->words, bits->n / 8);
        *bits = (struct expr_bits){words, 32 * n};
    }
    bits->words[i / 32] |= 1u << i % 32;
}

static const uint32_t *list_bits(struct expr_generator *g, const struct expr_bits *bits,
                                 uint32_t *count)
{
    uint32_t *list = expr_gen_alloc(g, bits->n + 1, sizeof *list);
    *count = 0;
    for (uint32_t i = 0; list && i < bits->n; i++)
        if (bits->words[i / 32] & 1u << i % 32)
            list[(*count)++] = i;
    return list;
}

static void too_costly(struct expr_generator *g, const struct expr_node *root, uint64_t cost)
{
    char most[32] = "over 10^18";
    if (cost < UINT64_C(1000000000000000000))
        snprintf(most, sizeof most, "%llu", (unsigned long long)cost);
    expr_gen_fault(
        g, g->worst ? g->worst : root,
        arena_printf(
            g->target->arena,
            "this may take %s steps, and %llu are allowed: walks inside walks multiply, each "
            "with up to %u elements; walk once, use `in` or a map, or lower max_items",
            most, (unsigned long long)g->target->max_cost, g->target->max_items));
}

static const struct expr_program *finish(struct expr_generator *g, const struct expr_node *root,
                                         struct str source, uint64_t cost)
{
    const struct expr_target *t = g->target;
    struct expr_program *p = expr_gen_alloc(g, 1, sizeof *p);
    struct expr_code *code = expr_gen_alloc(g, 1, sizeof *code);
    if (!p || !code)
        return NULL;
    *code = (struct expr_code){g->insns, t->schema, t->max_cost, t->max_items, g->depth};
    *p = (struct expr_program){.source = arena_copy(t->arena, source),
                               .type = root->type,
                               .cost = cost,
                               .constant = g->n == 2 && g->insns[0].op == expr_op_constant,
                               .code = code};
    p->slots = list_bits(g, &g->slots, &p->nslots);
    p->taps = list_bits(g, &g->taps, &p->ntaps);
    if (!p->source.p)
        g->faults->out_of_memory = g->failed = true;
    return g->failed ? NULL : p;
}

const struct expr_program *expr_generate(const struct expr_target *t, struct expr_node *root,
                                         struct str source, struct expr_faults *faults)
{
    struct expr_generator g = {
        .target = t,
        .faults = faults,
        .fold_steps = FOLD_STEPS,
        .fold_values = FOLD_VALUES,
    };
    expr_mark_closed(root);
    uint64_t cost = expr_gen(&g, root, 0);
    expr_emit(&g, root, (struct expr_insn){.op = expr_op_end});
    if (!g.failed && cost > t->max_cost)
        too_costly(&g, root, cost);
    return g.failed ? NULL : finish(&g, root, source, cost);
}
