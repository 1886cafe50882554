/* The load: HTTP/1.1 POST requests of one body over many connections. It must cost less than what
 * it loads, or it is itself what is measured: one send, one recv and a share of an epoll_wait a
 * request.
 *
 *     client PORT PATH FILE CONNECTIONS COUNT RATE [HEADER...]
 *
 * RATE 0: each connection sends again once it is answered, and a request's time counts from then.
 * Else so many fall due each second by the clock, whether the last ones came back or not, and a
 * request's time counts from when it was due: so a stall is seen by all it would have hit.
 *
 * Prints one JSON object: requests, seconds, and of the times p50 p90 p99 p999 max in microseconds.
 * Exit 1 on any error; an answer that is not 200 is one. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 4 << 20, BATCH = 256, HEAD_MAX = 4096, GRACE_S = 5, CLOSED_S = 60 };
#define SECOND UINT64_C(1000000000)

struct client {
    int fd;
    uint64_t due;
    size_t sent, n, need; /* of the request; of the answer; 0: not known yet */
    bool chunked;
    char tail[7]; /* the last bytes, where a chunked answer ends */
};

struct run {
    char *request;
    size_t request_n;
    struct client *clients, **unused;
    size_t nunused;
    uint64_t begin, step, total, begun, done; /* step 0: as fast as answers come */
    uint32_t *took;                           /* microseconds */
};

static void die(const char *what)
{
    fprintf(stderr, "client: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t add(char *head, size_t n, const char *format, const char *text)
{
    size_t more = (size_t)snprintf(head + n, HEAD_MAX - n, format, text);
    if (more >= HEAD_MAX - n)
        die("the head is too long");
    return n + more;
}

static void load(struct run *r, const char *target, const char *path, char **headers)
{
    char length[32];
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die("the payload cannot be read");
    size_t body = (size_t)ftell(f);
    rewind(f);
    r->request = malloc(HEAD_MAX + body);
    size_t n = add(r->request, 0, "POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\n",
                   target);
    for (; *headers; headers++)
        n = add(r->request, n, "%s\r\n", *headers);
    snprintf(length, sizeof length, "%zu", body);
    n = add(r->request, n, "content-length: %s\r\n\r\n", length);
    if (fread(r->request + n, 1, body, f) != body)
        die("the payload cannot be read");
    r->request_n = n + body;
    fclose(f);
}

static void feed(const struct run *r, struct client *c)
{
    while (c->sent < r->request_n) {
        ssize_t n = send(c->fd, r->request + c->sent, r->request_n - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            die("the gateway closed a connection");
        c->sent += (size_t)n;
    }
}

/* Sends what is due as far as there are connections to send it on. */
static void begin_due(struct run *r)
{
    uint64_t now = now_ns();
    while (r->begun < r->total && r->nunused && r->begin + r->begun * r->step <= now) {
        struct client *c = r->unused[--r->nunused];
        c->due = r->step ? r->begin + r->begun * r->step : now;
        r->begun++;
        c->sent = c->n = c->need = 0;
        feed(r, c);
    }
}

static void head_of(struct client *c, char *p, size_t n)
{
    p[n] = '\0';
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (!end || memcmp(p, "HTTP/1.1 200", 12) != 0)
        die("an answer was not 200");
    const char *length = strcasestr(p, "content-length:");
    c->chunked = !length || length > end;
    c->need = c->chunked ? SIZE_MAX : (size_t)(end - p) + 4 + strtoul(length + 15, NULL, 10);
}

static void note_tail(struct client *c, const char *p, size_t n)
{
    size_t keep = n < sizeof c->tail ? sizeof c->tail - n : 0;
    memmove(c->tail, c->tail + sizeof c->tail - keep, keep);
    memcpy(c->tail + keep, p + n - (sizeof c->tail - keep), sizeof c->tail - keep);
}

static bool whole(const struct client *c)
{
    return c->chunked ? memcmp(c->tail, "\r\n0\r\n\r\n", 7) == 0 : c->n == c->need;
}

static void take_answer(struct run *r, struct client *c)
{
    static char in[ROOM + 1];
    for (;;) {
        ssize_t n = recv(c->fd, in, ROOM, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            die("the gateway closed a connection");
        if (c->n == 0)
            head_of(c, in, (size_t)n);
        c->n += (size_t)n;
        note_tail(c, in, (size_t)n);
        if (!whole(c))
            continue;
        r->took[r->done++] = (uint32_t)((now_ns() - c->due) / 1000);
        r->unused[r->nunused++] = c;
        return;
    }
}

static void connect_all(struct run *r, int epoll, int port, size_t count)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    r->clients = calloc(count, sizeof *r->clients);
    r->unused = calloc(count, sizeof *r->unused);
    for (size_t i = 0; i < count; i++) {
        struct client *c = &r->clients[i];
        c->sent = r->request_n; /* nothing to send yet */
        int on = 1;
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
            die("no connection to the gateway");
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
        r->unused[r->nunused++] = c;
    }
}

static void arm(const struct run *r, int timer)
{
    uint64_t next = r->begin + r->begun * r->step;
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next / 1000000000u),
                                         .tv_nsec = (long)(next % 1000000000u)}};
    if (r->begun < r->total && r->nunused)
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static uint64_t latest_end(const struct run *r)
{
    return r->begin + (r->step ? r->total * r->step + GRACE_S * SECOND : CLOSED_S * SECOND);
}

static void drive(struct run *r, int epoll, int timer)
{
    struct epoll_event ready[BATCH];
    while (r->done < r->total) {
        if (now_ns() > latest_end(r))
            die("answers are missing after the end");
        begin_due(r);
        if (r->step)
            arm(r, timer);
        int n = epoll_wait(epoll, ready, BATCH, 100);
        for (int i = 0; i < n; i++) {
            struct client *c = ready[i].data.ptr;
            uint64_t times;
            if (!c) {
                (void)!read(timer, &times, sizeof times);
                continue;
            }
            feed(r, c);
            if (ready[i].events & EPOLLIN)
                take_answer(r, c);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t at(const struct run *r, double share)
{
    return r->took[(size_t)(share * (double)(r->done - 1))];
}

int main(int argc, char **argv)
{
    struct run r = {0};
    if (argc < 7)
        die("usage: client PORT PATH FILE CONNECTIONS COUNT RATE [HEADER...]");
    uint64_t rate = strtoul(argv[6], NULL, 10);
    load(&r, argv[2], argv[3], argv + 7);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &e);
    r.total = strtoul(argv[5], NULL, 10);
    r.took = calloc(r.total + 1, sizeof *r.took);
    r.step = rate ? SECOND / rate : 0;
    connect_all(&r, epoll, (int)strtol(argv[1], NULL, 10), strtoul(argv[4], NULL, 10));
    r.begin = now_ns();
    drive(&r, epoll, timer);
    double seconds = (double)(now_ns() - r.begin) / 1e9;
    free(r.unused);
    qsort(r.took, r.done, sizeof *r.took, by_size);
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"p50\": %u, \"p90\": %u, \"p99\": %u, "
           "\"p999\": %u, \"max\": %u}\n",
           (unsigned long long)r.done, seconds, at(&r, .5), at(&r, .9), at(&r, .99), at(&r, .999),
           at(&r, 1));
    return 0;
}
