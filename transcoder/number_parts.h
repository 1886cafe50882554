/* A number token taken apart, for the ways that are exact whatever the token: 12.50e3 has the
 * digits "12" and "50" and the exponent 3. Inside the number functions only. */
#pragma once

#include "transcoder/number_decimal.h"
#include "transcoder/str.h"

struct tc_number_parts {
    bool negative;
    struct str whole, fraction;
    int64_t exponent; /* stops growing far above any length of digits */
};

/* False unless all of `s` is a number by RFC 8259 section 6. */
bool tc_number_take_apart(struct str s, struct tc_number_parts *out);
/* The bits, without the sign, of the value nearest to the number (half way: the even one), which
 * may be infinity. Slow, linear in the digits. */
uint64_t tc_number_round(const struct tc_number_parts *t, const struct tc_binary *format);

static inline size_t tc_number_count(const struct tc_number_parts *t)
{
    return t->whole.n + t->fraction.n;
}

/* Digit i of all, or the zero that may be thought behind them. */
static inline unsigned tc_number_digit(const struct tc_number_parts *t, size_t i)
{
    if (i < t->whole.n)
        return (unsigned)(t->whole.p[i] - '0');
    i -= t->whole.n;
    return i < t->fraction.n ? (unsigned)(t->fraction.p[i] - '0') : 0;
}

/* Index of the first digit that is not zero; their count when all are. */
static inline size_t tc_number_first(const struct tc_number_parts *t)
{
    size_t i = 0, n = tc_number_count(t);

    while (i < n && tc_number_digit(t, i) == 0)
        i++;
    return i;
}

/* Index behind the last digit that is not zero. */
static inline size_t tc_number_end(const struct tc_number_parts *t)
{
    size_t n = tc_number_count(t);

    while (n > 0 && tc_number_digit(t, n - 1) == 0)
        n--;
    return n;
}

/* Place of the decimal point, counted in digits from digit 0; may be left or right of all of them.
 */
static inline int64_t tc_number_point(const struct tc_number_parts *t)
{
    return (int64_t)t->whole.n + t->exponent;
}
