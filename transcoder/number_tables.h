/* Powers of ten, and the logarithms that go with them: what reading and printing of floating point
 * is made of. The tables are written by tools/number-tables.py, which also checks each logarithm
 * here against exact arithmetic over its whole range. */
#pragma once

#include <stdint.h>

/* The upper 128 bits of 10^e, rounded up: T = hi * 2^64 + lo is the least whole number with
 * T * 2^(tc_log2_of_ten(e) - 127) >= 10^e. 2^127 <= T < 2^128; exact for 0 <= e <= 55, and lo == 0
 * for 0 <= e <= 27. */
struct tc_power {
    uint64_t hi, lo;
};

enum { TC_POWER_FIRST = -342, TC_POWER_LAST = 324 };

extern const struct tc_power tc_powers_of_ten[TC_POWER_LAST - TC_POWER_FIRST + 1];
/* What one unit in the last place of a float is worth, 2^q = multiple * 2^-60 * 10^exponent,
 * rounded up: 1 <= multiple * 2^-60 < 10. By the float's biased exponent, 1 to 254; q is that minus
 * 150. */
struct tc_float_scale {
    uint64_t multiple;
    int64_t exponent;
};

extern const struct tc_float_scale tc_float_scales[255];
extern const uint64_t tc_tens[20]; /* 10^0 .. 10^19 */

/* TC_POWER_FIRST <= e <= TC_POWER_LAST */
static inline const struct tc_power *tc_power_of_ten(int e)
{
    return &tc_powers_of_ten[e - TC_POWER_FIRST];
}

/* floor(log2(10^e)), e as above */
static inline int tc_log2_of_ten(int e)
{
    return (e * 217706) >> 16;
}

/* floor(log10(2^q)), -1074 <= q < 1024 */
static inline int tc_log10_of_two(int q)
{
    return (q * 1262611) >> 22;
}

/* floor(log10(3/4 * 2^q)), q as above */
static inline int tc_log10_of_three_quarters(int q)
{
    return (q * 1262611 - 524031) >> 22;
}
