#include "gateway/front/http1_internal.h"

/* From the exchange's answer to MHD. */

enum { STREAM_BLOCK = 16 << 10 };

/* Called when MHD can write: what is there goes out at once; when nothing is, the connection sleeps
 * until `wake`. */
static ssize_t read_stream(void *cls, uint64_t position, char *p, size_t max)
{
    struct http1_connection *c = cls;
    struct exchange *x = c->x;
    (void)position;
    if (!x || c->left)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = exchange_read(x, p, max);
    if (n) {
        http1_wait(c, WAIT_READER);
        return (ssize_t)n;
    }
    if (x->answer.broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (x->answer.complete)
        return MHD_CONTENT_READER_END_OF_STREAM;
    http1_wait(c, WAIT_CALL);
    http1_suspend(c);
    return 0;
}

static struct MHD_Response *response_of(struct http1_connection *c)
{
    static char empty[1]; /* breach: MHD wants a pointer that is not const, and never writes */
    struct answer *a = &c->x->answer;
    if (!a->complete)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, c,
                                                 NULL);
    /* Not copied: the exchange lives until the request is completed. */
    c->x->bytes_out = a->body.n;
    return MHD_create_response_from_buffer(a->body.n, a->body.n ? a->body.p : empty,
                                           MHD_RESPMEM_PERSISTENT);
}

static bool add_headers(struct http1_connection *c, struct MHD_Response *r)
{
    const struct headers *h = &c->x->answer.headers;
    char name[256], value[8192];
    for (uint32_t i = 0; i < h->n; i++) {
        struct str k = h->items[i].name, v = h->items[i].value;
        if (k.n >= sizeof name || v.n >= sizeof value)
            continue; /* the upstream's: nothing of ours is that long */
        memcpy(name, k.p, k.n);
        name[k.n] = 0;
        if (v.n)
            memcpy(value, v.p, v.n);
        value[v.n] = 0;
        if (MHD_add_response_header(r, name, value) != MHD_YES)
            return false;
    }
    return !c->daemon->front->draining ||
           MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
}

bool http1_queue(struct http1_connection *c)
{
    struct MHD_Response *r = response_of(c);
    if (!r)
        return false;
    bool ok = add_headers(c, r);
    if (ok) {
        c->queued = true;
        http1_wait(c, WAIT_READER);
        ok = MHD_queue_response(c->mhd, c->x->answer.status, r) == MHD_YES;
    }
    MHD_destroy_response(r);
    return ok;
}

bool http1_print_answer(struct http1_connection *c, struct buf *out)
{
    const struct answer *a = &c->x->answer;
    bool ok = buf_printf(out, "HTTP/1.1 %u Refused\r\nconnection: close\r\ncontent-length: %zu\r\n",
                         a->status, a->body.n);
    for (uint32_t i = 0; ok && i < a->headers.n; i++)
        ok = buf_printf(out, "%.*s: %.*s\r\n", STR_ARG(a->headers.items[i].name),
                        STR_ARG(a->headers.items[i].value));
    return ok && buf_add(out, STR("\r\n")) && buf_add(out, buf_str(&a->body));
}

/* Three things a waiting connection may be waiting for: its answer, more of it, or that its body is
 * taken. */
static void wake(struct exchange *x)
{
    struct http1_connection *c = x->front_data;
    if (!c->suspended)
        return;
    bool reading_body = !x->body_ended;
    if (x->answer.ready && !c->queued && !reading_body && !http1_queue(c))
        http1_client_left(c);
    else
        http1_resume(c);
}

const struct front_ops http1_ops = {wake};
