/* From the command line to a snapshot: configuration, schema, plan, router. Used at start, on HUP
 * and by --check. */
#pragma once

#include "gateway/config.h"
#include "gateway/core/snapshot.h"
#include "gateway/options.h"

/* Printed by protoc-gen-postern into a dedicated gateway; absent in the dynamic one. */
extern const struct tc_schema *const postern_builtin_schema __attribute__((weak));

/* A snapshot with one reference, or NULL: then `faults` (whose arena is the caller's) says all that
 * is wrong. May take as long as server reflection takes. */
struct snapshot *load_snapshot(const struct options *o, uint32_t generation,
                               struct tc_faults *faults);
