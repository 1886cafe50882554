/* Scripts run by a Redis server, in one round trip each: how policies count across a fleet. Bound
 * by the worker like `channel`; a client belongs to one worker, and all its calls to that thread.
 *
 *     struct take { struct redis_call call; ... };                     // memory of the caller's
 *     struct redis_command c = {.script = 0, .keys = keys, .nkeys = 2, .args = args, .nargs = 3};
 *     if (!redis_eval(r, &take->call, &c, on_reply))                   // away: known at once
 *         ...
 *       -> on_reply(&take->call, &reply)           // once, later, within the client's timeout
 *
 * A call waits no longer than the timeout (20 ms unless configured), whatever the server does. When
 * it is known to be away or silent calls are refused at once, until it has answered again. Commands
 * whose answer nobody wants are kept meanwhile, up to REDIS_KEPT_MAX bytes, and sent then. */
#pragma once

#include "transcoder/str.h"

struct redis;
struct redis_call;

enum redis_status {
    REDIS_REPLIED, /* values are there, or a text */
    REDIS_FAILED,  /* an error reply: `error` says which */
    REDIS_SILENT,  /* no answer within the timeout; it may still be executed: redis_late */
    REDIS_LOST,    /* the connection went; it may have been executed */
};

enum {
    REDIS_VALUES_MAX = 80,
    REDIS_ERROR_MAX = 120,
    REDIS_TEXT_MAX = 16 << 10,
    REDIS_KEPT_MAX = 1 << 20
};

struct redis_reply {
    enum redis_status status;
    uint32_t n;
    int64_t values[REDIS_VALUES_MAX]; /* `n` of an array of integers, or one; nil is 0 */
    struct str text;                  /* of a string, cut at REDIS_TEXT_MAX; until `done` returns */
    char error[REDIS_ERROR_MAX];      /* NUL-terminated */
    struct redis_pending *pending;    /* of REDIS_SILENT, until `done` returns */
};

typedef void redis_done(struct redis_call *, const struct redis_reply *);

struct redis_call {
    redis_done *done;
    struct redis_pending *pending; /* NULL: not under way */
};

struct redis_command {
    uint32_t script; /* index into the scripts that the client was opened with */
    const struct str *keys, *args;
    uint32_t nkeys, nargs;
};

struct redis_stats {
    bool up;
    uint64_t calls, failed, silent, lost, refused; /* refused: away when asked */
    uint64_t connects;
};

struct redis_ops {
    bool (*eval)(struct redis *, struct redis_call *, const struct redis_command *, redis_done *);
    void (*cancel)(struct redis *, struct redis_call *);
    bool (*move)(struct redis *, struct redis_call *from, struct redis_call *to, redis_done *);
    void (*stats)(struct redis *, struct redis_stats *);
    void (*close)(struct redis *);
};

/* First member of every implementation's own struct. */
struct redis {
    const struct redis_ops *ops;
};

/* False: the server is away or memory is short; `done` will not be called. Keys and arguments are
 * copied. `done` never comes from inside. `call` NULL: nobody wants to know the answer, and it is
 * still worth being told when the server is there again. */
static inline bool redis_eval(struct redis *r, struct redis_call *call,
                              const struct redis_command *c, redis_done *done)
{
    return r->ops->eval(r, call, c, done);
}
/* No `done` will come; the server may execute it all the same. Fine on one that is not under way.
 */
static inline void redis_cancel(struct redis *r, struct redis_call *call)
{
    r->ops->cancel(r, call);
}
/* The answer of `from` goes to `to`, which may be kept where `from` cannot, and waits as long as
 * the connection stands. False: it has not been sent yet, or is not under way, so that it can be
 * cancelled without any effect. */
static inline bool redis_move(struct redis *r, struct redis_call *from, struct redis_call *to,
                              redis_done *done)
{
    return r->ops->move(r, from, to, done);
}
/* The same from within the `done` of a call that was not answered in time. */
static inline bool redis_late(struct redis *r, const struct redis_reply *silent,
                              struct redis_call *to, redis_done *done)
{
    struct redis_call from = {.pending = silent->pending};
    return redis_move(r, &from, to, done);
}
static inline void redis_stats(struct redis *r, struct redis_stats *out)
{
    r->ops->stats(r, out);
}
/* Calls under way are forgotten: no `done` comes. */
static inline void redis_close(struct redis *r)
{
    r->ops->close(r);
}

/* Where and how. Slices are NUL-terminated. */
struct redis_config {
    struct str endpoint;       /* "host:port", "[v6]:port", "unix:/path" */
    struct str user, password; /* empty: none */
    uint32_t db;
    uint32_t timeout_ms; /* of a call; 0: 20 */
    const struct str *scripts;
    uint32_t nscripts; /* up to REDIS_SCRIPTS_MAX */
};
enum { REDIS_SCRIPTS_MAX = 8, REDIS_TIMEOUT_DEFAULT_MS = 20 };
