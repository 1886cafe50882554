#include "tests/fakes/h2_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FRAME_HEAD = 9, FRAME_MAX = 16384, BUFFER_MAX = 1 << 30, PREFACE = 24 };

static uint32_t u32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* ---- writing ---- */

static void on_poll(uv_poll_t *poll, int status, int events);
static void drop_streams(struct h2_connection *c);

static void on_closed(uv_handle_t *handle)
{
    struct h2_connection *c = handle->data;

    drop_streams(c);
    buf_release(&c->in);
    buf_release(&c->out);
    nghttp2_hd_inflate_del(c->inflater);
    free(c);
}

void h2_drop(struct h2_connection *c)
{
    struct h2_connection **at = &c->server->connections;

    if (c->closed)
        return;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->closed = true;
    c->server->open--;
    uv_poll_stop(&c->poll);
    close(c->fd);
    uv_close((uv_handle_t *)&c->poll, on_closed);
}

/* Moving the rest to the front each time would make large bodies cost their square. */
static void advance(struct buf *b, size_t *at, size_t n)
{
    *at += n;
    if (*at < b->n / 2)
        return;
    buf_consume(b, *at);
    *at = 0;
}

static void flush(struct h2_connection *c)
{
    size_t n = c->out.n - c->out_at;

    if (c->closed || c->corked)
        return;
    if (c->server->piece && n > c->server->piece)
        n = c->server->piece;
    ssize_t done = n ? send(c->fd, c->out.p + c->out_at, n, MSG_NOSIGNAL) : 0;
    if (done < 0 && errno != EAGAIN) {
        h2_drop(c);
        return;
    }
    if (done > 0)
        advance(&c->out, &c->out_at, (size_t)done);
    if (c->hang_up && c->out.n == 0)
        h2_drop(c);
    else
        uv_poll_start(&c->poll, c->out.n ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

void h2_hang_up(struct h2_connection *c)
{
    c->hang_up = true;
    flush(c);
}

void h2_bytes(struct h2_connection *c, const void *p, size_t n)
{
    if (!c->closed && !buf_add(&c->out, str_of(p, n)))
        abort();
    flush(c);
}

void h2_frame(struct h2_connection *c, uint8_t type, uint8_t flags, uint32_t stream, const void *p,
              size_t n)
{
    if (c->closed)
        return;
    h2_put_frame(&c->out, type, flags, stream, str_of(p, n));
    flush(c);
}

void h2_settings(struct h2_connection *c, const uint32_t *pairs, size_t n)
{
    char body[6 * 64];

    for (size_t i = 0; i < n && i < 64; i++) {
        body[6 * i] = (char)(pairs[2 * i] >> 8);
        body[6 * i + 1] = (char)pairs[2 * i];
        h2_put32(body + 6 * i + 2, pairs[2 * i + 1]);
    }
    h2_frame(c, H2_SETTINGS, 0, 0, body, 6 * n);
}

void h2_goaway(struct h2_connection *c, uint32_t last_id, uint32_t code)
{
    char body[8];

    h2_put32(body, last_id);
    h2_put32(body + 4, code);
    h2_frame(c, H2_GOAWAY, 0, 0, body, sizeof body);
}

void h2_reset(struct h2_stream *s, uint32_t code)
{
    char body[4];

    h2_put32(body, code);
    h2_frame(s->connection, H2_RST_STREAM, 0, s->id, body, sizeof body);
}

static void send_block(struct h2_stream *s, const struct buf *block, bool end_stream)
{
    size_t at = 0;
    uint8_t type = H2_HEADERS;

    do {
        size_t n = block->n - at < FRAME_MAX ? block->n - at : FRAME_MAX;
        uint8_t flags = at + n == block->n ? H2_END_HEADERS : 0;
        if (type == H2_HEADERS && end_stream)
            flags |= H2_END_STREAM;
        h2_frame(s->connection, type, flags, s->id, block->p + at, n);
        type = 9; /* CONTINUATION */
        at += n;
    } while (at < block->n);
}

void h2_head(struct h2_stream *s, const char *headers, bool end_stream)
{
    struct buf block = h2_block(headers);

    send_block(s, &block, end_stream);
    buf_release(&block);
}

static void pump(struct h2_stream *s)
{
    struct h2_connection *c = s->connection;

    while (s->out.n && s->window > 0 && c->window > 0 && !c->closed) {
        int64_t n = (int64_t)(s->out.n - s->out_at);
        n = n > s->window ? s->window : n;
        n = n > c->window ? c->window : n;
        n = n > FRAME_MAX ? FRAME_MAX : n;
        s->window -= n;
        c->window -= n;
        h2_frame(c, H2_DATA, 0, s->id, s->out.p + s->out_at, (size_t)n);
        if (!c->closed)
            advance(&s->out, &s->out_at, (size_t)n);
    }
    if (s->out.n == 0 && s->has_trailers) {
        s->has_trailers = false;
        send_block(s, &s->last_block, true);
    }
}

void h2_data(struct h2_stream *s, const void *p, size_t n, bool end_stream)
{
    buf_add(&s->out, str_of(p, n));
    pump(s);
    if (end_stream)
        h2_frame(s->connection, H2_DATA, H2_END_STREAM, s->id, NULL, 0);
}

void h2_message(struct h2_stream *s, const void *p, size_t n)
{
    char prefix[5] = {0};

    h2_put32(prefix + 1, (uint32_t)n);
    buf_add(&s->out, str_of(prefix, sizeof prefix));
    h2_data(s, p, n, false);
}

void h2_trailers(struct h2_stream *s, const char *headers)
{
    buf_release(&s->last_block);
    s->last_block = h2_block(headers);
    s->has_trailers = true;
    pump(s);
}

void h2_answer(struct h2_stream *s, const void *p, size_t n)
{
    h2_head(s, ":status: 200\ncontent-type: application/grpc\n", false);
    h2_message(s, p, n);
    h2_trailers(s, "grpc-status: 0\n");
}

/* ---- reading ---- */

static struct h2_stream *find(struct h2_connection *c, uint32_t id)
{
    struct h2_stream *s = c->streams;

    while (s && s->id != id)
        s = s->next;
    return s;
}

static void free_stream(struct h2_stream *s)
{
    buf_release(&s->body);
    buf_release(&s->out);
    buf_release(&s->last_block);
    free(s);
}

static void drop_streams(struct h2_connection *c)
{
    while (c->streams) {
        struct h2_stream *s = c->streams;
        c->streams = s->next;
        free_stream(s);
    }
}

/* The last few hundred stay for scripts that answer late; a benchmark must not fill the memory. */
static void prune(struct h2_connection *c)
{
    struct h2_stream **at = &c->streams;

    for (int i = 0; *at && i < 300; i++)
        at = &(*at)->next;
    while (*at) {
        struct h2_stream *s = *at;
        *at = s->next;
        free_stream(s);
    }
}

static struct h2_stream *add(struct h2_connection *c, uint32_t id)
{
    struct h2_stream *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    s->connection = c;
    s->id = id;
    s->window = c->initial_window;
    buf_init(&s->body, BUFFER_MAX);
    buf_init(&s->out, BUFFER_MAX);
    buf_init(&s->last_block, BUFFER_MAX);
    s->next = c->streams;
    c->streams = s;
    if (c->server->requests % 256 == 255)
        prune(c);
    return s;
}

static void keep(struct h2_stream *s, const nghttp2_nv *nv)
{
    struct {
        const char *name;
        char *to;
        size_t room;
    } table[] = {{":path", s->path, sizeof s->path},
                 {"grpc-timeout", s->timeout, sizeof s->timeout},
                 {"x-test", s->metadata, sizeof s->metadata}};

    for (size_t i = 0; i < 3; i++) {
        if (str_eq(str_of((char *)nv->name, nv->namelen), str_c(table[i].name)))
            snprintf(table[i].to, table[i].room, "%.*s", (int)nv->valuelen, (char *)nv->value);
    }
}

static void decode_head(struct h2_stream *s, const char *p, size_t n)
{
    nghttp2_hd_inflater *inflater = s->connection->inflater;
    int flags = 0;

    while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        nghttp2_nv nv;
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, (const uint8_t *)p, n, 1);
        if (used < 0)
            abort();
        p += used;
        n -= (size_t)used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            keep(s, &nv);
    }
    nghttp2_hd_inflate_end_headers(inflater);
}

static void stream_ended(struct h2_stream *s)
{
    s->ended = true;
    if (s->connection->server->on_end)
        s->connection->server->on_end(s);
}

static void take_headers(struct h2_connection *c, uint8_t flags, uint32_t id, const char *p,
                         size_t n)
{
    struct h2_stream *s = add(c, id);

    decode_head(s, p, n);
    c->server->requests++;
    if (c->server->on_headers)
        c->server->on_headers(s);
    if (flags & H2_END_STREAM)
        stream_ended(s);
}

static void take_data(struct h2_connection *c, uint8_t flags, uint32_t id, const char *p, size_t n)
{
    struct h2_stream *s = find(c, id);
    char update[4];

    c->server->data_bytes += n;
    h2_put32(update, (uint32_t)n);
    if (n && !c->server->keep_window) {
        h2_frame(c, H2_WINDOW_UPDATE, 0, 0, update, 4);
        if (!(flags & H2_END_STREAM))
            h2_frame(c, H2_WINDOW_UPDATE, 0, id, update, 4);
    }
    if (!s)
        return;
    buf_add(&s->body, str_of(p, n));
    if (n && c->server->on_data)
        c->server->on_data(s);
    if (flags & H2_END_STREAM)
        stream_ended(s);
}

static void take_settings(struct h2_connection *c, uint8_t flags, const char *p, size_t n)
{
    if (flags & H2_ACK) {
        c->server->settings_acks++;
        return;
    }
    c->server->settings++;
    for (; n >= 6; p += 6, n -= 6) {
        if (p[0] == 0 && p[1] == 4)
            c->initial_window = u32(p + 2);
    }
    if (!c->server->silent)
        h2_frame(c, H2_SETTINGS, H2_ACK, 0, NULL, 0);
}

static void take_window(struct h2_connection *c, uint32_t id, uint32_t n)
{
    struct h2_stream *s = id ? find(c, id) : NULL;

    if (id == 0)
        c->window += n;
    if (s)
        s->window += n;
    for (s = c->streams; s; s = s->next)
        pump(s);
}

static void take_frame(struct h2_connection *c, const char *p, size_t n)
{
    uint8_t type = (uint8_t)p[3], flags = (uint8_t)p[4];
    uint32_t id = u32(p + 5);
    const char *body = p + FRAME_HEAD;
    struct h2_stream *s;

    switch (type) {
    case H2_HEADERS: take_headers(c, flags, id, body, n); break;
    case H2_DATA: take_data(c, flags, id, body, n); break;
    case H2_SETTINGS: take_settings(c, flags, body, n); break;
    case H2_WINDOW_UPDATE: take_window(c, id, u32(body)); break;
    case H2_PING:
        c->server->pings++;
        if (!(flags & H2_ACK) && !c->server->no_ping_ack)
            h2_frame(c, H2_PING, H2_ACK, 0, body, n);
        break;
    case H2_RST_STREAM:
        c->server->resets++;
        c->server->last_reset_code = u32(body);
        s = find(c, id);
        if (s)
            s->reset = true;
        break;
    default: break;
    }
}

static void parse(struct h2_connection *c)
{
    size_t at = 0;

    if (c->preface < PREFACE && c->in.n >= PREFACE)
        at = c->preface = PREFACE;
    while (c->preface && !c->closed && c->in.n - at >= FRAME_HEAD) {
        const char *p = c->in.p + at;
        size_t n = u32(p) >> 8;
        if (c->in.n - at < FRAME_HEAD + n)
            break;
        take_frame(c, p, n);
        at += FRAME_HEAD + n;
    }
    buf_consume(&c->in, at);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct h2_connection *c = poll->data;
    char *to = buf_reserve(&c->in, 65536);

    if (events & UV_WRITABLE)
        flush(c);
    if (c->closed || (status == 0 && !(events & UV_READABLE)))
        return;
    ssize_t n = read(c->fd, to, 65536);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        h2_drop(c);
        return;
    }
    c->in.n += n > 0 ? (size_t)n : 0;
    c->corked = true;
    parse(c);
    c->corked = false;
    flush(c);
}

/* ---- listening ---- */

static void on_accept(uv_poll_t *poll, int status, int events)
{
    struct h2_server *s = poll->data;
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)status;
    (void)events;
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct h2_connection *c = calloc(1, sizeof *c);
    nghttp2_hd_inflater *inflater;
    if (!c || nghttp2_hd_inflate_new(&inflater) != 0)
        abort();
    c->inflater = inflater;
    c->server = s;
    c->fd = fd;
    c->window = c->initial_window = 65535;
    buf_init(&c->in, BUFFER_MAX);
    buf_init(&c->out, BUFFER_MAX);
    c->next = s->connections;
    s->connections = c;
    s->accepted++;
    s->open++;
    uv_poll_init(s->loop, &c->poll, fd);
    c->poll.data = c;
    uv_poll_start(&c->poll, UV_READABLE, on_poll);
    if (s->on_open)
        s->on_open(c);
    else if (!s->silent)
        h2_settings(c, NULL, 0);
}

static int bind_tcp(struct h2_server *s, const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t n = sizeof in;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char host[64];
    unsigned port;

    if (sscanf(address, "%63[^:]:%u", host, &port) != 2)
        return -1;
    inet_pton(AF_INET, host, &in.sin_addr);
    in.sin_port = htons((uint16_t)port);
    if (port != 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&in, sizeof in) < 0)
        return -1;
    /* For whoever takes the port next. Before bind the system might have picked one that another
     * process has just been given. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    getsockname(fd, (struct sockaddr *)&in, &n);
    snprintf(s->name, sizeof s->name, "%s:%u", host, ntohs(in.sin_port));
    return fd;
}

static int bind_unix(struct h2_server *s, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    unlink(path);
    snprintf(s->name, sizeof s->name, "unix:%s", path);
    return bind(fd, (struct sockaddr *)&un, sizeof un) < 0 ? -1 : fd;
}

bool h2_listen(struct h2_server *s, uv_loop_t *loop, const char *address)
{
    bool local = str_starts(str_c(address), STR("unix:"));

    s->loop = loop;
    s->fd = local ? bind_unix(s, address + 5) : bind_tcp(s, address);
    if (s->fd < 0 || listen(s->fd, 64) < 0)
        return false;
    uv_poll_init(loop, &s->poll, s->fd);
    s->poll.data = s;
    uv_poll_start(&s->poll, UV_READABLE, on_accept);
    return true;
}

void h2_close(struct h2_server *s)
{
    while (s->connections)
        h2_drop(s->connections);
    if (s->fd < 0)
        return;
    uv_poll_stop(&s->poll);
    close(s->fd);
    s->fd = -1;
    uv_close((uv_handle_t *)&s->poll, NULL);
}
