#include "gateway/policy/auth_runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gateway/core/clock.h"

/* A fetcher that answers when the test says so, and can refuse to start: no real one does. */
enum { CALLS_MAX = 64 };

struct asked {
    struct http_fetch base; /* first */
    http_fetch_done *done;
    void *ctx;
    char body[256];
    bool cancelled;
};

static struct {
    struct http_fetcher fetcher;
    struct asked calls[CALLS_MAX];
    uint32_t n;
    bool refuses;
    struct arena arena;
    uv_loop_t loop;
    struct timer_wheel timers;
    struct auth_provider provider;
    struct plan plan;
    struct auth_runtime *runtime;
    struct exchange x;
    struct header header;
} t;

static struct http_fetch *start(struct http_fetcher *f, const struct http_fetch_options *o,
                                http_fetch_done *done, void *ctx)
{
    struct asked *c = &t.calls[t.n];
    if (t.refuses)
        return NULL;
    t.n++;
    *c = (struct asked){.base = {f->ops}, .done = done, .ctx = ctx};
    snprintf(c->body, sizeof c->body, "%.*s", STR_ARG(o->body));
    return &c->base;
}

static void cancel(struct http_fetch *f)
{
    ((struct asked *)f)->cancelled = true;
}

static const struct http_fetcher_ops ops = {start, cancel};

struct asker {
    struct auth_waiter waiter; /* first */
    uint32_t resumed;
    void (*on_resume)(struct auth_waiter *); /* NULL: counts */
    enum auth_verdict verdict;
};

static void on_resume(struct auth_waiter *w)
{
    ((struct asker *)w)->resumed++;
}

static int set_up(void **state)
{
    (void)state;
    t.fetcher.ops = &ops;
    t.n = 0;
    t.refuses = false;
    arena_init(&t.arena, 4096, 1 << 20);
    arena_init(&t.x.arena, 4096, 1 << 20);
    uv_loop_init(&t.loop);
    timer_wheel_init(&t.timers, &t.loop);
    t.provider = (struct auth_provider){
        .name = STR("p"),
        .kind = AUTH_INTROSPECTION,
        .places = {.bearer = true},
        .rules = {.provider = STR("p"), .id_claim = STR("sub"), .scopes_claim = STR("scope")},
        .introspection = {.url = STR("http://x/"),
                          .cache_ms = 30000,
                          .timeout_ms = 1000,
                          .concurrency = 1},
    };
    t.plan = (struct plan){.providers = &t.provider, .nproviders = 1};
    t.runtime = auth_runtime_new(&t.plan, &t.timers, &t.fetcher, NULL);
    return t.runtime ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    auth_runtime_free(t.runtime);
    timer_wheel_close(&t.timers);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    arena_release(&t.x.arena);
    arena_release(&t.arena);
    return uv_loop_close(&t.loop);
}

static enum auth_verdict ask(struct asker *a, const char *token)
{
    a->waiter.resume = a->on_resume ? a->on_resume : on_resume;
    t.header = (struct header){STR("authorization"), arena_printf(&t.arena, "Bearer %s", token)};
    t.x.request.headers = (struct headers){.items = &t.header, .n = 1};
    struct auth_query q = {.x = &t.x,
                           .runtime = t.runtime,
                           .state = &t.runtime->states[0],
                           .waiter = &a->waiter,
                           .now = (int64_t)(clock_wall_us() / 1000000)};
    enum auth_verdict v = auth_judge(&q);
    if (q.release)
        q.release(q.held);
    if (v != AUTH_WAIT)
        a->waiter.failed = false;
    return v;
}

static void answer(uint32_t i, uint16_t status, const char *body)
{
    struct http_fetch_result r = {.status = status, .body = str_c(body)};
    t.calls[i].done(t.calls[i].ctx, &r);
}

static void calls_with_one_token_wait_for_one_question(void **state)
{
    struct asker a = {0}, b = {0};
    (void)state;
    assert_int_equal(ask(&a, "one"), AUTH_WAIT);
    assert_int_equal(ask(&b, "one"), AUTH_WAIT);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.calls[0].body, "token=one&token_type_hint=access_token");
    answer(0, 200, "{\"active\":true,\"sub\":\"alice\"}");
    assert_true(a.resumed == 1 && b.resumed == 1);
    assert_int_equal(ask(&a, "one"), AUTH_GOOD);
    assert_int_equal(ask(&b, "one"), AUTH_GOOD);
    assert_int_equal(t.n, 1);
}

static void what_is_no_answer_lets_nobody_in(void **state)
{
    static const struct {
        uint16_t status;
        const char *body;
        enum auth_verdict verdict;
    } rows[] = {
        {500, "{\"active\":true}", AUTH_UNAVAILABLE},
        {302, "{\"active\":true}", AUTH_UNAVAILABLE},
        {200, "", AUTH_UNAVAILABLE},
        {200, "[]", AUTH_UNAVAILABLE},
        {200, "{}", AUTH_UNAVAILABLE},
        {200, "{\"active\":\"true\"}", AUTH_UNAVAILABLE},
        {200, "{\"active\":1}", AUTH_UNAVAILABLE},
        {200, "{\"active\":true", AUTH_UNAVAILABLE},
        {200, "{\"active\":false}", AUTH_BAD},
        {200, "{\"active\":true,\"exp\":1}", AUTH_BAD},
        {200, "{\"active\":true,\"exp\":\"x\"}", AUTH_BAD},
        {200, "{\"active\":true,\"nbf\":99999999999}", AUTH_BAD},
    };
    (void)state;
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asker a = {0};
        char token[16];
        snprintf(token, sizeof token, "token-%u", i);
        assert_int_equal(ask(&a, token), AUTH_WAIT);
        answer(i, rows[i].status, rows[i].body);
        assert_int_equal(a.resumed, 1);
        if (ask(&a, token) != rows[i].verdict)
            fail_msg("%u %s", rows[i].status, rows[i].body);
    }
}

/* Whoever is just asking is told by the verdict, not by a resume from inside. */
static void a_question_that_cannot_be_asked_is_told_once(void **state)
{
    struct asker a = {0};
    (void)state;
    t.refuses = true;
    assert_int_equal(ask(&a, "one"), AUTH_UNAVAILABLE);
    assert_int_equal(a.resumed, 0);
    assert_null(a.waiter.link);
    t.refuses = false;
    assert_int_equal(ask(&a, "one"), AUTH_WAIT);
    answer(0, 200, "{\"active\":true}");
    assert_int_equal(a.resumed, 1);
}

static void questions_wait_their_turn_and_those_nobody_waits_for_are_not_asked(void **state)
{
    struct asker a = {0}, b = {0}, c = {0};
    (void)state;
    assert_int_equal(ask(&a, "one"), AUTH_WAIT);
    assert_int_equal(ask(&b, "two"), AUTH_WAIT);
    assert_int_equal(ask(&c, "three"), AUTH_WAIT);
    assert_int_equal(t.n, 1);
    auth_waiter_stop(t.runtime, &b.waiter); /* its client has gone */
    answer(0, 200, "{\"active\":true}");
    assert_int_equal(t.n, 2);
    assert_non_null(strstr(t.calls[1].body, "token=three"));
    auth_waiter_stop(t.runtime, &c.waiter); /* asked already: the answer is kept */
    answer(1, 200, "{\"active\":true}");
    assert_true(b.resumed == 0 && c.resumed == 0);
    assert_int_equal(ask(&c, "three"), AUTH_GOOD);
    assert_int_equal(ask(&a, "four"), AUTH_WAIT); /* open when the runtime goes */
    assert_int_equal(ask(&b, "five"), AUTH_WAIT);
    auth_waiter_stop(t.runtime, &a.waiter);
    auth_waiter_stop(t.runtime, &b.waiter);
    auth_runtime_free(t.runtime);
    assert_true(t.calls[2].cancelled);
    t.runtime = auth_runtime_new(&t.plan, &t.timers, &t.fetcher, NULL);
}

static void an_answer_is_kept_no_longer_than_its_token_lives(void **state)
{
    struct asker a = {0};
    char text[128];
    (void)state;
    assert_int_equal(ask(&a, "one"), AUTH_WAIT);
    snprintf(text, sizeof text, "{\"active\":true,\"exp\":%lld.5}",
             (long long)(clock_wall_us() / 1000000 + 1));
    answer(0, 200, text);
    assert_int_equal(ask(&a, "one"), AUTH_GOOD);
    uint64_t end = clock_now() + 1200 * 1000000ull;
    while (clock_now() < end) {
    }
    assert_int_equal(ask(&a, "one"), AUTH_WAIT); /* asked anew */
    auth_waiter_stop(t.runtime, &a.waiter);
}

/* A waiter that judges anew when it is told, as a call does. */
static void judge_again(struct auth_waiter *w)
{
    struct asker *a = (struct asker *)w;
    a->resumed++;
    a->verdict = ask(a, "one");
}

static void without_a_cache_each_call_is_asked_about_but_those_that_wait_together(void **state)
{
    static const char *const answers[] = {"{\"active\":true}", "{\"active\":false}"};
    (void)state;
    t.provider.introspection.cache_ms = 0;
    for (uint32_t i = 0; i < 4; i++) {
        struct asker a = {.on_resume = judge_again}, b = {.on_resume = judge_again};
        assert_int_equal(ask(&a, "one"), AUTH_WAIT);
        assert_int_equal(ask(&b, "one"), AUTH_WAIT);
        assert_int_equal(t.n, i + 1);
        answer(i, 200, answers[i % 2]);
        assert_true(a.resumed == 1 && b.resumed == 1);
        assert_int_equal(a.verdict, i % 2 ? AUTH_BAD : AUTH_GOOD);
        assert_int_equal(b.verdict, a.verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(calls_with_one_token_wait_for_one_question),
        TEST(what_is_no_answer_lets_nobody_in),
        TEST(a_question_that_cannot_be_asked_is_told_once),
        TEST(questions_wait_their_turn_and_those_nobody_waits_for_are_not_asked),
        TEST(without_a_cache_each_call_is_asked_about_but_those_that_wait_together),
        TEST(an_answer_is_kept_no_longer_than_its_token_lives),
    };
    return cmocka_run_group_tests_name("auth_introspect", tests, NULL, NULL);
}
