#include "tools/protoc-gen-postern/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESS_CHUNK = 64 << 10 };

static void child(const char *program, const int in[2], const int out[2])
{
    if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0)
        _exit(126);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
    execlp(program, program, (char *)NULL);
    _exit(127);
}

/* False at the end of the output or on an error. */
static bool take_output(int fd, struct buf *output)
{
    char *to = buf_reserve(output, PROCESS_CHUNK);
    ssize_t n = to ? read(fd, to, PROCESS_CHUNK) : -1;
    if (n > 0)
        output->n += (size_t)n;
    return n > 0;
}

/* Both directions at once: a child that answers before it has read all would else wait for us, and
 * we for it. */
static void exchange(int in, int out, struct str input, struct buf *output)
{
    struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = in, .events = POLLOUT}};
    for (;;) {
        if (fds[1].fd >= 0 && !input.n) {
            close(in);
            fds[1].fd = -1;
        }
        if (poll(fds, 2, -1) < 0)
            break;
        if (fds[0].revents && !take_output(out, output))
            break;
        if (fds[1].fd >= 0 && fds[1].revents) {
            ssize_t n = write(in, input.p, input.n);
            /* A child that reads no more decides by its exit status. */
            input = n > 0 ? str_skip(input, (size_t)n) : STR_NONE;
        }
    }
    if (fds[1].fd >= 0)
        close(in);
}

int process_run(const char *program, struct str input, struct buf *output)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) < 0)
        return -1;
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in[0]);
        close(in[1]);
        return -1;
    }
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0)
        child(program, in, out);
    close(in[0]);
    close(out[1]);
    if (pid > 0) {
        /* write() must not block while the child waits for us to read */
        fcntl(in[1], F_SETFL, O_NONBLOCK);
        exchange(in[1], out[0], input, output);
    } else {
        close(in[1]);
    }
    close(out[0]);
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}
