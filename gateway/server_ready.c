#include "gateway/server_auth.h"
#include "gateway/server_internal.h"
#include "gateway/server_limits.h"
#include "transcoder/text.h"

/* /readyz: whether calls can be answered, and what is amiss. Whatever a policy has a way around,
 * such as a limit that counts here while Redis is away, is told and does not take the gateway out
 * of service. */

struct readiness {
    struct buf *out;
    uint32_t reasons;
    bool ready;
};

static void amiss(struct readiness *r, bool fatal, const char *format, struct str what)
{
    struct buf text;
    buf_init(&text, 1024);
    buf_printf(&text, format, STR_ARG(what));
    buf_add(r->out, r->reasons++ ? STR(",") : STR("["));
    tc_json_string(r->out, buf_str(&text));
    buf_release(&text);
    r->ready = r->ready && !fatal;
}

/* ---- limits ---- */

/* The first limit that `is_meant` and refuses its calls while it cannot be counted; or any that is
 * meant, with *closed false; or NULL. */
static const struct plan_limit *who_needs(const struct plan_limits *limits,
                                          bool (*is_meant)(const struct plan_limit *), bool *closed)
{
    const struct plan_limit *any = NULL;
    *closed = false;
    for (uint32_t i = 0; i < limits->n && !*closed; i++) {
        const struct plan_limit *l = limits->all[i];
        if (!is_meant(l))
            continue;
        *closed = l->fallback == LIMIT_CLOSED && !l->dry_run;
        if (!any || *closed)
            any = l;
    }
    return any;
}

static bool is_of_redis(const struct plan_limit *l)
{
    return l->store == LIMIT_EXACT || l->store == LIMIT_LEASED;
}

static bool is_of_service(const struct plan_limit *l)
{
    return l->store == LIMIT_SERVICE;
}

static void look_at_redis(struct server *s, const struct plan *plan, struct readiness *r)
{
    bool closed;
    const struct plan_limit *l = who_needs(&plan->limits, is_of_redis, &closed);
    if (!l || server_redis_up(s))
        return;
    amiss(r, closed,
          closed ? "redis is away, and limit %.*s is closed without it"
                 : "redis is away; limit %.*s follows its when_away",
          l->name);
}

/* ---- clusters ---- */

/* Endpoints up, over all workers. */
static bool cluster_up(struct server *s, uint32_t cluster)
{
    for (uint32_t i = 0; i < s->nworkers; i++) {
        struct cluster_stats stats;
        if (worker_cluster(s->workers[i], cluster, &stats) && stats.endpoints_up)
            return true;
    }
    return false;
}

static bool serves(const struct method_policy *p, int32_t cluster)
{
    bool any = p->cluster == cluster;
    for (uint16_t i = 0; i < p->nbranches; i++)
        any |= p->branches[i].cluster == cluster;
    return any;
}

/* Calls go there; else it is the rate-limit service alone. */
static bool is_upstream(const struct plan *plan, int32_t cluster)
{
    for (uint32_t i = 0; i < plan->npolicies; i++)
        if (serves(&plan->policies[i], cluster))
            return true;
    return cluster != plan->limits.service;
}

static void look_at_clusters(struct server *s, const struct plan *plan, struct readiness *r)
{
    for (uint32_t i = 0; i < plan->nclusters; i++) {
        const struct cluster_config *c = &plan->clusters[i];
        if (c->transport != CLUSTER_HTTP2 || cluster_up(s, i))
            continue;
        bool closed, upstream = is_upstream(plan, (int32_t)i);
        const struct plan_limit *l = who_needs(&plan->limits, is_of_service, &closed);
        if (upstream || l)
            amiss(r, upstream || closed, "cluster %.*s: no endpoint is up", c->name);
    }
}

/* ---- the page ---- */

/* The keys that were good last still count. */
static void look_at_keys(const struct auth_provider *p, struct readiness *r)
{
    char why[AUTH_WHY_MAX];
    struct buf text;
    if (!server_auth_stale(p, why))
        return;
    buf_init(&text, 1024);
    buf_printf(&text, "auth %.*s: %s", STR_ARG(p->name), why);
    amiss(r, false, "%.*s", buf_str(&text));
    buf_release(&text);
}

static void look_at_providers(struct server *s, const struct plan *plan, struct readiness *r)
{
    for (uint32_t i = 0; i < plan->nproviders; i++) {
        const char *why = server_auth_wrong(s, &plan->providers[i]);
        if (why)
            amiss(r, true, why, plan->providers[i].name);
        else
            look_at_keys(&plan->providers[i], r);
    }
}

uint16_t server_ready_page(void *ctx, struct buf *out)
{
    struct server *s = ctx;
    struct snapshot *snapshot = server_snapshot(s);
    struct readiness r = {.out = out, .ready = true};
    buf_add(out, STR("{\"reasons\":"));
    if (atomic_load(&s->draining))
        amiss(&r, true, "draining%.*s", STR(""));
    look_at_clusters(s, snapshot->plan, &r);
    look_at_providers(s, snapshot->plan, &r);
    look_at_redis(s, snapshot->plan, &r);
    buf_add(out, r.reasons ? STR("") : STR("["));
    buf_printf(out, "],\"ready\":%s}\n", r.ready ? "true" : "false");
    snapshot_release(snapshot);
    return r.ready ? 200 : 503;
}
