#include "transcoder/utf8.h"
#include "transcoder/scan.h"
#include "transcoder/text.h"

/* Offset of the first byte of the first sequence that is not well-formed, or s.n; *bad = the
 * verdict on it. */
static size_t first_bad(struct str s, int *bad)
{
    size_t i = 0;

    while (i < s.n) {
        i += tc_scan_ascii(s.p + i, s.n - i);
        while (i < s.n && (unsigned char)s.p[i] >= 0x80) {
            int step = s.n - i >= 4 ? tc_utf8_wide(s.p + i) : 0;
            if (step == 0)
                step = tc_utf8_step(s.p + i, s.n - i);
            if (step < 0) {
                *bad = step;
                return i;
            }
            i += (size_t)step;
        }
    }
    return i;
}

bool tc_utf8_valid(struct str s)
{
    int bad;
    return first_bad(s, &bad) == s.n;
}

int tc_utf8_partial(struct str s)
{
    int bad = 0;
    size_t at = first_bad(s, &bad);

    if (at == s.n)
        return 0;
    /* Only the end of input cuts a subpart that begins with a possible lead byte and reaches the
     * end. */
    unsigned char lead = (unsigned char)s.p[at];
    bool cut = lead >= 0xc2 && lead <= 0xf4 && at + (size_t)-bad == s.n;
    return cut ? -bad : -1;
}
