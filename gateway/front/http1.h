/* HTTP/1.1 front: libmicrohttpd, driven from the worker's loop. The connections of a worker are
 * spread over daemons of a few each, because waking one suspended connection makes MHD walk all
 * suspended ones of its daemon.
 *
 * What MHD does not do stands here: absolute deadlines for head, body and a client that stops
 * reading; noticing that the client of a waiting call has left; refusing a body in its middle; the
 * bounds of header count, header bytes and URI.
 *
 * Everything runs on the worker's thread. */
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "gateway/core/exchange.h"

struct http1;

/* `bounds` and `host` must outlive it. NULL: out of memory or file descriptors. */
struct http1 *http1_open(uv_loop_t *loop, struct exchange_host *host);
/* Takes over a connected socket; closes it when it cannot be served. */
void http1_adopt(struct http1 *h, int fd, const struct sockaddr *peer, socklen_t len);
/* Connections now open. */
uint32_t http1_connections(const struct http1 *h);
/* From now on each connection is closed after its current answer; idle ones at once. */
void http1_drain(struct http1 *h);
/* Ends every connection; exchanges still running end as 499. Frees `h` once the loop has closed its
 * handles. */
void http1_close(struct http1 *h);
