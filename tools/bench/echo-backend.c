/* The fastest honest gRPC server that the bench can put behind a gateway: HTTP/2 on nghttp2, one
 * thread, every message goes back as it came. A slower one would hide what the gateways cost. Two
 * methods are told by their names: a call of Sleep is held until it is cancelled; EchoStream sends
 * its message `count` times, or, when an interval is asked for, once, and then nothing any more.
 *
 *     echo-backend PORT [STREAMS-PER-CONNECTION] */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 << 10, WINDOW = 64 << 20, BATCH = 256 };

enum { ECHO, SLEEP, STREAM };

struct stream {
    char *p;
    size_t n, cap, sent;
    int method;
    bool goes_on; /* there is no end behind what is there */
};

struct client {
    int fd;
    nghttp2_session *session;
    char *out; /* what the socket did not take */
    size_t out_n, out_cap, out_at;
};

#define NV(name, value)                                                             \
    {                                                                               \
        (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, \
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE            \
    }

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    struct stream *s = calloc(1, sizeof *s);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t n, uint8_t flags, void *user)
{
    static const char *const names[] = {[SLEEP] = "/Sleep", [STREAM] = "/EchoStream"};
    struct stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags;
    (void)user;
    if (name_n != 5 || memcmp(name, ":path", 5) != 0)
        return 0;
    for (int i = SLEEP; i <= STREAM; i++) {
        size_t end = strlen(names[i]);
        if (n > end && memcmp(value + n - end, names[i], end) == 0)
            s->method = i;
    }
    return 0;
}

static void append(struct stream *s, const void *p, size_t n)
{
    if (n == 0)
        return;
    if (s->cap - s->n < n) {
        s->cap = (s->n + n) * 2;
        s->p = realloc(s->p, s->cap);
        if (!s->p)
            exit(1);
    }
    memcpy(s->p + s->n, p, n);
    s->n += n;
}

static uint64_t varint(const char **p, const char *end)
{
    uint64_t v = 0;
    for (int shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = (uint8_t) * (*p)++;
        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return v;
}

/* Puts the stream of messages in the place of the request: demo.v1.EchoStreamRequest has the
 * message in field 1, how many in 2, the interval in 3. Each gets its number as field 5. */
static void make_stream(struct stream *s)
{
    const char *p = s->p + 5, *end = s->p + s->n, *message = NULL;
    uint64_t message_n = 0, count = 0, interval = 0;
    while (p < end) {
        int field = *p++ >> 3;
        uint64_t v = varint(&p, end);
        if (field == 1) {
            message = p;
            message_n = v < (uint64_t)(end - p) ? v : (uint64_t)(end - p);
            p += message_n;
        } else {
            *(field == 2 ? &count : &interval) = v;
        }
    }
    struct stream out = {.goes_on = interval != 0};
    for (uint64_t i = 1; i <= (interval ? 1 : count); i++) {
        uint32_t n = htonl((uint32_t)message_n + 3);
        const uint8_t number[] = {5 << 3, (uint8_t)(i | 128), (uint8_t)(i >> 7 & 127)};
        append(&out, "", 1);
        append(&out, &n, 4);
        append(&out, message, message_n);
        append(&out, number, 3);
    }
    free(s->p);
    *s = out;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user)
{
    struct stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)flags;
    (void)user;
    append(s, p, n);
    return 0;
}

static ssize_t read_back(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    static const nghttp2_nv trailers[] = {NV("grpc-status", "0")};
    struct stream *s = source->ptr;
    (void)user;
    size_t n = s->n - s->sent < room ? s->n - s->sent : room;
    if (n == 0 && s->goes_on)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(to, s->p + s->sent, n);
    s->sent += n;
    if (s->sent == s->n && !s->goes_on) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, id, trailers, 1);
    }
    return (ssize_t)n;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    static const nghttp2_nv headers[] = {NV(":status", "200"),
                                         NV("content-type", "application/grpc")};
    (void)user;
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (!ends || (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
        return 0;
    struct stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (s->method == SLEEP)
        return 0;
    if (s->method == STREAM)
        make_stream(s);
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = read_back};
    nghttp2_submit_response(session, frame->hd.stream_id, headers, 2, &body);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)code;
    (void)user;
    if (s) {
        free(s->p);
        free(s);
    }
    return 0;
}

static void flush(struct client *c)
{
    while (c->out_at < c->out_n) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);
        if (n < 0)
            return;
        c->out_at += (size_t)n;
    }
    c->out_n = c->out_at = 0;
}

static void collect(struct client *c)
{
    const uint8_t *p;
    ssize_t n;
    while (c->out_n < READ_SIZE && (n = nghttp2_session_mem_send(c->session, &p)) > 0) {
        if (c->out_cap - c->out_n < (size_t)n) {
            c->out_cap = (c->out_n + (size_t)n) * 2;
            c->out = realloc(c->out, c->out_cap);
        }
        memcpy(c->out + c->out_n, p, (size_t)n);
        c->out_n += (size_t)n;
    }
}

static void write_all(struct client *c)
{
    do {
        flush(c);
        if (c->out_n)
            return;
        collect(c);
    } while (c->out_n);
}

static bool serve(struct client *c)
{
    static uint8_t in[READ_SIZE];
    ssize_t n;
    do { /* edges tell of new bytes only: none may stay behind */
        n = recv(c->fd, in, sizeof in, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        if (n > 0 && nghttp2_session_mem_recv(c->session, in, (size_t)n) != n)
            return false;
    } while (n == READ_SIZE);
    write_all(c);
    return nghttp2_session_want_read(c->session) || nghttp2_session_want_write(c->session);
}

static void take_client(int epoll, int listener, nghttp2_session_callbacks *callbacks,
                        uint32_t streams)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams},
    };
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct client *c = calloc(1, sizeof *c);
    c->fd = fd;
    nghttp2_session_server_new(&c->session, callbacks, c);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static void drop(struct client *c)
{
    close(c->fd);
    nghttp2_session_del(c->session);
    free(c->out);
    free(c);
}

static int listen_on(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0)
        die("echo-backend: listen");
    return fd;
}

int main(int argc, char **argv)
{
    int listener = listen_on(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 9001);
    uint32_t streams = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    signal(SIGPIPE, SIG_IGN);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        struct epoll_event ready[BATCH];
        int n = epoll_wait(epoll, ready, BATCH, -1);
        for (int i = 0; i < n; i++) {
            if (!ready[i].data.ptr)
                take_client(epoll, listener, callbacks, streams);
            else if (!serve(ready[i].data.ptr))
                drop(ready[i].data.ptr);
        }
    }
}
