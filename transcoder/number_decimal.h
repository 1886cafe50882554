/* The fast way from a number's text to its value: one pass over the text, then one multiplication
 * with a power of ten. Says when it is not sure; who asks then goes the exact way (number.h). For
 * the number functions and the encoder's loop over arrays; all others use number.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "transcoder/number_digits.h"
#include "transcoder/number_tables.h"

/* digits * 10^exponent */
struct tc_decimal {
    uint64_t digits;
    int exponent;
    bool negative, whole; /* whole: written without fraction and exponent */
};

enum { TC_DECIMAL_DIGITS = 19, TC_DECIMAL_EXPONENT_DIGITS = 4 };

/* Takes the run of digits at `p` behind those in *value; *n grows by their number. Stops after some
 * more than TC_DECIMAL_DIGITS, when *value means nothing any more. */
static inline const char *tc_take_digits(const char *p, const char *end, uint64_t *value, size_t *n)
{
    while (end - p >= 8 && *n <= TC_DECIMAL_DIGITS) {
        uint64_t values = tc_load_word(p) ^ TC_ZEROS;
        unsigned run = tc_count_digits(values);
        if (run == 0)
            return p;
        *value = *value * tc_tens[run] + tc_join_digits(values << (64 - 8 * run));
        *n += run;
        p += run;
        if (run < 8)
            return p;
    }
    for (; p < end && (unsigned char)(*p - '0') < 10 && *n <= TC_DECIMAL_DIGITS; p++, ++*n)
        *value = *value * 10 + (uint64_t)(*p - '0');
    return p;
}

/* What stands behind 'e' or 'E'; NULL when that is no exponent or a long one. */
static inline const char *tc_take_exponent(const char *p, const char *end, int *exponent)
{
    bool negative = p < end && *p == '-';
    int value = 0;

    p += p < end && (*p == '-' || *p == '+');
    const char *from = p;
    for (; p < end && (unsigned char)(*p - '0') < 10; p++) {
        if (p - from == TC_DECIMAL_EXPONENT_DIGITS)
            return NULL;
        value = value * 10 + (*p - '0');
    }
    *exponent += negative ? -value : value;
    return p > from ? p : NULL;
}

/* Reads the number at `p`, which must be JSON's (RFC 8259 section 6). Returns where it ends, which
 * is `end` too when only the memory ends there. NULL: it is malformed, or has more digits than
 * fit; nothing is said about which. */
static inline __attribute__((always_inline)) const char *tc_take_decimal(const char *p,
                                                                         const char *end,
                                                                         struct tc_decimal *d)
{
    size_t n = 0;

    d->digits = 0;
    d->exponent = 0;
    d->negative = p < end && *p == '-';
    p += d->negative;
    const char *from = p;
    if (end - p >= 2 && p[1] == '.' && (unsigned char)(*p - '0') < 10) { /* the usual real */
        d->digits = (uint64_t)(*p++ - '0');
        n = 1;
    } else {
        p = tc_take_digits(p, end, &d->digits, &n);
        if (n == 0 || (n > 1 && *from == '0'))
            return NULL;
    }
    d->whole = true;
    if (p < end && *p == '.') {
        from = ++p;
        p = tc_take_digits(p, end, &d->digits, &n);
        d->exponent = (int)(from - p);
        d->whole = false;
        if (p == from)
            return NULL;
    }
    if (n > TC_DECIMAL_DIGITS)
        return NULL;
    if (p < end && (*p | 0x20) == 'e') {
        d->whole = false;
        return tc_take_exponent(p + 1, end, &d->exponent);
    }
    return p;
}

/* A binary floating point format of IEEE 754. */
struct tc_binary {
    int width;     /* of the significand, bits, with the one that is not stored */
    int least;     /* exponent of the least normal value */
    uint64_t none; /* the bits of infinity */
};

#define TC_BINARY32 ((struct tc_binary){24, -126, UINT64_C(0x7f800000)})
#define TC_BINARY64 ((struct tc_binary){53, -1022, UINT64_C(0x7ff0000000000000)})

/* The nearest value's bits, without the sign. False when that is not certain or not finite.
 *
 * The digits, moved to the top of a word, times T of the table have their leading bit among the
 * upper two. T is less than one too large (of the 32-bit format only T / 2^64, less than one too
 * small, is used), so the exact product is closer than one unit to the upper 128 bits of this one
 * (less than two units above the upper 64): rounding is certain unless half a unit of the
 * significand's last place is that close. */
static inline __attribute__((always_inline)) bool tc_decimal_round(const struct tc_decimal *d,
                                                                   const struct tc_binary *format,
                                                                   uint64_t *bits)
{
    if (d->digits == 0) {
        *bits = 0;
        return true;
    }
    if (d->exponent < TC_POWER_FIRST || d->exponent > TC_POWER_LAST)
        return false;
    const struct tc_power *power = tc_power_of_ten(d->exponent);
    int zeros = __builtin_clzll(d->digits);
    uint64_t scaled = d->digits << zeros;
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)scaled * power->hi;
    if (format->width > 32)
        product += (uint64_t)((wide)scaled * power->lo >> 64);
    uint64_t hi = (uint64_t)(product >> 64), lo = (uint64_t)product;
    int top = (int)(hi >> 63), exponent = tc_log2_of_ten(d->exponent) + 63 + top - zeros;
    int cut = 63 + top - format->width; /* bits of hi below the last place */
    if (exponent < format->least) {
        cut += format->least - exponent;
        exponent = format->least;
    }
    if (cut > 63)
        return false;
    uint64_t half = UINT64_C(1) << (cut - 1), rest = hi & (2 * half - 1);
    if (format->width > 32 ? rest == half && lo == 0 : rest - half + 1 <= 1)
        return false;
    *bits = ((uint64_t)(exponent - format->least) << (format->width - 1)) + (hi >> cut) +
            (rest >= half);
    return *bits < format->none;
}
