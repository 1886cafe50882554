#include "gateway/policy/policy_auth.h"

/* What of a request ends here. A method's own providers say whether their credential is forwarded;
 * what other providers read is taken away as well, since it is a secret of the client's and none of
 * the upstream's, unless an own one that forwards reads the same place. */

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

static bool is_among(struct str name, const struct str *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, list[i]))
            return true;
    return false;
}

/* `header`.p == NULL: the bearer of Authorization. */
static bool is_forwarded(const struct compile *c, const struct plan_auth *auth, struct str header)
{
    for (uint32_t i = 0; i < c->nproviders; i++) {
        const struct auth_provider *p = &c->providers[i];
        bool reads = header.p ? is_among(header, p->places.headers, p->places.nheaders)
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

void policy_auth_hidden(struct compile *c, const struct plan_auth *auth, struct plan_hidden *out)
{
    struct str *headers = policy_array(c, all_headers(c), sizeof *headers);
    struct str *queries = policy_array(c, c->nproviders, sizeof *queries);

    *out = (struct plan_hidden){.headers = headers, .queries = queries};
    for (uint32_t i = 0; headers && queries && i < c->nproviders; i++) {
        const struct auth_provider *p = &c->providers[i];
        bool own = is_own(auth, p);
        if (own && p->places.query.n)
            queries[out->nqueries++] = p->places.query;
        for (uint32_t h = 0; h < p->places.nheaders && !p->forward; h++) {
            struct str name = p->places.headers[h];
            if ((own || !is_forwarded(c, auth, name)) && !is_among(name, headers, out->nheaders))
                headers[out->nheaders++] = name;
        }
        out->bearer |= p->places.bearer && !p->forward && (own || !is_forwarded(c, auth, STR_NONE));
    }
}
