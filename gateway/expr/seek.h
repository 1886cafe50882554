/* Fields sought in a message's wire bytes, all in one walk: what selection (one field) and taps
 * (those of a method's programs) stand on. */
#pragma once

#include "gateway/expr/values.h"
#include "transcoder/wire.h"

/* One field that is sought, and what has been seen of it. */
struct expr_seek {
    const struct tc_field *field;
    struct tc_wire_field last;
    struct str from; /* from its first occurrence to the end of the message */
    size_t bytes;    /* of all occurrences */
    uint32_t pieces; /* occurrences; 0 also when another member of its oneof came later */
};

/* Walks the message once. False: malformed. */
bool expr_seek_all(const struct tc_message *m, struct str message, struct expr_seek *s, uint32_t n);
/* The field's value (as expr_field), and whether it is there (as expr_has_field). */
struct expr_value expr_seek_value(struct expr_run *r, const struct expr_seek *s);
bool expr_seek_has(const struct expr_seek *s);
/* The wire bytes of a singular message field, its pieces merged; false: no memory. */
bool expr_seek_message(struct expr_run *r, const struct expr_seek *s, struct str *bytes);

struct expr_value expr_malformed(struct expr_run *r, const struct tc_message *m);
/* value_scalar.c: one value of a field that is no message, and its default. */
struct expr_value expr_scalar(struct expr_run *r, const struct tc_field *f,
                              const struct tc_wire_field *w);
struct expr_value expr_default(struct expr_run *r, const struct tc_field *f);
/* A number that a closed enum does not know is an unknown field. */
bool expr_wire_takes(const struct tc_field *f, const struct tc_wire_field *w);
/* value_repeated.c: the list, or map, of the occurrences in `bytes`. */
struct expr_value expr_wire_list(struct expr_run *r, const struct tc_field *f, struct str bytes);
struct expr_value expr_wire_map(struct expr_run *r, const struct tc_field *f, struct str bytes);
