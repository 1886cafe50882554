#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/policies.h"

#define TEXT_OF(text) ((char *)(uintptr_t)(text))
#define AT "overrides[0].policy.limit[0]."
#define MIN_NS (UINT64_C(60) * 1000000000)

enum { LIMITS = 20 };

/* One override with limits for good.Plain.*, Redis and a rate-limit service. */
struct fixture {
    struct policies r;
    Postern__V1__Config config;
    Postern__V1__Redis redis;
    Postern__V1__RateLimitService service;
    Postern__V1__Override o, *overrides[1];
    Postern__V1__Policy policy;
    Postern__V1__Limit limits[LIMITS], *list[LIMITS];
};

static struct fixture f;

static Postern__V1__Limit *open_fixture(void)
{
    f = (struct fixture){0};
    f.config = (Postern__V1__Config)POSTERN__V1__CONFIG__INIT;
    f.redis = (Postern__V1__Redis)POSTERN__V1__REDIS__INIT;
    f.redis.address = TEXT_OF("127.0.0.1:6379");
    f.config.redis = &f.redis;
    f.service = (Postern__V1__RateLimitService)POSTERN__V1__RATE_LIMIT_SERVICE__INIT;
    f.service.upstream = TEXT_OF("canary");
    f.service.domain = TEXT_OF("d");
    f.config.rate_limit_service = &f.service;
    f.policy = (Postern__V1__Policy)POSTERN__V1__POLICY__INIT;
    for (unsigned i = 0; i < LIMITS; i++) {
        f.limits[i] = (Postern__V1__Limit)POSTERN__V1__LIMIT__INIT;
        f.limits[i].name = TEXT_OF("n");
        f.limits[i].rate = TEXT_OF("100/min");
        f.list[i] = &f.limits[i];
    }
    f.policy.limit = f.list;
    f.policy.n_limit = 1;
    f.o = (Postern__V1__Override)POSTERN__V1__OVERRIDE__INIT;
    f.o.selector = TEXT_OF("good.Plain.Get");
    f.o.policy = &f.policy;
    f.overrides[0] = &f.o;
    f.config.overrides = f.overrides;
    f.config.n_overrides = 1;
    f.r = policies_begin("policy_good.pb");
    f.r.in.default_upstream = "main";
    f.r.in.config = &f.config;
    return &f.limits[0];
}

static void key(Postern__V1__Limit *l, const char *text)
{
    l->_key_case = POSTERN__V1__LIMIT___KEY_KEY;
    l->key = TEXT_OF(text);
}

static void cost(Postern__V1__Limit *l, const char *text)
{
    l->_cost_case = POSTERN__V1__LIMIT___COST_COST;
    l->cost = TEXT_OF(text);
}

static void reserve(Postern__V1__Limit *l, const char *text)
{
    l->_reserve_case = POSTERN__V1__LIMIT___RESERVE_RESERVE;
    l->reserve = TEXT_OF(text);
}

static const struct method_policy *compiled(void)
{
    policies_compile_well(&f.r);
    return policies_of(&f.r, "good.Plain.Get");
}

static void a_limit_becomes_a_row(void **state)
{
    Postern__V1__Limit *l = open_fixture();
    (void)state;
    l->burst = 250;
    const struct method_policy *p = compiled();
    assert_int_equal(p->nlimits, 1);
    assert_int_equal(p->nlimits_head, 1);
    const struct plan_limit *row = p->limits[0].limit;
    assert_true(str_eq(row->name, STR("n")));
    assert_true(str_eq(row->id, STR("override good.Plain.Get n")));
    assert_true(str_eq(row->policy, STR("\"n\";q=250;w=60")));
    assert_int_equal(row->rule.kind, LIMIT_TOKEN_BUCKET);
    assert_int_equal(row->rule.amount, 100);
    assert_int_equal(row->rule.burst, 250);
    assert_true(row->rule.window_ns == MIN_NS);
    assert_int_equal(row->store, LIMIT_HERE);
    assert_null(p->limits[0].key.program);
    assert_int_equal(f.r.plan->limits.n, 1);
    assert_ptr_equal(f.r.plan->limits.all[0], row);
    set_release(&f.r.set);
}

static void what_a_limit_reads_decides_when_it_is_taken(void **state)
{
    static const struct {
        const char *key, *cost, *reserve;
        bool head;
        enum plan_when cost_when;
    } cases[] = {
        {NULL, NULL, NULL, true, PLAN_HEAD},
        {"headers['x']", NULL, NULL, true, PLAN_HEAD},
        {"'a' + 'll'", NULL, NULL, true, PLAN_HEAD},
        {"request.name", NULL, NULL, false, PLAN_HEAD},
        {NULL, "3", NULL, true, PLAN_HEAD},
        {NULL, "request.count", NULL, false, PLAN_MESSAGE},
        {NULL, "size(response.parts)", NULL, true, PLAN_REPLY},
        {NULL, "size(response.parts)", "request.count", false, PLAN_REPLY},
        {NULL, "size(response.parts)", "7", true, PLAN_REPLY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Postern__V1__Limit *l = open_fixture();
        if (cases[i].key)
            key(l, cases[i].key);
        if (cases[i].cost)
            cost(l, cases[i].cost);
        if (cases[i].reserve)
            reserve(l, cases[i].reserve);
        const struct method_policy *p = compiled();
        assert_int_equal(p->nlimits_head, cases[i].head);
        assert_int_equal(p->limits[0].when, cases[i].head ? PLAN_HEAD : PLAN_MESSAGE);
        assert_int_equal(p->limits[0].cost.program ? p->limits[0].cost.when : PLAN_HEAD,
                         cases[i].cost_when);
        set_release(&f.r.set);
    }
}

/* In the order of what they need, each in that of the options. */
static void those_that_need_the_head_alone_come_first(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    open_fixture();
    (void)state;
    f.policy.n_limit = 4;
    for (unsigned i = 0; i < 4; i++)
        f.limits[i].name = TEXT_OF(names[i]);
    key(&f.limits[0], "request.name");
    key(&f.limits[2], "request.count");
    const struct method_policy *p = compiled();
    assert_int_equal(p->nlimits, 4);
    assert_int_equal(p->nlimits_head, 2);
    static const char order[] = "bdac";
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(p->limits[i].limit->name.p[0], order[i]);
    set_release(&f.r.set);
}

/* One budget for all RPCs below the place where it is written. */
static void methods_share_the_row_of_the_place(void **state)
{
    open_fixture();
    (void)state;
    f.o.selector = TEXT_OF("good.Plain.*");
    const struct method_policy *get = compiled(), *watch = policies_of(&f.r, "good.Plain.Watch");
    assert_ptr_equal(get->limits[0].limit, watch->limits[0].limit);
    assert_int_equal(f.r.plan->limits.n, 1);
    assert_int_equal(policies_of(&f.r, "good.Rules.Verbs")->nlimits, 0);
    set_release(&f.r.set);
}

static void where_it_is_counted_is_read(void **state)
{
    static const struct {
        int counting, away;
        enum limit_store store;
        enum limit_fallback fallback;
    } cases[] = {
        {POSTERN__V1__LIMIT__COUNTING__EXACT, POSTERN__V1__LIMIT__AWAY__LOCAL, LIMIT_EXACT,
         LIMIT_LOCAL},
        {POSTERN__V1__LIMIT__COUNTING__LEASED, POSTERN__V1__LIMIT__AWAY__OPEN, LIMIT_LEASED,
         LIMIT_OPEN},
        {POSTERN__V1__LIMIT__COUNTING__SERVICE, POSTERN__V1__LIMIT__AWAY__CLOSED, LIMIT_SERVICE,
         LIMIT_CLOSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Postern__V1__Limit *l = open_fixture();
        l->shared = true;
        l->counting = (Postern__V1__Limit__Counting)cases[i].counting;
        l->when_away = (Postern__V1__Limit__Away)cases[i].away;
        l->dry_run = l->hidden = i == 0;
        const struct plan_limit *row = compiled()->limits[0].limit;
        assert_int_equal(row->store, cases[i].store);
        assert_int_equal(row->fallback, cases[i].fallback);
        assert_int_equal(row->dry_run, i == 0);
        assert_int_equal(row->policy.n == 0, i == 0);
        set_release(&f.r.set);
    }
}

static void each_message_of_a_clients_stream_has_its_cost(void **state)
{
    static const struct {
        const char *rpc, *cost;
        bool each;
    } cases[] = {{"good.Rules.Upload", "request.count", true},
                 {"good.Rules.Upload", "3", false},
                 {"good.Rules.Upload", "size(response.parts)", false},
                 {"good.Plain.Get", "request.count", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cost(open_fixture(), cases[i].cost);
        f.o.selector = TEXT_OF(cases[i].rpc);
        policies_compile_well(&f.r);
        assert_int_equal(policies_of(&f.r, cases[i].rpc)->limits[0].each, cases[i].each);
        set_release(&f.r.set);
    }
}

/* ---- what is wrong ---- */

static void check(const char *path, const char *text)
{
    char whole[200];
    snprintf(whole, sizeof whole, AT "%s: %s", path, text);
    const struct policy_fault faults[] = {{"postern.yaml", whole}};
    policies_compile(&f.r);
    CHECK_FAULTS(&f.r, faults);
    set_release(&f.r.set);
}

static void rates_that_limit_nothing_are_faults(void **state)
{
    static const struct {
        int algorithm;
        const char *rate, *path, *text;
    } cases[] = {
        {POSTERN__V1__LIMIT__ALGORITHM__TOKEN_BUCKET, "100", "rate", "\"100\" has no window"},
        {POSTERN__V1__LIMIT__ALGORITHM__TOKEN_BUCKET, "0/s", "rate",
         "allows nothing; to refuse every call"},
        {POSTERN__V1__LIMIT__ALGORITHM__TOKEN_BUCKET, "", "rate", ""},
        {POSTERN__V1__LIMIT__ALGORITHM__FIXED_WINDOW, "1/month", "calendar", "is missing"},
        {POSTERN__V1__LIMIT__ALGORITHM__SLIDING_WINDOW_LOG, "10001/s", "rate",
         "a SLIDING_WINDOW_LOG remembers each use and at most 10000"},
        {POSTERN__V1__LIMIT__ALGORITHM__CONCURRENCY, "3/s", "rate",
         "\"3/s\" is no number of calls"},
        {POSTERN__V1__LIMIT__ALGORITHM__CONCURRENCY, "0", "rate", "\"0\" is no number of calls"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Postern__V1__Limit *l = open_fixture();
        l->algorithm = (Postern__V1__Limit__Algorithm)cases[i].algorithm;
        l->rate = TEXT_OF(cases[i].rate);
        check(cases[i].path, cases[i].text);
    }
}

static void keys_and_costs_have_their_types(void **state)
{
    static const struct {
        const char *key, *cost, *reserve, *path, *text;
    } cases[] = {
        {"", NULL, NULL, "key", "is empty; leave it out"},
        {"''", NULL, NULL, "key", "is always empty"},
        {"\"\"", NULL, NULL, "key", "is always empty"},
        {"'' + ''", NULL, NULL, "key", "is always empty"},
        {"' '.trim()", NULL, NULL, "key", "is always empty"},
        {"b''", NULL, NULL, "key", "is always empty, and such calls are refused; leave it out"},
        {NULL, "-1", NULL, "cost", "is always -1, and such calls are refused; a cost is 0 or more"},
        {NULL, "2 - 3", NULL, "cost", "is always -1"},
        {NULL, "size(response.parts)", "-5", "reserve", "is always -5"},
        {"request", NULL, NULL, "key", "is of type good.Request"},
        {"request.tags", NULL, NULL, "key", "is of type list(string)"},
        {"request.nmae", NULL, NULL, "key", "1:9: good.Request has no field `nmae`"},
        {NULL, "request.name", NULL, "cost", "is of type string; a cost is a whole number"},
        {NULL, "request.ratio", NULL, "cost", "is of type double; a cost is a whole number"},
        {NULL, "request.count", "5", "reserve", "is for costs that read `response`"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Postern__V1__Limit *l = open_fixture();
        if (cases[i].key)
            key(l, cases[i].key);
        if (cases[i].cost)
            cost(l, cases[i].cost);
        if (cases[i].reserve)
            reserve(l, cases[i].reserve);
        check(cases[i].path, cases[i].text);
    }
}

static void what_does_not_go_together_is_a_fault(void **state)
{
    Postern__V1__Limit *l = open_fixture();
    (void)state;
    l->default_key = TEXT_OF("x");
    check("default_key", "is for limits with a key");
    l = open_fixture();
    l->when_away = POSTERN__V1__LIMIT__AWAY__OPEN;
    check("when_away", "is for limits with shared: true");
    l = open_fixture();
    l->shared = true;
    l->counting = POSTERN__V1__LIMIT__COUNTING__LEASED;
    l->algorithm = POSTERN__V1__LIMIT__ALGORITHM__SLIDING_WINDOW_LOG;
    check("counting", "LEASED is for buckets, fixed windows and counters; a SLIDING_WINDOW_LOG");
    l = open_fixture();
    l->shared = true;
    l->counting = POSTERN__V1__LIMIT__COUNTING__SERVICE;
    cost(l, "size(response.parts)");
    check("cost", "reads `response`, and a rate-limit service cannot give back");
    l = open_fixture();
    l->shared = true;
    l->counting = POSTERN__V1__LIMIT__COUNTING__SERVICE;
    f.o.selector = TEXT_OF("good.Rules.Upload");
    cost(l, "request.count");
    check("cost", "reads each message of the client's stream, and a rate-limit service is asked");
    l = open_fixture();
    f.o.selector = TEXT_OF("good.Rules.Upload");
    f.policy.n_limit = 2;
    f.limits[1].name = TEXT_OF("m");
    cost(l, "request.count");
    cost(&f.limits[1], "size(response.parts) + size(request.name)");
    check("cost", "reads each message of the client's stream, and another expression of this RPC");
    l = open_fixture();
    l->cost_is_total = true;
    cost(l, "2");
    check("cost_is_total", "is for costs that read `response`");
    l = open_fixture();
    l->shared = true;
    f.config.redis = NULL;
    check("shared", "needs Redis, and the configuration names none");
    l = open_fixture();
    l->shared = true;
    l->counting = POSTERN__V1__LIMIT__COUNTING__SERVICE;
    f.config.rate_limit_service = NULL;
    check("counting", "asks a rate-limit service, and the configuration names none");
}

static void an_rpc_has_a_bounded_number_of_limits(void **state)
{
    static char names[LIMITS][8];
    (void)state;
    for (size_t n = 16; n <= 17; n++) {
        open_fixture();
        f.policy.n_limit = n;
        for (size_t i = 0; i < n; i++) {
            snprintf(names[i], sizeof names[i], "n%zu", i);
            f.limits[i].name = names[i];
        }
        policies_compile(&f.r);
        assert_int_equal(f.r.plan != NULL, n == 16);
        if (n == 17)
            assert_non_null(strstr(f.r.faults.first->text.p, "has more than 16 limits"));
        set_release(&f.r.set);
    }
}

static bool compile_once(void *arg)
{
    struct policies *given = arg;
    struct tc_faults faults;
    struct arena a;
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
    Postern__V1__Limit *l = open_fixture();
    (void)state;
    l->shared = true;
    key(l, "request.name");
    cost(l, "size(response.parts)");
    reserve(l, "request.count");
    assert_true(failmalloc_each(compile_once, &f.r) > 20);
    set_release(&f.r.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_becomes_a_row),
        cmocka_unit_test(what_a_limit_reads_decides_when_it_is_taken),
        cmocka_unit_test(those_that_need_the_head_alone_come_first),
        cmocka_unit_test(methods_share_the_row_of_the_place),
        cmocka_unit_test(where_it_is_counted_is_read),
        cmocka_unit_test(each_message_of_a_clients_stream_has_its_cost),
        cmocka_unit_test(rates_that_limit_nothing_are_faults),
        cmocka_unit_test(keys_and_costs_have_their_types),
        cmocka_unit_test(what_does_not_go_together_is_a_fault),
        cmocka_unit_test(an_rpc_has_a_bounded_number_of_limits),
        cmocka_unit_test(compiling_survives_any_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
