/* Expressions, from their text to the text of their value. The variables:
 *
 *     request: kitchen.Sink            two: kitchen2.Sink2, may be absent
 *     caller.tier: string ("gold")     caller.scopes: list(string) (["read", "infer"])
 *     claims: map(string, dyn), may be absent: {"models": ["tiny", "large"], "age": 42, "n": 2.5}
 *     i: int (7)   u: uint (7)   d: dyn (whatever the test sets)   now: 2026-01-02T03:04:05.006Z
 */
#pragma once

#include "gateway/expr/expr.h"
#include "tests/unit/support/sets.h"

struct eval_test {
    struct set set;
    struct arena arena; /* of the environment and its programs */
    struct arena texts; /* of the last text */
    struct expr_env *env;
    struct str request, two; /* wire bytes; p == NULL: absent */
    struct expr_value d;
    struct expr_array scopes, models;
    struct expr_value scope_items[2], model_items[2];
    struct expr_pairs claims;
    struct expr_pair claim_items[3];
    struct expr_scratch scratch;
    char *memory;
};

struct eval_row {
    const char *source, *text; /* of the value; "error: ..." may be cut short */
};

enum { EVAL_MEMORY = 1 << 20 };

void eval_init(struct eval_test *t);
void eval_release(struct eval_test *t);
/* As group setup and teardown of cmocka: *state is a struct eval_test. */
int eval_setup(void **state);
int eval_teardown(void **state);
/* The wire bytes that wire_text makes of it, in the set's arena. */
struct str eval_wire(struct eval_test *t, const char *text);
/* Fails the test when it is refused. */
const struct expr_program *eval_compile(struct eval_test *t, const char *source);
struct expr_value eval_run(struct eval_test *t, const struct expr_program *p);
/* The text of the value that comes of a scratch of `n` bytes, which ends at an unreadable page;
 * "budget" when that was too little. Valid until the next text. */
const char *eval_text_within(struct eval_test *t, const struct expr_program *p, size_t n);
/* Of the value, or "refused: " and the first fault. Valid until the next text. */
const char *eval_text(struct eval_test *t, const char *source);
void eval_rows(struct eval_test *t, const struct eval_row *rows, size_t n);
#define EVAL_ROWS(t, rows) eval_rows(t, rows, sizeof(rows) / sizeof *(rows))
