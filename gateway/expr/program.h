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

struct expr_regex;
struct expr_tap_node;

/* The taps of an environment: the list for its users, and a tree of fields for the walk. */
struct expr_taps {
    struct expr_tap *list;
    struct expr_tap_node **roots; /* by slot; NULL where nothing is tapped */
    uint32_t n, room, nroots;
};

/* The regular expressions of an environment, each once. They hold memory of their own. */
struct expr_regexes {
    struct expr_regex_item {
        struct expr_regex_item *next;
        struct expr_regex *regex;
        struct str pattern;
    } * first;
};
/* NULL: `why` (EXPR_REGEX_WHY_MAX) says what is wrong with the pattern. */
const struct expr_regex *expr_regexes_get(struct expr_regexes *all, struct arena *a,
                                          struct str pattern, char *why);
void expr_regexes_release(struct expr_regexes *all);

/* Where programs of one environment go. */
struct expr_target {
    struct arena *arena;
    const struct tc_schema *schema;
    struct expr_taps *taps;
    struct expr_regexes *regexes;
    uint32_t max_items;
    uint64_t max_cost;
    bool refuse_failing;
};

/* Marks the tree (closed). NULL: faults->count > 0 (too costly, a pattern that is no constant), or
 * out of memory, which faults->out_of_memory says. */
const struct expr_program *expr_generate(const struct expr_target *t, struct expr_node *root,
                                         struct str source, struct expr_faults *faults);

/* The environment's part (env.c). */
const struct expr_target *expr_env_target(const struct expr_env *env);
