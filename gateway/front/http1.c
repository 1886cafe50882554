#include "gateway/front/http1_internal.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    CLIENT_DISCIPLINE = 1,
    RUNS_PER_TURN = 2,
};

/* A second time at once when there is more: mostly MHD only finds that no next request has come. */
static bool run_has_more(struct http1_daemon *d)
{
    for (int i = 0; i < RUNS_PER_TURN; i++) {
        http1_ready_run(d);
        if (MHD_get_timeout64s(d->mhd) != 0)
            return false;
    }
    return true;
}

static void run_due(struct http1 *h)
{
    struct http1_daemon *list = h->due;
    h->due = NULL;
    while (list) {
        struct http1_daemon *d = list;
        list = d->next_due;
        d->due = false;
        if (run_has_more(d))
            http1_due(d);
    }
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* its being there is enough: the loop polls without sleeping */
}

/* Sleeping is allowed only when no daemon has work left. */
static void settle(struct http1 *h)
{
    bool want = h->due != NULL;
    if (want && !h->idle_runs)
        uv_idle_start(&h->idle, on_idle);
    else if (!want && h->idle_runs)
        uv_idle_stop(&h->idle);
    h->idle_runs = want;
}

static void on_check(uv_check_t *check)
{
    run_due(check->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct http1 *h = prepare->data;
    run_due(h);
    settle(h);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct http1_daemon *d = poll->data;
    (void)status;
    (void)events;
    d->own_news = true;
    http1_due(d);
}

void http1_due(struct http1_daemon *d)
{
    if (d->due)
        return;
    d->due = true;
    d->next_due = d->front->due;
    d->front->due = d;
}

/* Targets reach us as they were sent: the router decodes them, once. */
static size_t keep_escaped(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls;
    (void)mhd;
    return str_c(s).n;
}

static void on_mhd_log(void *cls, const char *format, va_list args)
{
    (void)cls;
    (void)format;
    (void)args; /* what it has to say about a client's bytes is of no use to an operator */
}

static bool daemon_start(struct http1 *h, struct http1_daemon *d)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_ERROR_LOG;
#ifndef POSTERN_OLD_MHD
    flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
    d->front = h;
    d->mhd = MHD_start_daemon(flags, 0, NULL, NULL, http1_handle, d, MHD_OPTION_EXTERNAL_LOGGER,
                              on_mhd_log, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                              (size_t)HTTP1_POOL, MHD_OPTION_CONNECTION_LIMIT, 1u << 20,
                              MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION,
                              http1_notify_connection, d, MHD_OPTION_NOTIFY_COMPLETED,
                              http1_completed, d, MHD_OPTION_URI_LOG_CALLBACK, http1_request_line,
                              d, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
#ifdef POSTERN_OLD_MHD
                              MHD_OPTION_STRICT_FOR_CLIENT, 1,
#else
                              MHD_OPTION_CLIENT_DISCIPLINE_LVL, (int)CLIENT_DISCIPLINE,
#endif
                              MHD_OPTION_END);
    if (!d->mhd)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    d->epoll = info ? info->epoll_fd : -1;
    if (!info || uv_poll_init(h->loop, &d->poll, d->epoll) != 0)
        return false;
    h->open_handles++;
    d->poll.data = d;
    return uv_poll_start(&d->poll, UV_READABLE, on_readable) == 0;
}

static void release(struct http1 *h)
{
    if (--h->open_handles == 0)
        free(h);
}

static void on_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct http1_daemon *d = handle->data;
    struct http1 *h = d->front;
    free(d); /* breach: see daemon_open; `handle` is a part of it */
    release(h);
}

/* NULL: no memory or no descriptors are left for another one. */
static struct http1_daemon *daemon_open(struct http1 *h)
{
    if (h->ndaemons == HTTP1_DAEMONS_MAX)
        return NULL;
    struct http1_daemon *d = calloc(1, sizeof *d); /* breach: one per HTTP1_DAEMON_CROWD clients */
    if (!d)
        return NULL;
    h->daemons[h->ndaemons++] = d;
    if (daemon_start(h, d))
        return d;
    h->ndaemons--;
    if (d->mhd)
        MHD_stop_daemon(d->mhd);
    if (d->poll.data)
        uv_close((uv_handle_t *)&d->poll, on_poll_closed);
    else
        free(d); /* breach: see above */
    return NULL;
}

/* Waking a waiting connection makes MHD walk all waiting ones of its daemon, so they are kept few;
 * filled in order, so that a worker with few clients runs few daemons. */
static struct http1_daemon *daemon_for_client(struct http1 *h)
{
    struct http1_daemon *least = NULL;
    for (uint32_t i = 0; i < h->ndaemons; i++) {
        struct http1_daemon *d = h->daemons[i];
        if (d->connections < HTTP1_DAEMON_CROWD)
            return d;
        if (!least || d->connections < least->connections)
            least = d;
    }
    struct http1_daemon *fresh = daemon_open(h);
    return fresh ? fresh : least;
}

static bool sockets_open(struct http1 *h)
{
    h->sockets = epoll_create1(EPOLL_CLOEXEC);
    if (h->sockets < 0 || uv_poll_init(h->loop, &h->sockets_poll, h->sockets) != 0)
        return false;
    h->open_handles++;
    h->sockets_poll.data = h;
    return uv_poll_start(&h->sockets_poll, UV_READABLE, http1_sockets) == 0;
}

struct http1 *http1_open(uv_loop_t *loop, struct exchange_host *host)
{
    struct http1 *h = calloc(1, sizeof *h); /* breach: once per worker, at start */
    if (!h)
        return NULL;
    h->loop = loop;
    h->host = host;
    h->sockets = -1;
    uv_check_init(loop, &h->check);
    uv_prepare_init(loop, &h->prepare);
    uv_idle_init(loop, &h->idle);
    h->check.data = h->prepare.data = h->idle.data = h;
    h->open_handles = 3;
    uv_check_start(&h->check, on_check);
    uv_prepare_start(&h->prepare, on_prepare);
    if (!sockets_open(h) || !daemon_open(h)) {
        http1_close(h);
        return NULL;
    }
    return h;
}

void http1_adopt(struct http1 *h, int fd, const struct sockaddr *peer, socklen_t len)
{
    struct http1_daemon *d = daemon_for_client(h);
    /* MHD closes the socket itself when it cannot take it. */
    if (MHD_add_connection(d->mhd, fd, peer, len) == MHD_YES)
        http1_due(d);
}

uint32_t http1_connections(const struct http1 *h)
{
    return h->connections;
}

void http1_drain(struct http1 *h)
{
    h->draining = true;
    for (struct http1_connection *c = h->all; c; c = c->next)
        if (!c->x && !c->had_request_line)
            http1_last_request(c);
}

/* MHD must not be stopped with suspended connections: all are resumed into their end first. */
static void daemon_close(struct http1_daemon *d)
{
    for (struct http1_connection *c = d->front->all; c; c = c->next)
        if (c->daemon == d)
            http1_client_left(c);
    for (int i = 0; i < 4; i++)
        http1_ready_run(d);
    MHD_stop_daemon(d->mhd);
    uv_close((uv_handle_t *)&d->poll, on_poll_closed);
}

void http1_close(struct http1 *h)
{
    h->closing = true;
    for (uint32_t i = 0; i < h->ndaemons; i++)
        daemon_close(h->daemons[i]);
    http1_ready_close();
    h->due = NULL;
    if (h->sockets_poll.data)
        uv_close((uv_handle_t *)&h->sockets_poll, on_closed);
    if (h->sockets >= 0)
        close(h->sockets);
    uv_close((uv_handle_t *)&h->check, on_closed);
    uv_close((uv_handle_t *)&h->prepare, on_closed);
    uv_close((uv_handle_t *)&h->idle, on_closed);
}
