#include "gateway/upstream/cluster.h"

#include <stddef.h>
#include <stdlib.h>

#include "gateway/upstream/cluster_internal.h"

/* Events told in one go before sockets get their turn again. */
enum { DELIVERIES = 4096 };

static struct cluster *cluster_of(struct turn *turn)
{
    return (struct cluster *)((char *)turn - offsetof(struct cluster, turn));
}

static void deliver(struct cluster *cl)
{
    struct http2_stream *s;

    for (int i = 0; i < DELIVERIES && (s = http2_ready_pop(&cl->turn.ready)); i++) {
        size_t at = offsetof(struct cluster_call, stream);
        cluster_call_deliver((struct cluster_call *)((char *)s - at));
    }
}

static void give_up(struct cluster_call *c, struct str why)
{
    cluster_unwait(c);
    http2_stream_end(&c->stream, TC_CODE_UNAVAILABLE, arena_copy(&c->stream.arena, why));
}

static bool any_hope(struct cluster *cl)
{
    bool hope = cluster_resolving(cl);

    for (uint32_t i = 0; i < cl->npools; i++)
        hope |= pool_connect(cl->pools[i]);
    if (!hope)
        cluster_resolve(cl);
    return hope || cluster_resolving(cl);
}

/* For those that found no stream: more connections, patience, or the truth. */
static void provide(struct cluster *cl)
{
    if (!any_hope(cl)) {
        while (cl->waiting)
            give_up(cl->waiting, cluster_reason(cl));
        return;
    }
    while (cl->nwaiting > cl->config->max_pending)
        give_up(cl->waiting_last, STR("too many calls wait for a connection to the upstream"));
}

static void dispatch(struct cluster *cl)
{
    if (!cl->waiting)
        return;
    cluster_connect_all(cl);
    uint64_t now = uv_hrtime();
    while (cl->waiting) {
        struct connection *c = cl->strategy->pick(&cl->balance, cl->pools, cl->npools);
        if (!c)
            break;
        cluster_call_begin(cl->waiting, c, now);
    }
    if (cl->waiting)
        provide(cl);
}

static void tear_down(struct cluster *cl)
{
    while (cl->npools)
        pool_free(cl->pools[--cl->npools], STR("the channel to the upstream was closed"));
    for (uint32_t i = 0; cl->targets && i < cl->config->nendpoints; i++)
        resolve_cancel(&cl->targets[i].resolver);
    while (cl->calls)
        deliver(cl);
    cluster_calls_free(cl);
    turn_close(&cl->turn);
}

static bool work(struct turn *turn)
{
    struct cluster *cl = cluster_of(turn);

    if (turn->closing)
        return false;
    deliver(cl);
    if (!cl->closing) {
        dispatch(cl);
        cluster_sweep(cl);
    } else if (turn->flushes > cl->close_flush) {
        tear_down(cl);
        return false;
    }
    return cl->closing;
}

static void on_turn_closed(struct turn *turn)
{
    struct cluster *cl = cluster_of(turn);

    output_reset(&turn->output);
    free(cl->pools);
    free(cl->targets);
    free(cl->config);
    free(cl);
}

struct channel *cluster_open(uv_loop_t *loop, const struct cluster_config *config)
{
    struct cluster *cl = calloc(1, sizeof *cl); /* breach: lives as long as the snapshot */

    if (!cl)
        return NULL;
    cl->base.ops = &cluster_ops;
    cl->config = cluster_config_copy(config);
    cl->strategy = &balance_round_robin;
    turn_open(&cl->turn, loop, work, on_turn_closed);
    if (cl->config && cluster_add_targets(cl))
        return &cl->base;
    channel_close(&cl->base);
    return NULL;
}

void cluster_connect(struct channel *ch)
{
    cluster_connect_all((struct cluster *)ch);
}

void cluster_stats(const struct channel *ch, struct cluster_stats *out)
{
    const struct cluster *cl = (const struct cluster *)ch;

    *out = (struct cluster_stats){
        .endpoints = cl->npools,
        .calls = cl->ncalls,
        .pending = cl->nwaiting,
        .connects = cl->counters.connects,
        .connect_failures = cl->counters.connect_failures,
        .retries = cl->retries,
        .resets = cl->counters.resets,
        .goaways = cl->counters.goaways,
    };
    for (uint32_t i = 0; i < cl->npools; i++) {
        out->endpoints_up += pool_state(cl->pools[i]) == POOL_UP;
        out->connections += cl->pools[i]->nconnections;
    }
}
