/* Values while an expression runs. Passed by value, 32 bytes. Strings, bytes, lists, maps and
 * messages point into the input (request bytes, headers, claims), the program (constants) or the
 * scratch memory of the evaluation, and are valid as long as these are.
 *
 * A message is its wire bytes and its type: nothing is decoded but the field that is asked for.
 * Where a singular message field stands several times on the wire its pieces are merged as protobuf
 * says. */
#pragma once

#include "gateway/expr/type.h"

struct expr_list;
struct expr_map;
struct expr_error;
struct expr_run; /* one evaluation; run.h */

struct expr_time { /* timestamp since 1970-01-01T00:00:00Z, or duration; 0 <= |nanos| < 1e9, a
                      duration's parts have one sign */
    int64_t seconds;
    int32_t nanos;
};

struct expr_ip {
    uint8_t bytes[16];
};

struct expr_value {
    uint8_t kind; /* enum expr_kind; never PARAM or WRAPPER: a wrapper is its value or null. ABSENT
                     below */
    uint8_t prefix; /* EXPR_CIDR */
    bool v4;        /* EXPR_IP, EXPR_CIDR */
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        struct str s; /* EXPR_STRING (UTF-8), EXPR_BYTES, EXPR_MESSAGE (wire bytes) */
        struct expr_time time;
        const struct expr_list *list;
        const struct expr_map *map;
        const struct expr_value *optional; /* NULL: none */
        const struct expr_type *type;      /* EXPR_TYPE */
        const struct expr_error *error;
        struct expr_ip ip;
    };
    const struct tc_message *message; /* EXPR_MESSAGE */
};

/* A slot that has no value in this call: a claim that the token lacks, `response` before there is
 * one. Using it is the error "no such attribute"; has(slot) is false. */
enum { EXPR_ABSENT = EXPR_KINDS };

/* Lists and maps have several forms (built by the expression, a repeated field on the wire, a
 * Struct, the gateway's own tables); the first member of each says how to read it. Cannot fail but
 * by an EXPR_ERROR value. `at` counts from 0 and is below size; the run lends its scratch to what
 * is decoded only now (members of a Struct). */
struct expr_list {
    uint32_t (*size)(const struct expr_list *);
    struct expr_value (*at)(const struct expr_list *, struct expr_run *, uint32_t i);
};
struct expr_map {
    uint32_t (*size)(const struct expr_map *);
    /* False: no such key. Keys are bool, int, uint or string; numbers match across int, uint,
     * double. */
    bool (*find)(const struct expr_map *, struct expr_run *, const struct expr_value *key,
                 struct expr_value *out);
    /* Key and value number i, in an order that does not change during an evaluation. */
    void (*at)(const struct expr_map *, struct expr_run *, uint32_t i, struct expr_value *key,
               struct expr_value *out);
};

/* Why an evaluation failed. `text` is for logs and `explain`, never for the client of the gateway.
 */
struct expr_error {
    enum expr_error_code {
        EXPR_FAIL_NO_ATTRIBUTE, /* absent slot */
        EXPR_FAIL_NO_SUCH_KEY,  /* map key, list index, field of a dyn */
        EXPR_FAIL_NO_OVERLOAD,  /* dyn of the wrong type */
        EXPR_FAIL_RANGE,        /* overflow, division by zero, conversion out of range */
        EXPR_FAIL_BAD_VALUE,    /* a text that is no timestamp, number, IP, UTF-8 ... */
        EXPR_FAIL_BUDGET,       /* steps, list bound or scratch memory are used up */
        EXPR_FAIL_MALFORMED,    /* wire bytes that make no sense */
    } code;
    struct str text;
    uint32_t offset; /* into the source */
};

static inline struct expr_value expr_bool(bool b)
{
    return (struct expr_value){.kind = EXPR_BOOL, .b = b};
}
static inline struct expr_value expr_int(int64_t i)
{
    return (struct expr_value){.kind = EXPR_INT, .i = i};
}
static inline struct expr_value expr_uint(uint64_t u)
{
    return (struct expr_value){.kind = EXPR_UINT, .u = u};
}
static inline struct expr_value expr_double(double d)
{
    return (struct expr_value){.kind = EXPR_DOUBLE, .d = d};
}
static inline struct expr_value expr_null(void)
{
    return (struct expr_value){.kind = EXPR_NULL};
}
static inline struct expr_value expr_string(struct str s)
{
    return (struct expr_value){.kind = EXPR_STRING, .s = s};
}
static inline struct expr_value expr_absent(void)
{
    return (struct expr_value){.kind = EXPR_ABSENT};
}

/* A list of n values that stay where they are: how the gateway hands in scopes and claims. */
struct expr_array {
    struct expr_list list; /* set by expr_array_init */
    const struct expr_value *items;
    uint32_t n;
};
struct expr_value expr_array_init(struct expr_array *a, const struct expr_value *items, uint32_t n);

/* The same for a map: n pairs, each key once. Searched one by one unless there is an index. */
struct expr_pair {
    struct expr_value key, value;
};
struct expr_pairs {
    struct expr_map map; /* set by expr_pairs_init */
    const struct expr_pair *items;
    uint32_t n, mask;
    const uint32_t *index; /* open addressing, linear probing: 0 free, else 1 + item; or NULL */
};
struct expr_value expr_pairs_init(struct expr_pairs *m, const struct expr_pair *items, uint32_t n);
