/* Connections that come, go and come back under the calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/upstream_bench.h"

static const struct probe_options hello = {.method = "Echo", .body = "hello", .n = 5};
static const struct probe_options again = {
    .method = "Echo", .body = "hello", .n = 5, .idempotent = true};

static void expect(struct upstream_bench *b, const struct probe_options *o, enum tc_code code)
{
    struct probe p = upstream_bench_call(b, o);
    if (p.code != code)
        fail_msg("ended with %d, \"%s\"", p.code, p.text);
    probe_release(&p);
}

static void refuse_first(struct h2_stream *s)
{
    if (s->connection->server->requests == 1)
        h2_reset(s, 7);
    else
        upstream_bench_echo(s);
}

static void a_refused_stream_is_sent_again(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, refuse_first);
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_OK);
    assert_memory_equal(p.last.p, "hello", 5);
    assert_int_equal(b.servers[0].requests, 2);
    assert_int_equal(upstream_bench_stats(&b).retries, 1);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void refuse_all(struct h2_stream *s)
{
    h2_reset(s, 7);
}

static void but_not_for_ever(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, refuse_all);
    upstream_bench_connect(&b);
    expect(&b, &hello, TC_CODE_UNAVAILABLE);
    assert_in_range(b.servers[0].requests, 2, 5);
    upstream_bench_close(&b);
}

static void refuse_large(struct h2_stream *s)
{
    if (s->connection->server->requests == 1)
        h2_reset(s, 7);
}

static void a_large_request_survives_a_refusal(void **state)
{
    (void)state;
    enum { N = 3000000 };
    struct upstream_bench b = {0};
    char *body = calloc(N, 1);
    for (size_t i = 0; i < N; i++)
        body[i] = (char)(i * 7 + i / 1000);
    upstream_bench_open(&b, 1, refuse_first);
    b.servers[0].on_headers = refuse_large;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(
        &b, &(struct probe_options){.method = "Echo", .body = body, .n = N, .max_message = N});
    assert_int_equal(p.code, TC_CODE_OK);
    assert_int_equal(p.last.n, N);
    assert_memory_equal(p.last.p, body, N);
    probe_release(&p);
    free(body);
    upstream_bench_close(&b);
}

/* Every 10th stream: those above it were not processed. */
static void goaway_often(struct h2_stream *s)
{
    if (s->id % 20 == 19) {
        upstream_bench_echo(s);
        h2_goaway(s->connection, s->id, 0);
    } else if (s->id < 20) {
        upstream_bench_echo(s);
    }
}

static void goaway_costs_no_call(void **state)
{
    (void)state;
    enum { N = 200 };
    struct upstream_bench b = {0};
    struct probe *p = calloc(N, sizeof *p);
    upstream_bench_open(&b, 1, goaway_often);
    b.config.max_connections = 2;
    b.config.max_streams = 15;
    upstream_bench_connect(&b);
    for (int i = 0; i < N; i++)
        probe_start(&p[i], b.channel, &hello);
    for (int i = 0; i < N; i++) {
        assert_true(run_until(&b.loop, &p[i].ended, 5000));
        if (p[i].code != TC_CODE_OK)
            fail_msg("call %d: %d, \"%s\"", i, p[i].code, p[i].text);
        probe_release(&p[i]);
    }
    assert_true(upstream_bench_stats(&b).goaways >= 10);
    free(p);
    upstream_bench_close(&b);
}

static void goaway_before_the_answer(struct h2_stream *s)
{
    struct h2_stream **held = s->connection->server->ctx;
    if (s->connection->server->requests == 1) {
        *held = s;
        h2_goaway(s->connection, s->id, 0);
    } else {
        upstream_bench_echo(s);
    }
}

static void calls_that_run_outlive_a_goaway(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    struct h2_stream *held = NULL;
    upstream_bench_open(&b, 1, goaway_before_the_answer);
    b.servers[0].ctx = &held;
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &hello);
    run_for(&b.loop, 20);
    expect(&b, &hello, TC_CODE_OK);
    assert_false(p.ended);
    assert_int_equal(b.servers[0].accepted, 2);
    upstream_bench_echo(held);
    assert_true(run_until(&b.loop, &p.ended, 1000));
    assert_int_equal(p.code, TC_CODE_OK);
    run_for(&b.loop, 20);
    assert_int_equal(b.servers[0].open, 1);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void drop_first(struct h2_stream *s)
{
    if (s->connection->server->requests == 1)
        h2_drop(s->connection);
    else
        upstream_bench_echo(s);
}

static void a_lost_connection_ends_calls_that_may_have_begun(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, drop_first);
    upstream_bench_connect(&b);
    expect(&b, &hello, TC_CODE_UNAVAILABLE);
    assert_int_equal(b.servers[0].requests, 1);
    expect(&b, &hello, TC_CODE_OK);
    upstream_bench_close(&b);
}

static void but_sends_idempotent_ones_again(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, drop_first);
    upstream_bench_connect(&b);
    expect(&b, &again, TC_CODE_OK);
    assert_int_equal(b.servers[0].requests, 2);
    upstream_bench_close(&b);
}

static void a_refused_connection_is_told_by_its_name(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    char sentence[160];
    upstream_bench_open(&b, 1, NULL);
    snprintf(sentence, sizeof sentence, "connection to %s refused", b.servers[0].name);
    h2_close(&b.servers[0]);
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    assert_string_equal(p.text, sentence);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void a_restarted_server_is_found_again(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    char name[128];
    upstream_bench_open(&b, 1, NULL);
    upstream_bench_connect(&b);
    expect(&b, &hello, TC_CODE_OK);
    snprintf(name, sizeof name, "%s", b.servers[0].name);
    h2_close(&b.servers[0]);
    run_for(&b.loop, 20);
    expect(&b, &hello, TC_CODE_UNAVAILABLE);
    assert_true(h2_listen(&b.servers[0], &b.loop, name));
    run_for(&b.loop, 400);
    expect(&b, &hello, TC_CODE_OK);
    assert_int_equal(upstream_bench_stats(&b).endpoints_up, 1);
    upstream_bench_close(&b);
}

static void a_call_waits_out_a_short_absence(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    char name[128];
    upstream_bench_open(&b, 1, NULL);
    snprintf(name, sizeof name, "%s", b.servers[0].name);
    h2_close(&b.servers[0]);
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &hello);
    run_for(&b.loop, 15);
    assert_false(p.ended);
    assert_true(h2_listen(&b.servers[0], &b.loop, name));
    assert_true(run_until(&b.loop, &p.ended, 1000));
    assert_int_equal(p.code, TC_CODE_OK);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void calls_go_round(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 3, NULL);
    upstream_bench_connect(&b);
    cluster_connect(b.channel);
    run_for(&b.loop, 30);
    assert_int_equal(upstream_bench_stats(&b).endpoints_up, 3);
    for (int i = 0; i < 30; i++)
        expect(&b, &hello, TC_CODE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(b.servers[i].requests, 10);
    upstream_bench_close(&b);
}

static void a_dead_endpoint_costs_no_call(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 3, NULL);
    h2_close(&b.servers[1]);
    upstream_bench_connect(&b);
    for (int i = 0; i < 30; i++)
        expect(&b, &hello, TC_CODE_OK);
    assert_in_range(b.servers[0].requests, 14, 16);
    assert_int_equal(upstream_bench_stats(&b).endpoints_up, 2);
    upstream_bench_close(&b);
}

static void answer_later(struct h2_stream *s)
{
    (void)s;
}

static void an_unanswered_ping_ends_the_connection(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, answer_later);
    b.servers[0].no_ping_ack = true;
    b.config.keepalive_interval_ms = 50;
    b.config.keepalive_timeout_ms = 50;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    assert_non_null(strstr(p.text, "PING"));
    assert_int_equal(b.servers[0].pings, 1);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void answered_pings_keep_it_and_an_idle_one_sends_none(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    upstream_bench_open(&b, 1, answer_later);
    b.config.keepalive_interval_ms = 30;
    b.config.keepalive_timeout_ms = 30;
    upstream_bench_connect(&b);
    cluster_connect(b.channel);
    run_for(&b.loop, 100);
    assert_int_equal(b.servers[0].pings, 0);
    probe_start(&p, b.channel, &hello);
    run_for(&b.loop, 200);
    assert_false(p.ended);
    assert_in_range(b.servers[0].pings, 2, 8);
    upstream_bench_close(&b);
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    probe_release(&p);
}

static void greet_and_leave(struct h2_connection *c)
{
    h2_settings(c, NULL, 0);
    h2_goaway(c, 0, 0);
    h2_hang_up(c);
}

static void a_peer_that_always_leaves_is_not_hammered(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].on_open = greet_and_leave;
    upstream_bench_connect(&b);
    cluster_connect(b.channel);
    run_for(&b.loop, 300);
    assert_in_range(b.servers[0].accepted, 2, 8);
    upstream_bench_close(&b);
}

static void closing_ends_what_runs(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    upstream_bench_open(&b, 1, answer_later);
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &hello);
    run_for(&b.loop, 20);
    upstream_bench_close(&b);
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    assert_int_equal(b.servers[0].resets, 1);
    probe_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_stream_is_sent_again),
        cmocka_unit_test(but_not_for_ever),
        cmocka_unit_test(a_large_request_survives_a_refusal),
        cmocka_unit_test(goaway_costs_no_call),
        cmocka_unit_test(calls_that_run_outlive_a_goaway),
        cmocka_unit_test(a_lost_connection_ends_calls_that_may_have_begun),
        cmocka_unit_test(but_sends_idempotent_ones_again),
        cmocka_unit_test(a_refused_connection_is_told_by_its_name),
        cmocka_unit_test(a_restarted_server_is_found_again),
        cmocka_unit_test(a_call_waits_out_a_short_absence),
        cmocka_unit_test(calls_go_round),
        cmocka_unit_test(a_dead_endpoint_costs_no_call),
        cmocka_unit_test(an_unanswered_ping_ends_the_connection),
        cmocka_unit_test(answered_pings_keep_it_and_an_idle_one_sends_none),
        cmocka_unit_test(a_peer_that_always_leaves_is_not_hammered),
        cmocka_unit_test(closing_ends_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
