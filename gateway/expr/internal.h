/* Between the parts of the language: the environment as it is inside, and the way an expression
 * takes: parse (macros expanded on the way) -> check -> program (program.h). All memory is the
 * environment's arena; want of it is a state of the faults and ends the compilation at the next
 * convenient place.
 */
#pragma once

#include "gateway/expr/ast.h"
#include "gateway/expr/expr.h"
#include "gateway/expr/function.h"
#include "gateway/expr/program.h"

struct expr_variable {
    struct str name; /* "request", "caller.tier" */
    const struct expr_type *type;
    uint32_t flags;
};

struct expr_env {
    struct expr_target target; /* arena, schema and bounds; taps below */
    struct expr_taps taps;
    struct str container;
    struct expr_functions functions;
    bool refuse_dyn;
    struct expr_variable *variables; /* index = slot */
    uint32_t nvariables, variable_room;
};

/* Notes a fault at bytes [offset, end) in order of place. `text` with p == NULL: out of memory. */
void expr_fault_add(struct expr_faults *f, struct arena *a, const struct expr_node *at,
                    struct str text);
void expr_fault_at(struct expr_faults *f, struct arena *a, uint32_t offset, struct str text);

/* The tree of `source` with macros expanded, no deeper than EXPR_DEPTH_MAX. NULL: faults. */
struct expr_node *expr_parse(struct arena *a, struct str source, struct expr_faults *faults);
/* Resolves names, infers types, annotates the tree. `want` or NULL. False: faults. */
bool expr_check(const struct expr_env *env, struct expr_node *root, const struct expr_type *want,
                struct expr_faults *faults);
