/* An environment of expressions for tests: container "kitchen", and the variables
 *
 *     request: kitchen.Sink        response: kitchen.Sink, may be absent
 *     caller.tier: string          caller.scopes: list(string), may be absent
 *     claims: dyn                  headers: map(string, string)
 *     now: timestamp               i, j: int   u: uint   d: double   s: string   b: bool
 *     ints: list(int)              ages: map(string, int)
 *     kitchen.inner: int           kitchen: string
 */
#pragma once

#include "gateway/expr/internal.h"
#include "tests/unit/support/sets.h"

struct env_test {
    struct set set;
    struct expr_env *env;
};

/* Fails the test when something is missing. `t` stays where it is. */
void env_test_init(struct env_test *t, bool refuse_dyn);
void env_test_release(struct env_test *t);
/* The checked tree of `source`, or NULL and faults. Memory is the set's. */
struct expr_node *env_test_check(struct env_test *t, const char *source,
                                 const struct expr_type *want, struct expr_faults *faults);
