#include "gateway/upstream/redis.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "gateway/core/log.h"
#include "gateway/upstream/redis_internal.h"

/* The connection: made, greeted, watched, made again. States are drawn in redis.h. */

enum {
    CONNECT_MS = 500,
    GREETING_MS = 300,
    MUTE_MS = 500, /* without a byte until the connection is made anew */
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MOST_MS = 400,
};

static void begin(struct redis_client *r);

static struct redis_client *client_of_timer(struct timer *t)
{
    return (struct redis_client *)((char *)t - offsetof(struct redis_client, timer));
}

static void drop_hold(struct redis_client *r)
{
    if (--r->holds || !r->closing)
        return;
    redis_calls_release(r);
    redis_parser_free(r->parser);
    buf_release(&r->out);
    buf_release(&r->on_the_way);
    arena_release(&r->arena);
    free(r);
}

/* ---- leaving ---- */

static void on_socket_closed(uv_handle_t *handle)
{
    struct redis_client *r = handle->data;
    r->has_socket = false;
    drop_hold(r);
}

static void leave_socket(struct redis_client *r)
{
    resolve_cancel(&r->resolver);
    if (r->has_socket && !uv_is_closing(&r->socket.handle))
        uv_close(&r->socket.handle, on_socket_closed);
    r->out.n = 0;
}

static void on_retry(struct timer *t)
{
    struct redis_client *r = client_of_timer(t);
    if (r->has_socket || r->resolver.busy || r->writing)
        timer_start(r->timers, t, BACKOFF_FIRST_MS, on_retry); /* the last one is not gone yet */
    else
        begin(r);
}

void redis_drop(struct redis_client *r, const char *why)
{
    bool was_up = r->state >= CLIENT_UP;
    if (r->state == CLIENT_AWAY)
        return;
    if (was_up || r->hopeful)
        log_warn("redis %.*s is away: %s", STR_ARG(r->config.endpoint), why);
    r->state = CLIENT_AWAY;
    r->hopeful = false;
    leave_socket(r);
    redis_calls_lost(r);
    r->backoff_ms = r->backoff_ms ? r->backoff_ms * 2 : BACKOFF_FIRST_MS;
    if (r->backoff_ms > BACKOFF_MOST_MS)
        r->backoff_ms = BACKOFF_MOST_MS;
    timer_start(r->timers, &r->timer, r->backoff_ms, on_retry);
}

static void on_too_long(struct timer *t)
{
    struct redis_client *r = client_of_timer(t);
    redis_drop(r, r->state == CLIENT_CONNECTING ? "no connection in time" : "no answer in time");
}

/* ---- mute and heard again ---- */

void redis_unheard(struct redis_client *r)
{
    if (r->state != CLIENT_UP)
        return;
    log_warn("redis %.*s does not answer within %u ms", STR_ARG(r->config.endpoint),
             r->config.timeout_ms);
    r->state = CLIENT_MUTE;
    timer_start(r->timers, &r->timer, MUTE_MS, on_too_long);
}

static void heard(struct redis_client *r)
{
    if (r->state != CLIENT_MUTE)
        return;
    log_info("redis %.*s answers again", STR_ARG(r->config.endpoint));
    r->state = CLIENT_UP;
    timer_stop(r->timers, &r->timer);
}

/* ---- writing, once per turn of the loop ---- */

static void on_written(uv_write_t *write, int status)
{
    struct redis_client *r = write->data;
    r->writing = false;
    r->on_the_way.n = 0;
    if (status < 0 && status != UV_ECANCELED)
        redis_drop(r, uv_strerror(status));
    drop_hold(r);
}

/* What the socket did not take at once. */
static void write_later(struct redis_client *r, size_t from)
{
    struct buf full = r->out;
    r->out = r->on_the_way;
    r->on_the_way = full;
    uv_buf_t bytes = uv_buf_init(full.p + from, (unsigned)(full.n - from));
    int status = uv_write(&r->write, &r->socket.stream, &bytes, 1, on_written);
    if (status < 0) {
        r->on_the_way.n = 0;
        redis_drop(r, uv_strerror(status));
        return;
    }
    r->writing = true;
    r->holds++;
}

/* uv_write alone would be right as well, but changes the loop's epoll set with each write. */
static void write_out(struct redis_client *r)
{
    uv_buf_t bytes = uv_buf_init(r->out.p, (unsigned)r->out.n);
    int n = uv_try_write(&r->socket.stream, &bytes, 1);
    if (n >= 0 && (size_t)n == r->out.n)
        r->out.n = 0;
    else if (n >= 0 || n == UV_EAGAIN)
        write_later(r, n > 0 ? (size_t)n : 0);
    else
        redis_drop(r, uv_strerror(n));
}

static void on_flush(uv_prepare_t *flush)
{
    struct redis_client *r = flush->data;
    if (r->state == CLIENT_UP && r->waiting.first)
        redis_calls_send(r);
    if (r->out.n && !r->writing && r->state >= CLIENT_GREETING)
        write_out(r);
}

/* ---- reading ---- */

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct redis_client *r = handle->data;
    (void)wanted;
    *out = uv_buf_init(r->input, sizeof r->input);
}

static void take_replies(struct redis_client *r)
{
    struct redis_reply reply;
    enum redis_parsed parsed;
    while ((parsed = redis_parser_next(r->parser, &reply)) == REDIS_PARSED)
        if (!redis_calls_reply(r, &reply))
            return;
    if (parsed == REDIS_GARBAGE)
        redis_drop(r, "its answer is not Redis' protocol");
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct redis_client *r = stream->data;
    if (r->state == CLIENT_AWAY || n == 0)
        return;
    if (n < 0) {
        redis_drop(r, n == UV_EOF ? "it closed the connection" : uv_strerror((int)n));
        return;
    }
    heard(r);
    if (redis_parser_feed(r->parser, str_of(bytes->base, (size_t)n)))
        take_replies(r);
    else
        redis_drop(r, "its answer is too long");
}

/* ---- greeting ---- */

static bool greet_auth(struct redis_client *r)
{
    const struct redis_config *c = &r->config;
    if (!c->password.n)
        return true;
    return redis_put_command(&r->out, c->user.n ? 3 : 2) && redis_put(&r->out, STR("AUTH")) &&
           (!c->user.n || redis_put(&r->out, c->user)) && redis_put(&r->out, c->password) &&
           redis_calls_greeting(r);
}

static bool greet_select(struct redis_client *r)
{
    if (!r->config.db)
        return true;
    return redis_put_command(&r->out, 2) && redis_put(&r->out, STR("SELECT")) &&
           redis_put_number(&r->out, r->config.db) && redis_calls_greeting(r);
}

static bool greet_scripts(struct redis_client *r)
{
    bool ok = true;
    for (uint32_t i = 0; i < r->config.nscripts; i++)
        ok = ok && redis_put_command(&r->out, 3) && redis_put(&r->out, STR("SCRIPT")) &&
             redis_put(&r->out, STR("LOAD")) && redis_put(&r->out, r->config.scripts[i]) &&
             redis_calls_greeting(r);
    return ok;
}

static void greet(struct redis_client *r)
{
    r->state = CLIENT_GREETING;
    r->greeted = 0;
    timer_start(r->timers, &r->timer, GREETING_MS, on_too_long);
    if (!greet_auth(r) || !greet_select(r) || !greet_scripts(r))
        redis_drop(r, "out of memory");
}

static void up(struct redis_client *r)
{
    r->state = CLIENT_UP;
    r->stats.connects++;
    timer_stop(r->timers, &r->timer);
    if (!r->hopeful)
        log_info("redis %.*s is there again", STR_ARG(r->config.endpoint));
}

void redis_greeted(struct redis_client *r, const struct redis_reply *reply)
{
    uint32_t before = (r->config.password.n ? 1u : 0u) + (r->config.db ? 1u : 0u);
    struct str text = reply->text;
    if (reply->status != REDIS_REPLIED) {
        redis_drop(r, reply->error);
    } else if (r->greeted < before ? !str_eq(text, STR("OK")) : text.n != REDIS_SHA) {
        redis_drop(r, "it does not answer like a Redis server");
    } else {
        if (r->greeted >= before)
            memcpy(r->sha[r->greeted - before], text.p, REDIS_SHA);
        if (++r->greeted == before + r->config.nscripts)
            up(r);
    }
}

/* ---- connecting ---- */

static void on_connected(uv_connect_t *connect, int status)
{
    struct redis_client *r = connect->data;
    if (status == UV_ECANCELED || r->state != CLIENT_CONNECTING)
        return;
    if (status < 0) {
        redis_drop(r, uv_strerror(status));
        return;
    }
    if (!redis_parser_reset(r->parser) || uv_read_start(&r->socket.stream, on_room, on_read) != 0)
        redis_drop(r, "out of memory");
    else
        greet(r);
}

static int start_socket(struct redis_client *r, const struct address *a)
{
    const struct sockaddr *sa = (const struct sockaddr *)&a->socket;
    bool local = sa->sa_family == AF_UNIX;
    int status = local ? uv_pipe_init(r->loop, &r->socket.pipe, 0)
                       : uv_tcp_init(r->loop, &r->socket.tcp);
    if (status < 0)
        return status;
    r->socket.handle.data = r;
    r->has_socket = true;
    r->holds++;
    if (local) {
        uv_pipe_connect(&r->connect, &r->socket.pipe,
                        ((const struct sockaddr_un *)(const void *)sa)->sun_path, on_connected);
        return 0;
    }
    uv_tcp_nodelay(&r->socket.tcp, 1);
    return uv_tcp_connect(&r->connect, &r->socket.tcp, sa, on_connected);
}

static void connect_to(struct redis_client *r, const struct address *a)
{
    r->state = CLIENT_CONNECTING;
    timer_start(r->timers, &r->timer, CONNECT_MS, on_too_long);
    int status = start_socket(r, a);
    if (status < 0)
        redis_drop(r, uv_strerror(status));
}

static void on_resolved(struct resolver *resolver, const struct address *addresses, uint32_t n,
                        const char *error)
{
    struct redis_client *r = (struct redis_client *)((char *)resolver -
                                                     offsetof(struct redis_client, resolver));
    if (r->state == CLIENT_RESOLVING && n)
        connect_to(r, &addresses[r->stats.connects % n]);
    else if (r->state == CLIENT_RESOLVING)
        redis_drop(r, error);
    drop_hold(r);
}

static void begin(struct redis_client *r)
{
    struct address a;
    r->state = CLIENT_RESOLVING;
    if (resolve_numeric(r->config.endpoint, &a) == RESOLVE_DONE)
        connect_to(r, &a);
    else if (resolve_start(&r->resolver, r->loop, r->config.endpoint, on_resolved))
        r->holds++;
    else
        redis_drop(r, "its name cannot be looked up");
}

/* ---- life ---- */

static bool copy_config(struct redis_client *r, const struct redis_config *c)
{
    struct str *scripts = arena_array(&r->arena, c->nscripts, sizeof *scripts);
    if (!scripts || c->nscripts > REDIS_SCRIPTS_MAX)
        return false;
    r->config = *c;
    r->config.endpoint = arena_copy(&r->arena, c->endpoint);
    r->config.user = arena_copy(&r->arena, c->user);
    r->config.password = arena_copy(&r->arena, c->password);
    r->config.scripts = scripts;
    bool ok = r->config.endpoint.p && r->config.user.p && r->config.password.p;
    for (uint32_t i = 0; i < c->nscripts; i++) {
        scripts[i] = arena_copy(&r->arena, c->scripts[i]);
        ok = ok && scripts[i].p;
    }
    if (!r->config.timeout_ms)
        r->config.timeout_ms = REDIS_TIMEOUT_DEFAULT_MS;
    return ok;
}

struct redis *redis_open(uv_loop_t *loop, struct timer_wheel *timers,
                         const struct redis_config *config)
{
    struct redis_client *r = calloc(1, sizeof *r); /* breach: one per worker, at its start */
    if (!r)
        return NULL;
    r->redis.ops = &redis_client_ops;
    r->loop = loop;
    r->timers = timers;
    r->hopeful = true;
    r->waiting.last = &r->waiting.first;
    r->sent.last = &r->sent.first;
    r->connect.data = r->write.data = r;
    buf_init(&r->out, REDIS_OUT_MAX * 2);
    buf_init(&r->on_the_way, REDIS_OUT_MAX * 2);
    arena_init(&r->arena, 4096, SIZE_MAX);
    r->parser = redis_parser_new();
    if (!r->parser || !copy_config(r, config)) {
        redis_parser_free(r->parser);
        arena_release(&r->arena);
        free(r);
        return NULL;
    }
    uv_prepare_init(loop, &r->flush);
    r->flush.data = r;
    r->holds = 1;
    uv_prepare_start(&r->flush, on_flush);
    uv_unref((uv_handle_t *)&r->flush);
    begin(r);
    return &r->redis;
}

static void on_flush_closed(uv_handle_t *handle)
{
    drop_hold(handle->data);
}

void redis_client_close(struct redis *redis)
{
    struct redis_client *r = (struct redis_client *)redis;
    r->closing = true;
    if (r->state == CLIENT_UP) { /* what is given back at the end is still told */
        redis_calls_send(r);
        if (r->out.n && !r->writing)
            write_out(r);
    }
    r->state = CLIENT_AWAY;
    timer_stop(r->timers, &r->timer);
    timer_stop(r->timers, &r->deadlines);
    leave_socket(r);
    uv_close((uv_handle_t *)&r->flush, on_flush_closed);
}
