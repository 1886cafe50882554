/* What the two halves of the Redis client share: redis.c (the connection) and redis_call.c (calls).
 */
#pragma once

#include "gateway/upstream/redis.h"
#include "gateway/upstream/redis_wire.h"
#include "gateway/upstream/resolve.h"
#include "transcoder/arena.h"

enum redis_state {
    CLIENT_AWAY,
    CLIENT_RESOLVING,
    CLIENT_CONNECTING,
    CLIENT_GREETING,
    CLIENT_UP,
    CLIENT_MUTE
};

enum { REDIS_SHA = 40, REDIS_READ = 16 << 10, REDIS_OUT_MAX = 4 << 20 };

/* A command on its way. Replies come in the order of the commands, so those that nobody waits for
 * any more (call == NULL) keep their place. */
struct redis_pending {
    struct redis_pending *next;
    struct redis_call *call;
    uint64_t deadline; /* clock_now() */
    uint32_t script, arguments;
    bool greeting, retried, sent;
    bool dropped;    /* nobody waits any more: not sent if it has not been */
    bool kept;       /* until the server is there again */
    struct buf rest; /* of the command, behind the script: count of keys, keys, arguments */
};

struct redis_queue {
    struct redis_pending *first, **last;
};

struct redis_client {
    struct redis redis; /* first */
    uv_loop_t *loop;
    struct timer_wheel *timers;
    struct redis_config config;
    struct arena arena; /* of config */
    enum redis_state state;
    bool hopeful; /* no attempt has failed yet: calls wait for the first connection */
    bool closing, writing, has_socket;
    uint8_t holds; /* handles of the loop that refer to it */
    uint32_t backoff_ms;

    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_connect_t connect;
    uv_write_t write;
    uv_prepare_t flush;
    struct resolver resolver;
    struct timer timer;     /* of the state */
    struct timer deadlines; /* of calls */

    struct redis_queue waiting, sent;
    size_t kept; /* bytes of commands that are kept */
    struct redis_pending *idle;
    struct buf out, on_the_way;
    struct redis_parser *parser;
    char sha[REDIS_SCRIPTS_MAX][REDIS_SHA];
    uint32_t greeted; /* replies to the greeting so far */
    struct redis_stats stats;
    char input[REDIS_READ];
};

/* redis.c */
/* Leaves the connection; another attempt follows. */
void redis_drop(struct redis_client *r, const char *why);
/* Puts the reply to a command of the greeting to its use. */
void redis_greeted(struct redis_client *r, const struct redis_reply *reply);
/* A call was not answered in time. */
void redis_unheard(struct redis_client *r);
void redis_client_close(struct redis *redis);

/* redis_call.c */
extern const struct redis_ops redis_client_ops;
/* Writes what waits to be sent into `out`. */
void redis_calls_send(struct redis_client *r);
/* A command of the greeting has been written into `out`: its reply goes to redis_greeted. False:
 * out of memory. */
bool redis_calls_greeting(struct redis_client *r);
/* Gives the reply to the command it answers. False: nobody has asked, or the connection was left.
 */
bool redis_calls_reply(struct redis_client *r, const struct redis_reply *reply);
/* All that is under way is lost, but for what is kept. */
void redis_calls_lost(struct redis_client *r);
void redis_calls_release(struct redis_client *r);
