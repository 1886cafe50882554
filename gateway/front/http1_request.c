#include "gateway/front/http1_internal.h"

/* From MHD's callbacks to the exchange. MHD calls http1_handle once when the head is there, then
 * for each piece of the body, then once more at its end, and again after each resume until a
 * response is queued. */

void *http1_request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http1_connection *c = http1_connection_of(mhd);
    (void)cls;
    if (!c)
        return NULL;
    c->target.n = 0;
    c->had_request_line = true;
    if (!buf_add(&c->target, str_c(uri)))
        c->target.n = 0;
    http1_wait(c, WAIT_HEAD);
    return NULL;
}

static bool token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool alnum = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
                     (ch >= 'A' && ch <= 'Z');
        if (!alnum && !(ch && strchr("!#$%&'*+-.^_`|~", ch)))
            return false;
    }
    return s.n > 0;
}

static struct str lower(struct arena *arena, struct str s)
{
    struct str copy = arena_copy(arena, s);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; p && i < copy.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
    return copy;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_n, const char *value, size_t value_n)
{
    struct exchange *x = cls;
    (void)kind;
    struct str key = lower(&x->arena, str_of(name, name_n));
    if (!key.p || !headers_add(&x->request.headers, &x->arena, key, str_of(value, value_n)))
        return MHD_NO;
    return MHD_YES;
}

/* "http://host/path" -> "/path"; the host must be the one of the Host header (RFC 9112 3.2.2). */
static bool strip_authority(struct exchange *x, struct str *target)
{
    if (target->n && target->p[0] == '/')
        return true;
    struct str rest = *target;
    for (size_t i = 0; i < 2; i++) {
        static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
        if (rest.n < schemes[i].n || !str_eq_nocase(str_of(rest.p, schemes[i].n), schemes[i]))
            continue;
        rest = str_skip(rest, schemes[i].n);
        size_t end = str_find(rest, '/');
        struct str host = headers_get(&x->request.headers, STR("host"));
        *target = end < rest.n ? str_skip(rest, end) : STR("/");
        return str_eq_nocase(str_of(rest.p, end), host);
    }
    return false;
}

static bool content_length(struct exchange *x)
{
    struct str text = headers_get(&x->request.headers, STR("content-length"));
    bool chunked = headers_get(&x->request.headers, STR("transfer-encoding")).p != NULL;
    x->request.length = 0;
    if (text.p && !str_to_u64(text, UINT64_MAX, &x->request.length))
        return false;
    x->request.has_body = chunked || x->request.length > 0;
    return true;
}

static bool fill(struct http1_connection *c, struct exchange *x, const char *method,
                 const char *version)
{
    struct request *r = &x->request;
    /* MHD has cut these out of the head and ended them with a NUL. */
    r->method = str_c(method);
    r->protocol = str_c(version);
    r->client = str_c(c->peer);
    r->target = buf_str(&c->target);
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, add_header, x);
    struct str path = r->target;
    struct str rest = path;
    path = str_cut(&rest, '?');
    r->query = rest.p ? rest : STR("");
    if (!strip_authority(x, &path))
        return false;
    r->path = path;
    return content_length(x);
}

static bool version_ok(struct str version)
{
    return str_eq(version, STR("HTTP/1.1")) || str_eq(version, STR("HTTP/1.0"));
}

static struct str header_fault(const struct exchange *x)
{
    for (uint32_t i = 0; i < x->request.headers.n; i++)
        if (!token(x->request.headers.items[i].name))
            return x->request.headers.items[i].name;
    return STR_NONE;
}

/* The bounds and rules that MHD leaves to us. False when one was broken: the exchange has its
 * answer. */
static bool head_ok(struct http1_connection *c, struct exchange *x, bool filled)
{
    const struct bounds *b = &x->snapshot->bounds;
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(
        c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (c->target.n > b->uri_bytes || c->target.n == 0)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 414,
                      "the request target is longer than %u bytes", b->uri_bytes);
    else if (size && size->header_size > b->header_bytes)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 431,
                      "the head of the request is longer than %u bytes", b->header_bytes);
    else if (x->request.headers.n > b->header_count)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 431, "more than %u headers", b->header_count);
    else if (!version_ok(x->request.protocol))
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
    else if (header_fault(x).p)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 400, "a header's name is not a token");
    else if (!filled)
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 400,
                      "the request target must be a path, or a URL of the host in Host");
    return !x->answer.ready;
}

/* A refused body that is short is read and dropped, so that the connection stays usable and the
 * answer is not lost to a reset; a long one, or one the client still asks about, is refused at
 * once. */
static bool answer_at_once(const struct exchange *x)
{
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

static enum MHD_Result begin(struct http1_connection *c, const char *method, const char *version)
{
    struct exchange *x = exchange_new(c->daemon->front->host, &http1_ops, c);
    if (!x)
        return MHD_NO;
    c->x = x;
    c->begun = true;
    c->queued = c->answered_raw = false;
    c->body_bytes = 0;
    if (head_ok(c, x, fill(c, x, method, version)))
        exchange_begin(x);
    if (x->answer.ready && answer_at_once(x))
        return answer(c);
    http1_wait(c, x->request.has_body ? WAIT_BODY : WAIT_CALL);
    return MHD_YES;
}

static enum MHD_Result body(struct http1_connection *c, const char *upload, size_t *size)
{
    struct exchange *x = c->x;
    c->body_bytes += *size;
    if (c->answered_raw || x->answer.complete) {
        *size = 0;
        if (!c->answered_raw && c->body_bytes > c->x->snapshot->bounds.drain_bytes)
            http1_answer_raw(c);
        return MHD_YES;
    }
    size_t taken = exchange_body(x, str_of(upload, *size));
    if (taken < *size) {
        c->body_bytes -= *size - taken;
        http1_wait(c, WAIT_CALL);
        http1_suspend(c);
    } else if (x->policy && x->policy->method->client_streaming) {
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
    if (*upload_size)
        return body(c, upload, upload_size);
    if (c->queued)
        return MHD_YES;
    if (c->answered_raw)
        return MHD_NO;
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
    bool delivered = c->answered_raw || (c->queued && (why == MHD_REQUEST_TERMINATED_COMPLETED_OK ||
                                                       x->answer.broken));
    exchange_free(x, delivered);
    c->x = NULL;
    c->begun = c->queued = c->had_request_line = false;
    *request_context = NULL;
    if (c->target.cap > 1024)
        buf_release(&c->target);
    if (c->wait != WAIT_CLOSE)
        http1_wait(c, WAIT_HEAD);
    if (c->daemon->front->draining)
        shutdown(c->fd, SHUT_RD);
}
