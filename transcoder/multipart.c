#include "transcoder/multipart.h"

#include "transcoder/mime.h"
#include "transcoder/text.h"

#include <stdarg.h>
#include <stdio.h>

/*   PREAMBLE --delimiter--> BOUNDARY --CRLF--> HEAD --empty line--> DATA --delimiter--> BOUNDARY
 *                              '--"--"--> CLOSING --CRLF, end--> EPILOGUE
 *
 * The delimiter is searched for byte by byte: its first byte, CR, is in it only once, so that after
 * a mismatch the search goes on with the byte at hand. The CRLF that ends a head, and the beginning
 * of the body, count as the delimiter's own. */
enum state { PREAMBLE, BOUNDARY, HYPHEN, PADDING, HEAD, DATA, CLOSING, EPILOGUE, BROKEN };

enum { CRLF = 2 };

__attribute__((format(printf, 3, 4))) static enum tc_part_event broken(struct tc_multipart *m,
                                                                       size_t offset,
                                                                       const char *format, ...)
{
    char text[TC_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    m->state = BROKEN;
    tc_fail(m->error, TC_INVALID, offset, "", "%s", text);
    return TC_PART_BAD;
}

/* ---- the boundary ---- */

bool tc_multipart_is(struct str content_type)
{
    return str_eq_nocase(tc_mime_type(&content_type), STR("multipart/form-data"));
}

/* RFC 2046 5.1.1: bchars; a space is not the last of them. */
static bool is_boundary(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && !(c && strchr("'()+_,-./:=? ", c)))
            return false;
    }
    return s.n > 0 && s.n <= TC_MULTIPART_BOUNDARY_MAX && s.p[s.n - 1] != ' ';
}

static bool read_boundary(struct tc_multipart *m, struct str content_type)
{
    struct tc_mime_param p;
    enum tc_status st;
    bool found = false;

    tc_mime_type(&content_type);
    while ((st = tc_mime_param(&content_type, &p)) == TC_OK) {
        if (!str_eq_nocase(p.name, STR("boundary")))
            continue;
        if (found || p.value.n > TC_MULTIPART_BOUNDARY_MAX)
            return false;
        found = true;
        memcpy(m->delimiter, "\r\n--", 4);
        m->delimiter_n = 4 + tc_mime_unquote(m->delimiter + 4, p.value);
    }
    return st == TC_MORE && found && is_boundary(str_of(m->delimiter + 4, m->delimiter_n - 4));
}

enum tc_status tc_multipart_init(struct tc_multipart *m, struct str content_type,
                                 struct arena *arena, struct tc_error *error)
{
    *m = (struct tc_multipart){.error = error, .matched = CRLF, .assumed = CRLF};
    if (!read_boundary(m, content_type)) {
        m->state = BROKEN;
        return tc_fail(error, TC_INVALID, TC_NO_OFFSET, "headers[\"content-type\"]",
                       "multipart/form-data needs one boundary of 1 to 70 characters in its "
                       "Content-Type header (RFC 2046 5.1.1)");
    }
    m->head = arena_alloc(arena, TC_MULTIPART_HEAD_MAX);
    return m->head ? TC_OK : tc_fail(error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
}

/* ---- the head of a part ---- */

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < ' ' || s.p[i] > '~') && s.p[i] != '\t')
            return false;
    return true;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return s.n > 0 && tc_utf8_valid(s);
}

/* `value` lies in m->head, which is ours to change. */
static enum tc_part_event take_parameter(struct tc_multipart *m, size_t at,
                                         const struct tc_mime_param *p)
{
    if (str_eq_nocase(p->name, STR("name"))) {
        char *text = m->head + (p->value.p - m->head);
        if (m->part.name.p)
            return broken(m, at, "Content-Disposition has two names");
        m->part.name = str_of(text, tc_mime_unquote(text, p->value));
        if (!is_name(m->part.name))
            return broken(m, at,
                          "the name of a part must be UTF-8, not empty, without control "
                          "characters");
    } else if (str_eq_nocase(p->name, STR("filename"))) {
        if (m->part.is_file)
            return broken(m, at, "Content-Disposition has two filenames");
        m->part.is_file = true;
    } else if (p->name.p[p->name.n - 1] == '*') {
        return broken(m, at,
                      "\"%.*s\" may not be used in a form (RFC 7578 4.2); write it in UTF-8 "
                      "without the asterisk",
                      STR_ARG(p->name));
    }
    return TC_PART_MORE;
}

static enum tc_part_event on_disposition(struct tc_multipart *m, size_t at, struct str value)
{
    struct tc_mime_param p;
    enum tc_status st;

    if (m->part.name.p)
        return broken(m, at, "a part has two Content-Disposition headers");
    if (!str_eq_nocase(tc_mime_type(&value), STR("form-data")))
        return broken(m, at, "Content-Disposition must be form-data; name=\"field\"");
    while ((st = tc_mime_param(&value, &p)) == TC_OK)
        if (take_parameter(m, at, &p) == TC_PART_BAD)
            return TC_PART_BAD;
    if (st == TC_INVALID || !m->part.name.p)
        return broken(m, at, "Content-Disposition must be form-data; name=\"field\"");
    return TC_PART_MORE;
}

static enum tc_part_event on_type(struct tc_multipart *m, size_t at, struct str value)
{
    if (m->part.content_type.n)
        return broken(m, at, "a part has two Content-Type headers");
    if (!value.n || !is_printable(value))
        return broken(m, at, "Content-Type of a part must be printable ASCII");
    m->part.content_type = value;
    return TC_PART_MORE;
}

/* RFC 7578 4.7: deprecated; what changes no byte may be said. */
static enum tc_part_event on_encoding(struct tc_multipart *m, size_t at, struct str value)
{
    if (str_eq_nocase(value, STR("binary")) || str_eq_nocase(value, STR("8bit")) ||
        str_eq_nocase(value, STR("7bit")))
        return TC_PART_MORE;
    return broken(m, at,
                  "Content-Transfer-Encoding of a part must be binary; send its bytes as "
                  "they are");
}

/* RFC 7578 4.8: other headers are ignored. */
static const struct {
    struct str name;
    enum tc_part_event (*take)(struct tc_multipart *m, size_t at, struct str value);
} headers[] = {
    {STR_INIT("content-disposition"), on_disposition},
    {STR_INIT("content-type"), on_type},
    {STR_INIT("content-transfer-encoding"), on_encoding},
};

/* One line without its CRLF. */
static enum tc_part_event on_header(struct tc_multipart *m, struct str line)
{
    size_t at = m->offset - line.n - CRLF;
    struct str value = line, name = str_cut(&value, ':');

    if (!value.p || !tc_mime_is_token(name))
        return broken(m, at, "a header line of a part must be \"Name: value\", unfolded");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (str_eq_nocase(name, headers[i].name))
            return headers[i].take(m, at, str_trim(value));
    return TC_PART_MORE;
}

static enum tc_part_event end_head(struct tc_multipart *m)
{
    if (!m->part.name.p)
        return broken(m, m->part.offset, "a part has no Content-Disposition: form-data header");
    m->state = DATA;
    m->matched = m->assumed = CRLF;
    m->part.data_offset = m->offset;
    return TC_PART_BEGIN;
}

/* The byte `c` of a header line. */
static enum tc_part_event head_byte(struct tc_multipart *m, char c)
{
    bool ends = m->head_n > m->line && m->head[m->head_n - 1] == '\r';

    if ((c == '\n') != ends)
        return broken(m, m->offset - 1, "lines of a part's head end with CR LF");
    if (m->head_n == TC_MULTIPART_HEAD_MAX)
        return broken(m, m->part.offset, "the head of a part is longer than %d bytes",
                      TC_MULTIPART_HEAD_MAX);
    m->head[m->head_n++] = c;
    if (c != '\n')
        return TC_PART_MORE;
    struct str line = str_of(m->head + m->line, m->head_n - m->line - CRLF);
    m->line = m->head_n;
    return line.n ? on_header(m, line) : end_head(m);
}

/* ---- between the parts ---- */

static enum tc_part_event begin_part(struct tc_multipart *m)
{
    if (m->parts++ == TC_MULTIPART_PARTS_MAX)
        return broken(m, m->offset, "more than %d parts", TC_MULTIPART_PARTS_MAX);
    m->part = (struct tc_part){.offset = m->offset};
    m->head_n = m->line = 0;
    m->state = HEAD;
    return TC_PART_MORE;
}

/* Behind a delimiter: "--", or white space up to the end of the line. */
static enum tc_part_event boundary_byte(struct tc_multipart *m, char c)
{
    bool closed = m->state == CLOSING;

    if (m->after_cr && c == '\n') {
        m->after_cr = false;
        if (!closed)
            return begin_part(m);
        m->state = EPILOGUE;
    } else if (m->after_cr) {
        return broken(m, m->offset - 1, "a delimiter's line ends with CR LF");
    } else if (m->state == HYPHEN && c == '-') {
        m->state = CLOSING;
    } else if (m->state == BOUNDARY && c == '-') {
        m->state = HYPHEN;
    } else if (m->state != HYPHEN && c == '\r') {
        m->after_cr = true;
    } else if (m->state != HYPHEN && (c == ' ' || c == '\t')) {
        m->state = closed ? CLOSING : PADDING;
    } else {
        return broken(m, m->offset - 1,
                      "behind a delimiter only \"--\" or the end of the line may stand");
    }
    return TC_PART_MORE;
}

/* ---- data ---- */

/* How much of `s` is certainly no beginning of a delimiter. */
static size_t plain(struct str s)
{
    const char *cr = s.n ? memchr(s.p, '\r', s.n) : NULL;

    return cr ? (size_t)(cr - s.p) : s.n;
}

static void take(struct tc_multipart *m, struct str *in, size_t n)
{
    *in = str_skip(*in, n);
    m->offset += n;
}

/* Data, or a delimiter. In the preamble nobody looks at the data. */
static enum tc_part_event data_piece(struct tc_multipart *m, struct str *in, struct str *data)
{
    if (m->matched == 0) {
        *data = str_of(in->p, plain(*in));
        take(m, in, data->n);
        if (data->n)
            return TC_PART_DATA;
    }
    if (in->p[0] != m->delimiter[m->matched]) { /* what seemed to be one was data */
        *data = str_of(m->delimiter + m->assumed, m->matched - m->assumed);
        m->matched = m->assumed = 0;
        return TC_PART_DATA;
    }
    take(m, in, 1);
    if (++m->matched < m->delimiter_n)
        return TC_PART_MORE;
    bool part = m->state == DATA;
    m->state = BOUNDARY;
    m->matched = m->assumed = 0;
    return part ? TC_PART_END : TC_PART_MORE;
}

static enum tc_part_event step(struct tc_multipart *m, struct str *in, struct str *data)
{
    switch ((enum state)m->state) {
    case PREAMBLE: return data_piece(m, in, data) == TC_PART_BAD ? TC_PART_BAD : TC_PART_MORE;
    case DATA: return data_piece(m, in, data);
    case EPILOGUE: take(m, in, in->n); return TC_PART_MORE;
    case BROKEN: return TC_PART_BAD;
    default: break;
    }
    char c = in->p[0];
    take(m, in, 1);
    return m->state == HEAD ? head_byte(m, c) : boundary_byte(m, c);
}

enum tc_part_event tc_multipart_next(struct tc_multipart *m, struct str *in, struct str *data)
{
    enum tc_part_event event = TC_PART_MORE;

    while (in->n && event == TC_PART_MORE) {
        event = step(m, in, data);
        if (event == TC_PART_DATA && data->n == 0)
            event = TC_PART_MORE;
    }
    return event;
}

enum tc_status tc_multipart_finish(struct tc_multipart *m)
{
    if (m->state == EPILOGUE || (m->state == CLOSING && !m->after_cr))
        return TC_OK;
    if (m->state == PREAMBLE)
        broken(m, m->offset, "no delimiter \"--%.*s\" in the body", (int)(m->delimiter_n - 4),
               m->delimiter + 4);
    else if (m->state != BROKEN)
        broken(m, m->offset, "the form is cut short: its closing delimiter is missing");
    return TC_INVALID;
}
