#include "gateway/expr/literal.h"

#include "transcoder/number.h"

static bool fail(struct expr_literal_fault *f, const struct expr_token *t, const char *text)
{
    *f = (struct expr_literal_fault){.offset = t->offset, .end = t->end, .text = text};
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits of an integer, base 10 or 16. False: above 2^64 - 1. */
static bool read_digits(struct str s, uint64_t *out)
{
    uint64_t base = s.n > 2 && s.p[1] == 'x' ? 16 : 10, v = 0;

    for (size_t i = base == 16 ? 2 : 0; i < s.n; i++) {
        uint64_t digit = (uint64_t)hex_digit(s.p[i]);
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *out = v;
    return true;
}

static bool read_int(const struct expr_token *t, bool negative, struct expr_value *out,
                     struct expr_literal_fault *f)
{
    uint64_t v, max = (uint64_t)INT64_MAX + negative;

    if (!read_digits(t->text, &v) || v > max)
        return fail(f, t,
                    "does not fit an int (64 bits with sign); a uint ends with u, a double "
                    "has a point");
    *out = expr_int(negative ? (int64_t)(0 - v) : (int64_t)v);
    return true;
}

static bool read_uint(const struct expr_token *t, bool negative, struct expr_value *out,
                      struct expr_literal_fault *f)
{
    uint64_t v;

    if (!read_digits(str_of(t->text.p, t->text.n - 1), &v))
        return fail(f, t, "does not fit a uint (64 bits)");
    if (negative)
        return fail(f, t, "is a uint, which has no sign; leave out the u, or the minus");
    *out = (struct expr_value){.kind = EXPR_UINT, .u = v};
    return true;
}

/* The grammar of JSON, which our reader of numbers keeps to, wants a digit before the point and no
 * zeros before that. */
static bool read_double(struct arena *a, const struct expr_token *t, bool negative,
                        struct expr_value *out, struct expr_literal_fault *f)
{
    struct str digits = t->text;

    while (digits.n > 1 && digits.p[0] == '0' && digits.p[1] >= '0' && digits.p[1] <= '9')
        digits = str_skip(digits, 1);
    struct str json = digits.p[0] == '.' ? arena_printf(a, "0%.*s", STR_ARG(digits)) : digits;
    *out = (struct expr_value){.kind = EXPR_DOUBLE};
    if (!json.p) {
        f->out_of_memory = true;
        return false;
    }
    if (!tc_parse_double(json, &out->d))
        return fail(f, t, "does not fit a double");
    if (negative)
        out->d = -out->d;
    return true;
}

/* What is left of a string between its quotes, and what has been made of it. */
struct unescape {
    const char *start; /* of the token */
    struct str rest;
    char *out;
    size_t n;
    bool bytes;
};

static void put_code_point(struct unescape *u, uint32_t c)
{
    char *to = u->out + u->n;

    if (c < 0x80) {
        to[0] = (char)c;
        u->n += 1;
    } else if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        u->n += 2;
    } else if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (char)(0x80 | (c & 0x3f));
        u->n += 3;
    } else {
        to[0] = (char)(0xf0 | c >> 18);
        to[1] = (char)(0x80 | (c >> 12 & 0x3f));
        to[2] = (char)(0x80 | (c >> 6 & 0x3f));
        to[3] = (char)(0x80 | (c & 0x3f));
        u->n += 4;
    }
}

/* `digits` digits of `base` behind `skip` bytes of the escape. Always shorter as UTF-8 than
 * written. NULL, or what is wrong. */
static const char *put_number(struct unescape *u, size_t skip, size_t digits, int base)
{
    uint32_t c = 0;

    for (size_t i = skip; i < skip + digits; i++) {
        int digit = i < u->rest.n ? hex_digit(u->rest.p[i]) : -1;
        if (digit < 0 || digit >= base)
            return "is cut; \\x takes 2 hex digits, \\u 4, \\U 8, and octal is \\000 to \\377";
        c = c * (uint32_t)base + (uint32_t)digit;
    }
    u->rest = str_skip(u->rest, skip + digits);
    if (u->bytes && digits <= 3) {
        if (c > 0xff)
            return "is above 255; octal is \\000 to \\377";
        u->out[u->n++] = (char)c;
        return NULL;
    }
    if (u->bytes)
        return "stands for a character; in bytes write \\x and two hex digits";
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return "is no Unicode character";
    if (digits == 3 && c > 0xff)
        return "is above 255; octal is \\000 to \\377";
    put_code_point(u, c);
    return NULL;
}

/* u->rest starts with a backslash. */
static const char *put_escape(struct unescape *u)
{
    static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
    char c = u->rest.n > 1 ? u->rest.p[1] : '\0';
    const char *plain = c ? strchr(from, c) : NULL;

    if (plain) {
        u->out[u->n++] = to[plain - from];
        u->rest = str_skip(u->rest, 2);
        return NULL;
    }
    switch (c) {
    case 'x':
    case 'X': return put_number(u, 2, 2, 16);
    case 'u': return put_number(u, 2, 4, 16);
    case 'U': return put_number(u, 2, 8, 16);
    case '0':
    case '1':
    case '2':
    case '3': return put_number(u, 1, 3, 8);
    default: return "is no escape; a backslash is written \\\\, or the string raw: r\"...\"";
    }
}

static bool unescape(struct unescape *u, const struct expr_token *t, struct expr_literal_fault *f)
{
    while (u->rest.n) {
        size_t plain = str_find(u->rest, '\\');
        memcpy(u->out + u->n, u->rest.p, plain);
        u->n += plain;
        u->rest = str_skip(u->rest, plain);
        if (!u->rest.n)
            break;
        const char *at = u->rest.p, *fault = put_escape(u);
        if (!fault)
            continue;
        size_t n = u->rest.p == at ? 2 : (size_t)(u->rest.p - at);
        uint32_t offset = t->offset + (uint32_t)(at - u->start);
        *f = (struct expr_literal_fault){
            .offset = offset, .end = offset + (uint32_t)n, .text = fault};
        return false;
    }
    return true;
}

static bool read_text(struct arena *a, const struct expr_token *t, struct expr_value *out,
                      struct expr_literal_fault *f)
{
    struct str s = t->text;
    bool bytes = t->kind == EXPR_TOKEN_BYTES;
    size_t prefix = bytes;

    bool raw = s.p[prefix] == 'r' || s.p[prefix] == 'R';
    prefix += raw;
    size_t quote = s.n - prefix >= 6 && s.p[prefix] == s.p[prefix + 1] ? 3 : 1;
    struct str inner = str_of(s.p + prefix + quote, s.n - prefix - 2 * quote);
    *out = (struct expr_value){.kind = bytes ? EXPR_BYTES : EXPR_STRING, .s = inner};
    if (raw || str_find(inner, '\\') == inner.n)
        return true;
    struct unescape u = {.start = s.p, .rest = inner, .out = arena_alloc(a, inner.n)};
    u.bytes = bytes;
    if (!u.out) {
        f->out_of_memory = true;
        return false;
    }
    if (!unescape(&u, t, f))
        return false;
    out->s = str_of(u.out, u.n);
    return true;
}

bool expr_literal(struct arena *a, const struct expr_token *t, bool negative,
                  struct expr_value *out, struct expr_literal_fault *f)
{
    *f = (struct expr_literal_fault){.offset = t->offset, .end = t->end};
    switch (t->kind) {
    case EXPR_TOKEN_INT: return read_int(t, negative, out, f);
    case EXPR_TOKEN_UINT: return read_uint(t, negative, out, f);
    case EXPR_TOKEN_DOUBLE: return read_double(a, t, negative, out, f);
    default: return read_text(a, t, out, f);
    }
}
