/* One completion queue of gRPC core and the thread that waits on it, shared by all channels of a
 * loop.
 *
 *     worker's thread                                        queue's thread
 *     start, send, read, cancel  -> dirty list
 *     idle: core_call_turn       -> grpc_call_start_batch -> grpc_completion_queue_next
 *     async: core_call_returned  <- mailbox               <- tag
 *
 * The last channel to go ends the thread, which also shuts core down; then the handles close and
 * the memory goes. */
#pragma once

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

struct core_call;

/* What a batch is known by while core has it. */
struct core_tag {
    struct core_tag *next; /* in the mailbox */
    struct core_call *call;
    void (*returned)(struct core_call *c, bool ok);
    bool busy, ok;
};

/* One completion queue and its thread, shared by the channels of a loop. */
struct core_queue {
    struct core_queue *next; /* of another loop */
    uv_loop_t *loop;
    uint32_t channels;
    grpc_completion_queue *cq;
    pthread_t thread;
    pthread_mutex_t lock;          /* guards the three below */
    struct core_tag *first, *last; /* what core has given back */
    bool finished;                 /* the thread will not touch this any more */
    uv_async_t async;              /* rung by the thread */
    uv_idle_t idle;                /* active while there are dirty calls */
    uint32_t open_handles;
    struct core_call *dirty, **dirty_tail;
};

/* The queue of `loop`, made if there is none. NULL: out of memory or threads. */
struct core_queue *core_queue_take(uv_loop_t *loop);
void core_queue_drop(struct core_queue *q);
/* core_call_turn will be called soon, from the loop. */
void core_queue_schedule(struct core_queue *q, struct core_call *c);
