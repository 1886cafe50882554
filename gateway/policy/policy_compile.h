/* Options of the .proto and overrides of the configuration -> plan: every http rule and every
 * postern.v1 option of every method resolved against the descriptors and checked, all faults
 * reported at once with place, what is wrong and what would be right.
 *
 * Used by the gateway at start and on reload, by `--check`, and by protoc-gen-postern (which knows
 * no config: names of clusters are then left open). */
#pragma once

#include "gateway/core/plan.h"
#include "gateway/core/text_values.h"
#include "gateway/policy/route.h"
#include "gen/postern/v1/config.pb-c.h"
#include "transcoder/schema_compile.h"

enum {
    OPTION_HTTP = 72295728,            /* (google.api.http) */
    OPTION_POSTERN = 51901,            /* (postern.v1.file), (.service), (.method) */
    POLICY_TIMEOUT_DEFAULT_MS = 60000, /* unary calls; streams have none */
    POLICY_KEEPALIVE_DEFAULT_MS = 15000,
};

struct policy_input {
    const struct tc_schema *schema;
    const Postern__V1__Config *config; /* NULL: none */
    struct str config_name;            /* "postern.yaml", for places */
    /* Line of a path like "overrides[2].policy.timeout" in the config file; 0 when not known. May
     * be NULL. */
    uint32_t (*config_line)(const void *config_places, const char *path);
    const void *config_places;
    const struct cluster_config *clusters; /* those of the config; endpoints named directly
                                              ("host:port") are added */
    uint32_t nclusters;
    const char *default_upstream; /* --upstream or Config.upstream; NULL: none */
    bool names_open; /* codegen: unknown clusters and a missing upstream are no faults */
    const char *probe_expr, *probe_method; /* compiled into plan.probe; NULL: nothing is asked */
    uint64_t max_request, max_response;    /* ceilings of the bounds; 0: not known */
    uint32_t max_streams; /* bounds.streams, for endpoints named directly; 0: 100 */
};

/* NULL when faults were noted (routes that take the same requests included) or memory is short.
 * Memory is the arena's, but for what plan_release gives back; the schema must outlive the plan.
 * Services of the well-known infrastructure (grpc.reflection, grpc.health) are served like any
 * other when they are in the set.
 */
struct plan *policy_compile(const struct policy_input *in, struct arena *arena,
                            struct tc_faults *faults);
