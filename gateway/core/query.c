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

static bool is_one_of(struct str part, const struct str *names, uint32_t n, struct str *value)
{
    for (uint32_t i = 0; i < n; i++)
        if (query_parameter(part, names[i], value))
            return true;
    return false;
}

static uint32_t count(struct str query, const struct str *names, uint32_t n)
{
    uint32_t found = 0;
    struct str value;
    while (query.p)
        found += is_one_of(str_cut(&query, '&'), names, n, &value);
    return found;
}

static size_t put(char *out, size_t at, struct str s)
{
    if (s.n)
        memcpy(out + at, s.p, s.n);
    return at + s.n;
}

struct str query_conceal(struct str target, const struct str *names, uint32_t n,
                         struct arena *arena)
{
    static const struct str stars = STR_INIT("=***");
    struct str query = target, path = str_cut(&query, '?');
    uint32_t found = count(query, names, n);
    char *out = found ? arena_alloc(arena, target.n + found * stars.n) : NULL;

    if (!out)
        return found ? path : target;
    size_t at = put(out, 0, path);
    for (char glue = '?'; query.p; glue = '&') {
        struct str part = str_cut(&query, '&'), value;
        bool secret = is_one_of(part, names, n, &value);
        out[at++] = glue;
        at = put(out, at, secret ? str_of(part.p, value.p ? part.n - value.n - 1 : part.n) : part);
        at = put(out, at, secret ? stars : STR(""));
    }
    return str_of(out, at);
}
