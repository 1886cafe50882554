#include "tests/fakes/grpc_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 20000, ARGS = GRPC_SERVER_ADDRESSES + 3 };

static void child(int in, int out, const char *const *addresses)
{
    const char *args[ARGS] = {"/usr/bin/python3", "tests/fakes/grpc_server.py"};

    for (int i = 0; addresses[i] && i < GRPC_SERVER_ADDRESSES; i++)
        args[i + 2] = addresses[i];
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execv(args[0], (char *const *)(uintptr_t)args);
    _exit(127);
}

/* "ready 41234 0\n" */
static bool read_ready(int fd, char *line, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t n = 0;

    while (n + 1 < size && poll(&p, 1, START_MS) == 1) {
        ssize_t got = read(fd, line + n, 1);
        if (got != 1)
            return false;
        if (line[n] == '\n') {
            line[n] = '\0';
            return strncmp(line, "ready", 5) == 0;
        }
        n++;
    }
    return false;
}

static void name_addresses(struct grpc_server *s, const char *line, const char *const *addresses)
{
    char *at = (char *)(uintptr_t)line + 5;

    for (int i = 0; addresses[i] && i < GRPC_SERVER_ADDRESSES; i++) {
        s->ports[i] = (int)strtol(at, &at, 10);
        const char *colon = strrchr(addresses[i], ':');
        if (s->ports[i])
            snprintf(s->name[i], sizeof s->name[i], "%.*s:%d", (int)(colon - addresses[i]),
                     addresses[i], s->ports[i]);
        else
            snprintf(s->name[i], sizeof s->name[i], "%s", addresses[i]);
    }
}

bool py_server_start(struct grpc_server *s, const char *const *addresses)
{
    int in[2], out[2];
    char line[256];

    memset(s, 0, sizeof *s);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return false;
    s->pid = fork();
    if (s->pid == 0)
        child(in[0], out[1], addresses);
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    bool ok = s->pid > 0 && read_ready(out[0], line, sizeof line);
    close(out[0]);
    if (ok)
        name_addresses(s, line, addresses);
    return ok;
}

static void reap(struct grpc_server *s)
{
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void py_server_kill(struct grpc_server *s)
{
    if (s->pid == 0)
        return;
    kill(s->pid, SIGKILL);
    close(s->in);
    reap(s);
}

void py_server_stop(struct grpc_server *s)
{
    if (s->pid == 0)
        return;
    close(s->in);
    reap(s);
}
