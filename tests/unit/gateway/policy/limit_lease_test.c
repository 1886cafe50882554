#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "gateway/policy/limiter.h"
#include "tests/unit/support/failmalloc.h"

/* The leases of one worker, without a Redis: what goes back to it is written down. */

#define MS UINT64_C(1000000)

enum { RETURNS = 2 * LEASES_MAX };

struct fake_redis {
    struct redis base; /* first */
    uint32_t n;
    double returned[RETURNS];
    char keys[RETURNS][LIMIT_KEY_TEXT];
};

struct bench {
    uv_loop_t loop;
    struct timer_wheel timers;
    struct fake_redis redis;
    struct limit_table *table;
    struct limiter *limiter;
    struct plan_limit limit;
    uint64_t reset_ms; /* what Redis says */
};

static struct bench b; /* breach: large, and one test runs at a time */

static bool eval(struct redis *r, struct redis_call *call, const struct redis_command *c,
                 redis_done *done)
{
    struct fake_redis *f = (struct fake_redis *)r;
    struct limit_script_row row;
    assert_null(call);
    assert_null(done);
    assert_int_equal(c->nkeys, 1);
    assert_int_equal(c->args[1].p[0] - '0', LIMIT_SCRIPT_REFUND);
    assert_int_equal(c->args[2].n, sizeof row);
    memcpy(&row, c->args[2].p, sizeof row);
    assert_true(f->n < RETURNS);
    memcpy(f->keys[f->n], c->keys[0].p, c->keys[0].n);
    f->keys[f->n][c->keys[0].n] = '\0';
    f->returned[f->n++] = row.cost;
    return true;
}

static int set_up(void **state)
{
    static const struct redis_ops ops = {.eval = eval};
    (void)state;
    b = (struct bench){.redis = {.base = {&ops}}, .reset_ms = 30000};
    uv_loop_init(&b.loop);
    timer_wheel_init(&b.timers, &b.loop);
    b.limit = (struct plan_limit){
        .name = STR("n"),
        .id = STR("rpc a n"),
        .store = LIMIT_LEASED,
        .rule = {.kind = LIMIT_FIXED_WINDOW, .amount = 1000, .window_ns = 60000 * MS},
    };
    b.table = limit_table_new(&(struct limit_table_size){.keys = 100});
    b.limiter = limiter_new(&(struct limiter_options){
        .table = b.table, .redis = &b.redis.base, .timers = &b.timers, .prefix = STR("p")});
    assert_true(b.table && b.limiter && limit_bind(b.table, &b.limit));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    limiter_free(b.limiter);
    limit_table_free(b.table);
    timer_wheel_close(&b.timers);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&b.loop);
}

static struct limit_item item(const char *key)
{
    struct limit_item i = {.limit = &b.limit, .key = str_c(key), .cost = 1, .at_us = 7};
    limit_prepare_ask(b.limiter, &i);
    i.ask.verdict = (struct limit_verdict){
        .granted = true, .remaining = 900, .reset_ns = b.reset_ms * MS};
    return i;
}

static enum limit_outcome spend(const char *key, uint64_t cost, uint64_t *remaining)
{
    struct limit_item i = item(key);
    enum limit_outcome o = limit_lease_spend(b.limiter, &i, cost);
    if (remaining)
        *remaining = i.ask.verdict.remaining;
    return o;
}

static void put(const char *key, uint64_t surplus)
{
    struct limit_item i = item(key);
    limit_lease_put(b.limiter, &i, surplus);
}

static void run_for(uint64_t ms)
{
    uint64_t until = clock_now() + ms * MS;
    while (clock_now() < until) {
        uv_run(&b.loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

static void a_batch_is_spent_and_no_more(void **state)
{
    uint64_t remaining = 0;
    (void)state;
    assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
    put("ann", 5);
    assert_int_equal(spend("ann", 2, &remaining), LIMIT_GRANTED);
    assert_int_equal(remaining, 903); /* there, and what is left of the batch */
    assert_int_equal(spend("ann", 4, NULL), LIMIT_WAITING);
    assert_int_equal(spend("ann", 3, NULL), LIMIT_GRANTED);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
    assert_int_equal(spend("bob", 1, NULL), LIMIT_WAITING);
    put("ann", 2);
    put("ann", 2); /* adds up */
    assert_int_equal(spend("ann", 4, NULL), LIMIT_GRANTED);
}

static void what_is_given_back_may_be_spent_again(void **state)
{
    struct limit_item i = item("ann");
    (void)state;
    assert_false(limit_lease_give_back(b.limiter, &i, 3));
    put("ann", 1);
    assert_true(limit_lease_give_back(b.limiter, &i, 3));
    assert_int_equal(spend("ann", 4, NULL), LIMIT_GRANTED);
}

static void what_was_of_an_earlier_window_is_gone(void **state)
{
    struct limit_item i = item("ann");
    (void)state;
    i.at_us = 90 * 1000000;
    limit_lease_put(b.limiter, &i, 1); /* half of a minute is over */
    i.at_us = 59 * 1000000;
    assert_true(limit_lease_give_back(b.limiter, &i, 3));
    assert_int_equal(spend("ann", 2, NULL), LIMIT_WAITING);
    i.at_us = 61 * 1000000;
    assert_true(limit_lease_give_back(b.limiter, &i, 3));
    assert_int_equal(spend("ann", 4, NULL), LIMIT_GRANTED);
}

/* Asked again a moment later, not at once. */
static void a_refusal_holds_for_a_moment(void **state)
{
    struct limit_item i = item("ann");
    (void)state;
    i.ask.verdict = (struct limit_verdict){.wait_ns = 1000 * MS};
    limit_lease_block(b.limiter, &i);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_REFUSED);
    run_for(LEASE_BLOCK_MS + 5);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
    i.ask.verdict.wait_ns = 1; /* whose wait is shorter is asked sooner */
    limit_lease_block(b.limiter, &i);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
}

static void what_is_not_spent_in_time_goes_back(void **state)
{
    struct limit_item i = item("ann");
    (void)state;
    put("ann", 9);
    put("bob", 4);
    assert_int_equal(spend("bob", 4, NULL), LIMIT_GRANTED);
    run_for(LEASE_MS + LEASE_MS / 2);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
    assert_int_equal(b.redis.n, 1); /* of bob's nothing is left */
    assert_true(b.redis.returned[0] == 9);
    assert_true(str_eq(str_c(b.redis.keys[0]), limit_redis_key(b.limiter, &i)));
}

/* What was taken of one window would else be spent in the next one, beyond what that has. */
static void a_lease_of_a_fixed_window_ends_with_it(void **state)
{
    (void)state;
    b.reset_ms = 30;
    put("ann", 9);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_GRANTED);
    run_for(35);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
    b.reset_ms = 30000;
    put("ann", 2); /* of the next window */
    assert_int_equal(b.redis.n, 1);
    assert_true(b.redis.returned[0] == 8);
    assert_int_equal(spend("ann", 3, NULL), LIMIT_WAITING);
    assert_int_equal(spend("ann", 2, NULL), LIMIT_GRANTED);
}

static void the_tokens_of_a_bucket_are_good_as_long_as_any(void **state)
{
    (void)state;
    b.limit.rule.kind = LIMIT_TOKEN_BUCKET;
    b.reset_ms = 1;
    put("ann", 9);
    run_for(20);
    assert_int_equal(spend("ann", 9, NULL), LIMIT_GRANTED);
}

static void more_leases_than_there_is_room_for_end_the_oldest(void **state)
{
    char text[16];
    (void)state;
    for (unsigned n = 0; n < LEASES_MAX + 10; n++) {
        snprintf(text, sizeof text, "k%u", n);
        put(text, 1 + n);
    }
    assert_int_equal(b.redis.n, 10);
    for (unsigned n = 0; n < 10; n++)
        assert_true(b.redis.returned[n] == 1 + n);
    assert_int_equal(spend("k9", 1, NULL), LIMIT_WAITING);
    assert_int_equal(spend("k10", 11, NULL), LIMIT_GRANTED);
    snprintf(text, sizeof text, "k%u", LEASES_MAX + 9);
    assert_int_equal(spend(text, 1, NULL), LIMIT_GRANTED);
}

static void all_goes_back_at_the_end(void **state)
{
    (void)state;
    put("ann", 9);
    put("bob", 4);
    limit_leases_release(b.limiter);
    assert_int_equal(b.redis.n, 2);
    assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
    put("ann", 2); /* and works on */
    assert_int_equal(spend("ann", 2, NULL), LIMIT_GRANTED);
}

/* Without memory there are no leases: Redis is asked each time. */
static void want_of_memory_is_no_lease(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        failmalloc_start(i);
        put("ann", 5);
        assert_true(failmalloc_stop());
        assert_int_equal(spend("ann", 1, NULL), LIMIT_WAITING);
    }
    put("ann", 5);
    assert_int_equal(spend("ann", 5, NULL), LIMIT_GRANTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_is_spent_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_given_back_may_be_spent_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_of_an_earlier_window_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_holds_for_a_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_spent_in_time_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lease_of_a_fixed_window_ends_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_tokens_of_a_bucket_are_good_as_long_as_any, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_leases_than_there_is_room_for_end_the_oldest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_goes_back_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(want_of_memory_is_no_lease, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
