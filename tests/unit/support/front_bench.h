/* The HTTP/1.1 front on a bench: real sockets in front of it, fake channels behind, one loop for
 * all.
 *
 *     struct front_bench f;
 *     front_bench_open(&f);
 *     int client = front_bench_client(&f);
 *     say(client, "GET /unary/a HTTP/1.1\r\nHost: g\r\n\r\n");
 *     front_bench_run(&f, 20);
 *     fake_end(bench_call(&f.bench, 0), TC_CODE_NOT_FOUND, "no");
 *     assert_has(hear(&f, client), "HTTP/1.1 404 ");
 *     front_bench_close(&f);
 */
#pragma once

#include "gateway/front/http1.h"
#include "tests/unit/support/bench.h"

enum { FRONT_HEARD = 256 << 10 };

struct front_bench {
    struct bench bench; /* bounds are in bench.snapshot */
    struct http1 *front;
    int listener;
    char heard[FRONT_HEARD];
};

void front_bench_open(struct front_bench *f);
/* Ends every connection; fails the test when the front leaves something on the loop. */
void front_bench_close(struct front_bench *f);
/* A client's end of a connection that the front serves. The caller closes it. */
int front_bench_client(struct front_bench *f);
void front_bench_run(struct front_bench *f, uint32_t ms);
/* Runs until `n` calls to the cluster "main" were begun; fails the test when they do not come. */
struct fake_call *front_bench_call(struct front_bench *f, uint32_t n);
/* Answers that call with an empty message. */
void front_bench_answer(struct fake_call *c);

void say(int client, const char *text);
/* All that comes until nothing has come for a while, or the end. In f->heard until the next. */
struct str hear(struct front_bench *f, int client);
/* The front has closed the connection. */
bool closed(struct front_bench *f, int client);
