/* Listening sockets. Each worker binds the same TCP address with SO_REUSEPORT, so that the kernel
 * spreads clients over them; a unix socket is bound once and its descriptor shared. */
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "transcoder/str.h"

struct listener {
    uv_poll_t poll;
    uv_timer_t pause;
    int fd, spare; /* spare: a descriptor to give up for a moment when there are no others */
    void (*accepted)(void *ctx, int fd, const struct sockaddr *peer, socklen_t len);
    void *ctx;
};

/* Binds and listens. -1 with a sentence in `why` (256 bytes). Any thread. */
int listener_bind(struct str address, char *why);
/* The port that was bound ("host:0" picks one); 0 for a unix socket. */
uint16_t listener_port(int fd);

/* Accepts on the loop's thread; sockets are non-blocking, close-on-exec and without Nagle's delay.
 */
bool listener_start(struct listener *l, uv_loop_t *loop, int fd,
                    void (*accepted)(void *ctx, int fd, const struct sockaddr *peer, socklen_t len),
                    void *ctx);
/* Stops and closes; connections that the kernel holds ready are accepted first, so that none is
 * reset. */
void listener_stop(struct listener *l);
