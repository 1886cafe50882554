/* Everything that was decided before the first request: schema, plan, router, configuration.
 * Immutable; each exchange holds the one it began with to its end, so a reload never mixes two in
 * one call. */
#pragma once

#include <stdatomic.h>

#include "gateway/bounds.h"
#include "gateway/core/plan.h"
#include "transcoder/arena.h"

struct router;
struct config;

struct snapshot {
    atomic_uint references;
    uint32_t generation; /* counts reloads, from 1 */
    struct arena arena;  /* holds all the rest */
    const struct plan *plan;
    const struct router *router;
    const struct config *config;
    struct bounds bounds;
    bool half_close_allowed;
    void (*on_free)(struct snapshot *); /* gives back what is not of the arena; NULL: nothing */
};

/* Any thread. The last release frees it. */
static inline struct snapshot *snapshot_hold(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}
void snapshot_release(struct snapshot *s);
