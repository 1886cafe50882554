/* grpcio's server in a process of its own (tests/fakes/grpc_server.py says what it can do), so that
 * channels meet a stack that is not ours.
 *
 *     struct grpc_server s;
 *     const char *const addresses[] = {"127.0.0.1:0", NULL};
 *     assert_true(py_server_start(&s, addresses));     // from the repository's root
 *     ... s.name[0] ...                                   // "127.0.0.1:41234"
 *     py_server_stop(&s);
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { GRPC_SERVER_ADDRESSES = 4 };

struct grpc_server {
    pid_t pid; /* 0: does not run */
    int in;    /* it ends when this is closed */
    int ports[GRPC_SERVER_ADDRESSES];
    char name[GRPC_SERVER_ADDRESSES][128]; /* as an endpoint is written */
};

/* `addresses` ends with NULL. False: it did not come up within 20 s. */
bool py_server_start(struct grpc_server *s, const char *const *addresses);
/* At once, as a crash. */
void py_server_kill(struct grpc_server *s);
void py_server_stop(struct grpc_server *s);
