/* The services of the demo backend and what they share. */
#pragma once

#include <stdatomic.h>

#include "gen/demo/v1/echo.postern.h"
#include "gen/demo/v1/text_generation.postern.h"
#include "gen/grpc/health/v1/health.postern.h"
#include "gen/inference/grpc_service.postern.h"
#include "tools/demo-backend/reply.h"

struct models;

struct demo_options {
    const char *listen;
    const char *ready_file; /* NULL; else made when the server listens; holds the port */
    uint32_t pace_ms;       /* between two pieces of a stream */
    uint32_t delay_ms;      /* before each call */
    bool fail;              /* every call, with: */
    enum tc_code fail_code;
    const char *fail_message;
    uint32_t die_after;   /* the call with this number ends the process unanswered; 0: none */
    uint32_t max_streams; /* of one connection; 0: no limit */
    uint32_t threads;
    bool echo_metadata; /* x-... metadata of the client comes back, as headers and as trailers */
};

/* The context of every service. */
struct demo {
    struct demo_options options;
    atomic_uint calls;
    atomic_bool serving;       /* what health says; SIGUSR1 turns it */
    atomic_bool repository[2]; /* loaded, by the inference models' order */
    struct models *models;
};

extern const struct demo__v1__echo__handlers echo_handlers;
extern const struct demo__v1__text_generation__handlers text_generation_handlers;
extern const struct inference__grpcinference_service__handlers inference_handlers;
extern const struct grpc__health__v1__health__handlers health_handlers;

static inline struct demo *demo_of(const struct server_call *c)
{
    return server_call_ctx(c);
}

/* What the flags do to every call (server_options.admit); ctx is the demo. */
void demo_admit(void *ctx, struct server_call *c);
