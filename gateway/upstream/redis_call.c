#include <stdlib.h>

#include "gateway/core/clock.h"
#include "gateway/upstream/redis_internal.h"

/* Calls: queued, written once per turn of the loop, answered in order, or given up in time. */

static void push(struct redis_queue *q, struct redis_pending *p)
{
    p->next = NULL;
    *q->last = p;
    q->last = &p->next;
}

static struct redis_pending *pop(struct redis_queue *q)
{
    struct redis_pending *p = q->first;
    if (!p)
        return NULL;
    q->first = p->next;
    if (!q->first)
        q->last = &q->first;
    return p;
}

static struct redis_pending *take_idle(struct redis_client *r)
{
    struct redis_pending *p = r->idle;
    if (!p) {
        p = calloc(1, sizeof *p); /* breach: kept in a list of the client's for the next call */
        if (!p)
            return NULL;
        buf_init(&p->rest, REDIS_OUT_MAX / 4);
    } else {
        r->idle = p->next;
    }
    struct buf rest = p->rest;
    rest.n = 0;
    *p = (struct redis_pending){.rest = rest};
    return p;
}

static void put_idle(struct redis_client *r, struct redis_pending *p)
{
    if (p->call)
        p->call->pending = NULL;
    p->call = NULL;
    p->next = r->idle;
    r->idle = p;
}

static void finish(struct redis_client *r, struct redis_pending *p, const struct redis_reply *reply)
{
    struct redis_call *call = p->call;
    if (!call)
        return;
    p->call = NULL;
    p->dropped = true;
    call->pending = NULL;
    r->stats.failed += reply->status == REDIS_FAILED;
    r->stats.silent += reply->status == REDIS_SILENT;
    r->stats.lost += reply->status == REDIS_LOST;
    call->done(call, reply);
}

/* ---- deadlines ---- */

static uint64_t tick_ns(void)
{
    return (uint64_t)TIMER_TICK_MS * 1000000;
}

/* The wheel fires up to a tick late; a call must not wait longer than it was promised. */
static bool is_due(const struct redis_pending *p, uint64_t now)
{
    return p->call && p->deadline <= now + tick_ns();
}

static bool give_up(struct redis_client *r, struct redis_queue *q, uint64_t now)
{
    struct redis_reply silence = {.status = REDIS_SILENT};
    bool any = false;
    for (struct redis_pending *p = q->first; p; p = p->next) {
        if (!is_due(p, now))
            continue;
        any = true;
        silence.pending = p;
        finish(r, p, &silence);
    }
    return any;
}

static void watch_deadlines(struct redis_client *r);

static void on_deadline(struct timer *t)
{
    struct redis_client *r = (struct redis_client *)((char *)t -
                                                     offsetof(struct redis_client, deadlines));
    uint64_t now = clock_now();
    bool unheard = give_up(r, &r->sent, now);
    if (give_up(r, &r->waiting, now))
        r->hopeful = false;
    if (unheard)
        redis_unheard(r);
    watch_deadlines(r);
}

static uint64_t earliest(const struct redis_queue *q)
{
    uint64_t deadline = UINT64_MAX;
    for (const struct redis_pending *p = q->first; p; p = p->next)
        if (p->call && p->deadline < deadline)
            deadline = p->deadline;
    return deadline;
}

static void watch_deadlines(struct redis_client *r)
{
    uint64_t a = earliest(&r->sent), b = earliest(&r->waiting), at = a < b ? a : b;
    uint64_t now = clock_now() + tick_ns();
    if (at != UINT64_MAX)
        timer_start(r->timers, &r->deadlines, at > now ? (at - now) / 1000000 : 0, on_deadline);
}

/* ---- asking ---- */

static bool is_open(const struct redis_client *r)
{
    return r->state == CLIENT_UP || (r->hopeful && r->state != CLIENT_MUTE);
}

/* For as long as the server is away. False: there is no room for more. */
static bool keep(struct redis_client *r, struct redis_pending *p)
{
    if (!p->kept && r->kept + p->rest.n > REDIS_KEPT_MAX)
        return false;
    r->kept += p->kept ? 0 : p->rest.n;
    p->kept = true;
    return true;
}

static void keep_no_longer(struct redis_client *r, struct redis_pending *p)
{
    r->kept -= p->kept ? p->rest.n : 0;
    p->kept = false;
}

static bool put_rest(struct buf *out, const struct redis_command *c)
{
    bool ok = redis_put_number(out, c->nkeys);
    for (uint32_t i = 0; i < c->nkeys; i++)
        ok = ok && redis_put(out, c->keys[i]);
    for (uint32_t i = 0; i < c->nargs; i++)
        ok = ok && redis_put(out, c->args[i]);
    return ok;
}

/* "EVALSHA sha rest", or "EVAL source rest"; how many arguments stands in front of both. */
static struct redis_pending *prepare(struct redis_client *r, const struct redis_command *c)
{
    struct redis_pending *p = take_idle(r);
    if (!p)
        return NULL;
    p->script = c->script;
    p->arguments = 3 + c->nkeys + c->nargs;
    p->deadline = clock_now() + (uint64_t)r->config.timeout_ms * 1000000;
    if (put_rest(&p->rest, c))
        return p;
    put_idle(r, p);
    return NULL;
}

static bool eval(struct redis *redis, struct redis_call *call, const struct redis_command *c,
                 redis_done *done)
{
    struct redis_client *r = (struct redis_client *)redis;
    bool room = r->out.n + r->on_the_way.n < REDIS_OUT_MAX;
    struct redis_pending *p = (is_open(r) && room) || !call ? prepare(r, c) : NULL;
    r->stats.calls++;
    if (p && !is_open(r) && !keep(r, p)) {
        put_idle(r, p);
        p = NULL;
    }
    if (!p) {
        r->stats.refused++;
        return false;
    }
    p->call = call;
    if (call) {
        call->pending = p;
        call->done = done;
    }
    push(&r->waiting, p);
    if (!timer_runs(&r->deadlines))
        watch_deadlines(r);
    return true;
}

static void cancel(struct redis *redis, struct redis_call *call)
{
    (void)redis;
    if (call->pending) {
        call->pending->call = NULL;
        call->pending->dropped = true;
    }
    call->pending = NULL;
}

static bool move(struct redis *redis, struct redis_call *from, struct redis_call *to,
                 redis_done *done)
{
    struct redis_pending *p = from->pending;
    (void)redis;
    if (!p || !p->sent)
        return false;
    *to = (struct redis_call){.done = done, .pending = p};
    p->call = to;
    p->dropped = false;
    p->deadline = UINT64_MAX;
    from->pending = NULL;
    return true;
}

static bool put_call(struct redis_client *r, const struct redis_pending *p)
{
    struct str sha = str_of(r->sha[p->script], REDIS_SHA);
    return redis_put_command(&r->out, p->arguments) &&
           redis_put(&r->out, p->retried ? STR("EVAL") : STR("EVALSHA")) &&
           redis_put(&r->out, p->retried ? r->config.scripts[p->script] : sha) &&
           buf_add(&r->out, buf_str(&p->rest));
}

void redis_calls_send(struct redis_client *r)
{
    static const struct redis_reply lost = {.status = REDIS_LOST};
    struct redis_pending *p;
    while ((p = pop(&r->waiting))) {
        size_t before = r->out.n;
        keep_no_longer(r, p);
        if (!p->dropped && put_call(r, p)) {
            p->sent = true;
            push(&r->sent, p);
            continue;
        }
        r->out.n = before;
        finish(r, p, &lost); /* given up meanwhile, or short of memory */
        put_idle(r, p);
    }
}

bool redis_calls_greeting(struct redis_client *r)
{
    struct redis_pending *p = take_idle(r);
    if (!p)
        return false;
    p->greeting = true;
    push(&r->sent, p);
    return true;
}

/* ---- answers ---- */

static bool says(const struct redis_reply *reply, const char *what)
{
    return reply->status == REDIS_FAILED && str_starts(str_c(reply->error), str_c(what));
}

/* The server as it is now cannot do it; another, or the same one later, can. */
static bool is_unfit(const struct redis_reply *reply)
{
    static const char *const words[] = {"READONLY",    "LOADING", "MASTERDOWN",
                                        "CLUSTERDOWN", "NOAUTH",  "MISCONF"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (says(reply, words[i]))
            return true;
    return false;
}

bool redis_calls_reply(struct redis_client *r, const struct redis_reply *reply)
{
    struct redis_pending *p = pop(&r->sent);
    if (!p) {
        redis_drop(r, "answered what it was not asked");
        return false;
    }
    if (p->greeting) {
        put_idle(r, p);
        redis_greeted(r, reply);
    } else if (!p->dropped && !p->retried && says(reply, "NOSCRIPT")) {
        p->sent = false;
        p->retried = true; /* nothing has run: the source goes along this time */
        push(&r->waiting, p);
    } else {
        finish(r, p, reply);
        put_idle(r, p);
        if (is_unfit(reply))
            redis_drop(r, reply->error);
        else
            r->backoff_ms = 0;
    }
    return r->state != CLIENT_AWAY;
}

static void lose_all(struct redis_client *r, struct redis_queue *q)
{
    static const struct redis_reply lost = {.status = REDIS_LOST};
    struct redis_queue all = *q;
    if (!all.first)
        return;
    *q = (struct redis_queue){.first = NULL, .last = &q->first};
    for (struct redis_pending *p = all.first, *next; p; p = next) {
        next = p->next;
        if (!p->sent && !p->call && !p->dropped && !p->greeting && keep(r, p)) {
            push(&r->waiting, p);
            continue;
        }
        finish(r, p, &lost);
        put_idle(r, p);
    }
}

void redis_calls_lost(struct redis_client *r)
{
    lose_all(r, &r->sent);
    lose_all(r, &r->waiting);
}

static void stats(struct redis *redis, struct redis_stats *out)
{
    const struct redis_client *r = (const struct redis_client *)redis;
    *out = r->stats;
    out->up = r->state == CLIENT_UP;
}

static void free_all(struct redis_pending *p)
{
    while (p) {
        struct redis_pending *next = p->next;
        if (p->call)
            p->call->pending = NULL;
        buf_release(&p->rest);
        free(p);
        p = next;
    }
}

void redis_calls_release(struct redis_client *r)
{
    free_all(r->sent.first);
    free_all(r->waiting.first);
    free_all(r->idle);
}

const struct redis_ops redis_client_ops = {eval, cancel, move, stats, redis_client_close};
