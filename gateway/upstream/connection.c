#include "gateway/upstream/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a socket did not take is copied; this is the most that one flush gathers. */
enum { TAIL_MAX = OUTPUT_TOTAL + OUTPUT_PIECE, TAIL_KEEP = 32 << 10, SENTENCE = 480, FLUSHES = 4 };

static void wake(void *ctx)
{
    struct connection *c = ctx;

    if (c->dirty || c->state == CONNECTION_DOWN)
        return;
    c->dirty = true;
    c->next_dirty = c->turn->dirty;
    c->turn->dirty = c;
    turn_schedule(c->turn);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;

    buf_release(&c->tail);
    turn_drop(c->turn);
    free(c);
}

/* The turn may still have it on its list of dirty ones. */
static void forget_dirty(struct connection *c)
{
    struct connection **at = &c->turn->dirty;

    while (*at && *at != c)
        at = &(*at)->next_dirty;
    if (*at)
        *at = c->next_dirty;
    c->dirty = false;
}

void connection_close(struct connection *c, struct str why)
{
    if (c->state == CONNECTION_DOWN)
        return;
    c->state = CONNECTION_DOWN;
    forget_dirty(c);
    timer_stop(&c->turn->timers, &c->timer);
    /* First the handle, then the descriptor: its number may be another's at once. */
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close(c->fd);
    http2_session_free(c->session, why);
    c->session = NULL;
    turn_schedule(c->turn);
}

/* `what` ends the sentence "connection to NAME ...". */
__attribute__((format(printf, 2, 3))) static void fail(struct connection *c, const char *what, ...)
{
    char tail[HTTP2_REASON], text[SENTENCE];
    bool was_up = c->state == CONNECTION_UP;
    va_list args;

    va_start(args, what);
    vsnprintf(tail, sizeof tail, what, args);
    va_end(args);
    snprintf(text, sizeof text, "connection to %.*s %s", STR_ARG(c->options.name), tail);
    connection_close(c, str_c(text));
    c->events->down(c, str_c(text), was_up);
}

static void fail_errno(struct connection *c, int error)
{
    switch (error) {
    case ECONNREFUSED: fail(c, "refused"); break;
    case ECONNRESET:
    case EPIPE: fail(c, "was reset by the peer"); break;
    case ENOENT: fail(c, "failed: there is no such socket"); break;
    case ETIMEDOUT: fail(c, "timed out"); break;
    default: fail(c, "failed: %s", uv_strerror(-error)); break;
    }
}

/* The session has nothing more to say. Without a call to suffer from it that is no failure of a
 * connection that was up. */
static void finish(struct connection *c)
{
    bool harmless = c->state == CONNECTION_UP && c->session->nstreams == 0 && !c->session->broken;

    if (harmless) {
        connection_close(c, STR_NONE);
        c->events->down(c, STR_NONE, true);
    } else {
        fail(c, "%s", c->session->reason[0] ? c->session->reason : "was closed by the peer");
    }
}

/* ---- life: connect timeout, then keep-alive ---- */

static void on_keepalive(struct timer *timer)
{
    struct connection *c = (struct connection *)((char *)timer -
                                                 offsetof(struct connection, timer));
    const struct connection_options *o = &c->options;
    uint64_t now = uv_now(c->turn->loop), silent = now - c->heard, wait = o->keepalive_interval_ms;

    bool unanswered = c->session->pinged && c->heard <= c->pinged;

    if (unanswered && now - c->pinged >= o->keepalive_timeout_ms) {
        fail(c, "did not answer a PING within %u s", (o->keepalive_timeout_ms + 999) / 1000);
        return;
    }
    if (unanswered) {
        wait = o->keepalive_timeout_ms - (now - c->pinged);
    } else if (c->session->nstreams && silent >= o->keepalive_interval_ms) {
        http2_session_ping(c->session);
        c->pinged = now;
        wait = o->keepalive_timeout_ms;
    } else if (c->session->nstreams) {
        wait = o->keepalive_interval_ms - silent;
    }
    timer_start(&c->turn->timers, timer, wait, on_keepalive);
}

static void on_connect_timeout(struct timer *timer)
{
    struct connection *c = (struct connection *)((char *)timer -
                                                 offsetof(struct connection, timer));
    uint32_t ms = c->options.connect_timeout_ms;

    if (ms % 1000)
        fail(c, "was not made within %u ms: no answer", ms);
    else
        fail(c, "was not made within %u s: no answer", ms / 1000);
}

static void greeted(struct connection *c)
{
    c->state = CONNECTION_UP;
    timer_stop(&c->turn->timers, &c->timer);
    if (c->options.keepalive_interval_ms)
        timer_start(&c->turn->timers, &c->timer, c->options.keepalive_interval_ms, on_keepalive);
    c->events->up(c);
}

/* ---- reading ---- */

static void on_readable(struct connection *c)
{
    ssize_t n = read(c->fd, c->turn->input, sizeof c->turn->input);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        fail_errno(c, errno);
        return;
    }
    if (n == 0) {
        finish(c);
        return;
    }
    c->heard = uv_now(c->turn->loop);
    if (!http2_session_receive(c->session, str_of(c->turn->input, (size_t)n))) {
        fail(c, "%s", c->session->reason);
        return;
    }
    if (http2_session_has_output(c->session) || http2_session_finished(c->session))
        wake(c);
    if (c->state == CONNECTION_GREETING && c->session->settings_seen)
        greeted(c);
    if (c->session->goaway && c->state == CONNECTION_UP && !c->goaway_told) {
        c->goaway_told = true;
        c->events->goaway(c, c->session->calm);
    }
    turn_schedule(c->turn);
}

/* ---- writing ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct connection *c, int events)
{
    if (c->watched != events)
        uv_poll_start(&c->poll, events, on_poll);
    c->watched = events;
}

/* Keeps what the socket did not take. */
static bool keep_rest(struct connection *c, const struct output *out, size_t written)
{
    for (uint32_t i = 0; i < out->nvectors; i++) {
        struct str piece = str_of(out->vectors[i].iov_base, out->vectors[i].iov_len);
        size_t skip = written < piece.n ? written : piece.n;
        written -= skip;
        if (!buf_add(&c->tail, str_skip(piece, skip)))
            return false;
    }
    return true;
}

enum flushed { FLUSHED, WAITING, FAILED };

static enum flushed write_failed(struct connection *c)
{
    if (errno == EAGAIN || errno == EINTR) {
        watch(c, UV_READABLE | UV_WRITABLE);
        return WAITING;
    }
    fail_errno(c, errno);
    return FAILED;
}

static enum flushed write_tail(struct connection *c)
{
    struct str rest = str_skip(buf_str(&c->tail), c->tail_at);

    if (rest.n == 0)
        return FLUSHED;
    ssize_t n = send(c->fd, rest.p, rest.n, MSG_NOSIGNAL);
    if (n < 0)
        return write_failed(c);
    c->tail_at += (size_t)n;
    if (c->tail_at < c->tail.n) {
        watch(c, UV_READABLE | UV_WRITABLE);
        return WAITING;
    }
    c->tail.n = c->tail_at = 0;
    if (c->tail.cap > TAIL_KEEP)
        buf_release(&c->tail);
    return FLUSHED;
}

static enum flushed write_output(struct connection *c, struct output *out)
{
    struct msghdr message = {.msg_iov = out->vectors, .msg_iovlen = out->nvectors};
    ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);

    if (n == (ssize_t)out->total)
        return FLUSHED;
    int error = errno;
    if (!keep_rest(c, out, n < 0 ? 0 : (size_t)n)) {
        fail(c, "was given up: out of memory");
        return FAILED;
    }
    errno = n < 0 ? error : EAGAIN;
    return write_failed(c);
}

/* Gathers and writes until nothing is left, the socket is full, or others should have their turn.
 */
static enum flushed write_session(struct connection *c)
{
    struct output *out = &c->turn->output;
    enum flushed done = FLUSHED;

    for (int i = 0; i < FLUSHES && done == FLUSHED; i++) {
        output_reset(out);
        if (!http2_session_gather(c->session, out)) {
            fail(c, "%s", c->session->reason);
            done = FAILED;
        } else if (out->nvectors == 0) {
            break;
        } else {
            done = write_output(c, out);
        }
    }
    output_reset(out);
    if (done == FLUSHED && http2_session_has_output(c->session))
        wake(c);
    return done;
}

void connection_flush(struct connection *c)
{
    if (c->state == CONNECTION_CONNECTING || c->state == CONNECTION_DOWN)
        return;
    enum flushed done = write_tail(c);
    if (done == FLUSHED)
        done = write_session(c);
    if (done != FLUSHED)
        return;
    watch(c, UV_READABLE);
    if (http2_session_finished(c->session))
        finish(c);
}

/* ---- connecting ---- */

static void connected(struct connection *c)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
        error = errno;
    if (error) {
        fail_errno(c, error);
        return;
    }
    c->state = CONNECTION_GREETING;
    watch(c, UV_READABLE);
    wake(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct connection *c = poll->data;

    if (c->state == CONNECTION_CONNECTING)
        connected(c);
    else if (status < 0 || events & UV_READABLE)
        on_readable(c);
    if (events & UV_WRITABLE && c->state >= CONNECTION_GREETING)
        wake(c);
}

/* Small messages at once, and a dead host noticed by TCP: pings of HTTP/2 are rare, because
 * gRPC servers punish frequent ones. */
static void tune(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},   {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 20}, {IPPROTO_TCP, TCP_KEEPINTVL, 5},
        {IPPROTO_TCP, TCP_KEEPCNT, 4},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static int open_socket(const struct address *a)
{
    int fd = socket(a->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (a->socket.ss_family != AF_UNIX)
        tune(fd);
    int rc = connect(fd, (const struct sockaddr *)&a->socket, a->n);
    if (rc == 0 || errno == EINPROGRESS)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static struct connection *make(struct turn *turn, const struct connection_options *options)
{
    struct connection *c = calloc(1, sizeof *c); /* breach: lives as long as its socket */
    struct http2_session_options session = {options->authority, options->max_streams};

    if (!c)
        return NULL;
    c->session = http2_session_new(&session, wake, c);
    if (!c->session) {
        free(c);
        return NULL;
    }
    c->turn = turn;
    c->options = *options;
    c->address = *options->address;
    c->options.address = &c->address;
    buf_init(&c->tail, TAIL_MAX);
    return c;
}

static void discard(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    http2_session_free(c->session, STR_NONE);
    free(c);
}

struct connection *connection_open(struct turn *turn, const struct connection_options *options,
                                   const struct connection_events *events, void *owner,
                                   const char **why)
{
    struct connection *c = make(turn, options);

    *why = "failed: out of memory";
    if (!c)
        return NULL;
    c->owner = owner;
    c->events = events;
    c->fd = open_socket(&c->address);
    if (c->fd < 0 || uv_poll_init(turn->loop, &c->poll, c->fd) != 0) {
        *why = c->fd >= 0              ? "failed: the loop does not take it"
               : errno == ECONNREFUSED ? "refused"
               : errno == ENOENT       ? "failed: there is no such socket"
                                       : uv_strerror(-errno);
        discard(c);
        return NULL;
    }
    c->poll.data = c;
    turn_hold(turn);
    watch(c, UV_WRITABLE);
    timer_start(&turn->timers, &c->timer, options->connect_timeout_ms, on_connect_timeout);
    return c;
}

uint32_t connection_room(const struct connection *c)
{
    return c->state == CONNECTION_UP ? http2_session_room(c->session) : 0;
}
