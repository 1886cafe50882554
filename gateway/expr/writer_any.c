#include "gateway/expr/writer.h"
#include "transcoder/wire.h"

/* seconds = 1, nanos = 2. */
bool expr_write_time(struct expr_writer *w, const struct expr_value *v)
{
    if (v->time.nanos && (!expr_write_varint(w, (uint64_t)(int64_t)v->time.nanos) ||
                          !expr_write_key(w, 2, TC_VARINT)))
        return false;
    return v->time.seconds == 0 ||
           (expr_write_varint(w, (uint64_t)v->time.seconds) && expr_write_key(w, 1, TC_VARINT));
}

static bool write_number(struct expr_writer *w, const struct expr_value *v)
{
    return v->u == 0 || (expr_write_varint(w, v->u) && expr_write_key(w, 1, TC_VARINT));
}

static bool write_bool(struct expr_writer *w, const struct expr_value *v)
{
    return !v->b || (expr_write_varint(w, 1) && expr_write_key(w, 1, TC_VARINT));
}

static bool write_double(struct expr_writer *w, const struct expr_value *v)
{
    uint64_t bits;
    memcpy(&bits, &v->d, sizeof bits);
    return bits == 0 || (expr_write_fixed(w, bits, 8) && expr_write_key(w, 1, TC_I64));
}

static bool write_text(struct expr_writer *w, const struct expr_value *v)
{
    size_t mark = expr_write_mark(w);
    return v->s.n == 0 || (expr_write_bytes(w, v->s) && expr_write_length(w, mark, 1));
}

static bool write_message(struct expr_writer *w, const struct expr_value *v)
{
    return expr_write_bytes(w, v->s);
}

/* The message that carries a value of each kind in an Any. */
static const struct {
    struct str type;
    bool (*write)(struct expr_writer *, const struct expr_value *);
} carriers[EXPR_KINDS] = {
    [EXPR_NULL] = {STR_INIT("google.protobuf.Value"), expr_write_json},
    [EXPR_BOOL] = {STR_INIT("google.protobuf.BoolValue"), write_bool},
    [EXPR_INT] = {STR_INIT("google.protobuf.Int64Value"), write_number},
    [EXPR_UINT] = {STR_INIT("google.protobuf.UInt64Value"), write_number},
    [EXPR_DOUBLE] = {STR_INIT("google.protobuf.DoubleValue"), write_double},
    [EXPR_STRING] = {STR_INIT("google.protobuf.StringValue"), write_text},
    [EXPR_BYTES] = {STR_INIT("google.protobuf.BytesValue"), write_text},
    [EXPR_TIMESTAMP] = {STR_INIT("google.protobuf.Timestamp"), expr_write_time},
    [EXPR_DURATION] = {STR_INIT("google.protobuf.Duration"), expr_write_time},
    [EXPR_LIST] = {STR_INIT("google.protobuf.ListValue"), expr_write_list_value},
    [EXPR_MAP] = {STR_INIT("google.protobuf.Struct"), expr_write_struct},
    [EXPR_MESSAGE] = {STR_INIT(""), write_message},
};

bool expr_write_any(struct expr_writer *w, const struct expr_value *v)
{
    size_t mark = expr_write_mark(w);
    if (v->kind >= EXPR_KINDS || !carriers[v->kind].write)
        return expr_write_refuse(w, STR("google.protobuf.Any"));
    struct str type = v->kind == EXPR_MESSAGE ? v->message->full_name : carriers[v->kind].type;
    if (!carriers[v->kind].write(w, v) ||
        (expr_write_mark(w) != mark && !expr_write_length(w, mark, 2)))
        return false;
    mark = expr_write_mark(w);
    return expr_write_bytes(w, type) && expr_write_bytes(w, STR("type.googleapis.com/")) &&
           expr_write_length(w, mark, 1);
}
