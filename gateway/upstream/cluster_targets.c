#include <stdio.h>
#include <stdlib.h>

#include "gateway/upstream/cluster_internal.h"

static void on_changed(void *owner, struct pool *pool, bool failed)
{
    struct target *target = owner;
    struct cluster *cl = target->cluster;

    (void)pool;
    if (failed && !cl->closing)
        cluster_resolve(cl);
    turn_schedule(&cl->turn);
}

static bool room_for_pool(struct cluster *cl)
{
    if (cl->npools < cl->pools_cap)
        return true;
    uint32_t cap = cl->pools_cap ? cl->pools_cap * 2 : 4;
    /* breach: grows when a name gets more addresses, not with calls */
    struct pool **pools = realloc(cl->pools, cap * sizeof(struct pool *));
    if (!pools)
        return false;
    cl->pools = pools;
    cl->pools_cap = cap;
    return true;
}

static bool add_pool(struct target *target, const struct address *address)
{
    struct cluster *cl = target->cluster;
    struct pool *p = room_for_pool(cl)
                         ? pool_new(&cl->turn, cl->config, target->text, address, &cl->counters)
                         : NULL;
    if (!p)
        return false;
    p->changed = on_changed;
    p->owner = target;
    cl->pools[cl->npools++] = p;
    if (cl->connecting)
        pool_connect(p);
    return true;
}

static bool add_target(struct cluster *cl, struct target *target, struct str endpoint)
{
    struct address address;

    target->cluster = cl;
    target->text = endpoint;
    enum resolve_kind kind = resolve_numeric(endpoint, &address);
    target->is_name = kind == RESOLVE_NAME;
    if (kind == RESOLVE_DONE)
        return add_pool(target, &address);
    if (kind == RESOLVE_INVALID)
        snprintf(target->reason, sizeof target->reason,
                 "endpoint \"%.*s\" is neither host:port nor unix:/path", STR_ARG(endpoint));
    return true;
}

bool cluster_add_targets(struct cluster *cl)
{
    uint32_t n = cl->config->nendpoints;

    cl->targets = calloc(n ? n : 1, sizeof *cl->targets); /* breach: once, when the cluster is
                                                             opened */
    for (uint32_t i = 0; cl->targets && i < n; i++) {
        if (!add_target(cl, &cl->targets[i], cl->config->endpoints[i]))
            return false;
    }
    return cl->targets != NULL;
}

void cluster_connect_all(struct cluster *cl)
{
    if (cl->connecting || cl->closing)
        return;
    cl->connecting = true;
    for (uint32_t i = 0; i < cl->npools; i++)
        pool_connect(cl->pools[i]);
    cluster_resolve(cl);
    turn_schedule(&cl->turn);
}

/* ---- names ---- */

static struct pool *find_pool(struct target *target, const struct address *address)
{
    struct cluster *cl = target->cluster;

    for (uint32_t i = 0; i < cl->npools; i++) {
        if (cl->pools[i]->owner == target && address_eq(&cl->pools[i]->address, address))
            return cl->pools[i];
    }
    return NULL;
}

static void take_addresses(struct target *target, const struct address *addresses, uint32_t n)
{
    struct cluster *cl = target->cluster;

    for (uint32_t i = 0; i < cl->npools; i++) {
        if (cl->pools[i]->owner == target)
            cl->pools[i]->gone = true;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct pool *p = find_pool(target, &addresses[i]);
        if (p)
            p->gone = false;
        else
            add_pool(target, &addresses[i]);
    }
}

static void on_resolved(struct resolver *resolver, const struct address *addresses, uint32_t n,
                        const char *error)
{
    struct target *target = (struct target *)((char *)resolver - offsetof(struct target, resolver));
    struct cluster *cl = target->cluster;

    if (!cl->closing && n) {
        target->known = true;
        target->reason[0] = '\0';
        take_addresses(target, addresses, n);
    } else if (!cl->closing) {
        /* What was known before stays: a resolver that is down must not take the upstream with it.
         */
        snprintf(target->reason, sizeof target->reason, "name %.*s was not resolved: %s",
                 STR_ARG(target->text), error);
    }
    turn_schedule(&cl->turn);
    turn_drop(&cl->turn);
}

void cluster_resolve(struct cluster *cl)
{
    uint64_t now = uv_now(cl->turn.loop);

    for (uint32_t i = 0; i < cl->config->nendpoints; i++) {
        struct target *t = &cl->targets[i];
        if (!t->is_name || t->resolver.busy)
            continue;
        if (t->asked_at && now - t->asked_at < CLUSTER_RESOLVE_MS)
            continue;
        t->asked_at = now | 1;
        if (resolve_start(&t->resolver, cl->turn.loop, t->text, on_resolved))
            turn_hold(&cl->turn);
    }
}

bool cluster_resolving(const struct cluster *cl)
{
    for (uint32_t i = 0; i < cl->config->nendpoints; i++) {
        if (cl->targets[i].resolver.busy && !cl->targets[i].known)
            return true;
    }
    return false;
}

static void close_idle(struct pool *p)
{
    for (struct connection *c = p->connections, *next; c; c = next) {
        next = c->next;
        if (c->session->nstreams == 0)
            pool_close_connection(p, c);
    }
}

void cluster_sweep(struct cluster *cl)
{
    /* A call that has ended but was not told yet still refers to its pool. */
    if (cl->turn.ready.first)
        return;
    for (uint32_t i = 0; i < cl->npools; i++) {
        struct pool *p = cl->pools[i];
        if (!p->gone)
            continue;
        close_idle(p);
        if (p->nconnections)
            continue;
        cl->pools[i--] = cl->pools[--cl->npools];
        pool_free(p, STR_NONE);
    }
}

struct str cluster_reason(const struct cluster *cl)
{
    const struct pool *latest = NULL;

    for (uint32_t i = 0; i < cl->npools; i++) {
        const struct pool *p = cl->pools[i];
        if (p->reason[0] && (!latest || p->tried_at > latest->tried_at))
            latest = p;
    }
    if (latest)
        return str_c(latest->reason);
    for (uint32_t i = 0; i < cl->config->nendpoints; i++) {
        if (cl->targets[i].reason[0])
            return str_c(cl->targets[i].reason);
    }
    return STR("no endpoint of the upstream is up");
}
