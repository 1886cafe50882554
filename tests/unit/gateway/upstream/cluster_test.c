#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/upstream_bench.h"

static const struct probe_options hello = {.method = "Echo", .body = "hello", .n = 5};

static void a_unary_call_is_answered(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, NULL);
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_OK);
    assert_true(p.from_peer && p.has_headers);
    assert_int_equal(p.messages, 1);
    assert_memory_equal(p.last.p, "hello", 5);
    assert_int_equal(p.nmetadata, 1);
    assert_string_equal(p.trailer, "tail");
    probe_release(&p);
    upstream_bench_close(&b);
}

static void see_request(struct h2_stream *s)
{
    struct h2_stream *copy = s->connection->server->ctx;
    *copy = *s;
    upstream_bench_echo(s);
}

static void path_metadata_and_deadline_reach_the_peer(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct h2_stream seen = {0};
    struct header metadata = {STR_INIT("x-test"), STR_INIT("value")};
    upstream_bench_open(&b, 1, see_request);
    b.servers[0].ctx = &seen;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(
        &b, &(struct probe_options){
                .method = "Echo", .timeout_ms = 2000, .metadata = &metadata, .nmetadata = 1});
    assert_int_equal(p.code, TC_CODE_OK);
    assert_string_equal(seen.path, "/t.T/Echo");
    assert_string_equal(seen.metadata, "value");
    assert_true(seen.timeout[0] >= '1' && seen.timeout[0] <= '9');
    probe_release(&p);
    upstream_bench_close(&b);
}

static bool all_ended(const struct probe *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!p[i].ended)
            return false;
    }
    return true;
}

static void wait_all(struct upstream_bench *b, const struct probe *p, size_t n)
{
    for (int i = 0; i < 500 && !all_ended(p, n); i++)
        run_for(&b->loop, 5);
    assert_true(all_ended(p, n));
}

static void start_many(struct upstream_bench *b, struct probe *p, size_t n,
                       const struct probe_options *o)
{
    for (size_t i = 0; i < n; i++)
        probe_start(&p[i], b->channel, o);
}

static void release_many(struct probe *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        probe_release(&p[i]);
}

static void calls_of_one_turn_share_a_connection_up_to_its_limit(void **state)
{
    (void)state;
    enum { N = 350 };
    struct upstream_bench b = {0};
    struct probe *p = calloc(N, sizeof *p);
    upstream_bench_open(&b, 1, NULL);
    upstream_bench_connect(&b);
    start_many(&b, p, N, &hello);
    wait_all(&b, p, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(p[i].code, TC_CODE_OK);
    assert_in_range(b.servers[0].accepted, 1, 4);
    release_many(p, N);
    free(p);
    upstream_bench_close(&b);
}

static void one_stream_at_a_time(struct h2_connection *c)
{
    uint32_t pair[] = {3, 1};
    h2_settings(c, pair, 1);
}

static void a_peer_that_allows_one_stream_gets_more_connections_then_a_queue(void **state)
{
    (void)state;
    enum { N = 40 };
    struct upstream_bench b = {0};
    struct probe p[N] = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].on_open = one_stream_at_a_time;
    upstream_bench_connect(&b);
    start_many(&b, p, N, &hello);
    wait_all(&b, p, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(p[i].code, TC_CODE_OK);
    assert_in_range(b.servers[0].accepted, 2, 4);
    release_many(p, N);
    upstream_bench_close(&b);
}

static void never_answer(struct h2_stream *s)
{
    (void)s;
}

static void too_many_waiting_calls_are_refused(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p[4] = {0};
    upstream_bench_open(&b, 1, never_answer);
    b.servers[0].on_open = one_stream_at_a_time;
    b.config.max_pending = 2;
    b.config.max_connections = 1;
    upstream_bench_connect(&b);
    start_many(&b, p, 1, &hello);
    run_for(&b.loop, 20);
    start_many(&b, p + 1, 3, &hello);
    assert_true(run_until(&b.loop, &p[3].ended, 1000));
    assert_int_equal(p[3].code, TC_CODE_UNAVAILABLE);
    assert_false(p[0].ended || p[1].ended || p[2].ended);
    assert_int_equal(upstream_bench_stats(&b).pending, 2);
    upstream_bench_close(&b);
    assert_int_equal(p[0].code, TC_CODE_UNAVAILABLE);
    release_many(p, 4);
}

static void a_waiting_call_minds_its_deadline(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].silent = true;
    b.config.connect_timeout_ms = 3000;
    upstream_bench_connect(&b);
    uint64_t before = uv_hrtime();
    struct probe p = upstream_bench_call(
        &b, &(struct probe_options){.method = "Echo", .timeout_ms = 60});
    assert_int_equal(p.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_true(p.deadline);
    assert_in_range((p.ended_at - before) / 1000000, 59, 110);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void a_silent_peer_is_given_up_with_a_sentence(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].silent = true;
    b.config.connect_timeout_ms = 100;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    assert_non_null(strstr(p.text, "within 100 ms"));
    assert_non_null(strstr(p.text, b.servers[0].name));
    probe_release(&p);
    upstream_bench_close(&b);
}

static void a_running_call_minds_its_deadline_and_is_reset(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, never_answer);
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(
        &b, &(struct probe_options){.method = "Echo", .timeout_ms = 60});
    assert_int_equal(p.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_true(p.deadline);
    run_for(&b.loop, 10);
    assert_int_equal(b.servers[0].resets, 1);
    assert_int_equal(b.servers[0].last_reset_code, 8);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void cancel_resets_the_stream_and_tells_nothing(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    upstream_bench_open(&b, 1, never_answer);
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &hello);
    run_for(&b.loop, 20);
    assert_int_equal(b.servers[0].requests, 1);
    call_cancel(p.call);
    run_for(&b.loop, 20);
    assert_false(p.ended);
    assert_int_equal(b.servers[0].last_reset_code, 8);
    assert_int_equal(upstream_bench_stats(&b).calls, 0);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void cancel_before_anything_was_sent_sends_nothing(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    upstream_bench_open(&b, 1, NULL);
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &hello);
    call_cancel(p.call);
    run_for(&b.loop, 20);
    assert_false(p.ended);
    assert_int_equal(b.servers[0].requests, 0);
    assert_int_equal(upstream_bench_stats(&b).calls, 0);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void start_another(struct probe *p)
{
    probe_start(p->ctx, p[1].ctx, &hello);
}

static void a_call_may_be_started_from_inside_an_end(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p[3] = {0};
    upstream_bench_open(&b, 1, NULL);
    upstream_bench_connect(&b);
    p[0].then = start_another;
    p[0].ctx = &p[2];
    p[1].ctx = b.channel;
    probe_start(&p[0], b.channel, &hello);
    assert_true(run_until(&b.loop, &p[2].ended, 1000));
    assert_int_equal(p[2].code, TC_CODE_OK);
    release_many(p, 3);
    upstream_bench_close(&b);
}

static void cancel_the_other(struct probe *p)
{
    struct probe *other = p->ctx;
    if (other->call)
        call_cancel(other->call);
}

static void a_call_may_be_cancelled_from_inside_another_ones_end(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p[2] = {0};
    upstream_bench_open(&b, 1, NULL);
    upstream_bench_connect(&b);
    p[0].then = cancel_the_other;
    p[0].ctx = &p[1];
    start_many(&b, p, 2, &hello);
    assert_true(run_until(&b.loop, &p[0].ended, 1000));
    run_for(&b.loop, 10);
    assert_false(p[1].ended);
    assert_int_equal(upstream_bench_stats(&b).calls, 0);
    release_many(p, 2);
    upstream_bench_close(&b);
}

static void echo_as_it_comes(struct h2_stream *s)
{
    if (s->out.n == 0 && s->window == s->connection->initial_window)
        h2_head(s, ":status: 200\ncontent-type: application/grpc\n", false);
    h2_data(s, s->body.p, s->body.n, false);
    s->body.n = 0;
}

static void just_trailers(struct h2_stream *s)
{
    h2_trailers(s, "grpc-status: 0\n");
}

static void messages_go_both_ways_while_the_call_is_open(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    upstream_bench_open(&b, 1, just_trailers);
    b.servers[0].on_data = echo_as_it_comes;
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &(struct probe_options){.method = "Chat", .open = true});
    for (uint32_t i = 1; i <= 20; i++) {
        probe_send(&p, i * 100, 'x', i == 20);
        run_for(&b.loop, 3);
        assert_int_equal(p.messages, i);
    }
    assert_true(run_until(&b.loop, &p.ended, 1000));
    assert_int_equal(p.code, TC_CODE_OK);
    assert_int_equal(p.bytes, 21000);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void flood(struct h2_stream *s)
{
    static const char block[10000];
    h2_head(s, ":status: 200\ncontent-type: application/grpc\n", false);
    for (int i = 0; i < 1000; i++)
        h2_message(s, block, sizeof block);
    h2_trailers(s, "grpc-status: 0\n");
}

static void a_slow_reader_slows_the_peer(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {.manual = true};
    upstream_bench_open(&b, 1, flood);
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &hello);
    run_for(&b.loop, 50);
    assert_int_equal(p.messages, 0);
    const struct h2_stream *stream = b.servers[0].connections->streams;
    size_t queued = stream->out.n - stream->out_at;
    assert_in_range(10005000 - queued, 1, 256 << 10);
    for (int i = 1; i <= 1000; i++) {
        call_read(p.call);
        for (int k = 0; k < 1000 && p.messages < (uint32_t)i; k++)
            uv_run(&b.loop, UV_RUN_ONCE);
        assert_int_equal(p.messages, i);
    }
    assert_true(run_until(&b.loop, &p.ended, 1000));
    assert_int_equal(p.code, TC_CODE_OK);
    assert_int_equal(p.bytes, 10000000);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void a_peer_that_takes_nothing_makes_the_sender_wait(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].keep_window = true;
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &(struct probe_options){.method = "Echo", .open = true});
    bool room = true;
    for (int i = 0; i < 20 && room; i++) {
        room = probe_send(&p, 10000, 'x', false);
        run_for(&b.loop, 2);
    }
    assert_false(room);
    assert_int_equal(p.writables, 0);
    char update[4];
    h2_put32(update, 1 << 20);
    h2_frame(b.servers[0].connections, H2_WINDOW_UPDATE, 0, 0, update, 4);
    h2_frame(b.servers[0].connections, H2_WINDOW_UPDATE, 0, 1, update, 4);
    run_for(&b.loop, 10);
    assert_int_equal(p.writables, 1);
    call_half_close(p.call);
    assert_true(run_until(&b.loop, &p.ended, 1000));
    assert_int_equal(p.code, TC_CODE_OK);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void large_messages_arrive_whole(void **state)
{
    (void)state;
    enum { N = 16 << 20 };
    struct upstream_bench b = {0};
    char *body = malloc(N);
    for (size_t i = 0; i < N; i++)
        body[i] = (char)(i * 31 + i / 65536);
    upstream_bench_open(&b, 1, NULL);
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

static void a_unix_socket_serves_as_well(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    char address[64];
    snprintf(address, sizeof address, "unix:/tmp/postern-test-%d.sock", (int)getpid());
    upstream_bench_open(&b, 0, NULL);
    b.servers[0].on_end = upstream_bench_echo;
    assert_true(h2_listen(&b.servers[0], &b.loop, address));
    b.endpoints[0] = str_c(address);
    b.config.nendpoints = 1;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_OK);
    probe_release(&p);
    upstream_bench_close(&b);
    unlink(address + 5);
}

static void a_name_is_resolved(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    char address[64];
    upstream_bench_open(&b, 1, NULL);
    snprintf(address, sizeof address, "localhost:%s", strchr(b.servers[0].name, ':') + 1);
    b.endpoints[0] = str_c(address);
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_OK);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void a_name_that_is_not_known_ends_with_a_sentence(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 0, NULL);
    b.endpoints[0] = STR("no-such-host.invalid:1");
    b.config.nendpoints = 1;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    assert_non_null(strstr(p.text, "no-such-host.invalid:1"));
    probe_release(&p);
    upstream_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unary_call_is_answered),
        cmocka_unit_test(path_metadata_and_deadline_reach_the_peer),
        cmocka_unit_test(calls_of_one_turn_share_a_connection_up_to_its_limit),
        cmocka_unit_test(a_peer_that_allows_one_stream_gets_more_connections_then_a_queue),
        cmocka_unit_test(too_many_waiting_calls_are_refused),
        cmocka_unit_test(a_waiting_call_minds_its_deadline),
        cmocka_unit_test(a_silent_peer_is_given_up_with_a_sentence),
        cmocka_unit_test(a_running_call_minds_its_deadline_and_is_reset),
        cmocka_unit_test(cancel_resets_the_stream_and_tells_nothing),
        cmocka_unit_test(cancel_before_anything_was_sent_sends_nothing),
        cmocka_unit_test(a_call_may_be_started_from_inside_an_end),
        cmocka_unit_test(a_call_may_be_cancelled_from_inside_another_ones_end),
        cmocka_unit_test(messages_go_both_ways_while_the_call_is_open),
        cmocka_unit_test(a_slow_reader_slows_the_peer),
        cmocka_unit_test(a_peer_that_takes_nothing_makes_the_sender_wait),
        cmocka_unit_test(large_messages_arrive_whole),
        cmocka_unit_test(a_unix_socket_serves_as_well),
        cmocka_unit_test(a_name_is_resolved),
        cmocka_unit_test(a_name_that_is_not_known_ends_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
