#include "transcoder/enum_name.h"

enum { NAME_ROOM = 256 }; /* longer ones are looked for one by one */

static bool is_letter(char c)
{
    return ((unsigned char)c | 0x20) >= 'a' && ((unsigned char)c | 0x20) <= 'z';
}

static struct str last_name(struct str full)
{
    size_t at = full.n;

    while (at && full.p[at - 1] != '.')
        at--;
    return str_skip(full, at);
}

static size_t past_underscores(struct str s, size_t at)
{
    while (at < s.n && s.p[at] == '_')
        at++;
    return at;
}

size_t tc_enum_prefix(struct str type, struct str value)
{
    size_t at = 0, of;

    type = last_name(type);
    for (of = past_underscores(type, 0); of < type.n; of = past_underscores(type, of + 1)) {
        at = past_underscores(value, at);
        if (at == value.n || !str_eq_nocase(str_of(value.p + at, 1), str_of(type.p + of, 1)))
            return 0;
        at++;
    }
    if (at + 1 >= value.n || value.p[at] != '_' || !is_letter(value.p[at + 1]))
        return 0;
    return at + 1;
}

static const struct tc_enum_value *by_short_name(const struct tc_enum *e, struct str text)
{
    char full[NAME_ROOM];

    if (!e->prefix || text.n > sizeof full || e->prefix > sizeof full - text.n)
        return NULL;
    memcpy(full, e->values[0].name.p, e->prefix);
    if (text.n)
        memcpy(full + e->prefix, text.p, text.n);
    return tc_enum_by_name(e, str_of(full, e->prefix + text.n));
}

/* NULL also when two values of different numbers could be meant. */
static const struct tc_enum_value *in_any_case(const struct tc_enum *e, struct str text,
                                               unsigned how)
{
    const struct tc_enum_value *found = NULL;

    for (uint32_t i = 0; i < e->nvalues; i++) {
        const struct tc_enum_value *v = &e->values[i];
        bool same = str_eq_nocase(v->name, text) ||
                    (how & TC_ENUM_SHORT && str_eq_nocase(tc_enum_short_name(e, v), text));

        if (same && found && found->number != v->number)
            return NULL;
        if (same && !found)
            found = v;
    }
    return found;
}

struct str tc_enum_full_name(const struct tc_enum *e, struct str text, unsigned how)
{
    const struct tc_enum_value *v = NULL;

    if (!how || tc_enum_by_name(e, text))
        return text;
    if (how & TC_ENUM_SHORT)
        v = by_short_name(e, text);
    if (!v && how & TC_ENUM_ANY_CASE)
        v = in_any_case(e, text, how);
    return v ? v->name : text;
}
