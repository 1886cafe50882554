/* Between the parts of explain: explain.c the route and the bodies, explain_bound.c what path and
 * query set, explain_policy.c the policies, explain_near.c what would have matched. */
#pragma once

#include "gateway/explain.h"
#include "gateway/policy/route.h"

struct explanation {
    const struct snapshot *s;
    struct arena *arena;
    struct buf *out;
    const struct route *route; /* NULL: none matches */
};

/* One line: EXPLAIN(e, "timeout", "%us", n). */
#define EXPLAIN(e, what, ...) explain_line(e, what, arena_printf((e)->arena, __VA_ARGS__))
void explain_line(const struct explanation *e, const char *what, struct str text);

void explain_bound(const struct explanation *e, const struct tc_bound *root);
void explain_policies(const struct explanation *e);
/* explain_auth.c: who may call and on what conditions; what the upstream is told. */
void explain_auth(const struct explanation *e, const struct method_policy *p);
void explain_metadata(const struct explanation *e, const struct method_policy *p);
/* The routes that are most like `path`. */
void explain_near(const struct explanation *e, struct str method, struct str path);
