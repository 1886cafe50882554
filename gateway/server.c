#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/core/log.h"
#include "gateway/explain.h"
#include "gateway/front/listener.h"
#include "gateway/policy/limit.h"
#include "gateway/server_internal.h"

enum {
    EXIT_BAD_START = 2,
    FAULTS_MAX = 4 << 20,
    EXPLANATION_MAX = 16 << 20,
    TIDY_MS = 1000,
    CROWD = 256
};

struct snapshot *server_snapshot(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    struct snapshot *held = snapshot_hold(s->snapshot);
    pthread_mutex_unlock(&s->lock);
    return held;
}

/* Many clients need many descriptors: the soft limit goes up to the hard one. Returns the limit. */
static uint64_t raise_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return 1024;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    return getrlimit(RLIMIT_NOFILE, &l) == 0 ? l.rlim_cur : 1024;
}

/* The first fault; --check tells them all. */
static void print_refusal(const struct tc_faults *faults)
{
    const struct tc_fault *f = faults->first;
    struct str rest = f ? f->text : STR(""), text = str_cut(&rest, '\n');
    if (!f)
        options_complain("out of memory while loading");
    else if (faults->count > 1)
        options_complain("%.*s: %.*s (and %zu more; --check lists all)", STR_ARG(f->place),
                         STR_ARG(text), faults->count - 1);
    else
        options_complain("%.*s: %.*s", STR_ARG(f->place), STR_ARG(text));
}

/* Sockets of one worker, one per address; those after the first worker share unix sockets by dup.
 */
static int *bind_all(struct server *s, const int *first, size_t *n)
{
    const Postern__V1__Config *m = s->snapshot->config->message;
    *n = m->n_listeners;
    int *fds = arena_array(&s->snapshot->arena, *n, sizeof *fds);
    for (size_t i = 0; fds && i < *n; i++) {
        char why[256];
        bool share = first && str_starts(str_c(m->listeners[i]->address), STR("unix:"));
        fds[i] = share ? dup(first[i]) : listener_bind(str_c(m->listeners[i]->address), why);
        if (fds[i] < 0) {
            options_complain("--listen %s", share ? strerror(errno) : why);
            return NULL;
        }
    }
    return fds;
}

static uint32_t connections_each(const struct server *s, uint64_t descriptors)
{
    uint64_t all = s->snapshot->bounds.connections;
    if (!all)
        all = descriptors / 2;
    uint64_t each = all / s->nworkers;
    return each ? (each > UINT32_MAX ? UINT32_MAX : (uint32_t)each) : 1;
}

/* A worker has ended; the last one takes the process with it. */
static void on_worker_ended(void *ctx)
{
    struct server *s = ctx;
    if (atomic_fetch_add(&s->ended, 1) + 1 == s->nworkers)
        uv_async_send(&s->all_ended);
}

static bool start_workers(struct server *s, uint64_t descriptors)
{
    uint32_t want = s->snapshot->config->workers;
    if (want > SERVER_WORKERS_MAX)
        want = SERVER_WORKERS_MAX;
    s->nworkers = want;
    uint32_t each = connections_each(s, descriptors);
    int **fds = arena_array(&s->snapshot->arena, want, sizeof *fds);
    size_t n = 0;
    /* All are bound before any serves: a taken address is a bad start, not half of one. */
    for (uint32_t i = 0; fds && i < want; i++)
        if (!(fds[i] = bind_all(s, i ? fds[0] : NULL, &n)))
            return false;
    for (uint32_t i = 0; fds && i < want; i++) {
        s->inputs[i] = (struct worker_input){
            .snapshot = s->snapshot,
            .listeners = fds[i],
            .nlisteners = (uint32_t)n,
            .max_connections = each,
            .log = s->log,
            .limits = s->limits,
            .ended = on_worker_ended,
            .ctx = s,
        };
        s->workers[i] = worker_start(&s->inputs[i]);
        if (!s->workers[i]) {
            options_complain("worker %u could not be started", i);
            return false;
        }
    }
    return fds != NULL;
}

/* What was counted before goes on under the limits of the same name. */
static bool bind_limits(struct server *s, const struct snapshot *snapshot)
{
    const struct plan_limits *l = &snapshot->plan->limits;
    bool ok = true;
    for (uint32_t i = 0; i < l->n; i++)
        ok = ok && limit_bind(s->limits, l->all[i]);
    return ok;
}

static bool start_limits(struct server *s)
{
    const struct plan_limits *l = &s->snapshot->plan->limits;
    struct limit_table_size size = {.keys = l->keys, .log_bytes = l->log_bytes};
    s->limits = limit_table_new(&size);
    if (s->limits && bind_limits(s, s->snapshot))
        return true;
    options_complain("out of memory for rate limits");
    return false;
}

static bool start_admin(struct server *s)
{
    const Postern__V1__Config *m = s->snapshot->config->message;
    const char *address = m->admin ? m->admin->address : NULL;
    if (!address || !address[0])
        return true;
    char why[256];
    int fd = listener_bind(str_c(address), why);
    if (fd < 0)
        options_complain("--admin %s", why);
    else
        s->admin = admin_start(fd, server_pages, server_npages, s);
    return s->admin != NULL;
}

static bool start_log(struct server *s)
{
    const Postern__V1__Config *m = s->snapshot->config->message;
    const char *path = m->access_log ? m->access_log->path : NULL;
    if (!path || !path[0])
        return true;
    s->log = access_log_open(path);
    if (!s->log)
        options_complain("--access-log %s: %s", path, strerror(errno));
    return s->log != NULL;
}

static void drain(struct server *s)
{
    /* A second signal means now. */
    bool again = atomic_exchange(&s->draining, true);
    uint32_t grace = again ? 0 : s->snapshot->config->grace_ms;
    log_info("draining: calls in flight have %u ms", grace);
    for (uint32_t i = 0; i < s->nworkers; i++)
        worker_drain(s->workers[i], grace);
}

static void on_stop(uv_signal_t *signal, int number)
{
    (void)number;
    drain(signal->data);
}

/* Loading may take long (reflection): the workers go on, and so do signals. */
static void *load_next(void *arg)
{
    struct server *s = arg;
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 4096, FAULTS_MAX);
    tc_faults_init(&faults, &arena);
    s->loaded = load_snapshot(s->options, s->generation + 1, &faults);
    for (const struct tc_fault *f = s->loaded ? NULL : faults.first; f; f = f->next)
        log_error("reload refused, the old configuration stays: %.*s: %.*s", STR_ARG(f->place),
                  STR_ARG(f->text));
    arena_release(&arena);
    uv_async_send(&s->reloaded);
    return NULL;
}

static void on_all_ended(uv_async_t *async)
{
    struct server *s = async->data;
    uv_stop(&s->loop);
}

static void begin_reload(struct server *s)
{
    s->reload_again = false;
    s->reloading = pthread_create(&s->loader, NULL, load_next, s) == 0;
}

/* One that comes while another is loaded is not lost: what changed meanwhile is loaded after it. */
static void on_hup(uv_signal_t *signal, int number)
{
    struct server *s = signal->data;
    (void)number;
    if (s->log)
        access_log_reopen(s->log);
    if (s->reloading)
        s->reload_again = true;
    else
        begin_reload(s);
}

static bool same_listeners(const Postern__V1__Config *a, const Postern__V1__Config *b)
{
    bool same = a->n_listeners == b->n_listeners;
    for (size_t i = 0; same && i < a->n_listeners; i++)
        same = str_eq(str_c(a->listeners[i]->address), str_c(b->listeners[i]->address));
    return same && str_eq(str_c(a->admin ? a->admin->address : ""),
                          str_c(b->admin ? b->admin->address : ""));
}

/* Sockets and threads are made once. */
static void warn_of_restart(const struct config *old, const struct config *fresh)
{
    if (!same_listeners(old->message, fresh->message))
        log_warn("changed listeners take effect at the next start");
    if (old->message->limits && fresh->message->limits &&
        (old->message->limits->keys != fresh->message->limits->keys ||
         old->message->limits->log_bytes != fresh->message->limits->log_bytes))
        log_warn("changed sizes of limits take effect at the next start");
    if (old->workers != fresh->workers)
        log_warn("a changed number of workers takes effect at the next start");
}

static void put_in_force(struct server *s, struct snapshot *fresh)
{
    s->generation++;
    if (!auth_keeper_take(s->keeper, fresh->plan))
        log_error("the keys of some providers of auth are not kept up to date: out of memory");
    for (uint32_t i = 0; i < s->nworkers; i++)
        if (!worker_reload(s->workers[i], fresh))
            log_error("worker %u keeps the old configuration: out of memory", i);
    pthread_mutex_lock(&s->lock);
    struct snapshot *old = s->snapshot;
    s->snapshot = fresh;
    pthread_mutex_unlock(&s->lock);
    warn_of_restart(old->config, fresh->config);
    snapshot_release(old);
    log_info("configuration %u is in force: %u RPCs, %u routes", fresh->generation,
             fresh->plan->npolicies, fresh->plan->nroutes);
}

static void on_reloaded(uv_async_t *async)
{
    struct server *s = async->data;
    pthread_join(s->loader, NULL);
    s->reloading = false;
    struct snapshot *fresh = s->loaded;
    s->loaded = NULL;
    if (fresh && bind_limits(s, fresh)) {
        put_in_force(s, fresh);
    } else if (fresh) {
        log_error("reload refused, the old configuration stays: out of memory for its limits");
        snapshot_release(fresh);
    }
    if (s->reload_again)
        begin_reload(s);
}

/* What a crowd of clients took goes back to the system once half of it has left; here and not on a
 * worker, because it takes milliseconds. */
static void on_tidy(uv_timer_t *timer)
{
    struct server *s = timer->data;
    uint32_t now = 0;
    for (uint32_t i = 0; i < s->nworkers; i++) {
        struct worker_view view;
        worker_view(s->workers[i], &view);
        now += view.connections;
    }
    if (s->crowd > CROWD && now < s->crowd / 2) {
        malloc_trim(0);
        s->crowd = now;
    }
    if (now > s->crowd)
        s->crowd = now;
}

static void watch_signals(struct server *s)
{
    signal(SIGPIPE, SIG_IGN);
    uv_signal_init(&s->loop, &s->term);
    uv_signal_init(&s->loop, &s->interrupt);
    uv_signal_init(&s->loop, &s->hup);
    uv_async_init(&s->loop, &s->reloaded, on_reloaded);
    uv_async_init(&s->loop, &s->all_ended, on_all_ended);
    s->term.data = s->interrupt.data = s->hup.data = s->reloaded.data = s->all_ended.data = s;
    uv_timer_init(&s->loop, &s->tidy);
    s->tidy.data = s;
    uv_timer_start(&s->tidy, on_tidy, TIDY_MS, TIDY_MS);
    uv_signal_start(&s->term, on_stop, SIGTERM);
    uv_signal_start(&s->interrupt, on_stop, SIGINT);
    uv_signal_start(&s->hup, on_hup, SIGHUP);
}

static void on_walk(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void finish(struct server *s)
{
    if (s->reloading)
        pthread_join(s->loader, NULL);
    for (uint32_t i = 0; i < s->nworkers; i++)
        worker_join(s->workers[i]);
    admin_stop(s->admin);
    if (s->log)
        access_log_close(s->log);
    auth_keeper_close(s->keeper);
    limit_table_free(s->limits);
    uv_walk(&s->loop, on_walk, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    if (s->loaded)
        snapshot_release(s->loaded);
    snapshot_release(s->snapshot);
}

static struct snapshot *load_first(const struct options *o)
{
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 4096, FAULTS_MAX);
    tc_faults_init(&faults, &arena);
    struct snapshot *snapshot = load_snapshot(o, 1, &faults);
    if (!snapshot)
        print_refusal(&faults);
    arena_release(&arena);
    return snapshot;
}

int server_run(struct server *s, const struct options *o)
{
    s->options = o;
    pthread_mutex_init(&s->lock, NULL);
#ifdef POSTERN_OLD_MHD
    log_warn("built with the host's libmicrohttpd, older than 1.0.5: it accepts hostile framings "
             "(request smuggling). Do not put this in front of anything that matters");
#endif
    uint64_t descriptors = raise_descriptors();
    s->snapshot = load_first(o);
    if (!s->snapshot)
        return EXIT_BAD_START;
    s->generation = 1;
    uv_loop_init(&s->loop);
    watch_signals(s);
    s->keeper = auth_keeper_new(&s->loop);
    if (!s->keeper || !auth_keeper_take(s->keeper, s->snapshot->plan)) {
        options_complain("out of memory");
        return EXIT_BAD_START;
    }
    if (!start_log(s) || !start_limits(s) || !start_workers(s, descriptors) || !start_admin(s))
        return EXIT_BAD_START;
    log_info("serving %u RPCs at %u routes with %u worker%s", s->snapshot->plan->npolicies,
             s->snapshot->plan->nroutes, s->nworkers, s->nworkers == 1 ? "" : "s");
    uv_run(&s->loop, UV_RUN_DEFAULT);
    finish(s);
    return 0;
}

int server_explain(const struct options *o)
{
    struct snapshot *s = load_first(o);
    struct buf out;
    if (!s)
        return EXIT_BAD_START;
    buf_init(&out, EXPLANATION_MAX);
    bool served = o->explain_expr
                      ? explain_expr(s, str_c(o->explain_request), &out)
                      : explain(s, str_c(o->explain_method), str_c(o->explain_target), &out);
    fwrite(out.p, 1, out.n, stdout); /* breach: asked for on standard output */
    buf_release(&out);
    snapshot_release(s);
    return served ? 0 : 1;
}
