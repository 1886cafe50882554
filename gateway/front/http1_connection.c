#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "gateway/front/http1_internal.h"
#include "gateway/front/socket_info.h"

#define NEVER UINT64_MAX

enum {
    LINGER_MS = 2000,
    LEAVING_POLL_MS = 20,
    RAW_POLL_MS = 10,
    DROPPED_WELL = 16 << 10, /* in that time */
    LOOK_MS = 100,
    REFUSED_MS = 200, /* for the rest of a body whose answer is there */
    NEWS_PER_TURN = 256
};

struct http1_connection *http1_connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void print_peer(struct http1_connection *c, const struct sockaddr *peer)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (peer && peer->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(c->peer, sizeof c->peer, "%s:%u", host, ntohs(in->sin_port));
    } else if (peer && peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)peer;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(c->peer, sizeof c->peer, "[%s]:%u", host, ntohs(in->sin6_port));
    } else {
        snprintf(c->peer, sizeof c->peer, "unix");
    }
}

/* Bytes that the peer has not yet acknowledged. */
static int unsent(const struct http1_connection *c)
{
    int queued = 0;
    ioctl(c->fd, SIOCOUTQ, &queued);
    return queued;
}

/* Of the loop's clock: deadlines of seconds need no better one, and the timers run on it. */
static uint64_t now_ms(const struct http1_connection *c)
{
    return uv_now(c->daemon->front->loop);
}

static uint64_t waited_ms(const struct http1_connection *c)
{
    return now_ms(c) - c->wait_began;
}

static const struct bounds *bounds_of(const struct http1_connection *c)
{
    return c->x ? &c->x->snapshot->bounds : &c->daemon->front->host->scope->snapshot->bounds;
}

static void on_timer(struct timer *t);

/* A wait ends long before its time with nearly every request: so a timer that will fire earlier is
 * left to run, and looks then what it is to do. */
static void rearm(struct http1_connection *c, uint64_t ms)
{
    c->due = now_ms(c) + ms;
    if (timer_runs(&c->timer) && c->timer_at <= c->due)
        return;
    c->timer_at = c->due;
    timer_start(c->daemon->front->host->timers, &c->timer, ms, on_timer);
}

static void answer_head_late(struct http1_connection *c)
{
    static const char answer[] =
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
        "connection: close\r\ncontent-length: 82\r\n\r\n"
        "{\"code\":4,\"message\":\"the head of the request did not arrive in "
        "time\",\"details\":[]}";
    send(c->fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(c->fd, SHUT_RDWR);
}

/* MHD does not tell when a head begins, the socket's count of bytes does. A fresh connection's
 * starts at 0; after an answer it is looked at a little later (not at once: a busy connection would
 * pay for it with each request). A head that was begun has header_ms, counted from accept or the
 * last answer; one that began later is given at most twice that. Without a byte it is idle_ms. */
static void head_expired(struct http1_connection *c)
{
    const struct bounds *b = bounds_of(c);
    uint64_t passed = waited_ms(c);
    uint64_t received = socket_received(c->fd);
    if (c->answered_before && c->head == HEAD_UNSEEN && !c->had_request_line) {
        c->received = received;
        c->head = HEAD_LOOKED;
        http1_pool_trim(&c->pool);
        rearm(c, b->header_ms > passed ? b->header_ms - passed : 0);
        return;
    }
    bool begun = c->had_request_line || received > c->received;
    if (!begun && passed < b->idle_ms) {
        uint64_t left = b->idle_ms - passed;
        rearm(c, left < b->header_ms ? left : b->header_ms);
    } else if (begun && !c->had_request_line && c->head != HEAD_SEEN && passed > 2 * b->header_ms) {
        c->head = HEAD_SEEN;
        rearm(c, b->header_ms);
    } else if (begun) {
        answer_head_late(c);
    } else {
        shutdown(c->fd, SHUT_RDWR);
    }
}

/* The answer is there and the body is not. */
static bool refused(const struct http1_connection *c)
{
    return c->x && c->x->answer.complete && !c->x->body_ended;
}

/* The time a body may take grows with every byte that has come; a client's stream may pause, but
 * not for ever. */
static void body_expired(struct http1_connection *c)
{
    const struct bounds *b = bounds_of(c);
    if (refused(c)) {
        http1_answer_raw(c);
        return;
    }
    uint64_t allowed = b->body_ms + c->body_bytes * 1000 / (b->body_rate ? b->body_rate : 1);
    uint64_t passed = waited_ms(c);
    if (passed < allowed) {
        rearm(c, allowed - passed);
        return;
    }
    exchange_fail(c->x, TC_CODE_DEADLINE_EXCEEDED, 408,
                  "the request body arrived too slowly: %llu bytes in %llu ms",
                  (unsigned long long)c->body_bytes, (unsigned long long)passed);
    http1_answer_raw(c);
}

static void reader_expired(struct http1_connection *c)
{
    int queued = unsent(c);
    if (queued && queued == c->unsent) {
        http1_client_left(c);
        return;
    }
    c->unsent = queued;
    rearm(c, bounds_of(c)->write_stall_ms);
}

static void raw_expired(struct http1_connection *c)
{
    http1_raw_drop(c);
    if (http1_raw_write(c))
        return;
    if (waited_ms(c) < bounds_of(c)->write_stall_ms)
        rearm(c, RAW_POLL_MS);
    else
        http1_client_left(c);
}

/* Closing with bytes unread resets the connection, and what the client has not yet taken of its
 * answer is lost: so it is given time as long as it takes any, or sends at a good rate. */
static void close_expired(struct http1_connection *c)
{
    size_t before = c->dropped;
    bool sends = http1_raw_drop(c);
    int queued = unsent(c);
    if (queued != c->unsent || c->dropped - before >= DROPPED_WELL) {
        c->unsent = queued;
        c->wait_began = now_ms(c);
    }
    if (sends && waited_ms(c) < LINGER_MS)
        rearm(c, RAW_POLL_MS);
    else
        shutdown(c->fd, SHUT_RDWR);
}

/* In the middle of a body the end of the client's bytes is the end of the call; while it waits for
 * us it is, unless that is allowed. */
static bool watches_leaving(const struct http1_connection *c)
{
    return (c->wait == WAIT_BODY && !c->deaf) ||
           (c->wait == WAIT_CALL && !c->daemon->front->host->scope->snapshot->half_close_allowed);
}

/* Not as long as bytes are unread: MHD may be about to take them, or they are a pipelined request.
 * Where we have ended the client's bytes, only the kernel tells whether it has too. */
static bool has_left(const struct http1_connection *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 && c->deaf)
        return socket_peer_ended(c->fd);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void on_timer(struct timer *t)
{
    struct http1_connection *c =
        (struct http1_connection *)((char *)t - offsetof(struct http1_connection, timer));
    if (c->due > now_ms(c)) {
        if (c->due != NEVER)
            rearm(c, c->due - now_ms(c));
        return;
    }
    if (c->half_closed && watches_leaving(c)) {
        if (has_left(c))
            http1_client_left(c);
        else if (!c->suspended) /* else nobody reads on: it stays as it is */
            rearm(c, LEAVING_POLL_MS);
        return;
    }
    switch (c->wait) {
    case WAIT_HEAD: head_expired(c); break;
    case WAIT_BODY: body_expired(c); break;
    case WAIT_READER: reader_expired(c); break;
    case WAIT_RAW: raw_expired(c); break;
    case WAIT_CLOSE: close_expired(c); break;
    case WAIT_CALL: break;
    }
    http1_due(c->daemon);
}

/* When a connection that was just answered is looked at for the first time. */
static uint64_t first_look(const struct bounds *b)
{
    return b->header_ms / 4 < LOOK_MS ? b->header_ms / 4 : LOOK_MS;
}

void http1_wait(struct http1_connection *c, enum http1_wait wait)
{
    const struct bounds *b = bounds_of(c);
    c->wait = wait;
    c->wait_began = now_ms(c);
    if (c->half_closed && watches_leaving(c)) {
        rearm(c, 0); /* MHD has read on: perhaps up to the end by now */
        return;
    }
    switch (wait) {
    case WAIT_HEAD:
        c->head = HEAD_UNSEEN;
        rearm(c, c->answered_before ? first_look(b) : b->header_ms);
        break;
    case WAIT_BODY: rearm(c, refused(c) ? REFUSED_MS : b->body_ms); break;
    case WAIT_READER:
        c->unsent = 0; /* MHD writes when the socket has room: taken to be empty until it is looked
                          at */
        rearm(c, b->write_stall_ms);
        break;
    case WAIT_RAW:
    case WAIT_CLOSE: rearm(c, RAW_POLL_MS); break;
    case WAIT_CALL: c->due = NEVER; break;
    }
}

void http1_head_begun(struct http1_connection *c)
{
    uint64_t passed = waited_ms(c), allowed = bounds_of(c)->header_ms;
    c->had_request_line = true;
    rearm(c, passed < allowed ? allowed - passed : allowed);
}

static void connection_new(struct http1_daemon *d, struct MHD_Connection *mhd,
                           struct http1_connection **out)
{
    struct http1 *h = d->front;
    /* MHD answers each question in the same place. */
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(
        mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct http1_connection *c = calloc(1, sizeof *c); /* breach: one per connection */
    if (!c) {
        shutdown(fd, SHUT_RDWR);
        return;
    }
    c->daemon = d;
    c->mhd = mhd;
    c->fd = fd;
    http1_pool_note(&c->pool);
    buf_init(&c->target, h->host->scope->snapshot->bounds.header_bytes + 1);
    print_peer(c, peer ? peer->client_addr : NULL);
    c->next = h->all;
    if (c->next)
        c->next->link = &c->next;
    c->link = &h->all;
    h->all = c;
    h->connections++;
    d->connections++;
    http1_ready_add(c);
    *out = c;
    http1_wait(c, WAIT_HEAD);
}

static void connection_free(struct http1_connection *c)
{
    struct http1 *h = c->daemon->front;
    http1_ready_remove(c);
    timer_stop(h->host->timers, &c->timer);
    http1_pool_forget(&c->pool);
    if (c->x)
        exchange_free(c->x, false);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    h->connections--;
    c->daemon->connections--;
    buf_release(&c->target);
    buf_release(&c->raw);
    free(c); /* breach: see connection_new */
}

void http1_notify_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                             enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        connection_new(cls, mhd, (struct http1_connection **)socket_context);
    else if (*socket_context)
        connection_free(*socket_context);
}

void http1_suspend(struct http1_connection *c)
{
    if (c->suspended)
        return;
    c->suspended = true;
    MHD_suspend_connection(c->mhd);
}

void http1_resume(struct http1_connection *c)
{
    if (!c->suspended)
        return;
    c->suspended = false;
    MHD_resume_connection(c->mhd);
    http1_due(c->daemon);
}

void http1_last_request(struct http1_connection *c)
{
    c->deaf = true;
    shutdown(c->fd, SHUT_RD);
}

void http1_client_left(struct http1_connection *c)
{
    c->left = true;
    if (c->x && c->x->call) {
        call_cancel(c->x->call);
        c->x->call = NULL;
    }
    shutdown(c->fd, SHUT_RDWR);
    http1_resume(c);
    http1_due(c->daemon);
}

/* The client sends no more, or has gone. */
static void hung_up(struct http1_connection *c, bool gone)
{
    if (c->left || (c->half_closed && !gone && !c->deaf))
        return; /* told again, beside other news */
    c->half_closed = true;
    if (!c->x || (!gone && !watches_leaving(c)))
        return; /* MHD meets the end when it reads or writes */
    if (gone || has_left(c))
        http1_client_left(c);
    else
        http1_wait(c, c->wait);
}

void http1_sockets(uv_poll_t *poll, int status, int events)
{
    struct http1 *h = poll->data;
    struct epoll_event ready[NEWS_PER_TURN];
    (void)status;
    (void)events;
    int n = epoll_wait(h->sockets, ready, NEWS_PER_TURN, 0);
    for (int i = 0; i < n; i++) {
        struct http1_connection *c = ready[i].data.ptr;
        uint32_t now = ready[i].events;
        if (now & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))
            hung_up(c, now & (EPOLLERR | EPOLLHUP));
        http1_ready_note(c, now);
    }
}
