/* Between the parts of the checker. Each part annotates the node it is given, its type at least;
 * what is at fault gets expr_type_error, which fits everything, so that a mistake is reported once.
 * Recursion is as deep as the tree: EXPR_DEPTH_MAX. */
#pragma once

#include "gateway/expr/infer.h"
#include "gateway/expr/internal.h"

/* The variables of a fold, around what is being checked. */
struct expr_scope {
    const struct expr_scope *up;
    const struct expr_fold *fold;
    const struct expr_type *var, *var2, *accu;
    bool result; /* in the result the elements are gone */
};

struct expr_check {
    const struct expr_env *env;
    struct str source;
    struct arena *arena;
    struct expr_faults *faults;
    struct expr_infer infer;
    const struct expr_scope *scope;
};

/* check.c */
void expr_check_node(struct expr_check *c, struct expr_node *n);
/* NULL stands for want of memory. */
void expr_check_set(struct expr_check *c, struct expr_node *n, const struct expr_type *t);
/* Notes a fault at the node, or at a name inside it when that is a piece of the source; the node's
 * type becomes error. */
void expr_check_fault(struct expr_check *c, struct expr_node *n, struct str at, struct str text);
/* True when there are faults enough: this one is counted and needs no text. */
bool expr_check_enough(struct expr_check *c, struct expr_node *n);
/* The type of a node, known as far as it is, at its top. */
const struct expr_type *expr_check_type(struct expr_check *c, const struct expr_node *n);
/* As it is told to people. */
struct str expr_check_text(struct expr_check *c, const struct expr_type *t);

/* check_name.c */
/* Resolves an identifier, or a selection as a qualified name: "a.b.c". False: there is none. */
bool expr_check_name(struct expr_check *c, struct expr_node *n);
/* True, and at fault: a selection of what a group of variables, as caller.tier and caller.scopes,
 * does not have. */
bool expr_check_no_member(struct expr_check *c, struct expr_node *n);
void expr_check_ident(struct expr_check *c, struct expr_node *n);
/* The message type that is meant by `name`, tried in the container and outwards; NULL: none. */
const struct tc_message *expr_check_message(struct expr_check *c, struct str name);
/* Number `i` of the full names that `name` may stand for, innermost first; false: no more. Lives in
 * `buffer`. */
enum { EXPR_NAME_MAX = 512 };
bool expr_check_candidate(const struct expr_check *c, struct str name, uint32_t i, char *buffer,
                          struct str *full);
/* True when the leftmost name of a selection is a variable of a fold. */
bool expr_check_is_local(const struct expr_check *c, const struct expr_node *n);

/* check_select.c */
void expr_check_select(struct expr_check *c, struct expr_node *n);

/* check_call.c, check_call_text.c */
void expr_check_call(struct expr_check *c, struct expr_node *n);
/* Why none of the rows takes the operands of a call. */
void expr_check_no_overload(struct expr_check *c, struct expr_node *n,
                            const struct expr_overload *rows, uint32_t nrows);
void expr_check_no_function(struct expr_check *c, struct expr_node *n);

/* check_build.c */
void expr_check_list(struct expr_check *c, struct expr_node *n);
void expr_check_map(struct expr_check *c, struct expr_node *n);
void expr_check_struct(struct expr_check *c, struct expr_node *n);

/* check_fold.c */
void expr_check_fold(struct expr_check *c, struct expr_node *n);

/* check_done.c: types without variables; dyn refused where the environment says so. */
void expr_check_done(struct expr_check *c, struct expr_node *root);
