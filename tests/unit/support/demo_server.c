#include "tests/unit/support/demo_server.h"

#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_MS = 10, TRIES = 1000 };

extern char **environ;

static int read_port(const char *path)
{
    int port = 0;
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%d", &port) != 1)
        port = 0;
    if (f)
        fclose(f);
    return port;
}

struct demo_server demo_server_start(const char *flag)
{
    struct demo_server d = {0};
    char program[512], ready[64];
    const char *build = getenv("POSTERN_BUILD");
    snprintf(program, sizeof program, "%s/demo-backend", build ? build : "build");
    snprintf(ready, sizeof ready, "/tmp/demo-server-%d", getpid());
    unlink(ready);
    char *const args[] = {program,        "--listen", "127.0.0.1:0",           "--pace-ms", "5",
                          "--ready-file", ready,      (char *)(uintptr_t)flag, NULL};
    if (posix_spawn(&d.pid, program, NULL, NULL, args, environ) != 0)
        fail_msg("%s is not built: run make", program);
    int port = 0;
    for (int i = 0; !port && i < TRIES; i++) {
        usleep(WAIT_MS * 1000);
        port = read_port(ready);
    }
    unlink(ready);
    if (!port)
        fail_msg("%s does not listen", program);
    snprintf(d.endpoint, sizeof d.endpoint, "127.0.0.1:%d", port);
    return d;
}

void demo_server_stop(struct demo_server *d)
{
    int status = -1;
    kill(d->pid, SIGTERM);
    assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}
