/* Between the parts of policy_compile. All memory is the arena's; want of it is noted once in
 * `no_memory` and ends the compilation at the next convenient place. */
#pragma once

#include "gateway/policy/policy_compile.h"
#include "gen/google/api/http.pb-c.h"
#include "gen/postern/v1/options.pb-c.h"
#include "transcoder/suggest.h"

/* Where an option or a part of the configuration stands. */
struct origin {
    struct str place;  /* "file.proto:12", "pkg.Svc/Rpc"; unused for the configuration */
    struct str prefix; /* configuration: "overrides[0].policy"; p == NULL: a .proto */
};

/* One Policy as it stands at one place; NULL in `policy`: none. */
struct layer {
    const Postern__V1__Policy *policy;
    struct origin origin;
    uint32_t timeout_ms, keepalive_ms;
    int32_t cluster;              /* of `upstream` */
    int32_t *branch_clusters;     /* of each route[i].to */
    struct str selector;          /* overrides only */
    bool matched;                 /* an override that no RPC matches is a mistake */
    const struct plan_auth *auth; /* NULL: it says nothing of it */
};

/* An expression's option that a fault was noted for. */
struct faulty {
    const struct faulty *next;
    const void *option;
};

struct compile {
    const struct policy_input *in;
    struct arena *arena;
    struct tc_faults *faults;
    bool no_memory;
    struct cluster_config *clusters;
    uint32_t nclusters, cluster_room;
    struct method_policy *policies;
    uint32_t npolicies;
    struct route *routes;
    uint32_t nroutes, route_room;
    struct layer *overrides;
    uint32_t noverrides;
    bool *http_used; /* config->http[i] has found its RPC */
    int32_t default_cluster;

    /* The method that is at work: its layers from far to close (file, service, its own, overrides).
     */
    const struct layer *const *layers;
    size_t nlayers;
    struct expr_env *env;
    const struct plan_env *envs; /* of all methods */
    struct plan_limit **limits;  /* each once, and the option that it was made of */
    const void **limit_options;
    uint32_t nlimits, limit_room;
    const struct faulty *faulty;

    struct auth_provider *providers;
    uint32_t nproviders;
    const struct str *concealed;
    uint32_t nconcealed;
    const struct expr_value *tables; /* those of the configuration */
    struct plan_identity identity;
    struct plan_probe *probe;
};

/* policy_compile */
/* Text of the arena; notes want of memory. For paths inside options and for sentences. */
#define TEXT(c, ...) policy_text(c, arena_printf((c)->arena, __VA_ARGS__))
struct str policy_text(struct compile *c, struct str text);
void *policy_array(struct compile *c, size_t n, size_t size);
/* Notes that `path` inside of `o` is wrong: FAULT(c, &origin, path, "what, and %s would be right",
 * x). */
#define FAULT(c, o, path, ...) policy_fault(c, o, path, arena_printf((c)->arena, __VA_ARGS__))
void policy_fault(struct compile *c, const struct origin *o, struct str path, struct str sentence);
/* "file.proto:12" of `path` inside of `o`. */
struct str policy_origin_place(struct compile *c, const struct origin *o, struct str path);
/* Of option `number`; without source info the name alone. */
struct origin policy_method_origin(struct compile *c, const struct tc_method *m, uint32_t number);
struct origin policy_service_origin(struct compile *c, const struct tc_service *s, uint32_t number);
struct origin policy_file_origin(struct compile *c, const struct tc_file *f);

/* policy_options: the option's message, checked and unpacked; NULL when there is none or it is at
 * fault. */
const Postern__V1__Policy *policy_options_policy(struct compile *c, const struct tc_options *o,
                                                 const struct origin *at);
const Google__Api__HttpRule *policy_options_http(struct compile *c, const struct tc_options *o,
                                                 const struct origin *at);

/* policy_layer: checks what can be checked without a method. */
void policy_layer_read(struct compile *c, struct layer *l, const Postern__V1__Policy *policy,
                       const struct origin *at);

/* policy_inherit: the policy of one method from its layers, the closest last. */
void policy_inherit(struct compile *c, struct method_policy *p, const struct tc_method *m,
                    const struct layer *const *layers, size_t n);

/* policy_branch: routes of the closest layer that has any, resolved against the method. */
void policy_branches_resolve(struct compile *c, struct method_policy *p, const struct layer *l);

/* policy_rules: what may be asked without a method, and allow and metadata of the method at work.
 */
void policy_rules_check(struct compile *c, const struct layer *l);
void policy_rules_compile(struct compile *c, struct method_policy *p);

/* policy_probe: the expression of policy_input.probe_expr, when the method at work is the one. */
void policy_probe_compile(struct compile *c, struct method_policy *p);
void policy_probe_check(struct compile *c);

/* policy_tables: `tables` and `identity` of the configuration. */
void policy_tables_read(struct compile *c);
void policy_identity_read(struct compile *c);
/* policy_limit: the limits of the method at work. policy_limit_stores: what the configuration says
 * of all of them. */
void policy_limits_compile(struct compile *c, struct method_policy *p);
void policy_limit_stores(struct compile *c, struct plan_limits *out);
void policy_redis(struct compile *c, struct plan_redis *out);
struct str policy_redis_prefix(const Postern__V1__Redis *r);
void policy_proxies(struct compile *c, struct proxies *out);

/* policy_http: all routes of a method. */
void policy_http_routes(struct compile *c, const struct method_policy *p);
void policy_http_check_selectors(struct compile *c);

/* policy_names */
/* A header's name as requests have it. */
struct str policy_lower(struct compile *c, const char *name);
/* Index of the cluster or endpoint `name`; PLAN_NO_CLUSTER when names are open; else the fault is
 * noted and nothing more needs to be said about who serves the call. */
enum { CLUSTER_AT_FAULT = PLAN_NO_CLUSTER - 1 };
int32_t policy_cluster_resolve(struct compile *c, const struct origin *at, struct str path,
                               const char *name);
/* "; did you mean \"x\"?" for the closest of what was offered, or "". */
struct str policy_suggest_text(struct compile *c, const struct tc_suggestion *s);
struct str policy_suggest_field(struct compile *c, const struct tc_message *m, struct str wrong);
/* "pkg.Service.Method", "pkg.Service.*", "pkg.*" or "*". */
bool policy_selector_matches(struct str selector, struct str full_name);
