#include "gateway/policy/policy_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/policies.h"

enum { YAML_MAX = 64 << 10 };

static void begin(struct policies *p, const char *yaml)
{
    *p = policies_begin("policy_good.pb");
    p->in.default_upstream = "main";
    policies_configure(p, yaml);
}

static void end(struct policies *p)
{
    plan_release(p->plan);
    set_release(&p->set);
}

/* What one method's policy says; fault NULL: it is good. */
static void check(const char *policy, const char *fault)
{
    static char yaml[YAML_MAX];
    struct policies p;
    snprintf(yaml, sizeof yaml, "overrides: [ { selector: good.Plain.Get, policy: { %s } } ]\n",
             policy);
    begin(&p, yaml);
    policies_compile(&p);
    if (fault) {
        const struct policy_fault faults[] = {{"postern.yaml", fault}};
        CHECK_FAULTS(&p, faults);
    } else {
        assert_non_null(p.plan);
    }
    end(&p);
}

#define AT "overrides[0].policy."

static void a_condition_has_a_name_of_its_own_and_is_one(void **state)
{
    (void)state;
    check("allow: [ { name: a, expr: \"true || caller.authenticated\" } ]", NULL);
    check("allow: [ { expr: caller.authenticated } ]", AT "allow[0].name: is missing");
    check("allow: [ { name: a } ]", AT "allow[0].expr: is missing");
    check("allow: [ { name: a, expr: caller.authenticated }, { name: a, expr: caller.authenticated "
          "} ]",
          AT "allow[1].name: \"a\" is the name of allow[0] too");
    check("allow: [ { name: a, expr: caller.id } ]", AT "allow[0].expr: ");
    check("allow: [ { name: a, expr: \"request.nmae == 'x'\" } ]", AT "allow[0].expr: ");
    check("allow: [ { name: a, expr: \"1 +\" } ]", AT "allow[0].expr: ");
    check("allow: [ { name: a, expr: \"response.name == 'x'\" } ]", AT "allow[0].expr: ");
}

static void metadata_carries_what_its_key_says(void **state)
{
    (void)state;
    check("metadata: [ { key: x-a, value: caller.id } ]", NULL);
    check("metadata: [ { key: x-a, value: \"optional.of('x')\" } ]", NULL);
    check("metadata: [ { key: x-a-bin, value: \"b'x'\" } ]", NULL);
    check("metadata: [ { key: x-a } ]", NULL);
    check("metadata: [ { key: x-a, value: \"1\" } ]",
          AT "metadata[0].value: is of type int; \"x-a\" carries a string");
    check("metadata: [ { key: x-a-bin, value: \"'x'\" } ]",
          AT "metadata[0].value: is of type string; \"x-a-bin\" carries bytes");
    check("metadata: [ { key: x-a, value: \"['x']\" } ]", AT "metadata[0].value: is of type list(");
    check("metadata: [ { key: x-a }, { key: x-a } ]",
          AT "metadata[1].key: \"x-a\" is set by metadata[0] already");
}

static void keys_of_grpc_and_http_are_no_rules_to_set(void **state)
{
    static const char *const wrong[] = {
        "grpc-timeout", "X-A", "x a", "", "te", "host", ":path", "content-length", "connection"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char policy[100], fault[100];
        snprintf(policy, sizeof policy, "metadata: [ { key: \"%s\" } ]", wrong[i]);
        snprintf(fault, sizeof fault, AT "metadata[0].key: \"%s\" is no metadata", wrong[i]);
        check(policy, fault);
    }
}

static void there_is_a_most_of_them(void **state)
{
    static char policy[YAML_MAX / 2];
    (void)state;
    for (int most = 256; most <= 257; most++) {
        size_t n = (size_t)snprintf(policy, sizeof policy, "metadata: [ ");
        for (int i = 0; i < most; i++)
            n += (size_t)snprintf(policy + n, sizeof policy - n, "{ key: x-%d }, ", i);
        snprintf(policy + n, sizeof policy - n, "]");
        check(policy, most > 256 ? AT "metadata: has more than 256 entries" : NULL);
    }
}

/* Farther levels first; one of the same name closer by takes its place. */
static void rules_add_up_over_the_levels(void **state)
{
    struct policies p;
    (void)state;
    begin(&p, "overrides:\n"
              "- { selector: \"*\", policy: { allow: [ { name: a, expr: caller.authenticated }, "
              "{ name: b, expr: \"caller.id == 'far'\" } ], metadata: [ { key: x-a, value: "
              "caller.id } ] } }\n"
              "- { selector: good.Plain.Get, policy: { allow: [ { name: b, expr: \"caller.id == "
              "'close'\", "
              "on_error: PASS }, { name: c, expr: \"'s' in caller.scopes\" } ], metadata: [ { key: "
              "x-a } ] } }\n");
    policies_compile_well(&p);
    const struct method_policy *get = policies_of(&p, "good.Plain.Get");
    assert_int_equal(get->nallow, 3);
    assert_true(str_eq(get->allow[0].name, STR("a")));
    assert_true(str_eq(get->allow[1].source, STR("caller.id == 'close'")));
    assert_true(get->allow[1].pass_on_error && !get->allow[2].pass_on_error);
    assert_true(str_eq(get->allow[2].name, STR("c")));
    assert_int_equal(get->nmetadata, 1);
    assert_null(get->metadata[0].value.program); /* only removed */
    const struct method_policy *watch = policies_of(&p, "good.Plain.Watch");
    assert_int_equal(watch->nallow, 2);
    assert_true(str_eq(watch->allow[1].source, STR("caller.id == 'far'")));
    assert_non_null(watch->metadata[0].value.program);
    end(&p);
}

static void when_a_condition_is_judged_is_what_it_reads(void **state)
{
    struct policies p;
    (void)state;
    begin(&p, "overrides: [ { selector: good.Plain.Get, policy: { allow: [ "
              "{ name: a, expr: \"'s' in caller.scopes && headers['x'] == 'y'\" }, "
              "{ name: b, expr: \"request == request\" } ] } } ]\n");
    policies_compile(&p);
    if (p.plan) {
        const struct method_policy *get = policies_of(&p, "good.Plain.Get");
        assert_int_equal(get->allow[0].when, PLAN_HEAD);
        assert_int_equal(get->allow[1].when, PLAN_MESSAGE);
    }
    assert_non_null(p.plan);
    end(&p);
}

static bool compile_once(void *arg)
{
    struct policies *p = arg;
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 1024, 64 << 20);
    tc_faults_init(&faults, &arena);
    struct plan *plan = policy_compile(&p->in, &arena, &faults);
    plan_release(plan);
    arena_release(&arena);
    return plan != NULL;
}

static void want_of_memory_makes_no_plan(void **state)
{
    struct policies p;
    (void)state;
    begin(&p, "overrides: [ { selector: good.Plain.Get, policy: { "
              "allow: [ { name: a, expr: caller.authenticated } ], "
              "metadata: [ { key: x-a, value: caller.id } ] } } ]\n");
    assert_true(failmalloc_each(compile_once, &p) > 0);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_has_a_name_of_its_own_and_is_one),
        cmocka_unit_test(metadata_carries_what_its_key_says),
        cmocka_unit_test(keys_of_grpc_and_http_are_no_rules_to_set),
        cmocka_unit_test(there_is_a_most_of_them),
        cmocka_unit_test(rules_add_up_over_the_levels),
        cmocka_unit_test(when_a_condition_is_judged_is_what_it_reads),
        cmocka_unit_test(want_of_memory_makes_no_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
