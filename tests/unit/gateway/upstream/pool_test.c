#include "gateway/upstream/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fakes/call_probe.h"
#include "tests/fakes/h2_server.h"

/* A pool of its own, without the cluster around it, before a scripted server. */
struct bench {
    struct turn turn; /* first */
    uv_loop_t loop;
    struct h2_server server;
    struct cluster_config config;
    struct pool_counters counters;
    struct pool *pool;
    char endpoint[128];
    uint32_t changes, failures;
    bool closed;
};

static bool nothing_to_do(struct turn *t)
{
    (void)t;
    return false;
}

static void on_turn_closed(struct turn *t)
{
    ((struct bench *)t)->closed = true;
}

static void on_changed(void *owner, struct pool *p, bool failed)
{
    struct bench *b = owner;
    assert_ptr_equal(p, b->pool);
    b->changes++;
    b->failures += failed;
}

static void serve(struct bench *b, const char *address)
{
    b->server = (struct h2_server){0};
    assert_true(h2_listen(&b->server, &b->loop, address));
}

/* The port of a server that has gone. */
static void aim_at_nobody(struct bench *b)
{
    serve(b, "127.0.0.1:0");
    snprintf(b->endpoint, sizeof b->endpoint, "%s", b->server.name);
    h2_close(&b->server);
}

static void aim_at_server(struct bench *b)
{
    serve(b, "127.0.0.1:0");
    snprintf(b->endpoint, sizeof b->endpoint, "%s", b->server.name);
}

static struct bench *bench_open(void (*aim)(struct bench *))
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    uv_loop_init(&b->loop);
    aim(b);
    turn_open(&b->turn, &b->loop, nothing_to_do, on_turn_closed);
    b->config = (struct cluster_config){
        .connect_timeout_ms = 200, .max_connections = 3, .max_streams = 10};
    struct address a;
    assert_int_equal(resolve_numeric(str_c(b->endpoint), &a), RESOLVE_DONE);
    b->pool = pool_new(&b->turn, &b->config, str_c(b->endpoint), &a, &b->counters);
    assert_non_null(b->pool);
    b->pool->changed = on_changed;
    b->pool->owner = b;
    return b;
}

static void run(struct bench *b, uint32_t ms)
{
    run_for(&b->loop, ms);
}

static void run_to(struct bench *b, enum pool_state wanted)
{
    for (int i = 0; i < 300 && pool_state(b->pool) != wanted; i++)
        run(b, 5);
    assert_int_equal(pool_state(b->pool), wanted);
}

static void bench_close(struct bench *b)
{
    pool_free(b->pool, STR("the test is over"));
    if (b->server.loop)
        h2_close(&b->server);
    turn_close(&b->turn);
    for (int i = 0; i < 100 && uv_loop_alive(&b->loop); i++)
        run(b, 5);
    assert_true(b->closed);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
}

static void it_connects_when_it_is_asked_and_gives_the_connection_out(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    assert_int_equal(pool_state(b->pool), POOL_IDLE);
    assert_null(pool_acquire(b->pool));
    assert_true(pool_connect(b->pool));
    assert_true(pool_connect(b->pool)); /* one at a time */
    assert_int_equal(pool_state(b->pool), POOL_CONNECTING);
    run_to(b, POOL_UP);
    assert_int_equal(b->counters.connects, 1);
    assert_int_equal(b->changes, 1);
    assert_int_equal(b->failures, 0);
    assert_non_null(pool_acquire(b->pool));
    bench_close(b);
}

static void more_connections_are_made_up_to_the_ceiling(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    for (int i = 0; i < 6; i++) {
        assert_true(pool_connect(b->pool)); /* true also when it may not: those it has will do */
        for (int j = 0; j < 300 && b->pool->nconnecting; j++)
            run(b, 5);
    }
    assert_int_equal(b->pool->nconnections, 3);
    assert_int_equal(b->counters.connects, 3);
    assert_int_equal(b->server.accepted, 3);
    bench_close(b);
}

static void the_first_failure_is_forgiven_the_second_is_told(void **state)
{
    struct bench *b = bench_open(aim_at_nobody);
    (void)state;
    pool_connect(b->pool);
    for (int i = 0; i < 300 && b->pool->failures < 1; i++)
        run(b, 1);
    assert_true(pool_connect(b->pool)); /* the next try comes soon: wait for it */
    for (int i = 0; i < 300 && b->pool->failures < 2; i++)
        run(b, 5);
    assert_int_equal(pool_state(b->pool), POOL_RESTING);
    assert_false(pool_connect(b->pool));
    assert_null(pool_acquire(b->pool));
    char reason[256];
    snprintf(reason, sizeof reason, "connection to %s refused", b->endpoint);
    assert_string_equal(b->pool->reason, reason);
    assert_true(b->failures >= 2);
    bench_close(b);
}

/* 50, 80, 128 ... ms: seven tries take 50+80+128+204+327+524 = 1.3 s, give or take a fifth. */
static void tries_come_with_growing_pauses(void **state)
{
    struct bench *b = bench_open(aim_at_nobody);
    (void)state;
    pool_connect(b->pool);
    run(b, 700);
    uint64_t early = b->counters.connects;
    assert_in_range(early, 4, 6);
    run(b, 700);
    assert_in_range(b->counters.connects - early, 1, 2);
    bench_close(b);
}

static void a_server_that_comes_up_is_found(void **state)
{
    struct bench *b = bench_open(aim_at_nobody);
    (void)state;
    pool_connect(b->pool);
    run(b, 60);
    serve(b, b->endpoint);
    run_to(b, POOL_UP);
    assert_int_equal(b->pool->failures, 0);
    assert_string_equal(b->pool->reason, "");
    bench_close(b);
}

static void a_connection_that_is_lost_is_made_again(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    pool_connect(b->pool);
    run_to(b, POOL_UP);
    h2_drop(b->server.connections);
    for (int i = 0; i < 300 && b->server.accepted < 2; i++)
        run(b, 5);
    run_to(b, POOL_UP);
    assert_int_equal(b->pool->nconnections, 1);
    bench_close(b);
}

static void after_goodbye_the_next_one_is_made_at_once_and_the_old_takes_no_calls(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    pool_connect(b->pool);
    run_to(b, POOL_UP);
    h2_goaway(b->server.connections, 0, 0);
    for (int i = 0; i < 300 && b->server.accepted < 2; i++)
        run(b, 5);
    assert_int_equal(b->counters.goaways, 1);
    for (int i = 0; i < 300 && !pool_acquire(b->pool); i++)
        run(b, 5);
    assert_non_null(pool_acquire(b->pool));
    assert_false(pool_acquire(b->pool)->session->goaway);
    assert_int_equal(b->counters.connects, 2);
    bench_close(b);
}

/* ENHANCE_YOUR_CALM: our pings were too many. */
static void a_peer_that_finds_us_too_lively_is_pinged_less(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    pool_connect(b->pool);
    run_to(b, POOL_UP);
    assert_int_equal(b->pool->keepalive_factor, 1);
    h2_goaway(b->server.connections, 0, 11);
    for (int i = 0; i < 300 && b->counters.goaways < 1; i++)
        run(b, 5);
    assert_int_equal(b->pool->keepalive_factor, 2);
    bench_close(b);
}

static void note(struct pool *p, uint32_t calls, bool reset)
{
    for (uint32_t i = 0; i < calls; i++)
        pool_note(p, reset);
}

static void an_endpoint_that_resets_most_calls_is_taken_out_of_use(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    pool_connect(b->pool);
    run_to(b, POOL_UP);
    note(b->pool, POOL_RESETS - 1, true);
    assert_non_null(pool_acquire(b->pool));
    pool_note(b->pool, true);
    assert_int_equal(pool_state(b->pool), POOL_RESTING);
    assert_null(pool_acquire(b->pool));
    assert_false(pool_connect(b->pool));
    assert_non_null(strstr(b->pool->reason, "it reset most calls"));
    assert_int_equal(b->counters.resets, POOL_RESETS);
    bench_close(b);
}

static void as_many_good_calls_keep_it_in_use(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    pool_connect(b->pool);
    run_to(b, POOL_UP);
    note(b->pool, POOL_RESETS + 1, false);
    note(b->pool, POOL_RESETS, true);
    assert_non_null(pool_acquire(b->pool));
    bench_close(b);
}

static void resets_of_an_earlier_second_are_forgotten(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    pool_connect(b->pool);
    run_to(b, POOL_UP);
    note(b->pool, POOL_RESETS - 1, true);
    run(b, POOL_WINDOW + 20);
    pool_note(b->pool, true);
    assert_non_null(pool_acquire(b->pool));
    bench_close(b);
}

static void an_address_that_is_gone_serves_nobody_new(void **state)
{
    struct bench *b = bench_open(aim_at_server);
    (void)state;
    pool_connect(b->pool);
    run_to(b, POOL_UP);
    b->pool->gone = true;
    assert_null(pool_acquire(b->pool));
    assert_false(pool_connect(b->pool));
    h2_drop(b->server.connections);
    run(b, 100);
    assert_int_equal(b->server.accepted, 1);
    bench_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_connects_when_it_is_asked_and_gives_the_connection_out),
        cmocka_unit_test(more_connections_are_made_up_to_the_ceiling),
        cmocka_unit_test(the_first_failure_is_forgiven_the_second_is_told),
        cmocka_unit_test(tries_come_with_growing_pauses),
        cmocka_unit_test(a_server_that_comes_up_is_found),
        cmocka_unit_test(a_connection_that_is_lost_is_made_again),
        cmocka_unit_test(after_goodbye_the_next_one_is_made_at_once_and_the_old_takes_no_calls),
        cmocka_unit_test(a_peer_that_finds_us_too_lively_is_pinged_less),
        cmocka_unit_test(an_endpoint_that_resets_most_calls_is_taken_out_of_use),
        cmocka_unit_test(as_many_good_calls_keep_it_in_use),
        cmocka_unit_test(resets_of_an_earlier_second_are_forgotten),
        cmocka_unit_test(an_address_that_is_gone_serves_nobody_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
