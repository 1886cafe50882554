#include "gateway/policy/policy_auth.h"

/* File, service, method, overrides: each field is taken from the closest layer that sets it. */

static void defaults(struct compile *c, struct method_policy *p, const struct tc_method *m)
{
    bool stream = m->client_streaming || m->server_streaming;

    p->method = m;
    p->cluster = c->default_cluster;
    p->timeout_ms = stream ? 0 : POLICY_TIMEOUT_DEFAULT_MS;
    p->keepalive_ms = POLICY_KEEPALIVE_DEFAULT_MS;
    p->max_request = c->in->max_request;
    p->max_response = c->in->max_response;
    p->fill_update_mask = true;
}

#define TAKE(to, from, field)    \
    if ((from)->_##field##_case) \
    (to)->field = (from)->field != 0

static void apply_json(struct method_policy *p, const Postern__V1__Json *json)
{
    TAKE(p, json, ignore_unknown_fields);
    TAKE(p, json, ignore_unknown_query);
    TAKE(p, json, emit_defaults);
    TAKE(p, json, enums_as_numbers);
    TAKE(p, json, proto_names);
    TAKE(p, json, int64_as_numbers);
    TAKE(p, json, ignore_unknown_enums);
    TAKE(p, json, enums_in_any_case);
    TAKE(p, json, short_enums);
    if (json->_indent_case)
        p->indent = (uint8_t)json->indent;
}

static void apply(struct method_policy *p, const struct layer *l)
{
    const Postern__V1__Policy *policy = l->policy;

    if (policy->_upstream_case)
        p->cluster = l->cluster;
    if (policy->_timeout_case)
        p->timeout_ms = l->timeout_ms;
    if (policy->_max_request_bytes_case)
        p->max_request = policy->max_request_bytes;
    if (policy->_max_response_bytes_case)
        p->max_response = policy->max_response_bytes;
    if (policy->stream && policy->stream->_keepalive_case)
        p->keepalive_ms = l->keepalive_ms;
    TAKE(p, policy, idempotent);
    TAKE(p, policy, fill_update_mask);
    if (policy->json)
        apply_json(p, policy->json);
}

void policy_inherit(struct compile *c, struct method_policy *p, const struct tc_method *m,
                    const struct layer *const *layers, size_t n)
{
    const struct layer *routes = NULL;

    defaults(c, p, m);
    for (size_t i = 0; i < n; i++) {
        if (!layers[i]->policy)
            continue;
        apply(p, layers[i]);
        if (layers[i]->policy->n_route)
            routes = layers[i];
    }
    if (routes)
        policy_branches_resolve(c, p, routes);
    c->layers = layers;
    c->nlayers = n;
    policy_rules_compile(c, p);
    policy_auth_resolve(c, p);
    policy_limits_compile(c, p);
    policy_probe_compile(c, p);
}
