/* What the two halves of the server share: server.c takes calls in, server_call.c is one call's
 * life. */
#pragma once

#include <grpc/grpc.h>
#include <pthread.h>

#include "stubs/server.h"

/* What a completion queue gives back. */
struct tag {
    void (*on)(void *owner, bool ok);
    void *owner;
};

/* One completion queue, drained by one thread: calls taken in on it have their events one after the
 * other. */
struct worker {
    struct server *server;
    grpc_completion_queue *queue;
    pthread_t thread;
    struct server_call *first_timer, *last_timer; /* ascending by timer_at */
};

struct server {
    struct arena arena; /* this struct lives in it */
    struct server_options options;
    grpc_server *grpc;
    grpc_completion_queue *stopped; /* for the notification of grpc_server_shutdown_and_notify */
    struct worker *workers;
    uint32_t nworkers;
    int port;
};

enum { SERVER_METADATA_MAX = 32 };

struct metadata_list {
    grpc_metadata *items; /* SERVER_METADATA_MAX of them, once there is one */
    size_t n;
};

/* A message that waits to be sent. */
struct waiting {
    grpc_byte_buffer *bytes;
    struct waiting *next;
};

struct server_call {
    struct arena arena;    /* this struct lives in it */
    struct arena messages; /* the request being handled */
    struct worker *worker;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    const struct server_service *service;
    const struct stub_method *method; /* NULL: unknown */
    struct tag accepted, closed, received, sent;
    uint32_t pending; /* operations that the queue has not given back: the call lives as long */
    bool ended;       /* the handler hears no more */
    bool client_done; /* its last message was delivered */
    bool reading, sending, headers_sent, finishing, read_wanted;
    grpc_byte_buffer *incoming;
    int cancelled;
    struct waiting *first, **last, *spare;
    struct metadata_list headers, trailers;
    grpc_status_code status;
    grpc_slice status_text;
    struct server_call *next_timer, *previous_timer;
    gpr_timespec timer_at;
    void (*on_timer)(struct server_call *c); /* NULL: not in the list */
    void (*on_writable)(struct server_call *c);
    void *state;
    void (*release_state)(void *state);
};

void metadata_list_release(struct metadata_list *l);

/* gRPC core keeps its timers to itself, so each worker has a list of its own. */
void server_timer_drop(struct server_call *c);
/* Runs what is due; returns when the next one is. */
gpr_timespec server_timers_run(struct worker *w);

/* Asks for the next call on this queue. False when memory is short. */
bool server_call_accept(struct worker *w);
