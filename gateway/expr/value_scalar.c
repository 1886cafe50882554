#include "gateway/expr/seek.h"
#include "transcoder/number.h"
#include "transcoder/text.h"

#include <math.h>

static struct expr_value float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return expr_double((double)f);
}

static struct expr_value double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return expr_double(d);
}

static struct expr_value text_of(struct expr_run *r, const struct tc_field *f, struct str bytes)
{
    if (!expr_spend_bytes(r, bytes.n))
        return expr_no_steps();
    if (!tc_utf8_valid(bytes))
        return expr_fail(r, EXPR_FAIL_MALFORMED, "field %.*s is not UTF-8", STR_ARG(f->name));
    return expr_string(bytes);
}

struct expr_value expr_scalar(struct expr_run *r, const struct tc_field *f,
                              const struct tc_wire_field *w)
{
    switch ((enum tc_type)f->type) {
    case TC_DOUBLE: return double_of(w->value);
    case TC_FLOAT: return float_of((uint32_t)w->value);
    case TC_INT64:
    case TC_SFIXED64: return expr_int((int64_t)w->value);
    case TC_UINT64:
    case TC_FIXED64: return expr_uint(w->value);
    case TC_INT32:
    case TC_SFIXED32: return expr_int((int32_t)w->value);
    case TC_UINT32:
    case TC_FIXED32: return expr_uint((uint32_t)w->value);
    case TC_SINT32: return expr_int((int32_t)tc_unzigzag((uint32_t)w->value));
    case TC_SINT64: return expr_int(tc_unzigzag(w->value));
    case TC_BOOL: return expr_bool(w->value != 0);
    case TC_ENUM: return f->enumeration->is_null_value ? expr_null() : expr_int((int32_t)w->value);
    case TC_STRING: return text_of(r, f, w->bytes);
    case TC_BYTES: return (struct expr_value){.kind = EXPR_BYTES, .s = w->bytes};
    case TC_GROUP:
    case TC_MESSAGE:
        return (struct expr_value){.kind = EXPR_MESSAGE, .s = w->bytes, .message = f->message};
    }
    return expr_null();
}

bool expr_wire_takes(const struct tc_field *f, const struct tc_wire_field *w)
{
    if (w->type != tc_wire_type_of((enum tc_type)f->type))
        return false;
    return f->type != TC_ENUM || !f->enumeration->closed ||
           tc_enum_by_number(f->enumeration, (int32_t)w->value);
}

/* One byte of a descriptor's C-escaped bytes default. */
static char unescape(struct str *rest)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    unsigned value = 0, digits = 0;
    char c = rest->p[0];

    *rest = str_skip(*rest, 1);
    if (c != '\\' || rest->n == 0)
        return c;
    for (; digits < 3 && rest->n && rest->p[0] >= '0' && rest->p[0] <= '7';
         digits++, *rest = str_skip(*rest, 1))
        value = value * 8 + (unsigned)(rest->p[0] - '0');
    if (digits)
        return (char)value;
    c = rest->p[0];
    *rest = str_skip(*rest, 1);
    const char *letter = memchr(from, c, sizeof from - 1);
    return letter ? to[letter - from] : c;
}

static struct expr_value default_bytes(struct expr_run *r, struct str text)
{
    char *p = expr_alloc(r, text.n);
    size_t n = 0;
    if (!p)
        return expr_no_memory();
    while (text.n)
        p[n++] = unescape(&text);
    return (struct expr_value){.kind = EXPR_BYTES, .s = str_of(p, n)};
}

static struct expr_value default_double(struct str text)
{
    double d = 0;
    if (str_eq(text, STR("inf")))
        d = (double)INFINITY;
    else if (str_eq(text, STR("-inf")))
        d = -(double)INFINITY;
    else if (str_eq(text, STR("nan")))
        d = (double)NAN;
    else if (!tc_parse_double(text, &d))
        d = 0;
    return expr_double(d);
}

static struct expr_value default_enum(const struct tc_field *f)
{
    const struct tc_enum *e = f->enumeration;
    const struct tc_enum_value *v = tc_enum_by_name(e, f->default_text);
    if (e->is_null_value)
        return expr_null();
    if (!v && e->nvalues)
        v = &e->values[0];
    return expr_int(v ? v->number : 0);
}

struct expr_value expr_default(struct expr_run *r, const struct tc_field *f)
{
    static const struct tc_wire_field zero;
    struct str text = f->default_text;
    int64_t i;
    uint64_t u;

    if (f->type == TC_ENUM)
        return default_enum(f);
    if (!text.p)
        return expr_scalar(r, f, &zero);
    switch ((enum tc_type)f->type) {
    case TC_STRING: return expr_string(text);
    case TC_BYTES: return default_bytes(r, text);
    case TC_BOOL: return expr_bool(str_eq(text, STR("true")));
    case TC_DOUBLE: return default_double(text);
    case TC_FLOAT: return expr_double((double)(float)default_double(text).d);
    case TC_UINT32:
    case TC_UINT64:
    case TC_FIXED32:
    case TC_FIXED64: return expr_uint(tc_parse_uint64(text, &u) ? u : 0);
    default: return expr_int(tc_parse_int64(text, &i) ? i : 0);
    }
}
