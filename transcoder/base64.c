#include "transcoder/text.h"

/* Value of a digit in the low six bits. '+' and '/' carry STD, '-' and '_' URL, all that is no
 * digit both: so the digits of a text, or-ed, carry both exactly when one is bad or the alphabets
 * are mixed. */
enum { STD = 0x40, URL = 0x80, BAD = STD | URL };

#define X8 BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD
#define X32 X8, X8, X8, X8

static const uint8_t digits[256] = {
    X32, X8, BAD, BAD, BAD, STD | 62, BAD, URL | 62, BAD, STD | 63, 52,  53,  54,  55,  56, 57,
    58,  59, 60,  61,  BAD, BAD,      BAD, BAD,      BAD, BAD,      BAD, 0,   1,   2,   3,  4,
    5,   6,  7,   8,   9,   10,       11,  12,       13,  14,       15,  16,  17,  18,  19, 20,
    21,  22, 23,  24,  25,  BAD,      BAD, BAD,      BAD, URL | 63, BAD, 26,  27,  28,  29, 30,
    31,  32, 33,  34,  35,  36,       37,  38,       39,  40,       41,  42,  43,  44,  45, 46,
    47,  48, 49,  50,  51,  BAD,      BAD, BAD,      BAD, BAD,      X32, X32, X32, X32,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static inline uint8_t digit(struct str s, size_t i)
{
    return digits[(unsigned char)s.p[i]];
}

/* First digit at which a text has gone wrong, s.n when none. */
static size_t first_bad(struct str s)
{
    uint8_t seen = 0;

    for (size_t i = 0; i < s.n; i++) {
        seen |= digit(s, i);
        if ((seen & BAD) == BAD)
            return i;
    }
    return s.n;
}

/* Takes the padding off. False when there is some but not as much as makes the length a multiple of
 * four. */
static bool strip_padding(struct str *s)
{
    size_t whole = s->n, pads = 0;

    while (pads < 2 && s->n && s->p[s->n - 1] == '=') {
        s->n--;
        pads++;
    }
    return pads == 0 || whole % 4 == 0;
}

/* Writes s.n * 3 / 4 bytes; returns all digits or-ed. */
static uint8_t decode(char *to, struct str s)
{
    uint8_t seen = 0;
    size_t i = 0;

    for (; s.n - i >= 4; i += 4, to += 3) {
        uint8_t a = digit(s, i), b = digit(s, i + 1), c = digit(s, i + 2), d = digit(s, i + 3);
        uint32_t v = (uint32_t)(a & 63) << 18 | (uint32_t)(b & 63) << 12 | (uint32_t)(c & 63) << 6 |
                     (uint32_t)(d & 63);
        seen |= a | b | c | d;
        to[0] = (char)(v >> 16);
        to[1] = (char)(v >> 8 & 0xff);
        to[2] = (char)(v & 0xff);
    }
    uint32_t v = 0;
    for (size_t j = i; j < s.n; j++) {
        v |= (uint32_t)(digit(s, j) & 63) << (18 - 6 * (j - i));
        seen |= digit(s, j);
    }
    for (size_t j = 0; j + 1 < s.n - i; j++)
        to[j] = (char)(v >> (16 - 8 * j) & 0xff);
    return seen;
}

bool tc_base64_decode(struct buf *out, struct str s, size_t *bad)
{
    struct str text = s;
    bool padded_well = strip_padding(&text);
    size_t size = text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0);

    if (!padded_well || text.n % 4 == 1) {
        *bad = first_bad(text);
        if (*bad == s.n) /* one digit too many */
            *bad = s.n - 1;
        return false;
    }
    char *to = buf_reserve(out, size);
    if (!to) {
        *bad = s.n;
        return false;
    }
    if ((decode(to, text) & BAD) == BAD) {
        *bad = first_bad(text);
        return false;
    }
    out->n += size;
    return true;
}

bool tc_base64_encode(struct buf *out, struct str bytes)
{
    char *to = bytes.n <= SIZE_MAX / 2 ? buf_reserve(out, (bytes.n + 2) / 3 * 4) : NULL;
    size_t i = 0;

    if (!to)
        return false;
    for (; i < bytes.n; i += 3, to += 4) {
        size_t left = bytes.n - i;
        uint32_t v = (uint32_t)(unsigned char)bytes.p[i] << 16;
        if (left > 1)
            v |= (uint32_t)(unsigned char)bytes.p[i + 1] << 8;
        if (left > 2)
            v |= (unsigned char)bytes.p[i + 2];
        to[0] = alphabet[v >> 18];
        to[1] = alphabet[v >> 12 & 63];
        to[2] = left > 1 ? alphabet[v >> 6 & 63] : '=';
        to[3] = left > 2 ? alphabet[v & 63] : '=';
    }
    out->n += (bytes.n + 2) / 3 * 4;
    return true;
}
