#include "gateway/policy/policy_auth.h"
#include "transcoder/mime.h"

/* What is wrong with a Policy whatever method it is applied to: said once, at its own place. */

enum { ROUTES_MAX = 256 };

static void read_duration(struct compile *c, const struct layer *l, const char *path,
                          const char *text, uint32_t *ms)
{
    if (duration_parse(str_c(text), ms))
        return;
    FAULT(c, &l->origin, str_c(path),
          "\"%s\" is no duration; write a number with one unit, as in \"250ms\", \"30s\", \"5m\" "
          "or \"2h\"",
          text);
}

static void check_size(struct compile *c, const struct layer *l, const char *path, uint64_t n,
                       uint64_t ceiling, const char *bound)
{
    if (n == 0)
        FAULT(c, &l->origin, str_c(path),
              "0 would refuse every message; leave it out to use the listener's ceiling");
    else if (ceiling && n > ceiling)
        FAULT(c, &l->origin, str_c(path),
              "%llu is above the ceiling of %llu; lower it or raise bounds.%s",
              (unsigned long long)n, (unsigned long long)ceiling, bound);
}

static bool same_subject(const Postern__V1__Route *a, const Postern__V1__Route *b)
{
    if (a->subject_case != b->subject_case)
        return false;
    if (a->subject_case == POSTERN__V1__ROUTE__SUBJECT_HEADER)
        return str_eq_nocase(str_c(a->header), str_c(b->header));
    return str_eq(str_c(a->field), str_c(b->field));
}

/* True when `early` takes every call that `late` would take. */
static bool covers(const Postern__V1__Route *early, const Postern__V1__Route *late)
{
    if (!same_subject(early, late))
        return false;
    if (!early->_equals_case)
        return true;
    return late->_equals_case && str_eq(str_c(early->equals), str_c(late->equals));
}

static void check_reachable(struct compile *c, const struct layer *l, size_t i)
{
    Postern__V1__Route *const *route = l->policy->route;

    for (size_t j = 0; j < i; j++) {
        if (!covers(route[j], route[i]))
            continue;
        FAULT(c, &l->origin, TEXT(c, "route[%zu]", i),
              "can never be reached: route[%zu] %s; the first match decides, so change the order "
              "or remove one",
              j,
              route[j]->_equals_case ? "has the same condition"
                                     : "takes every value of the same subject");
        return;
    }
}

static void check_subject(struct compile *c, const struct layer *l, size_t i)
{
    const Postern__V1__Route *r = l->policy->route[i];

    switch (r->subject_case) {
    case POSTERN__V1__ROUTE__SUBJECT_HEADER:
        if (!tc_mime_is_token(str_c(r->header)))
            FAULT(c, &l->origin, TEXT(c, "route[%zu].header", i), "\"%s\" is no header name",
                  r->header);
        break;
    case POSTERN__V1__ROUTE__SUBJECT_FIELD: break; /* against the method, when it is applied */
    default:
        FAULT(c, &l->origin, TEXT(c, "route[%zu]", i),
              "has no condition; write header: \"x-name\" or field: \"name\", or use `upstream` "
              "for calls that match no route");
    }
}

static void read_route(struct compile *c, const struct layer *l, size_t i)
{
    const Postern__V1__Route *r = l->policy->route[i];
    struct str to = TEXT(c, "route[%zu].to", i);

    check_subject(c, l, i);
    if (r->subject_case)
        check_reachable(c, l, i);
    if (!r->to[0])
        FAULT(c, &l->origin, to, "is missing; name the cluster or endpoint that serves the call");
    else
        l->branch_clusters[i] = policy_cluster_resolve(c, &l->origin, to, r->to);
}

static void read_routes(struct compile *c, struct layer *l)
{
    size_t n = l->policy->n_route;

    if (n > ROUTES_MAX) {
        FAULT(c, &l->origin, STR("route"), "has %zu entries, at most %d are allowed", n,
              ROUTES_MAX);
        return;
    }
    l->branch_clusters = policy_array(c, n, sizeof *l->branch_clusters);
    for (size_t i = 0; i < n && l->branch_clusters; i++)
        read_route(c, l, i);
}

void policy_layer_read(struct compile *c, struct layer *l, const Postern__V1__Policy *policy,
                       const struct origin *at)
{
    l->policy = policy;
    l->origin = *at;
    l->cluster = PLAN_NO_CLUSTER;
    if (!policy)
        return;
    if (policy->_upstream_case)
        l->cluster = policy_cluster_resolve(c, at, STR("upstream"), policy->upstream);
    if (policy->_timeout_case)
        read_duration(c, l, "timeout", policy->timeout, &l->timeout_ms);
    if (policy->stream && policy->stream->_keepalive_case)
        read_duration(c, l, "stream.keepalive", policy->stream->keepalive, &l->keepalive_ms);
    if (policy->_max_request_bytes_case)
        check_size(c, l, "max_request_bytes", policy->max_request_bytes, c->in->max_request,
                   "request_body_bytes");
    if (policy->_max_response_bytes_case)
        check_size(c, l, "max_response_bytes", policy->max_response_bytes, c->in->max_response,
                   "response_bytes");
    if (policy->json && policy->json->_indent_case && policy->json->indent > TC_INDENT_MAX)
        FAULT(c, at, STR("json.indent"), "%u spaces a level are too many, at most %d are allowed",
              (unsigned)policy->json->indent, TC_INDENT_MAX);
    read_routes(c, l);
    policy_rules_check(c, l);
    policy_auth_check(c, l);
}
