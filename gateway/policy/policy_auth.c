#include "gateway/policy/policy_auth.h"

#include "gateway/policy/auth_keys.h"

enum { REQUIREMENTS_MAX = 16 };

/* One Auth and where it stands. */
struct auth_at {
    struct compile *c;
    const struct layer *layer;
};

/* ---- without a method ---- */

static const char *provider_name(const Postern__V1__Requirement *m, enum auth_kind *kind)
{
    switch (m->provider_case) {
    case POSTERN__V1__REQUIREMENT__PROVIDER_API_KEY: *kind = AUTH_API_KEY; return m->api_key;
    case POSTERN__V1__REQUIREMENT__PROVIDER_JWT: *kind = AUTH_JWT; return m->jwt;
    case POSTERN__V1__REQUIREMENT__PROVIDER_INTROSPECTION:
        *kind = AUTH_INTROSPECTION;
        return m->introspection;
    case POSTERN__V1__REQUIREMENT__PROVIDER_CLIENT_CERTIFICATE:
        *kind = AUTH_CERTIFICATE;
        return m->client_certificate;
    default: return NULL;
    }
}

/* NULL: noted, or names are open. */
static const struct auth_provider *resolve(struct auth_at *a, struct str path, const char *name,
                                           enum auth_kind kind)
{
    struct compile *c = a->c;
    struct tc_suggestion s = tc_suggest_for(str_c(name));

    for (uint32_t i = 0; i < c->nproviders; i++) {
        const struct auth_provider *p = &c->providers[i];
        tc_suggest(&s, p->name);
        if (!str_eq(p->name, str_c(name)))
            continue;
        if (p->kind == kind)
            return p;
        FAULT(c, &a->layer->origin, path, "\"%s\" is a provider of %s, not of %s", name,
              auth_kind_name(p->kind), auth_kind_name(kind));
        return NULL;
    }
    if (!c->in->names_open || !name[0])
        FAULT(c, &a->layer->origin, path, "\"%s\" is no provider of the configuration's `auth`%.*s",
              name, STR_ARG(policy_suggest_text(c, &s)));
    return NULL;
}

static const struct plan_requirement *read_list(struct auth_at *a, struct str path,
                                                Postern__V1__Requirement *const *list, size_t n,
                                                bool nested);

static void read_scopes(struct auth_at *a, struct str path, const Postern__V1__Requirement *m,
                        struct plan_requirement *out)
{
    struct str *scopes = policy_array(a->c, m->n_scopes, sizeof *scopes);
    for (size_t i = 0; scopes && i < m->n_scopes; i++) {
        scopes[i] = str_c(m->scopes[i]);
        if (!auth_is_scope(scopes[i]))
            FAULT(
                a->c, &a->layer->origin, TEXT(a->c, "%.*s.scopes[%zu]", STR_ARG(path), i),
                "\"%s\" is no scope: one or more visible ASCII characters without space, '\"' and "
                "'\\'",
                m->scopes[i]);
    }
    out->scopes = scopes;
    out->nscopes = (uint16_t)m->n_scopes;
}

static void read_requirement(struct auth_at *a, struct str path, const Postern__V1__Requirement *m,
                             struct plan_requirement *out, bool nested)
{
    enum auth_kind kind;
    const char *name = provider_name(m, &kind);

    read_scopes(a, path, m, out);
    if (name && !m->n_all_of) {
        out->provider = resolve(a, path, name, kind);
        return;
    }
    if (name || !m->n_all_of || nested) {
        FAULT(a->c, &a->layer->origin, path,
              nested && m->n_all_of
                  ? "stands inside another all_of; one level is enough"
                  : "needs exactly one of api_key, jwt, introspection, client_certificate, all_of");
        return;
    }
    if (m->n_all_of > PLAN_ALL_OF_MAX) {
        FAULT(a->c, &a->layer->origin, path, "asks for more than %d credentials at once",
              PLAN_ALL_OF_MAX);
        return;
    }
    out->all_of = read_list(a, TEXT(a->c, "%.*s.all_of", STR_ARG(path)), m->all_of, m->n_all_of,
                            true);
    out->nall_of = (uint16_t)m->n_all_of;
}

static const struct plan_requirement *read_list(struct auth_at *a, struct str path,
                                                Postern__V1__Requirement *const *list, size_t n,
                                                bool nested)
{
    struct plan_requirement *out = policy_array(a->c, n, sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        read_requirement(a, TEXT(a->c, "%.*s[%zu]", STR_ARG(path), i), list[i], &out[i], nested);
    return out;
}

/* Read once for each place where it stands, whatever the number of its methods. */
void policy_auth_check(struct compile *c, struct layer *l)
{
    const Postern__V1__Auth *m = l->policy->auth;
    struct auth_at a = {c, l};
    struct plan_auth *auth = m ? policy_array(c, 1, sizeof *auth) : NULL;

    if (!auth)
        return;
    if (!m->anonymous && !m->n_any_of)
        FAULT(c, &l->origin, STR("auth"),
              "lets nobody in; name a provider in any_of, or say anonymous: true");
    if (m->n_any_of > REQUIREMENTS_MAX) {
        FAULT(c, &l->origin, STR("auth.any_of"), "has more than %d entries", REQUIREMENTS_MAX);
        return;
    }
    *auth = (struct plan_auth){
        .any_of = read_list(&a, STR("auth.any_of"), m->any_of, m->n_any_of, false),
        .nany_of = (uint16_t)m->n_any_of,
        .anonymous = m->anonymous,
    };
    policy_auth_hidden(c, auth, &auth->hidden);
    l->auth = auth;
}

/* ---- a method ---- */

void policy_auth_resolve(struct compile *c, struct method_policy *p)
{
    for (size_t i = 0; i < c->nlayers; i++)
        if (c->layers[i]->auth)
            p->auth = c->layers[i]->auth;
}

static void check_file(struct compile *c, uint32_t first, uint32_t end)
{
    const struct tc_method *with = NULL;
    for (uint32_t i = first; i < end && !with; i++)
        with = c->policies[i].auth ? c->policies[i].method : NULL;
    for (uint32_t i = first; i < end && with; i++) {
        const struct tc_method *m = c->policies[i].method;
        struct origin at = policy_method_origin(c, m, 0);
        if (!c->policies[i].auth)
            FAULT(c, &at, STR(""),
                  "%.*s has no `auth`, though %.*s of the same file has; if anybody may call it, "
                  "say auth { anonymous: true }",
                  STR_ARG(m->full_name), STR_ARG(with->full_name));
    }
}

/* A method without `auth` beside one that has it has been forgotten, or should say that it is open.
 * The methods of a file stand together. */
void policy_auth_check_open(struct compile *c)
{
    for (uint32_t first = 0, end; first < c->npolicies; first = end) {
        const struct tc_file *file = c->policies[first].method->service->file;
        for (end = first; end < c->npolicies && c->policies[end].method->service->file == file;)
            end++;
        check_file(c, first, end);
    }
}
