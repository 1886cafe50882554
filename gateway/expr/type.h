/* Static types of the expression language (cel-spec "Values" and "Gradual Type Checking").
 *
 * Types are immutable and compared by structure. The ones without parts are constants below; the
 * others live in the arena they were made in. Any thread may read them. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/schema.h"

enum expr_kind {
    EXPR_DYN, /* known at run time only: Value, Struct's members, Any, mixed lists */
    EXPR_NULL,
    EXPR_BOOL,
    EXPR_INT, /* enums too */
    EXPR_UINT,
    EXPR_DOUBLE,
    EXPR_STRING,
    EXPR_BYTES,
    EXPR_TIMESTAMP,
    EXPR_DURATION,
    EXPR_LIST,     /* of */
    EXPR_MAP,      /* key -> of */
    EXPR_MESSAGE,  /* message; never one of the well-known types that have a kind of their own */
    EXPR_TYPE,     /* of: the type denoted, or NULL */
    EXPR_OPTIONAL, /* optional_type(of) */
    EXPR_WRAPPER,  /* of (bool, int, uint, double, string, bytes) or null */
    EXPR_IP,
    EXPR_CIDR,
    EXPR_PARAM, /* a type parameter of a function, or a variable while the checker infers */
    EXPR_ERROR, /* run time only: a value that is an error. Checker: already reported */
    EXPR_KINDS,
};

struct expr_type {
    uint8_t kind;   /* enum expr_kind */
    uint32_t param; /* EXPR_PARAM: which */
    const struct expr_type *key, *of;
    const struct tc_message *message;
};

extern const struct expr_type expr_type_dyn, expr_type_null, expr_type_bool, expr_type_int,
    expr_type_uint, expr_type_double, expr_type_string, expr_type_bytes, expr_type_timestamp,
    expr_type_duration, expr_type_ip, expr_type_cidr, expr_type_error;

/* NULL: out of memory. `of` and `key` are kept, not copied. */
const struct expr_type *expr_type_list(struct arena *a, const struct expr_type *of);
const struct expr_type *expr_type_map(struct arena *a, const struct expr_type *key,
                                      const struct expr_type *of);
const struct expr_type *expr_type_optional(struct arena *a, const struct expr_type *of);
const struct expr_type *expr_type_type(struct arena *a, const struct expr_type *of);
/* Of bool, int, uint, double, string or bytes: a constant; NULL for other types. */
const struct expr_type *expr_type_wrapper(const struct expr_type *of);
/* Of a message as a whole: Timestamp, Duration, wrappers, Struct (map of string to dyn), Value
 * (dyn), ListValue (list of dyn) and Any (dyn) have their own meaning. */
const struct expr_type *expr_type_message(struct arena *a, const struct tc_message *m);
/* Of a field: lists and maps included. */
const struct expr_type *expr_type_field(struct arena *a, const struct tc_field *f);

bool expr_type_equal(const struct expr_type *a, const struct expr_type *b);
/* True when a value of this type may be of a kind that only the run decides, at any depth. */
bool expr_type_has_dyn(const struct expr_type *t);
/* "map(string, list(int))", "pkg.Message", "wrapper(int)", "optional_type(string)": for messages
 * and `explain`. p == NULL: out of memory. */
struct str expr_type_text(struct arena *a, const struct expr_type *t);
