#include "gateway/policy/attributes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gateway/core/json_value.h"
#include "gateway/core/principal.h"
#include "tests/unit/support/bench_setup.h"
#include "tests/unit/support/failmalloc.h"

/* Each attribute as a condition, named by what it says; none is judged before the message is there,
 * so that a test can say who calls. */
static const char *const expressions[] = {
    "caller.authenticated",
    "caller.id == 'me' && caller.key == 'k1'",
    "caller.tenant == 'acme' && caller.tier == 'gold'",
    "caller.subject == 'sub' && caller.provider == 'corp'",
    "'infer' in caller.scopes && size(caller.scopes) == 2 && !('x' in caller.scopes)",
    "caller.roles == ['ops'] && caller.limits.calls == 5 && !('x' in caller.limits)",
    "claims.level == 3 && claims.ratio == 2.0 && claims.admin && claims.name == 'n'",
    "claims.models == ['a', 'b'] && claims.any.deep == 1",
    "headers['X-Two'] == 'a, b' && 'x-two' in headers && !('x-none' in headers)",
    "metadata['x-meta'] == 'm' && !('connection' in metadata)",
    "string(source.ip) == '127.0.0.1'",
    "now > timestamp('2020-01-01T00:00:00Z')",
    "route.method == 'POST' && route.path == '/unary' && route.pattern == '/unary'",
    "route.rpc == 'calls.Calls.Unary'",
    "request.name == 'body' && request.count == 7",
    "tables.models['ops'] == ['tiny', 'large'] && !('x' in tables.models)",
};
enum { EXPRESSIONS = sizeof expressions / sizeof *expressions };

static int set_up(void **state)
{
    static struct bench b;
    static char yaml[8192];
    size_t n = (size_t)snprintf(
        yaml, sizeof yaml,
        "tables: [ { name: models, rows: [ { key: ops, values: [tiny, large] } ] } ]\n"
        "overrides:\n- selector: calls.Calls.Unary\n  policy:\n    claims:\n"
        "    - { name: level, type: INT }\n    - { name: ratio, type: DOUBLE }\n"
        "    - { name: admin, type: BOOL }\n    - { name: name, type: STRING }\n"
        "    - { name: models, type: LIST_STRING }\n    - { name: any, type: ANY }\n"
        "    allow:\n");
    for (int i = 0; i < EXPRESSIONS; i++)
        n += (size_t)snprintf(yaml + n, sizeof yaml - n,
                              "    - { name: e%d, expr: \"(%s) || request.flag\" }\n", i,
                              expressions[i]);
    bench_init_with(&b, yaml);
    *state = &b;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)

static const char headers[] = "content-type: application/json\nx-two: a\nx-two: b\nx-meta: m\n"
                              "connection: keep-alive";

struct known {
    struct principal who;
    struct expr_value scopes[2], roles[1];
    struct arena arena;
};

static void know(struct known *k, const char *claims)
{
    struct tc_error error = {0};
    struct expr_value limits;
    *k = (struct known){
        .who = {.provider = STR("corp"),
                .id = STR("me"),
                .key = STR("k1"),
                .tenant = STR("acme"),
                .tier = STR("gold"),
                .subject = STR("sub")},
        .scopes = {expr_string(STR("read")), expr_string(STR("infer"))},
        .roles = {expr_string(STR("ops"))},
    };
    arena_init(&k->arena, 1024, 1 << 20);
    expr_array_init(&k->who.scopes, k->scopes, 2);
    expr_array_init(&k->who.roles, k->roles, 1);
    assert_true(json_value_parse(str_c(claims), &k->arena, &k->who.claims, &error));
    assert_true(json_value_parse(STR("{\"calls\":5}"), &k->arena, &limits, &error));
    k->who.limits = limits.map;
}

#define CLAIMS                                                                                   \
    "{\"level\":3.0,\"ratio\":2,\"admin\":true,\"name\":\"n\",\"models\":[\"a\",\"b\"],\"any\":" \
    "{\"deep\":1}}"

/* Which of them refuses the call; -1: none. */
static int refusal(struct bench *b, const struct principal *who, const char *body)
{
    struct fake_front f;
    int index = -1;
    assert_true(front_open(&f, &b->host, "POST", "/unary", headers));
    f.x->principal = who;
    front_body(&f, str_c(body));
    front_end(&f);
    uint64_t number = 0;
    if (f.x->rule.p && str_to_u64(str_skip(f.x->rule, 1), EXPRESSIONS, &number))
        index = (int)number;
    front_close(&f, false);
    fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    fake_channel_init(&b->channels[bench_cluster(b, "main")]);
    return index;
}

#define BODY "{\"name\":\"body\",\"count\":7}"

static void each_attribute_is_what_it_says(void **state)
{
    struct known k;
    know(&k, CLAIMS);
    int index = refusal(*state, &k.who, BODY);
    if (index >= 0)
        fail_msg("%s", expressions[index]);
    arena_release(&k.arena);
}

static void what_nobody_has_said_is_absent(void **state)
{
    struct bench *b = *state;
    struct known k;
    assert_int_equal(refusal(b, NULL, BODY), 0);
    know(&k, CLAIMS);
    k.who.key = STR_NONE;
    assert_int_equal(refusal(b, &k.who, BODY), 1);
    assert_int_equal(b->event.rule_errors, 1);
    k.who.key = STR("k1");
    k.who.scopes = k.who.roles = (struct expr_array){0};
    assert_int_equal(refusal(b, &k.who, BODY), 4);
    arena_release(&k.arena);
}

/* A token may say anything. */
static void a_claim_of_another_type_is_an_error(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"level\":\"3\",\"ratio\":2,\"admin\":true,\"name\":\"n\"}",
        "{\"level\":3.5,\"ratio\":2,\"admin\":true,\"name\":\"n\"}",
        "{\"level\":3,\"ratio\":\"2\",\"admin\":true,\"name\":\"n\"}",
        "{\"level\":3,\"ratio\":2,\"admin\":1,\"name\":\"n\"}",
        "{\"level\":3,\"ratio\":2,\"admin\":true,\"name\":null}",
        "{\"level\":1e300,\"ratio\":2,\"admin\":true,\"name\":\"n\"}",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct known k;
        know(&k, wrong[i]);
        assert_int_equal(refusal(b, &k.who, BODY), 6);
        assert_true(b->event.rule_errors > 0);
        arena_release(&k.arena);
    }
    struct known k;
    know(&k,
         "{\"level\":3,\"ratio\":2,\"admin\":true,\"name\":\"n\",\"models\":[\"a\",1],\"any\":1}");
    assert_int_equal(refusal(b, &k.who, BODY), 7);
    arena_release(&k.arena);
}

static void the_names_of_slots_are_told(void **state)
{
    struct bench *b = *state;
    const struct plan *plan = b->snapshot.plan;
    for (uint32_t i = 0; i < plan->npolicies; i++) {
        const struct plan_attributes *p = plan->policies[i].attributes;
        if (!p)
            continue;
        assert_str(attributes_name(p, ATTRIBUTE_CALLER_TIER, &b->arena), "caller.tier");
        assert_str(attributes_name(p, ATTRIBUTES, &b->arena), "claims.level");
        assert_str(attributes_name(p, ATTRIBUTES + p->nclaims, &b->arena), "tables");
    }
}

/* What could not be evaluated does not hold. */
static void want_of_memory_refuses(void **state)
{
    struct bench *b = *state;
    struct known k;
    bool failed = true;
    know(&k, CLAIMS);
    for (size_t i = 0; failed; i++) {
        struct fake_front f;
        uint32_t calls = b->channels[bench_cluster(b, "main")].ncalls;
        assert_true(front_open(&f, &b->host, "POST", "/unary", headers));
        f.x->principal = &k.who;
        front_body(&f, STR("{\"name\":\"other\",\"count\":7}"));
        f.x->arena.next = f.x->arena.end;
        failmalloc_start(i);
        front_end(&f);
        failed = failmalloc_stop();
        assert_true(f.x->answer.complete && f.x->answer.status >= 400);
        assert_int_equal(b->channels[bench_cluster(b, "main")].ncalls, calls);
        front_close(&f, true);
    }
    arena_release(&k.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_attribute_is_what_it_says),
        TEST(what_nobody_has_said_is_absent),
        TEST(a_claim_of_another_type_is_an_error),
        TEST(the_names_of_slots_are_told),
        TEST(want_of_memory_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
