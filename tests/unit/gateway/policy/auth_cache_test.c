#include "gateway/policy/auth_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/unit/support/failmalloc.h"

static const struct siphash_key key = {1, 2};

static struct auth_entry *put(struct auth_cache *c, const char *token, int64_t expires, size_t more)
{
    struct auth_entry *e = auth_entry_new(str_c(token));
    assert_non_null(e);
    e->expires = expires;
    e->good = true;
    assert_non_null(arena_alloc(&e->arena, more));
    auth_cache_put(c, e);
    return e;
}

static void a_token_is_found_as_long_as_it_is_good(void **state)
{
    struct auth_cache *c = auth_cache_new(&key);
    (void)state;
    struct auth_entry *e = put(c, "token", 100, 0);
    assert_ptr_equal(auth_cache_find(c, STR("token"), 99, 0), e);
    assert_null(auth_cache_find(c, STR("toke"), 99, 0));
    assert_null(auth_cache_find(c, STR("token "), 99, 0));
    assert_null(auth_cache_find(c, STR(""), 99, 0));
    assert_null(auth_cache_find(c, STR("token"), 100, 0));
    assert_null(auth_cache_find(c, STR("token"), 99, 0)); /* forgotten */
    auth_cache_free(c);
}

static void what_is_dropped_is_gone_and_nothing_else(void **state)
{
    struct auth_cache *c = auth_cache_new(&key);
    (void)state;
    put(c, "token", 100, 0);
    put(c, "other", 100, 0);
    auth_cache_drop(c, STR("token"));
    auth_cache_drop(c, STR("token"));
    assert_null(auth_cache_find(c, STR("token"), 0, 0));
    assert_non_null(auth_cache_find(c, STR("other"), 0, 0));
    auth_cache_free(c);
}

static void other_keys_make_every_token_unknown(void **state)
{
    struct auth_cache *c = auth_cache_new(&key);
    (void)state;
    put(c, "token", 100, 0)->version = 7;
    assert_non_null(auth_cache_find(c, STR("token"), 0, 7));
    assert_null(auth_cache_find(c, STR("token"), 0, 8));
    assert_null(auth_cache_find(c, STR("token"), 0, 7));
    auth_cache_free(c);
}

static void the_one_not_used_for_longest_goes_first(void **state)
{
    struct auth_cache *c = auth_cache_new(&key);
    char text[32];
    (void)state;
    for (int i = 0; i < AUTH_CACHE_ENTRIES; i++) {
        snprintf(text, sizeof text, "token-%d", i);
        put(c, text, 100, 0);
    }
    assert_non_null(auth_cache_find(c, STR("token-0"), 0, 0)); /* is the newest now */
    put(c, "one more", 100, 0);
    put(c, "and one", 100, 0);
    assert_non_null(auth_cache_find(c, STR("token-0"), 0, 0));
    assert_null(auth_cache_find(c, STR("token-1"), 0, 0));
    assert_null(auth_cache_find(c, STR("token-2"), 0, 0));
    assert_non_null(auth_cache_find(c, STR("token-3"), 0, 0));
    auth_cache_free(c);
}

/* What no good tokens there are is remembered in a share of its own. */
static void those_that_are_no_good_push_out_none_that_is(void **state)
{
    struct auth_cache *c = auth_cache_new(&key);
    char text[32];
    (void)state;
    put(c, "good", 100, 0);
    for (int i = 0; i < 2 * AUTH_CACHE_ENTRIES; i++) {
        snprintf(text, sizeof text, "bad-%d", i);
        struct auth_entry *e = auth_entry_new(str_c(text));
        e->expires = 100;
        auth_cache_put(c, e);
    }
    assert_non_null(auth_cache_find(c, STR("good"), 0, 0));
    assert_null(auth_cache_find(c, STR("bad-0"), 0, 0));
    snprintf(text, sizeof text, "bad-%d", 2 * AUTH_CACHE_ENTRIES - AUTH_CACHE_BAD_ENTRIES);
    assert_non_null(auth_cache_find(c, str_c(text), 0, 0));
    put(c, text, 100, 0); /* has become good */
    assert_true(auth_cache_find(c, str_c(text), 0, 0)->good);
    auth_cache_free(c);
}

static void bytes_are_bounded_too(void **state)
{
    enum { EACH = 512 << 10 };
    struct auth_cache *c = auth_cache_new(&key);
    char text[32];
    int kept = 0;
    (void)state;
    failmalloc_count_start();
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "token-%d", i);
        put(c, text, 100, EACH);
    }
    assert_true(failmalloc_count_stop() < AUTH_CACHE_BYTES + 4 * EACH);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "token-%d", i);
        kept += auth_cache_find(c, str_c(text), 0, 0) != NULL;
    }
    assert_in_range(kept, AUTH_CACHE_BYTES / EACH - 2, AUTH_CACHE_BYTES / EACH);
    assert_non_null(auth_cache_find(c, STR("token-99"), 0, 0));
    auth_cache_free(c);
}

static void what_is_held_outlives_the_cache(void **state)
{
    struct auth_cache *c = auth_cache_new(&key);
    (void)state;
    struct auth_entry *e = auth_entry_hold(put(c, "token", 100, 0));
    assert_null(auth_cache_find(c, STR("token"), 100, 0)); /* expired: forgotten */
    assert_true(str_eq(e->token, STR("token")));
    auth_entry_release(e);
    e = auth_entry_hold(put(c, "token", 100, 0));
    struct auth_entry *twin = put(c, "token", 200, 0); /* takes its place */
    assert_ptr_equal(auth_cache_find(c, STR("token"), 0, 0), twin);
    auth_entry_hold(twin);
    auth_cache_free(c);
    assert_true(str_eq(e->token, STR("token")) && str_eq(twin->token, STR("token")));
    auth_entry_release(e);
    auth_entry_release(twin);
    auth_entry_release(NULL);
}

/* Against a list that cannot be wrong. */
static void random_use_is_that_of_a_list(void **state)
{
    enum { TOKENS = 50, STEPS = 20000 };
    struct auth_cache *c = auth_cache_new(&key);
    int64_t expires[TOKENS] = {0};
    uint32_t versions[TOKENS] = {0}, seed = 42;
    (void)state;
    for (int i = 0; i < STEPS; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t t = seed >> 16 & 0xffff;
        char text[16];
        snprintf(text, sizeof text, "t%u", t % TOKENS);
        if (seed & 1 << 9) {
            expires[t % TOKENS] = i + (int64_t)(t >> 6) % 300;
            put(c, text, expires[t % TOKENS], t % 100)->version = versions[t % TOKENS] = t >> 14 &
                                                                                         1;
        } else {
            bool there = auth_cache_find(c, str_c(text), i, 1) != NULL;
            assert_int_equal(there, expires[t % TOKENS] > i && versions[t % TOKENS] == 1);
            expires[t % TOKENS] = there ? expires[t % TOKENS] : 0;
        }
    }
    auth_cache_free(c);
}

static bool use_once(void *arg)
{
    struct auth_cache *c = auth_cache_new(&key);
    struct auth_entry *e = c ? auth_entry_new(STR("token")) : NULL;
    (void)arg;
    if (e)
        auth_cache_put(c, e);
    auth_cache_free(c);
    return e != NULL;
}

static void short_memory_is_said_and_nothing_leaks(void **state)
{
    (void)state;
    assert_true(failmalloc_each(use_once, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_found_as_long_as_it_is_good),
        cmocka_unit_test(what_is_dropped_is_gone_and_nothing_else),
        cmocka_unit_test(other_keys_make_every_token_unknown),
        cmocka_unit_test(the_one_not_used_for_longest_goes_first),
        cmocka_unit_test(those_that_are_no_good_push_out_none_that_is),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(what_is_held_outlives_the_cache),
        cmocka_unit_test(random_use_is_that_of_a_list),
        cmocka_unit_test(short_memory_is_said_and_nothing_leaks),
    };
    return cmocka_run_group_tests_name("auth_cache", tests, NULL, NULL);
}
