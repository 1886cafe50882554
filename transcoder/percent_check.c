#include "transcoder/percent_check.h"

#include "transcoder/percent.h"
#include "transcoder/utf8.h"

enum { SEQUENCE_MAX = 4 };

/* Takes the byte at the front of *rest, decoded; -1 for a broken escape. */
static int take_byte(struct str *rest)
{
    bool escaped = rest->p[0] == '%';
    int byte = escaped ? tc_percent_byte(*rest) : (unsigned char)rest->p[0];

    *rest = str_skip(*rest, escaped ? 3 : 1);
    return byte;
}

/* Takes one UTF-8 sequence, escaped or not, off *rest. */
static bool take_sequence(struct str *rest)
{
    char bytes[SEQUENCE_MAX] = "";
    struct str behind[SEQUENCE_MAX];
    struct str left = *rest;
    size_t n = 0;

    while (n < SEQUENCE_MAX && left.n) {
        int byte = take_byte(&left);
        if (byte < 0)
            break;
        bytes[n] = (char)byte;
        behind[n++] = left;
    }
    int length = n ? tc_utf8_step(bytes, n) : 0;
    if (length <= 0 || bytes[0] == '\0')
        return false;
    *rest = behind[length - 1];
    return true;
}

bool tc_percent_valid(struct str raw)
{
    while (raw.n) {
        unsigned char c = (unsigned char)raw.p[0];
        if (c != '\0' && c < 0x80 && c != '%')
            raw = str_skip(raw, 1);
        else if (!take_sequence(&raw))
            return false;
    }
    return true;
}
