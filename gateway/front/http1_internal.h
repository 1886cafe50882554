/* Shared by the http1_*.c files. */
#pragma once

#include "gateway/front/http1.h"
#include "gateway/front/http1_pool.h"
#include "gateway/front/http1_ready.h"
#include "gateway/front/mhd.h"

enum {
    HTTP1_POOL = 32 << 10, /* MHD's memory for one connection; both heads share it */

    HTTP1_DAEMONS_MAX = 4096,
    HTTP1_DAEMON_CROWD = 32, /* connections of a daemon before another one is opened */
};

struct http1_daemon {
    struct http1 *front;
    struct MHD_Daemon *mhd;
    int epoll; /* MHD's descriptor, and what the loop says of it */
    uv_poll_t poll;
    struct http1_connection *news; /* whose sockets have changed: MHD has not been told */
    bool own_news;                 /* so have some that MHD watches itself */
    bool due;                      /* to be run in this turn */
    struct http1_daemon *next_due;
    uint32_t connections;
};

struct http1 {
    uv_loop_t *loop;
    struct exchange_host *host;
    struct http1_daemon *daemons[HTTP1_DAEMONS_MAX];
    struct http1_daemon *due;
    uint32_t ndaemons;
    uv_check_t check;     /* runs the daemons that are due, after the loop has polled */
    uv_prepare_t prepare; /* and those that became due in between, before it sleeps */
    uv_idle_t idle;       /* keeps the loop from sleeping while a daemon is due */
    uv_poll_t sockets_poll;
    int sockets; /* epoll set of all client sockets */
    uint32_t connections, open_handles;
    bool draining, idle_runs, closing;
    struct http1_connection *all; /* list of the connections */
};

/* What a connection waits for; decides what its timer means. */
enum http1_wait {
    WAIT_HEAD,   /* for a request line or the rest of the head */
    WAIT_BODY,   /* for the client to send */
    WAIT_CALL,   /* for us: no timer */
    WAIT_READER, /* for the client to take the answer */
    WAIT_RAW,    /* for the client to take the answer that is written past MHD */
    WAIT_CLOSE,  /* the answer was written past MHD; what still comes is dropped */
};

struct http1_connection {
    struct http1_connection *next, **link;
    struct http1_daemon *daemon;
    struct MHD_Connection *mhd;
    int fd;
    uint32_t news;                      /* epoll events that MHD has not been told of */
    bool readable;                      /* a recv may find something */
    bool listed;                        /* in the daemon's list */
    struct http1_connection *next_news; /* there */
    enum http1_wait wait;
    struct timer timer;
    uint64_t wait_began;    /* uv_now(), as are the next two */
    uint64_t due;           /* when the wait is over; UINT64_MAX: never */
    uint64_t timer_at;      /* when the timer fires: not after `due` */
    int unsent;             /* bytes in the socket's queue when it was last looked */
    uint64_t received;      /* bytes on the socket when the body began */
    uint32_t pieces;        /* of the body, as MHD has given them */
    bool chunked, overhead; /* overhead: its chunks are far larger than what they carry */
    uint64_t body_bytes;    /* of this request, as received */
    struct http1_pool pool; /* MHD's memory for it */
    struct exchange *x;     /* current request; NULL between requests */
    struct buf target;      /* as sent; MHD changes its own copy */
    struct str bad_name;    /* of a header, where it is no token */
    bool begun;             /* exchange_begin was called */
    bool queued;            /* the response was handed to MHD */
    bool suspended;
    bool judging;     /* a stage waits before the body is asked for */
    bool half_closed; /* the client will send no more than what is already here */
    bool deaf;        /* its bytes were ended by us: that tells nothing of the client */
    bool left;        /* the client has gone */
    bool had_request_line, answered_before;
    enum {
        HEAD_UNSEEN,
        HEAD_LOOKED,
        HEAD_SEEN
    } head;            /* what the timer knows of a head's first bytes */
    bool answered_raw; /* the answer goes past MHD */
    struct buf raw;    /* its head */
    size_t raw_sent;   /* bytes written of its head and the body behind it */
    size_t dropped;    /* bytes read since, and thrown away */
    char peer[64];     /* "127.0.0.1:4711" */
};

/* http1.c */
void http1_due(struct http1_daemon *d);

/* http1_connection.c */
void http1_notify_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                             enum MHD_ConnectionNotificationCode code);
struct http1_connection *http1_connection_of(struct MHD_Connection *mhd);
void http1_wait(struct http1_connection *c, enum http1_wait wait);
/* The request line is there: the rest of the head has what is left of header_ms. */
void http1_head_begun(struct http1_connection *c);
void http1_suspend(struct http1_connection *c);
void http1_resume(struct http1_connection *c);
/* Something is new on client sockets. */
void http1_sockets(uv_poll_t *poll, int status, int events);
/* What the client has sent until now is all that is served. */
void http1_last_request(struct http1_connection *c);
/* The client has gone: cancels its call and lets MHD see the end. */
void http1_client_left(struct http1_connection *c);

/* http1_head.c */
/* Fills x->request from MHD's head. False when the target or the length make no sense. */
bool http1_fill(struct http1_connection *c, struct exchange *x, const char *method,
                const char *version);
/* The bounds and rules that MHD leaves to us. False when one was broken: the exchange has its
 * answer. */
bool http1_head_ok(struct http1_connection *c, struct exchange *x, bool filled);

/* http1_request.c */
void *http1_request_line(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http1_handle(void *cls, struct MHD_Connection *mhd, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **request_context);
void http1_completed(void *cls, struct MHD_Connection *mhd, void **request_context,
                     enum MHD_RequestTerminationCode why);

/* http1_answer.c */
extern const struct front_ops http1_ops;
/* Hands the answer to MHD. False when memory is short: the connection must be closed. */
bool http1_queue(struct http1_connection *c);

/* http1_raw.c */
/* Writes the answer of the exchange, which must be over, on the socket itself, in the middle of an
 * upload, and ends the connection. */
void http1_answer_raw(struct http1_connection *c);
/* Goes on with it. False: nothing could be written. */
bool http1_raw_write(struct http1_connection *c);
/* Throws away some of what the client still sends, within a bound: many read nothing before they
 * have sent all. False: it sends no more. */
bool http1_raw_drop(struct http1_connection *c);
