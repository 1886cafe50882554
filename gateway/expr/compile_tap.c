#include "gateway/expr/compile.h"
#include "gateway/expr/tap.h"

/* The fields from a message slot down to `n`, outermost first, at most `room`. False: no such
 * chain. */
static bool chain(const struct expr_node *n, const struct tc_field **path, uint32_t room,
                  uint32_t *depth)
{
    *depth = 0;
    for (const struct expr_node *at = n; at->ref != EXPR_REF_SLOT; at = at->operand) {
        if (at->kind != EXPR_NODE_SELECT || !at->field || at->optional || !at->operand ||
            at->operand->type->kind != EXPR_MESSAGE || *depth == room)
            return false;
        if (at != n && at->test_only)
            return false;
        path[(*depth)++] = at->field;
    }
    for (uint32_t i = 0; i < *depth / 2; i++) {
        const struct tc_field *swap = path[i];
        path[i] = path[*depth - 1 - i];
        path[*depth - 1 - i] = swap;
    }
    return true;
}

static const struct expr_node *slot_of(const struct expr_node *n)
{
    while (n->ref != EXPR_REF_SLOT)
        n = n->operand;
    return n;
}

bool expr_gen_tap(struct expr_generator *g, const struct expr_node *n, uint32_t at)
{
    const struct tc_field *path[EXPR_TAP_DEPTH_MAX];
    uint32_t depth;

    if (!chain(n, path, EXPR_TAP_DEPTH_MAX, &depth))
        return false;
    const struct expr_node *slot = slot_of(n);
    if (slot->type->kind != EXPR_MESSAGE)
        return false; /* has(slot) too, whose type is bool: the slot itself answers */
    struct expr_tap tap = {.slot = slot->slot, .path = path, .depth = depth, .test = n->test_only};
    uint32_t i = expr_taps_add(g->target->taps, g->target->arena, slot->type->message, &tap);
    if (i == UINT32_MAX) {
        g->failed = g->faults->out_of_memory = true;
        return true;
    }
    expr_gen_reads(g, &g->slots, slot->slot);
    expr_gen_reads(g, &g->taps, i);
    expr_emit(
        g, n,
        (struct expr_insn){
            .op = expr_op_tap, .at = (uint16_t)at, .x = i, .name = expr_gen_name(g, slot->name)});
    return true;
}
