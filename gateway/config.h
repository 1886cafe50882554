/* The configuration: command line and YAML file -> postern.v1.Config, checked with lines.
 *
 * The YAML is read as JSON text of postern.v1.Config (plain scalars by YAML's core schema: unquoted
 * true, 12, 1.5 and null are what they look like, all else is a string; a string field takes a
 * number's text as well) and goes through the same encoder as a request body: unknown keys, wrong
 * types and duplicate keys are refused with file:line. Anchors are allowed within a bound. */
#pragma once

#include "gateway/bounds.h"
#include "gateway/core/plan.h"
#include "gen/postern/v1/config.pb-c.h"
#include "transcoder/schema_compile.h"

struct config_places; /* path of a value in the file -> its line */

struct config {
    Postern__V1__Config *message; /* never NULL; defaults filled where a field is absent */
    struct str name;              /* file name for places; "command line" without one */
    const struct config_places *places;
    struct bounds bounds;
    const struct cluster_config *clusters;
    uint32_t nclusters;
    uint32_t grace_ms;
    uint32_t workers; /* at least 1 */
};

/* Reads `path` (NULL: an empty configuration). All faults at once; NULL when there were any. Memory
 * is the arena's (the message too: unpacked with an allocator over the arena). File names in the
 * message are made relative to the working directory. What overrides and HTTP rules say is checked
 * against the schema, by policy_compile. */
struct config *config_load(const char *path, struct arena *arena, struct tc_faults *faults);
/* Same from memory, for tests and the command line. */
struct config *config_parse(struct str yaml, const char *name, struct arena *arena,
                            struct tc_faults *faults);
/* Line of "clusters[1].endpoints" in the file, names as in the .proto; of what it would stand in
 * when it is not there; 0 when nothing is known. Usable as policy_input.config_line. */
uint32_t config_line(const void *places, const char *path);
/* The effective configuration as JSON for /config. False when `out` is full. */
bool config_print(const struct config *c, struct buf *out);
