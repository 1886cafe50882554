/* From the checked tree to a flat program, and what an environment keeps for its programs. Used by
 * the environment (env.c) and the evaluator; users of the library see struct expr_program alone.
 *
 *     const struct expr_program *p = expr_generate(&target, root, source, &faults);
 *
 * An instruction works on a stack whose depth is known when the program is made: `at` is the place
 * of its result, its operands stand from there on. There is no dispatch on names and no search
 * left. */
#pragma once

#include "gateway/expr/ast.h"
#include "gateway/expr/expr.h"

/* The taps of an environment: the list for users, and for the walk a tree of fields. */
struct expr_tap_node;
struct expr_taps {
    struct expr_tap *list;
    const struct expr_tap_node **roots; /* by slot; made by the first walk's preparation */
    uint32_t n, room, nroots;
};

/* Where programs of one environment go. */
struct expr_target {
    struct arena *arena;
    const struct tc_schema *schema;
    struct expr_taps *taps;
    uint32_t max_items;
    uint64_t max_cost;
};

/* NULL: faults->count > 0 (too costly, a constant part that always fails), or out of memory, which
 * faults->out_of_memory says. */
const struct expr_program *expr_generate(const struct expr_target *t, const struct expr_node *root,
                                         struct str source, struct expr_faults *faults);

/* The environment's part (env.c). */
const struct expr_target *expr_env_target(const struct expr_env *env);
