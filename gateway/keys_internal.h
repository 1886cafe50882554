/* Between the parts of `postern keys`: the command line (keys.c) and the places where keys stand
 * (keys_file.c, keys_redis.c). */
#pragma once

#include <stdio.h>

#include "gateway/core/json_value.h"
#include "transcoder/arena.h"

#define KEYS_SAY(...) fprintf(stdout, __VA_ARGS__)
#define KEYS_COMPLAIN(...) fprintf(stderr, "postern keys: " __VA_ARGS__)

enum { KEYS_DONE, KEYS_FAILED, KEYS_USAGE }; /* exit statuses */
enum { KEYS_VALUES_MAX = 64, KEYS_MEMBERS_MAX = 16 };

struct keys_command {
    struct arena arena;
    const char *file;                                      /* or: */
    const char *redis, *provider, *prefix, *password_file; /* NULL: not given */
    const char *id, *tenant, *tier, *expires, *note;
    const char *scopes[KEYS_VALUES_MAX], *roles[KEYS_VALUES_MAX];
    const char *limits[KEYS_VALUES_MAX]; /* "name=number" */
    uint32_t nscopes, nroles, nlimits;
};

/* A place where keys stand. All say themselves what has gone wrong. */
struct keys_store {
    /* A key whose id is not taken yet. */
    int (*add)(struct keys_command *c, const struct expr_value *key);
    int (*list)(struct keys_command *c, void (*show)(const struct expr_value *key));
    /* The key c->id. */
    int (*revoke)(struct keys_command *c);
};
extern const struct keys_store keys_file, keys_redis;

/* A key that is made here: an object of members. Its `map` is the value's. */
struct keys_object {
    struct expr_map map; /* first */
    struct expr_value keys[KEYS_MEMBERS_MAX], values[KEYS_MEMBERS_MAX];
    uint32_t n;
};

struct expr_value keys_object_begin(struct keys_object *o);
void keys_object_put(struct keys_object *o, const char *name, struct expr_value v);
/* A revoked copy of a key. It stays where it is: its id is not to be given to another. */
struct expr_value keys_object_revoked(struct keys_object *o, const struct expr_value *key);
