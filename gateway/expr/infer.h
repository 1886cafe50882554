/* Type variables while an expression is checked (cel-spec "Gradual Type Checking"): what is not yet
 * known of a type, such as the elements of `[]`, stands as an EXPR_PARAM with a number, until use
 * binds it. Types that fit each other make their variables as general as both need: dyn above all,
 * a wrapper above its value and null.
 *
 * Arena memory, of which want is noted in out_of_memory; types are then expr_type_error. */
#pragma once

#include "gateway/expr/type.h"

struct expr_binding {
    uint32_t variable;
    const struct expr_type *before; /* NULL: it was free */
};

struct expr_infer {
    struct arena *arena;
    const struct expr_type **bound; /* by variable; NULL: free */
    uint32_t n, room;
    struct expr_binding *trail; /* what has been bound, to take it back */
    uint32_t ntrail, trail_room;
    bool out_of_memory;
};

/* A new variable. */
const struct expr_type *expr_infer_fresh(struct expr_infer *in);
/* `t` of a signature with variables for its type parameters; vars[i] for letter i. */
const struct expr_type *expr_infer_instantiate(struct expr_infer *in, const struct expr_type *t,
                                               const struct expr_type *const *vars);
/* What `t` is bound to, at its top: a variable only when that is free. */
const struct expr_type *expr_infer_top(const struct expr_infer *in, const struct expr_type *t);
/* Whether values of both types may stand in one place; binds variables, also when false: take
 * back what was bound since a mark. */
bool expr_infer_fits(struct expr_infer *in, const struct expr_type *a, const struct expr_type *b);
uint32_t expr_infer_mark(const struct expr_infer *in);
void expr_infer_take_back(struct expr_infer *in, uint32_t mark);
/* The type of a place that holds both: of types that fit, the more general; else dyn. */
const struct expr_type *expr_infer_join(struct expr_infer *in, const struct expr_type *a,
                                        const struct expr_type *b);
/* `t` without bound variables; free ones become `free` when it is not NULL. */
const struct expr_type *expr_infer_resolve(struct expr_infer *in, const struct expr_type *t,
                                           const struct expr_type *free);
