/* Routers for tests, from lines such as "GET /v1/{name}". Route i stands at "t.proto:i+1" and
 * belongs to the RPC "t.S.M". */
#pragma once

#include "gateway/policy/route.h"

struct table {
    struct arena arena;
    struct tc_faults faults;
    struct route *routes;  /* in the order of the lines */
    struct router *router; /* NULL: see faults */
};

/* Fails the test, printing the faults, when the routes do not stand together. */
struct table table_new(const char *const *lines, size_t n);
/* Router NULL instead; also when memory was short. */
struct table table_try(const char *const *lines, size_t n);
void table_release(struct table *t);
/* The values of a match, joined by "|". */
struct str table_values(const struct route_match *m, struct arena *a);
