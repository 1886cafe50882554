#include "gateway/upstream/pool.h"

#include <stdio.h>
#include <stdlib.h>

static void on_up(struct connection *c);
static void on_down(struct connection *c, struct str why, bool was_up);

static void on_goaway(struct connection *c, bool calm);

static const struct connection_events connection_events = {on_up, on_goaway, on_down};

static uint64_t now_of(const struct pool *p)
{
    return uv_now(p->turn->loop);
}

/* Enough to keep gateways that lost the same peer from coming back in step. */
static uint32_t next_random(struct pool *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 17;
    p->random ^= p->random << 5;
    return p->random;
}

static uint32_t backoff(struct pool *p)
{
    uint64_t ms = POOL_BACKOFF_FIRST;

    for (uint32_t i = 1; i < p->failures && ms < POOL_BACKOFF_MAX; i++)
        ms = ms * 8 / 5;
    if (ms > POOL_BACKOFF_MAX)
        ms = POOL_BACKOFF_MAX;
    return (uint32_t)(ms * (80 + next_random(p) % 41) / 100);
}

static bool ejected(const struct pool *p)
{
    return p->ejected_until > now_of(p);
}

enum pool_state pool_state(const struct pool *p)
{
    if (ejected(p))
        return POOL_RESTING;
    if (p->nconnections > p->nconnecting)
        return POOL_UP;
    if (p->nconnecting)
        return POOL_CONNECTING;
    return timer_runs(&p->retry) ? POOL_RESTING : POOL_IDLE;
}

/* ---- connections come and go ---- */

static void add(struct pool *p, struct connection *c)
{
    c->next = p->connections;
    if (c->next)
        c->next->link = &c->next;
    c->link = &p->connections;
    p->connections = c;
    p->nconnections++;
}

static void take_out(struct pool *p, struct connection *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    p->nconnections--;
}

static void on_retry(struct timer *timer);

static void rest(struct pool *p, uint32_t ms)
{
    timer_start(&p->turn->timers, &p->retry, ms, on_retry);
}

static void failed(struct pool *p, struct str why)
{
    p->failures++;
    p->counters->connect_failures++;
    snprintf(p->reason, sizeof p->reason, "%.*s", STR_ARG(why));
    if (!p->gone)
        rest(p, backoff(p));
}

static bool open_one(struct pool *p)
{
    const struct cluster_config *config = p->config;
    const char *why;
    char text[POOL_REASON];
    struct connection_options options = {
        .address = &p->address,
        .name = p->name,
        .authority = p->authority,
        .max_streams = config->max_streams,
        .connect_timeout_ms = config->connect_timeout_ms,
        .keepalive_interval_ms = config->keepalive_interval_ms * p->keepalive_factor,
        .keepalive_timeout_ms = config->keepalive_timeout_ms,
    };

    timer_stop(&p->turn->timers, &p->retry);
    p->tried_at = now_of(p);
    p->counters->connects++;
    struct connection *c = connection_open(p->turn, &options, &connection_events, p, &why);
    if (!c) {
        snprintf(text, sizeof text, "connection to %.*s %s", STR_ARG(p->name), why);
        failed(p, str_c(text));
        return false;
    }
    p->nconnecting++;
    add(p, c);
    return true;
}

/* Connections that the peer has said goodbye on do not count: they only end what they have. */
static uint32_t in_use(const struct pool *p)
{
    uint32_t n = 0;

    for (const struct connection *c = p->connections; c; c = c->next)
        n += !c->session->goaway;
    return n;
}

static void on_retry(struct timer *timer)
{
    struct pool *p = (struct pool *)((char *)timer - offsetof(struct pool, retry));

    if (in_use(p) == 0 && !open_one(p))
        p->changed(p->owner, p, true);
}

static void on_up(struct connection *c)
{
    struct pool *p = c->owner;

    p->nconnecting--;
    p->failures = 0;
    p->reason[0] = '\0';
    p->changed(p->owner, p, false);
}

/* The next connection is made before the next call asks for it. One that has served nothing is not
 * replaced at once, or a peer that says goodbye to everybody would be greeted for ever. */
static void replace(struct pool *p, bool served)
{
    if (!p->gone && in_use(p) == 0)
        rest(p, served || now_of(p) - p->tried_at >= POOL_IMPATIENT ? 0 : backoff(p));
}

static void on_goaway(struct connection *c, bool calm)
{
    struct pool *p = c->owner;

    p->counters->goaways++;
    if (calm && p->keepalive_factor < 64)
        p->keepalive_factor *= 2;
    replace(p, c->session->begun > 0);
    p->changed(p->owner, p, false);
}

static void on_down(struct connection *c, struct str why, bool was_up)
{
    struct pool *p = c->owner;

    take_out(p, c);
    if (!was_up) {
        p->nconnecting--;
        failed(p, why);
    } else if (!timer_runs(&p->retry)) {
        replace(p, false);
    }
    p->changed(p->owner, p, !was_up || why.n > 0);
}

/* ---- for the cluster ---- */

static void name_it(struct pool *p, struct str endpoint)
{
    char text[ADDRESS_TEXT];
    struct str address = address_text(&p->address, text);
    int n;

    if (str_eq(address, endpoint))
        n = snprintf(p->name_text, sizeof p->name_text, "%.*s", STR_ARG(endpoint));
    else
        n = snprintf(p->name_text, sizeof p->name_text, "%.*s (%.*s)", STR_ARG(endpoint),
                     STR_ARG(address));
    p->name = str_of(p->name_text, n < POOL_NAME ? (size_t)n : POOL_NAME - 1);
    p->authority = p->config->authority.n                   ? p->config->authority
                   : p->address.socket.ss_family == AF_UNIX ? STR("localhost")
                                                            : endpoint;
}

struct pool *pool_new(struct turn *turn, const struct cluster_config *config, struct str endpoint,
                      const struct address *address, struct pool_counters *counters)
{
    struct pool *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->turn = turn;
    p->config = config;
    p->counters = counters;
    p->keepalive_factor = 1;
    p->address = *address;
    p->random = (uint32_t)uv_hrtime() | 1;
    name_it(p, endpoint);
    return p;
}

void pool_close_connection(struct pool *p, struct connection *c)
{
    if (c->state != CONNECTION_UP)
        p->nconnecting--;
    take_out(p, c);
    connection_close(c, STR_NONE);
}

void pool_free(struct pool *p, struct str why)
{
    timer_stop(&p->turn->timers, &p->retry);
    while (p->connections) {
        struct connection *c = p->connections;
        take_out(p, c);
        connection_close(c, why);
    }
    free(p);
}

struct connection *pool_acquire(struct pool *p)
{
    if (p->gone || ejected(p))
        return NULL;
    for (struct connection *c = p->connections; c; c = c->next) {
        if (connection_room(c))
            return c;
    }
    return NULL;
}

bool pool_connect(struct pool *p)
{
    if (p->gone || ejected(p))
        return false;
    uint32_t n = in_use(p);
    if (p->nconnecting || n >= p->config->max_connections)
        return true;
    bool may = !timer_runs(&p->retry) || now_of(p) - p->tried_at >= POOL_IMPATIENT;
    if (may && open_one(p))
        return true;
    /* One failure is forgiven: the next try comes soon. */
    return n > 0 || p->failures <= 1;
}

void pool_note(struct pool *p, bool reset)
{
    uint64_t now = now_of(p);

    if (now - p->window_from >= POOL_WINDOW) {
        p->window_from = now;
        p->window_calls = p->window_resets = 0;
    }
    p->window_calls++;
    if (!reset)
        return;
    p->counters->resets++;
    p->window_resets++;
    if (p->window_resets < POOL_RESETS || p->window_resets * 2 <= p->window_calls)
        return;
    p->ejected_until = now + POOL_EJECTED;
    snprintf(p->reason, sizeof p->reason, "%.*s is out of use for a while: it reset most calls",
             STR_ARG(p->name));
    p->window_from = 0;
}
