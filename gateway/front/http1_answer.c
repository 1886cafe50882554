#include "gateway/front/http1_fields.h"
#include "gateway/front/http1_internal.h"

/* From the exchange's answer to MHD. */

enum {
    STREAM_BLOCK = 16 << 10,
    RECORD = 64,    /* what MHD notes for each field of the head; 56 in 1.0 */
    RESERVE = 2048, /* status line, MHD's own headers, its read buffer */
};

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

/* What of MHD's memory the request's head leaves: its bytes, and a record for each header, cookie
 * and argument. */
static size_t room_for_headers(const struct http1_connection *c)
{
    const struct request *r = &c->x->request;
    const union MHD_ConnectionInfo *head = MHD_get_connection_info(
        c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t records = r->headers.n + 2;
    for (size_t i = 0; i < r->query.n; i++)
        records += r->query.p[i] == '&';
    struct str cookie = headers_get(&r->headers, STR("cookie"));
    for (size_t i = 0; i < cookie.n; i++)
        records += cookie.p[i] == ';';
    size_t used = (head ? head->header_size : 0) + cookie.n + records * RECORD + RESERVE;
    return used < HTTP1_POOL ? HTTP1_POOL - used : 0;
}

static bool add_headers(struct http1_connection *c, struct MHD_Response *r)
{
    return http1_fields_add(r, &c->x->answer.headers, room_for_headers(c)) &&
           (!c->daemon->front->draining ||
            MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES);
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
