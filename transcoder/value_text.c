#include "transcoder/value_text.h"

#include "transcoder/number.h"
#include "transcoder/text.h"
#include "transcoder/value_internal.h"
#include "transcoder/wire.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum tc_status tc_value_wrong(char *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, TC_ERROR_TEXT_MAX, format, args);
    va_end(args);
    return TC_INVALID;
}

enum tc_status tc_value_full(const struct buf *out, size_t n)
{
    return n > buf_room(out) ? TC_LIMIT : TC_NOMEM;
}

static enum tc_status put_varint(struct buf *out, uint64_t v)
{
    return tc_put_varint(out, v) ? TC_OK : tc_value_full(out, tc_varint_size(v));
}

static enum tc_status put_fixed32(struct buf *out, uint32_t v)
{
    return tc_put_fixed32(out, v) ? TC_OK : tc_value_full(out, 4);
}

static enum tc_status put_fixed64(struct buf *out, uint64_t v)
{
    return tc_put_fixed64(out, v) ? TC_OK : tc_value_full(out, 8);
}

/* A number token comes checked; any other text must look like one. */
static bool is_number(struct str text, enum tc_text_origin origin)
{
    return origin == TC_TEXT_JSON_NUMBER || tc_is_json_number(text);
}

/* ---- floating point ---- */

/* The three values that JSON has no number for. */
static bool named_real(struct str text, enum tc_text_origin origin, double *v)
{
    if (origin == TC_TEXT_JSON_NUMBER)
        return false;
    if (str_eq(text, STR("NaN")))
        *v = (double)NAN;
    else if (str_eq(text, STR("Infinity")))
        *v = (double)INFINITY;
    else if (str_eq(text, STR("-Infinity")))
        *v = -(double)INFINITY;
    else
        return false;
    return true;
}

static enum tc_status wrong_real(char *why, struct str text, enum tc_text_origin origin,
                                 const char *type)
{
    if (is_number(text, origin))
        return tc_value_wrong(why, "%.*s does not fit a %s", TC_VALUE_SHOW(text), type);
    return tc_value_wrong(why, "\"%.*s\" is not a number", TC_VALUE_SHOW(text));
}

static enum tc_status on_double(struct buf *out, const struct tc_field *f, struct str text,
                                enum tc_text_origin origin, char *why)
{
    double v;
    uint64_t bits;

    (void)f;
    if (!tc_parse_double(text, &v) && !named_real(text, origin, &v))
        return wrong_real(why, text, origin, "double");
    memcpy(&bits, &v, sizeof bits);
    return put_fixed64(out, bits);
}

static enum tc_status on_float(struct buf *out, const struct tc_field *f, struct str text,
                               enum tc_text_origin origin, char *why)
{
    float v;
    double named;
    uint32_t bits;

    (void)f;
    if (!tc_parse_float(text, &v)) {
        if (!named_real(text, origin, &named))
            return wrong_real(why, text, origin, "float");
        v = (float)named;
    }
    memcpy(&bits, &v, sizeof bits);
    return put_fixed32(out, bits);
}

/* ---- whole numbers ---- */

static bool parse_signed(struct str text, enum tc_text_origin origin, int64_t min, int64_t max,
                         int64_t *v, char *why)
{
    if (is_number(text, origin) && tc_parse_int64(text, v) && *v >= min && *v <= max)
        return true;
    (void)tc_value_wrong(why, "\"%.*s\" is not a whole number from %" PRId64 " to %" PRId64,
                         TC_VALUE_SHOW(text), min, max);
    return false;
}

static bool parse_unsigned(struct str text, enum tc_text_origin origin, uint64_t max, uint64_t *v,
                           char *why)
{
    if (is_number(text, origin) && tc_parse_uint64(text, v) && *v <= max)
        return true;
    (void)tc_value_wrong(why, "\"%.*s\" is not a whole number from 0 to %" PRIu64,
                         TC_VALUE_SHOW(text), max);
    return false;
}

static enum tc_status put_signed(struct buf *out, enum tc_type type, int64_t v)
{
    switch (type) {
    case TC_SINT32:
    case TC_SINT64: return put_varint(out, tc_zigzag(v));
    case TC_SFIXED32: return put_fixed32(out, (uint32_t)v);
    case TC_SFIXED64: return put_fixed64(out, (uint64_t)v);
    default: return put_varint(out, (uint64_t)v);
    }
}

static enum tc_status on_int32(struct buf *out, const struct tc_field *f, struct str text,
                               enum tc_text_origin origin, char *why)
{
    int64_t v;

    if (!parse_signed(text, origin, INT32_MIN, INT32_MAX, &v, why))
        return TC_INVALID;
    return put_signed(out, f->type, v);
}

static enum tc_status on_int64(struct buf *out, const struct tc_field *f, struct str text,
                               enum tc_text_origin origin, char *why)
{
    int64_t v;

    if (!parse_signed(text, origin, INT64_MIN, INT64_MAX, &v, why))
        return TC_INVALID;
    return put_signed(out, f->type, v);
}

static enum tc_status on_uint32(struct buf *out, const struct tc_field *f, struct str text,
                                enum tc_text_origin origin, char *why)
{
    uint64_t v;

    if (!parse_unsigned(text, origin, UINT32_MAX, &v, why))
        return TC_INVALID;
    return f->type == TC_FIXED32 ? put_fixed32(out, (uint32_t)v) : put_varint(out, v);
}

static enum tc_status on_uint64(struct buf *out, const struct tc_field *f, struct str text,
                                enum tc_text_origin origin, char *why)
{
    uint64_t v;

    if (!parse_unsigned(text, origin, UINT64_MAX, &v, why))
        return TC_INVALID;
    return f->type == TC_FIXED64 ? put_fixed64(out, v) : put_varint(out, v);
}

/* ---- bool, enum ---- */

static enum tc_status on_bool(struct buf *out, const struct tc_field *f, struct str text,
                              enum tc_text_origin origin, char *why)
{
    bool v = str_eq(text, STR("true"));

    (void)f;
    if (origin != TC_TEXT_PARAMETER || (!v && !str_eq(text, STR("false"))))
        return tc_value_wrong(why, "\"%.*s\" is not true or false", TC_VALUE_SHOW(text));
    return put_varint(out, v);
}

static enum tc_status on_enum(struct buf *out, const struct tc_field *f, struct str text,
                              enum tc_text_origin origin, char *why)
{
    const struct tc_enum *type = f->enumeration;
    const struct tc_enum_value *value = origin == TC_TEXT_JSON_NUMBER ? NULL
                                                                      : tc_enum_by_name(type, text);
    int64_t number;

    if (value)
        return put_varint(out, (uint64_t)(int64_t)value->number);
    if (origin == TC_TEXT_JSON_STRING || !is_number(text, origin))
        return tc_value_wrong(why, "\"%.*s\" is not a name in %.*s", TC_VALUE_SHOW(text),
                              STR_ARG(type->full_name));
    if (!parse_signed(text, origin, INT32_MIN, INT32_MAX, &number, why))
        return TC_INVALID;
    if (type->closed && !tc_enum_by_number(type, (int32_t)number))
        return tc_value_wrong(why, "%.*s has no name for %" PRId64, STR_ARG(type->full_name),
                              number);
    return put_varint(out, (uint64_t)number);
}

/* ---- lengths ---- */

/* Puts the length of all that stands behind `start` in front of it. */
static enum tc_status put_length(struct buf *out, size_t start)
{
    size_t n = out->n - start, size = tc_varint_size(n);

    if (!buf_reserve(out, size))
        return tc_value_full(out, size);
    memmove(out->p + start + size, out->p + start, n);
    (void)tc_varint_put(out->p + start, n);
    out->n += size;
    return TC_OK;
}

static enum tc_status on_string(struct buf *out, const struct tc_field *f, struct str text,
                                enum tc_text_origin origin, char *why)
{
    size_t start = out->n;

    (void)f;
    if (origin == TC_TEXT_JSON_NUMBER)
        return tc_value_wrong(why, "expected a string, found a number");
    if (!tc_utf8_valid(text))
        return tc_value_wrong(why, "a string must be UTF-8");
    if (!buf_add(out, text))
        return tc_value_full(out, text.n);
    return put_length(out, start);
}

static enum tc_status on_bytes(struct buf *out, const struct tc_field *f, struct str text,
                               enum tc_text_origin origin, char *why)
{
    size_t bad = 0, start = out->n;

    (void)f;
    if (origin == TC_TEXT_JSON_NUMBER)
        return tc_value_wrong(why, "expected a string in base64, found a number");
    if (tc_base64_decode(out, text, &bad))
        return put_length(out, start);
    if (bad == text.n && text.n)
        return tc_value_full(out, text.n / 4 * 3);
    return tc_value_wrong(why, "\"%.*s\" is not base64", TC_VALUE_SHOW(text));
}

/* ---- well-known types ---- */

/* proto3 JSON: fooBar in a FieldMask's JSON is foo_bar. What would not come back as it was is
 * refused. */
static enum tc_status put_mask_path(struct buf *out, struct str path, char *why)
{
    size_t start;

    if (!path.n)
        return tc_value_wrong(why, "an empty path in a field mask");
    if (!tc_put_key(out, 1, TC_LEN))
        return tc_value_full(out, 1);
    start = out->n;
    for (size_t i = 0; i < path.n; i++) {
        bool upper = path.p[i] >= 'A' && path.p[i] <= 'Z';
        char *p = buf_reserve(out, 2);

        if (path.p[i] == '_')
            return tc_value_wrong(why, "\"%.*s\" in a field mask must be written in lowerCamelCase",
                                  TC_VALUE_SHOW(path));
        if (!p)
            return tc_value_full(out, 2);
        p[0] = '_';
        p[upper] = (char)(upper ? path.p[i] | 0x20 : path.p[i]);
        out->n += upper ? 2 : 1;
    }
    return put_length(out, start);
}

enum tc_status tc_value_field_mask(struct buf *out, struct str text, char *why)
{
    enum tc_status st = TC_OK;

    while (st == TC_OK && text.p && text.n) {
        bool more = str_find(text, ',') < text.n;
        struct str path = str_cut(&text, ',');

        st = put_mask_path(out, path, why);
        if (st == TC_OK && more && !text.n)
            return tc_value_wrong(why, "an empty path in a field mask");
    }
    return st;
}

static bool all_zero(const struct buf *b, size_t from)
{
    while (from < b->n && !b->p[from])
        from++;
    return from == b->n;
}

static enum tc_status put_wrapper(struct buf *out, const struct tc_message *m, struct str text,
                                  enum tc_text_origin origin, char *why)
{
    const struct tc_field *inner = &m->fields[0];
    size_t start = out->n, at;
    enum tc_status st;

    if (!buf_add(out, str_of(inner->tag, inner->tag_len)))
        return tc_value_full(out, inner->tag_len);
    at = out->n;
    st = tc_value_text(out, inner, text, origin, why);
    if (st == TC_OK && all_zero(out, at))
        out->n = start;
    return st;
}

static enum tc_status put_contents(struct buf *out, const struct tc_message *m, struct str text,
                                   enum tc_text_origin origin, char *why)
{
    if (m->wkt == TC_WKT_WRAPPER)
        return put_wrapper(out, m, text, origin, why);
    if (origin == TC_TEXT_JSON_NUMBER)
        return tc_value_wrong(why, "expected a string, found a number");
    switch (m->wkt) {
    case TC_WKT_TIMESTAMP: return tc_value_timestamp(out, text, why);
    case TC_WKT_DURATION: return tc_value_duration(out, text, why);
    case TC_WKT_FIELD_MASK: return tc_value_field_mask(out, text, why);
    default:
        return tc_value_wrong(why, "a %.*s cannot be given as one text", STR_ARG(m->full_name));
    }
}

static enum tc_status on_message(struct buf *out, const struct tc_field *f, struct str text,
                                 enum tc_text_origin origin, char *why)
{
    size_t start = out->n;
    enum tc_status st = put_contents(out, f->message, text, origin, why);

    return st == TC_OK ? put_length(out, start) : st;
}

static enum tc_status on_group(struct buf *out, const struct tc_field *f, struct str text,
                               enum tc_text_origin origin, char *why)
{
    enum tc_status st = put_contents(out, f->message, text, origin, why);
    char tag[sizeof f->tag];

    memcpy(tag, f->tag, sizeof tag);
    tag[0] = (char)((tag[0] & ~7) | TC_EGROUP);
    if (st == TC_OK && !buf_add(out, str_of(tag, f->tag_len)))
        return tc_value_full(out, f->tag_len);
    return st;
}

typedef enum tc_status (*value_fn)(struct buf *out, const struct tc_field *f, struct str text,
                                   enum tc_text_origin origin, char *why);

static const value_fn by_type[] = {
    [TC_DOUBLE] = on_double,  [TC_FLOAT] = on_float,     [TC_INT64] = on_int64,
    [TC_UINT64] = on_uint64,  [TC_INT32] = on_int32,     [TC_FIXED64] = on_uint64,
    [TC_FIXED32] = on_uint32, [TC_BOOL] = on_bool,       [TC_STRING] = on_string,
    [TC_GROUP] = on_group,    [TC_MESSAGE] = on_message, [TC_BYTES] = on_bytes,
    [TC_UINT32] = on_uint32,  [TC_ENUM] = on_enum,       [TC_SFIXED32] = on_int32,
    [TC_SFIXED64] = on_int64, [TC_SINT32] = on_int32,    [TC_SINT64] = on_int64,
};

enum tc_status tc_value_text(struct buf *out, const struct tc_field *field, struct str text,
                             enum tc_text_origin origin, char *why)
{
    size_t start = out->n;
    enum tc_status st = by_type[field->type](out, field, text, origin, why);

    if (st != TC_OK)
        out->n = start;
    return st;
}
