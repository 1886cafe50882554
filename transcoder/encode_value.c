#include "transcoder/encode_frames.h"
#include "transcoder/enum_name.h"
#include "transcoder/text.h"
#include "transcoder/value_text.h"
#include "transcoder/wire.h"

/* ---- texts: names, and strings that stand for something ---- */

static enum tc_status text_too_long(struct tc_encoder *e)
{
    if (e->text_to == TC_TEXT_TO_OUT)
        return tc_enc_full(e, (size_t)(e->lex.in.end - e->lex.in.p));
    return tc_enc_fail(e, TC_LIMIT, "a text longer than %d bytes where none is needed",
                       TC_ENCODE_SCRATCH_MAX);
}

/* On to the end of the string, making room as it is asked for. */
static enum tc_status read_text(struct tc_encoder *e)
{
    struct buf *const to[] = {&e->scratch, e->out, NULL};
    enum tc_status st, room = TC_OK;

    do {
        st = tc_lex_string(&e->lex, to[e->text_to]);
        if (st == TC_FULL)
            room = e->text_to == TC_TEXT_TO_SCRATCH
                       ? tc_enc_grow(e, &e->scratch, e->scratch.cap - e->scratch.n + 1,
                                     TC_ENCODE_SCRATCH_MAX)
                       : TC_LIMIT;
    } while (st == TC_FULL && room == TC_OK);
    if (st == TC_FULL)
        return room == TC_LIMIT ? text_too_long(e) : room;
    return st == TC_INVALID ? tc_enc_lex_failed(e) : st;
}

enum tc_status tc_enc_text_resume(struct tc_encoder *e)
{
    tc_enc_text_fn done = e->text_done;
    enum tc_status st = read_text(e);

    if (st != TC_OK)
        return st;
    e->text_done = NULL;
    return done(e, buf_str(&e->scratch));
}

enum tc_status tc_enc_text(struct tc_encoder *e, enum tc_enc_text_to to, tc_enc_text_fn done)
{
    struct str text;

    if (to != TC_TEXT_TO_OUT && tc_lex_whole_string(&e->lex, &text))
        return done(e, text);
    e->text_to = to;
    e->text_done = done;
    e->scratch.n = 0;
    return tc_enc_text_resume(e);
}

/* ---- values that are one token ---- */

static enum tc_status key(struct tc_encoder *e)
{
    return e->top->keyed ? tc_enc_tag(e, e->top->field) : TC_OK;
}

static enum tc_status put_text(struct tc_encoder *e, struct str text, enum tc_text_origin origin)
{
    char why[TC_ERROR_TEXT_MAX];
    size_t start = e->out->n, at;
    enum tc_status st = e->top->field->message ? tc_enc_nest(e) : TC_OK;

    if (st == TC_OK)
        st = key(e);
    if (st != TC_OK)
        return st;
    at = e->out->n;
    st = tc_value_text(e->out, e->top->field, text, origin, why);
    if (st == TC_INVALID)
        return tc_enc_fail(e, st, "%s", why);
    if (st != TC_OK)
        return tc_enc_full(e, st == TC_LIMIT ? SIZE_MAX : 0);
    if (e->top->drop_zero && tc_enc_all_zero(e, at))
        e->out->n = start;
    if (e->top->field->flags & TC_SET_ITEM && (st = tc_enc_item_end(e)) != TC_OK)
        return st;
    return tc_enc_value_done(e);
}

static enum tc_status on_number(struct tc_encoder *e, enum tc_json_token t)
{
    (void)t;
    return put_text(e, e->lex.number, TC_TEXT_JSON_NUMBER);
}

/* An enum's name that is not known and may be ignored: the value is left out, in a map the whole
 * entry. */
static enum tc_status leave_out(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;

    if (f->kind != TC_ENC_MAP)
        return tc_enc_value_done(e);
    tc_enc_back(e, &f->before);
    f->field = NULL;
    f->state = 0;
    return TC_OK;
}

static enum tc_status put_string(struct tc_encoder *e, struct str text)
{
    const struct tc_field *f = e->top->field;

    if (f->type == TC_ENUM)
        text = tc_enum_full_name(f->enumeration, text, e->spec.enum_names);
    if (e->spec.ignore_unknown_enums && f->type == TC_ENUM &&
        !tc_enum_by_name(f->enumeration, text))
        return leave_out(e);
    return put_text(e, text, TC_TEXT_JSON_STRING);
}

static enum tc_status on_text(struct tc_encoder *e, enum tc_json_token t)
{
    (void)t;
    return tc_enc_text(e, TC_TEXT_TO_SCRATCH, put_string);
}

static enum tc_status put_bit(struct tc_encoder *e, char bit)
{
    size_t start = e->out->n;
    enum tc_status st = key(e);

    if (st == TC_OK)
        st = tc_enc_put(e, str_of(&bit, 1));
    if (st != TC_OK)
        return st;
    if (!bit && e->top->drop_zero)
        e->out->n = start;
    return tc_enc_value_done(e);
}

static enum tc_status on_bool(struct tc_encoder *e, enum tc_json_token t)
{
    return put_bit(e, t == TC_JSON_TRUE);
}

bool tc_enc_takes_null(const struct tc_field *f)
{
    if (f->type == TC_ENUM)
        return f->enumeration->is_null_value;
    return f->message && f->message->wkt == TC_WKT_VALUE;
}

static enum tc_status on_null(struct tc_encoder *e, enum tc_json_token t)
{
    (void)t;
    if (!tc_enc_takes_null(e->top->field))
        return tc_enc_fail(e, TC_INVALID, "expected the name or number of an enum, found null");
    return put_bit(e, 0);
}

/* ---- strings and bytes: straight into the output ---- */

static enum tc_status string_done(struct tc_encoder *e, struct str text)
{
    bool empty = e->out->n == e->slots[e->text_slot].pos + 1;

    (void)text;
    tc_enc_close_slot(e, e->text_slot);
    if (empty && e->top->drop_zero)
        tc_enc_back(e, &e->text_at);
    return tc_enc_value_done(e);
}

static enum tc_status open_text(struct tc_encoder *e)
{
    enum tc_status st;

    e->text_at = tc_enc_spot(e);
    st = key(e);
    return st == TC_OK ? tc_enc_open_slot(e, &e->text_slot) : st;
}

static enum tc_status whole_string(struct tc_encoder *e, struct str text)
{
    const struct tc_field *f = e->top->field;
    size_t ntag = e->top->keyed ? f->tag_len : 0, n = ntag + tc_varint_size(text.n) + text.n;
    char *p;

    if (!text.n && e->top->drop_zero)
        return tc_enc_value_done(e);
    p = buf_reserve(e->out, n);
    if (!p)
        return tc_enc_full(e, n);
    memcpy(p, f->tag, ntag);
    p += ntag;
    p += tc_varint_put(p, text.n);
    if (text.n)
        memcpy(p, text.p, text.n);
    e->out->n += n;
    return tc_enc_value_done(e);
}

static enum tc_status on_string(struct tc_encoder *e, enum tc_json_token t)
{
    struct str text;
    enum tc_status st;

    (void)t;
    if (tc_lex_whole_string(&e->lex, &text))
        return whole_string(e, text);
    st = open_text(e);
    return st == TC_OK ? tc_enc_text(e, TC_TEXT_TO_OUT, string_done) : st;
}

static enum tc_status not_base64(struct tc_encoder *e)
{
    return tc_enc_fail(e, TC_INVALID, "bytes must be written as base64");
}

static enum tc_status whole_bytes(struct tc_encoder *e, struct str text)
{
    size_t bad;

    if (tc_base64_decode(e->out, text, &bad))
        return string_done(e, text);
    return bad == text.n ? tc_enc_full(e, text.n / 4 * 3) : not_base64(e);
}

/* The text stands in the output itself: it is decoded in place, for three bytes are written when
 * four have been read. */
static enum tc_status bytes_done(struct tc_encoder *e, struct str text)
{
    size_t at = e->slots[e->text_slot].pos + 1, bad;

    text = str_of(e->out->p + at, e->out->n - at);
    e->out->n = at;
    return tc_base64_decode(e->out, text, &bad) ? string_done(e, text) : not_base64(e);
}

static enum tc_status on_bytes(struct tc_encoder *e, enum tc_json_token t)
{
    enum tc_status st = open_text(e);
    struct str text;

    (void)t;
    if (st != TC_OK)
        return st;
    if (tc_lex_whole_string(&e->lex, &text))
        return whole_bytes(e, text);
    return tc_enc_text(e, TC_TEXT_TO_OUT, bytes_done);
}

/* ---- lists ---- */

static enum tc_status open_list(struct tc_encoder *e, enum tc_json_token t)
{
    const struct tc_field *from = e->top->field;
    struct tc_enc_spot before = tc_enc_spot(e);
    bool packed = from->flags & TC_PACKED;
    enum tc_status st = packed ? tc_enc_open(e, TC_ENC_LIST, from)
                               : tc_enc_push(e, TC_ENC_LIST, from);

    (void)t;
    if (st != TC_OK)
        return st;
    e->top->before = before;
    e->top->field = from;
    e->top->keyed = !packed;
    return TC_OK;
}

static enum tc_status close_list(struct tc_encoder *e)
{
    struct tc_enc_frame *f = e->top;

    if (f->slot != TC_ENC_NO_SLOT) {
        bool empty = e->out->n == e->slots[f->slot].pos + 1;

        tc_enc_close_slot(e, f->slot);
        if (empty)
            tc_enc_back(e, &f->before);
    }
    tc_enc_pop(e);
    return tc_enc_value_done(e);
}

enum tc_status tc_enc_list_token(struct tc_encoder *e, enum tc_json_token t)
{
    const struct tc_field *f = e->top->field;

    if (t == TC_JSON_ARRAY_END)
        return close_list(e);
    if (t == TC_JSON_NULL && !tc_enc_takes_null(f))
        return tc_enc_fail(e, TC_INVALID, "null is not allowed in this array");
    enum tc_status st = tc_enc_value(e, tc_enc_element_row(f), t);
    if (st == TC_OK && t == TC_JSON_NUMBER && f->flags & TC_PACKED)
        tc_enc_packed(e);
    return st;
}

static enum tc_status element_done(struct tc_encoder *e, bool *up)
{
    (void)up;
    e->top->index++;
    return TC_OK;
}

/* ---- messages that the JSON does not show ---- */

static enum tc_status wrap_in(struct tc_encoder *e, const struct tc_field *inner,
                              enum tc_json_token t)
{
    enum tc_status st = tc_enc_open(e, TC_ENC_WRAP, e->top->field);

    if (st != TC_OK)
        return st;
    e->top->field = inner;
    e->top->drop_zero = !(inner->flags & TC_PRESENCE) && inner->oneof < 0;
    return tc_enc_value(e, tc_enc_row(inner), t);
}

/* Wrappers, Struct, ListValue: their JSON is that of their only field. */
static enum tc_status wrap(struct tc_encoder *e, enum tc_json_token t)
{
    return wrap_in(e, &e->top->field->message->fields[0], t);
}

/* Value: a member of its oneof for each kind of token. */
static enum tc_status wrap_value(struct tc_encoder *e, enum tc_json_token t)
{
    static const uint8_t members[TC_JSON_VALUES] = {
        [TC_JSON_NULL] = 1, [TC_JSON_NUMBER] = 2, [TC_JSON_STRING] = 3, [TC_JSON_FALSE] = 4,
        [TC_JSON_TRUE] = 4, [TC_JSON_OBJECT] = 5, [TC_JSON_ARRAY] = 6,
    };

    return wrap_in(e, tc_field_by_number(e->top->field->message, members[t]), t);
}

static enum tc_status wrap_done(struct tc_encoder *e, bool *up)
{
    *up = true;
    return tc_enc_close(e);
}

/* ---- tables ---- */

#define NUMBER_ROW(what)                                                                     \
    {                                                                                        \
        .on = {[TC_JSON_NUMBER] = on_number, [TC_JSON_STRING] = on_text}, .expected = (what) \
    }
#define TEXT_ROW(what)                                         \
    {                                                          \
        .on = {[TC_JSON_STRING] = on_text}, .expected = (what) \
    }

static const struct tc_enc_row type_rows[] = {
    [TC_DOUBLE] = NUMBER_ROW("a number"),
    [TC_FLOAT] = NUMBER_ROW("a number"),
    [TC_INT64] = NUMBER_ROW("a whole number"),
    [TC_UINT64] = NUMBER_ROW("a whole number"),
    [TC_INT32] = NUMBER_ROW("a whole number"),
    [TC_FIXED64] = NUMBER_ROW("a whole number"),
    [TC_FIXED32] = NUMBER_ROW("a whole number"),
    [TC_BOOL] = {.on = {[TC_JSON_FALSE] = on_bool, [TC_JSON_TRUE] = on_bool},
                 .expected = "true or false"},
    [TC_STRING] = {.on = {[TC_JSON_STRING] = on_string}, .expected = "a string"},
    [TC_BYTES] = {.on = {[TC_JSON_STRING] = on_bytes}, .expected = "a string in base64"},
    [TC_UINT32] = NUMBER_ROW("a whole number"),
    [TC_ENUM] =
        {.on = {[TC_JSON_NUMBER] = on_number, [TC_JSON_STRING] = on_text, [TC_JSON_NULL] = on_null},
         .expected = "the name or number of an enum"},
    [TC_SFIXED32] = NUMBER_ROW("a whole number"),
    [TC_SFIXED64] = NUMBER_ROW("a whole number"),
    [TC_SINT32] = NUMBER_ROW("a whole number"),
    [TC_SINT64] = NUMBER_ROW("a whole number"),
};

#define MESSAGE_ROW                                                             \
    {                                                                           \
        .on = {[TC_JSON_OBJECT] = tc_enc_open_message}, .expected = "an object" \
    }

static const struct tc_enc_row wkt_rows[TC_WKT_COUNT] = {
    [TC_WKT_NONE] = MESSAGE_ROW,
    [TC_WKT_HTTP_BODY] = MESSAGE_ROW,
    [TC_WKT_ANY] = {.on = {[TC_JSON_OBJECT] = tc_enc_open_any},
                    .expected = "an object with \"@type\""},
    [TC_WKT_TIMESTAMP] = TEXT_ROW("a string like \"2001-02-03T04:05:06.7Z\""),
    [TC_WKT_DURATION] = TEXT_ROW("a string like \"1.5s\""),
    [TC_WKT_FIELD_MASK] = TEXT_ROW("a string like \"name,displayName\""),
    [TC_WKT_STRUCT] = {.on = {[TC_JSON_OBJECT] = wrap}, .expected = "an object"},
    [TC_WKT_LIST_VALUE] = {.on = {[TC_JSON_ARRAY] = wrap}, .expected = "an array"},
    [TC_WKT_VALUE] = {.on = {wrap_value, wrap_value, wrap_value, wrap_value, wrap_value, wrap_value,
                             wrap_value},
                      .expected = "a value"},
    [TC_WKT_WRAPPER] = {.on = {[TC_JSON_FALSE] = wrap,
                               [TC_JSON_TRUE] = wrap,
                               [TC_JSON_NUMBER] = wrap,
                               [TC_JSON_STRING] = wrap},
                        .expected = "a simple value"},
};

static const struct tc_enc_row list_row = {.on = {[TC_JSON_ARRAY] = open_list},
                                           .expected = "an array"};
static const struct tc_enc_row map_row = {.on = {[TC_JSON_OBJECT] = tc_enc_open_map},
                                          .expected = "an object"};

const struct tc_enc_row *tc_enc_element_row(const struct tc_field *f)
{
    return f->message ? &wkt_rows[f->message->wkt] : &type_rows[f->type];
}

const struct tc_enc_row *tc_enc_row(const struct tc_field *f)
{
    if (f->flags & TC_REPEATED)
        return f->flags & TC_MAP ? &map_row : &list_row;
    return tc_enc_element_row(f);
}

enum tc_status tc_enc_value(struct tc_encoder *e, const struct tc_enc_row *row,
                            enum tc_json_token t)
{
    if (row->on[t])
        return row->on[t](e, t);
    return tc_enc_fail(e, TC_INVALID, "expected %s, found %s", row->expected,
                       tc_json_token_name(t));
}

/* ---- the top ---- */

static enum tc_status root_done(struct tc_encoder *e, bool *up)
{
    e->complete = true;
    return tc_enc_member_done(e, up);
}

enum tc_status tc_enc_root_token(struct tc_encoder *e, enum tc_json_token t)
{
    const struct tc_field *f = e->top->field;
    enum tc_status st;

    if (t == TC_JSON_NULL && f != &e->whole &&
        !(tc_enc_takes_null(f) && !(f->flags & TC_REPEATED))) {
        e->complete = true; /* a field that is not set */
        return TC_OK;
    }
    st = tc_enc_member_begins(e);
    return st == TC_OK ? tc_enc_value(e, tc_enc_row(f), t) : st;
}

typedef enum tc_status (*done_fn)(struct tc_encoder *e, bool *up);

static const done_fn on_done[TC_ENC_KINDS] = {
    [TC_ENC_ROOT] = root_done,    [TC_ENC_MESSAGE] = tc_enc_member_done,
    [TC_ENC_LIST] = element_done, [TC_ENC_MAP] = tc_enc_entry_done,
    [TC_ENC_WRAP] = wrap_done,    [TC_ENC_ANY] = tc_enc_any_done,
};

enum tc_status tc_enc_value_done(struct tc_encoder *e)
{
    enum tc_status st;
    bool up;

    do {
        up = false;
        st = on_done[e->top->kind](e, &up);
    } while (st == TC_OK && up);
    return st;
}
