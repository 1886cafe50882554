/* Functions and operators of the language: one row an overload. Every function is found here and
 * nowhere else: the checker reads the signatures, the evaluator calls `run`, `explain` prints them.
 *
 *     {"string.contains(string) -> bool", contains, EXPR_COST_BYTES},
 *     {"size(list<A>) -> int", size_list, EXPR_COST_ONE},
 *     {"_[_](map<A, B>, A) -> B", map_index, EXPR_COST_ONE},
 *
 * Signature: [receiver.]name(parameters) -> result. Types: dyn null bool int uint double string
 * bytes timestamp duration ip cidr type<A> list<A> map<A, B> optional<A>; capital letters are type
 * parameters. A row with run == NULL is executed by the evaluator itself, because it does not want
 * all its operands:
 * _&&_ _||_ _?_:_ @not_strictly_false, and what has lazy operands of optionals.
 * Libraries of rows: lib_*.c; the one list of libraries is in function.c. */
#pragma once

#include "gateway/expr/type.h"
#include "gateway/expr/value.h"

struct expr_run; /* one evaluation: scratch memory, steps, place of errors; run.h */

enum expr_cost {
    EXPR_COST_ONE,   /* constant */
    EXPR_COST_BYTES, /* by the bytes of its string and bytes operands */
    EXPR_COST_ITEMS, /* by the elements of its list and map operands */
};

struct expr_function {
    const char *signature;
    struct expr_value (*run)(struct expr_run *, const struct expr_value *args, uint32_t n);
    uint8_t cost; /* enum expr_cost */
    bool inexact; /* not folded at load: depends on more than its operands. None today but kept
                     honest */
};

struct expr_library {
    const char *name;
    const struct expr_function *functions;
    uint32_t n;
};

/* A row, parsed. The receiver of a method is params[0]. */
struct expr_overload {
    struct str name;
    const struct expr_function *function;
    const struct expr_type *const *params;
    const struct expr_type *result;
    uint32_t nparams, ntype_params;
    bool method; /* called as receiver.name(...) */
};

/* All overloads of the language, sorted by name, in the arena of an environment. */
struct expr_functions {
    const struct expr_overload *rows;
    uint32_t n;
};

/* False: out of memory. A row that cannot be parsed is a fault of ours: a unit test parses all. */
bool expr_functions_init(struct expr_functions *f, struct arena *a);
/* The rows of that name, `*n` of them, or NULL. */
const struct expr_overload *expr_functions_find(const struct expr_functions *f, struct str name,
                                                uint32_t *n);

extern const struct expr_library expr_lib_standard, expr_lib_time, expr_lib_strings, expr_lib_math,
    expr_lib_lists, expr_lib_optionals, expr_lib_encoders, expr_lib_network;
