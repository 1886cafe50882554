#include <stdio.h>

#include "gateway/upstream/http2_internal.h"
#include "transcoder/text.h"

/* RFC 9113 6.5.2 counts 32 bytes for each field. */
enum { FIELD_OVERHEAD = 32 };

/* Where a header that the channel itself understands is kept; NULL: metadata. */
static struct str *known(struct http2_answer *a, struct str name)
{
    switch (name.n) {
    case 11: return str_eq(name, STR("grpc-status")) ? &a->status : NULL;
    case 12:
        if (str_eq(name, STR("grpc-message")))
            return &a->message;
        return str_eq(name, STR("content-type")) ? &a->content_type : NULL;
    case 23: return str_eq(name, STR("grpc-status-details-bin")) ? &a->details : NULL;
    default: return NULL;
    }
}

static bool too_large(struct http2_stream *s, struct str name, struct str value)
{
    struct http2_answer *a = &s->answer;

    a->count++;
    a->bytes += (uint32_t)(name.n < UINT16_MAX ? name.n : UINT16_MAX);
    a->bytes += (uint32_t)(value.n < UINT16_MAX ? value.n : UINT16_MAX) + FIELD_OVERHEAD;
    return a->count > HTTP2_HEADER_COUNT || a->bytes > HTTP2_HEADER_BYTES;
}

static bool keep(struct http2_stream *s, struct str name, struct str value)
{
    struct http2_answer *a = &s->answer;
    struct str *slot = known(a, name);
    struct str copy = arena_copy(&s->arena, value);

    if (slot) {
        *slot = copy;
        return copy.p;
    }
    struct str key = arena_copy(&s->arena, name);
    struct headers *list = a->head ? &a->trailing : &a->metadata;
    return copy.p && key.p && headers_add(list, &s->arena, key, copy);
}

static void take_http_status(struct http2_answer *a, struct str value)
{
    uint64_t status = 0;

    str_to_u64(value, 999, &status);
    a->http_status = (int)status;
}

bool http2_answer_header(struct http2_stream *s, struct str name, struct str value)
{
    if (too_large(s, name, value)) {
        http2_stream_end(s, TC_CODE_RESOURCE_EXHAUSTED,
                         STR("the upstream's headers are above the size limit"));
        return false;
    }
    if (str_eq(name, STR(":status"))) {
        take_http_status(&s->answer, value);
        return true;
    }
    if (keep(s, name, value))
        return true;
    http2_stream_end(s, TC_CODE_RESOURCE_EXHAUSTED,
                     STR("out of memory for the upstream's headers"));
    return false;
}

/* "application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"; not
 * "application/grpc-web". */
static bool is_grpc(struct str content_type)
{
    struct str rest = str_skip(content_type, 16);

    return str_eq_nocase(str_of(content_type.p, content_type.n < 16 ? content_type.n : 16),
                         STR("application/grpc")) &&
           (rest.n == 0 || rest.p[0] == '+' || rest.p[0] == ';' || rest.p[0] == ' ');
}

/* An answer of something that is no gRPC server: gRPC's http-grpc-status-mapping, with the HTTP
 * status told to the reader. */
static void end_by_http(struct http2_stream *s)
{
    struct http2_answer *a = &s->answer;
    enum tc_code code = a->http_status == 200 ? TC_CODE_UNKNOWN : tc_code_from_http(a->http_status);
    struct str type = a->content_type;

    if (type.n > 100)
        type.n = 100;
    struct str text = arena_printf(&s->arena,
                                   "the upstream answered HTTP %d without a gRPC status%s%.*s",
                                   a->http_status, type.n ? ", content-type " : "", STR_ARG(type));
    http2_stream_end(s, code, text);
}

static void head_complete(struct http2_stream *s)
{
    struct http2_answer *a = &s->answer;

    a->head = true;
    a->grpc = is_grpc(a->content_type);
    if (a->status.p || (a->http_status == 200 && a->grpc)) {
        s->headers = true;
        http2_stream_notify(s);
    } else {
        end_by_http(s);
    }
}

void http2_answer_block(struct http2_stream *s, bool end_stream)
{
    struct http2_answer *a = &s->answer;

    if (!a->head && a->http_status / 100 == 1) {
        *a = (struct http2_answer){.http_status = 0};
        return;
    }
    outbox_commit(&s->out);
    if (!end_stream) {
        head_complete(s);
        return;
    }
    /* Trailers-Only: one block is head and trailers. */
    if (!a->head) {
        a->trailing = a->metadata;
        a->metadata = (struct headers){.n = 0};
    }
    a->trailers = true;
}

static struct str decoded(struct http2_stream *s, struct str text, bool base64)
{
    struct buf out;
    struct str copy = STR_NONE;
    size_t bad;

    buf_init(&out, HTTP2_HEADER_BYTES);
    if (base64 ? tc_base64_decode(&out, text, &bad) : tc_grpc_message_decode(&out, text))
        copy = arena_copy(&s->arena, buf_str(&out));
    buf_release(&out);
    return copy;
}

static void end_by_status(struct http2_stream *s)
{
    struct http2_answer *a = &s->answer;

    s->ended = true;
    s->end = (struct call_end){
        .code = tc_code_parse(a->status),
        .from_peer = true,
        .trailers = a->trailing.items,
        .ntrailers = a->trailing.n,
    };
    if (a->message.n)
        s->end.message = decoded(s, a->message, false);
    if (a->details.n)
        s->end.details = decoded(s, a->details, true);
}

void http2_answer_end(struct http2_stream *s)
{
    struct http2_answer *a = &s->answer;

    if (a->status.p)
        end_by_status(s);
    else
        end_by_http(s);
    if (s->end.code == TC_CODE_OK && !tc_deframer_idle(&s->in))
        s->end = (struct call_end){
            .code = TC_CODE_INTERNAL,
            .message = STR("the upstream ended the stream in the middle of a message"),
        };
}
