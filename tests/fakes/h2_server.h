/* An HTTP/2 server of raw frames on the test's own loop: says exactly what a script tells it to,
 * right or wrong, and counts what the client did. Requests are decoded, nothing is judged.
 *
 *     struct h2_server s = {.on_end = answer, .ctx = &test};
 *     h2_listen(&s, &loop, "127.0.0.1:21050");      // or "unix:/tmp/x"; port 0 picks one: s.name
 *     ...
 *     h2_close(&s);                                   // connections too; run the loop until all is
 * closed
 */
#pragma once

#include <uv.h>

#include "tests/fakes/h2_frames.h"

struct h2_connection;
struct h2_server;

struct h2_stream {
    struct h2_stream *next;
    struct h2_connection *connection;
    uint32_t id;
    char path[128], timeout[16], metadata[64]; /* :path, grpc-timeout, x-test */
    struct buf body;                           /* request bytes so far, prefixes included */
    struct buf out;                            /* DATA that waits for window */
    size_t out_at;                             /* bytes of it gone */
    struct buf last_block;                     /* trailers that follow it */
    int64_t window;
    bool ended, reset; /* by the client */
    bool has_trailers;
};

struct h2_connection {
    struct h2_connection *next;
    struct h2_server *server;
    uv_poll_t poll;
    int fd;
    struct buf in, out;
    size_t out_at;
    size_t preface; /* bytes of it seen */
    int64_t window, initial_window;
    struct h2_stream *streams;
    void *inflater;
    bool closed, corked;
    bool hang_up; /* close once all is written */
};

struct h2_server {
    void (*on_open)(struct h2_connection *); /* instead of sending SETTINGS */
    void (*on_headers)(struct h2_stream *);
    void (*on_data)(struct h2_stream *); /* body grew */
    void (*on_end)(struct h2_stream *);  /* END_STREAM */
    void *ctx;
    bool keep_window; /* no WINDOW_UPDATE for what comes */
    bool no_ping_ack;
    bool silent;  /* no SETTINGS, no answer to the client's */
    size_t piece; /* write at most so many bytes in one turn; 0: all */
    /* Counted, never reset. */
    uint32_t accepted, open, requests, resets, pings, settings, settings_acks;
    uint32_t last_reset_code;
    uint64_t data_bytes;
    /* Its own. */
    uv_loop_t *loop;
    uv_poll_t poll;
    int fd;
    char name[128];
    struct h2_connection *connections;
};

bool h2_listen(struct h2_server *s, uv_loop_t *loop, const char *address);
void h2_close(struct h2_server *s);

/* Raw pieces of the wire. */
void h2_bytes(struct h2_connection *c, const void *p, size_t n);
void h2_frame(struct h2_connection *c, uint8_t type, uint8_t flags, uint32_t stream, const void *p,
              size_t n);
/* Settings as pairs of identifier and value. */
void h2_settings(struct h2_connection *c, const uint32_t *pairs, size_t n);
void h2_goaway(struct h2_connection *c, uint32_t last_id, uint32_t code);
void h2_reset(struct h2_stream *s, uint32_t code);
/* Closes the TCP connection, at once or when everything is written. */
void h2_drop(struct h2_connection *c);
void h2_hang_up(struct h2_connection *c);

/* `headers`: "name: value\n" lines, any names and values without '\n'. */
void h2_head(struct h2_stream *s, const char *headers, bool end_stream);
/* DATA as the windows allow; any bytes. */
void h2_data(struct h2_stream *s, const void *p, size_t n, bool end_stream);
/* One gRPC message. */
void h2_message(struct h2_stream *s, const void *p, size_t n);
/* Trailers after all DATA. */
void h2_trailers(struct h2_stream *s, const char *headers);
/* Head, one message, grpc-status: 0. */
void h2_answer(struct h2_stream *s, const void *p, size_t n);
