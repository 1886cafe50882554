#include "gateway/front/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { PORT_FIRST = 18300, PORT_LAST = 18399 };

struct door {
    uv_loop_t loop;
    struct listener listener;
    int accepted[128];
    uint32_t n;
    int family;
};

static void on_accepted(void *ctx, int fd, const struct sockaddr *peer, socklen_t len)
{
    struct door *d = ctx;
    assert_true(len >= sizeof peer->sa_family);
    assert_true(d->n < sizeof d->accepted / sizeof *d->accepted);
    d->family = peer->sa_family;
    d->accepted[d->n++] = fd;
}

static int bind_some_port(struct str *address)
{
    static char text[32];
    char why[256];
    for (int port = PORT_FIRST; port <= PORT_LAST; port++) {
        snprintf(text, sizeof text, "127.0.0.1:%d", port);
        *address = str_c(text);
        int fd = listener_bind(*address, why);
        if (fd >= 0)
            return fd;
    }
    fail_msg("%s", why);
    return -1;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void start(struct door *d, int fd)
{
    *d = (struct door){0};
    uv_loop_init(&d->loop);
    assert_true(listener_start(&d->listener, &d->loop, fd, on_accepted, d));
}

static void stop(struct door *d)
{
    listener_stop(&d->listener);
    listener_stop(&d->listener); /* once more is nothing */
    uv_run(&d->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&d->loop), 0);
    for (uint32_t i = 0; i < d->n; i++)
        close(d->accepted[i]);
}

static void an_accepted_socket_is_ready_for_the_loop(void **state)
{
    struct door d;
    struct str address;
    int fd = bind_some_port(&address);
    uint16_t port = listener_port(fd);
    (void)state;

    assert_in_range(port, PORT_FIRST, PORT_LAST);
    start(&d, fd);
    int client = connect_to(port);
    for (int i = 0; i < 100 && d.n == 0; i++)
        uv_run(&d.loop, UV_RUN_ONCE);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.family, AF_INET);
    assert_true(fcntl(d.accepted[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(d.accepted[0], F_GETFD) & FD_CLOEXEC);
    int on = 0;
    socklen_t n = sizeof on;
    assert_int_equal(getsockopt(d.accepted[0], IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
    assert_true(on);
    stop(&d);
    close(client);
}

static void stopping_takes_those_that_wait(void **state)
{
    enum { WAITING = 100 }; /* more than one turn accepts */
    struct door d;
    struct str address;
    int clients[WAITING], fd = bind_some_port(&address);
    uint16_t port = listener_port(fd);
    (void)state;

    start(&d, fd);
    for (int i = 0; i < WAITING; i++)
        clients[i] = connect_to(port);
    stop(&d);
    assert_int_equal(d.n, WAITING);
    for (int i = 0; i < WAITING; i++)
        close(clients[i]);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(late, (struct sockaddr *)&a, sizeof a), -1);
    close(late);
}

/* Takes all descriptors that are left under a limit of LIMIT. */
enum { LIMIT = 64 };
static int taken[LIMIT], ntaken;
static struct rlimit before;

static void take_all(void)
{
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit l = {.rlim_cur = LIMIT, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
    int fd;
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        taken[ntaken++] = fd;
}

static void give_all_back(void)
{
    while (ntaken)
        close(taken[--ntaken]);
    setrlimit(RLIMIT_NOFILE, &before);
}

static void turn(struct door *d, int times)
{
    for (int i = 0; i < times; i++)
        uv_run(&d->loop, UV_RUN_NOWAIT);
}

static void without_descriptors_a_client_is_turned_away(void **state)
{
    struct door d;
    struct str address;
    char byte;
    int fd = bind_some_port(&address);
    (void)state;

    start(&d, fd);
    int client = connect_to(listener_port(fd));
    take_all();
    turn(&d, 10);
    assert_int_equal(d.n, 0);
    assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), 0); /* closed, not left waiting */
    close(client);
    give_all_back();
    client = connect_to(listener_port(fd));
    turn(&d, 10);
    assert_int_equal(d.n, 1);
    stop(&d);
    close(client);
}

/* As when another worker takes the spare descriptor in the moment it is free. */
static void with_not_even_a_spare_one_nobody_is_listened_to_for_a_while(void **state)
{
    struct door d;
    struct str address;
    int fd = bind_some_port(&address);
    (void)state;

    start(&d, fd);
    close(d.listener.spare);
    d.listener.spare = -1;
    int client = connect_to(listener_port(fd));
    take_all();
    turn(&d, 2);
    assert_int_equal(d.n, 0);
    assert_false(uv_is_active((uv_handle_t *)&d.listener.poll));
    give_all_back();
    for (int i = 0; i < 100 && d.n == 0; i++)
        uv_run(&d.loop, UV_RUN_ONCE);
    assert_int_equal(d.n, 1);
    assert_true(d.listener.spare >= 0);
    stop(&d);
    close(client);
}

static void workers_share_a_port(void **state)
{
    struct str address;
    char why[256];
    int first = bind_some_port(&address);
    int second = listener_bind(address, why);
    (void)state;

    assert_true(second >= 0);
    assert_int_equal(listener_port(first), listener_port(second));
    close(first);
    close(second);
}

static void what_cannot_be_bound_is_told(void **state)
{
    static const struct {
        const char *address, *why;
    } cases[] = {
        {"8080", "8080: not an address"},
        {"127.0.0.1:0", "127.0.0.1:0: not an address"},
        {"192.0.2.1:18399", "192.0.2.1:18399: cannot listen: "},
        {"unix:/nowhere/at/all.sock", "unix:/nowhere/at/all.sock: cannot listen: "},
        {"no such host:18399", "no such host:18399: "},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[256] = "";
        assert_int_equal(listener_bind(str_c(cases[i].address), why), -1);
        if (!str_starts(str_c(why), str_c(cases[i].why)))
            fail_msg("%s: %s", cases[i].address, why);
    }
}

static void a_unix_socket_replaces_an_old_one_and_no_file(void **state)
{
    char dir[] = "/tmp/listener_test_XXXXXX", path[64], address[80], why[256];
    struct stat st;
    (void)state;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(address, sizeof address, "unix:%s", path);
    for (int i = 0; i < 2; i++) { /* the second finds what the first has left */
        int fd = listener_bind(str_c(address), why);
        assert_true(fd >= 0);
        assert_int_equal(listener_port(fd), 0);
        close(fd);
    }
    unlink(path);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    close(file);
    assert_int_equal(listener_bind(str_c(address), why), -1);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accepted_socket_is_ready_for_the_loop),
        cmocka_unit_test(stopping_takes_those_that_wait),
        cmocka_unit_test(without_descriptors_a_client_is_turned_away),
        cmocka_unit_test(with_not_even_a_spare_one_nobody_is_listened_to_for_a_while),
        cmocka_unit_test(workers_share_a_port),
        cmocka_unit_test(what_cannot_be_bound_is_told),
        cmocka_unit_test(a_unix_socket_replaces_an_old_one_and_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
