/* Which client sockets can be read and written, known for all of a worker's without asking again.
 *
 * They are in one epoll set, from accept to close, and edges tell what is new. MHD has a set for
 * each daemon and changes it twice with each request that waits: out of it when it is suspended,
 * into it when the next one is waited for, and before that it reads in vain. Its three calls
 * (epoll_ctl, epoll_wait, recv) are answered here instead, from what is known; --wrap at link time
 * leads them here, and sendmsg, so that a short answer goes out as one piece. Where MHD is a shared
 * library nothing is redirected: it keeps its sets, whose descriptors the loop watches in any case.
 *
 *     edges --http1_ready_note()--> connection.news --(as epoll_wait)--> MHD
 *                                            '-- kept while MHD does not wait for that socket
 *
 * An edge that MHD is told late or twice only makes it read once in vain. Used by the thread that
 * serves the connections. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct http1_connection;
struct http1_daemon;

/* From here on the front knows when the socket can be read and written. False: out of memory or of
 * the system's watches; MHD watches the socket itself. */
bool http1_ready_add(struct http1_connection *c);
void http1_ready_remove(struct http1_connection *c);
/* Epoll events of its socket. */
void http1_ready_note(struct http1_connection *c, uint32_t events);
/* Runs MHD, which is told what was noted. */
void http1_ready_run(struct http1_daemon *d);
/* The thread has no connections any more. */
void http1_ready_close(void);
