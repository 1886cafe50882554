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
    struct expr_regexes regexes;
    struct str container;
    struct expr_functions functions;
    bool refuse_dyn;
    struct expr_variable *variables; /* index = slot */
    uint32_t nvariables, variable_room;
};

/* Notes a fault at bytes [offset, end) of the source, in order of place; a second one at the same
 * place is dropped. After EXPR_FAULTS_MAX the rest is only counted. `text` with p == NULL: out of
 * memory, which is noted instead. */
void expr_fault_at(struct expr_faults *f, struct arena *a, uint32_t offset, uint32_t end,
                   struct str text);
enum { EXPR_FAULTS_MAX = 20 };

/* The tree of `source` with macros expanded, no deeper than EXPR_DEPTH_MAX. NULL: faults. */
struct expr_node *expr_parse(struct arena *a, struct str source, struct expr_faults *faults);
/* An ident, or plain selections down to one. */
bool expr_node_is_qualified(const struct expr_node *n);
/* "a.b.c" of such a node, has(a.b.c) too; STR_NONE for other nodes, or out of memory. */
struct str expr_node_qualified(struct arena *a, const struct expr_node *n);
/* Resolves names, infers types, annotates the tree. `want` or NULL. False: faults. */
bool expr_check(const struct expr_env *env, struct str source, struct expr_node *root,
                const struct expr_type *want, struct expr_faults *faults);
