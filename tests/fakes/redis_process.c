#include "tests/fakes/redis_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(condition)                                                                      \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: %s: errno %d\n", __FILE__, __LINE__, #condition, errno); \
            abort();                                                                         \
        }                                                                                    \
    } while (0)

static bool answers(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char reply[8] = "";
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && write(fd, "PING\r\n", 6) == 6 &&
              read(fd, reply, sizeof reply - 1) > 0 && reply[0] == '+';
    close(fd);
    return ok;
}

static void run(const struct redis_process *p)
{
    int null = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDOUT_FILENO);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", p->path, "--save", "",
           "--dir", p->directory, "--daemonize", "no", (char *)NULL);
    _exit(127);
}

void redis_process_again(struct redis_process *p)
{
    unlink(p->path);
    p->pid = fork();
    MUST(p->pid >= 0);
    if (p->pid == 0)
        run(p);
    for (unsigned i = 0; i < 2000 && !answers(p->path); i++) {
        MUST(waitpid(p->pid, NULL, WNOHANG) == 0); /* redis-server is missing, or will not run */
        usleep(5000);
    }
    MUST(answers(p->path));
}

void redis_process_start(struct redis_process *p)
{
    snprintf(p->directory, sizeof p->directory, "/tmp/redis-test-XXXXXX");
    MUST(mkdtemp(p->directory));
    snprintf(p->path, sizeof p->path, "%s/redis.sock", p->directory);
    snprintf(p->endpoint, sizeof p->endpoint, "unix:%s", p->path);
    redis_process_again(p);
}

void redis_process_signal(const struct redis_process *p, int signal)
{
    MUST(kill(p->pid, signal) == 0);
}

void redis_process_kill(struct redis_process *p)
{
    redis_process_signal(p, SIGKILL);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
}

void redis_process_end(struct redis_process *p)
{
    if (p->pid)
        redis_process_kill(p);
    unlink(p->path);
    rmdir(p->directory);
}
