#include "gateway/expr/seek.h"
#include "gateway/expr/time.h"

enum { NANOS_MAX = 999999999 };

typedef struct expr_value decode(struct expr_run *r, const struct tc_message *m, struct str bytes);

static struct expr_value as_message(struct expr_run *r, const struct tc_message *m,
                                    struct str bytes)
{
    (void)r;
    return (struct expr_value){.kind = EXPR_MESSAGE, .s = bytes, .message = m};
}

/* seconds = 1, nanos = 2. */
static bool read_time(struct str bytes, int64_t *seconds, int64_t *nanos)
{
    struct tc_wire_field w;
    enum tc_status st;

    *seconds = *nanos = 0;
    while ((st = tc_wire_next(&bytes, &w)) == TC_OK) {
        if (w.type == TC_VARINT && w.number == 1)
            *seconds = (int64_t)w.value;
        else if (w.type == TC_VARINT && w.number == 2)
            *nanos = (int32_t)w.value;
    }
    return st == TC_MORE;
}

static struct expr_value timestamp(struct expr_run *r, const struct tc_message *m, struct str bytes)
{
    struct expr_value v = {.kind = EXPR_TIMESTAMP};
    int64_t seconds, nanos;
    if (!read_time(bytes, &seconds, &nanos))
        return expr_malformed(r, m);
    v.time = (struct expr_time){seconds, (int32_t)nanos};
    if (nanos < 0 || nanos > NANOS_MAX || !expr_timestamp_fits(v.time))
        return expr_fail(r, EXPR_FAIL_RANGE, "timestamp out of range");
    return v;
}

static struct expr_value duration(struct expr_run *r, const struct tc_message *m, struct str bytes)
{
    struct expr_value v = {.kind = EXPR_DURATION};
    int64_t seconds, nanos;
    if (!read_time(bytes, &seconds, &nanos))
        return expr_malformed(r, m);
    v.time = (struct expr_time){seconds, (int32_t)nanos};
    if (nanos < -NANOS_MAX || nanos > NANOS_MAX || (seconds < 0 && nanos > 0) ||
        (seconds > 0 && nanos < 0) || !expr_duration_fits(v.time))
        return expr_fail(r, EXPR_FAIL_RANGE, "duration out of range");
    return v;
}

/* What its one field is: wrappers, Struct, ListValue. */
static struct expr_value content(struct expr_run *r, const struct tc_message *m, struct str bytes)
{
    struct expr_value v = as_message(r, m, bytes);
    const struct tc_field *f = tc_field_by_number(m, 1);
    return f ? expr_field(r, &v, f) : expr_malformed(r, m);
}

/* google.protobuf.Value: the member that is set. */
static struct expr_value value(struct expr_run *r, const struct tc_message *m, struct str bytes)
{
    struct expr_value v = as_message(r, m, bytes);
    const struct tc_field *set = NULL;
    struct tc_wire_field w;
    enum tc_status st;

    while ((st = tc_wire_next(&bytes, &w)) == TC_OK) {
        const struct tc_field *f = tc_field_by_number(m, w.number);
        if (f && expr_wire_takes(f, &w))
            set = f;
    }
    if (st != TC_MORE)
        return expr_malformed(r, m);
    return set ? expr_field(r, &v, set) : expr_null();
}

/* The message inside, when the schema knows its type. */
static struct expr_value any(struct expr_run *r, const struct tc_message *m, struct str bytes)
{
    struct expr_seek s[2] = {{.field = tc_field_by_number(m, 1)},
                             {.field = tc_field_by_number(m, 2)}};
    if (!s[0].field || !s[1].field || !expr_seek_all(m, bytes, s, 2))
        return expr_malformed(r, m);
    struct str url = s[0].pieces ? s[0].last.bytes : STR(""), name = url;
    for (size_t at; (at = str_find(name, '/')) < name.n;)
        name = str_skip(name, at + 1);
    const struct tc_message *inner = r->schema ? tc_schema_message(r->schema, name) : NULL;
    if (!inner)
        return expr_fail(r, EXPR_FAIL_BAD_VALUE, "Any holds \"%.*s\", which no schema here knows",
                         (int)(url.n < 64 ? url.n : 64), url.n ? url.p : "");
    if (r->depth >= EXPR_VALUE_DEPTH_MAX)
        return expr_no_steps();
    r->depth++;
    struct expr_value v = expr_from_message(r, inner, s[1].pieces ? s[1].last.bytes : STR(""));
    r->depth--;
    return v;
}

static decode *const decoders[TC_WKT_COUNT] = {
    [TC_WKT_NONE] = as_message,       [TC_WKT_ANY] = any,
    [TC_WKT_TIMESTAMP] = timestamp,   [TC_WKT_DURATION] = duration,
    [TC_WKT_FIELD_MASK] = as_message, [TC_WKT_STRUCT] = content,
    [TC_WKT_VALUE] = value,           [TC_WKT_LIST_VALUE] = content,
    [TC_WKT_WRAPPER] = content,       [TC_WKT_HTTP_BODY] = as_message,
};

struct expr_value expr_from_message(struct expr_run *r, const struct tc_message *m,
                                    struct str bytes)
{
    return decoders[m->wkt](r, m, bytes);
}

struct expr_value expr_settle(struct expr_run *r, struct expr_value v)
{
    return v.kind == EXPR_MESSAGE ? decoders[v.message->wkt](r, v.message, v.s) : v;
}
