/* Which endpoint gets the next call. A strategy is one file with one const vtable; its memory is
 * part of the cluster.
 *
 * `pick` returns a connection that can take a call now, or NULL when none can: endpoints that are
 * down, out of use or full are skipped. */
#pragma once

#include "gateway/upstream/pool.h"

struct balance_state {
    uint32_t next; /* round robin: index of the endpoint whose turn it is */
};

struct balance_strategy {
    const char *name;
    struct connection *(*pick)(struct balance_state *, struct pool *const *pools, uint32_t n);
};

extern const struct balance_strategy balance_round_robin;
