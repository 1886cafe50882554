/* Between the parts of binding: bind.c owns the tree, bind_query.c reads parameters, form.c parts.
 */
#pragma once

#include "transcoder/bind.h"

enum { BIND_DEPTH_MAX = 100, BIND_DEPTH_DEFAULT = 32 };

/* What one path variable or query parameter speaks of. */
struct bind_target {
    const struct tc_field *const *fields; /* from the request message down to the leaf */
    size_t n;
    struct str key;   /* m[key]; p == NULL when there is none */
    const char *what; /* "path variable", "query parameter" */
    struct str name;  /* as the client or the template wrote it, decoded */
    size_t offset;    /* where it stands, or TC_NO_OFFSET */
    bool in_target;   /* as in tc_error */
    bool from_path;
    bool raw; /* a value of bytes stands as it is, not in base64 */
};

/* The bytes field that one value for `f` ends in: `f` itself, the value of its map, what its
 * BytesValue wraps. NULL: none. */
const struct tc_field *tc_bind_bytes_of(const struct tc_field *f);
enum tc_status tc_bind_value(struct tc_binding *b, const struct bind_target *t, struct str value);
/* For bytes that need no reading, the leaf being bytes or an HttpBody and no map: the caller
 * appends one whole field to *wire, whose ceiling is then its own concern. */
enum tc_status tc_bind_raw(struct tc_binding *b, const struct bind_target *t, struct buf **wire);

/* The name of a parameter while it is read, from left to right. */
struct bind_name {
    struct str name, rest; /* decoded; what of it is not read yet */
    const struct tc_field *fields[BIND_DEPTH_MAX];
    size_t n;
    struct str key;
    bool too_deep; /* it has more names than are read */
};

/* Finds the fields, from those of `m` on, that p->rest speaks of, behind the p->n that are there.
 * False: there is no such field. */
bool tc_bind_resolve(struct bind_name *p, const struct tc_message *m, size_t max_depth);
/* Notes that the parameter `t` names no field; `why` goes on behind the name. */
enum tc_status tc_bind_unknown(struct tc_binding *b, const struct bind_target *t, const char *why,
                               struct str detail);

enum tc_status tc_bind_too_deep(struct tc_binding *b, const struct bind_target *t,
                                size_t max_depth);

/* For "%.*s": the start of `s`, cut between two characters when it is too long to be shown. */
struct str tc_bind_show(struct str s);
