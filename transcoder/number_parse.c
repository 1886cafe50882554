#include "transcoder/number.h"

#include "transcoder/number_parts.h"

/* ---- the grammar, RFC 8259 section 6 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str take_digits(struct str *rest)
{
    size_t n = 0;

    while (n < rest->n && is_digit(rest->p[n]))
        n++;
    struct str taken = str_of(rest->p, n);
    *rest = str_skip(*rest, n);
    return taken;
}

static bool take_char(struct str *rest, char c)
{
    if (rest->n == 0 || rest->p[0] != c)
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

static bool take_exponent(struct str *rest, int64_t *exponent)
{
    const int64_t enough = INT64_C(100000000000000000);
    bool negative = take_char(rest, '-');

    if (!negative)
        take_char(rest, '+');
    struct str digits = take_digits(rest);
    int64_t v = 0;
    for (size_t i = 0; i < digits.n && v < enough; i++)
        v = v * 10 + (digits.p[i] - '0');
    *exponent = negative ? -v : v;
    return digits.n > 0;
}

bool tc_number_take_apart(struct str s, struct tc_number_parts *out)
{
    *out = (struct tc_number_parts){.negative = take_char(&s, '-')};
    out->whole = take_digits(&s);
    if (out->whole.n == 0 || (out->whole.n > 1 && out->whole.p[0] == '0'))
        return false;
    if (take_char(&s, '.')) {
        out->fraction = take_digits(&s);
        if (out->fraction.n == 0)
            return false;
    }
    if (take_char(&s, 'e') || take_char(&s, 'E')) {
        if (!take_exponent(&s, &out->exponent))
            return false;
    }
    return s.n == 0;
}

bool tc_is_json_number(struct str s)
{
    struct tc_number_parts t;
    return tc_number_take_apart(s, &t);
}

/* True when `s` is a number that the fast way can hold. */
static bool take_decimal(struct str s, struct tc_decimal *d)
{
    return s.n > 0 && tc_take_decimal(s.p, s.p + s.n, d) == s.p + s.n;
}

/* ---- whole numbers */

/* The magnitude, when it is whole and at most 64 bits. */
static bool whole_value(const struct tc_number_parts *t, uint64_t *out)
{
    size_t first = tc_number_first(t), end = tc_number_end(t);
    int64_t at = tc_number_point(t);

    *out = 0;
    if (end == 0)
        return true;
    if ((int64_t)end > at || at - (int64_t)first > TC_DECIMAL_DIGITS + 1)
        return false;
    for (size_t i = first; i < (size_t)at; i++) {
        if (__builtin_mul_overflow(*out, UINT64_C(10), out) ||
            __builtin_add_overflow(*out, tc_number_digit(t, i), out))
            return false;
    }
    return true;
}

static bool parse_magnitude(struct str s, uint64_t *magnitude, bool *negative)
{
    struct tc_decimal d;
    struct tc_number_parts t;

    if (take_decimal(s, &d) && d.whole) {
        *magnitude = d.digits;
        *negative = d.negative;
        return true;
    }
    if (!tc_number_take_apart(s, &t) || !whole_value(&t, magnitude))
        return false;
    *negative = t.negative;
    return true;
}

bool tc_parse_int64(struct str s, int64_t *out)
{
    uint64_t magnitude;
    bool negative;

    if (!parse_magnitude(s, &magnitude, &negative) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

bool tc_parse_uint64(struct str s, uint64_t *out)
{
    bool negative;
    return parse_magnitude(s, out, &negative) && (!negative || *out == 0);
}

/* ---- reals */

static bool parse_real(struct str s, const struct tc_binary *format, uint64_t *bits, bool *negative)
{
    struct tc_decimal d;
    struct tc_number_parts t;

    if (take_decimal(s, &d) && tc_decimal_round(&d, format, bits)) {
        *negative = d.negative;
        return true;
    }
    if (!tc_number_take_apart(s, &t))
        return false;
    *bits = tc_number_round(&t, format);
    *negative = t.negative;
    return *bits < format->none;
}

bool tc_parse_double(struct str s, double *out)
{
    uint64_t bits;
    bool negative;

    if (!parse_real(s, &TC_BINARY64, &bits, &negative))
        return false;
    bits |= (uint64_t)negative << 63;
    memcpy(out, &bits, sizeof *out);
    return true;
}

bool tc_parse_float(struct str s, float *out)
{
    uint64_t bits;
    bool negative;

    if (!parse_real(s, &TC_BINARY32, &bits, &negative))
        return false;
    uint32_t word = (uint32_t)bits | (uint32_t)negative << 31;
    memcpy(out, &word, sizeof *out);
    return true;
}
