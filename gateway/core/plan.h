/* What is decided before the first request comes: routes, the policy of each method, clusters.
 * Plain rows that policy_compile and config make once per snapshot and that every stage only reads.
 */
#pragma once

#include "gateway/core/plan_auth.h"
#include "gateway/core/plan_expr.h"
#include "gateway/core/plan_limits.h"
#include "gateway/core/plan_redis.h"
#include "gateway/core/proxies.h"
#include "transcoder/bind.h"
#include "transcoder/decode.h"
#include "transcoder/enum_name.h"
#include "transcoder/indent.h"
#include "transcoder/schema.h"

enum { PLAN_NO_CLUSTER = -1 };

/* postern.v1.Route: where a call goes when its condition holds. Exactly one of header and field is
 * set. */
struct plan_branch {
    struct str header;          /* lower case; p == NULL when the subject is a field */
    struct tc_field_path field; /* into the request message; n == 0 when it is a header */
    struct str equals;          /* p == NULL: being present is enough */
    int32_t cluster;            /* index into plan.clusters */
};

/* postern.v1.Policy after inheritance, with every name resolved and every text parsed. */
struct method_policy {
    const struct tc_method *method;
    uint32_t index;  /* dense number of the method: row of the metrics */
    int32_t cluster; /* when no branch matches; PLAN_NO_CLUSTER is refused at load */
    const struct plan_branch *branches;
    uint16_t nbranches;
    bool idempotent;
    bool fill_update_mask; /* of a PATCH, from the body's keys, when it is left empty */
    bool ignore_unknown_fields, ignore_unknown_query;
    bool ignore_unknown_enums, enums_in_any_case, short_enums;
    bool emit_defaults, enums_as_numbers, proto_names, int64_as_numbers;
    uint8_t indent;                           /* spaces a level; 0: one line */
    uint32_t timeout_ms;                      /* 0: none */
    uint32_t keepalive_ms;                    /* SSE comments; 0: none */
    uint64_t max_request, max_response;       /* bytes */
    const struct plan_attributes *attributes; /* NULL: the method has no expression */
    const struct plan_expr *allow;            /* all must hold */
    const struct plan_metadata *metadata;
    uint16_t nallow, nmetadata;
    const struct plan_auth *auth;           /* NULL: the method is open */
    const struct plan_method_limit *limits; /* those that need the head alone come first */
    uint8_t nlimits, nlimits_head;
};

/* How a route's requests may spell enum values: flags of transcoder/enum_name.h. */
static inline uint8_t method_policy_enum_names(const struct method_policy *p)
{
    return (uint8_t)((p->enums_in_any_case ? TC_ENUM_ANY_CASE : 0) |
                     (p->short_enums ? TC_ENUM_SHORT : 0));
}

/* A variable of a path template. */
struct route_variable {
    struct tc_field_path path;
    uint16_t first, last; /* segments it spans, last exclusive; counted from 0 */
    bool open_end;        /* ends with `**`: spans to the end of the path */
    bool multi; /* more than one segment is possible: "%2F" stays as it is (google.api.http) */
};

/* One google.api.http binding (additional_bindings count each), or the default POST
 * /pkg.Service/Method. */
struct route {
    const struct method_policy *policy;
    struct str verb;    /* "GET"; a custom kind as written; "*" matches every method */
    struct str pattern; /* the template as written, for logs and messages */
    const struct route_variable *variables;
    uint16_t nvariables;
    bool whole_body;             /* body: "*" */
    const struct tc_field *body; /* body: "field" */
    const struct tc_field *response_body;
    bool raw_body, raw_answer;   /* body, answer are a google.api.HttpBody: bytes as they are */
    const struct tc_field *mask; /* FieldMask that is filled from the body's keys; NULL: none */
    bool takes_form;  /* the body may be multipart/form-data: its message has a place for files */
    struct str place; /* of the rule, for messages: "file.proto:12" */
};

enum cluster_transport { CLUSTER_HTTP2, CLUSTER_GRPC_CORE };

struct cluster_config {
    struct str name;             /* as in the config, or the endpoint itself */
    const struct str *endpoints; /* "host:port", "[v6]:port", "unix:/path" */
    uint32_t nendpoints;
    struct str target;    /* of gRPC core; empty when endpoints are given */
    struct str authority; /* empty: the endpoint */
    enum cluster_transport transport;
    uint32_t connect_timeout_ms, keepalive_interval_ms, keepalive_timeout_ms;
    uint32_t max_connections, max_pending;
    uint32_t max_streams; /* bounds.streams */
};

/* NUL-terminated strings are allowed where a library needs them: every slice of a cluster_config
 * has a NUL behind it. */

struct plan {
    const struct plan_env *envs;
    const struct tc_schema *schema;
    const struct method_policy *policies;
    uint32_t npolicies;
    const struct route *routes;
    uint32_t nroutes;
    const struct cluster_config *clusters;
    uint32_t nclusters;
    struct auth_provider *providers;
    uint32_t nproviders;
    const struct str *concealed; /* query parameters that carry credentials: never logged */
    uint32_t nconcealed;
    struct plan_hidden hidden; /* from methods without auth */
    struct plan_identity identity;
    const struct plan_probe *probe; /* NULL: none was asked for */
    struct plan_limits limits;
    struct plan_redis redis;
    struct proxies proxies; /* whose X-Forwarded-For is believed */
};

/* Before its arena is released. NULL is fine. */
void plan_release(const struct plan *plan);

/* A cluster of one endpoint with the defaults of postern.v1.Cluster. Points to `endpoint`, which
 * must stay. */
struct cluster_config cluster_config_of_endpoint(const struct str *endpoint);

/* A copy that owns everything it points to, in one piece of memory: give it to free(). NULL: out of
 * memory. */
struct cluster_config *cluster_config_copy(const struct cluster_config *config);
