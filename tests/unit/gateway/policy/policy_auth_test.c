#include "gateway/policy/policy_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/policies.h"

#define TEXT_OF(text) ((char *)(uintptr_t)(text))

/* Two providers, "keys" of API keys and "corp" of tokens, and one override for everything. */
struct fixture {
    struct policies r;
    Postern__V1__Config config;
    Postern__V1__ApiKeys keys;
    Postern__V1__Jwt jwt;
    Postern__V1__AuthProvider providers[2], *list[2];
    Postern__V1__Override o, *overrides[1];
    Postern__V1__Policy policy;
    Postern__V1__Auth auth;
};

static struct fixture f;

static void open_fixture(void)
{
    f.config = (Postern__V1__Config)POSTERN__V1__CONFIG__INIT;
    f.keys = (Postern__V1__ApiKeys)POSTERN__V1__API_KEYS__INIT;
    f.keys.file = TEXT_OF("keys.json");
    f.jwt = (Postern__V1__Jwt)POSTERN__V1__JWT__INIT;
    f.jwt.jwks_file = TEXT_OF("jwks.json");
    f.providers[0] = f.providers[1] = (Postern__V1__AuthProvider)POSTERN__V1__AUTH_PROVIDER__INIT;
    f.providers[0].name = TEXT_OF("keys");
    f.providers[0].kind_case = POSTERN__V1__AUTH_PROVIDER__KIND_API_KEYS;
    f.providers[0].api_keys = &f.keys;
    f.providers[1].name = TEXT_OF("corp");
    f.providers[1].kind_case = POSTERN__V1__AUTH_PROVIDER__KIND_JWT;
    f.providers[1].jwt = &f.jwt;
    f.list[0] = &f.providers[0];
    f.list[1] = &f.providers[1];
    f.config.auth = f.list;
    f.config.n_auth = 2;
    f.o = (Postern__V1__Override)POSTERN__V1__OVERRIDE__INIT;
    f.policy = (Postern__V1__Policy)POSTERN__V1__POLICY__INIT;
    f.auth = (Postern__V1__Auth)POSTERN__V1__AUTH__INIT;
    f.o.selector = TEXT_OF("*");
    f.o.policy = &f.policy;
    f.policy.auth = &f.auth;
    f.overrides[0] = &f.o;
    f.config.overrides = f.overrides;
    f.config.n_overrides = 1;
    f.r = policies_begin("policy_good.pb");
    f.r.in.default_upstream = "main";
    f.r.in.config = &f.config;
}

static Postern__V1__Requirement requirement(const char *api_key)
{
    Postern__V1__Requirement m = POSTERN__V1__REQUIREMENT__INIT;
    if (api_key) {
        m.provider_case = POSTERN__V1__REQUIREMENT__PROVIDER_API_KEY;
        m.api_key = TEXT_OF(api_key);
    }
    return m;
}

/* One entry of any_of; text NULL: it is good. */
static void check(Postern__V1__Requirement *m, const char *text)
{
    Postern__V1__Requirement *list[] = {m};
    open_fixture();
    f.auth.any_of = list;
    f.auth.n_any_of = 1;
    policies_compile(&f.r);
    if (text) {
        const struct policy_fault faults[] = {{"postern.yaml", text}};
        CHECK_FAULTS(&f.r, faults);
    } else {
        assert_non_null(f.r.plan);
    }
    set_release(&f.r.set);
}

#define AT "overrides[0].policy.auth"

static void a_requirement_names_one_provider_of_its_kind(void **state)
{
    Postern__V1__Requirement m = requirement("keys");
    (void)state;
    check(&m, NULL);
    m = requirement("kyes");
    check(&m, AT ".any_of[0]: \"kyes\" is no provider of the configuration's `auth`; did you mean "
                 "\"keys\"?");
    m = requirement("corp");
    check(&m, AT ".any_of[0]: \"corp\" is a provider of JWT, not of API keys");
    m = requirement("");
    check(&m, AT ".any_of[0]: \"\" is no provider");
    m = requirement(NULL);
    check(&m, AT ".any_of[0]: needs exactly one of");
}

static void all_of_is_one_level_and_of_a_few(void **state)
{
    Postern__V1__Requirement key = requirement("keys"), token = requirement(NULL);
    Postern__V1__Requirement *two[] = {&key, &token}, m = requirement(NULL);
    (void)state;
    token.provider_case = POSTERN__V1__REQUIREMENT__PROVIDER_JWT;
    token.jwt = TEXT_OF("corp");
    m.all_of = two;
    m.n_all_of = 2;
    check(&m, NULL);
    m.provider_case = POSTERN__V1__REQUIREMENT__PROVIDER_API_KEY;
    m.api_key = TEXT_OF("keys");
    check(&m, AT ".any_of[0]: needs exactly one of");
    m.provider_case = POSTERN__V1__REQUIREMENT__PROVIDER__NOT_SET;
    Postern__V1__Requirement outer = requirement(NULL), *inner[] = {&m};
    outer.all_of = inner;
    outer.n_all_of = 1;
    check(&outer, AT ".any_of[0].all_of[0]: stands inside another all_of");
    Postern__V1__Requirement *many[PLAN_ALL_OF_MAX + 1];
    for (int i = 0; i <= PLAN_ALL_OF_MAX; i++)
        many[i] = &key;
    m.all_of = many;
    m.n_all_of = PLAN_ALL_OF_MAX;
    check(&m, NULL);
    m.n_all_of = PLAN_ALL_OF_MAX + 1;
    check(&m, AT ".any_of[0]: asks for more than 8 credentials at once");
}

/* They stand in quotes in WWW-Authenticate. */
static void scopes_are_those_of_oauth(void **state)
{
    static const char *const good[] = {"infer", "https://x/y?z", "a:b.c-d_e", "!#[]~"};
    static const char *const bad[] = {"", "a b", "a\"", "a\\", "a\r\nx: y", "\xc3\xa9", "\x7f"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        Postern__V1__Requirement m = requirement("keys");
        char *scopes[] = {TEXT_OF(good[i])};
        m.scopes = scopes;
        m.n_scopes = 1;
        check(&m, NULL);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Postern__V1__Requirement m = requirement("keys");
        char *scopes[] = {TEXT_OF("fine"), TEXT_OF(bad[i])};
        m.scopes = scopes;
        m.n_scopes = 2;
        check(&m, AT ".any_of[0].scopes[1]: \"");
    }
}

static void an_auth_lets_somebody_in(void **state)
{
    Postern__V1__Requirement m = requirement("keys"), *many[17];
    (void)state;
    open_fixture();
    policies_compile(&f.r);
    const struct policy_fault nobody[] = {{"postern.yaml", AT ": lets nobody in"}};
    CHECK_FAULTS(&f.r, nobody);
    set_release(&f.r.set);
    open_fixture();
    f.auth.anonymous = true;
    policies_compile_well(&f.r);
    const struct method_policy *p = policies_of(&f.r, "good.Plain.Get");
    assert_true(p->auth->anonymous && p->auth->nany_of == 0);
    set_release(&f.r.set);
    open_fixture();
    for (int i = 0; i < 17; i++)
        many[i] = &m;
    f.auth.any_of = many;
    f.auth.n_any_of = 17;
    policies_compile(&f.r);
    const struct policy_fault too_many[] = {{"postern.yaml", AT ".any_of: has more than 16"}};
    CHECK_FAULTS(&f.r, too_many);
    set_release(&f.r.set);
}

/* Once one method of a file says who may call it, none may be left open by omission. */
static void nothing_is_open_by_omission(void **state)
{
    Postern__V1__Requirement m = requirement("keys"), *list[] = {&m};
    (void)state;
    open_fixture();
    f.o.selector = TEXT_OF("good.Plain.Get");
    f.auth.any_of = list;
    f.auth.n_any_of = 1;
    policies_compile(&f.r);
    assert_null(f.r.plan);
    uint32_t open = 0;
    for (const struct tc_fault *fault = f.r.faults.first; fault; fault = fault->next, open++) {
        assert_non_null(strstr(fault->text.p, "has no `auth`, though good.Plain.Get of the same"));
        assert_non_null(strstr(fault->text.p, "anonymous: true"));
        assert_null(strstr(fault->text.p, "good.Plain.Get has no"));
    }
    assert_true(open > 2);
    set_release(&f.r.set);
}

static void names_of_providers_may_be_open_when_code_is_generated(void **state)
{
    Postern__V1__Requirement m = requirement("anything"), *list[] = {&m};
    (void)state;
    open_fixture();
    f.r.in.names_open = true;
    f.auth.any_of = list;
    f.auth.n_any_of = 1;
    policies_compile_well(&f.r);
    set_release(&f.r.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_requirement_names_one_provider_of_its_kind),
        cmocka_unit_test(all_of_is_one_level_and_of_a_few),
        cmocka_unit_test(scopes_are_those_of_oauth),
        cmocka_unit_test(an_auth_lets_somebody_in),
        cmocka_unit_test(nothing_is_open_by_omission),
        cmocka_unit_test(names_of_providers_may_be_open_when_code_is_generated),
    };
    return cmocka_run_group_tests_name("policy_auth", tests, NULL, NULL);
}
