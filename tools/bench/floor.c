/* The floor: what answering costs when nothing is done at all. One thread, epoll; the length of a
 * connection's first request is learned, from then on bytes are counted and the same answer goes
 * out.
 *
 *     floor PORT FILE-WITH-THE-BODY */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 << 10, BATCH = 256, HEAD_MAX = 256 };

struct answer {
    char *p;
    size_t n;
};

struct client {
    int fd;
    size_t request; /* bytes of one request; 0: not known yet */
    size_t got;     /* of the current one */
    size_t owed;    /* answers to send */
    size_t sent;    /* of the current answer */
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct answer load(const char *path)
{
    struct answer a;
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die(path);
    size_t body = (size_t)ftell(f);
    rewind(f);
    a.p = malloc(HEAD_MAX + body);
    a.n = (size_t)snprintf(a.p, HEAD_MAX,
                           "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                           "content-length: %zu\r\n\r\n",
                           body);
    if (fread(a.p + a.n, 1, body, f) != body)
        die(path);
    a.n += body;
    fclose(f);
    return a;
}

/* 0 when the head is not whole: the load generator sends it in one piece, so that is an error. */
static size_t request_size(char *p, size_t n)
{
    p[n] = '\0';
    const char *end = strstr(p, "\r\n\r\n"), *length = strcasestr(p, "content-length:");
    if (!end)
        return 0;
    size_t head = (size_t)(end - p) + 4;
    return length && length < end ? head + strtoul(length + 15, NULL, 10) : head;
}

static bool answer(struct client *c, const struct answer *a)
{
    while (c->owed) {
        ssize_t n = send(c->fd, a->p + c->sent, a->n - c->sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        c->sent += (size_t)n;
        if (c->sent == a->n) {
            c->sent = 0;
            c->owed--;
        }
    }
    return true;
}

static bool serve(struct client *c, const struct answer *a)
{
    static char in[READ_SIZE + 1];
    ssize_t n;
    do {
        n = recv(c->fd, in, READ_SIZE, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        if (n < 0)
            break;
        if (!c->request && !(c->request = request_size(in, (size_t)n)))
            return false;
        c->got += (size_t)n;
        c->owed += c->got / c->request;
        c->got %= c->request;
    } while (n == READ_SIZE);
    return answer(c, a);
}

static int listen_on(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0)
        die("floor: listen");
    return fd;
}

static void take_client(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    struct client *c = fd < 0 ? NULL : calloc(1, sizeof *c);
    if (!c)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        close(fd);
        free(c);
    }
} /* NOLINT(clang-analyzer-unix.Malloc): epoll holds the client */

int main(int argc, char **argv)
{
    if (argc != 3)
        die("usage: floor PORT FILE");
    struct answer a = load(argv[2]);
    int listener = listen_on((int)strtol(argv[1], NULL, 10));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        struct epoll_event ready[BATCH];
        int n = epoll_wait(epoll, ready, BATCH, -1);
        for (int i = 0; i < n; i++) {
            struct client *c = ready[i].data.ptr;
            if (!c) {
                take_client(epoll, listener);
            } else if (!serve(c, &a)) {
                close(c->fd);
                free(c);
            }
        }
    }
}
