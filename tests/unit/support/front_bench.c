#include "tests/unit/support/front_bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fakes/call_probe.h"

enum { QUIET_MS = 60, STEP_MS = 5, PATIENCE = 400 };

void front_bench_open(struct front_bench *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bench_init(&f->bench);
    f->front = http1_open(&f->bench.loop, &f->bench.host);
    assert_non_null(f->front);
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(f->listener, 16), 0);
}

void front_bench_close(struct front_bench *f)
{
    close(f->listener);
    http1_close(f->front);
    front_bench_run(f, STEP_MS);
    bench_release(&f->bench);
}

int front_bench_client(struct front_bench *f)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &n), 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&a, n), 0);
    n = sizeof a;
    int fd = accept4(f->listener, (struct sockaddr *)&a, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    http1_adopt(f->front, fd, (struct sockaddr *)&a, n);
    return client;
}

void front_bench_run(struct front_bench *f, uint32_t ms)
{
    run_for(&f->bench.loop, ms);
    exchange_run_soon(&f->bench.host);
}

struct fake_call *front_bench_call(struct front_bench *f, uint32_t n)
{
    const struct fake_channel *main = &f->bench.channels[bench_cluster(&f->bench, "main")];
    for (int i = 0; i < PATIENCE && main->ncalls < n; i++)
        front_bench_run(f, STEP_MS);
    return bench_call(&f->bench, n - 1);
}

void front_bench_answer(struct fake_call *c)
{
    fake_message(c, STR(""));
    fake_end(c, TC_CODE_OK, "");
}

void say(int client, const char *text)
{
    struct str s = str_c(text);
    assert_int_equal(send(client, s.p, s.n, MSG_NOSIGNAL), s.n);
}

struct str hear(struct front_bench *f, int client)
{
    size_t n = 0;
    ssize_t got = 1;
    for (uint32_t quiet = 0; got != 0 && quiet < QUIET_MS;) {
        front_bench_run(f, STEP_MS);
        got = recv(client, f->heard + n, FRONT_HEARD - n, MSG_DONTWAIT);
        quiet = got > 0 ? 0 : quiet + STEP_MS;
        n += got > 0 ? (size_t)got : 0;
    }
    return str_of(f->heard, n);
}

bool closed(struct front_bench *f, int client)
{
    char byte;
    ssize_t got = -1;
    errno = EAGAIN;
    for (int i = 0; i < PATIENCE && got < 0 && errno == EAGAIN; i++) {
        front_bench_run(f, STEP_MS);
        got = recv(client, &byte, 1, MSG_DONTWAIT);
    }
    return got == 0 || (got < 0 && errno != EAGAIN);
}
