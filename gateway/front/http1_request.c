#include "gateway/front/http1_internal.h"
#include "gateway/front/socket_info.h"

/* From MHD's callbacks to the exchange. MHD calls http1_handle once when the head is there, then
 * for each piece of the body, then once more at its end, and again after each resume until a
 * response is queued. */

enum { PIECES_PER_LOOK = 64, OVERHEAD_FREE = 1 << 20, OVERHEAD_RATIO = 16 };

void *http1_request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http1_connection *c = http1_connection_of(mhd);
    (void)cls;
    if (!c)
        return NULL;
    c->target.n = 0;
    http1_head_begun(c);
    if (!buf_add(&c->target, str_c(uri)))
        c->target.n = 0;
    return NULL;
}

/* A refused body that is short and comes at once is read and dropped, so that the connection stays
 * usable and the answer is not lost to a reset; a long one, or one the client still asks about, is
 * refused at once, and one that does not come a moment later (REFUSED_MS). */
static bool answer_at_once(const struct exchange *x)
{
    if (x->answer.status == 413)
        return true;
    if (!x->request.has_body)
        return false; /* MHD asks again right away, and only then keeps the connection */
    if (headers_get(&x->request.headers, STR("expect")).p)
        return true;
    return x->request.length > x->snapshot->bounds.drain_bytes;
}

static enum MHD_Result answer(struct http1_connection *c)
{
    return http1_queue(c) ? MHD_YES : MHD_NO;
}

static enum MHD_Result judged(struct http1_connection *c);

static enum MHD_Result begin(struct http1_connection *c, const char *method, const char *version)
{
    struct exchange *x = exchange_new(c->daemon->front->host, &http1_ops, c);
    if (!x)
        return MHD_NO;
    c->x = x;
    c->begun = true;
    c->queued = c->answered_raw = c->judging = false;
    c->body_bytes = c->pieces = 0;
    c->overhead = false;
    if (http1_head_ok(c, x, http1_fill(c, x, method, version)))
        exchange_begin(x);
    return judged(c);
}

/* The head is judged, or a stage still waits for somebody's word on it: then MHD is held where it
 * is, so that the client is not told to go on with its body (100) before. */
static enum MHD_Result judged(struct http1_connection *c)
{
    struct exchange *x = c->x;
    c->judging = exchange_waiting(x);
    if (c->judging) {
        http1_wait(c, WAIT_CALL);
        http1_suspend(c);
        return MHD_YES;
    }
    if (x->answer.ready && answer_at_once(x)) {
        if (!x->request.has_body || headers_get(&x->request.headers, STR("expect")).p)
            return answer(c);
        http1_answer_raw(c); /* closing at once could reset the answer away under a sending client
                              */
        return MHD_YES;
    }
    http1_wait(c, x->request.has_body ? WAIT_BODY : WAIT_CALL);
    return MHD_YES;
}

/* What is left of a refused body: some is taken so that the client gets to read its answer, then no
 * more. */
static enum MHD_Result drop(struct http1_connection *c, size_t *size)
{
    bool enough = c->overhead || c->body_bytes > c->x->snapshot->bounds.drain_bytes;
    if (enough && !c->answered_raw)
        http1_answer_raw(c);
    if (enough) {
        c->body_bytes -= *size;
        http1_suspend(c);
    } else {
        *size = 0;
    }
    return MHD_YES;
}

/* Extensions of chunks cost us time and carry nothing: looked at now and then. */
static bool overhead_too_large(struct http1_connection *c)
{
    if (++c->pieces % PIECES_PER_LOOK)
        return false;
    uint64_t wire = socket_received(c->fd) - c->received;
    return wire > OVERHEAD_FREE + c->body_bytes * OVERHEAD_RATIO;
}

static enum MHD_Result body(struct http1_connection *c, const char *upload, size_t *size)
{
    struct exchange *x = c->x;
    c->body_bytes += *size;
    if (c->answered_raw || x->answer.complete || x->answer.broken)
        return drop(c, size);
    if (c->chunked && overhead_too_large(c)) {
        c->overhead = true;
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 400,
                      "the chunks of the body are far larger than what they carry");
        http1_answer_raw(c);
        return drop(c, size);
    }
    size_t taken = exchange_body(x, str_of(upload, *size));
    if (taken < *size) {
        c->body_bytes -= *size - taken;
        http1_wait(c, WAIT_CALL);
        http1_suspend(c);
    } else if (x->answer.complete || (x->policy && x->policy->method->client_streaming)) {
        http1_wait(c, WAIT_BODY);
    }
    *size -= taken;
    return MHD_YES;
}

enum MHD_Result http1_handle(void *cls, struct MHD_Connection *mhd, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **request_context)
{
    struct http1_connection *c = http1_connection_of(mhd);
    (void)cls;
    (void)url; /* MHD's decoded copy; ours is the raw target */
    if (!c || c->left)
        return MHD_NO;
    *request_context = c;
    if (!c->begun)
        return begin(c, method, version);
    if (c->judging)
        return judged(c);
    if (*upload_size)
        return body(c, upload, upload_size);
    if (c->queued)
        return MHD_YES;
    if (c->answered_raw) { /* until the client has taken its answer: http1_client_left ends it */
        http1_suspend(c);
        return MHD_YES;
    }
    exchange_body_end(c->x);
    if (c->x->answer.ready)
        return answer(c);
    http1_wait(c, WAIT_CALL);
    http1_suspend(c);
    return MHD_YES;
}

void http1_completed(void *cls, struct MHD_Connection *mhd, void **request_context,
                     enum MHD_RequestTerminationCode why)
{
    struct http1_connection *c = *request_context;
    (void)cls;
    (void)mhd;
    if (!c || !c->x)
        return;
    struct exchange *x = c->x;
    bool taken = c->queued && (why == MHD_REQUEST_TERMINATED_COMPLETED_OK || x->answer.broken);
    bool delivered = c->answered_raw ? c->wait == WAIT_CLOSE : taken;
    exchange_free(x, delivered);
    c->x = NULL;
    c->begun = c->queued = c->had_request_line = false;
    c->answered_before = true;
    *request_context = NULL;
    if (c->target.cap > 1024)
        buf_release(&c->target);
    if (c->wait != WAIT_CLOSE)
        http1_wait(c, WAIT_HEAD);
    if (c->daemon->front->draining)
        http1_last_request(c);
}
