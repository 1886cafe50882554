#include "transcoder/decode_internal.h"
#include "transcoder/enum_name.h"
#include "transcoder/text.h"

#include <math.h>

/* ---- numbers */

uint64_t tc_dec_normal(enum tc_type type, uint64_t raw)
{
    switch (type) {
    case TC_INT32:
    case TC_ENUM:
    case TC_SFIXED32: return (uint64_t)(int32_t)raw;
    case TC_UINT32:
    case TC_FIXED32:
    case TC_FLOAT: return (uint32_t)raw;
    case TC_SINT32: return (uint64_t)tc_unzigzag((uint32_t)raw);
    case TC_SINT64: return (uint64_t)tc_unzigzag(raw);
    case TC_BOOL: return raw != 0;
    default: return raw;
    }
}

static size_t copy_text(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return n;
}

static size_t quoted(char *to, size_t n)
{
    to[0] = to[n + 1] = '"';
    return n + 2;
}

static size_t print_special(char *to, double v)
{
    if (isnan(v))
        return copy_text(to, "\"NaN\"", 5);
    return v > 0 ? copy_text(to, "\"Infinity\"", 10) : copy_text(to, "\"-Infinity\"", 11);
}

static size_t print_double(char *to, uint64_t raw)
{
    double v;
    memcpy(&v, &raw, sizeof v);
    return isfinite(v) ? tc_print_double(to, v) : print_special(to, v);
}

static size_t print_float(char *to, uint64_t raw)
{
    uint32_t bits = (uint32_t)raw;
    float v;
    memcpy(&v, &bits, sizeof v);
    return isfinite(v) ? tc_print_float(to, v) : print_special(to, (double)v);
}

static size_t print_int32(char *to, uint64_t raw)
{
    return tc_print_int64(to, (int32_t)raw);
}

static size_t print_uint32(char *to, uint64_t raw)
{
    return tc_print_uint64(to, (uint32_t)raw);
}

static size_t print_sint32(char *to, uint64_t raw)
{
    return tc_print_int64(to, tc_unzigzag((uint32_t)raw));
}

static size_t print_int64(char *to, uint64_t raw)
{
    return tc_print_int64(to, (int64_t)raw);
}

static size_t print_uint64(char *to, uint64_t raw)
{
    return tc_print_uint64(to, raw);
}

static size_t print_sint64(char *to, uint64_t raw)
{
    return tc_print_int64(to, tc_unzigzag(raw));
}

static size_t print_int64_quoted(char *to, uint64_t raw)
{
    return quoted(to, print_int64(to + 1, raw));
}

static size_t print_uint64_quoted(char *to, uint64_t raw)
{
    return quoted(to, print_uint64(to + 1, raw));
}

static size_t print_sint64_quoted(char *to, uint64_t raw)
{
    return quoted(to, print_sint64(to + 1, raw));
}

static size_t print_bool(char *to, uint64_t raw)
{
    return raw ? copy_text(to, "true", 4) : copy_text(to, "false", 5);
}

#define PRINTERS_32                                                                 \
    [TC_DOUBLE] = print_double, [TC_FLOAT] = print_float, [TC_BOOL] = print_bool,   \
    [TC_INT32] = print_int32, [TC_SFIXED32] = print_int32, [TC_ENUM] = print_int32, \
    [TC_UINT32] = print_uint32, [TC_FIXED32] = print_uint32, [TC_SINT32] = print_sint32

tc_dec_print *const tc_dec_printers[2][TC_SINT64 + 1] = {
    {PRINTERS_32, [TC_INT64] = print_int64_quoted, [TC_SFIXED64] = print_int64_quoted,
     [TC_UINT64] = print_uint64_quoted, [TC_FIXED64] = print_uint64_quoted,
     [TC_SINT64] = print_sint64_quoted},
    {PRINTERS_32, [TC_INT64] = print_int64, [TC_SFIXED64] = print_int64, [TC_UINT64] = print_uint64,
     [TC_FIXED64] = print_uint64, [TC_SINT64] = print_sint64},
};

static enum tc_status write_number(struct tc_decoder *d, const struct tc_field *field,
                                   const struct tc_wire_field *w)
{
    char *to = tc_dec_room(d, TC_DEC_NUMBER_ROOM);
    if (!to)
        return d->status;
    d->out->n += d->print[field->type](to, w->value);
    return TC_OK;
}

/* A google.protobuf.Value has no way to say NaN or Infinity: a string would come back as a string.
 */
static enum tc_status write_double(struct tc_decoder *d, const struct tc_field *field,
                                   const struct tc_wire_field *w)
{
    double v;
    memcpy(&v, &w->value, sizeof v);
    if (!isfinite(v) && d->top && d->top->m->wkt == TC_WKT_VALUE)
        return tc_dec_fail(d, TC_INVALID, d->top->at,
                           "NaN and Infinity cannot be written as google.protobuf.Value");
    return write_number(d, field, w);
}

static enum tc_status write_enum(struct tc_decoder *d, const struct tc_field *field,
                                 const struct tc_wire_field *w)
{
    const struct tc_enum *e = field->enumeration;
    if (e->is_null_value)
        return tc_dec_put(d, STR("null"));
    const struct tc_enum_value *v = d->spec.enums_as_numbers
                                        ? NULL
                                        : tc_enum_by_number(e, (int32_t)w->value);
    if (!v)
        return write_number(d, field, w);
    struct str name = d->spec.short_enums ? tc_enum_short_name(e, v) : v->name;
    char *to = tc_dec_room(d, name.n + 2);
    if (!to)
        return d->status;
    memcpy(to + 1, name.p, name.n);
    d->out->n += quoted(to, name.n);
    return TC_OK;
}

/* ---- strings and bytes */

/* Writes the contents of a JSON string from `*s` and takes them off it, up to the end or to what is
 * no UTF-8. Room is asked for what the rest needs at least. */
static enum tc_status put_text(struct tc_decoder *d, struct str *s)
{
    char *to = tc_dec_room(d, s->n);
    while (to) {
        size_t n = tc_json_copy(to, *s);
        d->out->n += n;
        *s = str_of(s->p + n, s->n - n);
        if (s->n == 0 || (unsigned char)s->p[0] >= 0x80)
            return TC_OK;
        char escape[TC_JSON_ESCAPE_MAX];
        n = tc_json_escape(escape, s->p[0]);
        *s = str_of(s->p + 1, s->n - 1);
        to = tc_dec_room(d, n + s->n);
        if (to) {
            memcpy(to, escape, n);
            d->out->n += n;
            to += n;
        }
    }
    return d->status;
}

enum tc_status tc_dec_escaped(struct tc_decoder *d, struct str s)
{
    return put_text(d, &s);
}

static enum tc_status end_tail(struct tc_decoder *d)
{
    d->tail_kind = TC_DEC_NO_TAIL;
    return tc_dec_put(d, STR("\""));
}

static struct str front_of_tail(const struct tc_decoder *d)
{
    return str_of(d->tail.p, d->tail.n < TC_DEC_PIECE ? d->tail.n : TC_DEC_PIECE);
}

/* `piece` has been judged but for `partial` bytes, a sequence that goes on behind it: takes it off
 * the tail without them. */
static enum tc_status take_piece(struct tc_decoder *d, struct str *piece, int partial)
{
    if (partial < 0 || (partial > 0 && piece->n == d->tail.n))
        return tc_dec_fail(d, TC_INVALID, piece->p, "the string is not valid UTF-8");
    piece->n -= (size_t)partial;
    d->tail = str_of(d->tail.p + piece->n, d->tail.n - piece->n);
    return TC_OK;
}

enum tc_status tc_dec_text_piece(struct tc_decoder *d, struct str *piece)
{
    *piece = front_of_tail(d);
    return take_piece(d, piece, tc_utf8_partial(*piece));
}

/* In one pass; but close to the ceiling of `out` the text is judged first: that it is wrong counts
 * before that it does not fit. */
static enum tc_status string_piece(struct tc_decoder *d)
{
    struct str piece = front_of_tail(d), left = piece;
    bool judged = buf_room(d->out) < TC_DEC_PIECE * TC_JSON_ESCAPE_MAX;
    enum tc_status st = judged ? tc_dec_text_piece(d, &left) : TC_OK;
    if (st == TC_OK)
        st = put_text(d, &left);
    if (st == TC_OK && !judged)
        st = take_piece(d, &piece, left.n ? tc_utf8_partial(left) : 0);
    return st == TC_OK && d->tail.n == 0 ? end_tail(d) : st;
}

static enum tc_status bytes_piece(struct tc_decoder *d)
{
    struct str piece = front_of_tail(d);
    if (!tc_dec_room(d, (piece.n + 2) / 3 * 4))
        return d->status;
    if (!tc_base64_encode(d->out, piece))
        return tc_dec_fail(d, TC_NOMEM, NULL, "out of memory");
    d->tail = str_skip(d->tail, piece.n);
    return d->tail.n == 0 ? end_tail(d) : TC_OK;
}

static enum tc_status (*const pieces[TC_DEC_TAILS])(struct tc_decoder *) = {
    [TC_DEC_STRING] = string_piece,
    [TC_DEC_BYTES] = bytes_piece,
    [TC_DEC_PATH] = tc_dec_path_piece,
};

enum tc_status tc_dec_tail_step(struct tc_decoder *d)
{
    return pieces[d->tail_kind](d);
}

static enum tc_status begin_tail(struct tc_decoder *d, enum tc_dec_tail kind, struct str s)
{
    d->tail = s;
    d->tail_kind = kind;
    enum tc_status st = tc_dec_put(d, STR("\""));
    return st == TC_OK ? pieces[kind](d) : st;
}

enum tc_status tc_dec_string(struct tc_decoder *d, struct str s)
{
    return begin_tail(d, TC_DEC_STRING, s);
}

enum tc_status tc_dec_bytes(struct tc_decoder *d, struct str s)
{
    return begin_tail(d, TC_DEC_BYTES, s);
}

static enum tc_status write_string(struct tc_decoder *d, const struct tc_field *field,
                                   const struct tc_wire_field *w)
{
    (void)field;
    return tc_dec_string(d, w->bytes);
}

static enum tc_status write_bytes(struct tc_decoder *d, const struct tc_field *field,
                                  const struct tc_wire_field *w)
{
    (void)field;
    return tc_dec_bytes(d, w->bytes);
}

/* ---- any value */

static enum tc_status write_message(struct tc_decoder *d, const struct tc_field *field,
                                    const struct tc_wire_field *w)
{
    return tc_dec_message(d, field->message, w->bytes);
}

typedef enum tc_status write_fn(struct tc_decoder *, const struct tc_field *,
                                const struct tc_wire_field *);

static write_fn *const writers[TC_SINT64 + 1] = {
    [TC_DOUBLE] = write_double,   [TC_FLOAT] = write_number,    [TC_INT64] = write_number,
    [TC_UINT64] = write_number,   [TC_INT32] = write_number,    [TC_FIXED64] = write_number,
    [TC_FIXED32] = write_number,  [TC_BOOL] = write_number,     [TC_STRING] = write_string,
    [TC_GROUP] = write_message,   [TC_MESSAGE] = write_message, [TC_BYTES] = write_bytes,
    [TC_UINT32] = write_number,   [TC_ENUM] = write_enum,       [TC_SFIXED32] = write_number,
    [TC_SFIXED64] = write_number, [TC_SINT32] = write_number,   [TC_SINT64] = write_number,
};

enum tc_status tc_dec_value(struct tc_decoder *d, const struct tc_field *field,
                            const struct tc_wire_field *w)
{
    return writers[field->type](d, field, w);
}
