/* What a program is inside: instructions side by side, each with the function that executes it.
 * They work on a stack of values: `at` is the place of the result, operands stand from there on. */
#pragma once

#include "gateway/expr/function.h"
#include "gateway/expr/program.h"
#include "gateway/expr/values.h"

struct expr_regex;

struct expr_frame {
    struct expr_run run; /* first: what an operation hands to functions */
    struct expr_value *stack;
    const struct expr_value *slots, *taps;
};

/* Returns the next instruction, NULL at the end. */
typedef const struct expr_insn *expr_op(struct expr_frame *f, const struct expr_insn *i);

struct expr_insn {
    expr_op *op;
    uint16_t at;     /* place of the result */
    uint16_t n;      /* operands */
    uint32_t x;      /* slot, tap, place on the stack, or how far to jump from here */
    uint32_t offset; /* into the source */
    union {
        const struct expr_value *constant;
        const struct tc_field *field;
        const struct str *name;
        const struct expr_overload *const *overloads; /* `x` of them */
        struct expr_value (*run)(struct expr_run *, const struct expr_value *args, uint32_t n);
        const bool *optional; /* elements that may be left out; or NULL */
        const struct expr_struct_shape *shape;
        const struct expr_regex *regex;
    };
};

struct expr_struct_shape {
    const struct tc_message *message;
    const struct tc_field **fields;
    const bool *optional; /* or NULL */
};

struct expr_code {
    const struct expr_insn *insns;
    const struct tc_schema *schema;
    uint64_t max_cost;
    uint32_t max_items, depth; /* depth: of the stack */
};

/* Runs `insns` to their end; the value at place 0. */
struct expr_value expr_execute(struct expr_frame *f, const struct expr_insn *insns);

static inline struct expr_run *expr_at(struct expr_frame *f, const struct expr_insn *i)
{
    f->run.offset = i->offset;
    return &f->run;
}

/* eval.c: values, selection, calls. */
expr_op expr_op_end, expr_op_constant, expr_op_slot, expr_op_tap, expr_op_has_slot, expr_op_copy,
    expr_op_field, expr_op_has_field, expr_op_select, expr_op_has, expr_op_optional_select,
    expr_op_call, expr_op_dispatch, expr_op_matches, expr_op_equal_constant; /* n = 1: is not equal
                                                                              */
/* a && b, or with `deciding` true a || b, into `a`. */
void expr_combine(struct expr_run *r, struct expr_value *a, const struct expr_value *b,
                  bool deciding);
/* eval_make.c */
expr_op expr_op_list, expr_op_map, expr_op_message;
/* eval_logic.c: what does not want all its operands. */
expr_op expr_op_jump, expr_op_and_left, expr_op_or_left, expr_op_and, expr_op_or, expr_op_choose,
    expr_op_not_strictly_false, expr_op_optional_or, expr_op_optional_or_value;
/* eval_fold.c. A fold at place p: p the range, p + 1 the accumulator, p + 2 the position, p + 3 and
 * p + 4 its variables. */
enum { EXPR_FOLD_ACCU = 1, EXPR_FOLD_POSITION, EXPR_FOLD_VAR, EXPR_FOLD_VAR2, EXPR_FOLD_PLACES };
expr_op expr_op_fold_start, expr_op_fold_next, expr_op_fold_next2, expr_op_fold_again,
    expr_op_fold_while, expr_op_fold_until, expr_op_fold_and, expr_op_fold_or, expr_op_fold_choose,
    expr_op_append, expr_op_insert;
