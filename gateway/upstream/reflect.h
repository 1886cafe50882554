/* The schema of a running server: grpc.reflection.v1, falling back to v1alpha. */
#pragma once

#include "gateway/core/plan.h"
#include "transcoder/schema_compile.h"

struct reflect_budget {
    uint32_t total_ms;
    uint32_t absent_ms; /* so long a server that cannot be reached is tried again; 0: never */
};

/* Asks the cluster for all its services and every file they need, on a loop of its own that ends
 * with the call: start and reload only, never on a worker. True: `set` holds a FileDescriptorSet.
 * False: a fault says what went wrong and what would help. Services of grpc.reflection itself are
 * left out. */
bool reflect_schema(const struct cluster_config *cluster, struct reflect_budget budget,
                    struct buf *set, struct tc_faults *faults);
