#include "gateway/policy/auth_jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/unit/support/failmalloc.h"
#include "transcoder/error.h"

enum { NOW = 1000000 };

static const struct str audiences[] = {STR_INIT("me"), STR_INIT("us")};
static const struct str required[] = {STR_INIT("email"), STR_INIT("org.unit")};

static struct auth_jwt_rules rules(void)
{
    return (struct auth_jwt_rules){
        .provider = STR("p"),
        .issuer = STR("https://i"),
        .audiences = audiences,
        .naudiences = 2,
        .skew_s = 60,
        .id_claim = STR("sub"),
        .tenant_claim = STR("tenant"),
        .tier_claim = STR("https://example.com/tier"),
        .scopes_claim = STR("scope"),
        .roles_claim = STR("realm_access.roles"),
    };
}

static struct expr_value parsed(const char *json, struct arena *a)
{
    struct expr_value v;
    struct tc_error e = {0};
    if (!json_value_parse(str_c(json), a, &v, &e))
        fail_msg("%s: %s", json, e.text);
    return v;
}

struct row {
    const char *more; /* members beside iss, aud */
    const char *why;  /* part; NULL: it is good */
};

static void check(const struct auth_jwt_rules *r, const char *base, const struct row *row)
{
    struct arena a;
    arena_init(&a, 4096, 1 << 20);
    struct str text = arena_printf(&a, "{%s%s}", base, row->more);
    struct expr_value claims = parsed(text.p, &a);
    const char *why = auth_jwt_wrong(r, &claims, NOW);
    if (!row->why != !why || (why && !strstr(why, row->why)))
        fail_msg("%s: %s", text.p, why ? why : "is good");
    arena_release(&a);
}

#define CHECK(r, base, rows)                                   \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++) \
    check(r, base, &(rows)[i])

static void times_hold_within_the_skew_and_are_numbers(void **state)
{
    static const struct row rows[] = {
        {"\"exp\":1000300", NULL},
        {"\"exp\":999941", NULL}, /* 59 s ago */
        {"\"exp\":999940", "expired"},
        {"\"exp\":999941.9", NULL},
        {"\"exp\":1", "expired"},
        {"\"exp\":0", "expired"},
        {"\"exp\":-1", "no valid exp"},
        {"\"exp\":\"1000300\"", "no valid exp"},
        {"\"exp\":null", "no valid exp"},
        {"\"exp\":true", "no valid exp"},
        {"\"exp\":[1000300]", "no valid exp"},
        {"\"exp\":1e300", "no valid exp"},
        {"\"exp\":9223372036854775807", "no valid exp"},
        {"\"exp\":9223372036854775808", "no valid exp"},
        {"\"exp\":9007199254740992", "no valid exp"},
        {"\"exp\":9007199254740991", NULL},
        {"\"x\":1", "no valid exp"},
        {"\"exp\":1000300,\"nbf\":1000060", NULL},
        {"\"exp\":1000300,\"nbf\":1000061", "not valid yet"},
        {"\"exp\":1000300,\"nbf\":\"0\"", "nbf is no date"},
        {"\"exp\":1000300,\"nbf\":null", "nbf is no date"},
        {"\"exp\":1000300,\"iat\":1000060", NULL},
        {"\"exp\":1000300,\"iat\":1000061", "in the future"},
        {"\"exp\":1000300,\"iat\":{}", "iat is no date"},
        {"\"exp\":1000300,\"iat\":-5", "iat is no date"},
    };
    struct auth_jwt_rules r = rules();
    (void)state;
    CHECK(&r, "\"iss\":\"https://i\",\"aud\":\"me\",", rows);
}

static void issuer_and_audience_are_those_of_the_rules(void **state)
{
    static const struct row rows[] = {
        {",\"iss\":\"https://i\",\"aud\":\"us\"", NULL},
        {",\"iss\":\"https://i\",\"aud\":[\"x\",\"us\"]", NULL},
        {",\"iss\":\"https://i\",\"aud\":[\"x\",7]", "another audience"},
        {",\"iss\":\"https://i\",\"aud\":[]", "another audience"},
        {",\"iss\":\"https://i\",\"aud\":\"me us\"", "another audience"},
        {",\"iss\":\"https://i\",\"aud\":\"ME\"", "another audience"},
        {",\"iss\":\"https://i\",\"aud\":null", "another audience"},
        {",\"iss\":\"https://i\",\"aud\":{\"me\":1}", "another audience"},
        {",\"iss\":\"https://i\"", "another audience"},
        {",\"iss\":\"https://i/\",\"aud\":\"me\"", "another issuer"},
        {",\"iss\":\"HTTPS://i\",\"aud\":\"me\"", "another issuer"},
        {",\"iss\":[\"https://i\"],\"aud\":\"me\"", "another issuer"},
        {",\"iss\":\"\",\"aud\":\"me\"", "another issuer"},
        {",\"aud\":\"me\"", "another issuer"},
    };
    static const struct row anything[] = {{"", NULL}, {",\"iss\":7,\"aud\":7", NULL}};
    struct auth_jwt_rules r = rules();
    (void)state;
    CHECK(&r, "\"exp\":1000300", rows);
    r.issuer = STR_NONE;
    r.naudiences = 0;
    CHECK(&r, "\"exp\":1000300", anything);
}

static void required_claims_must_be_there(void **state)
{
    static const struct row rows[] = {
        {",\"email\":\"a@b\",\"org\":{\"unit\":0}", NULL},
        {",\"email\":\"a@b\",\"org.unit\":false", NULL},
        {",\"email\":\"a@b\"", "lacks a required"},
        {",\"email\":null,\"org\":{\"unit\":1}", "lacks a required"},
        {",\"email\":\"a@b\",\"org\":{\"unit\":null}", "lacks a required"},
        {",\"email\":\"a@b\",\"org\":[\"unit\"]", "lacks a required"},
        {",\"email\":\"a@b\",\"org\":\"unit\"", "lacks a required"},
    };
    struct auth_jwt_rules r = rules();
    (void)state;
    r.required = required;
    r.nrequired = 2;
    CHECK(&r, "\"iss\":\"https://i\",\"aud\":\"me\",\"exp\":1000300", rows);
}

static void a_required_name_must_name_somebody(void **state)
{
    static const struct str names[] = {STR_INIT("sub"), STR_INIT("user.mail")};
    static const struct row rows[] = {
        {",\"sub\":\"a\",\"user\":{\"mail\":\"a@b\"}", NULL},
        {",\"sub\":\"\",\"user\":{\"mail\":\"a@b\"}", "lacks a required"},
        {",\"sub\":5,\"user\":{\"mail\":\"a@b\"}", "lacks a required"},
        {",\"sub\":[\"a\"],\"user\":{\"mail\":\"a@b\"}", "lacks a required"},
        {",\"sub\":null,\"user\":{\"mail\":\"a@b\"}", "lacks a required"},
        {",\"sub\":\"a\",\"user\":{\"mail\":\"\"}", "lacks a required"},
        {",\"sub\":\"a\",\"user\":{\"mail\":true}", "lacks a required"},
    };
    struct auth_jwt_rules r = rules();
    (void)state;
    r.id_claim = names[1];
    r.required = names;
    r.nrequired = 2;
    CHECK(&r, "\"iss\":\"https://i\",\"aud\":\"me\",\"exp\":1000300", rows);
}

static void a_token_is_kept_as_long_as_it_is_good(void **state)
{
    struct auth_jwt_rules r = rules();
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    static const char *const texts[] = {"{\"exp\":1000000}", "{\"exp\":999950.7}",
                                        "{\"exp\":999941}"};
    for (size_t i = 0; i < 3; i++) {
        struct str text = arena_printf(&a, "{\"iss\":\"https://i\",\"aud\":\"me\",%s",
                                       texts[i] + 1);
        struct expr_value v = parsed(text.p, &a);
        int64_t until = auth_jwt_expires(&r, &v);
        assert_null(auth_jwt_wrong(&r, &v, until - 1));
        assert_non_null(auth_jwt_wrong(&r, &v, until));
    }
    struct expr_value none = parsed("{\"exp\":\"x\"}", &a);
    assert_int_equal(auth_jwt_expires(&r, &none), 0);
    arena_release(&a);
}

static void an_answer_of_introspection_is_held_to_what_it_says(void **state)
{
    static const struct row rows[] = {
        {"{\"aud\":\"me\"}", NULL},
        {"{\"aud\":\"me\",\"exp\":1000001}", NULL},
        {"{\"aud\":\"me\",\"exp\":1000000}", "expired"},
        {"{\"aud\":\"me\",\"exp\":\"never\"}", "expired"},
        {"{\"aud\":\"me\",\"nbf\":1000060}", NULL},
        {"{\"aud\":\"me\",\"nbf\":1000061}", "not valid yet"},
        {"{\"aud\":\"me\",\"nbf\":\"0\"}", "not valid yet"},
        {"{\"aud\":\"you\"}", "audience"},
        {"{}", "audience"},
    };
    struct auth_jwt_rules r = rules();
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expr_value v = parsed(rows[i].more, &a);
        const char *why = auth_jwt_answer_wrong(&r, &v, NOW);
        if (!rows[i].why != !why || (why && !strstr(why, rows[i].why)))
            fail_msg("%s: %s", rows[i].more, why ? why : "is good");
    }
    arena_release(&a);
}

/* ---- the principal ---- */

static void joined(const struct expr_array *list, char *out)
{
    *out = 0;
    for (uint32_t i = 0; i < list->n; i++)
        out += snprintf(out, 64, "%s%.*s", i ? "|" : "", STR_ARG(list->items[i].s));
}

static void scopes_and_roles_come_in_two_forms(void **state)
{
    static const struct {
        const char *claims, *scopes, *roles;
    } rows[] = {
        {"{\"scope\":\"a b\"}", "a|b", ""},
        {"{\"scope\":\"  a   b \"}", "a|b", ""},
        {"{\"scope\":\"\"}", "", ""},
        {"{\"scope\":[\"a\",\"b c\",7,null]}", "a|b c", ""},
        {"{\"scope\":7}", "", ""},
        {"{\"realm_access\":{\"roles\":[\"ops\"]}}", "", "ops"},
        {"{\"realm_access.roles\":\"x y\",\"realm_access\":{\"roles\":[\"ops\"]}}", "", "x|y"},
        {"{\"realm_access\":[\"roles\"]}", "", ""},
    };
    struct auth_jwt_rules r = rules();
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expr_value claims = parsed(rows[i].claims, &a);
        struct principal who;
        char scopes[64], roles[64];
        assert_true(auth_jwt_principal(&r, &claims, &a, &who));
        joined(&who.scopes, scopes);
        joined(&who.roles, roles);
        if (strcmp(scopes, rows[i].scopes) != 0 || strcmp(roles, rows[i].roles) != 0)
            fail_msg("%s: %s, %s", rows[i].claims, scopes, roles);
    }
    arena_release(&a);
}

static void a_principal_is_what_its_claims_say(void **state)
{
    struct auth_jwt_rules r = rules();
    struct arena a;
    struct principal who;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    struct expr_value claims = parsed(
        "{\"sub\":\"alice\",\"tenant\":7,\"https://example.com/tier\":\"gold\"}", &a);
    assert_true(auth_jwt_principal(&r, &claims, &a, &who));
    assert_true(str_eq(who.id, STR("alice")) && str_eq(who.subject, STR("alice")));
    assert_true(str_eq(who.tier, STR("gold")) && str_eq(who.provider, STR("p")));
    assert_null(who.tenant.p); /* no text: not known */
    assert_null(who.key.p);
    assert_int_equal(who.claims.kind, EXPR_MAP);
    arena_release(&a);
}

static bool make_once(void *arg)
{
    const struct expr_value *claims = arg;
    struct auth_jwt_rules r = rules();
    struct principal who;
    struct arena a;
    arena_init(&a, 64, 1 << 20);
    bool ok = auth_jwt_principal(&r, claims, &a, &who);
    arena_release(&a);
    return ok;
}

static void short_memory_makes_no_principal(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    struct expr_value claims = parsed(
        "{\"scope\":\"a b c d e f g h\",\"realm_access\":{\"roles\":[\"a\",\"b\",\"c\"]}}", &a);
    assert_true(failmalloc_each(make_once, &claims) > 0);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_hold_within_the_skew_and_are_numbers),
        cmocka_unit_test(issuer_and_audience_are_those_of_the_rules),
        cmocka_unit_test(required_claims_must_be_there),
        cmocka_unit_test(a_required_name_must_name_somebody),
        cmocka_unit_test(a_token_is_kept_as_long_as_it_is_good),
        cmocka_unit_test(an_answer_of_introspection_is_held_to_what_it_says),
        cmocka_unit_test(scopes_and_roles_come_in_two_forms),
        cmocka_unit_test(a_principal_is_what_its_claims_say),
        cmocka_unit_test(short_memory_makes_no_principal),
    };
    return cmocka_run_group_tests_name("auth_jwt", tests, NULL, NULL);
}
