#include "gateway/generation.h"

#include <stdlib.h>

#include "gateway/config.h"
#include "gateway/policy/auth_redis.h"
#include "gateway/policy/limit.h"
#include "gateway/policy/limit_script.h"
#include "gateway/upstream/redis.h"
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

static struct channel *service_channel(void *ctx)
{
    struct generation *g = ctx;
    return generation_channel(g, (uint32_t)g->scope.snapshot->plan->limits.service);
}

static bool needs_redis(const struct plan *plan)
{
    const struct plan_limits *l = &plan->limits;
    bool needs = false;
    for (uint32_t i = 0; i < l->n; i++)
        needs |= l->all[i]->store == LIMIT_EXACT || l->all[i]->store == LIMIT_LEASED;
    for (uint32_t i = 0; i < plan->nproviders; i++)
        needs |= plan->providers[i].redis_keys.n != 0;
    return needs && plan->redis.config.endpoint.n;
}

static bool same_redis(const struct redis_config *a, const struct redis_config *b)
{
    return str_eq(a->endpoint, b->endpoint) && str_eq(a->user, b->user) &&
           str_eq(a->password, b->password) && a->db == b->db && a->timeout_ms == b->timeout_ms;
}

static struct generation_redis *open_client(struct generation *g, struct worker_loop *on)
{
    struct redis_config config = g->scope.snapshot->plan->redis.config;
    const struct str scripts[REDIS_SCRIPTS] = {
        [REDIS_SCRIPT_LIMIT] = limit_script(),
        [REDIS_SCRIPT_KEYS] = auth_redis_script,
    };
    struct generation_redis *held = calloc(1, sizeof *held);
    config.scripts = scripts;
    config.nscripts = REDIS_SCRIPTS;
    if (held)
        held->client = redis_open(g->loop, on->timers, &config);
    if (held && held->client)
        return held;
    free(held);
    return NULL;
}

/* A connection that stands goes on: a reload is no reason to make calls wait for another. */
static bool open_redis(struct generation *g, struct worker_loop *on, struct generation *before)
{
    const struct plan *plan = g->scope.snapshot->plan;
    if (!needs_redis(plan))
        return true;
    if (before && before->held &&
        same_redis(&before->scope.snapshot->plan->redis.config, &plan->redis.config))
        g->held = before->held;
    else
        g->held = open_client(g, on);
    if (!g->held)
        return false;
    g->held->users++;
    g->redis = g->held->client;
    return true;
}

static void close_redis(struct generation *g)
{
    if (!g->held || --g->held->users)
        return;
    redis_close(g->held->client);
    free(g->held);
}

static bool open_limiter(struct generation *g, struct worker_loop *on)
{
    const struct plan *plan = g->scope.snapshot->plan;
    const struct plan_limits *l = &plan->limits;
    if (l->n == 0)
        return true;
    struct limiter_options o = {
        .table = on->limits,
        .redis = g->redis,
        .timers = on->timers,
        .prefix = plan->redis.prefix,
        .service = l->service == PLAN_NO_CLUSTER ? NULL : service_channel,
        .ctx = g,
        .domain = l->domain,
        .service_timeout_ms = l->service_timeout_ms,
    };
    g->scope.limiter = limiter_new(&o);
    return g->scope.limiter != NULL;
}

static bool name_callers(struct generation *g)
{
    const struct config *config = g->scope.snapshot->config;
    return !config || !config->message->metrics ||
           watch_name_callers(g->watch, config->message->metrics->callers);
}

static bool open_all(struct generation *g, struct worker_loop *on, struct generation *before)
{
    const struct plan *plan = g->scope.snapshot->plan;
    g->watch = watch_new(plan->npolicies, on->log);
    g->channels = calloc(plan->nclusters ? plan->nclusters : 1, sizeof *g->channels);
    if (!g->watch || !name_callers(g) || !g->channels || !open_redis(g, on, before) ||
        !open_limiter(g, on))
        return false;
    g->scope.auth = auth_runtime_new(plan, on->timers, on->fetcher, g->redis);
    if (!g->scope.auth)
        return false;
    for (uint32_t i = 0; i < plan->nclusters; i++) {
        g->channels[i] = find_same(before, &plan->clusters[i]);
        if (g->channels[i])
            g->channels[i]->users++;
    }
    return true;
}

struct generation *generation_new(struct worker_loop *on, struct snapshot *snapshot,
                                  struct generation *before)
{
    struct generation *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->loop = on->loop;
    g->scope.snapshot = snapshot_hold(snapshot);
    if (open_all(g, on, before))
        return g;
    generation_free(g);
    return NULL;
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

static void close_channels(struct generation *g)
{
    for (uint32_t i = 0; g->channels && i < g->scope.snapshot->plan->nclusters; i++) {
        struct generation_channel *c = g->channels[i];
        if (!c || --c->users)
            continue;
        channel_close(c->channel);
        free(c->config);
        free(c);
    }
}

void generation_free(struct generation *g)
{
    limiter_free(g->scope.limiter);
    auth_runtime_free(g->scope.auth);
    close_redis(g);
    close_channels(g);
    if (g->watch)
        watch_free(g->watch);
    snapshot_release(g->scope.snapshot);
    free(g->channels);
    free(g);
}
