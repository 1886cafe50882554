/* Expressions inside options, while policies are compiled. The environment of a method is made when
 * its first expression comes; all expressions of the method share it, so that one walk over a
 * message serves them all. */
#pragma once

#include "gateway/policy/policy_internal.h"

/* Where an expression stands. */
struct expr_at {
    const struct layer *layer;
    struct str path;    /* inside the option: "allow[1].expr" */
    const void *option; /* its message: an expression of a service is at fault once, not once an RPC
                         */
};

/* Compiles `source` for the method of `p`. `want`: its type, NULL: any. `latest`: what may be read
 * at the place: an expression that is evaluated before the answer comes cannot read `response`.
 * False: the fault is noted. */
bool policy_expr_compile(struct compile *c, struct method_policy *p, const struct expr_at *at,
                         const char *source, const struct expr_type *want, enum plan_when latest,
                         struct plan_expr *out);
