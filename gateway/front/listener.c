#include "gateway/front/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/core/text_values.h"

enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, WHY_MAX = 256, PAUSE_MS = 50 };

static int fail(int fd, char *why, struct str address, const char *what)
{
    snprintf(why, WHY_MAX, "%.*s: %s: %s", STR_ARG(address), what, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int bind_unix(const struct address *a, struct str text, char *why)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memcpy(un.sun_path, a->host.p, a->host.n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(fd, why, text, "no socket");
    struct stat old;
    if (lstat(un.sun_path, &old) == 0 && S_ISSOCK(old.st_mode))
        unlink(un.sun_path);
    if (bind(fd, (struct sockaddr *)&un, sizeof un) != 0 || listen(fd, BACKLOG) != 0)
        return fail(fd, why, text, "cannot listen");
    return fd;
}

static int bind_tcp(const struct addrinfo *info, struct str text, char *why)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(fd, why, text, "no socket");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        return fail(fd, why, text, "cannot listen");
    return fd;
}

int listener_bind(struct str address, char *why)
{
    struct address a;
    if (!address_parse(address, &a)) {
        snprintf(why, WHY_MAX, "%.*s: not an address; write host:port, [v6]:port or unix:/path",
                 STR_ARG(address));
        return -1;
    }
    if (a.is_unix)
        return bind_unix(&a, address, why);
    char host[256], port[8];
    snprintf(host, sizeof host, "%.*s", STR_ARG(a.host));
    snprintf(port, sizeof port, "%u", a.port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0) {
        snprintf(why, WHY_MAX, "%.*s: %s", STR_ARG(address), gai_strerror(rc));
        return -1;
    }
    int fd = bind_tcp(found, address, why);
    freeaddrinfo(found);
    return fd;
}

uint16_t listener_port(int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        return 0;
    if (a.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&a)->sin_port);
    return a.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&a)->sin6_port) : 0;
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void on_paused(uv_timer_t *timer)
{
    struct listener *l = timer->data;
    uv_poll_start(&l->poll, UV_READABLE, on_ready);
}

static bool exhausted(int error)
{
    return error == EMFILE || error == ENFILE;
}

/* Without a free descriptor the next client can be neither served nor left in the queue: the loop
 * would be woken for it again at once, and so for ever. It is turned away; where even that fails,
 * because another thread was quicker to take the spare one, nobody is listened to for a while. */
static bool turn_away(struct listener *l)
{
    int fd = -1, error = EMFILE;
    if (l->spare >= 0) {
        close(l->spare);
        fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
        error = fd < 0 ? errno : 0;
        if (fd >= 0)
            close(fd);
        l->spare = open_spare();
    }
    if (exhausted(error)) {
        uv_poll_stop(&l->poll);
        uv_timer_start(&l->pause, on_paused, PAUSE_MS, 0);
    }
    return fd >= 0;
}

static bool accept_one(struct listener *l)
{
    struct sockaddr_storage peer = {0};
    socklen_t n = sizeof peer;
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && exhausted(errno))
        return turn_away(l);
    if (fd < 0)
        return errno == ECONNABORTED || errno == EINTR;
    if (l->spare < 0)
        l->spare = open_spare();
    if (peer.ss_family != AF_UNIX) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    l->accepted(l->ctx, fd, (struct sockaddr *)&peer, n);
    return true;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l); i++)
        ;
}

bool listener_start(struct listener *l, uv_loop_t *loop, int fd,
                    void (*accepted)(void *ctx, int fd, const struct sockaddr *peer, socklen_t len),
                    void *ctx)
{
    *l = (struct listener){.fd = fd, .spare = open_spare(), .accepted = accepted, .ctx = ctx};
    if (uv_poll_init(loop, &l->poll, fd) != 0)
        return false;
    uv_timer_init(loop, &l->pause);
    l->poll.data = l->pause.data = l;
    return uv_poll_start(&l->poll, UV_READABLE, on_ready) == 0;
}

void listener_stop(struct listener *l)
{
    if (l->fd < 0)
        return;
    while (accept_one(l))
        ;
    uv_poll_stop(&l->poll);
    uv_close((uv_handle_t *)&l->poll, NULL);
    uv_close((uv_handle_t *)&l->pause, NULL);
    close(l->fd);
    if (l->spare >= 0)
        close(l->spare);
    l->fd = l->spare = -1;
}
