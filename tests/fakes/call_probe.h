/* A call that writes down what happens to it, and a bench to run it on: a loop with a guard against
 * waiting for ever. */
#pragma once

#include <uv.h>

#include "gateway/core/channel.h"

struct probe {
    struct call *call;
    bool manual; /* the test itself asks for messages; else one after the other */
    bool has_headers, ended, from_peer, deadline, unstarted;
    uint32_t nmetadata, messages, writables, ntrailers;
    size_t bytes;    /* of all messages */
    struct buf last; /* the last message */
    enum tc_code code;
    char text[512], details[256], trailer[64]; /* grpc-message, details, value of the trailer x-test
                                                */
    size_t ndetails;
    uint64_t ended_at;            /* uv_hrtime */
    void (*then)(struct probe *); /* after `end` */
    void *ctx;
};

struct probe_options {
    const char *method; /* "/t.T/METHOD" */
    const void *body;
    size_t n; /* of the one message; open: nothing is sent and the request stays open */
    bool open;
    uint32_t timeout_ms;
    size_t max_message; /* 0: 1 MiB */
    bool idempotent;
    const struct header *metadata;
    size_t nmetadata;
};

void probe_start(struct probe *p, struct channel *ch, const struct probe_options *o);
/* One message of `n` bytes `fill`. */
bool probe_send(struct probe *p, size_t n, char fill, bool last);
void probe_release(struct probe *p);

/* Runs the loop until *flag, at most `ms`; false when it never came. */
bool run_until(uv_loop_t *loop, const bool *flag, uint32_t ms);
/* Runs the loop for that long. */
void run_for(uv_loop_t *loop, uint32_t ms);
/* Until nothing is left on it, then closes it. False: handles were left. */
bool run_out(uv_loop_t *loop);
