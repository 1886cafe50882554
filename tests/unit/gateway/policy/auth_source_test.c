#include "gateway/policy/auth_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "transcoder/error.h"

#define HASH "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct auth_provider provider = {
    .name = STR_INIT("p"),
    .kind = AUTH_API_KEY,
    .fetch = {.file = STR_INIT("/keys"), .refresh_ms = 1, .keep_ms = 2},
};

static struct auth_data *data_of(unsigned n)
{
    struct auth_data *d = auth_data_new(AUTH_API_KEY);
    struct tc_error e = {0};
    struct arena a;
    arena_init(&a, 1024, 1 << 20);
    struct str text = arena_printf(&a, "{\"keys\":[{\"id\":\"%u\",\"hash\":\"" HASH "\"}]}", n);
    assert_true(d && auth_keys_parse(text, STR("p"), &d->keys, &e));
    arena_release(&a);
    return d;
}

static void a_source_tells_what_was_published_last(void **state)
{
    struct auth_source *s = auth_source_new(&provider);
    struct auth_view v = {.source = s};
    struct auth_source_view seen;
    (void)state;
    assert_null(auth_view_data(&v));
    auth_source_look(s, &seen);
    assert_false(seen.ready || seen.failing);
    auth_source_publish(s, data_of(1));
    const struct auth_data *first = auth_view_data(&v);
    assert_true(str_eq(first->keys.items[0].principal.id, STR("1")));
    assert_ptr_equal(auth_view_data(&v), first);
    auth_source_failed(s, "gone");
    assert_ptr_equal(auth_view_data(&v), first); /* what was there stays */
    auth_source_look(s, &seen);
    assert_true(seen.ready && seen.failing && seen.attempts == 2 && seen.failures == 1);
    assert_string_equal(seen.why, "gone");
    auth_source_publish(s, data_of(2));
    assert_true(str_eq(auth_view_data(&v)->keys.items[0].principal.id, STR("2")));
    auth_source_look(s, &seen);
    assert_true(seen.ready && !seen.failing && seen.entries == 1);
    auth_source_publish(s, NULL); /* too old */
    assert_null(auth_view_data(&v));
    auth_source_look(s, &seen);
    assert_true(!seen.ready && seen.failing && seen.entries == 0);
    auth_view_release(&v);
    auth_source_release(s);
}

/* A call that is under way goes on with whom it has found, though the key file has changed and the
 * provider has gone. */
static void what_is_held_outlives_source_and_view(void **state)
{
    struct auth_source *s = auth_source_new(&provider);
    struct auth_view v = {.source = s};
    (void)state;
    auth_source_publish(s, data_of(1));
    struct auth_data *held = auth_data_hold((struct auth_data *)(uintptr_t)auth_view_data(&v));
    auth_source_publish(s, data_of(2));
    auth_view_data(&v);
    auth_view_release(&v);
    auth_source_release(s);
    assert_true(str_eq(held->keys.items[0].principal.id, STR("1")));
    assert_true(str_eq(held->keys.items[0].principal.provider, STR("p")));
    auth_data_release(held);
}

static void a_source_fits_the_same_configuration_alone(void **state)
{
    struct auth_source *s = auth_source_new(&provider);
    (void)state;
    assert_true(auth_source_fits(s, &provider));
    struct auth_provider other[8];
    for (int i = 0; i < 8; i++)
        other[i] = provider;
    other[0].name = STR("q");
    other[1].kind = AUTH_JWT;
    other[2].fetch.file = STR("/other");
    other[3].fetch.url = STR("http://x");
    other[4].fetch.discovery = STR("http://x");
    other[5].fetch.ca_file = STR("/ca");
    other[6].fetch.refresh_ms = 3;
    other[7].fetch.keep_ms = 3;
    for (int i = 0; i < 8; i++)
        assert_false(auth_source_fits(s, &other[i]));
    auth_source_release(s);
}

/* ---- threads ---- */

enum { ROUNDS = 2000, LOOKERS = 3 };

struct looker {
    struct auth_source *source;
    atomic_bool *over;
    pthread_barrier_t *start;
    pthread_t thread;
    bool wrong;
};

static void *look(void *arg)
{
    struct looker *l = arg;
    struct auth_view v = {.source = l->source};
    unsigned last = 0;
    pthread_barrier_wait(l->start);
    while (!atomic_load(l->over)) {
        const struct auth_data *d = auth_view_data(&v);
        struct auth_source_view seen;
        uint64_t n = 0;
        if (!d)
            continue;
        str_to_u64(d->keys.items[0].principal.id, ROUNDS, &n);
        l->wrong |= n < last; /* never back to an older one */
        last = (unsigned)n;
        struct auth_data *held = auth_data_hold((struct auth_data *)(uintptr_t)d);
        auth_source_look(l->source, &seen);
        l->wrong |= held->keys.items[0].principal.id.n == 0;
        auth_data_release(held);
    }
    l->wrong |= !str_eq(auth_view_data(&v)->keys.items[0].principal.id, STR("1999"));
    auth_view_release(&v);
    auth_source_release(l->source);
    return NULL;
}

static void workers_look_while_the_keeper_publishes(void **state)
{
    struct auth_source *s = auth_source_new(&provider);
    struct looker lookers[LOOKERS];
    atomic_bool over = false;
    pthread_barrier_t start;
    (void)state;
    pthread_barrier_init(&start, NULL, LOOKERS + 1);
    for (int i = 0; i < LOOKERS; i++) {
        lookers[i] = (struct looker){.source = auth_source_hold(s), .over = &over, .start = &start};
        assert_int_equal(pthread_create(&lookers[i].thread, NULL, look, &lookers[i]), 0);
    }
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < ROUNDS; i++) {
        auth_source_publish(s, data_of(i));
        if (i % 7 == 0)
            auth_source_failed(s, "away");
    }
    atomic_store(&over, true);
    for (int i = 0; i < LOOKERS; i++) {
        pthread_join(lookers[i].thread, NULL);
        assert_false(lookers[i].wrong);
    }
    pthread_barrier_destroy(&start);
    auth_source_release(s);
}

static bool make_once(void *arg)
{
    struct auth_source *s = auth_source_new(arg);
    auth_source_release(s);
    return s != NULL;
}

static void short_memory_makes_no_source(void **state)
{
    struct auth_provider p = provider;
    (void)state;
    assert_true(failmalloc_each(make_once, &p) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_tells_what_was_published_last),
        cmocka_unit_test(what_is_held_outlives_source_and_view),
        cmocka_unit_test(a_source_fits_the_same_configuration_alone),
        cmocka_unit_test(workers_look_while_the_keeper_publishes),
        cmocka_unit_test(short_memory_makes_no_source),
    };
    return cmocka_run_group_tests_name("auth_source", tests, NULL, NULL);
}
