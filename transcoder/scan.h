/* Finds the bytes of text that need thought, a block at a time: SSE2 where there is some, else
 * eight bytes in a word. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How many bytes at the front of a block of TC_SCAN_BLOCK are "plain", that is stand for themselves
 * in a JSON string and are ASCII: 0x20..0x7f but neither '"' nor '\\'. All of p[0..TC_SCAN_BLOCK)
 * must be readable. */
#ifdef __SSE2__

enum { TC_SCAN_BLOCK = 16 };

static inline size_t tc_scan_plain_vector(__m128i v)
{
    /* Signed: bytes from 0x80 on count as below 0x20. */
    __m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                               _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
    unsigned mask = (unsigned)_mm_movemask_epi8(odd);
    return mask ? (size_t)__builtin_ctz(mask) : TC_SCAN_BLOCK;
}

static inline size_t tc_scan_plain_block(const char *p)
{
    return tc_scan_plain_vector(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* p[0..n), n < 8, as a word; zero above. */
static inline uint64_t tc_scan_word(const char *p, size_t n)
{
    uint32_t first, last;

    if (n < 4)
        return n ? (uint64_t)(unsigned char)p[0] |
                       (uint64_t)(unsigned char)p[n / 2] << 8 * (n / 2) |
                       (uint64_t)(unsigned char)p[n - 1] << 8 * (n - 1)
                 : 0;
    memcpy(&first, p, 4);
    memcpy(&last, p + n - 4, 4);
    return first | (uint64_t)last << 8 * (n - 4);
}

/* The same for p[0..n), n < TC_SCAN_BLOCK, of which no byte behind is looked at. A zero, which is
 * not plain, stands behind the last. */
static inline size_t tc_scan_plain_tail(const char *p, size_t n)
{
    uint64_t low, high = 0;

    if (n >= 8) {
        memcpy(&low, p, 8);
        high = tc_scan_word(p + 8, n - 8);
    } else {
        low = tc_scan_word(p, n);
    }
    return tc_scan_plain_vector(_mm_set_epi64x((long long)high, (long long)low));
}

#else

enum { TC_SCAN_BLOCK = 8 };

static inline size_t tc_scan_plain_block(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t v;

    memcpy(&v, p, sizeof v);
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
    /* The high bit of each byte: that of v itself, or set by a borrow. Borrows of lower bytes may
     * mark a byte too much, never one too few: the verdict "all plain" is exact and the bytes are
     * looked at one by one otherwise. */
    uint64_t odd = (v | (v - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) &
                   high;
    if (odd == 0)
        return TC_SCAN_BLOCK;
    size_t n = 0;
    while (n < TC_SCAN_BLOCK && (unsigned char)(p[n] - 0x20) < 0x60 && p[n] != '"' && p[n] != '\\')
        n++;
    return n;
}

static inline size_t tc_scan_plain_tail(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && (unsigned char)(p[i] - 0x20) < 0x60 && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

#endif

/* As above, for any number of bytes. */
static inline size_t tc_scan_plain(const char *p, size_t n)
{
    size_t i = 0;

    while (n - i >= TC_SCAN_BLOCK) {
        size_t plain = tc_scan_plain_block(p + i);
        i += plain;
        if (plain < TC_SCAN_BLOCK)
            return i;
    }
    return i + tc_scan_plain_tail(p + i, n - i);
}

/* How many bytes at the front are ASCII. */
static inline size_t tc_scan_ascii(const char *p, size_t n)
{
    size_t i = 0;

    for (; n - i >= 16; i += 16) {
        uint64_t v[2];
        memcpy(v, p + i, sizeof v);
        if ((v[0] | v[1]) & 0x8080808080808080u)
            break;
    }
    while (i < n && (unsigned char)p[i] < 0x80)
        i++;
    return i;
}
