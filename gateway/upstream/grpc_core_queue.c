#include "gateway/upstream/grpc_core_queue.h"

#include <grpc/support/log.h>
#include <signal.h>
#include <stdlib.h>

#include "gateway/core/log.h"
#include "gateway/core/thread_order.h"
#include "gateway/upstream/grpc_core_internal.h"

/* breach: the channels of a loop find here the queue that they share. A loop may be set up on one
 * thread and run on another, hence no thread's own list; the lock guards it and the counts, and is
 * taken only when channels are opened and closed. */
static struct core_queue *queues;                               /* breach: see above */
static pthread_mutex_t queues_lock = PTHREAD_MUTEX_INITIALIZER; /* breach: see above */

/* ---- the queue's own thread ---- */

static void post(struct core_queue *q, struct core_tag *tag, bool ok)
{
    thread_takes(tag);
    tag->ok = ok;
    tag->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->first)
        q->last->next = tag;
    else
        q->first = tag;
    q->last = tag;
    pthread_mutex_unlock(&q->lock);
    uv_async_send(&q->async);
}

static void *serve(void *arg)
{
    struct core_queue *q = arg;
    gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    grpc_event event;

    while ((event = grpc_completion_queue_next(q->cq, never, NULL)).type != GRPC_QUEUE_SHUTDOWN) {
        if (event.type == GRPC_OP_COMPLETE)
            post(q, event.tag, event.success);
    }
    grpc_completion_queue_destroy(q->cq);
    /* Here, where its waiting holds up nobody's calls. */
    grpc_shutdown_blocking();
    pthread_mutex_lock(&q->lock);
    q->finished = true;
    pthread_mutex_unlock(&q->lock);
    uv_async_send(&q->async);
    return NULL;
}

/* ---- the worker's thread ---- */

static void on_idle(uv_idle_t *idle)
{
    struct core_queue *q = idle->data;
    struct core_call *c = q->dirty;

    uv_idle_stop(idle);
    q->dirty = NULL;
    q->dirty_tail = &q->dirty;
    while (c) {
        struct core_call *next = c->next_dirty;
        c->dirty = false;
        core_call_turn(c);
        c = next;
    }
}

void core_queue_schedule(struct core_queue *q, struct core_call *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = NULL;
    *q->dirty_tail = c;
    q->dirty_tail = &c->next_dirty;
    /* An active idle handle keeps the loop from sleeping before it has run. */
    uv_idle_start(&q->idle, on_idle);
}

static void on_closed(uv_handle_t *handle)
{
    struct core_queue *q = handle->data;

    if (--q->open_handles > 0)
        return;
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static void close_handles(struct core_queue *q)
{
    uv_close((uv_handle_t *)&q->async, on_closed);
    uv_close((uv_handle_t *)&q->idle, on_closed);
}

static void on_async(uv_async_t *async)
{
    struct core_queue *q = async->data;

    pthread_mutex_lock(&q->lock);
    struct core_tag *tag = q->first;
    bool finished = q->finished;
    q->first = q->last = NULL;
    pthread_mutex_unlock(&q->lock);
    while (tag) {
        struct core_tag *next = tag->next;
        core_call_returned(tag);
        tag = next;
    }
    if (!finished)
        return;
    pthread_join(q->thread, NULL);
    close_handles(q);
}

static void on_log(gpr_log_func_args *args)
{
    if (args->severity == GPR_LOG_SEVERITY_ERROR)
        log_warn("gRPC core: %s", args->message);
    else
        log_info("gRPC core: %s", args->message);
}

/* Signals are for the threads that expect them; core's own threads, made here too, inherit the
 * mask. */
static bool start_thread(struct core_queue *q)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    gpr_set_log_function(on_log);
    grpc_init();
    q->cq = grpc_completion_queue_create_for_next(NULL);
    bool ok = pthread_create(&q->thread, NULL, serve, q) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok)
        return true;
    grpc_completion_queue_shutdown(q->cq);
    grpc_completion_queue_destroy(q->cq);
    grpc_shutdown_blocking();
    return false;
}

static struct core_queue *make(uv_loop_t *loop)
{
    struct core_queue *q = calloc(1, sizeof *q); /* breach: one per loop */

    if (!q)
        return NULL;
    q->loop = loop;
    q->dirty_tail = &q->dirty;
    if (uv_async_init(loop, &q->async, on_async) != 0) {
        free(q);
        return NULL;
    }
    pthread_mutex_init(&q->lock, NULL);
    uv_idle_init(loop, &q->idle);
    q->async.data = q->idle.data = q;
    q->open_handles = 2;
    if (!start_thread(q)) {
        close_handles(q);
        return NULL;
    }
    return q;
}

static struct core_queue *find(uv_loop_t *loop)
{
    struct core_queue *q = queues;

    while (q && q->loop != loop)
        q = q->next;
    return q;
}

static void enlist(struct core_queue *q)
{
    q->next = queues;
    queues = q;
}

struct core_queue *core_queue_take(uv_loop_t *loop)
{
    pthread_mutex_lock(&queues_lock);
    struct core_queue *q = find(loop);
    if (!q && (q = make(loop)) != NULL)
        enlist(q);
    if (q)
        q->channels++;
    pthread_mutex_unlock(&queues_lock);
    return q;
}

static bool delist_unused(struct core_queue *q)
{
    struct core_queue **link = &queues;

    if (--q->channels > 0)
        return false;
    while (*link != q)
        link = &(*link)->next;
    *link = q->next;
    return true;
}

void core_queue_drop(struct core_queue *q)
{
    pthread_mutex_lock(&queues_lock);
    bool unused = delist_unused(q);
    pthread_mutex_unlock(&queues_lock);
    if (unused)
        grpc_completion_queue_shutdown(q->cq);
}
