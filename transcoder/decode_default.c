#include "transcoder/decode_internal.h"

/* JSON of a message field that is not set: an empty object where that is what an empty message
 * looks like, else null. */
static const struct str empty_messages[TC_WKT_COUNT] = {
    [TC_WKT_NONE] = STR_INIT("{}"),         [TC_WKT_ANY] = STR_INIT("{}"),
    [TC_WKT_TIMESTAMP] = STR_INIT("null"),  [TC_WKT_DURATION] = STR_INIT("null"),
    [TC_WKT_FIELD_MASK] = STR_INIT("null"), [TC_WKT_STRUCT] = STR_INIT("{}"),
    [TC_WKT_VALUE] = STR_INIT("null"),      [TC_WKT_LIST_VALUE] = STR_INIT("[]"),
    [TC_WKT_WRAPPER] = STR_INIT("null"),    [TC_WKT_HTTP_BODY] = STR_INIT("{}"),
};

/* default_value of a descriptor: decimal numbers, "inf", "-inf", "nan", true or false. */
static enum tc_status declared_number(struct tc_decoder *d, const struct tc_field *field)
{
    static const struct {
        struct str text, json;
    } specials[] = {
        {STR_INIT("inf"), STR_INIT("\"Infinity\"")},
        {STR_INIT("-inf"), STR_INIT("\"-Infinity\"")},
        {STR_INIT("nan"), STR_INIT("\"NaN\"")},
    };
    struct str text = field->default_text;
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (str_eq(text, specials[i].text))
            return tc_dec_put(d, specials[i].json);
    char zero[TC_DEC_NUMBER_ROOM];
    d->print[field->type](zero, 0);
    enum tc_status st = zero[0] == '"' ? tc_dec_put(d, STR("\"")) : TC_OK;
    if (st == TC_OK)
        st = tc_dec_put(d, text);
    return st == TC_OK && zero[0] == '"' ? tc_dec_put(d, STR("\"")) : st;
}

static int octal(char c)
{
    return c >= '0' && c <= '7' ? c - '0' : -1;
}

/* One byte of a descriptor's C-escaped bytes default. */
static char unescape(struct str *rest)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    char c = rest->p[0];
    *rest = str_skip(*rest, 1);
    if (c != '\\' || rest->n == 0)
        return c;
    c = rest->p[0];
    unsigned value = 0, digits = 0;
    for (; digits < 3 && rest->n && octal(rest->p[0]) >= 0; digits++, *rest = str_skip(*rest, 1))
        value = value * 8 + (unsigned)octal(rest->p[0]);
    if (digits)
        return (char)value;
    *rest = str_skip(*rest, 1);
    const char *letter = memchr(from, c, sizeof from - 1);
    return letter ? to[letter - from] : c;
}

static enum tc_status declared_bytes(struct tc_decoder *d, struct str text)
{
    char *bytes = arena_alloc(d->arena, text.n);
    size_t n = 0;
    if (!bytes)
        return tc_dec_fail(d, TC_NOMEM, NULL, "out of memory");
    while (text.n)
        bytes[n++] = unescape(&text);
    return tc_dec_bytes(d, str_of(bytes, n));
}

static enum tc_status default_enum(struct tc_decoder *d, const struct tc_field *field)
{
    const struct tc_enum *e = field->enumeration;
    const struct tc_enum_value *v = field->default_text.p ? tc_enum_by_name(e, field->default_text)
                                                          : NULL;
    if (!v && e->nvalues)
        v = &e->values[0];
    struct tc_wire_field w = {.type = TC_VARINT, .value = v ? (uint64_t)v->number : 0};
    return tc_dec_value(d, field, &w);
}

enum tc_status tc_dec_default(struct tc_decoder *d, const struct tc_field *field)
{
    struct tc_wire_field zero = {.type = (uint8_t)tc_dec_wire_type(field->type), .bytes = STR("")};
    if (field->flags & TC_REPEATED)
        return tc_dec_put(d, field->flags & TC_MAP ? STR("{}") : STR("[]"));
    if (field->message)
        return tc_dec_put(d, empty_messages[field->message->wkt]);
    if (field->type == TC_ENUM)
        return default_enum(d, field);
    if (!field->default_text.p)
        return tc_dec_value(d, field, &zero);
    if (field->type == TC_STRING)
        return tc_dec_string(d, field->default_text);
    if (field->type == TC_BYTES)
        return declared_bytes(d, field->default_text);
    return declared_number(d, field);
}
