#include "gateway/policy/policy_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/policies.h"

/* ---- what is right ---- */

/* "name{first-last}" per variable, "+" behind an open end, "/" when more than one segment. */
static struct str show_variables(const struct route *r, struct arena *a)
{
    struct str s = STR("");

    for (uint16_t i = 0; i < r->nvariables; i++) {
        const struct route_variable *v = &r->variables[i];
        for (uint16_t j = 0; j < v->path.n; j++)
            s = arena_printf(a, "%.*s%s%.*s", STR_ARG(s), j ? "." : " ",
                             STR_ARG(v->path.fields[j]->name));
        s = arena_printf(a, "%.*s{%u-%u", STR_ARG(s), v->first, v->last);
        if (v->open_end)
            s = arena_printf(a, "%.*s+", STR_ARG(s));
        s = arena_printf(a, "%.*s%s}", STR_ARG(s), v->multi ? "/" : "");
    }
    return s;
}

static struct str show_route(const struct route *r, struct arena *a)
{
    return arena_printf(a, "%.*s %.*s:%.*s body=%.*s answer=%.*s", STR_ARG(r->verb),
                        STR_ARG(r->policy->method->name), STR_ARG(show_variables(r, a)),
                        STR_ARG(r->whole_body ? STR("*")
                                : r->body     ? r->body->name
                                              : STR("")),
                        STR_ARG(r->response_body ? r->response_body->name : STR("")));
}

static const char *const routes[] = {
    "POST Get: body=* answer=",
    "POST Watch: body=* answer=",
    "GET Verbs: body= answer=",
    "PUT Verbs: body=* answer=",
    "POST Verbs: body=part answer=",
    "DELETE Verbs: body=* answer=",
    "PATCH Verbs: body=tags answer=parts",
    "PURGE Verbs: body= answer=",
    "* Verbs: body=labels answer=",
    "GET Variables: name{1-2} part.part.name{2-4/} count{4-5} kind{5-6} flag{6-7} ratio{7-8} "
    "at{8-9} wait{9-10} "
    "mask{10-11} wrapped{11-12} raw{12-13} left{14-15+/} body= answer=",
    "POST Body: file.content_type{2-3} body=file answer=file",
    "POST Upload: body=* answer=",
    "POST Routed: body=* answer=",
};

static void http_rules_become_routes(void **state)
{
    struct policies r = policies_begin("policy_good.pb");

    (void)state;
    policies_compile_well(&r);
    for (uint32_t i = 0; i < r.plan->nroutes && i < sizeof routes / sizeof *routes; i++) {
        struct str s = show_route(&r.plan->routes[i], &r.set.arena);
        if (!str_eq(s, str_c(routes[i])))
            fail_msg("%.*s\n  is not %s", STR_ARG(s), routes[i]);
    }
    assert_int_equal(r.plan->nroutes, sizeof routes / sizeof *routes);
    assert_true(str_eq(r.plan->routes[0].pattern, STR("/good.Plain/Get")));
    assert_true(str_eq(r.plan->routes[2].place, STR("policy_good.proto:70")));
    assert_non_null(router_build(r.plan->routes, r.plan->nroutes, &r.set.arena, &r.faults));
    set_release(&r.set);
}

static void each_option_comes_from_the_closest_level(void **state)
{
    struct policies r = policies_begin("policy_good.pb");

    (void)state;
    policies_compile_well(&r);
    const struct method_policy *get = policies_of(&r, "good.Plain.Get");
    assert_int_equal(get->timeout_ms, 10000);
    assert_true(get->proto_names && get->emit_defaults && !get->int64_as_numbers);
    assert_int_equal(get->max_request, 1 << 20);
    assert_int_equal(get->nbranches, 1);
    assert_true(str_eq(get->branches[0].header, STR("x-canary")));
    assert_null(get->branches[0].equals.p);
    assert_int_equal(get->branches[0].cluster, 1);
    assert_int_equal(get->cluster, 0);

    const struct method_policy *verbs = policies_of(&r, "good.Rules.Verbs");
    assert_int_equal(verbs->timeout_ms, 300000);
    assert_true(!verbs->proto_names && verbs->emit_defaults && verbs->int64_as_numbers);
    assert_true(!verbs->short_enums && !verbs->enums_in_any_case && !verbs->ignore_unknown_enums);
    assert_int_equal(method_policy_enum_names(verbs) + verbs->indent, 0);

    const struct method_policy *upload = policies_of(&r, "good.Rules.Upload");
    assert_int_equal(upload->timeout_ms, 250);
    assert_true(upload->idempotent && !verbs->idempotent);
    assert_int_equal(upload->max_request, 1000);
    assert_int_equal(upload->max_response, 1 << 21);
    assert_int_equal(upload->keepalive_ms, 0);
    assert_int_equal(verbs->keepalive_ms, POLICY_KEEPALIVE_DEFAULT_MS);
    for (uint32_t i = 0; i < r.plan->npolicies; i++)
        assert_int_equal(r.plan->policies[i].index, i);
    set_release(&r.set);
}

static void a_level_with_routes_replaces_those_of_farther_ones(void **state)
{
    struct policies r = policies_begin("policy_good.pb");

    (void)state;
    policies_compile_well(&r);
    const struct method_policy *p = policies_of(&r, "good.Rules.Routed");
    assert_int_equal(p->nbranches, 9);
    assert_true(str_eq(p->branches[0].field.fields[0]->name, STR("kind")));
    assert_true(str_eq(p->branches[0].equals, STR("READY")));
    assert_int_equal(p->branches[1].field.n, 2);
    assert_true(p->branches[1].equals.p && p->branches[1].equals.n == 0);
    assert_true(str_eq(p->branches[6].header, STR("x-a")));
    assert_false(p->emit_defaults);
    assert_true(p->int64_as_numbers);
    assert_true(p->short_enums && p->enums_in_any_case && p->ignore_unknown_enums);
    assert_int_equal(method_policy_enum_names(p), TC_ENUM_SHORT | TC_ENUM_ANY_CASE);
    assert_int_equal(p->indent, 8);
    assert_int_equal(p->max_response, 2000);
    set_release(&r.set);
}

static void an_endpoint_named_directly_becomes_a_cluster_of_its_own_once(void **state)
{
    struct policies r = policies_begin("policy_good.pb");

    (void)state;
    r.in.default_upstream = "127.0.0.1:9001";
    policies_compile_well(&r);
    const struct method_policy *p = policies_of(&r, "good.Rules.Routed");
    assert_int_equal(r.plan->nclusters, 5);
    const struct cluster_config *c = &r.plan->clusters[p->cluster];
    assert_true(str_eq(c->name, STR("127.0.0.1:9001")));
    assert_int_equal(c->nendpoints, 1);
    assert_true(str_eq(c->endpoints[0], STR("127.0.0.1:9001")) && c->endpoints[0].p[14] == '\0');
    assert_int_equal(c->connect_timeout_ms, 5000);
    assert_int_equal(c->keepalive_interval_ms, 310000);
    assert_int_equal(c->keepalive_timeout_ms, 10000);
    assert_int_equal(c->max_connections, 10);
    assert_int_equal(c->max_pending, 4096);
    assert_true(str_eq(r.plan->clusters[p->branches[1].cluster].name, STR("unix:/run/x.sock")));
    assert_true(str_eq(r.plan->clusters[p->branches[7].cluster].name, STR("[::1]:9001")));
    set_release(&r.set);
}

static void without_options_unary_calls_have_60_seconds_and_streams_no_limit(void **state)
{
    struct policies r = policies_begin("demo/v1/text_generation.pb");

    (void)state;
    r.in.default_upstream = "main";
    policies_compile_well(&r);
    assert_int_equal(policies_of(&r, "demo.v1.TextGeneration.Generate")->timeout_ms, 60000);
    assert_int_equal(policies_of(&r, "demo.v1.TextGeneration.StreamGenerate")->timeout_ms, 0);
    assert_int_equal(policies_of(&r, "demo.v1.TextGeneration.Summarize")->timeout_ms, 0);
    assert_int_equal(policies_of(&r, "demo.v1.TextGeneration.Chat")->cluster, 0);
    set_release(&r.set);
}

/* ---- the configuration ---- */

static Postern__V1__Config no_config(void)
{
    Postern__V1__Config c = POSTERN__V1__CONFIG__INIT;
    return c;
}

static Postern__V1__Policy no_policy(void)
{
    Postern__V1__Policy p = POSTERN__V1__POLICY__INIT;
    return p;
}

/* Lines of a file that was never written: the position of the path in this list. */
static uint32_t line_of(const void *places, const char *path)
{
    const char *const *list = places;

    for (uint32_t i = 0; list[i]; i++)
        if (str_eq(str_c(list[i]), str_c(path)))
            return i + 1;
    return 0;
}

struct override {
    Postern__V1__Override o;
    Postern__V1__Policy p;
};

static void override_with_timeout(struct override *o, const char *selector, const char *timeout)
{
    Postern__V1__Override none = POSTERN__V1__OVERRIDE__INIT;

    o->p = no_policy();
    o->p._timeout_case = POSTERN__V1__POLICY___TIMEOUT_TIMEOUT;
    o->p.timeout = (char *)(uintptr_t)timeout;
    o->o = none;
    o->o.selector = (char *)(uintptr_t)selector;
    o->o.policy = &o->p;
}

static void overrides_come_last_and_later_ones_win(void **state)
{
    struct policies r = policies_begin("policy_good.pb");
    struct override o[4];
    Postern__V1__Override *list[] = {&o[0].o, &o[1].o, &o[2].o, &o[3].o};
    Postern__V1__Config config = no_config();

    (void)state;
    override_with_timeout(&o[0], "*", "1s");
    override_with_timeout(&o[1], "good.Rules.*", "2s");
    override_with_timeout(&o[2], "good.Rules.Upload", "3s");
    override_with_timeout(&o[3], "good.Plain.Watch", "0s");
    config.n_overrides = 4;
    config.overrides = list;
    r.in.config = &config;
    policies_compile_well(&r);
    assert_int_equal(policies_of(&r, "good.Plain.Get")->timeout_ms, 1000);
    assert_int_equal(policies_of(&r, "good.Plain.Watch")->timeout_ms, 0);
    assert_int_equal(policies_of(&r, "good.Rules.Verbs")->timeout_ms, 2000);
    assert_int_equal(policies_of(&r, "good.Rules.Upload")->timeout_ms, 3000);
    set_release(&r.set);
}

static void faults_of_overrides_have_line_and_path_in_the_configuration(void **state)
{
    static const char *const places[] = {"overrides[0].policy.timeout", "overrides[1].selector",
                                         "overrides[2]", "upstream", NULL};
    static const struct policy_fault faults[] = {
        {"postern.yaml:4", "upstream: \"nobody\" is neither a cluster"},
        {"postern.yaml:1", "overrides[0].policy.timeout: \"fast\" is no duration"},
        {"postern.yaml:3", "overrides[2].policy.route[0].to: is missing"},
        {"postern.yaml:3",
         "overrides[2].policy.route[0].field: good.Request has no field \"nmae\"; did you mean "
         "\"name\"? (rpc good.Plain.Get)"},
        {"postern.yaml:2",
         "overrides[1].selector: \"good.Rulez.*\" matches no rpc; write pkg.Service.Method, "
         "pkg.Service.*, pkg.* or *; did you mean \"good.Rules.*\"?"},
        {"postern.yaml", "overrides[3].policy: is missing"},
    };
    struct policies r = policies_begin("policy_good.pb");
    struct override o[4];
    Postern__V1__Override *list[] = {&o[0].o, &o[1].o, &o[2].o, &o[3].o};
    Postern__V1__Route route = POSTERN__V1__ROUTE__INIT, *routes_of[] = {&route};
    Postern__V1__Config config = no_config();

    (void)state;
    override_with_timeout(&o[0], "good.Plain.Get", "fast");
    override_with_timeout(&o[1], "good.Rulez.*", "1s");
    override_with_timeout(&o[2], "good.Plain.Get", "1s");
    override_with_timeout(&o[3], "*", "1s");
    o[3].o.policy = NULL;
    route.subject_case = POSTERN__V1__ROUTE__SUBJECT_FIELD;
    route.field = (char *)(uintptr_t) "nmae";
    o[2].p.n_route = 1;
    o[2].p.route = routes_of;
    config.n_overrides = 4;
    config.overrides = list;
    config.upstream = (char *)(uintptr_t) "nobody";
    r.in.default_upstream = "nobody";
    r.in.config = &config;
    r.in.config_line = line_of;
    r.in.config_places = places;
    policies_compile(&r);
    CHECK_FAULTS(&r, faults);
    set_release(&r.set);
}

static Google__Api__HttpRule http_rule(const char *selector, const char *get)
{
    Google__Api__HttpRule h = GOOGLE__API__HTTP_RULE__INIT;

    h.selector = (char *)(uintptr_t)selector;
    h.pattern_case = GOOGLE__API__HTTP_RULE__PATTERN_GET;
    h.get = (char *)(uintptr_t)get;
    return h;
}

static void an_http_rule_of_the_configuration_replaces_those_of_the_proto(void **state)
{
    struct policies r = policies_begin("policy_good.pb");
    Google__Api__HttpRule h[] = {http_rule("good.Rules.Verbs", "/v9/verbs/{name}"),
                                 http_rule("good.Plain.Get", "/v9/get")};
    Google__Api__HttpRule *list[] = {&h[0], &h[1]};
    Postern__V1__Config config = no_config();
    uint32_t verbs = 0;

    (void)state;
    config.n_http = 2;
    config.http = list;
    r.in.config = &config;
    policies_compile_well(&r);
    assert_true(str_eq(r.plan->routes[0].pattern, STR("/v9/get")));
    for (uint32_t i = 0; i < r.plan->nroutes; i++)
        verbs += str_eq(r.plan->routes[i].policy->method->name, STR("Verbs"));
    assert_int_equal(verbs, 1);
    set_release(&r.set);
}

static void faults_of_http_rules_have_line_and_path_in_the_configuration(void **state)
{
    static const char *const places[] = {"http[0].get", "http[1].selector", "http[2]", NULL};
    static const struct policy_fault faults[] = {
        {"postern.yaml:3", "http[2].selector: good.Rules.Verbs has a rule at http[0] already"},
        {"postern.yaml:1", "http[0].get: variable {x}: good.Request has no field \"x\""},
        {"postern.yaml:2",
         "http[1].selector: \"good.Rules.Verb\" names no rpc; write it as pkg.Service.Method; did "
         "you mean \"good.Rules.Verbs\"?"},
    };
    struct policies r = policies_begin("policy_good.pb");
    Google__Api__HttpRule h[] = {http_rule("good.Rules.Verbs", "/v9/{x}"),
                                 http_rule("good.Rules.Verb", "/v9/get"),
                                 http_rule("good.Rules.Verbs", "/v9/y")};
    Google__Api__HttpRule *list[] = {&h[0], &h[1], &h[2]};
    Postern__V1__Config config = no_config();

    (void)state;
    config.n_http = 3;
    config.http = list;
    r.in.config = &config;
    r.in.config_line = line_of;
    r.in.config_places = places;
    policies_compile(&r);
    CHECK_FAULTS(&r, faults);
    set_release(&r.set);
}

static bool compile_once(void *arg)
{
    const struct policies *given = arg;
    struct arena a;
    struct tc_faults faults;

    arena_init(&a, 256, 16 << 20);
    tc_faults_init(&faults, &a);
    const struct plan *plan = policy_compile(&given->in, &a, &faults);
    bool ok = plan != NULL;
    assert_true(ok || faults.out_of_memory);
    assert_int_equal(faults.count, 0);
    plan_release(plan);
    arena_release(&a);
    return ok;
}

static void compiling_survives_any_failed_allocation(void **state)
{
    struct policies r = policies_begin("policy_good.pb");
    Google__Api__HttpRule h = http_rule("good.Plain.Get", "/v9/{name}"), *rules[] = {&h};
    struct override o;
    Postern__V1__Override *list[] = {&o.o};
    Postern__V1__Config config = no_config();

    (void)state;
    override_with_timeout(&o, "*", "1s");
    config.n_overrides = config.n_http = 1;
    config.overrides = list;
    config.http = rules;
    r.in.config = &config;
    r.in.default_upstream = "localhost:1";
    assert_true(failmalloc_each(compile_once, &r) > 20);
    set_release(&r.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_rules_become_routes),
        cmocka_unit_test(each_option_comes_from_the_closest_level),
        cmocka_unit_test(a_level_with_routes_replaces_those_of_farther_ones),
        cmocka_unit_test(an_endpoint_named_directly_becomes_a_cluster_of_its_own_once),
        cmocka_unit_test(without_options_unary_calls_have_60_seconds_and_streams_no_limit),
        cmocka_unit_test(overrides_come_last_and_later_ones_win),
        cmocka_unit_test(faults_of_overrides_have_line_and_path_in_the_configuration),
        cmocka_unit_test(an_http_rule_of_the_configuration_replaces_those_of_the_proto),
        cmocka_unit_test(faults_of_http_rules_have_line_and_path_in_the_configuration),
        cmocka_unit_test(compiling_survives_any_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
