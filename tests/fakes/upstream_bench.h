/* What every test of a cluster needs: a loop, a scripted server, a cluster that calls it. */
#pragma once

#include "gateway/upstream/cluster.h"
#include "tests/fakes/call_probe.h"
#include "tests/fakes/h2_server.h"

enum { BENCH_SERVERS = 3 };

struct upstream_bench {
    uv_loop_t loop;
    struct h2_server servers[BENCH_SERVERS];
    struct str endpoints[BENCH_SERVERS];
    struct cluster_config config; /* filled by upstream_bench_open; change before
                                     upstream_bench_connect */
    struct channel *channel;
};

/* Opens the loop and `n` servers on free ports whose on_end is `answer`. */
void upstream_bench_open(struct upstream_bench *b, uint32_t n, void (*answer)(struct h2_stream *));
/* Opens the cluster; calls may be started. */
void upstream_bench_connect(struct upstream_bench *b);
/* Ends all; fails the test when handles are left. */
void upstream_bench_close(struct upstream_bench *b);

/* Starts the call and waits for its end. Fails the test when none comes. Release the probe. */
struct probe upstream_bench_call(struct upstream_bench *b, const struct probe_options *o);
struct cluster_stats upstream_bench_stats(const struct upstream_bench *b);
/* Answers with what was sent. */
void upstream_bench_echo(struct h2_stream *s);
