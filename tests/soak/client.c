/* A client that keeps a ledger: every request carries a number of its own, every answer must carry
 * it back, once.
 *
 *     soak-client PORT REQUESTS CONNECTIONS ABORT_PER_MILLE
 *
 * Each connection has one request in flight. Some requests are aborted: the connection is closed at
 * a random point (while the request is sent, or while the answer is awaited). An answer is right
 * when it is 200 with the number and the text that were sent, or 503 (the backend was just
 * restarted) with a whole google.rpc.Status. Anything else, and any connection that ends where it
 * should not, is a fault: printed and counted. Prints the ledger as `name value` lines and exits 1
 * when it does not add up. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 256 << 10, OUT_MAX = 128 << 10, BATCH = 256, FAULTS_SHOWN = 20, STALL_S = 60 };

struct ledger {
    uint64_t begun, ok, unavailable, aborted, faults, lost;
};

struct client {
    int fd;
    uint64_t number;
    bool busy, abort;
    size_t abort_after; /* bytes of the request, then the close; beyond its length: while waiting */
    char *out, *in;
    size_t out_n, out_at, in_n;
};

struct soak {
    int epoll, port, per_mille;
    uint64_t target, open;
    struct ledger l;
    struct client *clients;
    size_t nclients;
    uint32_t random;
    time_t progress;
};

static uint32_t next_random(struct soak *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random;
}

static void fault(struct soak *s, const struct client *c, const char *what)
{
    if (s->l.faults++ < FAULTS_SHOWN)
        fprintf(stderr, "soak: request %llu: %s: %.*s\n", (unsigned long long)c->number, what,
                (int)(c->in_n < 600 ? c->in_n : 600), c->in);
}

/* Small ones mostly; now and then one that does not fit a socket buffer. */
static size_t body_of(struct soak *s, char *p, uint64_t number)
{
    size_t n = next_random(s) % 1000 < 5 ? 60000 : next_random(s) % 200;
    size_t at = (size_t)snprintf(p, OUT_MAX, "{\"id\":\"%llu\",\"text\":\"",
                                 (unsigned long long)number);
    for (size_t i = 0; i < n; i++)
        p[at++] = (char)('a' + (number + i) % 26);
    return at + (size_t)snprintf(p + at, OUT_MAX - at, "\"}");
}

static void compose(struct soak *s, struct client *c)
{
    static char body[OUT_MAX];
    size_t n = body_of(s, body, c->number);
    c->out_n = (size_t)snprintf(c->out, OUT_MAX + 256,
                                "POST /v1/echo HTTP/1.1\r\nhost: soak\r\ncontent-type: "
                                "application/json\r\ncontent-length: %zu\r\n\r\n",
                                n);
    memcpy(c->out + c->out_n, body, n);
    c->out_n += n;
    c->out_at = c->in_n = 0;
    c->abort = next_random(s) % 1000 < (uint32_t)s->per_mille;
    c->abort_after = c->abort ? next_random(s) % (2 * c->out_n) : SIZE_MAX;
}

static bool connect_client(struct soak *s, struct client *c)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&at, sizeof at) != 0) {
        perror("soak: connect");
        return false;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

static bool begin(struct soak *s, struct client *c)
{
    c->busy = s->l.begun < s->target;
    if (!c->busy) {
        close(c->fd);
        c->fd = -1;
        s->open--;
        return true;
    }
    c->number = ++s->l.begun;
    compose(s, c);
    return true;
}

static bool again(struct soak *s, struct client *c)
{
    close(c->fd);
    return connect_client(s, c) && begin(s, c);
}

/* Sends what may be sent. False: the abort is due. */
static bool push(struct client *c)
{
    while (c->out_at < c->out_n) {
        size_t n = c->out_n - c->out_at;
        if (c->abort_after < c->out_n && c->abort_after - c->out_at < n)
            n = c->abort_after - c->out_at;
        if (n == 0)
            return false;
        ssize_t sent = send(c->fd, c->out + c->out_at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return true;
        c->out_at += (size_t)sent;
    }
    return !c->abort;
}

/* 0: not whole yet; else its length. SIZE_MAX: no HTTP answer at all. */
static size_t answer_length(const struct client *c)
{
    const char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - c->in) + 4;
    const char *length = memmem(c->in, head, "Content-Length: ", 16);
    if (!length)
        return SIZE_MAX;
    size_t n = head + strtoul(length + 16, NULL, 10);
    return n <= c->in_n ? n : 0;
}

static bool echoes(const struct client *c, size_t n)
{
    char id[64];
    size_t id_n = (size_t)snprintf(id, sizeof id, "\"id\":\"%llu\"", (unsigned long long)c->number);
    const char *sent = memmem(c->out, c->out_n, "\"text\":\"", 8);
    size_t text = (size_t)(c->out + c->out_n - 2 - sent);
    bool empty = text == 8;
    return memmem(c->in, n, id, id_n) && (empty || memmem(c->in, n, sent, text));
}

/* The answer is whole: into the ledger with it. */
static void judge(struct soak *s, struct client *c, size_t n)
{
    if (n == SIZE_MAX || n != c->in_n)
        fault(s, c, "more bytes than one answer");
    else if (memcmp(c->in, "HTTP/1.1 200 ", 13) == 0 && echoes(c, n))
        s->l.ok++;
    else if (memcmp(c->in, "HTTP/1.1 503 ", 13) == 0 && memmem(c->in, n, "{\"code\":14,", 11))
        s->l.unavailable++;
    else
        fault(s, c, "a wrong answer");
}

static bool pull(struct soak *s, struct client *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->in + c->in_n, IN_MAX - c->in_n, MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        c->in_n += (size_t)n;
        size_t whole = answer_length(c);
        if (!whole)
            continue;
        judge(s, c, whole);
        s->progress = time(NULL);
        bool closes = memmem(c->in, c->in_n, "Connection: close", 17) != NULL;
        return closes ? again(s, c) : (begin(s, c), c->fd < 0 || push(c) || (c->abort = true));
    }
}

static bool step(struct soak *s, struct client *c)
{
    if (c->fd < 0)
        return true;
    bool alive = push(c);
    if (alive)
        alive = pull(s, c);
    if (c->fd < 0)
        return true;
    if (c->abort && (c->out_at >= c->out_n || c->abort_after <= c->out_at)) {
        s->l.aborted++;
        return again(s, c);
    }
    if (!alive) {
        s->l.lost++;
        fault(s, c, "the connection ended without an answer");
        return again(s, c);
    }
    return true;
}

static bool run(struct soak *s)
{
    s->progress = time(NULL);
    while (s->open) {
        struct epoll_event ready[BATCH];
        int n = epoll_wait(s->epoll, ready, BATCH, 1000);
        for (int i = 0; i < n; i++)
            if (!step(s, ready[i].data.ptr))
                return false;
        if (time(NULL) - s->progress > STALL_S) {
            fprintf(stderr, "soak: nothing has moved for %d s\n", STALL_S);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "soak-client PORT REQUESTS CONNECTIONS ABORT_PER_MILLE\n");
        return 2;
    }
    struct soak s = {.port = (int)strtol(argv[1], NULL, 10),
                     .target = strtoull(argv[2], NULL, 10),
                     .nclients = strtoul(argv[3], NULL, 10),
                     .per_mille = (int)strtol(argv[4], NULL, 10),
                     .random = 2463534242u};
    signal(SIGPIPE, SIG_IGN);
    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    s.clients = calloc(s.nclients, sizeof *s.clients);
    s.open = s.nclients;
    for (size_t i = 0; i < s.nclients; i++) {
        struct client *c = &s.clients[i];
        c->in = malloc(IN_MAX);
        c->out = malloc(OUT_MAX + 256);
        if (!connect_client(&s, c) || !begin(&s, c))
            return 1;
    }
    bool ended = run(&s);
    const struct ledger *l = &s.l;
    uint64_t sum = l->ok + l->unavailable + l->aborted + l->faults;
    printf("begun %llu\nok %llu\nunavailable %llu\naborted %llu\nlost %llu\nfaults %llu\n",
           (unsigned long long)l->begun, (unsigned long long)l->ok,
           (unsigned long long)l->unavailable, (unsigned long long)l->aborted,
           (unsigned long long)l->lost, (unsigned long long)l->faults);
    return ended && l->faults == 0 && sum == l->begun ? 0 : 1;
}
