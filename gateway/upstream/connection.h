/* One socket with an HTTP/2 session on it: connects, reads, writes, watches over its own life.
 * Whoever owns it is told when it is up (the peer's SETTINGS came) and when it is down; after
 * `down` it frees itself.
 *
 *     CONNECTING --connected()--> GREETING --greeted()--> UP --fail(), finish()--> DOWN
 *          '--- failure, timeout ------'---------------------------------------------^
 *
 * Used by the thread of its loop. */
#pragma once

#include "gateway/upstream/http2_session.h"
#include "gateway/upstream/resolve.h"
#include "gateway/upstream/turn.h"

enum connection_state {
    CONNECTION_CONNECTING,
    CONNECTION_GREETING,
    CONNECTION_UP,
    CONNECTION_DOWN,
};

struct connection_options {
    const struct address *address; /* copied */
    struct str name;               /* for sentences; must outlive the connection */
    struct str authority;          /* must outlive it too */
    uint32_t max_streams;
    uint32_t connect_timeout_ms, keepalive_interval_ms, keepalive_timeout_ms;
};

struct connection;

struct connection_events {
    void (*up)(struct connection *);
    /* The peer takes no new calls on it; those that run go on. `calm`: it finds us too lively. */
    void (*goaway)(struct connection *, bool calm);
    /* `why` is a whole sentence; empty when nothing went wrong (the peer said GOAWAY and all calls
     * ended). Calls on it have been ended. `was_up` false: it never greeted. */
    void (*down)(struct connection *, struct str why, bool was_up);
};

struct connection {
    struct connection *next, **link; /* for the owner */
    void *owner;
    struct turn *turn;
    const struct connection_events *events;
    struct connection_options options;
    struct http2_session *session;
    enum connection_state state;
    int fd;
    uv_poll_t poll;
    int watched;            /* poll events asked for */
    struct timer timer;     /* connect, then keep-alive */
    uint64_t heard, pinged; /* uv_now of the last byte, of the last PING */
    struct connection *next_dirty;
    bool dirty;
    bool goaway_told;
    struct buf tail; /* gathered but not taken by the socket */
    size_t tail_at;
    struct address address;
};

/* Begins to connect. NULL: no memory or no descriptor; *why is set then. */
struct connection *connection_open(struct turn *turn, const struct connection_options *options,
                                   const struct connection_events *events, void *owner,
                                   const char **why);
/* Ends it now, telling the calls on it `why`; no `down` follows. */
void connection_close(struct connection *c, struct str why);
/* Writes what there is to write. Once per turn. */
void connection_flush(struct connection *c);
/* Calls that may be begun on it now. */
uint32_t connection_room(const struct connection *c);
