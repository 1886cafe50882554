#include "transcoder/percent.h"
#include "transcoder/bind.h"
#include "transcoder/text.h"

static bool has_escape(struct str in, enum tc_decode_mode mode)
{
    return str_find(in, '%') < in.n || (mode == TC_DECODE_QUERY && str_find(in, '+') < in.n);
}

/* Writes what stands for the front of `in` to *to; returns how much of `in` that was, 0 for a
 * broken escape. */
static size_t decode_one(struct str in, enum tc_decode_mode mode, char **to)
{
    if (in.p[0] != '%') {
        bool space = in.p[0] == '+' && mode == TC_DECODE_QUERY;
        *(*to)++ = space ? ' ' : in.p[0];
        return 1;
    }
    int byte = tc_percent_byte(in);
    if (byte < 0)
        return 0;
    if (byte == '/' && mode == TC_DECODE_MULTI_SEGMENT) {
        memcpy(*to, in.p, 3);
        *to += 3;
    } else {
        *(*to)++ = (char)byte;
    }
    return 3;
}

bool tc_percent_decode(struct str in, enum tc_decode_mode mode, struct arena *arena,
                       struct str *out)
{
    if (!has_escape(in, mode)) {
        *out = in;
        return tc_utf8_valid(in);
    }
    char *text = arena_alloc(arena, in.n);
    char *to = text;
    if (!text)
        return false;
    while (in.n) {
        size_t taken = decode_one(in, mode, &to);
        if (taken == 0)
            return false;
        in = str_skip(in, taken);
    }
    *out = str_of(text, (size_t)(to - text));
    return tc_utf8_valid(*out);
}
