#include "tests/unit/support/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/config.h"
#include "gateway/pipeline.h"
#include "gateway/policy/auth_runtime.h"
#include "gateway/policy/policy_compile.h"
#include "tests/unit/support/sets.h"

enum { BENCH_MEMORY = 64 << 20 };

static const struct cluster_config clusters[] = {
    {.name = STR_INIT("main")},   {.name = STR_INIT("header-equals")},
    {.name = STR_INIT("nested")}, {.name = STR_INIT("header-there")},
    {.name = STR_INIT("enum")},   {.name = STR_INIT("bool")},
    {.name = STR_INIT("int")},    {.name = STR_INIT("uint")},
    {.name = STR_INIT("double")}, {.name = STR_INIT("float")},
    {.name = STR_INIT("sint")},   {.name = STR_INIT("fixed")},
    {.name = STR_INIT("there")},  {.name = STR_INIT("oneof")},
};

static struct bench *bench_of(struct exchange_host *host)
{
    return (struct bench *)host;
}

static struct channel *host_channel(struct exchange_host *host, struct exchange_scope *scope,
                                    int32_t cluster)
{
    struct bench *b = bench_of(host);
    assert_non_null(scope);
    assert_in_range(cluster, 0, BENCH_CLUSTERS - 1);
    b->channel_asked = cluster;
    return b->no_channel ? NULL : &b->channels[cluster].base;
}

static void keep(char *out, struct str s)
{
    snprintf(out, BENCH_TEXT, "%.*s", STR_ARG(s));
}

static void host_ended(struct exchange_host *host, struct exchange_scope *scope,
                       const struct event *e)
{
    struct bench *b = bench_of(host);
    assert_int_equal(b->idles, 0); /* never behind the scope's own end */
    b->ended++;
    b->event = *e;
    b->event_scope = scope;
    keep(b->error, e->error);
    keep(b->request_id, e->request_id);
    keep(b->cluster_name, e->cluster_name);
    keep(b->caller, e->caller);
}

static void host_scope_idle(struct exchange_host *host, struct exchange_scope *scope)
{
    struct bench *b = bench_of(host);
    b->idles++;
    b->idle_scope = scope;
}

static void host_wake_loop(struct exchange_host *host)
{
    bench_of(host)->loop_wakes++;
}

static const Postern__V1__Config *configuration(struct bench *b, const char *yaml)
{
    struct tc_faults faults;
    tc_faults_init(&faults, &b->snapshot.arena);
    struct config *c = config_parse(str_c(yaml), "postern.yaml", &b->snapshot.arena, &faults);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    assert_non_null(c);
    return c->message;
}

static struct plan *compile(struct bench *b, const struct set *set, const char *yaml)
{
    struct tc_faults faults;
    struct policy_input in = {
        .config = yaml ? configuration(b, yaml) : NULL,
        .schema = set->schema,
        .config_name = STR("postern.yaml"),
        .clusters = clusters,
        .nclusters = sizeof clusters / sizeof *clusters,
        .max_request = b->snapshot.bounds.request_body,
        .max_response = b->snapshot.bounds.response,
    };
    tc_faults_init(&faults, &b->snapshot.arena);
    struct plan *plan = policy_compile(&in, &b->snapshot.arena, &faults);
    if (plan)
        b->snapshot.router = router_build(plan->routes, plan->nroutes, &b->snapshot.arena, &faults);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    assert_non_null(plan);
    assert_non_null(b->snapshot.router);
    return plan;
}

static void open_auth(struct bench *b, struct plan *plan)
{
    for (uint32_t i = 0; i < plan->nproviders; i++)
        assert_non_null(plan->providers[i].source = auth_source_new(&plan->providers[i]));
    b->scope.auth = auth_runtime_new(plan, &b->timers, NULL, NULL);
    assert_non_null(b->scope.auth);
}

static void close_plan(struct bench *b)
{
    const struct plan *plan = b->snapshot.plan;
    auth_runtime_free(b->scope.auth);
    for (uint32_t i = 0; i < plan->nproviders; i++)
        auth_source_release(plan->providers[i].source);
    plan_release(plan);
}

void bench_init(struct bench *b)
{
    bench_init_with(b, NULL);
}

void bench_init_with(struct bench *b, const char *yaml)
{
    memset(b, 0, sizeof *b);
    arena_init(&b->arena, 4096, BENCH_MEMORY);
    struct set set = set_load("calls.pb");
    b->snapshot.arena = set.arena;
    b->snapshot.bounds = BOUNDS_DEFAULT;
    struct plan *plan = compile(b, &set, yaml);
    b->snapshot.plan = plan;
    b->scope.snapshot = &b->snapshot;
    uv_loop_init(&b->loop);
    timer_wheel_init(&b->timers, &b->loop);
    for (size_t i = 0; i < BENCH_CLUSTERS; i++)
        fake_channel_init(&b->channels[i]);
    b->host = (struct exchange_host){
        .timers = &b->timers,
        .scope = &b->scope,
        .pipeline = &gateway_pipeline,
        .channel = host_channel,
        .ended = host_ended,
        .scope_idle = host_scope_idle,
        .wake_loop = host_wake_loop,
        .id_base = 0x0123456789abcdef,
        .scratch = {arena_alloc(&b->arena, EXCHANGE_SCRATCH), EXCHANGE_SCRATCH, 0},
    };
    open_auth(b, plan);
}

void bench_release(struct bench *b)
{
    assert_int_equal(b->host.active, 0);
    assert_int_equal(b->scope.exchanges, 0);
    assert_int_equal(b->timers.running, 0);
    exchange_host_release(&b->host);
    assert_null(b->host.soon);
    for (size_t i = 0; i < BENCH_CLUSTERS; i++)
        fake_channel_release(&b->channels[i]);
    timer_wheel_close(&b->timers);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    close_plan(b);
    arena_release(&b->snapshot.arena);
    arena_release(&b->arena);
}

struct fake_call *bench_call(struct bench *b, uint32_t i)
{
    return fake_call(&b->channels[bench_cluster(b, "main")], i);
}

struct str bench_wire(struct bench *b, const char *text)
{
    return wire_text(&b->arena, text);
}

int32_t bench_cluster(const struct bench *b, const char *name)
{
    const struct plan *plan = b->snapshot.plan;
    for (uint32_t i = 0; i < plan->nclusters; i++)
        if (str_eq(plan->clusters[i].name, str_c(name)))
            return (int32_t)i;
    fail_msg("no cluster %s", name);
    return PLAN_NO_CLUSTER;
}

static void on_timer(uv_timer_t *t)
{
    uv_stop(t->loop);
}

void bench_run(struct bench *b, uint32_t ms)
{
    uv_timer_t timer;
    uv_timer_init(&b->loop, &timer);
    uv_update_time(&b->loop);
    uv_timer_start(&timer, on_timer, ms, 0);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
}

void bench_assert_str(struct str s, const char *text, const char *file, int line)
{
    if (str_eq(s, str_c(text)))
        return;
    print_error("\"%.*s\"\nis not\n\"%s\"\n", STR_ARG(s), text);
    _fail(file, line);
}

void bench_assert_has(struct str s, const char *part, const char *file, int line)
{
    size_t n = str_c(part).n;
    for (size_t i = 0; i + n <= s.n; i++)
        if (memcmp(s.p + i, part, n) == 0)
            return;
    print_error("\"%.*s\"\nhas no\n\"%s\"\n", STR_ARG(s), part);
    _fail(file, line);
}
