#include "gateway/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "gateway/core/mailbox.h"
#include "gateway/front/http1.h"
#include "gateway/front/listener.h"
#include "gateway/generation.h"
#include "gateway/pipeline.h"
#include "gateway/upstream/http_fetch.h"

enum { MAIL_RELOAD, MAIL_DRAIN };
enum { PUBLISH_SOON_MS = 20, PUBLISH_MS = 250, DRAIN_POLL_MS = 5 };
enum { CLUSTERS_SEEN = 64, PROVIDERS_SEEN = 64 };

struct worker {
    struct exchange_host host; /* first: callbacks come with it */
    pthread_t thread;
    uv_loop_t loop;
    struct timer_wheel timers;
    struct worker_loop on;
    struct mailbox mailbox;
    struct http1 *front;
    struct listener *listeners;
    const struct worker_input *in;
    struct generation *generation;
    uv_idle_t soon;       /* runs exchanges that go on in the next turn */
    uv_prepare_t flush;   /* log lines, once per turn */
    struct timer publish; /* refreshes what other threads see */
    struct timer drain;
    uint64_t drain_until; /* clock_now(); 0: serving */

    /* For other threads. The lock guards these and the watch against a reload; taken by the worker
     * a few times a second, never for a request. */
    pthread_mutex_t lock;
    struct worker_view view;
    struct cluster_stats clusters[CLUSTERS_SEEN];
    bool cluster_seen[CLUSTERS_SEEN];
    struct redis_stats redis;
    bool redis_seen;
    struct auth_asked asked[PROVIDERS_SEEN];
    uint32_t nasked;
};

static struct worker *worker_of(struct exchange_host *host)
{
    return (struct worker *)host;
}

static struct channel *host_channel(struct exchange_host *host, struct exchange_scope *scope,
                                    int32_t cluster)
{
    (void)host;
    return generation_channel((struct generation *)scope, (uint32_t)cluster);
}

static void host_ended(struct exchange_host *host, struct exchange_scope *scope,
                       const struct event *e)
{
    (void)host;
    watch_record(((struct generation *)scope)->watch, e);
}

/* An old generation is over: what it counted goes on in the current one. */
static void host_scope_idle(struct exchange_host *host, struct exchange_scope *scope)
{
    struct worker *w = worker_of(host);
    struct generation *old = (struct generation *)scope;
    pthread_mutex_lock(&w->lock);
    watch_move(old->watch, old->scope.snapshot->plan, w->generation->watch,
               w->generation->scope.snapshot->plan);
    pthread_mutex_unlock(&w->lock);
    generation_free(old);
}

static void on_soon(uv_idle_t *idle)
{
    struct worker *w = idle->data;
    uv_idle_stop(idle);
    exchange_run_soon(&w->host);
}

static void host_wake_loop(struct exchange_host *host)
{
    uv_idle_start(&worker_of(host)->soon, on_soon);
}

static void on_flush(uv_prepare_t *flush)
{
    struct worker *w = flush->data;
    watch_flush(w->generation->watch);
}

static void on_accepted(void *ctx, int fd, const struct sockaddr *peer, socklen_t len)
{
    struct worker *w = ctx;
    if (http1_connections(w->front) >= w->in->max_connections)
        close(fd);
    else
        http1_adopt(w->front, fd, peer, len);
}

static bool publish_clusters(struct worker *w)
{
    bool all_up = true;
    struct generation *g = w->generation;
    const struct plan *plan = g->scope.snapshot->plan;
    for (uint32_t i = 0; i < CLUSTERS_SEEN && i < plan->nclusters; i++) {
        w->cluster_seen[i] = g->channels[i] && plan->clusters[i].transport == CLUSTER_HTTP2;
        if (!w->cluster_seen[i])
            continue;
        cluster_stats(g->channels[i]->channel, &w->clusters[i]);
        all_up &= w->clusters[i].endpoints_up > 0;
    }
    return all_up;
}

static bool publish_redis(struct worker *w)
{
    w->redis_seen = w->generation->redis != NULL;
    if (!w->redis_seen)
        return true;
    redis_stats(w->generation->redis, &w->redis);
    return w->redis.up;
}

static void publish_asked(struct worker *w)
{
    const struct auth_runtime *auth = w->generation->scope.auth;
    w->nasked = auth->n < PROVIDERS_SEEN ? auth->n : PROVIDERS_SEEN;
    for (uint32_t i = 0; i < w->nasked; i++)
        w->asked[i] = auth->states[i].asked;
}

static void on_publish(struct timer *t)
{
    struct worker *w = (struct worker *)((char *)t - offsetof(struct worker, publish));
    pthread_mutex_lock(&w->lock);
    w->view = (struct worker_view){
        .connections = http1_connections(w->front),
        .exchanges = w->host.active,
        .generation = w->generation->scope.snapshot->generation,
        .serving = w->drain_until == 0,
    };
    bool clusters_up = publish_clusters(w), redis_up = publish_redis(w);
    publish_asked(w);
    watch_active(w->generation->watch, (int)w->host.active, (int)w->view.connections);
    pthread_mutex_unlock(&w->lock);
    timer_start(&w->timers, t, clusters_up && redis_up ? PUBLISH_MS : PUBLISH_SOON_MS, on_publish);
}

/* Connects before the first call does, so that readiness tells the truth. */
static void connect_clusters(struct worker *w)
{
    const struct plan *plan = w->generation->scope.snapshot->plan;
    for (uint32_t i = 0; i < plan->nclusters; i++) {
        struct channel *c = generation_channel(w->generation, i);
        if (c && plan->clusters[i].transport == CLUSTER_HTTP2)
            cluster_connect(c);
    }
}

static void take_snapshot(struct worker *w, struct snapshot *snapshot)
{
    struct generation *old = w->generation;
    struct generation *fresh = generation_new(&w->on, snapshot, old);
    snapshot_release(snapshot);
    if (!fresh)
        return; /* out of memory: the old one goes on */
    pthread_mutex_lock(&w->lock);
    watch_move(old->watch, old->scope.snapshot->plan, fresh->watch, fresh->scope.snapshot->plan);
    w->generation = fresh;
    w->host.scope = &fresh->scope;
    pthread_mutex_unlock(&w->lock);
    if (old->scope.exchanges == 0)
        host_scope_idle(&w->host, &old->scope);
    connect_clusters(w);
    on_publish(&w->publish);
}

static void stop_listening(struct worker *w)
{
    for (uint32_t i = 0; i < w->in->nlisteners; i++)
        listener_stop(&w->listeners[i]);
}

static void shut_down(struct worker *w)
{
    timer_stop(&w->timers, &w->publish);
    timer_stop(&w->timers, &w->drain);
    http1_close(w->front);
    watch_flush(w->generation->watch);
    mailbox_close(&w->mailbox);
    uv_close((uv_handle_t *)&w->soon, NULL);
    uv_close((uv_handle_t *)&w->flush, NULL);
    pthread_mutex_lock(&w->lock);
    generation_free(w->generation);
    http_fetcher_close(w->on.fetcher);
    w->generation = NULL;
    w->view = (struct worker_view){0};
    w->redis.up = false;
    pthread_mutex_unlock(&w->lock);
    timer_wheel_close(&w->timers);
}

static void on_drain(struct timer *t)
{
    struct worker *w = (struct worker *)((char *)t - offsetof(struct worker, drain));
    if (http1_connections(w->front) == 0 || clock_now() >= w->drain_until)
        shut_down(w);
    else
        timer_start(&w->timers, t, DRAIN_POLL_MS, on_drain);
}

static void begin_drain(struct worker *w, uint32_t grace_ms)
{
    uint64_t until = clock_now() + (uint64_t)grace_ms * 1000000;
    bool again = w->drain_until != 0;
    if (!again || until < w->drain_until)
        w->drain_until = until;
    if (again)
        return;
    stop_listening(w);
    http1_drain(w->front);
    on_publish(&w->publish);
    timer_start(&w->timers, &w->drain, DRAIN_POLL_MS, on_drain);
}

static void on_mail(void *ctx, int kind, void *body)
{
    struct worker *w = ctx;
    if (kind == MAIL_RELOAD)
        take_snapshot(w, body);
    else
        begin_drain(w, (uint32_t)(uintptr_t)body);
}

static bool listen_all(struct worker *w)
{
    w->listeners = calloc(w->in->nlisteners ? w->in->nlisteners : 1, sizeof *w->listeners);
    for (uint32_t i = 0; w->listeners && i < w->in->nlisteners; i++)
        if (!listener_start(&w->listeners[i], &w->loop, w->in->listeners[i], on_accepted, w))
            return false;
    return w->listeners != NULL;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    exchange_host_release(&w->host);
    free(w->host.scratch.p);
    uv_loop_close(&w->loop);
    w->in->ended(w->in->ctx);
    return NULL;
}

static bool prepare(struct worker *w, struct snapshot *snapshot)
{
    if (uv_loop_init(&w->loop) != 0)
        return false;
    timer_wheel_init(&w->timers, &w->loop);
    uv_idle_init(&w->loop, &w->soon);
    uv_prepare_init(&w->loop, &w->flush);
    w->soon.data = w->flush.data = w;
    uv_prepare_start(&w->flush, on_flush);
    w->on = (struct worker_loop){
        .loop = &w->loop,
        .timers = &w->timers,
        .fetcher = http_fetcher_open(&w->loop),
        .log = w->in->log,
        .limits = w->in->limits,
    };
    if (!w->on.fetcher)
        return false;
    w->generation = generation_new(&w->on, snapshot, NULL);
    if (!w->generation || !mailbox_init(&w->mailbox, &w->loop, on_mail, w))
        return false;
    w->host = (struct exchange_host){
        .timers = &w->timers,
        .scope = &w->generation->scope,
        .pipeline = &gateway_pipeline,
        .channel = host_channel,
        .ended = host_ended,
        .scope_idle = host_scope_idle,
        .wake_loop = host_wake_loop,
    };
    w->host.scratch = (struct expr_scratch){malloc(EXCHANGE_SCRATCH), EXCHANGE_SCRATCH, 0};
    if (!w->host.scratch.p)
        return false;
    if (getrandom(&w->host.id_base, sizeof w->host.id_base, GRND_NONBLOCK) < 0)
        w->host.id_base = clock_wall_us() ^ (uint64_t)(uintptr_t)w;
    w->front = http1_open(&w->loop, &w->host);
    return w->front && listen_all(w);
}

struct worker *worker_start(const struct worker_input *in)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->in = in;
    pthread_mutex_init(&w->lock, NULL);
    if (!prepare(w, in->snapshot))
        return NULL; /* the process ends: nothing is taken apart */
    connect_clusters(w);
    on_publish(&w->publish);
    return pthread_create(&w->thread, NULL, run, w) == 0 ? w : NULL;
}

bool worker_reload(struct worker *w, struct snapshot *snapshot)
{
    if (mailbox_post(&w->mailbox, MAIL_RELOAD, snapshot_hold(snapshot)))
        return true;
    snapshot_release(snapshot);
    return false;
}

bool worker_drain(struct worker *w, uint32_t grace_ms)
{
    return mailbox_post(&w->mailbox, MAIL_DRAIN, (void *)(uintptr_t)grace_ms);
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    free(w->listeners);
    free(w);
}

void worker_view(struct worker *w, struct worker_view *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->view;
    pthread_mutex_unlock(&w->lock);
}

bool worker_cluster(struct worker *w, uint32_t cluster, struct cluster_stats *out)
{
    if (cluster >= CLUSTERS_SEEN)
        return false;
    pthread_mutex_lock(&w->lock);
    bool seen = w->cluster_seen[cluster];
    *out = w->clusters[cluster];
    pthread_mutex_unlock(&w->lock);
    return seen;
}

bool worker_redis(struct worker *w, struct redis_stats *out)
{
    pthread_mutex_lock(&w->lock);
    bool seen = w->redis_seen;
    *out = w->redis;
    pthread_mutex_unlock(&w->lock);
    return seen;
}

bool worker_asked(struct worker *w, uint32_t provider, struct auth_asked *out)
{
    pthread_mutex_lock(&w->lock);
    bool seen = provider < w->nasked;
    if (seen)
        *out = w->asked[provider];
    pthread_mutex_unlock(&w->lock);
    return seen;
}

struct watch *worker_watch(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    return w->generation ? w->generation->watch : NULL;
}

void worker_watch_done(struct worker *w)
{
    pthread_mutex_unlock(&w->lock);
}
