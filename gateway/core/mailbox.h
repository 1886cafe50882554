/* Messages to a worker: the one way to reach into its thread. Posting is for any thread, reading
 * for the worker. Used for rare things (reload, drain, stop), never on the path of a request, so a
 * mutex will do: it guards the list alone. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

struct mail {
    struct mail *next;
    int kind;
    void *body; /* ownership goes to the reader */
};

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first, **tail;
    bool closed; /* posting is refused */
    uv_async_t async;
    void (*read)(void *ctx, int kind, void *body);
    void *ctx;
};

/* False when the loop refuses the handle. */
bool mailbox_init(struct mailbox *m, uv_loop_t *loop, void (*read)(void *ctx, int kind, void *body),
                  void *ctx);
/* False when memory is short or the mailbox is closed: `body` stays the caller's. */
bool mailbox_post(struct mailbox *m, int kind, void *body);
/* By the worker. What was posted and not read is dropped. The memory of `m` must stay while others
 * may post. */
void mailbox_close(struct mailbox *m);
