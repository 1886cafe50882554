/* What path variables and query parameters set in a request message (google.api.http).
 *
 *     struct tc_binding b;
 *     tc_binding_init(&b, &arena, route->input, &error);
 *     tc_bind_path(&b, &variable->path, value);        // value percent-decoded
 *     tc_bind_query(&b, query, &options);              // the raw query: "a=1&b.c=x%20y"
 *     tc_binding_write(&b, &out);                      // as protobuf, lengths exact
 *     spec.bound = b.root;                             // the body may not change them
 *     tc_binding_release(&b);
 *
 * Text becomes a value by the rules of the JSON mapping without the quotes: numbers, true/false,
 * enum names or numbers, base64 in either alphabet, wrappers, Timestamp, Duration, FieldMask.
 * Repeated fields take repeated keys; nested fields `a.b`; maps `m[key]`. Names: the .proto name or
 * the JSON name. Setting two members of a oneof, a singular field or a key of a map twice is
 * TC_INVALID; so is a parameter that gives another value to what the path has bound. A default
 * value without explicit presence is bound but not written.
 *
 * Nodes are the arena's, their encodings are freed by tc_binding_release; `value` is copied. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/buf.h"
#include "transcoder/error.h"
#include "transcoder/schema.h"

/* A path of fields from a request message down to a leaf: {model, name} for `model.name`. */
struct tc_field_path {
    const struct tc_field *const *fields;
    uint16_t n;
};

/* One node of the tree of bound fields. A leaf carries its encoding, an inner node its children. */
struct tc_bound {
    const struct tc_field *field;
    struct tc_bound *next;  /* sibling */
    struct tc_bound *child; /* set in a nested message; NULL for a leaf */
    struct buf wire;        /* leaf: complete fields (key and value); empty for a default value */
    bool from_path;         /* leaf: else from the query or a form */
    bool repeated;          /* leaf from the path: query or form say the same */
};

struct tc_binding {
    struct arena *arena;
    const struct tc_schema *schema;
    const struct tc_message *message;
    struct tc_error *error;
    uint8_t enum_names;    /* how enum values may be spelled (enum_name.h): the caller's to set */
    struct tc_bound *root; /* first top-level node, NULL when nothing is bound */
};

struct tc_query_options {
    /* Field that the body fills (google.api.http `body: "field"`): a parameter for it is unknown.
     * NULL when there is none. */
    const struct tc_field *body_field;
    bool ignore_unknown; /* unknown parameters are skipped instead of refused */
    bool no_fields;      /* body: "*" takes every field: any parameter is unknown */
    uint32_t max_depth;  /* of a.b.c; 0 means 32 */
    size_t offset;       /* of the query in the request target, for errors */
};

void tc_binding_init(struct tc_binding *b, struct arena *arena, const struct tc_message *message,
                     struct tc_error *error);
/* Frees what the leaves hold. Fine on a zeroed binding. */
void tc_binding_release(struct tc_binding *b);
/* Errors: TC_INVALID with the field path and a sentence that names the parameter, TC_NOMEM. */
enum tc_status tc_bind_path(struct tc_binding *b, const struct tc_field_path *path,
                            struct str value);
enum tc_status tc_bind_query(struct tc_binding *b, struct str query,
                             const struct tc_query_options *options);
/* Appends the bound fields to `out`. TC_LIMIT or TC_NOMEM when they do not fit. */
enum tc_status tc_binding_write(const struct tc_binding *b, struct buf *out);

/* Appends to `out` the contents of a FieldMask: the path of each leaf below `first` that not the
 * path alone has bound, relative to the message whose level that is. TC_LIMIT, with the error
 * noted, or TC_NOMEM when it does not fit. */
enum tc_status tc_binding_mask(const struct tc_binding *b, const struct tc_bound *first,
                               struct buf *out);

/* A singular message with fields of its own in JSON: `a` in a.b may be one. */
bool tc_bind_may_enter(const struct tc_field *f);

/* Resolves "a.b.c" (or camelCase) against `m`; every part but the last must be a singular message.
 * False with *n_ok = number of parts that were resolved, so that the caller can say which one is
 * unknown. Fields come from the arena. */
bool tc_field_path_resolve(const struct tc_message *m, struct str text, struct arena *arena,
                           struct tc_field_path *out, size_t *n_ok);

/* Percent-decoding, once. `plus_is_space` for query strings. Returns false on "%zz", a cut escape
 * or bytes that are not UTF-8. With `keep_slash` "%2F" stays as it is (multi-segment variables,
 * google.api.http). `out` is the arena's or `in` itself when nothing had to change. */
enum tc_decode_mode { TC_DECODE_SEGMENT, TC_DECODE_MULTI_SEGMENT, TC_DECODE_QUERY };
bool tc_percent_decode(struct str in, enum tc_decode_mode mode, struct arena *arena,
                       struct str *out);
