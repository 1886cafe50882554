#include <stdio.h>

#include "gateway/server_auth.h"
#include "gateway/server_internal.h"
#include "gateway/server_limits.h"
#include "transcoder/text.h"

/* The admin pages. They run on the admin's thread and see workers through what these publish. */

static uint16_t healthz(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_add(out, STR("ok\n"));
    return 200;
}

enum { GAUGES_PER_CLUSTER = 7 };

struct gauge_row {
    const char *name, *help, *type;
    size_t offset;
    bool wide;
};

#define ROW(field, name, help, type, wide)                                                \
    {                                                                                     \
        "postern_upstream_" name, help, type, offsetof(struct cluster_stats, field), wide \
    }

static const struct gauge_row rows[GAUGES_PER_CLUSTER] = {
    ROW(endpoints_up, "endpoints_up", "Endpoints that can be called", "gauge", false),
    ROW(connections, "connections", "Open connections", "gauge", false),
    ROW(pending, "pending_calls", "Calls that wait for a stream", "gauge", false),
    ROW(connects, "connects_total", "Connections made", "counter", true),
    ROW(connect_failures, "connect_failures_total", "Connections that failed", "counter", true),
    ROW(retries, "retries_total", "Calls sent again", "counter", true),
    ROW(resets, "resets_total", "Streams reset by the peer", "counter", true),
};

static uint64_t sum(struct server *s, uint32_t cluster, const struct gauge_row *row)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < s->nworkers; i++) {
        struct cluster_stats stats;
        if (!worker_cluster(s->workers[i], cluster, &stats))
            continue;
        const char *at = (const char *)&stats + row->offset;
        total += row->wide ? *(const uint64_t *)(const void *)at
                           : *(const uint32_t *)(const void *)at;
    }
    return total;
}

/* The gauges of one page. */
struct gauges {
    struct arena *arena;
    struct watch_gauge *items; /* NULL: out of memory */
    uint32_t n;
};

static void cluster_gauges(struct server *s, const struct plan *plan, struct gauges *out)
{
    struct arena *arena = out->arena;
    for (uint32_t r = 0; out->items && r < GAUGES_PER_CLUSTER; r++)
        for (uint32_t c = 0; c < plan->nclusters; c++)
            out->items[out->n++] = (struct watch_gauge){
                .name = rows[r].name,
                .help = rows[r].help,
                .type = rows[r].type,
                .labels = arena_printf(arena, "cluster=\"%.*s\"", STR_ARG(plan->clusters[c].name)),
                .value = sum(s, c, &rows[r]),
            };
}

static struct gauges all_gauges(struct server *s, const struct plan *plan, struct arena *arena)
{
    size_t most = (size_t)plan->nclusters * GAUGES_PER_CLUSTER + server_auth_gauges_most(plan) +
                  server_limit_gauges_most(plan);
    struct gauges all = {arena, arena_array(arena, most, sizeof *all.items), 0};
    cluster_gauges(s, plan, &all);
    if (all.items)
        all.n += server_auth_gauges(s, plan, arena, all.items + all.n);
    if (all.items)
        all.n += server_limit_gauges(s, plan, arena, all.items + all.n);
    return all;
}

static uint16_t metrics(void *ctx, struct buf *out)
{
    struct server *s = ctx;
    struct snapshot *snapshot = server_snapshot(s);
    struct arena arena;
    arena_init(&arena, 16 << 10, 64 << 20);
    struct gauges gauges = all_gauges(s, snapshot->plan, &arena);
    struct watch **watches = arena_array(&arena, s->nworkers, sizeof *watches);
    uint32_t n = 0;
    for (uint32_t i = 0; watches && i < s->nworkers; i++) {
        watches[n] = worker_watch(s->workers[i]);
        n += watches[n] != NULL;
    }
    bool ok = watches && watch_metrics(out, watches, n, snapshot->plan, gauges.items, gauges.n);
    for (uint32_t i = 0; watches && i < s->nworkers; i++)
        worker_watch_done(s->workers[i]);
    arena_release(&arena);
    snapshot_release(snapshot);
    return ok ? 200 : 500;
}

static uint16_t config(void *ctx, struct buf *out)
{
    struct snapshot *snapshot = server_snapshot(ctx);
    bool ok = config_print(snapshot->config, out);
    snapshot_release(snapshot);
    return ok ? 200 : 500;
}

const struct admin_page server_pages[] = {
    {"/healthz", "text/plain; charset=utf-8", healthz},
    {"/readyz", "application/json", server_ready_page},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics},
    {"/config", "application/json", config},
};
const size_t server_npages = sizeof server_pages / sizeof *server_pages;
