#include "tests/fakes/upstream_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>

void upstream_bench_echo(struct h2_stream *s)
{
    h2_head(s, ":status: 200\ncontent-type: application/grpc\nx-test: head\n", false);
    h2_data(s, s->body.p, s->body.n, false);
    h2_trailers(s, "grpc-status: 0\nx-test: tail\n");
}

void upstream_bench_open(struct upstream_bench *b, uint32_t n, void (*answer)(struct h2_stream *))
{
    uv_loop_init(&b->loop);
    for (uint32_t i = 0; i < n; i++) {
        b->servers[i].on_end = answer ? answer : upstream_bench_echo;
        assert_true(h2_listen(&b->servers[i], &b->loop, "127.0.0.1:0"));
        b->endpoints[i] = str_c(b->servers[i].name);
    }
    b->config = (struct cluster_config){
        .name = STR("test"),
        .endpoints = b->endpoints,
        .nendpoints = n,
        .connect_timeout_ms = 300,
        .keepalive_interval_ms = 0,
        .keepalive_timeout_ms = 100,
        .max_connections = 4,
        .max_pending = 1000,
        .max_streams = 100,
    };
}

void upstream_bench_connect(struct upstream_bench *b)
{
    b->channel = cluster_open(&b->loop, &b->config);
    assert_non_null(b->channel);
}

void upstream_bench_close(struct upstream_bench *b)
{
    channel_close(b->channel);
    run_for(&b->loop, 5);
    for (uint32_t i = 0; i < BENCH_SERVERS; i++) {
        if (b->servers[i].loop)
            h2_close(&b->servers[i]);
    }
    assert_true(run_out(&b->loop));
}

struct probe upstream_bench_call(struct upstream_bench *b, const struct probe_options *o)
{
    static struct probe none;
    struct probe p = none;

    probe_start(&p, b->channel, o);
    assert_non_null(p.call);
    assert_true(run_until(&b->loop, &p.ended, 5000));
    return p;
}

struct cluster_stats upstream_bench_stats(const struct upstream_bench *b)
{
    struct cluster_stats stats;

    cluster_stats(b->channel, &stats);
    return stats;
}
