#include "gateway/front/http1_ready.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway/front/http1_internal.h"

int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __real_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout);
ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

enum { SEATS_FIRST = 256, TOGETHER_MAX = 4096 };

/* By descriptor. MHD leaves its set only after it has said that the connection is closed, so a seat
 * stays until then. */
struct seat {
    struct http1_connection *c; /* NULL: free, or closed */
    int epoll;                  /* MHD's set that it belongs to */
    bool waits;                 /* it is in that set */
};

/* MHD passes nothing through that could carry these; each worker's thread has its own. */
static _Thread_local struct seat *seats;           /* breach: see above */
static _Thread_local size_t nseats;                /* breach: see above */
static _Thread_local struct http1_daemon *on_turn; /* breach: see above; in http1_ready_run */

static struct seat *seat_of(int fd)
{
    return fd >= 0 && (size_t)fd < nseats ? &seats[fd] : NULL;
}

static bool seats_reach(int fd)
{
    size_t n = nseats ? nseats : SEATS_FIRST;
    while (n <= (size_t)fd)
        n *= 2;
    if (n == nseats)
        return true;
    struct seat *more = realloc(seats, n * sizeof *more); /* breach: doubled, for the thread's life
                                                           */
    if (!more)
        return false;
    memset(more + nseats, 0, (n - nseats) * sizeof *more);
    seats = more;
    nseats = n;
    return true;
}

static void put_on_list(struct http1_connection *c)
{
    struct http1_daemon *d = c->daemon;
    if (c->listed)
        return;
    c->listed = true;
    c->next_news = d->news;
    d->news = c;
    http1_due(d);
}

static void take_off_list(struct http1_connection *c)
{
    struct http1_connection **at = &c->daemon->news;
    while (c->listed && *at != c)
        at = &(*at)->next_news;
    if (c->listed)
        *at = c->next_news;
    c->listed = false;
}

bool http1_ready_add(struct http1_connection *c)
{
    struct epoll_event all = {
        .events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET,
        .data.ptr = c,
    };
    if (!seats_reach(c->fd) ||
        __real_epoll_ctl(c->daemon->front->sockets, EPOLL_CTL_ADD, c->fd, &all))
        return false;
    seats[c->fd] = (struct seat){.c = c, .epoll = c->daemon->epoll};
    c->readable = true;
    return true;
}

void http1_ready_remove(struct http1_connection *c)
{
    struct epoll_event unused = {0};
    struct seat *seat = seat_of(c->fd);
    take_off_list(c);
    if (!seat || seat->c != c)
        return;
    __real_epoll_ctl(c->daemon->front->sockets, EPOLL_CTL_DEL, c->fd, &unused);
    seat->c = NULL;
}

void http1_ready_note(struct http1_connection *c, uint32_t events)
{
    c->news |= events & (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLERR | EPOLLHUP);
    c->readable |= (events & ~(uint32_t)EPOLLOUT) != 0;
    if (seats[c->fd].waits)
        put_on_list(c);
}

void http1_ready_run(struct http1_daemon *d)
{
    on_turn = d;
    MHD_run(d->mhd);
    on_turn = NULL;
}

void http1_ready_close(void)
{
    free(seats); /* breach: see seats_reach */
    seats = NULL;
    nseats = 0;
}

/* ---- what MHD calls ---- */

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    struct seat *seat = seat_of(fd);
    bool ours = seat && seat->epoll == epoll && (seat->c || seat->waits);
    if (!ours)
        return __real_epoll_ctl(epoll, op, fd, event);
    seat->waits = op != EPOLL_CTL_DEL;
    if (seat->waits && seat->c && seat->c->news)
        put_on_list(seat->c);
    return 0;
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    int n = 0;
    if (!on_turn || on_turn->epoll != epoll)
        return __real_epoll_wait(epoll, events, max, timeout);
    while (n < max && on_turn->news) {
        struct http1_connection *c = on_turn->news;
        on_turn->news = c->next_news;
        c->listed = false;
        if (!seats[c->fd].waits)
            continue; /* suspended meanwhile: told when it waits again */
        events[n++] = (struct epoll_event){.events = c->news, .data.ptr = c->mhd};
        c->news = 0;
    }
    if (on_turn->own_news && n < max) { /* the loop tells again as long as something is left */
        on_turn->own_news = false;
        int own = __real_epoll_wait(epoll, events + n, max - n, 0);
        n += own > 0 ? own : 0;
    }
    return n;
}

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags)
{
    struct seat *seat = seat_of(fd);
    struct http1_connection *c = seat && !(flags & MSG_PEEK) ? seat->c : NULL;
    if (c && !c->readable) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t got = __real_recv(fd, p, n, flags);
    /* The end of the client's bytes comes with an edge of its own; it may have come before. */
    if (c && !c->half_closed && (got < 0 ? errno == EAGAIN : got > 0 && (size_t)got < n))
        c->readable = false;
    return got;
}

/* Head and body of a short answer. The kernel takes one piece of memory more cheaply than a list.
 */
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct seat *seat = seat_of(fd);
    char together[TOGETHER_MAX];
    size_t n = 0;

    if (!seat || !seat->c || message->msg_name || message->msg_controllen)
        return __real_sendmsg(fd, message, flags);
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        if (piece->iov_len > sizeof together - n)
            return __real_sendmsg(fd, message, flags);
        if (piece->iov_len)
            memcpy(together + n, piece->iov_base, piece->iov_len);
        n += piece->iov_len;
    }
    return send(fd, together, n, flags);
}
