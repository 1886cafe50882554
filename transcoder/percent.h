/* The two hex digits of a percent escape, as paths, queries and grpc-message have them. */
#pragma once

#include "transcoder/str.h"

/* Value of a hex digit, -1 for any other byte. */
static inline int tc_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that "%XY" at s.p[0] stands for; -1 when there is no whole escape. */
static inline int tc_percent_byte(struct str s)
{
    if (s.n < 3 || s.p[0] != '%')
        return -1;
    int high = tc_hex_digit(s.p[1]), low = tc_hex_digit(s.p[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}
