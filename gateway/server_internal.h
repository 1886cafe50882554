/* Shared by server.c (life) and server_pages.c (admin). */
#pragma once

#include <pthread.h>
#include <uv.h>

#include "gateway/auth_keeper.h"
#include "gateway/front/admin.h"
#include "gateway/load.h"
#include "gateway/policy/limit_table.h"
#include "gateway/server.h"
#include "gateway/worker.h"

enum { SERVER_WORKERS_MAX = 1024 };

struct server {
    const struct options *options;
    uv_loop_t loop;
    uv_signal_t term, interrupt, hup;
    uv_async_t reloaded, all_ended;
    uv_timer_t tidy;
    uint32_t crowd;    /* most clients at once since memory was last given back */
    atomic_uint ended; /* workers whose thread is over */
    struct worker *workers[SERVER_WORKERS_MAX];
    struct worker_input inputs[SERVER_WORKERS_MAX];
    uint32_t nworkers;
    struct admin *admin;
    struct auth_keeper *keeper;
    struct access_log *log;
    struct limit_table *limits;
    uint32_t generation;
    bool reload_again; /* asked for while another was loading */
    bool reloading;    /* a thread is loading the next snapshot */
    pthread_t loader;
    struct snapshot *loaded; /* what it has made; NULL: faults */
    atomic_bool draining;
    /* Guards `snapshot` between the admin thread and a reload. */
    pthread_mutex_t lock;
    struct snapshot *snapshot;
};

extern const struct admin_page server_pages[];
extern const size_t server_npages;

/* server_ready.c: {"reasons":[...],"ready":true}; 200, or 503 when calls cannot be answered. */
uint16_t server_ready_page(void *ctx, struct buf *out);

/* The snapshot that new calls get, held for the caller. */
struct snapshot *server_snapshot(struct server *s);
