#include "transcoder/indent.h"

void tc_indent_init(struct tc_indenter *i, uint8_t width)
{
    *i = (struct tc_indenter){.width = width < TC_INDENT_MAX ? width : TC_INDENT_MAX};
}

static bool new_line(const struct tc_indenter *i, struct buf *out)
{
    size_t n = (size_t)i->depth * i->width;
    char *to = buf_reserve(out, n + 1);

    if (!to)
        return false;
    to[0] = '\n';
    memset(to + 1, ' ', n);
    out->n += n + 1;
    return true;
}

/* Bytes at the start of `s` that go out as they are: the contents of a string, a number, a literal.
 */
static size_t plain(struct tc_indenter *i, struct str s)
{
    size_t n = 0;

    for (; n < s.n && i->in_string; n++) {
        if (i->escape)
            i->escape = false;
        else if (s.p[n] == '\\')
            i->escape = true;
        else if (s.p[n] == '"')
            i->in_string = false;
    }
    while (n < s.n && !i->in_string && !memchr("{}[],:\"", s.p[n], 7))
        n++;
    return n;
}

/* Behind an opening bracket comes a line for the first member, unless it closes at once. */
static bool before(struct tc_indenter *i, char c, struct buf *out)
{
    bool opened = i->opened, closes = c == '}' || c == ']';

    i->opened = false;
    i->depth -= closes;
    return opened == closes || new_line(i, out);
}

static bool token(struct tc_indenter *i, char c, struct buf *out)
{
    bool ok = (!i->opened && c != '}' && c != ']') || before(i, c, out);

    ok = ok && buf_add_char(out, c);
    switch (c) {
    case '{':
    case '[':
        i->depth++;
        i->opened = true;
        return ok;
    case ',': return ok && new_line(i, out);
    case ':': return ok && buf_add_char(out, ' ');
    case '"': i->in_string = true; return ok;
    default: return ok;
    }
}

bool tc_indent(struct tc_indenter *i, struct str json, struct buf *out)
{
    while (json.n) {
        size_t n = plain(i, json);

        if (n && i->opened && !before(i, json.p[0], out))
            return false;
        if (!buf_add(out, str_of(json.p, n)))
            return false;
        json = str_skip(json, n);
        if (json.n && !token(i, json.p[0], out))
            return false;
        json = str_skip(json, 1);
    }
    return true;
}
