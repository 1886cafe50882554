#include "transcoder/http_body.h"

#include "transcoder/value_internal.h"
#include "transcoder/wire.h"

/* ---- reading ---- */

/* RFC 9110 5.5, without the bytes beyond ASCII. */
static bool is_header_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

static enum tc_status read_body(struct str body, struct tc_http_body *out)
{
    struct tc_wire_field w;
    enum tc_status st;

    while ((st = tc_wire_next(&body, &w)) == TC_OK) {
        if (w.type == TC_LEN && w.number == TC_HTTP_BODY_CONTENT_TYPE)
            out->content_type = w.bytes;
        else if (w.type == TC_LEN && w.number == TC_HTTP_BODY_DATA)
            out->data = w.bytes;
    }
    return st == TC_MORE ? TC_OK : st;
}

/* The occurrences of `field`, one after the other. */
static enum tc_status read_field(struct str message, const struct tc_field *field,
                                 struct tc_http_body *out)
{
    enum tc_wire_type type = tc_wire_type_of((enum tc_type)field->type);
    struct tc_wire_field w;
    enum tc_status st;

    while ((st = tc_wire_next(&message, &w)) == TC_OK) {
        if (w.number == field->number && w.type == type)
            st = read_body(w.bytes, out);
        if (st != TC_OK)
            return st;
    }
    return st == TC_MORE ? TC_OK : st;
}

enum tc_status tc_http_body_read(struct str message, const struct tc_field *field,
                                 struct tc_http_body *out, struct tc_error *e)
{
    *out = (struct tc_http_body){STR(""), STR("")};
    enum tc_status st = field ? read_field(message, field, out) : read_body(message, out);
    if (st != TC_OK)
        return tc_fail(e, TC_INVALID, TC_NO_OFFSET, "", "malformed protobuf");
    if (!is_header_value(out->content_type))
        return tc_fail(e, TC_INVALID, TC_NO_OFFSET, "contentType",
                       "not printable ASCII, which a header needs");
    return TC_OK;
}

/* ---- writing ---- */

static bool is_http_body(const struct tc_field *f)
{
    return f->message && f->message->wkt == TC_WKT_HTTP_BODY;
}

bool tc_raw_takes(const struct tc_field *f)
{
    return f->type == TC_BYTES || is_http_body(f);
}

/* Key and length of `n` bytes in an HttpBody; nothing stands for none. */
static size_t key_size(size_t n)
{
    return n ? 1 + tc_varint_size(n) : 0;
}

/* What stands in an HttpBody before its data. */
static size_t body_head_size(const struct tc_raw *r, size_t n)
{
    return key_size(r->content_type.n) + r->content_type.n + key_size(n);
}

/* No bytes are no field: of bytes without explicit presence; of an HttpBody whose type is not known
 * either. */
static bool is_absent(const struct tc_raw *r, size_t n)
{
    const struct tc_field *f = r->field;

    if (n || f->flags & (TC_REQUIRED | TC_REPEATED))
        return false;
    return f->type == TC_BYTES ? f->oneof < 0 && !(f->flags & TC_PRESENCE) : !r->content_type.n;
}

/* All that stands before `n` bytes of data. */
static size_t head_size(const struct tc_raw *r, size_t n)
{
    const struct tc_field *f = r->field;
    size_t inside = f && f->type == TC_BYTES ? 0 : body_head_size(r, n);

    if (!f)
        return inside;
    if (is_absent(r, n))
        return 0;
    return f->tag_len + inside + (f->type == TC_GROUP ? 0 : tc_varint_size(inside + n));
}

static bool put_body_head(const struct tc_raw *r, size_t n)
{
    struct buf *out = r->out;

    return (!r->content_type.n || tc_put_bytes(out, TC_HTTP_BODY_CONTENT_TYPE, r->content_type)) &&
           (!n || (tc_put_key(out, TC_HTTP_BODY_DATA, TC_LEN) && tc_put_varint(out, n)));
}

static bool put_head(const struct tc_raw *r, size_t n)
{
    const struct tc_field *f = r->field;

    if (!f)
        return put_body_head(r, n);
    if (is_absent(r, n))
        return true;
    if (!buf_add(r->out, str_of(f->tag, f->tag_len)))
        return false;
    if (f->type == TC_BYTES)
        return tc_put_varint(r->out, n);
    return (f->type == TC_GROUP || tc_put_varint(r->out, body_head_size(r, n) + n)) &&
           put_body_head(r, n);
}

enum tc_status tc_raw_begin(struct tc_raw *r, uint64_t expected)
{
    size_t n = expected < UINT32_MAX ? (size_t)expected : 0;

    r->start = r->out->n;
    bool ok = put_head(r, n);
    r->data = r->out->n;
    return ok ? TC_OK : tc_value_full(r->out, head_size(r, n));
}

enum tc_status tc_raw_end(struct tc_raw *r)
{
    struct buf *out = r->out;
    size_t n = out->n - r->data, head = head_size(r, n), had = r->data - r->start;

    if (head > had && !buf_reserve(out, head - had))
        return tc_value_full(out, head - had);
    if (head != had && n)
        memmove(out->p + r->start + head, out->p + r->data, n);
    out->n = r->start;
    put_head(r, n); /* there is room: it was just made */
    out->n = r->start + head + n;
    r->data = r->start + head;
    bool group = r->field && r->field->type == TC_GROUP && head;
    if (group && !tc_put_key(out, r->field->number, TC_EGROUP))
        return tc_value_full(out, r->field->tag_len);
    return TC_OK;
}
