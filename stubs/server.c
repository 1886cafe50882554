#include "stubs/server_internal.h"

#include "gateway/core/thread_order.h"

#include <grpc/grpc_security.h>
#include <stdio.h>

enum { BLOCK = 4096, ACCEPTS_PER_WORKER = 64, MESSAGE_DEFAULT = 64 << 20, PING_LEAST_MS = 5000 };

static void *serve(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        grpc_event e = grpc_completion_queue_next(w->queue, server_timers_run(w), NULL);
        if (e.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (e.type == GRPC_QUEUE_TIMEOUT)
            continue;
        const struct tag *tag = e.tag;
        thread_takes(e.tag);
        tag->on(tag->owner, e.success != 0);
    }
}

static grpc_server *create(const struct server_options *o)
{
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = o->max_message > INT32_MAX ? INT32_MAX : (int)o->max_message},
        /* two servers on one port is a mistake, not load balancing */
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ALLOW_REUSEPORT, .value.integer = 0},
        /* gRPC core's own default takes pings of quiet calls for an attack after 2 in 5 minutes */
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
         .value.integer = PING_LEAST_MS},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_CONCURRENT_STREAMS,
         .value.integer = o->max_streams > INT32_MAX ? INT32_MAX : (int)o->max_streams},
    };
    size_t n = sizeof args / sizeof *args - (o->max_streams ? 0 : 1);
    const grpc_channel_args list = {.num_args = n, .args = args};
    return grpc_server_create(&list, NULL);
}

static void stop_queues(struct server *s, uint32_t running)
{
    for (uint32_t i = 0; i < s->nworkers; i++)
        if (s->workers[i].queue)
            grpc_completion_queue_shutdown(s->workers[i].queue);
    for (uint32_t i = 0; i < running; i++)
        pthread_join(s->workers[i].thread, NULL);
    for (uint32_t i = 0; i < s->nworkers; i++)
        if (s->workers[i].queue)
            grpc_completion_queue_destroy(s->workers[i].queue);
}

/* Shuts the core's server down, waiting `grace_ms` for calls in flight. */
static void stop_core(struct server *s, uint32_t grace_ms)
{
    struct tag unused = {0};
    grpc_server_shutdown_and_notify(s->grpc, s->stopped, &unused);
    gpr_timespec until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                      gpr_time_from_millis((int64_t)grace_ms, GPR_TIMESPAN));
    grpc_event e = grpc_completion_queue_next(s->stopped, until, NULL);
    if (e.type == GRPC_QUEUE_TIMEOUT) {
        grpc_server_cancel_all_calls(s->grpc);
        grpc_completion_queue_next(s->stopped, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    }
}

static void dispose(struct server *s, uint32_t running)
{
    stop_queues(s, running);
    if (s->grpc)
        grpc_server_destroy(s->grpc);
    if (s->stopped) {
        grpc_completion_queue_shutdown(s->stopped);
        grpc_completion_queue_next(s->stopped, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        grpc_completion_queue_destroy(s->stopped);
    }
    struct arena own = s->arena;
    arena_release(&own);
    grpc_shutdown();
}

static struct server *new_server(const struct server_options *o)
{
    struct arena own;
    arena_init(&own, BLOCK, 1 << 20);
    struct server *s = arena_alloc(&own, sizeof *s);
    uint32_t n = o->threads ? o->threads : 1;
    struct worker *workers = s ? arena_array(&own, n, sizeof *workers) : NULL;
    struct server_service *services = workers ? arena_array(&own, o->nservices, sizeof *services)
                                              : NULL;
    if (!services) {
        arena_release(&own);
        return NULL;
    }
    for (size_t i = 0; i < o->nservices; i++)
        services[i] = o->services[i];
    *s = (struct server){.arena = own, .options = *o, .workers = workers, .nworkers = n};
    s->options.services = services;
    if (!s->options.max_message)
        s->options.max_message = MESSAGE_DEFAULT;
    return s;
}

static bool listen_on(struct server *s, const char *address)
{
    s->grpc = create(&s->options);
    s->stopped = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(s->grpc, s->stopped, NULL);
    for (uint32_t i = 0; i < s->nworkers; i++) {
        s->workers[i] = (struct worker){.server = s,
                                        .queue = grpc_completion_queue_create_for_next(NULL)};
        grpc_server_register_completion_queue(s->grpc, s->workers[i].queue, NULL);
    }
    grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
    s->port = grpc_server_add_http2_port(s->grpc, address, plain);
    grpc_server_credentials_release(plain);
    return s->port != 0;
}

struct server *server_start(const struct server_options *options, char *why)
{
    grpc_init();
    struct server *s = new_server(options);
    if (!s) {
        grpc_shutdown();
        snprintf(why, SERVER_WHY_MAX, "out of memory");
        return NULL;
    }
    bool listening = listen_on(s, options->address);
    grpc_server_start(s->grpc);
    uint32_t running = 0;
    while (listening && running < s->nworkers &&
           pthread_create(&s->workers[running].thread, NULL, serve, &s->workers[running]) == 0)
        running++;
    if (running < s->nworkers) {
        snprintf(why, SERVER_WHY_MAX, listening ? "no thread" : "cannot listen on %.200s",
                 options->address);
        stop_core(s, 0);
        dispose(s, running);
        return NULL;
    }
    for (uint32_t i = 0; i < ACCEPTS_PER_WORKER * s->nworkers; i++)
        server_call_accept(&s->workers[i % s->nworkers]);
    return s;
}

int server_port(const struct server *s)
{
    return s->port;
}

void server_stop(struct server *s, uint32_t grace_ms)
{
    stop_core(s, grace_ms);
    dispose(s, s->nworkers);
}
