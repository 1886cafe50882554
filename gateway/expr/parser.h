/* Between the parts of the parser: expressions (parser.c), what stands between operators
 * (parser_primary.c), and macros (macro.c, macro_fold.c), which rewrite a call when it has been
 * read. The first fault of the grammar ends the parse: `failed`, and NULL all the way up. Faults
 * of literals and macros are noted and the parse goes on. */
#pragma once

#include "gateway/expr/internal.h"
#include "gateway/expr/lexer.h"

struct expr_parser {
    struct arena *arena;
    struct expr_faults *faults;
    struct expr_lexer lexer;
    struct expr_token token; /* the next one, not yet taken */
    uint32_t end;            /* of the last one taken */
    uint32_t depth;          /* of brackets */
    uint32_t nodes;          /* made so far */
    bool failed;
};

/* parser.c */
struct expr_node *expr_parse_expression(struct expr_parser *p);
struct expr_node *expr_parse_unary(struct expr_parser *p);
/* Takes the next token off. */
void expr_parse_advance(struct expr_parser *p);
/* True, and taken, when the next token is of this kind. */
bool expr_parse_take(struct expr_parser *p, int kind);
/* The same; else a fault that says what was expected. */
bool expr_parse_expect(struct expr_parser *p, int kind, const char *what);
/* The fault of the grammar at the next token: "expected `what`, found ...". Returns NULL. */
struct expr_node *expr_parse_unexpected(struct expr_parser *p, const char *what);
/* A fault at [offset, end) that ends the parse. Returns NULL. */
struct expr_node *expr_parse_fail(struct expr_parser *p, uint32_t offset, uint32_t end,
                                  struct str text);

/* parser_primary.c: `minus`, if any, stands before the number that comes next and belongs to it. */
struct expr_node *expr_parse_member(struct expr_parser *p, const struct expr_token *minus);

/* parser_node.c: nodes are made here. NULL: out of memory, too deep, too many, or NULL was given as
 * a part; `failed` is then set. */
struct expr_node *expr_node_new(struct expr_parser *p, enum expr_node_kind kind, uint32_t offset,
                                uint32_t end);
/* The last word about a node: sets its height, refuses what is nested too deep. */
struct expr_node *expr_node_done(struct expr_parser *p, struct expr_node *n);
/* Of one, two or three operands: as many as are not NULL at the end of `args`. The span is that of
 * the operands. */
struct expr_node *expr_node_call(struct expr_parser *p, const char *function, uint32_t nargs,
                                 struct expr_node *const *args);
/* A call that a macro makes, with the span of `at`. Operands that are missing: NULL. */
struct expr_node *expr_node_made(struct expr_parser *p, const struct expr_node *at,
                                 const char *function, struct expr_node *a, struct expr_node *b);
struct expr_node *expr_node_ident(struct expr_parser *p, const struct expr_node *at,
                                  struct str name);
struct expr_node *expr_node_literal(struct expr_parser *p, const struct expr_node *at,
                                    struct expr_value v);
/* [of], or [] when it is NULL. */
struct expr_node *expr_node_list(struct expr_parser *p, const struct expr_node *at,
                                 struct expr_node *of);

/* macro.c: a call that has been read, or what it stands for. NULL: failed. */
struct expr_node *expr_macro(struct expr_parser *p, struct expr_node *call);
/* A fault of a macro at `at`; the call stays as it is and is returned. */
struct expr_node *expr_macro_fault(struct expr_parser *p, struct expr_node *call,
                                   const struct expr_node *at, struct str text);

/* macro_fold.c: the macros of folds, given a call with as many operands as they take. */
struct expr_node *expr_macro_all(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_exists(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_exists_one(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_filter(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_map(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_transform_list(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_transform_map(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_transform_map_entry(struct expr_parser *p, struct expr_node *call);
struct expr_node *expr_macro_bind(struct expr_parser *p, struct expr_node *call);
/* `body` with `var` standing for `value`; the parts of cel.bind. */
struct expr_node *expr_node_bind(struct expr_parser *p, const struct expr_node *at, struct str var,
                                 struct expr_node *value, struct expr_node *body);
/* The name that `n` introduces; false: it is no simple name, and the fault is noted. */
bool expr_macro_name(struct expr_parser *p, struct expr_node *call, const struct expr_node *n,
                     struct str *name);
