/* Between the two halves of binding: bind.c owns the tree, bind_query.c reads parameters. */
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
    bool from_path;
};

enum tc_status tc_bind_value(struct tc_binding *b, const struct bind_target *t, struct str value);

/* A singular message with fields of its own in JSON: `a` in a.b may be one. */
bool tc_bind_may_enter(const struct tc_field *f);

/* For "%.*s": the start of `s`, cut between two characters when it is too long to be shown. */
struct str tc_bind_show(struct str s);
