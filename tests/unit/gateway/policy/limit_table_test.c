#include "gateway/policy/limit_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/slower.h"

#define S UINT64_C(1000000000)
#define MIN (60 * S)

static struct limit_table *table_of(uint32_t keys)
{
    struct limit_table *t = limit_table_new(&(struct limit_table_size){.keys = keys});
    assert_non_null(t);
    return t;
}

static struct limit_clock at(uint64_t ns)
{
    return (struct limit_clock){.mono = ns, .wall = ns};
}

static struct limit_rule rule(enum limit_kind kind, uint64_t amount)
{
    return (struct limit_rule){
        .kind = (uint8_t)kind, .amount = amount, .window_ns = MIN, .burst = amount};
}

static uint32_t bind(struct limit_table *t, const char *name, struct limit_rule r)
{
    uint32_t id = limit_table_bind(t, str_c(name), &r);
    assert_true(id != UINT32_MAX);
    return id;
}

static struct limit_ask ask_of(struct limit_table *t, uint32_t limit, uint64_t key, uint64_t cost)
{
    char text[32];
    int n = snprintf(text, sizeof text, "key %llu", (unsigned long long)key);
    return (struct limit_ask){
        .limit = limit,
        .key = limit_table_key(t, limit, str_of(text, (size_t)n)),
        .cost = cost,
    };
}

static bool take(struct limit_table *t, uint32_t limit, uint64_t key, uint64_t now)
{
    struct limit_ask a = ask_of(t, limit, key, 1);
    return limit_table_take(t, &a, 1, at(now));
}

static unsigned take_up_to(struct limit_table *t, uint32_t limit, uint64_t key, uint64_t now)
{
    unsigned n = 0;
    while (n < 100000 && take(t, limit, key, now))
        n++;
    return n;
}

static void each_key_of_each_limit_has_its_own_budget(void **state)
{
    (void)state;
    struct limit_table *t = table_of(1000);
    uint32_t a = bind(t, "a", rule(LIMIT_TOKEN_BUCKET, 5)),
             b = bind(t, "b", rule(LIMIT_FIXED_WINDOW, 7));
    assert_int_not_equal(a, b);
    assert_int_equal(take_up_to(t, a, 1, S), 5);
    assert_int_equal(take_up_to(t, a, 2, S), 5);
    assert_int_equal(take_up_to(t, b, 1, S), 7);
    assert_int_equal(limit_table_stats(t).keys, 3);
    limit_table_free(t);
}

static void several_limits_are_taken_all_or_none(void **state)
{
    (void)state;
    struct limit_table *t = table_of(1000);
    uint32_t wide = bind(t, "wide", rule(LIMIT_TOKEN_BUCKET, 10)),
             narrow = bind(t, "narrow", rule(LIMIT_SLIDING_LOG, 2));
    for (unsigned i = 0; i < 6; i++) {
        struct limit_ask asks[] = {ask_of(t, wide, 1, 1), ask_of(t, narrow, 1, 1)};
        assert_int_equal(limit_table_take(t, asks, 2, at(S)), i < 2);
        assert_true(asks[0].verdict.granted);
        assert_int_equal(asks[1].verdict.granted, i < 2);
    }
    assert_int_equal(take_up_to(t, wide, 1, S), 8);
    limit_table_free(t);
}

static void reservations_are_settled(void **state)
{
    (void)state;
    struct limit_table *t = table_of(1000);
    uint32_t id = bind(t, "tokens", rule(LIMIT_FIXED_WINDOW, 100));
    struct limit_ask a = ask_of(t, id, 1, 80);
    assert_true(limit_table_take(t, &a, 1, at(S)));
    a.cost = 50;
    limit_table_refund(t, &a, at(2 * S));
    a.cost = 70;
    limit_table_charge(t, &a, at(2 * S));
    assert_true(a.verdict.granted);
    a.cost = 5;
    limit_table_charge(t, &a, at(2 * S)); /* more than was left, charged all the same */
    assert_false(a.verdict.granted);
    assert_int_equal(take_up_to(t, id, 1, 3 * S), 0);
    limit_table_free(t);
}

static void a_changed_rule_keeps_what_was_counted(void **state)
{
    (void)state;
    struct limit_table *t = table_of(1000);
    uint32_t id = bind(t, "n", rule(LIMIT_FIXED_WINDOW, 10));
    assert_int_equal(take_up_to(t, id, 1, S), 10);
    assert_int_equal(bind(t, "n", rule(LIMIT_FIXED_WINDOW, 15)), id);
    assert_int_equal(take_up_to(t, id, 1, S), 5);
    bind(t, "n", rule(LIMIT_SLIDING_LOG, 15)); /* another way of counting begins anew */
    assert_int_equal(take_up_to(t, id, 1, S), 15);
    bind(t, "n", rule(LIMIT_TOKEN_BUCKET, 3));
    assert_int_equal(take_up_to(t, id, 1, S), 3);
    assert_int_equal(limit_table_stats(t).log_bytes, 0);
    limit_table_free(t);
}

/* R7: hostile keys cannot grow memory, nor push out who is near the limit. */
static void a_flood_of_new_keys_pushes_out_its_own(void **state)
{
    enum { KEYS = 20000, BUSY = 500, FLOOD = 400000 };
    (void)state;
    struct limit_table *t = table_of(KEYS);
    uint32_t id = bind(t, "n", rule(LIMIT_FIXED_WINDOW, 10));
    for (uint64_t k = 0; k < BUSY; k++)
        assert_int_equal(take_up_to(t, id, k, S), 10);
    for (uint64_t k = BUSY; k < BUSY + FLOOD; k++)
        assert_true(take(t, id, k, 2 * S));
    for (uint64_t k = 0; k < BUSY; k++)
        assert_int_equal(take_up_to(t, id, k, 3 * S), 0);
    struct limit_table_stats s = limit_table_stats(t);
    assert_true(s.keys <= KEYS + KEYS / 2);
    assert_true(s.forgotten > 0);
    limit_table_free(t);
}

/* Further from their limit than the strangers, but asked now and then: they are not the idle ones.
 */
static void who_is_asked_outlives_who_is_not(void **state)
{
    enum { KEYS = 6400, BUSY = 200, ROUNDS = 100, FLOOD = 400 };
    (void)state;
    struct limit_table *t = table_of(KEYS);
    uint32_t id = bind(t, "n", rule(LIMIT_FIXED_WINDOW, 10000));
    uint64_t stranger = BUSY;
    for (unsigned r = 0; r < ROUNDS; r++) {
        for (uint64_t k = 0; k < BUSY; k++)
            assert_true(take(t, id, k, S + r));
        for (unsigned i = 0; i < FLOOD; i++) {
            struct limit_ask a = ask_of(t, id, stranger++, 2 * ROUNDS);
            assert_true(limit_table_take(t, &a, 1, at(S + r)));
        }
    }
    for (uint64_t k = 0; k < BUSY; k++) {
        struct limit_ask a = ask_of(t, id, k, 1);
        assert_true(limit_table_take(t, &a, 1, at(S + ROUNDS)));
        assert_int_equal(a.verdict.remaining, 10000 - ROUNDS - 1);
    }
    limit_table_free(t);
}

static void keys_as_good_as_fresh_go_first(void **state)
{
    enum { KEYS = 6400 };
    (void)state;
    struct limit_table *t = table_of(KEYS);
    uint32_t id = bind(t, "n", rule(LIMIT_FIXED_WINDOW, 10));
    for (uint64_t k = 0; k < KEYS; k++)
        take(t, id, k, S);
    for (uint64_t k = KEYS; k < 2 * KEYS; k++)
        take(t, id, k, S + 2 * MIN);
    assert_int_equal(limit_table_stats(t).forgotten, 0);
    limit_table_free(t);
}

static void who_is_inside_is_never_forgotten(void **state)
{
    enum { KEYS = 640 };
    (void)state;
    struct limit_table *t = table_of(KEYS);
    uint32_t id = bind(t, "n", rule(LIMIT_CONCURRENCY, 1));
    unsigned inside = 0;
    for (uint64_t k = 0; k < 4 * KEYS; k++)
        inside += take(t, id, k, S);
    struct limit_table_stats s = limit_table_stats(t);
    assert_int_equal(s.keys, inside);
    assert_int_equal(s.forgotten, 0);
    assert_int_equal(s.full, 4 * KEYS - inside); /* refused, not let in uncounted */
    limit_table_free(t);
}

static void logs_are_bounded_and_what_cannot_be_counted_is_refused(void **state)
{
    (void)state;
    struct limit_table *t = limit_table_new(
        &(struct limit_table_size){.keys = 1000, .log_bytes = 4096});
    uint32_t id = bind(t, "n", rule(LIMIT_SLIDING_LOG, 1000));
    unsigned n = 0;
    while (n < 1000 && take(t, id, 1, S + n * 1000)) /* each microsecond an entry of its own */
        n++;
    assert_int_equal(n, 512);
    assert_false(take(t, id, 2, S));
    assert_int_equal(limit_table_stats(t).log_bytes, 4096);
    limit_table_free(t);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 30000, SHARED_KEYS = 7 };

struct crowd {
    struct limit_table *table;
    uint32_t limits[2];
    atomic_uint granted[SHARED_KEYS];
};

static void *crowd_member(void *arg)
{
    struct crowd *c = arg;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t key = i % SHARED_KEYS;
        struct limit_ask asks[] = {ask_of(c->table, c->limits[i & 1], key, 1),
                                   ask_of(c->table, c->limits[~i & 1], key, 1)};
        if (limit_table_take(c->table, asks, 2, at(S)))
            atomic_fetch_add(&c->granted[key], 1);
        take(c->table, c->limits[0], 1000 + i, S); /* and strangers in between */
    }
    return NULL;
}

static void budgets_are_exact_across_threads(void **state)
{
    static struct crowd c;
    pthread_t threads[THREADS];
    (void)state;
    c.table = table_of(2000);
    c.limits[0] = bind(c.table, "a", rule(LIMIT_TOKEN_BUCKET, 1000));
    c.limits[1] = bind(c.table, "b", rule(LIMIT_SLIDING_LOG, 2000));
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &c), 0);
    for (unsigned i = 0; i < 1000; i++) /* while rules change */
        bind(c.table, "c", rule(LIMIT_FIXED_WINDOW, i + 1));
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned k = 0; k < SHARED_KEYS; k++)
        assert_int_equal(c.granted[k], 1000);
    limit_table_free(c.table);
}

/* ---- size and cost ---- */

static uint64_t resident(void)
{
    unsigned long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &all, &pages), 2);
    fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

static double ns_per_take(struct limit_table *t, uint32_t id, uint64_t keys)
{
    enum { TAKES = 1000000 };
    uint64_t seed = 1, begun = cpu_ns();
    for (unsigned i = 0; i < TAKES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t key = (seed >> 33) % keys;
        struct limit_ask a = {.limit = id, .cost = 1};
        a.key = limit_table_key(t, id, str_of((const char *)&key, sizeof key));
        limit_table_take(t, &a, 1, at(S + i));
    }
    return (double)(cpu_ns() - begun) / TAKES;
}

static void a_million_keys_fit_and_stay_fast(void **state)
{
    (void)state;
    static const enum limit_kind kinds[] = {LIMIT_TOKEN_BUCKET, LIMIT_FIXED_WINDOW,
                                            LIMIT_SLIDING_COUNTER};
    for (size_t i = 0; i < 3; i++) {
        uint64_t before = resident();
        struct limit_table *t = table_of(0);
        uint32_t id = bind(t, "n", rule(kinds[i], 100));
        double one = ns_per_take(t, id, 1);
        for (uint64_t key = 0; key < 1000000; key++) {
            struct limit_ask a = {.limit = id, .cost = 1};
            a.key = limit_table_key(t, id, str_of((const char *)&key, sizeof key));
            limit_table_take(t, &a, 1, at(S));
        }
        double million = ns_per_take(t, id, 1000000);
        uint64_t used = resident() - before;
        struct limit_table_stats s = limit_table_stats(t);
        print_message("kind %d: one key %.0f ns, a million %.0f ns a take; %.1f MB\n", kinds[i],
                      one, million, (double)used / 1e6);
        assert_true(s.keys >= 1000000 && s.forgotten == 0);
        assert_true(used <= ((uint64_t)128 << 20) * FATTER || used > UINT64_MAX / 2);
        assert_true(one < 5000 && million < 10000); /* far off: machines and sanitizers differ */
        limit_table_free(t);
    }
}

static bool live_once(void *arg)
{
    struct limit_table *t = limit_table_new(&(struct limit_table_size){.keys = 100});
    bool ok = t != NULL;
    if (ok) {
        struct limit_rule r = rule(LIMIT_SLIDING_LOG, 100);
        uint32_t id = limit_table_bind(t, STR("n"), &r);
        ok = id != UINT32_MAX;
        for (uint64_t i = 0; i < 10 && ok; i++)
            ok = take(t, id, 1, S + i * 1000);
    }
    limit_table_free(t);
    (void)arg;
    return ok;
}

static void want_of_memory_refuses(void **state)
{
    (void)state;
    assert_true(failmalloc_each(live_once, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_of_each_limit_has_its_own_budget),
        cmocka_unit_test(several_limits_are_taken_all_or_none),
        cmocka_unit_test(reservations_are_settled),
        cmocka_unit_test(a_changed_rule_keeps_what_was_counted),
        cmocka_unit_test(a_flood_of_new_keys_pushes_out_its_own),
        cmocka_unit_test(who_is_asked_outlives_who_is_not),
        cmocka_unit_test(keys_as_good_as_fresh_go_first),
        cmocka_unit_test(who_is_inside_is_never_forgotten),
        cmocka_unit_test(logs_are_bounded_and_what_cannot_be_counted_is_refused),
        cmocka_unit_test(budgets_are_exact_across_threads),
        cmocka_unit_test(a_million_keys_fit_and_stay_fast),
        cmocka_unit_test(want_of_memory_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
