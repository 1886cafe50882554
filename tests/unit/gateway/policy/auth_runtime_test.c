#include "gateway/policy/auth_runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <uv.h>

#include "gateway/core/clock.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/tokens.h"
#include "transcoder/error.h"

enum { NOW = 1000000 };

/* One provider of tokens with a key of each kind, and all that judging needs. */
struct bed {
    struct arena arena;
    uv_loop_t loop;
    struct timer_wheel timers;
    struct token_key rsa, ec, ed, secret; /* kids "rsa", "ec", "ed", "hs" */
    struct auth_provider provider;
    struct plan plan;
    struct auth_runtime *runtime;
    struct exchange x;
    struct header header;
    struct auth_waiter waiter;
    uint32_t resumed;
};

static struct bed bed;

static void publish(const struct token_key *const *keys, size_t n)
{
    struct auth_data *d = auth_data_new(AUTH_JWT);
    struct tc_error e = {0};
    struct str set = STR("{\"keys\":[");
    for (size_t i = 0; i < n; i++)
        set = arena_printf(&bed.arena, "%.*s%s%.*s", STR_ARG(set), i ? "," : "",
                           STR_ARG(keys[i]->jwk));
    set = arena_printf(&bed.arena, "%.*s]}", STR_ARG(set));
    if (!jose_keys_parse(set, &d->jwks, &e))
        fail_msg("%s", e.text);
    auth_source_publish(bed.provider.source, d);
}

static void on_resume(struct auth_waiter *w)
{
    bed.resumed++;
    timer_stop(&bed.timers, &w->timer);
}

static const struct str audience = STR_INIT("me");

static void open_bed(struct str file, struct str url)
{
    bed.provider = (struct auth_provider){
        .name = STR("p"),
        .kind = AUTH_JWT,
        .places = {.bearer = true},
        .fetch = {.file = file, .url = url},
        .rules = {.provider = STR("p"),
                  .issuer = STR("https://i"),
                  .audiences = &audience,
                  .naudiences = 1,
                  .skew_s = 60,
                  .algs = ~1u,
                  .id_claim = STR("sub"),
                  .scopes_claim = STR("scope")},
    };
    bed.provider.source = auth_source_new(&bed.provider);
    bed.plan = (struct plan){.providers = &bed.provider, .nproviders = 1};
    bed.runtime = auth_runtime_new(&bed.plan, &bed.timers, NULL, NULL);
    assert_true(bed.provider.source && bed.runtime);
    bed.waiter = (struct auth_waiter){.resume = on_resume};
    bed.resumed = 0;
}

static void close_bed(void)
{
    auth_waiter_stop(bed.runtime, &bed.waiter);
    auth_runtime_free(bed.runtime);
    auth_source_release(bed.provider.source);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&bed.arena, 64 << 10, (size_t)1 << 30);
    uv_loop_init(&bed.loop);
    timer_wheel_init(&bed.timers, &bed.loop);
    token_key_make(&bed.rsa, JOSE_RS256, "rsa", &bed.arena);
    token_key_make(&bed.ec, JOSE_ES256, "ec", &bed.arena);
    token_key_make(&bed.ed, JOSE_EDDSA, "ed", &bed.arena);
    token_key_make(&bed.secret, JOSE_HS256, "hs", &bed.arena);
    arena_init(&bed.x.arena, 16 << 10, 4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    token_key_release(&bed.rsa);
    token_key_release(&bed.ec);
    token_key_release(&bed.ed);
    token_key_release(&bed.secret);
    timer_wheel_close(&bed.timers);
    uv_run(&bed.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bed.loop), 0);
    arena_release(&bed.x.arena);
    arena_release(&bed.arena);
    return 0;
}

/* As the stage does it; what was held is given back. */
static enum auth_verdict judge_at(struct str token, int64_t now, struct auth_query *q)
{
    struct str value = arena_printf(&bed.x.arena, "Bearer %.*s", STR_ARG(token));
    bed.header = (struct header){STR("authorization"), value};
    bed.x.request.headers = (struct headers){.items = &bed.header, .n = 1};
    *q = (struct auth_query){.x = &bed.x,
                             .runtime = bed.runtime,
                             .state = &bed.runtime->states[0],
                             .waiter = &bed.waiter,
                             .now = now};
    return auth_judge(q);
}

static enum auth_verdict judge(struct str token)
{
    struct auth_query q;
    enum auth_verdict v = judge_at(token, NOW, &q);
    if (q.release)
        q.release(q.held);
    if (v != AUTH_WAIT)
        arena_reset(&bed.x.arena);
    return v;
}

#define CLAIMS(more) \
    "{\"iss\":\"https://i\",\"aud\":\"me\",\"sub\":\"alice\",\"exp\":1000300" more "}"

static struct str sign(const struct token_key *k, const char *claims)
{
    return token_sign(k, NULL, claims, &bed.arena);
}

static void publish_all(void)
{
    const struct token_key *const keys[] = {&bed.rsa, &bed.ec, &bed.ed, &bed.secret};
    publish(keys, 4);
}

static void a_good_token_says_who_calls_and_is_remembered(void **state)
{
    struct auth_query first, second, late;
    (void)state;
    open_bed(STR("/keys"), STR(""));
    publish_all();
    struct str token = sign(&bed.ec, CLAIMS(",\"scope\":\"a b\""));
    assert_int_equal(judge_at(token, NOW, &first), AUTH_GOOD);
    assert_true(str_eq(first.who->id, STR("alice")));
    assert_int_equal(first.who->scopes.n, 2);
    assert_int_equal(judge_at(token, NOW, &second), AUTH_GOOD);
    assert_ptr_equal(first.who, second.who);
    assert_int_equal(judge_at(token, NOW + 360, &late), AUTH_BAD); /* the cache knows the time */
    publish_all();                                                 /* other keys: verified anew */
    second.release(second.held);
    assert_int_equal(judge_at(token, NOW, &second), AUTH_GOOD);
    assert_ptr_not_equal(first.who, second.who);
    assert_true(str_eq(first.who->id, STR("alice"))); /* still held */
    first.release(first.held);
    second.release(second.held);
    const struct token_key *const others[] = {&bed.rsa};
    publish(others, 1); /* a key that was taken away takes its tokens along */
    assert_int_equal(judge_at(token, NOW, &second), AUTH_BAD);
    close_bed();
}

static void without_keys_nobody_can_tell(void **state)
{
    (void)state;
    open_bed(STR(""), STR("http://x"));
    assert_int_equal(judge(sign(&bed.ec, CLAIMS(""))), AUTH_UNAVAILABLE);
    publish_all();
    assert_int_equal(judge(sign(&bed.ec, CLAIMS(""))), AUTH_GOOD);
    auth_source_publish(bed.provider.source, NULL);
    assert_int_equal(judge(sign(&bed.ec, CLAIMS(""))), AUTH_UNAVAILABLE);
    close_bed();
}

/* ---- waiting for a key ---- */

static struct str unknown_kid(const struct token_key *k)
{
    return token_sign(k, NULL, CLAIMS(""), &bed.arena);
}

static void a_kid_of_a_file_is_not_waited_for(void **state)
{
    const struct token_key *const known[] = {&bed.rsa};
    (void)state;
    open_bed(STR("/keys"), STR(""));
    publish(known, 1);
    assert_int_equal(judge(unknown_kid(&bed.ec)), AUTH_BAD);
    assert_int_equal(atomic_load(&bed.provider.source->wanted), AUTH_FETCH_IDLE);
    close_bed();
}

static void a_new_kid_waits_for_the_keeper_and_comes_in(void **state)
{
    const struct token_key *const known[] = {&bed.rsa};
    (void)state;
    open_bed(STR(""), STR("http://x"));
    publish(known, 1);
    struct str token = unknown_kid(&bed.ec);
    assert_int_equal(judge(token), AUTH_WAIT);
    assert_int_equal(atomic_load(&bed.provider.source->wanted), AUTH_FETCH_NOW);
    size_t used = bed.x.arena.used;
    for (int i = 0; i < 40; i++) /* asked again and again: nothing is taken apart again */
        assert_int_equal(judge(token), AUTH_WAIT);
    assert_true(bed.x.arena.used - used < 64 * 1024);
    while (!bed.resumed)
        uv_run(&bed.loop, UV_RUN_ONCE);
    publish_all();
    assert_int_equal(judge(token), AUTH_GOOD);
    close_bed();
}

static void a_kid_that_nobody_knows_is_refused_when_the_keeper_has_tried(void **state)
{
    const struct token_key *const known[] = {&bed.rsa};
    struct auth_source *s;
    (void)state;
    open_bed(STR(""), STR("http://x"));
    s = bed.provider.source;
    publish(known, 1);
    assert_int_equal(judge(unknown_kid(&bed.ec)), AUTH_WAIT);
    atomic_store(&s->wanted, AUTH_FETCH_LATER); /* as the keeper does */
    auth_source_failed(s, "away");
    assert_int_equal(judge(unknown_kid(&bed.ec)), AUTH_BAD);
    bed.waiter.until = 0; /* the next call */
    assert_int_equal(judge(unknown_kid(&bed.ec)), AUTH_BAD);
    assert_int_equal(atomic_load(&s->wanted), AUTH_FETCH_LATER); /* is not asked for again */
    bed.waiter.until = 0;
    atomic_store(&s->wanted, AUTH_FETCH_IDLE);
    assert_int_equal(judge(unknown_kid(&bed.ec)), AUTH_WAIT);
    close_bed();
}

static void nobody_waits_longer_than_a_second(void **state)
{
    const struct token_key *const known[] = {&bed.rsa};
    (void)state;
    open_bed(STR(""), STR("http://x"));
    publish(known, 1);
    uint64_t began = clock_now();
    struct str token = unknown_kid(&bed.ec);
    while (judge(token) == AUTH_WAIT) {
        bed.resumed = 0;
        while (!bed.resumed)
            uv_run(&bed.loop, UV_RUN_ONCE);
    }
    assert_in_range((clock_now() - began) / 1000000, AUTH_KID_WAIT_MS, 3 * AUTH_KID_WAIT_MS);
    close_bed();
}

/* ---- one thing wrong each ---- */

enum {
    HS_MUTATED = 60000,
    RS_MUTATED = 12000,
    ES_MUTATED = 4000,
    ED_MUTATED = 4000,
    CLAIMED = 22000
};

static uint64_t seed;

static uint32_t roll(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void must_stay_out(struct str token, const char *what)
{
    if (judge(token) == AUTH_GOOD)
        fail_msg("%s: %.*s", what, STR_ARG(token));
}

/* Bytes changed, put in, taken out, swapped, parts exchanged with those of another good token. */
static struct str mutated(struct str good, struct str other)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \t\n";
    char *out = arena_alloc(&bed.x.arena, good.n + other.n + 2);
    uint32_t at = roll((uint32_t)good.n);
    struct str a = good, b = other, head = str_cut(&a, '.'), other_head = str_cut(&b, '.');
    size_t n = good.n;

    memcpy(out, good.p, good.n);
    switch (roll(8)) {
    case 0:
    case 1: out[at] = digits[roll(sizeof digits - 1)]; break;
    case 2: out[at] ^= (char)(1u << roll(7)); break;
    case 3: memmove(out + at, out + at + 1, --n - at); break;
    case 4:
        memmove(out + at + 1, out + at, n++ - at);
        out[at] = digits[roll(64)];
        break;
    case 5: n = at; break;
    case 6:
        out[at] ^= out[n - 1 - at];
        out[n - 1 - at] ^= out[at];
        out[at] ^= out[n - 1 - at];
        break;
    default:
        n = (size_t)snprintf(out, good.n + other.n + 2, "%.*s.%.*s", STR_ARG(head), STR_ARG(b));
        (void)other_head;
    }
    return str_of(out, n);
}

static bool is_one_of(struct str s, struct str a, struct str b)
{
    return str_eq(str_trim(s), a) || str_eq(str_trim(s), b);
}

static void mutate(const struct token_key *k, uint32_t times)
{
    struct str good = sign(k, CLAIMS("")), other = sign(k, CLAIMS(",\"scope\":\"admin\""));
    assert_int_equal(judge(good), AUTH_GOOD);
    assert_int_equal(judge(other), AUTH_GOOD);
    for (uint32_t i = 0; i < times; i++) {
        struct str token = mutated(good, other);
        if (is_one_of(token, good, other))
            continue; /* came out as it was: i is counted all the same, and is few */
        must_stay_out(token, "mutated");
    }
}

/* Well signed, and saying something that does not hold. */
static const char *wrong_claims(char *out, size_t size)
{
    uint32_t past = 999940 - roll(900000), future = 1000061 + roll(900000);
    switch (roll(12)) {
    case 0: snprintf(out, size, "{\"iss\":\"https://i\",\"aud\":\"me\",\"exp\":%u}", past); break;
    case 1: snprintf(out, size, CLAIMS(",\"nbf\":%u"), future); break;
    case 2: snprintf(out, size, CLAIMS(",\"iat\":%u"), future); break;
    case 3:
        snprintf(out, size, "{\"iss\":\"https://i\",\"aud\":\"me\",\"exp\":-%u}", future);
        break;
    case 4:
        snprintf(out, size, "{\"iss\":\"https://i\",\"aud\":\"me\",\"exp\":\"%u\"}", future);
        break;
    case 5: snprintf(out, size, "{\"iss\":\"https://i\",\"aud\":\"me\",\"x%u\":1}", future); break;
    case 6:
        snprintf(out, size, "{\"iss\":\"https://i%u\",\"aud\":\"me\",\"exp\":1000300}", past);
        break;
    case 7: snprintf(out, size, "{\"aud\":\"me\",\"exp\":1000300,\"y\":%u}", past); break;
    case 8:
        snprintf(out, size, "{\"iss\":\"https://i\",\"aud\":[\"me%u\"],\"exp\":1000300}", past);
        break;
    case 9: snprintf(out, size, "{\"iss\":\"https://i\",\"exp\":1000300,\"z\":%u}", past); break;
    case 10: snprintf(out, size, CLAIMS(",\"exp\":%u"), future); break; /* said twice */
    default: snprintf(out, size, "[%u]", past);
    }
    return out;
}

static void a_hundred_thousand_tokens_with_one_thing_wrong_stay_out(void **state)
{
    char text[256];
    (void)state;
    seed = 20260101;
    open_bed(STR("/keys"), STR(""));
    publish_all();
    mutate(&bed.secret, HS_MUTATED);
    mutate(&bed.rsa, RS_MUTATED);
    mutate(&bed.ec, ES_MUTATED);
    mutate(&bed.ed, ED_MUTATED);
    for (uint32_t i = 0; i < CLAIMED; i++)
        must_stay_out(token_sign(&bed.secret, NULL, wrong_claims(text, sizeof text), &bed.x.arena),
                      "claims");
    assert_int_equal(judge(sign(&bed.secret, CLAIMS(""))), AUTH_GOOD);
    close_bed();
}

/* ---- memory ---- */

static bool judge_once(void *arg)
{
    static const struct siphash_key key = {1, 2};
    struct auth_state *s = &bed.runtime->states[0];
    struct auth_query q = {0};
    auth_cache_free(s->cache);
    s->cache = auth_cache_new(&key);
    bool good = s->cache && judge_at(*(struct str *)arg, NOW, &q) == AUTH_GOOD;
    if (q.release)
        q.release(q.held);
    arena_release(&bed.x.arena);
    arena_init(&bed.x.arena, 256, 4 << 20);
    return good;
}

static void short_memory_lets_nobody_in(void **state)
{
    struct str token;
    (void)state;
    open_bed(STR("/keys"), STR(""));
    publish_all();
    token = sign(&bed.secret, CLAIMS(",\"scope\":\"a b c\""));
    assert_true(failmalloc_each(judge_once, &token) >= 3);
    close_bed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_says_who_calls_and_is_remembered),
        cmocka_unit_test(without_keys_nobody_can_tell),
        cmocka_unit_test(a_kid_of_a_file_is_not_waited_for),
        cmocka_unit_test(a_new_kid_waits_for_the_keeper_and_comes_in),
        cmocka_unit_test(a_kid_that_nobody_knows_is_refused_when_the_keeper_has_tried),
        cmocka_unit_test(nobody_waits_longer_than_a_second),
        cmocka_unit_test(a_hundred_thousand_tokens_with_one_thing_wrong_stay_out),
        cmocka_unit_test(short_memory_lets_nobody_in),
    };
    return cmocka_run_group_tests_name("auth_runtime", tests, set_up, tear_down);
}
