#include "gateway/core/query.h"

#include "transcoder/percent.h"

/* The byte that `text` begins with, decoded; *n is the number of bytes it took. */
static char first_char(struct str text, size_t *n)
{
    int c = text.p[0] == '%' ? tc_percent_byte(text) : -1;
    *n = c < 0 ? 1 : 3;
    return c >= 0 ? (char)c : text.p[0] == '+' ? ' ' : text.p[0];
}

static bool means(struct str text, struct str name)
{
    while (text.n && name.n) {
        size_t n;
        if (first_char(text, &n) != name.p[0])
            return false;
        text = str_skip(text, n);
        name = str_skip(name, 1);
    }
    return text.n == 0 && name.n == 0;
}

bool query_parameter(struct str part, struct str name, struct str *value)
{
    *value = part;
    return means(str_cut(value, '='), name);
}

/* In place: what is kept is never longer than what was there. */
struct str query_without(struct str query, struct str name, struct arena *arena)
{
    char *out = arena_alloc(arena, query.n);
    size_t n = 0;
    while (out && query.p) {
        struct str part = str_cut(&query, '&'), value;
        if (query_parameter(part, name, &value))
            continue;
        if (n)
            out[n++] = '&';
        if (part.n)
            memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    return out ? str_of(out, n) : STR_NONE;
}

/* ---- hiding ---- */

/* Whoever meant to send a parameter may have written it so that it is none. So separators are
 * looked for in the whole target, encoded or not, and of a name only what is hard to get wrong
 * counts: neither case nor "[]", spaces and the like. */
static bool separates(char c)
{
    return c == '?' || c == '&' || c == ';' || c == '#';
}

static bool counts(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c & 0x80) || c == '/' || c == '.';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The next byte of the name in front of `text` that counts. 0: the name ends. */
static char next_of_name(struct str *text)
{
    while (text->n) {
        size_t n;
        char c = lower(first_char(*text, &n));
        if (c == '=' || separates(c))
            return 0;
        *text = str_skip(*text, n);
        if (counts(c))
            return c;
    }
    return 0;
}

static bool resembles(struct str text, struct str name)
{
    char c = next_of_name(&text), first = c;
    while (c && c == next_of_name(&name))
        c = next_of_name(&text);
    return first && !c && !next_of_name(&name) && name.n == 0;
}

static bool is_secret(struct str text, const struct str *names, uint32_t n)
{
    static const struct str known[] = {
        STR_INIT("key"),          STR_INIT("api_key"),  STR_INIT("token"),
        STR_INIT("access_token"), STR_INIT("id_token"),
    };
    struct str rest = text, part = str_cut(&rest, '&'), value;
    for (uint32_t i = 0; i < n; i++)
        if (resembles(text, names[i]) || query_parameter(part, names[i], &value))
            return true;
    for (uint32_t i = 0; i < sizeof known / sizeof *known; i++)
        if (resembles(text, known[i]))
            return true;
    return false;
}

/* Up to the first separator, or with `or_equals` '='. */
static size_t span(struct str s, bool or_equals)
{
    size_t at = 0, n;
    for (; at < s.n; at += n) {
        char c = first_char(str_skip(s, at), &n);
        if (separates(c) || (or_equals && c == '='))
            break;
    }
    return at;
}

/* The length of the separator in front. */
static size_t separator(struct str s)
{
    size_t n = 0;
    if (s.n)
        first_char(s, &n);
    return n;
}

static const struct str stars = STR_INIT("***");

/* out == NULL: only measures. */
static size_t put(char *out, size_t at, struct str s)
{
    if (s.n && out)
        memcpy(out + at, s.p, s.n);
    return at + s.n;
}

/* What is shown of `rest`, and how long that is. A secret may hold anything: it ends where a server
 * would take it to end, at a plain '&'. */
static size_t write_concealed(struct str rest, const struct str *names, uint32_t n, char *out)
{
    size_t at = 0;
    while (rest.n) {
        bool secret = is_secret(rest, names, n);
        size_t shown = span(rest, secret);
        at = put(out, at, str_of(rest.p, shown));
        rest = str_skip(rest, shown);
        if (secret) {
            at = put(out, put(out, at, STR("=")), stars);
            rest = str_skip(rest, str_find(rest, '&'));
        }
        size_t glue = separator(rest);
        at = put(out, at, str_of(rest.p, glue));
        rest = str_skip(rest, glue);
    }
    return at;
}

/* A path alone, which begins with '/' and so is no parameter's name; most targets are. */
static bool is_bare_path(struct str target)
{
    size_t i = 0;
    while (i < target.n && !separates(target.p[i]) && target.p[i] != '%')
        i++;
    return i == target.n && target.n && target.p[0] == '/';
}

struct str query_conceal(struct str target, const struct str *names, uint32_t n,
                         struct arena *arena)
{
    if (is_bare_path(target))
        return target;
    size_t length = write_concealed(target, names, n, NULL);
    char *out = arena_room(arena, length + 1);
    if (!out)
        return str_of(target.p, span(target, false));
    write_concealed(target, names, n, out);
    return str_of(out, length);
}

struct str query_conceal_all(struct str target, struct arena *arena)
{
    size_t at = span(target, false), n = at + separator(str_skip(target, at));
    if (n == target.n)
        return target;
    char *out = arena_room(arena, n + stars.n);
    if (!out)
        return str_of(target.p, at);
    put(out, put(out, 0, str_of(target.p, n)), stars);
    return str_of(out, n + stars.n);
}
