/* The parts of the compiler: from the checked tree to instructions. */
#pragma once

#include "gateway/expr/ast.h"
#include "gateway/expr/code.h"

/* What a cost takes for granted of a string, or of a list that a function (not a fold) goes
 * through, when its size is not known. */
enum { EXPR_BYTES_ASSUMED = 1024, EXPR_ITEMS_ASSUMED = 64 };

/* cel.bind: a fold over nothing, whose accumulator is the name that is bound. */
static inline bool expr_is_bind(const struct expr_fold *f)
{
    return f->range->kind == EXPR_NODE_LIST && f->range->nentries == 0;
}

/* A fold whose variables the code being made may use. */
struct expr_scope {
    const struct expr_scope *outer;
    const struct expr_fold *fold;
    uint32_t at;                       /* place of the fold on the stack */
    bool bind;                         /* cel.bind of what stands for itself: reading it does too */
    const struct expr_value *constant; /* its value, or NULL: it fails, or takes too long */
};

struct expr_generator {
    const struct expr_target *target;
    struct expr_faults *faults;
    struct expr_insn *insns;
    uint32_t n, room;
    uint32_t depth;                 /* places of the stack that are needed */
    const struct expr_scope *scope; /* the innermost */
    uint64_t regex_weight;          /* of the patterns so far */
    bool folding;                   /* inside of what is going to be evaluated as a whole */
    uint64_t fold_steps;            /* left for evaluation at load, over the whole expression */
    uint32_t fold_values;           /* and values that may be kept of it */
    struct expr_bits {
        uint32_t *words;
        uint32_t n;                /* bits that there is room for */
    } slots, taps;                 /* that are read */
    const struct expr_node *worst; /* the innermost fold that alone costs too much */
    bool failed;                   /* out of memory, or a fault was noted */
};

/* Each makes the code that leaves the value of a node at place `at`, and returns its cost: steps in
 * the worst case, saturating. */
uint64_t expr_gen(struct expr_generator *g, const struct expr_node *n, uint32_t at);
uint64_t expr_gen_call(struct expr_generator *g, const struct expr_node *n, uint32_t at);
uint64_t expr_gen_fold(struct expr_generator *g, const struct expr_node *n, uint32_t at);
uint64_t expr_gen_list(struct expr_generator *g, const struct expr_node *n, uint32_t at);
uint64_t expr_gen_map(struct expr_generator *g, const struct expr_node *n, uint32_t at);
uint64_t expr_gen_struct(struct expr_generator *g, const struct expr_node *n, uint32_t at);
/* A select or identifier that is a tap, or false. */
bool expr_gen_tap(struct expr_generator *g, const struct expr_node *n, uint32_t at);

/* Appends an instruction at the place of `n` in the source; its index. After failure the memory is
 * one that nobody runs. */
uint32_t expr_emit(struct expr_generator *g, const struct expr_node *n, struct expr_insn i);
/* Makes the jump at index `from` lead to what comes next. */
void expr_land(struct expr_generator *g, uint32_t from);
void *expr_gen_alloc(struct expr_generator *g, size_t count, size_t size);
const struct str *expr_gen_name(struct expr_generator *g, struct str name);
void expr_gen_fault(struct expr_generator *g, const struct expr_node *n, struct str text);
/* Notes that a slot, or tap, is read. */
void expr_gen_reads(struct expr_generator *g, struct expr_bits *bits, uint32_t i);

/* compile_closed.c: marks the nodes that depend on nothing. */
void expr_mark_closed(struct expr_node *root);
/* compile_constant.c: evaluates what stands in the code from index `start` on and puts the constant
 * in its place. False: it fails, or takes too long, and stays as it is. */
bool expr_gen_fold_constant(struct expr_generator *g, const struct expr_node *n, uint32_t start,
                            uint32_t at);
/* The value of a closed node, kept in the arena, or NULL. */
const struct expr_value *expr_gen_constant(struct expr_generator *g, const struct expr_node *n,
                                           uint32_t at);

/* compile_cost.c: the most elements that a list or map can have; bounds of a program's cost. */
uint64_t expr_bound(const struct expr_generator *g, const struct expr_node *n);
uint64_t expr_cost_of(const struct expr_generator *g, const struct expr_node *call);
static inline uint64_t expr_cost_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
static inline uint64_t expr_cost_mul(uint64_t a, uint64_t b)
{
    return a && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}
