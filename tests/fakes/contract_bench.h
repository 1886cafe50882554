/* The bench of the channel contract: a channel to grpcio's server on a loop of its own, and calls
 * that write down what happens to them and check the rules that hold for every call. */
#pragma once

#include "tests/fakes/call_probe.h"
#include "tests/fakes/channel_contract.h"
#include "tests/fakes/grpc_server.h"

enum { BENCH_MS = 15000, BENCH_HEADERS = 16 };

struct contract_server {
    struct grpc_server grpc;
    channel_open *open;
};

struct contract_bench {
    uv_loop_t loop;
    struct contract_server *server;
    struct str endpoints[GRPC_SERVER_ADDRESSES];
    struct cluster_config config;
    struct channel *channel;
};

struct kept_header {
    char name[64], value[128];
};

struct talk {
    struct contract_bench *bench;
    struct call *call;
    uint32_t reads; /* messages to ask for, one after the other, by itself */
    bool ended, has_headers, from_peer, deadline, inside;
    uint32_t messages, asked, writables;
    size_t bytes;
    struct buf last;
    enum tc_code code;
    char text[256];
    struct buf details;
    struct kept_header initial[BENCH_HEADERS], trailing[BENCH_HEADERS];
    size_t ninitial, ntrailing;
    uint64_t ended_at;
};

/* Addresses 0 .. n-1 of the server are the endpoints; n == 0: the caller fills b->config and calls
 * contract_bench_dial. */
void contract_bench_open(struct contract_bench *b, void *server, uint32_t n);
void contract_bench_dial(struct contract_bench *b);
/* Closes the channel and sees that nothing is left on the loop. */
void contract_bench_close(struct contract_bench *b);

struct talk_options {
    const char *method;
    uint32_t timeout_ms;
    size_t max_message; /* 0: 64 MiB */
    bool idempotent;
    const struct header *metadata;
    size_t nmetadata;
    uint32_t reads; /* UINT32_MAX: all there are */
};

void talk_start(struct talk *t, struct contract_bench *b, const struct talk_options *o);
bool talk_send(struct talk *t, struct str bytes, bool last);
/* `n` bytes `fill`. */
bool talk_fill(struct talk *t, size_t n, char fill, bool last);
void talk_read(struct talk *t);
void talk_half_close(struct talk *t);
void talk_cancel(struct talk *t);
/* Runs the loop until `end`; fails the test when it does not come. */
void talk_end(struct talk *t);
/* Runs it until that many messages have come. */
void talk_await_messages(struct talk *t, uint32_t n);
void talk_release(struct talk *t);

/* One request message, all answers; ended. */
void talk_unary(struct talk *t, struct contract_bench *b, const char *method, struct str request);
/* The number that Seen tells. */
unsigned long contract_bench_seen(struct contract_bench *b, const char *what);
