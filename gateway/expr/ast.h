/* The tree of one expression: what the parser makes, the checker annotates and the compiler reads.
 * Macros are already expanded (cel-spec "Macros"): `all`, `exists`, `exists_one`, `filter`, `map`
 * and their two-variable forms are EXPR_FOLD, `has(e.f)` is a SELECT that tests, `cel.bind` is a
 * FOLD over nothing: {range: [], accu: the variable, init: its value, condition: false, step: the
 * variable, result: the body}. Every path from the root is at most EXPR_DEPTH_MAX nodes long.
 * Nodes live in the arena of the compilation and die with it. */
#pragma once

#include "gateway/expr/type.h"
#include "gateway/expr/value.h"

struct expr_overload;

enum expr_node_kind {
    EXPR_NODE_LITERAL,
    EXPR_NODE_IDENT,
    EXPR_NODE_SELECT, /* operand.field, has(operand.field), operand.?field */
    EXPR_NODE_CALL, /* operators too, under cel-spec's names: "_&&_", "_?_:_", "_[_]", "@in", ... */
    EXPR_NODE_LIST,
    EXPR_NODE_MAP,
    EXPR_NODE_STRUCT, /* pkg.Message{field: value} */
    EXPR_NODE_FOLD,
};

/* An element of a list, an entry of a map, or a field of a message. */
struct expr_entry {
    struct expr_node *key; /* map only */
    struct expr_node *value;
    struct str field;            /* struct only */
    const struct tc_field *into; /* checker: the field */
    uint32_t offset;
    bool optional; /* "?": left out when the value is an empty optional */
};

/* cel-spec's comprehension: for each element of `range`, while `condition`, accu = step. The
 * variables are seen by condition and step, accu by result too; by range and init none. */
struct expr_fold {
    struct str var, var2; /* var2.p == NULL: one variable (element; key of a map) */
    struct str accu;      /* a name no user can write */
    struct expr_node *range, *init, *condition, *step, *result;
};

/* What an identifier, or a whole "a.b.c" that was declared under that name, has been resolved to.
 */
enum expr_ref { EXPR_REF_NONE, EXPR_REF_SLOT, EXPR_REF_LOCAL, EXPR_REF_CONSTANT };

struct expr_node {
    uint8_t kind;         /* enum expr_node_kind */
    uint8_t ref;          /* enum expr_ref; checker, for IDENT and qualified SELECT */
    bool test_only;       /* SELECT, and IDENT of a slot: has(...) */
    bool optional;        /* SELECT: ".?field" */
    bool closed;          /* compiler: reads no slot, and no local from outside: folded at load */
    uint16_t height;      /* nodes on the longest way down, this one included */
    uint32_t offset, end; /* bytes of the source: what an error points at */
    const struct expr_type *type; /* checker */
    struct str name;              /* IDENT, SELECT: field; CALL: function; STRUCT: type name */
    struct expr_node *operand;    /* SELECT; CALL: the receiver, or NULL */
    struct expr_node **args;      /* CALL */
    struct expr_entry *entries;   /* LIST, MAP, STRUCT */
    uint32_t nargs, nentries;
    struct expr_value constant; /* LITERAL, EXPR_REF_CONSTANT (enum values, names of types) */
    uint32_t slot; /* EXPR_REF_SLOT: of the environment; EXPR_REF_LOCAL: folds between here and
                      where the variable was declared */
    const struct tc_field *field;                 /* SELECT on a message */
    const struct tc_message *message;             /* STRUCT */
    const struct expr_overload *const *overloads; /* CALL: those that can apply; one when types are
                                                     known */
    uint32_t noverloads;
    struct expr_fold *fold;
};
