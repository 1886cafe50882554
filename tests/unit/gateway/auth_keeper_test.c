#include "gateway/auth_keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "gateway/policy/auth_source.h"
#include "gateway/upstream/module.h"
#include "tests/unit/support/tokens.h"

/* A fetcher that answers when the test says so: tests/e2e/test_auth.py has the real one, before
 * real servers. It takes the place of the module that the keeper looks for. */
enum { FETCHES_MAX = 16 };

static struct {
    struct http_fetcher fetcher;
    struct http_fetch fetches[FETCHES_MAX];
    http_fetch_done *done[FETCHES_MAX];
    void *ctx[FETCHES_MAX];
    char url[FETCHES_MAX][128];
    uint32_t n, cancelled;
    uv_loop_t loop;
    struct auth_keeper *keeper;
    struct auth_provider provider;
    struct plan plan;
    struct arena arena;
    struct token_key key;
    char folder[32], path[64];
} t;

static struct http_fetch *start(struct http_fetcher *f, const struct http_fetch_options *o,
                                http_fetch_done *done, void *ctx)
{
    assert_true(t.n < FETCHES_MAX);
    snprintf(t.url[t.n], sizeof t.url[0], "%.*s", STR_ARG(o->url));
    t.fetches[t.n] = (struct http_fetch){f->ops};
    t.done[t.n] = done;
    t.ctx[t.n] = ctx;
    return &t.fetches[t.n++];
}

static void cancel(struct http_fetch *f)
{
    (void)f;
    t.cancelled++;
}

static struct http_fetcher *open_fetcher(uv_loop_t *loop)
{
    static const struct http_fetcher_ops ops = {start, cancel};
    (void)loop;
    t.fetcher.ops = &ops;
    return &t.fetcher;
}

static void close_fetcher(struct http_fetcher *f)
{
    (void)f;
}

module_function *module_find(const char *name, const char *symbol)
{
    assert_string_equal(name, "http-fetch");
    return strstr(symbol, "open") ? (module_function *)open_fetcher
                                  : (module_function *)close_fetcher;
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    arena_init(&t.arena, 4096, 1 << 20);
    token_key_make(&t.key, JOSE_ES256, "k", &t.arena);
    snprintf(t.folder, sizeof t.folder, "/tmp/keeper_test_XXXXXX");
    assert_non_null(mkdtemp(t.folder));
    snprintf(t.path, sizeof t.path, "%s/keys.json", t.folder);
    uv_loop_init(&t.loop);
    t.keeper = auth_keeper_new(&t.loop);
    t.plan = (struct plan){.providers = &t.provider, .nproviders = 1};
    return t.keeper ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    auth_keeper_close(t.keeper);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    auth_source_release(t.provider.source);
    token_key_release(&t.key);
    arena_release(&t.arena);
    unlink(t.path);
    assert_int_equal(rmdir(t.folder), 0);
    return uv_loop_close(&t.loop);
}

static void on_stop(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void run(uint64_t ms)
{
    uv_timer_t timer;
    uv_timer_init(&t.loop, &timer);
    uv_timer_start(&timer, on_stop, ms, 0);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&t.loop, UV_RUN_NOWAIT);
}

static void run_until_fetch(uint32_t n)
{
    uint64_t until = clock_now() + UINT64_C(10000000000);
    while (t.n < n && clock_now() < until)
        run(20);
    assert_true(t.n >= n);
}

static void take(struct auth_fetch fetch, enum auth_kind kind)
{
    auth_source_release(t.provider.source);
    t.provider = (struct auth_provider){.name = STR("p"), .kind = kind, .fetch = fetch};
    t.provider.source = auth_source_new(&t.provider);
    assert_true(auth_keeper_take(t.keeper, &t.plan));
}

static struct auth_source_view view(void)
{
    struct auth_source_view v;
    auth_source_look(t.provider.source, &v);
    return v;
}

/* ---- files ---- */

static void write_keys(int n)
{
    FILE *out = fopen(t.path, "w");
    fprintf(out, "{\"keys\":[");
    for (int i = 0; i < n; i++)
        fprintf(out, "%s{\"id\":\"k%d\",\"hash\":\"sha256:%064d\"}", i ? "," : "", i, i);
    fprintf(out, "]}");
    assert_int_equal(fclose(out), 0);
}

static bool soon(uint32_t entries, bool failing)
{
    for (int i = 0; i < 60; i++) {
        run(20);
        if (view().entries == entries && view().failing == failing)
            return true;
    }
    return false;
}

static void a_file_is_followed_and_what_is_wrong_changes_nothing(void **state)
{
    (void)state;
    write_keys(1);
    take((struct auth_fetch){.file = str_c(t.path)}, AUTH_API_KEY);
    assert_true(soon(1, false));
    write_keys(3);
    assert_true(soon(3, false));
    FILE *out = fopen(t.path, "w");
    fputs("{\"keys\":[{}]}", out);
    fclose(out);
    assert_true(soon(3, true));
    assert_non_null(strstr(view().why, "keys[0]"));
    unlink(t.path);
    run(700);
    assert_true(view().ready && view().entries == 3);
    write_keys(2);
    assert_true(soon(2, false));
}

static void a_provider_that_has_not_changed_keeps_its_source(void **state)
{
    (void)state;
    write_keys(1);
    take((struct auth_fetch){.file = str_c(t.path)}, AUTH_API_KEY);
    struct auth_source *before = t.provider.source;
    t.provider.source = auth_source_new(&t.provider);
    assert_true(auth_keeper_take(t.keeper, &t.plan));
    assert_ptr_equal(t.provider.source, before);
    auth_source_release(before); /* of the plan before */
    take((struct auth_fetch){.file = STR("/elsewhere")}, AUTH_API_KEY);
    assert_int_equal(atomic_load(&t.provider.source->references), 2);
}

/* ---- URLs ---- */

static void answer(uint32_t i, uint16_t status, const char *body, uint32_t max_age_s)
{
    struct http_fetch_result r = {.status = status, .body = str_c(body), .max_age_s = max_age_s};
    t.done[i](t.ctx[i], &r);
}

static const char *set(const char *more)
{
    return arena_printf(&t.arena, "{\"keys\":[%.*s]%s}", STR_ARG(t.key.jwk), more).p;
}

static struct auth_fetch at(const char *url)
{
    return (struct auth_fetch){.url = str_c(url), .refresh_ms = 1000, .keep_ms = 60000};
}

static void a_set_is_fetched_again_and_the_last_good_one_stays(void **state)
{
    (void)state;
    take(at("http://x/jwks"), AUTH_JWT);
    run_until_fetch(1);
    assert_string_equal(t.url[0], "http://x/jwks");
    assert_false(view().ready);
    answer(0, 200, set(""), UINT32_MAX);
    assert_true(view().ready && view().entries == 1);
    uint32_t version = atomic_load(&t.provider.source->version);
    run_until_fetch(2);
    answer(1, 200, set(""), UINT32_MAX);
    assert_int_equal(atomic_load(&t.provider.source->version), version); /* nothing new */
    assert_int_equal(view().attempts, 2);
    run_until_fetch(3);
    answer(2, 500, set(""), UINT32_MAX);
    assert_true(view().ready && view().failing && strstr(view().why, "500"));
    run_until_fetch(4);
    answer(3, 200, "{\"keys\":[]}", UINT32_MAX);
    assert_true(view().ready && view().failing);
    run_until_fetch(5);
    answer(4, 200, set(",\"more\":1"), UINT32_MAX);
    assert_true(view().ready && !view().failing);
    assert_int_not_equal(atomic_load(&t.provider.source->version), version);
}

static void keys_that_cannot_be_renewed_are_given_up_in_the_end(void **state)
{
    struct auth_fetch f = at("http://x/jwks");
    (void)state;
    f.keep_ms = 300;
    take(f, AUTH_JWT);
    run_until_fetch(1);
    answer(0, 200, set(""), UINT32_MAX);
    run(600);
    assert_false(view().ready);
    run_until_fetch(2);
    answer(1, 200, set(""), UINT32_MAX); /* the same set, but it is not known any more */
    assert_true(view().ready);
}

/* OpenID Connect Discovery 1.0 4.3. */
static void a_configuration_is_the_issuers_own(void **state)
{
    static const char *const wrong[] = {
        "no JSON",
        "[]",
        "{}",
        "{\"issuer\":\"https://i\"}",
        "{\"issuer\":\"https://other\",\"jwks_uri\":\"https://i/jwks\"}",
        "{\"issuer\":\"https://i\",\"jwks_uri\":\"http://i/jwks\"}",
        "{\"issuer\":\"https://i\",\"jwks_uri\":\"file:///etc/passwd\"}",
        "{\"issuer\":\"https://i\",\"jwks_uri\":\"\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct auth_fetch f = at("");
        f.discovery = STR("https://i");
        f.keep_ms += (uint32_t)i; /* another source each time */
        t.n = 0;
        take(f, AUTH_JWT);
        run_until_fetch(1);
        assert_string_equal(t.url[0], "https://i/.well-known/openid-configuration");
        answer(0, 200, wrong[i], UINT32_MAX);
        assert_int_equal(t.n, 1);
        assert_true(view().failing);
    }
    run_until_fetch(2);
    answer(1, 200, "{\"issuer\":\"https://i\",\"jwks_uri\":\"https://keys/jwks\"}", UINT32_MAX);
    assert_int_equal(t.n, 3);
    assert_string_equal(t.url[2], "https://keys/jwks");
    answer(2, 200, set(""), UINT32_MAX);
    assert_true(view().ready && !view().failing);
}

/* However many ask. */
static void an_unknown_kid_causes_one_fetch_a_minute(void **state)
{
    struct auth_fetch f = at("http://x/jwks");
    (void)state;
    f.refresh_ms = 60000;
    take(f, AUTH_JWT);
    run_until_fetch(1);
    answer(0, 200, set(""), UINT32_MAX);
    atomic_store(&t.provider.source->wanted, AUTH_FETCH_NOW);
    run_until_fetch(2);
    answer(1, 200, set(""), UINT32_MAX);
    assert_int_equal(atomic_load(&t.provider.source->wanted), AUTH_FETCH_LATER);
    run(400);
    assert_int_equal(t.n, 2);
    assert_int_equal(atomic_load(&t.provider.source->wanted), AUTH_FETCH_LATER);
}

static void a_fetch_under_way_ends_with_its_source(void **state)
{
    (void)state;
    take(at("http://x/jwks"), AUTH_JWT);
    run_until_fetch(1);
    take(at("http://y/jwks"), AUTH_JWT);
    assert_int_equal(t.cancelled, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_followed_and_what_is_wrong_changes_nothing),
        TEST(a_provider_that_has_not_changed_keeps_its_source),
        TEST(a_set_is_fetched_again_and_the_last_good_one_stays),
        TEST(keys_that_cannot_be_renewed_are_given_up_in_the_end),
        TEST(a_configuration_is_the_issuers_own),
        TEST(an_unknown_kid_causes_one_fetch_a_minute),
        TEST(a_fetch_under_way_ends_with_its_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
