#include "gateway/policy/auth_redis.h"
#include "gateway/policy/policy_auth.h"

enum {
    SKEW_MS = 60 * 1000,
    SKEW_MAX_MS = 10 * 60 * 1000,
    REFRESH_MS = 5 * 60 * 1000,
    REFRESH_MIN_MS = 1000,
    KEEP_MS = 24 * 60 * 60 * 1000,
    CACHE_MS = 30 * 1000,
    TIMEOUT_MS = 2000,
    CONCURRENCY = 32,
    CONCURRENCY_MAX = 1000,
};

/* The provider being read and where it stands. */
struct reading {
    struct compile *c;
    struct origin at; /* "auth[1]" */
    struct auth_provider *out;
};

#define WRONG(r, path, ...) FAULT((r)->c, &(r)->at, STR(path), __VA_ARGS__)

const char *auth_kind_name(enum auth_kind kind)
{
    static const char *const names[AUTH_KINDS] = {"API keys", "JWT", "introspection",
                                                  "client certificates"};
    return names[kind];
}

static bool is_set(const char *text)
{
    return text && *text;
}

static uint32_t read_duration(struct reading *r, const char *path, const char *text,
                              uint32_t standard)
{
    uint32_t ms = standard;
    if (is_set(text) && !duration_parse(str_c(text), &ms))
        FAULT(r->c, &r->at, str_c(path),
              "\"%s\" is no duration; write a number with one unit, as in \"250ms\", \"30s\", "
              "\"5m\" or \"2h\"",
              text);
    return ms;
}

/* In lower case. A name with an underscore is refused whoever sends it: many servers take x_user
 * for x-user. */
static struct str read_header(struct reading *r, struct str path, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    struct str out = policy_lower(r->c, name);
    if (!out.n || strspn(out.p, letters) != out.n)
        FAULT(
            r->c, &r->at, path,
            "\"%s\" is no header that a credential can stand in: letters, digits, '-' and '.', as "
            "in \"x-api-key\"",
            name);
    return out;
}

static const struct str *read_headers(struct reading *r, char *const *names, size_t n)
{
    struct str *out = policy_array(r->c, n, sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        out[i] = read_header(r, TEXT(r->c, "api_keys.headers[%zu]", i), names[i]);
    return out;
}

static struct str read_query(struct reading *r, const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    struct str out = str_c(name);
    if (out.n && strspn(out.p, letters) != out.n)
        FAULT(r->c, &r->at, STR("api_keys.query"),
              "\"%s\" is no name of a parameter: letters, digits, '-', '.', '_' and '~', as in "
              "\"key\"",
              name);
    return out;
}

static const struct str *read_texts(struct reading *r, char *const *texts, size_t n)
{
    struct str *out = policy_array(r->c, n, sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        out[i] = str_c(texts[i]);
    return out;
}

/* RFC 3986 3.2.1: what stands before an '@' of the authority. */
static bool has_userinfo(struct str url)
{
    static const struct str mark = STR_INIT("://");
    const char *at = memmem(url.p, url.n, mark.p, mark.n);
    struct str rest = at ? str_skip(url, (size_t)(at - url.p) + mark.n) : STR_NONE;
    size_t end = 0;
    while (end < rest.n && !strchr("/?#", rest.p[end]))
        end++;
    return str_find(str_of(rest.p, end), '@') < end;
}

/* The text is not repeated: there is a secret in it. */
static bool check_userinfo(struct reading *r, const char *path, const char *url)
{
    if (!is_set(url) || !has_userinfo(str_c(url)))
        return true;
    FAULT(r->c, &r->at, str_c(path),
          "has a user or a password before its '@'; secrets have no place in a URL: write "
          "https://host/...");
    return false;
}

static void check_url(struct reading *r, const char *path, const char *url)
{
    if (!check_userinfo(r, path, url))
        return;
    if (!str_starts(str_c(url), STR("https://")) && !str_starts(str_c(url), STR("http://")))
        FAULT(r->c, &r->at, str_c(path), "\"%s\" is no URL; write https://...", url);
}

/* ---- kinds ---- */

static void read_redis_keys(struct reading *r, const Postern__V1__ApiKeys *m)
{
    const Postern__V1__Redis *redis = r->c->in->config->redis;
    struct str prefix = redis ? policy_redis_prefix(redis) : STR("");
    if (is_set(m->file))
        WRONG(r, "api_keys.file", "stands beside redis: true; keys stand in one place");
    if (!redis)
        WRONG(r, "api_keys.redis",
              "needs Redis, and the configuration names none; add redis: { address: ... }");
    r->out->redis_keys = policy_text(r->c, auth_redis_name(r->c->arena, prefix, r->out->name));
}

static void read_api_keys(struct reading *r, const Postern__V1__ApiKeys *m)
{
    static const struct str standard = STR_INIT("x-api-key");
    struct auth_places *p = &r->out->places;

    r->out->kind = AUTH_API_KEY;
    r->out->fetch.file = str_c(m->file);
    if (m->redis)
        read_redis_keys(r, m);
    else if (!is_set(m->file))
        WRONG(r, "api_keys.file",
              "is missing; `postern keys add --file F` makes one. Or say redis: true");
    p->headers = m->n_headers ? read_headers(r, m->headers, m->n_headers) : &standard;
    p->nheaders = m->n_headers ? (uint32_t)m->n_headers : 1;
    p->bearer = m->_bearer_case ? m->bearer : true;
    p->query = read_query(r, m->query);
}

static void read_names(struct reading *r, const Postern__V1__ClaimNames *m)
{
    struct auth_jwt_rules *j = &r->out->rules;
    j->id_claim = m && is_set(m->id) ? str_c(m->id) : STR("sub");
    j->tenant_claim = m && is_set(m->tenant) ? str_c(m->tenant) : STR("tenant");
    j->tier_claim = m && is_set(m->tier) ? str_c(m->tier) : STR("tier");
    j->scopes_claim = m && is_set(m->scopes) ? str_c(m->scopes) : STR("scope");
    j->roles_claim = m && is_set(m->roles) ? str_c(m->roles) : STR("roles");
}

static void read_algorithms(struct reading *r, const Postern__V1__Jwt *m)
{
    r->out->rules.algs = m->n_algorithms ? 0 : JOSE_ANY_PUBLIC;
    for (size_t i = 0; i < m->n_algorithms; i++) {
        enum jose_alg alg = jose_alg_by_name(str_c(m->algorithms[i]));
        r->out->rules.algs |= alg ? 1u << alg : 0;
        if (!alg)
            FAULT(r->c, &r->at, TEXT(r->c, "jwt.algorithms[%zu]", i),
                  "\"%s\" is none of RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA, HS256 "
                  "to HS512",
                  m->algorithms[i]);
    }
}

/* Anybody who can put a public key where a secret is looked for could sign with it. */
static void check_families(struct reading *r)
{
    uint32_t algs = r->out->rules.algs;
    if ((algs & JOSE_ANY_PUBLIC) && (algs & ~(uint32_t)JOSE_ANY_PUBLIC & ~1u))
        WRONG(r, "jwt.algorithms",
              "mixes public keys and shared secrets (HS256 ...); make two providers of it");
}

static void read_source(struct reading *r, const Postern__V1__Jwt *m)
{
    struct auth_fetch *f = &r->out->fetch;
    f->url = str_c(m->jwks_url);
    f->file = str_c(m->jwks_file);
    if (!f->url.n && !f->file.n)
        f->discovery = str_c(m->issuer);
    if (f->url.n)
        check_url(r, "jwt.jwks_url", m->jwks_url);
    if (f->url.n && f->file.n)
        WRONG(r, "jwt.jwks_file", "stands beside jwks_url; keys come from one place");
    if (!f->url.n && !f->file.n && !f->discovery.n)
        WRONG(r, "jwt", "has no keys; give issuer, jwks_url or jwks_file");
    if (f->discovery.n)
        check_url(r, "jwt.issuer", m->issuer);
    else
        check_userinfo(r, "jwt.issuer", m->issuer);
    f->ca_file = str_c(m->ca_file);
    f->refresh_ms = read_duration(r, "jwt.refresh", m->refresh, REFRESH_MS);
    f->keep_ms = read_duration(r, "jwt.keep", m->keep, KEEP_MS);
    if (f->refresh_ms < REFRESH_MIN_MS)
        WRONG(r, "jwt.refresh", "must be at least 1s");
}

static void read_jwt(struct reading *r, const Postern__V1__Jwt *m)
{
    struct auth_jwt_rules *j = &r->out->rules;
    struct str *header = policy_array(r->c, 1, sizeof *header);
    uint32_t skew = read_duration(r, "jwt.skew", m->skew, SKEW_MS);

    r->out->kind = AUTH_JWT;
    j->provider = r->out->name;
    j->issuer = is_set(m->issuer) ? str_c(m->issuer) : STR_NONE;
    j->audiences = read_texts(r, m->audiences, m->n_audiences);
    j->naudiences = (uint32_t)m->n_audiences;
    j->required = read_texts(r, m->required_claims, m->n_required_claims);
    j->nrequired = (uint32_t)m->n_required_claims;
    j->skew_s = skew / 1000;
    if (skew > SKEW_MAX_MS)
        WRONG(r, "jwt.skew", "is above 10m: set the clocks instead");
    read_algorithms(r, m);
    check_families(r);
    read_names(r, m->claims);
    read_source(r, m);
    r->out->places.bearer = !is_set(m->header) ||
                            str_eq_nocase(str_c(m->header), STR("authorization"));
    if (header && !r->out->places.bearer) {
        *header = read_header(r, STR("jwt.header"), m->header);
        r->out->places.headers = header;
        r->out->places.nheaders = 1;
    }
}

static void read_introspection(struct reading *r, const Postern__V1__Introspection *m)
{
    struct auth_introspection *i = &r->out->introspection;

    r->out->kind = AUTH_INTROSPECTION;
    r->out->places.bearer = true;
    r->out->rules.provider = r->out->name;
    r->out->rules.audiences = read_texts(r, m->audiences, m->n_audiences);
    r->out->rules.naudiences = (uint32_t)m->n_audiences;
    read_names(r, m->claims);
    *i = (struct auth_introspection){
        .url = str_c(m->url),
        .client_id = str_c(m->client_id),
        .secret_file = str_c(m->client_secret_file),
        .ca_file = str_c(m->ca_file),
        .cache_ms = read_duration(r, "introspection.cache", m->cache, CACHE_MS),
        .timeout_ms = read_duration(r, "introspection.timeout", m->timeout, TIMEOUT_MS),
        .concurrency = m->concurrency ? m->concurrency : CONCURRENCY,
    };
    check_url(r, "introspection.url", m->url);
    if (i->client_id.n && !i->secret_file.n)
        WRONG(r, "introspection.client_secret_file", "is missing: client_id needs a secret");
    if (i->timeout_ms == 0)
        WRONG(r, "introspection.timeout", "must be longer than 0");
    if (i->concurrency > CONCURRENCY_MAX)
        WRONG(r, "introspection.concurrency", "is above %d", CONCURRENCY_MAX);
}

static void read_kind(struct reading *r, const Postern__V1__AuthProvider *m)
{
    switch (m->kind_case) {
    case POSTERN__V1__AUTH_PROVIDER__KIND_API_KEYS: read_api_keys(r, m->api_keys); break;
    case POSTERN__V1__AUTH_PROVIDER__KIND_JWT: read_jwt(r, m->jwt); break;
    case POSTERN__V1__AUTH_PROVIDER__KIND_INTROSPECTION:
        read_introspection(r, m->introspection);
        break;
    case POSTERN__V1__AUTH_PROVIDER__KIND_CLIENT_CERTIFICATE:
        r->out->kind = AUTH_CERTIFICATE;
        WRONG(r, "client_certificate",
              "needs TLS between client and gateway, which this build does not have yet");
        r->out->certificate_id = (enum auth_certificate_id)m->client_certificate->id;
        break;
    default:
        WRONG(r, "", "is of no kind; write api_keys, jwt, introspection or client_certificate");
    }
}

/* Whatever becomes of a call, and whether its route asks for a credential or not. */
static void read_concealed(struct compile *c, const struct auth_provider *providers, size_t n)
{
    struct str *names = policy_array(c, n, sizeof *names);
    for (size_t i = 0; names && i < n; i++)
        if (providers[i].places.query.n)
            names[c->nconcealed++] = providers[i].places.query;
    c->concealed = names;
}

/* A token of another provider beside an API key is no second key. */
static void order_bearers(struct auth_provider *providers, size_t n)
{
    bool tokens = false;
    for (size_t i = 0; i < n; i++)
        tokens |= providers[i].kind != AUTH_API_KEY && providers[i].places.bearer;
    for (size_t i = 0; i < n; i++)
        providers[i].places.bearer_last = tokens && providers[i].kind == AUTH_API_KEY;
}

void policy_providers_read(struct compile *c)
{
    const Postern__V1__Config *config = c->in->config;
    size_t n = config ? config->n_auth : 0;
    struct auth_provider *providers = policy_array(c, n, sizeof *providers);

    for (size_t i = 0; providers && i < n; i++) {
        struct reading r = {c, {.prefix = TEXT(c, "auth[%zu]", i)}, &providers[i]};
        providers[i].name = str_c(config->auth[i]->name);
        providers[i].index = (uint32_t)i;
        providers[i].forward = config->auth[i]->forward;
        if (!providers[i].name.n)
            WRONG(&r, "name", "is missing; options name the provider by it");
        for (size_t j = 0; j < i; j++)
            if (str_eq(providers[j].name, providers[i].name))
                WRONG(&r, "name", "\"%.*s\" is auth[%zu] already", STR_ARG(providers[i].name), j);
        read_kind(&r, config->auth[i]);
    }
    order_bearers(providers, providers ? n : 0);
    read_concealed(c, providers, providers ? n : 0);
    c->providers = providers;
    c->nproviders = providers ? (uint32_t)n : 0;
}
