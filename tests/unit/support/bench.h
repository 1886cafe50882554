/* Everything an exchange needs, without network: routes and policies of tests/protos/calls.proto,
 * a loop with a timer wheel, one fake channel per cluster, the record of what has ended.
 *
 *     struct bench b;
 *     bench_init(&b);
 *     front_open(&f, &b.host, "GET", "/unary/x", NULL);
 *     ...
 *     bench_release(&b);
 */
#pragma once

#include <uv.h>

#include "gateway/core/event.h"
#include "tests/fakes/fake_channel.h"
#include "tests/fakes/fake_front.h"
#include "tests/unit/support/wire_text.h"

enum { BENCH_CLUSTERS = 16, BENCH_TEXT = 512 };

struct bench {
    struct exchange_host host; /* first */
    struct exchange_scope scope;
    struct snapshot snapshot;
    struct arena arena; /* for the test's own data */
    uv_loop_t loop;
    struct timer_wheel timers;
    struct fake_channel channels[BENCH_CLUSTERS];
    int32_t channel_asked; /* cluster that was asked for last */
    bool no_channel;       /* host->channel gives NULL */
    uint32_t loop_wakes;

    uint32_t ended; /* exchanges */
    struct event event;
    struct exchange_scope *event_scope;
    char error[BENCH_TEXT], request_id[BENCH_TEXT], cluster_name[BENCH_TEXT], caller[BENCH_TEXT];
    struct exchange_scope *idle_scope; /* told by scope_idle */
    uint32_t idles;
};

void bench_init(struct bench *b);
/* The same with a configuration (YAML, without clusters). Its providers of authentication have
 * sources without data: auth_source_publish gives them some. */
void bench_init_with(struct bench *b, const char *yaml);
/* Ends what cmocka's run of a test has left and checks that nothing is active. */
void bench_release(struct bench *b);
/* Call number `i` to the cluster "main". */
struct fake_call *bench_call(struct bench *b, uint32_t i);
/* protobuf bytes of wire_text.h. */
struct str bench_wire(struct bench *b, const char *text);
/* Index of a cluster by name. */
int32_t bench_cluster(const struct bench *b, const char *name);
/* Runs the loop for `ms`. */
void bench_run(struct bench *b, uint32_t ms);

/* Fails the test unless the slice is this text. */
#define assert_str(slice, text) bench_assert_str(slice, text, __FILE__, __LINE__)
void bench_assert_str(struct str s, const char *text, const char *file, int line);
/* Fails the test unless `part` stands in it. */
#define assert_has(slice, part) bench_assert_has(slice, part, __FILE__, __LINE__)
void bench_assert_has(struct str s, const char *part, const char *file, int line);
