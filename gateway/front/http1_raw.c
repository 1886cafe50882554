#include <errno.h>
#include <sys/socket.h>

#include "gateway/front/http1_internal.h"

/* MHD cannot answer in the middle of an upload: such an answer goes past it, and the connection
 * ends with it. The exchange is over by then, so that its body stands still while it is written. */

enum { HEAD_MAX = 64 << 10, DROPPED_PER_LOOK = 128 << 10, DROPPED_MAX = 8 << 20 };

/* HTTP/1.0 and HEAD know no chunks. */
static bool in_a_chunk(const struct http1_connection *c)
{
    const struct exchange *x = c->x;
    return x->answer.broken && x->answer.body.n && !str_eq(x->request.method, STR("HEAD")) &&
           !str_eq(x->request.protocol, STR("HTTP/1.0"));
}

/* How the end of the body is told; an answer that was cut off must not look whole: it is a chunk
 * that no last one follows. */
static bool print_framing(struct http1_connection *c)
{
    const struct answer *a = &c->x->answer;
    if (!a->broken)
        return buf_printf(&c->raw, "content-length: %zu\r\n\r\n", a->body.n);
    if (in_a_chunk(c))
        return buf_printf(&c->raw, "transfer-encoding: chunked\r\n\r\n%zx\r\n", a->body.n);
    return buf_add(&c->raw, STR("\r\n"));
}

static bool print_head(struct http1_connection *c)
{
    const struct answer *a = &c->x->answer;
    bool ok = buf_printf(&c->raw, "HTTP/1.1 %u %s\r\nconnection: close\r\n", a->status,
                         MHD_get_reason_phrase_for(a->status));
    for (uint32_t i = 0; ok && i < a->headers.n; i++)
        ok = buf_printf(&c->raw, "%.*s: %.*s\r\n", STR_ARG(a->headers.items[i].name),
                        STR_ARG(a->headers.items[i].value));
    return ok && print_framing(c);
}

static struct str unwritten(const struct http1_connection *c)
{
    bool head_only = str_eq(c->x->request.method, STR("HEAD"));
    const struct str pieces[] = {
        buf_str(&c->raw),
        head_only ? STR("") : buf_str(&c->x->answer.body),
        in_a_chunk(c) ? STR("\r\n") : STR(""),
    };
    size_t sent = c->raw_sent;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (sent < pieces[i].n)
            return str_skip(pieces[i], sent);
        sent -= pieces[i].n;
    }
    return STR("");
}

bool http1_raw_write(struct http1_connection *c)
{
    size_t before = c->raw_sent;
    struct str rest;
    while ((rest = unwritten(c)).n > 0) {
        ssize_t n = send(c->fd, rest.p, rest.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            break;
        c->raw_sent += (size_t)n;
    }
    size_t out = c->raw_sent > c->raw.n ? c->raw_sent - c->raw.n : 0;
    c->x->bytes_out = out < c->x->answer.body.n ? out : c->x->answer.body.n;
    if (rest.n == 0) {
        shutdown(c->fd, SHUT_WR);
        http1_wait(c, WAIT_CLOSE);
    } else if (c->raw_sent > before) {
        http1_wait(c, WAIT_RAW);
    }
    return rest.n == 0 || c->raw_sent > before;
}

bool http1_raw_drop(struct http1_connection *c)
{
    size_t n = 0;
    ssize_t got = 1;
    while (got > 0 && n < DROPPED_PER_LOOK && c->dropped + n < DROPPED_MAX) {
        got = recv(c->fd, NULL, DROPPED_PER_LOOK, MSG_TRUNC | MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
    }
    c->dropped += n;
    return got != 0 && (got > 0 || errno == EAGAIN);
}

void http1_answer_raw(struct http1_connection *c)
{
    c->answered_raw = true;
    c->raw_sent = c->dropped = 0;
    buf_release(&c->raw);
    buf_init(&c->raw, HEAD_MAX);
    if (!print_head(c))
        http1_client_left(c);
    else if (!http1_raw_write(c))
        http1_wait(c, WAIT_RAW);
    http1_resume(c);
}
