#include "gateway/policy/policy_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/policies.h"

#define TEXT_OF(text) ((char *)(uintptr_t)(text))

static char *texts[] = {TEXT_OF("X-Key"), TEXT_OF("RS256"), TEXT_OF("HS256"), TEXT_OF("rs256")};

/* A provider of the kind whose message is `m`. */
static Postern__V1__AuthProvider of_keys(Postern__V1__ApiKeys *m)
{
    Postern__V1__AuthProvider p = POSTERN__V1__AUTH_PROVIDER__INIT;
    p.name = TEXT_OF("p");
    p.kind_case = POSTERN__V1__AUTH_PROVIDER__KIND_API_KEYS;
    p.api_keys = m;
    return p;
}

static Postern__V1__AuthProvider of_jwt(Postern__V1__Jwt *m)
{
    Postern__V1__AuthProvider p = POSTERN__V1__AUTH_PROVIDER__INIT;
    p.name = TEXT_OF("p");
    p.kind_case = POSTERN__V1__AUTH_PROVIDER__KIND_JWT;
    p.jwt = m;
    return p;
}

static Postern__V1__AuthProvider of_introspection(Postern__V1__Introspection *m)
{
    Postern__V1__AuthProvider p = POSTERN__V1__AUTH_PROVIDER__INIT;
    p.name = TEXT_OF("p");
    p.kind_case = POSTERN__V1__AUTH_PROVIDER__KIND_INTROSPECTION;
    p.introspection = m;
    return p;
}

static void compile(struct policies *r, Postern__V1__AuthProvider **list, size_t n)
{
    static Postern__V1__Config config;
    config = (Postern__V1__Config)POSTERN__V1__CONFIG__INIT;
    config.auth = list;
    config.n_auth = n;
    *r = policies_begin("policy_good.pb");
    r->in.default_upstream = "main";
    r->in.config = &config;
    policies_compile(r);
}

/* The one fault of the one provider; text NULL: it is good. */
static void check(Postern__V1__AuthProvider p, const char *place, const char *text)
{
    Postern__V1__AuthProvider *list[] = {&p};
    struct policies r;
    compile(&r, list, 1);
    if (!text) {
        for (const struct tc_fault *f = r.faults.first; f; f = f->next)
            print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
        assert_non_null(r.plan);
    } else {
        struct str whole = arena_printf(&r.set.arena, "%s: %s", place, text);
        const struct policy_fault faults[] = {{"postern.yaml", whole.p}};
        CHECK_FAULTS(&r, faults);
    }
    set_release(&r.set);
}

static Postern__V1__Jwt jwt(void)
{
    Postern__V1__Jwt m = POSTERN__V1__JWT__INIT;
    m.issuer = TEXT_OF("https://issuer");
    return m;
}

static void a_provider_has_a_name_of_its_own_and_a_kind(void **state)
{
    Postern__V1__ApiKeys m = POSTERN__V1__API_KEYS__INIT;
    Postern__V1__AuthProvider none = POSTERN__V1__AUTH_PROVIDER__INIT, first, second;
    struct policies r;
    (void)state;
    none.name = TEXT_OF("p");
    check(none, "auth[0]", "is of no kind");
    check(of_keys(&m), "auth[0].api_keys.file", "is missing");
    m.file = TEXT_OF("keys.json");
    check(of_keys(&m), "", NULL);
    first = second = of_keys(&m);
    Postern__V1__AuthProvider *list[] = {&first, &second};
    compile(&r, list, 2);
    const struct policy_fault twice[] = {
        {"postern.yaml", "auth[1].name: \"p\" is auth[0] already"}};
    CHECK_FAULTS(&r, twice);
    set_release(&r.set);
    first.name = TEXT_OF("");
    check(first, "auth[0].name", "is missing");
}

static void a_url_has_no_user_and_no_password(void **state)
{
    Postern__V1__Jwt m = jwt();
    Postern__V1__Introspection i = POSTERN__V1__INTROSPECTION__INIT;
    (void)state;
    m.jwks_url = TEXT_OF("http://u:sekret@host/jwks");
    check(of_jwt(&m), "auth[0].jwt.jwks_url",
          "has a user or a password before its '@'; secrets have no place in a URL");
    m.jwks_url = TEXT_OF("https://host/jwks?mail=a@b");
    check(of_jwt(&m), "", NULL);
    m.jwks_url = TEXT_OF("https://host?a@b");
    check(of_jwt(&m), "", NULL);
    m.issuer = TEXT_OF("https://u@issuer");
    check(of_jwt(&m), "auth[0].jwt.issuer", "has a user or a password");
    m.jwks_url = TEXT_OF("");
    check(of_jwt(&m), "auth[0].jwt.issuer", "has a user or a password");
    m.issuer = TEXT_OF("robot@project.test"); /* no URL */
    m.jwks_file = TEXT_OF("jwks.json");
    check(of_jwt(&m), "", NULL);
    i.url = TEXT_OF("https://u:sekret@host/introspect");
    check(of_introspection(&i), "auth[0].introspection.url", "has a user or a password");
}

static void defaults_of_keys_and_what_changes_them(void **state)
{
    Postern__V1__ApiKeys m = POSTERN__V1__API_KEYS__INIT;
    Postern__V1__AuthProvider p, *list[] = {&p};
    struct policies r;
    (void)state;
    m.file = TEXT_OF("keys.json");
    p = of_keys(&m);
    compile(&r, list, 1);
    const struct auth_places *places = &r.plan->providers[0].places;
    assert_true(places->bearer && places->nheaders == 1 && places->query.n == 0);
    assert_true(str_eq(places->headers[0], STR("x-api-key")));
    assert_int_equal(r.plan->nconcealed, 0);
    set_release(&r.set);
    m.n_headers = 1;
    m.headers = texts;
    m._bearer_case = POSTERN__V1__API_KEYS___BEARER_BEARER;
    m.bearer = false;
    m.query = TEXT_OF("key");
    compile(&r, list, 1);
    places = &r.plan->providers[0].places;
    assert_true(!places->bearer && str_eq(places->headers[0], STR("x-key")));
    assert_int_equal(r.plan->nconcealed, 1);
    assert_true(str_eq(r.plan->concealed[0], STR("key")));
    set_release(&r.set);
}

static void keys_of_tokens_come_from_one_place(void **state)
{
    Postern__V1__Jwt m = POSTERN__V1__JWT__INIT;
    (void)state;
    check(of_jwt(&m), "auth[0].jwt", "has no keys");
    m.issuer = TEXT_OF("issuer.test");
    check(of_jwt(&m), "auth[0].jwt.issuer", "\"issuer.test\" is no URL");
    m.jwks_file = TEXT_OF("keys.json"); /* then the issuer is a name, not a place */
    check(of_jwt(&m), "", NULL);
    m.jwks_url = TEXT_OF("https://issuer/keys");
    check(of_jwt(&m), "auth[0].jwt.jwks_file", "stands beside jwks_url");
    m.jwks_file = TEXT_OF("");
    m.jwks_url = TEXT_OF("ftp://issuer/keys");
    check(of_jwt(&m), "auth[0].jwt.jwks_url", "\"ftp://issuer/keys\" is no URL");
}

static void durations_are_checked(void **state)
{
    Postern__V1__Jwt m = jwt();
    (void)state;
    m.skew = TEXT_OF("600s");
    check(of_jwt(&m), "", NULL);
    m.skew = TEXT_OF("11m");
    check(of_jwt(&m), "auth[0].jwt.skew", "is above 10m");
    m.skew = TEXT_OF("60");
    check(of_jwt(&m), "auth[0].jwt.skew", "\"60\" is no duration");
    m = jwt();
    m.refresh = TEXT_OF("10ms");
    check(of_jwt(&m), "auth[0].jwt.refresh", "must be at least 1s");
    m = jwt();
    m.keep = TEXT_OF("a day");
    check(of_jwt(&m), "auth[0].jwt.keep", "\"a day\" is no duration");
}

static void secrets_and_public_keys_do_not_mix(void **state)
{
    Postern__V1__Jwt m = jwt();
    (void)state;
    m.algorithms = texts + 1;
    m.n_algorithms = 1;
    check(of_jwt(&m), "", NULL);
    m.n_algorithms = 2;
    check(of_jwt(&m), "auth[0].jwt.algorithms", "mixes public keys and shared secrets");
    m.algorithms = texts + 3;
    m.n_algorithms = 1;
    check(of_jwt(&m), "auth[0].jwt.algorithms[0]", "\"rs256\" is none of RS256");
}

static void rules_of_tokens_have_their_defaults(void **state)
{
    Postern__V1__Jwt m = jwt();
    Postern__V1__AuthProvider p = of_jwt(&m), *list[] = {&p};
    struct policies r;
    (void)state;
    compile(&r, list, 1);
    const struct auth_provider *out = &r.plan->providers[0];
    assert_int_equal(out->rules.algs, JOSE_ANY_PUBLIC);
    assert_false(out->rules.algs >> JOSE_HS256 & 1);
    assert_false(out->rules.algs & 1);
    assert_int_equal(out->rules.skew_s, 60);
    assert_int_equal(out->fetch.refresh_ms, 300000);
    assert_int_equal(out->fetch.keep_ms, 86400000);
    assert_true(str_eq(out->fetch.discovery, STR("https://issuer")));
    assert_true(out->places.bearer && out->places.nheaders == 0);
    assert_true(str_eq(out->rules.scopes_claim, STR("scope")));
    set_release(&r.set);
    m.header = TEXT_OF("X-Token");
    compile(&r, list, 1);
    out = &r.plan->providers[0];
    assert_true(!out->places.bearer && str_eq(out->places.headers[0], STR("x-token")));
    set_release(&r.set);
    m.header = TEXT_OF("Authorization");
    compile(&r, list, 1);
    assert_true(r.plan->providers[0].places.bearer);
    set_release(&r.set);
}

static void places_are_names_that_a_request_can_have(void **state)
{
    static const char *const wrong[] = {"a b", "x_key", "", "x:key", "caf\xc3\xa9"};
    static const char *const queries[] = {"a&b", "a=b", "a b", "a%26"};
    Postern__V1__ApiKeys m = POSTERN__V1__API_KEYS__INIT;
    Postern__V1__Jwt j = jwt();
    char *names[2] = {TEXT_OF("X-Key.2"), NULL};
    (void)state;
    m.file = TEXT_OF("keys.json");
    m.headers = names;
    m.n_headers = 2;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        names[1] = TEXT_OF(wrong[i]);
        check(of_keys(&m), "auth[0].api_keys.headers[1]", "\"");
        j.header = TEXT_OF(wrong[i]);
        if (wrong[i][0])
            check(of_jwt(&j), "auth[0].jwt.header", "\"");
    }
    m.n_headers = 1;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        m.query = TEXT_OF(queries[i]);
        check(of_keys(&m), "auth[0].api_keys.query", "\"");
    }
    m.query = TEXT_OF("api_key");
    check(of_keys(&m), "", NULL);
}

static Postern__V1__Introspection introspection(void)
{
    Postern__V1__Introspection m = POSTERN__V1__INTROSPECTION__INIT;
    m.url = TEXT_OF("https://issuer/introspect");
    return m;
}

static void introspection_is_bounded(void **state)
{
    Postern__V1__Introspection m = introspection();
    (void)state;
    check(of_introspection(&m), "", NULL);
    m.client_id = TEXT_OF("me");
    check(of_introspection(&m), "auth[0].introspection.client_secret_file", "is missing");
    m.client_secret_file = TEXT_OF("secret");
    check(of_introspection(&m), "", NULL);
    m.url = TEXT_OF("");
    check(of_introspection(&m), "auth[0].introspection.url", "\"\" is no URL");
    m = introspection();
    m.timeout = TEXT_OF("0s");
    check(of_introspection(&m), "auth[0].introspection.timeout", "must be longer than 0");
    m = introspection();
    m.concurrency = 1001;
    check(of_introspection(&m), "auth[0].introspection.concurrency", "is above 1000");
    m = introspection();
    m.cache = TEXT_OF("-1s");
    check(of_introspection(&m), "auth[0].introspection.cache", "\"-1s\" is no duration");
}

static void certificates_wait_for_tls(void **state)
{
    Postern__V1__ClientCertificate m = POSTERN__V1__CLIENT_CERTIFICATE__INIT;
    Postern__V1__AuthProvider p = POSTERN__V1__AUTH_PROVIDER__INIT;
    (void)state;
    p.name = TEXT_OF("p");
    p.kind_case = POSTERN__V1__AUTH_PROVIDER__KIND_CLIENT_CERTIFICATE;
    p.client_certificate = &m;
    check(p, "auth[0].client_certificate", "needs TLS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_has_a_name_of_its_own_and_a_kind),
        cmocka_unit_test(a_url_has_no_user_and_no_password),
        cmocka_unit_test(defaults_of_keys_and_what_changes_them),
        cmocka_unit_test(keys_of_tokens_come_from_one_place),
        cmocka_unit_test(durations_are_checked),
        cmocka_unit_test(secrets_and_public_keys_do_not_mix),
        cmocka_unit_test(rules_of_tokens_have_their_defaults),
        cmocka_unit_test(places_are_names_that_a_request_can_have),
        cmocka_unit_test(introspection_is_bounded),
        cmocka_unit_test(certificates_wait_for_tls),
    };
    return cmocka_run_group_tests_name("policy_provider", tests, NULL, NULL);
}
