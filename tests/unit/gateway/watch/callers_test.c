#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gateway/watch/watch_internal.h"
#include "tests/unit/gateway/watch/watch_fixture.h"
#include "tests/unit/support/failmalloc.h"

static struct watch *open_watch(uint32_t most)
{
    struct watch *w = watch_new(FIXTURE_METHODS, NULL);
    assert_non_null(w);
    assert_true(watch_name_callers(w, most));
    return w;
}

static void record(struct watch *w, const char *provider, const char *caller, uint16_t status)
{
    struct event e = {.provider = str_c(provider), .caller = str_c(caller), .http_status = status};
    watch_record(w, &e);
}

static const struct plan nothing = {0};

/* The value of one sample over these workers; -1: it is not told. */
static int told(struct watch *const *workers, uint32_t n, const char *labels)
{
    struct buf out;
    char sample[400];
    int value = -1, times = 0;
    buf_init(&out, 1 << 20);
    assert_true(watch_metrics(&out, workers, n, &nothing, NULL, 0));
    snprintf(sample, sizeof sample, "postern_caller_requests_total{%s} ", labels);
    struct str rest = buf_str(&out), wanted = str_c(sample);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        uint64_t v;
        if (!str_starts(line, wanted))
            continue;
        times++;
        assert_true(str_to_u64(str_skip(line, wanted.n), 1000000, &v));
        value = (int)v;
    }
    buf_release(&out);
    assert_true(times <= 1);
    return value;
}

#define ALICE "provider=\"k\",caller=\"alice\",status=\"2xx\""
#define OTHERS "provider=\"\",caller=\"\",status=\"2xx\""

static void callers_are_counted_by_provider_id_and_status(void **state)
{
    struct watch *w = open_watch(10);
    (void)state;
    record(w, "k", "alice", 200);
    record(w, "k", "alice", 204);
    record(w, "k", "alice", 403);
    record(w, "j", "alice", 200);
    record(w, "k", "", 200); /* nobody was known */
    record(w, "k", "quo\"te\n", 500);
    assert_int_equal(told(&w, 1, ALICE), 2);
    assert_int_equal(told(&w, 1, "provider=\"k\",caller=\"alice\",status=\"4xx\""), 1);
    assert_int_equal(told(&w, 1, "provider=\"j\",caller=\"alice\",status=\"2xx\""), 1);
    assert_int_equal(told(&w, 1, "provider=\"k\",caller=\"quo\\\"te\\n\",status=\"5xx\""), 1);
    assert_int_equal(told(&w, 1, OTHERS), -1);
    watch_free(w);
}

static void nobody_is_named_unless_asked_for(void **state)
{
    struct watch *w = open_watch(0);
    (void)state;
    record(w, "k", "alice", 200);
    assert_int_equal(told(&w, 1, ALICE), -1);
    assert_int_equal(told(&w, 1, OTHERS), -1);
    watch_free(w);
}

/* Whoever makes up names fills the places and no more. */
static void those_without_a_place_are_counted_together(void **state)
{
    struct watch *w = open_watch(100);
    char name[300];
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    record(w, "k", name, 200); /* too long for one */
    record(w, "k", "alice", 200);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "caller-%d", i);
        record(w, "k", name, 200);
    }
    assert_int_equal(told(&w, 1, ALICE), 1);
    assert_int_equal(told(&w, 1, "provider=\"k\",caller=\"caller-98\",status=\"2xx\""), 1);
    assert_int_equal(told(&w, 1, "provider=\"k\",caller=\"caller-99\",status=\"2xx\""), -1);
    assert_int_equal(told(&w, 1, OTHERS), 1 + 1000 - 99);
    watch_free(w);
}

static void workers_are_summed_up(void **state)
{
    struct watch *w[2] = {open_watch(2), open_watch(2)};
    (void)state;
    record(w[0], "k", "alice", 200);
    record(w[1], "k", "bob", 200);
    record(w[1], "k", "alice", 200);
    record(w[1], "k", "carol", 200);
    assert_int_equal(told(w, 2, ALICE), 2);
    assert_int_equal(told(w, 2, "provider=\"k\",caller=\"bob\",status=\"2xx\""), 1);
    assert_int_equal(told(w, 2, OTHERS), 1);
    for (int i = 0; i < 2; i++)
        watch_free(w[i]);
}

static void a_reload_takes_them_along(void **state)
{
    struct watch *from = open_watch(3), *to = open_watch(2), *off = open_watch(0);
    (void)state;
    record(from, "k", "alice", 200);
    record(from, "k", "bob", 200);
    record(from, "k", "carol", 200);
    record(from, "k", "dave", 200);
    record(to, "k", "bob", 200);
    watch_callers_move(from, to);
    watch_callers_move(from, to); /* nothing is left */
    assert_int_equal(told(&to, 1, ALICE), 1);
    assert_int_equal(told(&to, 1, "provider=\"k\",caller=\"bob\",status=\"2xx\""), 2);
    assert_int_equal(told(&to, 1, OTHERS), 2);
    watch_callers_move(to, off);
    watch_callers_move(off, to);
    watch_free(from);
    watch_free(to);
    watch_free(off);
}

static void want_of_memory_counts_among_the_others(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t i = 0; failed; i++) {
        struct watch *w = watch_new(FIXTURE_METHODS, NULL);
        failmalloc_start(i);
        bool named = watch_name_callers(w, 1000);
        for (int k = 0; named && k < 1000; k++) {
            char name[100];
            snprintf(name, sizeof name, "%090d", k);
            record(w, "k", name, 200);
        }
        failed = failmalloc_stop();
        assert_true(named || failed);
        if (named)
            assert_true((told(&w, 1, OTHERS) > 0) == failed);
        watch_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_are_counted_by_provider_id_and_status),
        cmocka_unit_test(nobody_is_named_unless_asked_for),
        cmocka_unit_test(those_without_a_place_are_counted_together),
        cmocka_unit_test(workers_are_summed_up),
        cmocka_unit_test(a_reload_takes_them_along),
        cmocka_unit_test(want_of_memory_counts_among_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
