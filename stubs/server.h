/* A gRPC server for generated handlers, on gRPC core. You fill a generated table of handlers and
 * run it:
 *
 *     static void generate(struct server_call *call, const Demo__V1__GenerateRequest *request)
 *     {
 *         Demo__V1__GenerateResponse r = DEMO__V1__GENERATE_RESPONSE__INIT;
 *         r.text = "Once upon a time";
 *         demo__v1__text_generation__generate__reply(call, &r);
 *     }
 *     static const struct demo__v1__text_generation__handlers handlers = {.generate = generate};
 *     const struct server_service services[] = {
 *         {&demo__v1__text_generation__service, &handlers, NULL}};
 *     struct server *s = server_start(&(struct server_options){.address = "127.0.0.1:9001",
 *         .services = services, .nservices = 1}, why);
 *     ...
 *     server_stop(s, 1000);
 *
 * One shape of handler for all kinds of RPC. It is called with the request, which stays until the
 * call is gone; where the client streams, with each message in turn (valid during the handler) and
 * then once with NULL. It answers now or later: by one ..__reply, or, where the server streams, any
 * number of them; a stream ends with server_call_finish, any call may be ended by server_call_fail.
 * A method without a handler is UNIMPLEMENTED.
 *
 * Events of one call come on one thread, one after the other; different calls run at once on
 * different threads when `threads` is above 1. A call may be used from its events only (handler,
 * timer, writable), until it has ended: by finish, fail, a single reply, or the client's
 * cancellation or deadline, after which nothing but its state's `release` is called. */
#pragma once

#include "stubs/method.h"
#include "transcoder/arena.h"
#include "transcoder/status.h"

struct server;
struct server_call;

struct server_service {
    const struct stub_service *service;
    const void *handlers; /* the generated table */
    void *ctx;            /* server_call_ctx */
};

struct server_options {
    const char *address; /* "127.0.0.1:9001"; port 0 takes a free one */
    const struct server_service *services;
    size_t nservices;
    uint32_t threads;     /* 0: 1 */
    uint32_t max_streams; /* of one connection; 0: no limit */
    size_t max_message;   /* of the client, bytes; 0: 64 MiB */
    /* Called before a call's first handler, also for unknown methods. Ends it, or lets it go on
     * with server_call_proceed, now or later. NULL: all go on. */
    void (*admit)(void *ctx, struct server_call *call);
    void *admit_ctx;
};

enum { SERVER_WHY_MAX = 256 };

/* NULL with a sentence in `why` (SERVER_WHY_MAX bytes). Services and handlers must outlive the
 * server. */
struct server *server_start(const struct server_options *options, char *why);
int server_port(const struct server *s);
/* Takes no new calls, lets those in flight end for `grace_ms`, cancels the rest and frees the
 * server. Not from a handler. */
void server_stop(struct server *s, uint32_t grace_ms);

/* --- one call --- */

/* Sends a message; generated ..__reply functions give it its type. The struct may go at once. A
 * single answer ends the call with OK. False: taken, but not all before it has left yet; a stream
 * should wait for server_call_on_writable. */
bool server_call_reply(struct server_call *c, const ProtobufCMessage *message);
/* Ends a stream with OK, after what was sent. */
void server_call_finish(struct server_call *c);
/* Ends the call with a status; messages sent before still go out. `details`: a serialized
 * google.rpc.Status, or empty. */
void server_call_fail(struct server_call *c, enum tc_code code, struct str message,
                      struct str details);
void server_call_proceed(struct server_call *c);

/* Calls `then` once, when all that was sent has left (after a reply that returned false), or after
 * `ms` (asking anew replaces the first). An event may ask again. */
void server_call_on_writable(struct server_call *c, void (*then)(struct server_call *c));
void server_call_after(struct server_call *c, uint32_t ms, void (*then)(struct server_call *c));

/* Memory until the call is gone; and the handler's own state in it or elsewhere, NULL at first.
 * `release` may be NULL. */
struct arena *server_call_arena(struct server_call *c);
void server_call_set_state(struct server_call *c, void *state, void (*release)(void *state));
void *server_call_state(const struct server_call *c);
void *server_call_ctx(const struct server_call *c);
struct str server_call_path(const struct server_call *c);
/* First value of the client's metadata `key` (lower case; "-bin" values are raw bytes); p == NULL
 * when there is none. */
struct str server_call_metadata(const struct server_call *c, struct str key);
/* Number `i` of it; false behind the last. */
bool server_call_metadata_at(const struct server_call *c, size_t i, struct str *key,
                             struct str *value);
/* Adds initial metadata (before the first reply) or trailing metadata. Copied; at most 32 of each,
 * false beyond. Values of "-bin" keys are raw bytes. Keys or values that gRPC forbids are refused:
 * false. */
bool server_call_header(struct server_call *c, struct str key, struct str value);
bool server_call_trailer(struct server_call *c, struct str key, struct str value);
/* Milliseconds until the client's deadline, at most UINT32_MAX, which also stands for none. */
uint32_t server_call_time_left(const struct server_call *c);
