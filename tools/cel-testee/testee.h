/* The expression library held against others: cel-spec's own cases (suite.c), and expressions that
 * come in line by line (lines.c). */
#pragma once

#include "gateway/expr/values.h"
#include "tools/cel-testee/record.h"

enum { SCRATCH = 16 << 20, ARENA_MAX = 256 << 20 };

/* One expression, from its environment to its value. */
struct trial {
    struct arena arena;
    const struct tc_schema *schema;
    struct expr_env *env;
    struct expr_value *slots, *taps;
    uint32_t nslots, slot_room;
    struct str *names; /* of the slots */
    struct expr_scratch scratch;
    struct expr_run run; /* for reading values */
    struct expr_faults faults;
    const struct expr_program *program;
};

/* Ends the program when memory is short, as all here. */
void trial_init(struct trial *t, const struct tc_schema *schema, struct str container,
                struct str memory);
void trial_release(struct trial *t);
void trial_declare(struct trial *t, struct str name, const struct expr_type *type);
/* The value of a variable that has been declared. */
void trial_bind(struct trial *t, struct str name, struct expr_value v);
/* False: refused, and faults say why. */
bool trial_compile(struct trial *t, struct str source);
struct expr_value trial_eval(struct trial *t);

/* spec.c: cel.expr.Type and cel.expr.Value. */

/* NULL: a type that the language does not have. */
const struct expr_type *spec_type(struct trial *t, struct record r);
struct expr_value spec_value(struct trial *t, struct record r);

/* functions.c: the functions that a case declares, for checking alone. False: one has a type that
 * the language does not have. */
bool spec_declare_function(struct trial *t, struct str name, struct record function);

/* compare.c: whether a value is the one that was expected. */
bool spec_matches(struct trial *t, struct record r, const struct expr_value *v);

/* suite.c: runs the cases of files, returns the exit status. */
int suite_run(const struct tc_schema *schema, struct str skips, char **files);
/* lines.c: one expression a line from stdin, one answer a line to stdout. */
int lines_run(const struct tc_schema *schema);
/* print.c: a value in a form that other languages can print too. */
void value_print(struct trial *t, const struct expr_value *v);

/* main.c */
void *must(void *memory);
/* All bytes of a file. */
struct str file_read(struct arena *a, const char *path);
