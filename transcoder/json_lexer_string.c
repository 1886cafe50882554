#include "transcoder/json_lexer.h"
#include "transcoder/text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Strings: the bytes between the quotes, RFC 8259 section 7. */

static bool plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Length of the run at `p` of bytes that stand for themselves; sets *wide when one of them is not
 * ASCII. */
static size_t plain_run(const char *p, const char *end, bool *wide)
{
    const char *s = p;
    int seen = 0;

#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'),
                  control = _mm_set1_epi8(0x1f);

    for (; end - s >= 16; s += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        int mask = _mm_movemask_epi8(
            _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v)));

        if (mask) {
            int n = __builtin_ctz((unsigned)mask);

            seen |= _mm_movemask_epi8(v) & ((1 << n) - 1);
            *wide = seen != 0;
            return (size_t)(s - p) + (size_t)n;
        }
        seen |= _mm_movemask_epi8(v);
    }
#endif
    for (; s < end && plain(*s); s++)
        seen |= *s & 0x80;
    *wide = seen != 0;
    return (size_t)(s - p);
}

/* ---- UTF-8 (RFC 3629 section 4), across pieces ---- */

/* Takes one byte of a sequence; false when it cannot stand there. */
static bool utf8_step(struct tc_lexer *l, unsigned char c)
{
    if (l->need) {
        if (c < l->lo || c > l->hi)
            return false;
        l->need--;
        l->lo = 0x80;
        l->hi = 0xbf;
        return true;
    }
    if (c < 0x80)
        return true;
    if (c < 0xc2 || c > 0xf4)
        return false;
    l->need = (uint8_t)(c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3);
    l->lo = (uint8_t)(c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80);
    l->hi = (uint8_t)(c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf);
    return true;
}

static enum tc_status bad_string(struct tc_lexer *l, const char *at, const char *why)
{
    size_t offset = l->in.base + (size_t)(at - l->in.piece);

    (void)tc_lex_fail(l, TC_INVALID, offset, "%s", why);
    return TC_INVALID;
}

static const char not_utf8[] = "a string that is not UTF-8";
static const char lone_surrogate[] = "half of a surrogate pair in a string";

static enum tc_status utf8_steps(struct tc_lexer *l, struct str run)
{
    for (size_t i = 0; i < run.n; i++)
        if (!utf8_step(l, (unsigned char)run.p[i]))
            return bad_string(l, run.p + i, not_utf8);
    return TC_OK;
}

/* Judges a run that has bytes above 0x7f, or that goes on with a sequence begun before: its bulk at
 * once, its ends byte by byte. */
static enum tc_status check_utf8(struct tc_lexer *l, struct str run)
{
    size_t head = l->need < run.n ? l->need : run.n;
    enum tc_status st = utf8_steps(l, str_of(run.p, head));
    int partial;

    if (st != TC_OK)
        return st;
    run = str_of(run.p + head, run.n - head);
    partial = tc_utf8_partial(run);
    if (partial < 0)
        return utf8_steps(l, run); /* finds the byte */
    return utf8_steps(l, str_of(run.p + run.n - partial, (size_t)partial));
}

/* ---- escapes ---- */

static enum tc_status put_code_point(struct buf *to, uint32_t c)
{
    char *p;
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

    if (!to)
        return TC_OK;
    p = buf_reserve(to, n);
    if (!p)
        return TC_FULL;
    for (size_t i = n; i-- > 1; c >>= 6)
        p[i] = (char)(0x80 | (c & 0x3f));
    p[0] = (char)(lead[n] | c);
    to->n += n;
    return TC_OK;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum { NO_ESCAPE, BACKSLASH, HEX_1, HEX_2, HEX_3, HEX_4, LOW_BACKSLASH, LOW_U };

/* A backslash at l->in.p and what follows it, when that is a single letter in this piece and there
 * is room: the usual case, at once. */
static bool short_escape(struct tc_lexer *l, struct buf *to)
{
    static const char letters[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    char c = l->in.end - l->in.p >= 2 ? letters[(unsigned char)l->in.p[1]] : '\0';

    if (!c || (to && !buf_add_char(to, c)))
        return false;
    l->in.p += 2;
    return true;
}

/* The last hex digit made `code` complete. Changes nothing when `to` is full. */
static enum tc_status end_unicode(struct tc_lexer *l, uint32_t code, struct buf *to)
{
    enum tc_status st;

    if (l->high) {
        if (code < 0xdc00 || code > 0xdfff)
            return bad_string(l, l->in.p, lone_surrogate);
        code = 0x10000 + ((l->high - 0xd800) << 10) + (code - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
        return bad_string(l, l->in.p, lone_surrogate);
    } else if (code >= 0xd800 && code <= 0xdbff) {
        l->high = code;
        l->escape = LOW_BACKSLASH;
        return TC_OK;
    }
    st = put_code_point(to, code);
    if (st == TC_OK) {
        l->high = 0;
        l->escape = NO_ESCAPE;
    }
    return st;
}

static enum tc_status hex_digit(struct tc_lexer *l, char c, struct buf *to)
{
    int v = hex(c);

    if (v < 0)
        return bad_string(l, l->in.p, "\\u must be followed by four hexadecimal digits");
    if (l->escape == HEX_4)
        return end_unicode(l, l->code << 4 | (uint32_t)v, to);
    l->code = l->code << 4 | (uint32_t)v;
    l->escape++;
    return TC_OK;
}

/* The byte behind a backslash. */
static enum tc_status simple_escape(struct tc_lexer *l, char c, struct buf *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    const char *at = c ? strchr(from, c) : NULL;
    enum tc_status st;

    if (c == 'u') {
        l->code = 0;
        l->escape = HEX_1;
        return TC_OK;
    }
    if (!at)
        return bad_string(l, l->in.p, "an escape that JSON does not know");
    st = put_code_point(to, (uint32_t)into[at - from]);
    if (st == TC_OK)
        l->escape = NO_ESCAPE;
    return st;
}

/* Takes the byte at l->in.p, which belongs to an escape. */
static enum tc_status escape_byte(struct tc_lexer *l, struct buf *to)
{
    char c = *l->in.p;
    enum tc_status st = TC_OK;

    if (l->escape == BACKSLASH)
        st = simple_escape(l, c, to);
    else if (l->escape <= HEX_4)
        st = hex_digit(l, c, to);
    else if (c != (l->escape == LOW_BACKSLASH ? '\\' : 'u'))
        st = bad_string(l, l->in.p, lone_surrogate);
    else if (l->escape == LOW_BACKSLASH)
        l->escape = LOW_U;
    else
        l->code = 0, l->escape = HEX_1;
    if (st == TC_OK)
        l->in.p++;
    return st;
}

/* ---- the whole ---- */

/* Takes the run of plain bytes at l->in.p. */
static enum tc_status take_run(struct tc_lexer *l, struct buf *to)
{
    bool wide;
    struct str run = str_of(l->in.p, plain_run(l->in.p, l->in.end, &wide));
    uint8_t need = l->need;
    enum tc_status st;

    if (!run.n)
        return TC_OK;
    if (to && !buf_reserve(to, run.n))
        return TC_FULL;
    st = wide || need ? check_utf8(l, run) : TC_OK;
    if (st != TC_OK)
        return st;
    if (to)
        (void)buf_add(to, run);
    l->in.p += run.n;
    return TC_OK;
}

/* Copies what needs no thought, as far as `to` has room at once, up to the closing quote, which is
 * taken, or to what does need thought. True: the quote was met. */
static bool easy_part(struct tc_lexer *l, struct buf *to)
{
    do {
        size_t left = (size_t)(l->in.end - l->in.p), room = to->cap - to->n;
        size_t n = tc_json_copy(to->p + to->n, str_of(l->in.p, left < room ? left : room));

        to->n += n;
        l->in.p += n;
        if (l->in.p == l->in.end)
            return false;
        if (*l->in.p == '"') {
            l->in.p++;
            return true;
        }
    } while (*l->in.p == '\\' && short_escape(l, to));
    return false;
}

enum tc_status tc_lex_string(struct tc_lexer *l, struct buf *to)
{
    enum tc_status st = TC_OK;

    while (st == TC_OK && l->in.p < l->in.end) {
        if (l->escape) {
            st = escape_byte(l, to);
            continue;
        }
        if (to && to->p && !l->need && easy_part(l, to))
            return TC_OK;
        st = take_run(l, to);
        if (st != TC_OK || l->in.p == l->in.end)
            break;
        if (l->need)
            return bad_string(l, l->in.p, not_utf8);
        if (*l->in.p == '"') {
            l->in.p++;
            return TC_OK;
        }
        if (*l->in.p != '\\')
            return bad_string(l, l->in.p, "a control character in a string; write it as \\u00XX");
        if (!short_escape(l, to)) {
            l->escape = BACKSLASH;
            l->in.p++;
        }
    }
    return st == TC_OK ? TC_MORE : st;
}

bool tc_lex_whole_string(struct tc_lexer *l, struct str *text)
{
    bool wide;
    size_t n = plain_run(l->in.p, l->in.end, &wide);

    if (l->in.p + n == l->in.end || l->in.p[n] != '"')
        return false;
    *text = str_of(l->in.p, n);
    if (wide && !tc_utf8_valid(*text))
        return false;
    l->in.p += n + 1;
    return true;
}
