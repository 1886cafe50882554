/* Eight decimal digits at a time, in one register: the arithmetic under the number codecs. Text is
 * little-endian: the first digit is the lowest byte. */
#pragma once

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "text is read and written as words");

#define TC_ZEROS UINT64_C(0x3030303030303030) /* "00000000" */

static inline uint64_t tc_load_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline void tc_store_word(char *p, uint64_t word)
{
    memcpy(p, &word, sizeof word);
}

/* How many of the bytes of `values` at its front (text XOR TC_ZEROS) are digits: 0 to 8. A carry
 * may spoil bytes behind the first that is none, never those before it. */
static inline unsigned tc_count_digits(uint64_t values)
{
    uint64_t others = (values | (values + UINT64_C(0x7676767676767676))) &
                      UINT64_C(0x8080808080808080);
    return others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
}

/* Eight bytes of 0 to 9 as one number: neighbours become pairs, then fours, then all. */
static inline uint32_t tc_join_digits(uint64_t values)
{
    const uint64_t one_in_four = UINT64_C(0x000000ff000000ff);
    uint64_t pairs = values * 10 + (values >> 8);
    uint64_t odd = (pairs & one_in_four) * (UINT64_C(1000000) << 32 | 100);
    uint64_t even = (pairs >> 16 & one_in_four) * (UINT64_C(10000) << 32 | 1);
    return (uint32_t)((odd + even) >> 32);
}

/* The other way round: n < 10^8 as eight bytes of 0 to 9, leading zeros included. The quotients by
 * 100 and 10 are products with a rounded reciprocal, exact for what can stand in a lane. */
static inline uint64_t tc_split_digits(uint32_t n)
{
    uint64_t fours = n / 10000 | (uint64_t)(n % 10000) << 32;
    uint64_t hundreds = (fours * 5243 >> 19) & UINT64_C(0x0000007f0000007f);
    uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (pairs * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return tens | (pairs - 10 * tens) << 8;
}
