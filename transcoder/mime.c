#include "transcoder/mime.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token_char(char c)
{
    bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

    return alnum || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool tc_mime_is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char(s.p[i]))
            return false;
    return s.n > 0;
}

static struct str skip_space(struct str s)
{
    while (s.n && is_space(s.p[0]))
        s = str_skip(s, 1);
    return s;
}

struct str tc_mime_type(struct str *rest)
{
    size_t n = str_find(*rest, ';');
    struct str type = str_trim(str_of(rest->p, n));

    *rest = str_skip(*rest, n);
    return type;
}

/* To the closing quote. */
static bool take_quoted(struct str *rest, struct str *value)
{
    struct str s = str_skip(*rest, 1);
    size_t n = 0;

    while (n < s.n && s.p[n] != '"') {
        n += s.p[n] == '\\' ? 2 : 1;
        if (n <= s.n && (unsigned char)s.p[n - 1] < ' ' && s.p[n - 1] != '\t')
            return false;
    }
    if (n >= s.n)
        return false;
    *value = str_of(s.p, n);
    *rest = str_skip(s, n + 1);
    return true;
}

static bool take_plain(struct str *rest, struct str *value)
{
    size_t n = 0;

    while (n < rest->n && !is_space(rest->p[n]) && rest->p[n] != ';') {
        unsigned char c = (unsigned char)rest->p[n++];
        if (c < ' ' || c == 0x7f || c == '"' || c == '\\')
            return false;
    }
    *value = str_of(rest->p, n);
    *rest = str_skip(*rest, n);
    return n > 0;
}

enum tc_status tc_mime_param(struct str *rest, struct tc_mime_param *p)
{
    struct str s = skip_space(*rest);

    while (s.n && s.p[0] == ';')
        s = skip_space(str_skip(s, 1));
    if (s.n == 0)
        return TC_MORE;
    if (rest->n == s.n) /* no ';' before it */
        return TC_INVALID;
    size_t n = 0;
    while (n < s.n && is_token_char(s.p[n]))
        n++;
    p->name = str_of(s.p, n);
    s = str_skip(s, n);
    if (n == 0 || s.n < 2 || s.p[0] != '=')
        return TC_INVALID;
    s = str_skip(s, 1);
    if (s.p[0] == '"' ? !take_quoted(&s, &p->value) : !take_plain(&s, &p->value))
        return TC_INVALID;
    struct str behind = skip_space(s);
    *rest = s;
    return behind.n == 0 || behind.p[0] == ';' ? TC_OK : TC_INVALID;
}

size_t tc_mime_unquote(char *out, struct str value)
{
    size_t n = 0;

    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\\' && i + 1 < value.n)
            i++;
        out[n++] = value.p[i];
    }
    return n;
}
