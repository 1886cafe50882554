#include "gateway/expr/strings.h"
#include "gateway/expr/time.h"
#include "gateway/expr/writer.h"
#include "transcoder/number.h"
#include "transcoder/wire.h"

/* Fields of google.protobuf.Value. */
enum { NULL_VALUE = 1, NUMBER_VALUE, STRING_VALUE, BOOL_VALUE, STRUCT_VALUE, LIST_VALUE };

#define EXACT_MAX INT64_C(9007199254740991) /* whole numbers that a double holds exactly */

static bool write_string(struct expr_writer *w, struct str s)
{
    size_t mark = expr_write_mark(w);
    return expr_write_bytes(w, s) && expr_write_length(w, mark, STRING_VALUE);
}

static bool write_number(struct expr_writer *w, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return expr_write_fixed(w, bits, 8) && expr_write_key(w, NUMBER_VALUE, TC_I64);
}

/* As the JSON mapping has 64-bit integers: beyond what a double holds, their digits. */
static bool write_integer(struct expr_writer *w, const struct expr_value *v)
{
    char out[TC_NUMBER_TEXT_MAX];
    if (v->kind == EXPR_INT && v->i >= -EXACT_MAX && v->i <= EXACT_MAX)
        return write_number(w, (double)v->i);
    if (v->kind == EXPR_UINT && v->u <= (uint64_t)EXACT_MAX)
        return write_number(w, (double)v->u);
    return write_string(w, str_of(out, v->kind == EXPR_INT ? tc_print_int64(out, v->i)
                                                           : tc_print_uint64(out, v->u)));
}

static bool write_time(struct expr_writer *w, const struct expr_value *v)
{
    char out[EXPR_TIME_TEXT_MAX];
    return write_string(w,
                        str_of(out, v->kind == EXPR_TIMESTAMP ? expr_timestamp_print(out, v->time)
                                                              : expr_duration_print(out, v->time)));
}

static bool write_base64(struct expr_writer *w, const struct expr_value *v)
{
    struct expr_value text = expr_base64(w->run, v->s);
    return text.kind == EXPR_ERROR ? expr_write_fail(w, text) : write_string(w, text.s);
}

/* "a.b,c": in lower camel case as the JSON mapping wants it. */
static bool write_field_mask(struct expr_writer *w, const struct expr_value *v)
{
    size_t mark = expr_write_mark(w);
    const struct tc_field *paths = tc_field_by_number(v->message, 1);
    struct expr_value list = paths ? expr_field(w->run, v, paths) : expr_null();
    if (list.kind != EXPR_LIST)
        return list.kind == EXPR_ERROR ? expr_write_fail(w, list)
                                       : expr_write_refuse(w, v->message->full_name);
    for (uint32_t i = expr_list_size(&list); i > 0; i--) {
        struct expr_value path = expr_list_at(w->run, &list, i - 1);
        if (path.kind == EXPR_ERROR)
            return expr_write_fail(w, path);
        for (size_t k = path.s.n; k > 0; k--) {
            char c = path.s.p[k - 1];
            bool after_line = k > 1 && path.s.p[k - 2] == '_' && c >= 'a' && c <= 'z';
            char upper = (char)(after_line ? c - 'a' + 'A' : c);
            if (c != '_' && !expr_write_bytes(w, str_of(&upper, 1)))
                return false;
        }
        if (i > 1 && !expr_write_bytes(w, STR(",")))
            return false;
    }
    return expr_write_length(w, mark, STRING_VALUE);
}

static bool write_object(struct expr_writer *w, const struct expr_value *v)
{
    size_t mark = expr_write_mark(w);
    if (str_eq(v->message->full_name, STR("google.protobuf.Empty")))
        return expr_write_length(w, mark, STRUCT_VALUE);
    if (v->message->wkt == TC_WKT_FIELD_MASK)
        return write_field_mask(w, v);
    return expr_write_refuse(w, STR("google.protobuf.Value"));
}

bool expr_write_json(struct expr_writer *w, const struct expr_value *v)
{
    size_t mark = expr_write_mark(w);
    switch (v->kind) {
    case EXPR_ERROR: return expr_write_fail(w, *v);
    case EXPR_NULL: return expr_write_varint(w, 0) && expr_write_key(w, NULL_VALUE, TC_VARINT);
    case EXPR_BOOL: return expr_write_varint(w, v->b) && expr_write_key(w, BOOL_VALUE, TC_VARINT);
    case EXPR_INT:
    case EXPR_UINT: return write_integer(w, v);
    case EXPR_DOUBLE: return write_number(w, v->d);
    case EXPR_STRING: return write_string(w, v->s);
    case EXPR_BYTES: return write_base64(w, v);
    case EXPR_TIMESTAMP:
    case EXPR_DURATION: return write_time(w, v);
    case EXPR_LIST: return expr_write_list_value(w, v) && expr_write_length(w, mark, LIST_VALUE);
    case EXPR_MAP: return expr_write_struct(w, v) && expr_write_length(w, mark, STRUCT_VALUE);
    case EXPR_MESSAGE: return write_object(w, v);
    default: return expr_write_refuse(w, STR("google.protobuf.Value"));
    }
}

/* A nested list or map: one level deeper. */
static bool write_nested(struct expr_writer *w, const struct expr_value *v)
{
    if (w->run->depth >= EXPR_VALUE_DEPTH_MAX || !expr_spend(w->run, 1))
        return expr_write_fail(w, expr_no_steps());
    w->run->depth++;
    bool ok = expr_write_json(w, v);
    w->run->depth--;
    return ok;
}

bool expr_write_list_value(struct expr_writer *w, const struct expr_value *v)
{
    struct expr_value error;
    uint32_t n;
    if (v->kind != EXPR_LIST)
        return expr_write_refuse(w, STR("google.protobuf.ListValue"));
    const struct expr_value *items = expr_list_items(w->run, v, &n, &error);
    if (!items)
        return expr_write_fail(w, error);
    for (uint32_t i = n; i > 0; i--) {
        size_t mark = expr_write_mark(w);
        if (!write_nested(w, &items[i - 1]) || !expr_write_length(w, mark, 1))
            return false;
    }
    return true;
}

/* Keys of JSON are strings; numbers and bools become theirs. */
static bool write_json_key(struct expr_writer *w, const struct expr_value *key)
{
    char out[TC_NUMBER_TEXT_MAX];
    size_t mark = expr_write_mark(w);
    struct str text = key->s;
    if (key->kind == EXPR_BOOL)
        text = key->b ? STR("true") : STR("false");
    else if (key->kind == EXPR_INT)
        text = str_of(out, tc_print_int64(out, key->i));
    else if (key->kind == EXPR_UINT)
        text = str_of(out, tc_print_uint64(out, key->u));
    return expr_write_bytes(w, text) && expr_write_length(w, mark, 1);
}

bool expr_write_struct(struct expr_writer *w, const struct expr_value *v)
{
    if (v->kind != EXPR_MAP)
        return expr_write_refuse(w, STR("google.protobuf.Struct"));
    for (uint32_t i = expr_map_size(v); i > 0; i--) {
        struct expr_value key, value;
        size_t mark = expr_write_mark(w);
        v->map->at(v->map, w->run, i - 1, &key, &value);
        if (!write_nested(w, &value) || !expr_write_length(w, mark, 2) ||
            !write_json_key(w, &key) || !expr_write_length(w, mark, 1))
            return false;
    }
    return true;
}
