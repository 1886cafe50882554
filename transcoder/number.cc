#include "transcoder/number.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>

namespace
{

inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number token taken apart: 12.50e3 has the digits "12" and "50" and the exponent 3. */
struct parts {
    bool negative;
    str whole, fraction;
    int64_t exponent; /* stops growing far above any length of digits */
};

str take_digits(str *rest)
{
    size_t n = 0;

    while (n < rest->n && is_digit(rest->p[n]))
        n++;
    str taken = str_of(rest->p, n);
    *rest = str_skip(*rest, n);
    return taken;
}

bool take_char(str *rest, char c)
{
    if (rest->n == 0 || rest->p[0] != c)
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

bool take_exponent(str *rest, int64_t *exponent)
{
    const int64_t enough = INT64_C(100000000000000000);
    bool negative = take_char(rest, '-');

    if (!negative)
        take_char(rest, '+');
    str digits = take_digits(rest);
    int64_t v = 0;
    for (size_t i = 0; i < digits.n && v < enough; i++)
        v = v * 10 + (digits.p[i] - '0');
    *exponent = negative ? -v : v;
    return digits.n > 0;
}

/* The grammar of RFC 8259 section 6. */
bool take_apart(str s, parts *out)
{
    *out = parts{take_char(&s, '-'), str_of(nullptr, 0), str_of(nullptr, 0), 0};
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

size_t count_digits(const parts &t)
{
    return t.whole.n + t.fraction.n;
}

/* Digit i of all, or the zero that may be thought behind them. */
unsigned digit_at(const parts &t, size_t i)
{
    if (i < t.whole.n)
        return static_cast<unsigned>(t.whole.p[i] - '0');
    i -= t.whole.n;
    return i < t.fraction.n ? static_cast<unsigned>(t.fraction.p[i] - '0') : 0;
}

size_t first_nonzero(const parts &t)
{
    size_t i = 0;

    while (i < count_digits(t) && digit_at(t, i) == 0)
        i++;
    return i;
}

/* Decimal point's place, counted in digits from the first one; may be left or right of all of them.
 */
int64_t point(const parts &t)
{
    return static_cast<int64_t>(t.whole.n) + t.exponent;
}

/* The magnitude, when it is whole and at most 64 bits. */
bool whole_value(const parts &t, uint64_t *out)
{
    size_t first = first_nonzero(t), end = count_digits(t);

    *out = 0;
    if (first == end)
        return true;
    while (digit_at(t, end - 1) == 0)
        end--;
    const int64_t at = point(t);
    const int64_t from = static_cast<int64_t>(first);
    if (static_cast<int64_t>(end) > at || at - from > 20)
        return false;
    for (size_t i = first; i < static_cast<size_t>(at); i++) {
        if (__builtin_mul_overflow(*out, UINT64_C(10), out) ||
            __builtin_add_overflow(*out, digit_at(t, i), out))
            return false;
    }
    return true;
}

template <typename T> bool parse_int_slowly(str s, T *out)
{
    parts t;
    uint64_t v;

    if (!take_apart(s, &t) || !whole_value(t, &v))
        return false;
    /* 0 - v in two's complement is the negative; it fits when it is negative or zero there. */
    if (t.negative ? __builtin_sub_overflow(T{0}, v, out) : __builtin_add_overflow(T{0}, v, out))
        return false;
    return true;
}

template <typename T> bool parse_int(str s, T *out)
{
    const char *end = s.p + s.n;
    auto [at, error] = std::from_chars(s.p, end, *out);

    return (error == std::errc() && at == end && s.n > 0) || parse_int_slowly(s, out);
}

/* What from_chars calls out of range: too small rounds to zero, too large does not fit. */
template <typename T> bool parse_extreme(str s, T *out)
{
    parts t;

    if (!take_apart(s, &t))
        return false;
    *out = t.negative ? -T{0} : T{0};
    return point(t) <= static_cast<int64_t>(first_nonzero(t));
}

template <typename T> bool parse_real(str s, T *out)
{
    const char *end = s.p + s.n;

    /* from_chars would take "inf" and "nan". */
    if (s.n == 0 || !is_digit(s.p[s.n > 1 && s.p[0] == '-']))
        return false;
    auto [at, error] = std::from_chars(s.p, end, *out);
    if (error == std::errc::result_out_of_range)
        return parse_extreme(s, out);
    return error == std::errc() && at == end && std::isfinite(*out);
}

template <typename T> size_t print(char *out, T v)
{
    return static_cast<size_t>(std::to_chars(out, out + TC_NUMBER_TEXT_MAX, v).ptr - out);
}

template <typename T> size_t print_real(char *out, T v)
{
    /* Whole numbers stay plain digits as far as each of them has a value of its own: 100000, not
     * 1e+05. */
    constexpr T plain = sizeof(T) == sizeof(float) ? T(1 << 24) : T(INT64_C(1) << 53);

    if (v > -plain && v < plain && v != 0) {
        const int64_t whole = static_cast<int64_t>(v);
        if (static_cast<T>(whole) == v)
            return print(out, whole);
    }
    return print(out, v);
}

} // namespace

bool tc_parse_double(struct str s, double *out)
{
    return parse_real(s, out);
}

bool tc_parse_float(struct str s, float *out)
{
    return parse_real(s, out);
}

bool tc_parse_int64(struct str s, int64_t *out)
{
    return parse_int(s, out);
}

bool tc_parse_uint64(struct str s, uint64_t *out)
{
    return parse_int(s, out);
}

bool tc_is_json_number(struct str s)
{
    parts t;
    return take_apart(s, &t);
}

size_t tc_print_double(char *out, double v)
{
    return print_real(out, v);
}

size_t tc_print_float(char *out, float v)
{
    return print_real(out, v);
}

size_t tc_print_int64(char *out, int64_t v)
{
    return print(out, v);
}

size_t tc_print_uint64(char *out, uint64_t v)
{
    return print(out, v);
}
