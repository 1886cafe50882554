#include "gateway/generation.h"

#include <stdlib.h>

#include "gateway/policy/auth_runtime.h"
#include "gateway/upstream/transport.h"

static bool same_endpoints(const struct cluster_config *a, const struct cluster_config *b)
{
    if (a->nendpoints != b->nendpoints)
        return false;
    for (uint32_t i = 0; i < a->nendpoints; i++)
        if (!str_eq(a->endpoints[i], b->endpoints[i]))
            return false;
    return true;
}

static bool same_cluster(const struct cluster_config *a, const struct cluster_config *b)
{
    return str_eq(a->name, b->name) && str_eq(a->target, b->target) &&
           str_eq(a->authority, b->authority) && same_endpoints(a, b) &&
           a->transport == b->transport && a->connect_timeout_ms == b->connect_timeout_ms &&
           a->keepalive_interval_ms == b->keepalive_interval_ms &&
           a->keepalive_timeout_ms == b->keepalive_timeout_ms &&
           a->max_connections == b->max_connections && a->max_pending == b->max_pending &&
           a->max_streams == b->max_streams;
}

static struct generation_channel *find_same(struct generation *before,
                                            const struct cluster_config *config)
{
    const struct plan *plan = before ? before->scope.snapshot->plan : NULL;
    for (uint32_t i = 0; plan && i < plan->nclusters; i++)
        if (before->channels[i] && same_cluster(before->channels[i]->config, config))
            return before->channels[i];
    return NULL;
}

struct generation *generation_new(struct worker_loop *on, struct snapshot *snapshot,
                                  struct generation *before, struct access_log *log)
{
    const struct plan *plan = snapshot->plan;
    struct generation *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->loop = on->loop;
    g->watch = watch_new(plan->npolicies, log);
    g->channels = calloc(plan->nclusters ? plan->nclusters : 1, sizeof *g->channels);
    g->scope.auth = auth_runtime_new(plan, on->timers, on->fetcher);
    if (!g->watch || !g->channels || !g->scope.auth) {
        auth_runtime_free(g->scope.auth);
        if (g->watch)
            watch_free(g->watch);
        free(g->channels);
        free(g);
        return NULL;
    }
    g->scope.snapshot = snapshot_hold(snapshot);
    for (uint32_t i = 0; i < plan->nclusters; i++) {
        g->channels[i] = find_same(before, &plan->clusters[i]);
        if (g->channels[i])
            g->channels[i]->users++;
    }
    return g;
}

struct channel *generation_channel(struct generation *g, uint32_t cluster)
{
    if (g->channels[cluster])
        return g->channels[cluster]->channel;
    const struct cluster_config *config = &g->scope.snapshot->plan->clusters[cluster];
    struct generation_channel *c = calloc(1, sizeof *c);
    struct cluster_config *copy = c ? cluster_config_copy(config) : NULL;
    struct channel *channel = copy ? transport_open(g->loop, copy) : NULL;
    if (!channel) {
        free(copy);
        free(c);
        return NULL;
    }
    *c = (struct generation_channel){.channel = channel, .config = copy, .users = 1};
    g->channels[cluster] = c;
    return channel;
}

void generation_free(struct generation *g)
{
    for (uint32_t i = 0; i < g->scope.snapshot->plan->nclusters; i++) {
        struct generation_channel *c = g->channels[i];
        if (!c || --c->users)
            continue;
        channel_close(c->channel);
        free(c->config);
        free(c);
    }
    watch_free(g->watch);
    auth_runtime_free(g->scope.auth);
    snapshot_release(g->scope.snapshot);
    free(g->channels);
    free(g);
}
