#include "gateway/policy/auth_redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gateway/core/clock.h"
#include "tests/unit/support/failmalloc.h"

/* A Redis that answers when the test says so: tests/e2e/test_auth_redis.py has the real one. */
enum { CALLS_MAX = 2 * AUTH_REDIS_ASKED };

static struct {
    struct redis redis;
    struct redis_call *calls[CALLS_MAX];
    char hex[CALLS_MAX][AUTH_HASH_HEX + 1];
    char name[64];
    uint32_t n, cancelled;
    bool away;
    uv_loop_t loop;
    struct timer_wheel timers;
    struct auth_provider provider;
    struct plan plan;
    struct auth_runtime *runtime;
    struct exchange x;
    struct header header;
} t;

static bool eval(struct redis *r, struct redis_call *call, const struct redis_command *c,
                 redis_done *done)
{
    (void)r;
    if (t.away)
        return false;
    assert_int_equal(c->script, REDIS_SCRIPT_KEYS);
    assert_true(c->nkeys == 1 && c->nargs == 1 && t.n < CALLS_MAX);
    snprintf(t.name, sizeof t.name, "%.*s", STR_ARG(c->keys[0]));
    snprintf(t.hex[t.n], sizeof t.hex[0], "%.*s", STR_ARG(c->args[0]));
    call->done = done;
    t.calls[t.n++] = call;
    return true;
}

static void cancel(struct redis *r, struct redis_call *call)
{
    (void)r;
    (void)call;
    t.cancelled++;
}

static const struct redis_ops ops = {.eval = eval, .cancel = cancel};

struct asker {
    struct auth_waiter waiter; /* first */
    uint32_t resumed;
};

static void on_resume(struct auth_waiter *w)
{
    ((struct asker *)w)->resumed++;
}

static int set_up(void **state)
{
    (void)state;
    t.redis.ops = &ops;
    t.n = t.cancelled = 0;
    t.away = false;
    arena_init(&t.x.arena, 4096, 1 << 20);
    uv_loop_init(&t.loop);
    timer_wheel_init(&t.timers, &t.loop);
    t.provider = (struct auth_provider){
        .name = STR("k"),
        .kind = AUTH_API_KEY,
        .places = {.bearer = true},
        .redis_keys = STR("{p:keys:k}"),
    };
    t.plan = (struct plan){.providers = &t.provider, .nproviders = 1};
    t.runtime = auth_runtime_new(&t.plan, &t.timers, NULL, &t.redis);
    return t.runtime ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    auth_runtime_free(t.runtime);
    timer_wheel_close(&t.timers);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    arena_release(&t.x.arena);
    return uv_loop_close(&t.loop);
}

static const char *why; /* of the last judgement */

static enum auth_verdict ask(struct asker *a, const char *key)
{
    char text[300];
    snprintf(text, sizeof text, "Bearer %s", key);
    a->waiter.resume = on_resume;
    t.header = (struct header){STR("authorization"), str_c(text)};
    t.x.request.headers = (struct headers){.items = &t.header, .n = 1};
    struct auth_query q = {.x = &t.x,
                           .runtime = t.runtime,
                           .state = &t.runtime->states[0],
                           .waiter = &a->waiter,
                           .now = (int64_t)(clock_wall_us() / 1000000)};
    enum auth_verdict v = auth_judge(&q);
    why = q.why;
    if (v == AUTH_GOOD)
        assert_true(str_eq(q.who->provider, STR("k")) && q.who->id.n);
    if (q.release)
        q.release(q.held);
    if (v != AUTH_WAIT)
        a->waiter.failed = false;
    return v;
}

static void reply(uint32_t i, const struct redis_reply *r)
{
    t.calls[i]->done(t.calls[i], r);
}

/* With "HASH" standing for the digest that was asked for. */
static void answer(uint32_t i, const char *before, const char *behind)
{
    char text[400];
    int n = snprintf(text, sizeof text, "%s\"hash\":\"sha256:%s\"%s", before, t.hex[i], behind);
    reply(i, &(struct redis_reply){.text = str_of(text, (size_t)n)});
}

static void answer_nil(uint32_t i)
{
    reply(i, &(struct redis_reply){.n = 1});
}

static const struct auth_asked *asked(void)
{
    return &t.runtime->states[0].asked;
}

#define KEY "a-key-of-more-than-16-bytes"

static void calls_with_one_key_wait_for_one_question(void **state)
{
    struct asker a = {0}, b = {0};
    (void)state;
    assert_int_equal(ask(&a, KEY), AUTH_WAIT);
    assert_int_equal(ask(&b, KEY), AUTH_WAIT);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.name, "{p:keys:k}");
    assert_string_equal(t.hex[0],
                        "b7eeeff6cbe25bb2921599158ea55aeb00a28be717764bca1d659dc3892f126e");
    answer(0, "{\"id\":\"i\",\"scopes\":[\"s\"],", "}");
    assert_true(a.resumed == 1 && b.resumed == 1);
    assert_int_equal(ask(&a, KEY), AUTH_GOOD);
    assert_int_equal(ask(&b, KEY), AUTH_GOOD);
    assert_int_equal(t.n, 1);
    assert_true(asked()->questions == 1 && asked()->under_way == 0 && asked()->failures == 0);
}

static void an_answer_is_believed_for_what_it_says(void **state)
{
    static const struct {
        const char *before, *behind;
        enum auth_verdict verdict;
    } rows[] = {
        {"{\"id\":\"i\",", "}", AUTH_GOOD},
        {"{\"id\":\"i\",", ",\"expires\":\"2100-01-01T00:00:00Z\"}", AUTH_GOOD},
        {"{\"id\":\"i\",", ",\"expires\":\"2020-01-01T00:00:00Z\"}", AUTH_BAD},
        {"{\"id\":\"i\",", ",\"revoked\":true}", AUTH_BAD},
        {"{\"id\":\"i\",", ",\"expries\":\"2020-01-01T00:00:00Z\"}", AUTH_BAD},
        {"{\"id\":\"\",", "}", AUTH_BAD},
        {"{", "}", AUTH_BAD},
        {"{\"id\":\"i\",", "", AUTH_BAD},
        {"[{\"id\":\"i\",", "}]", AUTH_BAD},
        {"{\"id\":\"i\",", ",\"hash\":\"sha256:00\"}", AUTH_BAD},
    };
    struct asker a = {0};
    char key[40];
    (void)state;
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(key, sizeof key, KEY "-%u", i);
        assert_int_equal(ask(&a, key), AUTH_WAIT);
        answer(i, rows[i].before, rows[i].behind);
        assert_int_equal(ask(&a, key), rows[i].verdict);
    }
}

static void an_entry_of_another_key_lets_nobody_in(void **state)
{
    struct asker a = {0};
    (void)state;
    assert_int_equal(ask(&a, KEY), AUTH_WAIT);
    memset(t.hex[0], '0', AUTH_HASH_HEX);
    answer(0, "{\"id\":\"i\",", "}");
    assert_int_equal(ask(&a, KEY), AUTH_BAD);
    assert_non_null(strstr(why, "cannot be read"));
}

static void what_is_no_answer_lets_nobody_in(void **state)
{
    static const struct redis_reply rows[] = {
        {.status = REDIS_SILENT},
        {.status = REDIS_LOST},
        {.status = REDIS_FAILED},
        {.n = 0},
        {.n = 1, .values = {1}},
        {.n = 2},
        {.status = REDIS_FAILED, .text = STR_INIT("{\"id\":1}")},
    };
    struct asker a = {0};
    (void)state;
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ask(&a, KEY), AUTH_WAIT);
        reply(i, &rows[i]);
        assert_int_equal(a.resumed, i + 1);
        assert_int_equal(ask(&a, KEY), AUTH_UNAVAILABLE);
        assert_true(asked()->failures == i + 1);
    }
    t.away = true;
    assert_int_equal(ask(&a, KEY), AUTH_UNAVAILABLE);
    assert_non_null(strstr(why, "away"));
}

static void what_cannot_be_a_key_is_not_asked_for(void **state)
{
    struct asker a = {0};
    char longest[AUTH_KEY_MAX + 2];
    (void)state;
    memset(longest, 'k', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(ask(&a, "fifteen-bytes.."), AUTH_BAD);
    assert_int_equal(ask(&a, longest), AUTH_BAD);
    assert_int_equal(t.n, 0);
}

static void a_key_that_is_not_there_is_remembered_as_such(void **state)
{
    struct asker a = {0};
    (void)state;
    assert_int_equal(ask(&a, KEY), AUTH_WAIT);
    answer_nil(0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(&a, KEY), AUTH_BAD);
    assert_int_equal(t.n, 1);
}

/* Without a call waiting for it; the answer counts at once. */
static void a_key_in_use_is_asked_for_again(void **state)
{
    struct asker a = {0};
    (void)state;
    assert_int_equal(ask(&a, KEY), AUTH_WAIT);
    answer(0, "{\"id\":\"i\",", "}");
    assert_int_equal(ask(&a, KEY), AUTH_GOOD);
    uv_sleep(AUTH_REDIS_RENEW_MS + 20);
    assert_int_equal(ask(&a, KEY), AUTH_GOOD);
    assert_int_equal(ask(&a, KEY), AUTH_GOOD);
    assert_int_equal(t.n, 2);
    answer(1, "{\"id\":\"i\",", ",\"revoked\":true}");
    assert_int_equal(ask(&a, KEY), AUTH_BAD);
}

static void nothing_counts_for_longer_than_its_life(void **state)
{
    struct asker a = {0};
    (void)state;
    assert_int_equal(ask(&a, KEY), AUTH_WAIT);
    answer(0, "{\"id\":\"i\",", "}");
    t.away = true;
    uint64_t until = clock_now() + (uint64_t)AUTH_REDIS_LIFE_MS * 1000000;
    uv_sleep(AUTH_REDIS_RENEW_MS + 20);
    enum auth_verdict v = ask(&a, KEY);
    assert_true(v == AUTH_GOOD || clock_now() > until);
    uv_sleep(AUTH_REDIS_LIFE_MS - AUTH_REDIS_RENEW_MS);
    assert_int_equal(ask(&a, KEY), AUTH_UNAVAILABLE);
}

static void only_so_many_unknown_keys_are_asked_for_at_a_time(void **state)
{
    static struct asker all[AUTH_REDIS_ASKED];
    struct asker a = {0};
    char key[40];
    (void)state;
    assert_int_equal(ask(&a, KEY), AUTH_WAIT);
    answer(0, "{\"id\":\"i\",", "}");
    for (uint32_t i = 0; i < AUTH_REDIS_ASKED; i++) {
        all[i] = (struct asker){0};
        snprintf(key, sizeof key, KEY "-%u", i);
        assert_int_equal(ask(&all[i], key), AUTH_WAIT);
    }
    assert_int_equal(ask(&(struct asker){0}, KEY "-more"), AUTH_UNAVAILABLE);
    assert_true(asked()->refused == 1 && asked()->under_way == AUTH_REDIS_ASKED);
    assert_int_equal(ask(&a, KEY), AUTH_GOOD);
    uv_sleep(AUTH_REDIS_RENEW_MS + 20);
    assert_int_equal(ask(&a, KEY), AUTH_GOOD); /* asked for again all the same */
    assert_int_equal(t.n, AUTH_REDIS_ASKED + 2);
    answer_nil(1);
    assert_int_equal(ask(&a, KEY "-more"), AUTH_WAIT);
    for (uint32_t i = 0; i < AUTH_REDIS_ASKED; i++)
        auth_waiter_stop(t.runtime, &all[i].waiter);
    auth_waiter_stop(t.runtime, &a.waiter);
}

/* Those who wait have gone; the questions go with the runtime. */
static void questions_under_way_end_with_the_runtime(void **state)
{
    struct asker a = {0}, b = {0};
    (void)state;
    assert_int_equal(ask(&a, KEY "-1"), AUTH_WAIT);
    assert_int_equal(ask(&b, KEY "-2"), AUTH_WAIT);
    auth_waiter_stop(t.runtime, &a.waiter);
    auth_waiter_stop(t.runtime, &b.waiter);
    auth_runtime_free(t.runtime);
    assert_int_equal(t.cancelled, 2);
    t.runtime = NULL;
}

static void want_of_memory_lets_nobody_in(void **state)
{
    bool failed = true;
    (void)state;
    for (size_t i = 0; failed; i++) {
        struct asker a = {0};
        char key[40];
        uint32_t before = t.n;
        snprintf(key, sizeof key, KEY "-%zu", i);
        failmalloc_start(i);
        enum auth_verdict v = ask(&a, key);
        if (v == AUTH_WAIT)
            answer(before, "{\"id\":\"i\",\"scopes\":[\"a\",\"b\"],", "}");
        failed = failmalloc_stop();
        assert_int_equal(t.n, before + (v == AUTH_WAIT));
        assert_int_equal(a.resumed, v == AUTH_WAIT);
        assert_true(v == AUTH_WAIT || (failed && v == AUTH_UNAVAILABLE));
        v = ask(&a, key);
        assert_true(failed ? v != AUTH_NONE : v == AUTH_GOOD);
        if (v == AUTH_WAIT)
            answer(t.n - 1, "{\"id\":\"i\",", "}");
        assert_true(v == AUTH_BAD || ask(&a, key) == AUTH_GOOD);
    }
    assert_true(t.n > 2);
}

static void names_and_digests_are_printed(void **state)
{
    unsigned char hash[AUTH_HASH] = {0x00, 0x1f, 0xff};
    char hex[AUTH_HASH_HEX];
    struct arena arena;
    (void)state;
    arena_init(&arena, 256, 1024);
    assert_true(str_eq(auth_redis_name(&arena, STR("p"), STR("a b")), STR("{p:keys:a b}")));
    auth_hash_print(hash, hex);
    assert_memory_equal(hex, "001fff0000", 10);
    arena_release(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_with_one_key_wait_for_one_question),
        TEST(an_answer_is_believed_for_what_it_says),
        TEST(an_entry_of_another_key_lets_nobody_in),
        TEST(what_is_no_answer_lets_nobody_in),
        TEST(what_cannot_be_a_key_is_not_asked_for),
        TEST(a_key_that_is_not_there_is_remembered_as_such),
        TEST(a_key_in_use_is_asked_for_again),
        TEST(nothing_counts_for_longer_than_its_life),
        TEST(only_so_many_unknown_keys_are_asked_for_at_a_time),
        TEST(questions_under_way_end_with_the_runtime),
        TEST(want_of_memory_lets_nobody_in),
        cmocka_unit_test(names_and_digests_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
