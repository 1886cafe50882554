/* Functions and operators of the language: one row an overload. Every function is found here and
 * nowhere else: the checker reads the signatures, the evaluator calls `run`, `explain` prints them.
 *
 *     {"string.contains(string) -> bool", contains, EXPR_COST_BYTES},
 *     {"size(list<A>) -> int", size_list, EXPR_COST_ONE},
 *     {"_[_](map<A, B>, A) -> B", map_index, EXPR_COST_ONE},
 *     {"_[_](list<A>, double) -> A", list_index, EXPR_COST_ONE, EXPR_LATE},
 *     {"math/sign(int) -> int", sign_int, EXPR_COST_ONE},
 *
 * Signature: [receiver.]name(parameters) -> result. A dot always stands between a receiver's type
 * and a name; the dot of a name in a namespace is written as a slash: "math/sign" is called as
 * math.sign(x), and overload.name is "math.sign". Types: dyn null bool int uint double string bytes
 * timestamp duration ip cidr type type<A> list<A> map<A, B> optional<A>; capital letters from A to
 * H are type parameters. Of several rows that fit, the first decides.
 *
 * A row with run == NULL is executed by the evaluator itself, because it does not want all its
 * operands: _&&_ _||_ _?_:_ @not_strictly_false, or() and orValue() of optionals; and
 * matches, whose pattern is compiled at load.
 *
 * The parser's macros use rows that no user can write: cel.@mapInsert(map, key, value) and
 * cel.@mapInsert(map, map) for transformMap and transformMapEntry, list.@sortByAssociatedKeys(list)
 * for sortBy; math.greatest and math.least of three or more become one list.
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

enum expr_function_flag {
    EXPR_LATE = 1 << 0, /* only for operands whose type the run decides ([1, 2][dyn(0.0)]): never
                           matched by types that the checker knows */
};

struct expr_function {
    const char *signature;
    struct expr_value (*run)(struct expr_run *, const struct expr_value *args, uint32_t n);
    uint8_t cost;  /* enum expr_cost */
    uint8_t flags; /* enum expr_function_flag */
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
/* The same of a list of libraries that ends with NULL. */
bool expr_functions_of(struct expr_functions *f, const struct expr_library *const *list,
                       struct arena *a);
/* One row. False: the signature is at fault, or out of memory. */
bool expr_overload_parse(struct expr_overload *o, const struct expr_function *f, struct arena *a);
/* The rows of that name, `*n` of them, or NULL. */
const struct expr_overload *expr_functions_find(const struct expr_functions *f, struct str name,
                                                uint32_t *n);

extern const struct expr_library expr_lib_standard, expr_lib_time, expr_lib_strings, expr_lib_math,
    expr_lib_lists, expr_lib_optionals, expr_lib_encoders, expr_lib_network, expr_lib_sets,
    expr_lib_conversions;
