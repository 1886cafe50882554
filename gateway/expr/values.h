/* What the evaluator and the function tables do with values. See run.h for memory and errors: what
 * returns a struct expr_value may return EXPR_ERROR. */
#pragma once

#include "gateway/expr/run.h"

/* value.c: equality and order. */

/* cel-spec "Equality": numbers across int, uint and double, NaN equal to nothing, lists and maps by
 * elements, messages by fields, different types never. False: the comparison failed, *error says
 * why. */
bool expr_equal(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                bool *equal, struct expr_value *error);
enum expr_order { EXPR_LESS = -1, EXPR_SAME, EXPR_MORE, EXPR_UNORDERED /* NaN */ };
/* False: values of these kinds have no order. Numbers across int, uint and double. */
bool expr_compare(const struct expr_value *a, const struct expr_value *b, enum expr_order *order);
/* value_number.c: *i is the int that `v`, a number, is exactly; for keys and indices. */
bool expr_whole(const struct expr_value *v, int64_t *i);
/* Two numbers that are the same without any rounding: for keys. */
bool expr_same_number(const struct expr_value *a, const struct expr_value *b);
enum expr_order expr_compare_numbers(const struct expr_value *a, const struct expr_value *b);
static inline bool expr_is_number(const struct expr_value *v)
{
    return v->kind == EXPR_INT || v->kind == EXPR_UINT || v->kind == EXPR_DOUBLE;
}

/* value_list.c */

/* The list of `n` items that stay where they are. */
struct expr_value expr_list_of(struct expr_run *r, const struct expr_value *items, uint32_t n);
/* The elements side by side, decoded if they were not; NULL: *error says why. */
const struct expr_value *expr_list_items(struct expr_run *r, const struct expr_value *list,
                                         uint32_t *n, struct expr_value *error);
static inline uint32_t expr_list_size(const struct expr_value *v)
{
    return v->list->size(v->list);
}
static inline struct expr_value expr_list_at(struct expr_run *r, const struct expr_value *v,
                                             uint32_t i)
{
    return v->list->at(v->list, r, i);
}

/* value_map.c: the map of `n` pairs that stay where they are, with an index when they are many.
 * A key that stands twice is an error, or the last one wins (`n` may shrink then). */
enum expr_repeated { EXPR_REPEATED_FAILS, EXPR_REPEATED_WINS };
struct expr_value expr_map_of(struct expr_run *r, struct expr_pair *pairs, uint32_t n,
                              enum expr_repeated repeated);
/* An index for many pairs, in an arena: for constants. False: out of memory. */
bool expr_pairs_index(struct expr_pairs *m, struct arena *a);
/* The map with one more pair, in place where it can: for the accumulator of a fold alone. */
struct expr_value expr_map_insert(struct expr_run *r, const struct expr_value *map,
                                  const struct expr_value *key, const struct expr_value *value);
bool expr_is_key(const struct expr_value *v);
static inline uint32_t expr_map_size(const struct expr_value *v)
{
    return v->map->size(v->map);
}
bool expr_map_find(struct expr_run *r, const struct expr_value *map, const struct expr_value *key,
                   struct expr_value *out);

/* value_wire.c: from wire bytes. */

/* A whole message as the language sees it: Timestamp, wrappers, Struct, Any ... are what they mean.
 */
struct expr_value expr_from_message(struct expr_run *r, const struct tc_message *m,
                                    struct str bytes);
/* A value that was left undecoded in a map (a message with a meaning of its own). */
struct expr_value expr_settle(struct expr_run *r, struct expr_value v);
/* Field of a message: repeated ones are lists and maps, absent ones have their default. */
struct expr_value expr_field(struct expr_run *r, const struct expr_value *message,
                             const struct tc_field *f);
/* EXPR_BOOL, or EXPR_ERROR: what has() means for this field. */
struct expr_value expr_has_field(struct expr_run *r, const struct expr_value *message,
                                 const struct tc_field *f);
/* By the .proto's name alone, or the full name of an extension. NULL: none. */
const struct tc_field *expr_field_named(const struct tc_message *m, struct str name);

/* value_message.c: into wire bytes. `fields` and `values` side by side, `n` of them. */
struct expr_value expr_make_message(struct expr_run *r, const struct tc_message *m,
                                    const struct tc_field *const *fields,
                                    const struct expr_value *values, uint32_t n);
/* Equality of two messages of one type, field by field. As expr_equal. */
bool expr_equal_messages(struct expr_run *r, const struct expr_value *a, const struct expr_value *b,
                         bool *equal, struct expr_value *error);

/* value_select.c: what the run decides about. */
struct expr_value expr_select(struct expr_run *r, const struct expr_value *v, struct str name);
struct expr_value expr_has(struct expr_run *r, const struct expr_value *v, struct str name);
struct expr_value expr_index(struct expr_run *r, const struct expr_value *v,
                             const struct expr_value *key);
/* v.?name and v[?key]: an optional. */
struct expr_value expr_optional_select(struct expr_run *r, const struct expr_value *v,
                                       struct str name);
struct expr_value expr_optional_index(struct expr_run *r, const struct expr_value *v,
                                      const struct expr_value *key);
struct expr_value expr_optional_of(struct expr_run *r, struct expr_value v);
static inline struct expr_value expr_optional_none(void)
{
    return (struct expr_value){.kind = EXPR_OPTIONAL, .optional = NULL};
}
bool expr_is_zero(const struct expr_value *v);

/* value_type.c: the type of a value as a value, and its name ("int", "google.protobuf.Timestamp").
 */
struct expr_value expr_type_of(struct expr_run *r, const struct expr_value *v);
struct str expr_type_name(const struct expr_type *t);
