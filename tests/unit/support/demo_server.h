/* build/demo-backend as a child process on a port of its own, for tests of what calls it.
 *
 *     struct demo_server d = demo_server_start(NULL);
 *     ... d.endpoint ...                               // "127.0.0.1:PORT"
 *     demo_server_stop(&d);                            // fails the test when it did not end well
 */
#pragma once

#include <sys/types.h>

struct demo_server {
    pid_t pid;
    char endpoint[32];
};

/* `flag`: one more flag, or NULL. Fails the test when the server does not listen within 10 s. */
struct demo_server demo_server_start(const char *flag);
void demo_server_stop(struct demo_server *d);
