#include <arpa/inet.h>
#include <stdio.h>

#include "gateway/policy/auth_provider.h"
#include "gateway/server_internal.h"

/* --check: every fault, or what is served and what may still not be what was meant. */

enum { CHECK_FAULTS_MAX = 4 << 20 };

/* ---- warnings ---- */

struct check {
    const struct snapshot *snapshot;
    struct arena *arena;
};

/* `member` of the provider: "jwt.issuer". */
static void warn(const struct check *c, const struct auth_provider *p, const char *member,
                 const char *what)
{
    const struct config *config = c->snapshot->config;
    struct str path = arena_printf(c->arena, "auth[%u].%s", p->index, member);
    if (path.p)
        fprintf(stderr, "%.*s:%u: warning: %.*s: %s\n", /* breach: --check */
                STR_ARG(config->name), config_line(config->places, path.p), STR_ARG(path), what);
}

/* Without brackets and port. */
static struct str host_of(struct str url)
{
    struct str rest = str_skip(url, str_find(url, ':') + sizeof "://" - 1);
    size_t n = 0;
    if (rest.n && rest.p[0] == '[') {
        rest = str_skip(rest, 1);
        return str_of(rest.p, str_find(rest, ']'));
    }
    while (n < rest.n && !strchr(":/?#", rest.p[n]))
        n++;
    return str_of(rest.p, n);
}

static bool is_loopback(struct str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (str_eq_nocase(host, STR("localhost")) || str_ends(host, STR(".localhost")))
        return true;
    if (host.n >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", STR_ARG(host));
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_in_clear(struct str url)
{
    return str_starts(url, STR("http://")) && !is_loopback(host_of(url));
}

static void warn_of_clear(const struct check *c, const struct auth_provider *p)
{
    static const char keys[] = "is plain http: whoever sits between can put keys of their own into "
                               "the answer and sign with them; write https://...";
    if (is_in_clear(p->fetch.url))
        warn(c, p, "jwt.jwks_url", keys);
    if (is_in_clear(p->fetch.discovery))
        warn(c, p, "jwt.issuer", keys);
    if (is_in_clear(p->introspection.url))
        warn(c, p, "introspection.url",
             "is plain http: the client's secret and every token travel in clear, and whoever sits "
             "between can answer; write https://...");
}

static void warn_of_audiences(const struct check *c, const struct auth_provider *p)
{
    if (p->kind == AUTH_JWT && !p->rules.naudiences)
        warn(c, p, "jwt.audiences",
             "is empty: a token that the issuer has made for any other service lets in here too; "
             "name this one as its tokens do in \"aud\"");
}

/* What is right, and may still not be what was meant. */
static void print_warnings(const struct check *c)
{
    for (uint32_t i = 0; i < c->snapshot->plan->nproviders; i++) {
        warn_of_audiences(c, &c->snapshot->plan->providers[i]);
        warn_of_clear(c, &c->snapshot->plan->providers[i]);
    }
}

/* ---- what is served ---- */

static bool is_open(const struct method_policy *p)
{
    return !p->auth || p->auth->anonymous;
}

/* Whether any method asks who calls: then those that do not are worth a word each. */
static bool has_auth(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->npolicies; i++)
        if (plan->policies[i].auth)
            return true;
    return false;
}

static void print_routes(const struct plan *plan)
{
    bool auth = has_auth(plan);
    for (uint32_t i = 0; i < plan->nroutes; i++) {
        const struct route *r = &plan->routes[i];
        printf("%-7.*s %-50.*s %.*s%s\n", STR_ARG(r->verb), STR_ARG(r->pattern), /* breach: --check
                                                                                  */
               STR_ARG(r->policy->method->full_name), auth && is_open(r->policy) ? "  (open)" : "");
    }
    if (!auth)
        puts("note: no auth is declared: every RPC is open"); /* breach: --check */
}

int server_check(const struct options *o)
{
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 4096, CHECK_FAULTS_MAX);
    tc_faults_init(&faults, &arena);
    struct snapshot *s = load_snapshot(o, 1, &faults);
    for (const struct tc_fault *f = s ? NULL : faults.first; f; f = f->next)
        fprintf(stderr, "%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text)); /* breach: --check */
    if (s) {
        print_warnings(&(struct check){s, &arena});
        print_routes(s->plan);
    }
    arena_release(&arena);
    snapshot_release(s);
    return s ? 0 : 1;
}
