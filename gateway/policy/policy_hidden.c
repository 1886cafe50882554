#include "gateway/policy/policy_auth.h"

/* What of a request ends here. A method's own providers say whether their credential is forwarded;
 * what other providers read is taken away as well, since it is a secret of the client's and none of
 * the upstream's, unless an own one that forwards reads the same place. */

enum { IDENTITY_NAMES = 5 };

/* Being made: what of plan_hidden is const once it is there. */
struct hidden_lists {
    struct plan_hidden *out;
    struct str *headers, *behind, *queries, *others;
};

static bool requires(const struct plan_requirement *r, const struct auth_provider *p)
{
    bool found = r->provider == p;
    for (uint16_t i = 0; i < r->nall_of; i++)
        found |= r->all_of[i].provider == p;
    return found;
}

static bool is_own(const struct plan_auth *auth, const struct auth_provider *p)
{
    for (uint16_t i = 0; auth && i < auth->nany_of; i++)
        if (requires(&auth->any_of[i], p))
            return true;
    return false;
}

/* `header`.p == NULL: the bearer of Authorization. */
static bool is_forwarded(const struct compile *c, const struct plan_auth *auth, struct str header)
{
    for (uint32_t i = 0; i < c->nproviders; i++) {
        const struct auth_provider *p = &c->providers[i];
        bool reads = header.p ? str_is_one_of(header, p->places.headers, p->places.nheaders)
                              : p->places.bearer;
        if (p->forward && reads && is_own(auth, p))
            return true;
    }
    return false;
}

static size_t all_headers(const struct compile *c)
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->nproviders; i++)
        n += c->providers[i].places.nheaders;
    return n;
}

static void add(struct str *list, uint16_t *n, struct str name)
{
    if (name.n && !str_is_one_of(name, list, *n))
        list[(*n)++] = name;
}

/* What tells who calls is the gateway's to say, to the upstream and to expressions. */
static void hide_identity(const struct plan_identity *i, struct str *headers, uint16_t *n)
{
    const struct str names[IDENTITY_NAMES] = {i->id, i->tenant, i->subject, i->provider, i->scopes};
    for (size_t k = 0; k < IDENTITY_NAMES; k++)
        add(headers, n, names[k]);
}

static void hide_provider(const struct compile *c, const struct plan_auth *auth,
                          const struct auth_provider *p, struct hidden_lists *l)
{
    bool own = is_own(auth, p);
    if (p->places.query.n)
        add(own ? l->queries : l->others, own ? &l->out->nqueries : &l->out->nothers,
            p->places.query);
    for (uint32_t h = 0; h < p->places.nheaders; h++) {
        struct str name = p->places.headers[h];
        add(l->behind, &l->out->nbehind, name);
        if (!p->forward && (own || !is_forwarded(c, auth, name)))
            add(l->headers, &l->out->nheaders, name);
    }
    if (p->places.bearer)
        add(l->behind, &l->out->nbehind, STR("authorization"));
    l->out->bearer |= p->places.bearer && !p->forward && (own || !is_forwarded(c, auth, STR_NONE));
}

void policy_auth_hidden(struct compile *c, const struct plan_auth *auth, struct plan_hidden *out)
{
    size_t most = all_headers(c) + IDENTITY_NAMES;
    struct hidden_lists l = {
        .out = out,
        .headers = policy_array(c, most, sizeof *l.headers),
        .behind = policy_array(c, most, sizeof *l.behind),
        .queries = policy_array(c, c->nproviders, sizeof *l.queries),
        .others = policy_array(c, c->nproviders, sizeof *l.others),
    };

    *out = (struct plan_hidden){
        .headers = l.headers, .behind = l.behind, .queries = l.queries, .others = l.others};
    if (!l.headers || !l.behind || !l.queries || !l.others)
        return;
    hide_identity(&c->identity, l.headers, &out->nheaders);
    for (uint32_t i = 0; i < c->nproviders; i++)
        hide_provider(c, auth, &c->providers[i], &l);
}
