#include "gateway/expr/writer.h"
#include "transcoder/wire.h"

static bool out_of_range(struct expr_writer *w, const struct tc_field *f)
{
    return expr_write_fail(w,
                           expr_fail(w->run, EXPR_FAIL_RANGE,
                                     "range error: the value does not fit %.*s", STR_ARG(f->name)));
}

/* The bits of a number as the wire has them. */
static bool int_bits(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v,
                     uint64_t *bits)
{
    bool narrow = f->type == TC_INT32 || f->type == TC_SINT32 || f->type == TC_SFIXED32 ||
                  f->type == TC_ENUM;
    if (v->kind == EXPR_NULL && f->type == TC_ENUM && f->enumeration->is_null_value) {
        *bits = 0;
        return true;
    }
    if (v->kind != EXPR_INT)
        return expr_write_refuse(w, f->name);
    if (narrow && v->i != (int32_t)v->i)
        return out_of_range(w, f);
    *bits = f->type == TC_SINT32 || f->type == TC_SINT64 ? tc_zigzag(v->i) : v->u;
    return true;
}

static bool uint_bits(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v,
                      uint64_t *bits)
{
    if (v->kind != EXPR_UINT)
        return expr_write_refuse(w, f->name);
    *bits = v->u;
    if ((f->type == TC_UINT32 || f->type == TC_FIXED32) && v->u > UINT32_MAX)
        return out_of_range(w, f);
    return true;
}

static bool real_bits(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v,
                      uint64_t *bits)
{
    float narrow = (float)v->d;
    uint32_t half = 0;
    if (v->kind != EXPR_DOUBLE)
        return expr_write_refuse(w, f->name);
    memcpy(&half, &narrow, sizeof half);
    *bits = half;
    if (f->type == TC_DOUBLE)
        memcpy(bits, &v->d, sizeof *bits);
    return true;
}

static bool bool_bits(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v,
                      uint64_t *bits)
{
    if (v->kind != EXPR_BOOL)
        return expr_write_refuse(w, f->name);
    *bits = v->b;
    return true;
}

typedef bool to_bits(struct expr_writer *, const struct tc_field *, const struct expr_value *,
                     uint64_t *);

static to_bits *const bits_of[] = {
    [TC_DOUBLE] = real_bits,  [TC_FLOAT] = real_bits,   [TC_INT64] = int_bits,
    [TC_UINT64] = uint_bits,  [TC_INT32] = int_bits,    [TC_FIXED64] = uint_bits,
    [TC_FIXED32] = uint_bits, [TC_BOOL] = bool_bits,    [TC_UINT32] = uint_bits,
    [TC_ENUM] = int_bits,     [TC_SFIXED32] = int_bits, [TC_SFIXED64] = int_bits,
    [TC_SINT32] = int_bits,   [TC_SINT64] = int_bits,
};

static bool write_bits(struct expr_writer *w, const struct tc_field *f, uint64_t bits)
{
    switch (tc_wire_type_of((enum tc_type)f->type)) {
    case TC_I64: return expr_write_fixed(w, bits, 8);
    case TC_I32: return expr_write_fixed(w, bits, 4);
    default: return expr_write_varint(w, bits);
    }
}

/* Contents of a string or bytes field. */
static bool write_text(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v)
{
    if (v->kind != (f->type == TC_STRING ? EXPR_STRING : EXPR_BYTES))
        return expr_write_refuse(w, f->name);
    return expr_write_bytes(w, v->s);
}

/* A message that null leaves unset; Any and Value keep it as a value, Struct and ListValue refuse.
 */
static bool null_unsets(const struct tc_field *f)
{
    return f->message && f->message->wkt != TC_WKT_ANY && f->message->wkt != TC_WKT_VALUE &&
           f->message->wkt != TC_WKT_STRUCT && f->message->wkt != TC_WKT_LIST_VALUE;
}

/* One value with its key. With `implicit` a zero is left out. */
static bool write_one(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v,
                      bool implicit)
{
    size_t mark = expr_write_mark(w);
    uint64_t bits;

    if (v->kind == EXPR_ERROR)
        return expr_write_fail(w, *v);
    if (v->kind == EXPR_NULL && null_unsets(f))
        return true;
    if (f->type == TC_GROUP)
        return expr_write_key(w, f->number, TC_EGROUP) && expr_write_message(w, f->message, v) &&
               expr_write_key(w, f->number, TC_SGROUP);
    if (f->message)
        return expr_write_message(w, f->message, v) && expr_write_length(w, mark, f->number);
    if (f->type == TC_STRING || f->type == TC_BYTES)
        return write_text(w, f, v) &&
               ((implicit && v->s.n == 0) || expr_write_length(w, mark, f->number));
    if (!bits_of[f->type](w, f, v, &bits))
        return false;
    if (implicit && bits == 0)
        return true;
    return write_bits(w, f, bits) &&
           expr_write_key(w, f->number, tc_wire_type_of((enum tc_type)f->type));
}

static bool write_packed(struct expr_writer *w, const struct tc_field *f,
                         const struct expr_value *items, uint32_t n)
{
    size_t mark = expr_write_mark(w);
    for (uint32_t i = n; i > 0; i--) {
        uint64_t bits;
        if (items[i - 1].kind == EXPR_ERROR)
            return expr_write_fail(w, items[i - 1]);
        if (!bits_of[f->type](w, f, &items[i - 1], &bits) || !write_bits(w, f, bits))
            return false;
    }
    return n == 0 || expr_write_length(w, mark, f->number);
}

static bool write_list(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v)
{
    struct expr_value error;
    uint32_t n;
    if (v->kind != EXPR_LIST)
        return expr_write_refuse(w, f->name);
    const struct expr_value *items = expr_list_items(w->run, v, &n, &error);
    if (!items || !expr_spend(w->run, n))
        return expr_write_fail(w, items ? expr_no_steps() : error);
    if (f->flags & TC_PACKED && bits_of[f->type])
        return write_packed(w, f, items, n);
    for (uint32_t i = n; i > 0; i--)
        if (!write_one(w, f, &items[i - 1], false))
            return false;
    return true;
}

static bool write_map(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v)
{
    const struct tc_field *key = tc_field_by_number(f->message, 1);
    const struct tc_field *value = tc_field_by_number(f->message, 2);
    if (v->kind != EXPR_MAP || !key || !value)
        return expr_write_refuse(w, f->name);
    for (uint32_t i = expr_map_size(v); i > 0; i--) {
        struct expr_value k, x;
        size_t mark = expr_write_mark(w);
        v->map->at(v->map, w->run, i - 1, &k, &x);
        if (x.kind == EXPR_NULL && null_unsets(value))
            continue;
        if (!expr_spend(w->run, 1))
            return expr_write_fail(w, expr_no_steps());
        if (!write_one(w, value, &x, false) || !write_one(w, key, &k, false) ||
            !expr_write_length(w, mark, f->number))
            return false;
    }
    return true;
}

bool expr_write_field(struct expr_writer *w, const struct tc_field *f, const struct expr_value *v)
{
    if (v->kind == EXPR_ERROR)
        return expr_write_fail(w, *v);
    if (f->flags & TC_MAP)
        return write_map(w, f, v);
    if (f->flags & TC_REPEATED)
        return write_list(w, f, v);
    return write_one(w, f, v, !(f->flags & TC_PRESENCE) && f->oneof < 0);
}

static bool write_wrapper(struct expr_writer *w, const struct tc_message *m,
                          const struct expr_value *v)
{
    const struct tc_field *f = tc_field_by_number(m, 1);
    return f ? write_one(w, f, v, true) : expr_write_refuse(w, m->full_name);
}

bool expr_write_message(struct expr_writer *w, const struct tc_message *m,
                        const struct expr_value *v)
{
    if (w->run->depth >= EXPR_VALUE_DEPTH_MAX)
        return expr_write_fail(w, expr_no_steps());
    switch ((enum tc_wkt)m->wkt) {
    case TC_WKT_TIMESTAMP:
    case TC_WKT_DURATION:
        if (v->kind != (m->wkt == TC_WKT_TIMESTAMP ? EXPR_TIMESTAMP : EXPR_DURATION))
            return expr_write_refuse(w, m->full_name);
        return expr_write_time(w, v);
    case TC_WKT_WRAPPER: return write_wrapper(w, m, v);
    case TC_WKT_STRUCT: return expr_write_struct(w, v);
    case TC_WKT_VALUE: return expr_write_json(w, v);
    case TC_WKT_LIST_VALUE: return expr_write_list_value(w, v);
    case TC_WKT_ANY: return expr_write_any(w, v);
    default: break;
    }
    if (v->kind != EXPR_MESSAGE || !str_eq(v->message->full_name, m->full_name))
        return expr_write_refuse(w, m->full_name);
    return expr_write_bytes(w, v->s);
}

struct expr_value expr_make_message(struct expr_run *r, const struct tc_message *m,
                                    const struct tc_field *const *fields,
                                    const struct expr_value *values, uint32_t n)
{
    struct expr_writer w;
    struct str bytes;

    expr_writer_open(&w, r);
    for (uint32_t i = n; i > 0; i--)
        if (!expr_write_field(&w, fields[i - 1], &values[i - 1]))
            break;
    struct expr_value error = expr_writer_close(&w, &bytes);
    return error.kind == EXPR_ERROR ? error : expr_from_message(r, m, bytes);
}
