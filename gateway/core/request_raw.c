#include "gateway/core/request_internal.h"
#include "transcoder/text.h"
#include "transcoder/wire.h"

#include <stdio.h>

/* The body is the data of a google.api.HttpBody, byte for byte, whatever its content type: one
 * message, or, for a client's stream, one for each piece as it arrives. The first message of a
 * stream carries the content type; an empty body is a message too. */

enum { PIECE_MAX = 64 << 10 };

static bool client_streaming(const struct exchange *x)
{
    return x->policy->method->client_streaming;
}

/* What path or query have bound in the HttpBody itself. */
static const struct tc_bound *bound_inside(const struct exchange *x)
{
    const struct tc_bound *n = x->binding.root;

    while (x->route->body && n && n->field != x->route->body)
        n = n->next;
    return x->route->body && n ? n->child : n;
}

/* The content type that the header says; empty when the path says the same already. */
static enum tc_status content_type(struct exchange *x, struct str *out)
{
    const struct tc_bound *n = bound_inside(x);
    char text[256];

    *out = x->messages_in ? STR("") : headers_get(&x->request.headers, STR("content-type"));
    while (n && n->field->number != TC_HTTP_BODY_CONTENT_TYPE)
        n = n->next;
    if (!tc_utf8_valid(*out))
        return tc_fail(&x->error, TC_INVALID, TC_NO_OFFSET, "headers[\"content-type\"]",
                       "the value is not UTF-8");
    if (!n || !out->n)
        return TC_OK;
    bool same = str_ends(buf_str(&n->wire), *out) &&
                n->wire.n == 1 + tc_varint_size(out->n) + out->n;
    snprintf(text, sizeof text, "%.*s%scontentType",
             STR_ARG(x->route->body ? x->route->body->json_name : STR("")),
             x->route->body ? "." : "");
    if (!same)
        return tc_fail(&x->error, TC_INVALID, TC_NO_OFFSET, text,
                       "is set by the path and cannot be changed by the Content-Type header");
    *out = STR("");
    return TC_OK;
}

/* `expected` bytes are announced. */
static enum tc_status raw_begin(struct exchange *x, uint64_t expected)
{
    x->raw = (struct tc_raw){.out = &x->message, .field = x->route->body};
    enum tc_status st = request_message_begin(x);
    if (st == TC_OK)
        st = content_type(x, &x->raw.content_type);
    return st == TC_OK ? tc_raw_begin(&x->raw, expected) : st;
}

static enum tc_status raw_add(struct exchange *x, struct str bytes)
{
    if (buf_add(&x->message, bytes))
        return TC_OK;
    return bytes.n > buf_room(&x->message) ? TC_LIMIT : TC_NOMEM;
}

/* The body sets the field: path and query cannot have set another member of its oneof. */
static enum tc_status check_oneof(struct exchange *x)
{
    const struct tc_field *f = x->route->body;
    const struct tc_bound *n = f && f->oneof >= 0 ? x->binding.root : NULL;

    while (n && (n->field == f || n->field->oneof != f->oneof))
        n = n->next;
    if (!n)
        return TC_OK;
    struct str path = arena_copy(&x->arena, f->json_name);
    return tc_fail(&x->error, TC_INVALID, TC_NO_OFFSET, path.p,
                   "\"%.*s\" of the same oneof is set by the query", STR_ARG(n->field->json_name));
}

static enum tc_status raw_end(struct exchange *x)
{
    enum tc_status st = tc_raw_end(&x->raw);
    return st == TC_OK && x->message.n > x->raw.start ? check_oneof(x) : st;
}

/* One message of a stream. */
static bool raw_send(struct exchange *x, struct str piece)
{
    enum tc_status st = raw_begin(x, piece.n);
    if (st == TC_OK)
        st = raw_add(x, piece);
    if (st == TC_OK)
        st = raw_end(x);
    if (st != TC_OK)
        exchange_fail_input(x, st);
    return st == TC_OK && request_message_complete(x) && !exchange_answered(x);
}

static size_t stream_feed(struct exchange *x, struct str bytes)
{
    size_t most = x->policy->max_request < PIECE_MAX ? (size_t)x->policy->max_request : PIECE_MAX;
    size_t taken = 0;

    while (taken < bytes.n && !x->paused) {
        struct str piece = str_skip(bytes, taken);
        piece.n = piece.n < most ? piece.n : most;
        taken += piece.n;
        if (!raw_send(x, piece))
            break;
    }
    return exchange_answered(x) ? bytes.n : taken;
}

size_t request_raw_feed(struct exchange *x, struct str bytes)
{
    if (client_streaming(x))
        return stream_feed(x, bytes);
    enum tc_status st = x->raw.out ? TC_OK : raw_begin(x, x->request.length);
    if (st == TC_OK)
        st = raw_add(x, bytes);
    if (st != TC_OK)
        exchange_fail_input(x, st);
    return bytes.n;
}

void request_raw_end(struct exchange *x)
{
    if (client_streaming(x)) {
        if (x->messages_in || raw_send(x, STR("")))
            request_stream_end(x);
        return;
    }
    enum tc_status st = x->raw.out ? TC_OK : raw_begin(x, 0);
    if (st == TC_OK)
        st = raw_end(x);
    if (st == TC_OK)
        request_message_complete(x);
    else
        exchange_fail_input(x, st);
}
