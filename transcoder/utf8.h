/* One UTF-8 sequence at a time, for the codecs that have to copy, count or repair text. Callers
 * that only want a verdict use text.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Judges the sequence at p[0..n), n >= 1. Well-formed by RFC 3629: its length, 1 to 4. Else minus
 * the length of its maximal subpart (Unicode 3.9, U+FFFD substitution): that many bytes are to be
 * replaced by one U+FFFD. */
static inline int tc_utf8_step(const char *p, size_t n)
{
    unsigned char lead = (unsigned char)p[0];
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    int length;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return -1;
    if (lead < 0xe0) {
        length = 2;
    } else if (lead < 0xf0) {
        length = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;  /* overlong */
        high = lead == 0xed ? 0x9f : 0xbf; /* surrogates */
    } else {
        length = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;  /* overlong */
        high = lead == 0xf4 ? 0x8f : 0xbf; /* above U+10FFFF */
    }
    for (int i = 1; i < length; i++) {
        if ((size_t)i >= n || (unsigned char)p[i] < low || (unsigned char)p[i] > high)
            return -i;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

/* Length of the sequence at `p` that begins with a byte from 0x80 on, 2 to 4; 0 when it is not
 * well-formed. Four bytes must be readable: lead and continuation marks are compared in one word,
 * then the bits in which overlong forms, surrogates and what is above U+10FFFF show. */
static inline int tc_utf8_wide(const char *p)
{
    uint32_t w;

    memcpy(&w, p, sizeof w);
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lead is the lowest byte");
    if ((w & 0x00c0c0f0) == 0x008080e0) {
        uint32_t top = w & 0x200f;
        return top != 0 && top != 0x200d ? 3 : 0;
    }
    if ((w & 0x0000c0e0) == 0x000080c0)
        return w & 0x1e ? 2 : 0;
    uint32_t planes = (w & 7) << 2 | (w >> 12 & 3);
    return (w & 0xc0c0c0f8) == 0x808080f0 && planes - 1 < 16 ? 4 : 0;
}
