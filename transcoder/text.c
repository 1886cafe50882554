#include "transcoder/text.h"

#include "transcoder/percent.h"
#include "transcoder/scan.h"
#include "transcoder/utf8.h"

static const char hex_upper[] = "0123456789ABCDEF";
static const char hex_lower[] = "0123456789abcdef";

static const unsigned char replacement[] = {0xef, 0xbf, 0xbd}; /* U+FFFD */

size_t tc_json_escape(char *to, char c)
{
    static const char letters[] = "btn\0fr"; /* 0x08..0x0d */

    to[0] = '\\';
    if (c == '"' || c == '\\') {
        to[1] = c;
        return 2;
    }
    if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
        to[1] = letters[c - 0x08];
        return 2;
    }
    to[1] = 'u';
    to[2] = to[3] = '0';
    to[4] = hex_lower[c >> 4];
    to[5] = hex_lower[c & 15];
    return TC_JSON_ESCAPE_MAX;
}

/* Writes what stands for the front of `s`, which may not stay as it is, and returns how much of `s`
 * that was. */
static size_t put_odd(char *to, struct str s, size_t *written)
{
    if ((unsigned char)s.p[0] < 0x80) {
        *written = tc_json_escape(to, s.p[0]);
        return 1;
    }
    memcpy(to, replacement, sizeof replacement);
    *written = sizeof replacement;
    return (size_t)-tc_utf8_step(s.p, s.n);
}

/* Fewer bytes than a block: in two pieces that may overlap. */
static inline void copy_tail(char *to, const char *p, size_t n)
{
    size_t piece = n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : n;

    _Static_assert(TC_SCAN_BLOCK <= 16, "two pieces of eight");
    switch (piece) {
    case 8: memcpy(to, p, 8), memcpy(to + n - 8, p + n - 8, 8); break;
    case 4: memcpy(to, p, 4), memcpy(to + n - 4, p + n - 4, 4); break;
    case 2: memcpy(to, p, 2), memcpy(to + n - 2, p + n - 2, 2); break;
    case 1: *to = *p; break;
    default: break;
    }
}

/* Copies ASCII that needs no escape, from s.p[i] on; returns where that ends. `to` has room for all
 * of `s`: whole blocks are written. */
static inline size_t put_plain(char *to, struct str s, size_t i)
{
    while (s.n - i >= TC_SCAN_BLOCK) {
        memcpy(to + i, s.p + i, TC_SCAN_BLOCK);
        size_t plain = tc_scan_plain_block(s.p + i);
        i += plain;
        if (plain < TC_SCAN_BLOCK)
            return i;
    }
    copy_tail(to + i, s.p + i, s.n - i);
    return i + tc_scan_plain_tail(s.p + i, s.n - i);
}

/* Copies the sequence at s.p[i]; returns its length, 0 when it is not well-formed. */
static inline size_t put_wide(char *to, struct str s, size_t i)
{
    if (s.n - i >= 4) {
        memcpy(to + i, s.p + i, 4);
        return (size_t)tc_utf8_wide(s.p + i);
    }
    int step = tc_utf8_step(s.p + i, s.n - i);
    for (int k = 0; k < step; k++)
        to[i + (size_t)k] = s.p[i + (size_t)k];
    return step > 0 ? (size_t)step : 0;
}

size_t tc_json_copy(char *to, struct str s)
{
    size_t i = 0, wide = 1;

    while ((i = put_plain(to, s, i)) < s.n && (unsigned char)s.p[i] >= 0x80) {
        do {
            wide = put_wide(to, s, i);
            i += wide;
        } while (wide && i < s.n && (unsigned char)s.p[i] >= 0x80);
        if (!wide)
            return i;
    }
    return i;
}

/* The contents and the closing quote. Before each step there is room for the rest of `s` as it is,
 * and the quote. */
static bool put_contents(struct buf *out, struct str s)
{
    char *to = buf_reserve(out, s.n + 1);

    while (to) {
        size_t n = tc_json_copy(to, s);
        out->n += n;
        s = str_skip(s, n);
        if (s.n == 0) {
            to[n] = '"';
            out->n++;
            return true;
        }
        char odd[TC_JSON_ESCAPE_MAX];
        size_t written;
        s = str_skip(s, put_odd(odd, s, &written));
        to = buf_reserve(out, written + s.n + 1);
        if (to) {
            memcpy(to, odd, written);
            out->n += written;
            to += written;
        }
    }
    return false;
}

bool tc_json_string(struct buf *out, struct str s)
{
    size_t before = out->n;

    if (s.n < SIZE_MAX - TC_JSON_ESCAPE_MAX - 1 && buf_add_char(out, '"') && put_contents(out, s))
        return true;
    out->n = before;
    return false;
}

static inline bool grpc_plain(char c)
{
    return c >= 0x20 && c <= 0x7e && c != '%';
}

bool tc_grpc_message_encode(struct buf *out, struct str s)
{
    size_t size = 0;

    for (size_t i = 0; i < s.n; i++)
        size += grpc_plain(s.p[i]) ? 1 : 3;
    char *to = buf_reserve(out, size);
    if (!to)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (grpc_plain(s.p[i])) {
            *to++ = s.p[i];
        } else {
            *to++ = '%';
            *to++ = hex_upper[(unsigned char)s.p[i] >> 4];
            *to++ = hex_upper[(unsigned char)s.p[i] & 15];
        }
    }
    out->n += size;
    return true;
}

/* Decodes to `to`, or only counts when that is NULL. */
static size_t grpc_decode(char *to, struct str s)
{
    size_t n = 0;

    while (s.n) {
        int byte = tc_percent_byte(s);
        if (to)
            to[n] = byte < 0 ? s.p[0] : (char)byte;
        n++;
        s = str_skip(s, byte < 0 ? 1 : 3);
    }
    return n;
}

bool tc_grpc_message_decode(struct buf *out, struct str s)
{
    char *to = buf_reserve(out, grpc_decode(NULL, s));

    if (!to)
        return false;
    out->n += grpc_decode(to, s);
    return true;
}
