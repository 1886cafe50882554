#include "gateway/policy/auth_credential.h"

#include "gateway/core/metadata.h"
#include "gateway/core/query.h"
#include "transcoder/bind.h"

/* What has been found so far; a second one must be the same, and in another place. */
struct search {
    enum auth_found found;
    struct str text;
    struct str twice; /* header that stands twice */
};

static void take(struct search *s, struct str text)
{
    if (s->found != AUTH_NOTHING) {
        if (!str_eq(s->text, text))
            s->found = AUTH_AMBIGUOUS;
        return;
    }
    s->found = AUTH_FOUND;
    s->text = text;
}

/* RFC 6750 2.1: "Bearer" in any case, spaces, and the token to the end. */
static bool bearer(struct str value, struct str *token)
{
    static const struct str scheme = STR_INIT("bearer");
    struct str v = str_trim(value), rest = str_skip(v, scheme.n);
    if (v.n < scheme.n || !str_eq_nocase(str_of(v.p, scheme.n), scheme) ||
        (rest.n && rest.p[0] != ' '))
        return false;
    *token = str_trim(rest);
    return true;
}

/* Whether all are visible ASCII, eight at a time: tokens are long, and this is done for each call.
 * What is wrong with a byte stands in its top bit: it was set, or '!' cannot be taken away without
 * clearing one put there, or a step beyond '~' sets it. */
static bool is_visible(struct str s)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    const uint64_t tops = 0x80 * each;
    uint64_t word, wrong = 0;
    for (; s.n >= sizeof word; s = str_skip(s, sizeof word)) {
        memcpy(&word, s.p, sizeof word);
        wrong |= word | (((word | tops) - '!' * each) ^ tops) | (word + each);
    }
    if (wrong & tops)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* A header that says who calls stands once, whatever the second one says: of two, one reader takes
 * the first and the next the last. */
static void note_twice(struct search *s, const struct headers *h, uint32_t at)
{
    for (uint32_t i = at + 1; i < h->n; i++)
        if (str_eq(h->items[i].name, h->items[at].name))
            s->twice = h->items[at].name;
}

static void search_headers(struct search *s, const struct auth_provider *p, const struct headers *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        if (str_is_one_of(h->items[i].name, p->places.headers, p->places.nheaders)) {
            take(s, str_trim(h->items[i].value));
            note_twice(s, h, i);
        }
}

static void search_bearer(struct search *s, const struct headers *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        struct str token;
        if (!str_eq(h->items[i].name, STR("authorization")))
            continue;
        if (bearer(h->items[i].value, &token))
            take(s, is_visible(token) ? token : STR("")); /* is judged as an empty one: no good */
        note_twice(s, h, i);
    }
}

static void search_query(struct search *s, struct str name, struct str query, struct arena *arena)
{
    while (query.p) {
        struct str value, text;
        if (!query_parameter(str_cut(&query, '&'), name, &value))
            continue;
        value = value.p ? value : STR("");
        /* What is not well-formed is judged as an empty one: no good. */
        take(s, tc_percent_decode(value, TC_DECODE_QUERY, arena, &text) ? text : STR(""));
    }
}

enum auth_found auth_credential_find(const struct auth_provider *p, const struct request *r,
                                     struct arena *arena, struct str *text)
{
    struct search s = {AUTH_NOTHING, STR_NONE, STR_NONE};
    search_headers(&s, p, &r->headers);
    if (p->places.query.n)
        search_query(&s, p->places.query, r->query, arena);
    if (p->places.bearer && !(p->places.bearer_last && s.found))
        search_bearer(&s, &r->headers);
    if (s.twice.n)
        s.found = AUTH_AMBIGUOUS;
    *text = s.found == AUTH_AMBIGUOUS ? s.twice : s.text;
    return s.found;
}

/* ---- hiding ---- */

/* Other schemes than Bearer are none of ours. */
static bool is_hidden(const struct plan_hidden *h, const struct header *header)
{
    struct str token, name = metadata_name(header->name);
    if (str_is_one_of(name, h->headers, h->nheaders))
        return true;
    if (name.n < header->name.n && str_is_one_of(name, h->behind, h->nbehind))
        return true;
    return h->bearer && str_eq(name, STR("authorization")) && bearer(header->value, &token);
}

/* Whether a parameter of that name, or "name.more", sets a field. */
static bool is_field(const struct route *route, struct str name)
{
    if (route->whole_body)
        return false;
    const struct tc_field *f = tc_field_by_name(route->policy->method->input, str_cut(&name, '.'));
    return f && f != route->body;
}

static bool take_out(struct exchange *x, struct str name)
{
    if (!x->request.query.p)
        return true;
    struct str query = query_without(x->request.query, name, &x->arena);
    if (query.p)
        x->request.query = query;
    return query.p;
}

static bool hide_queries(const struct plan_hidden *h, struct exchange *x)
{
    for (uint16_t i = 0; i < h->nqueries; i++)
        if (!take_out(x, h->queries[i]))
            return false;
    for (uint16_t i = 0; i < h->nothers; i++)
        if (!is_field(x->route, h->others[i]) && !take_out(x, h->others[i]))
            return false;
    return true;
}

bool auth_credential_hide(const struct plan_hidden *h, struct exchange *x)
{
    struct headers *all = &x->request.headers;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->n; i++)
        if (!is_hidden(h, &all->items[i]))
            all->items[kept++] = all->items[i];
    all->n = kept;
    return hide_queries(h, x);
}
