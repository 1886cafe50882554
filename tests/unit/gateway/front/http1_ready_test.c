#include "gateway/front/http1_ready.h"

/* Against MHD itself: it must find out all that it would have by its own epoll set, which stays
 * empty. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/front/http1_internal.h"

#define REQUEST "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"

enum { TURNS = 8 };

struct bench {
    struct http1 front;
    struct http1_daemon daemon;
    struct http1_connection c;
    struct MHD_Response *response;
    int client;
    int asked;    /* requests that MHD has given us */
    bool suspend; /* wait with each */
    bool unknown; /* http1_ready_add has failed */
    bool closed;
};

static enum MHD_Result handle(void *ctx, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **state)
{
    struct bench *b = ctx;
    (void)url, (void)method, (void)version, (void)data, (void)n;

    if (!*state) {
        *state = b;
        return MHD_YES;
    }
    if (*state == b && b->suspend) {
        *state = &b->c;
        MHD_suspend_connection(mhd);
        return MHD_YES;
    }
    b->asked++;
    return MHD_queue_response(mhd, 200, b->response);
}

static void notify(void *ctx, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct bench *b = ctx;
    (void)socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        b->c = (struct http1_connection){.daemon = &b->daemon, .mhd = mhd, .fd = fd};
        assert_true(b->unknown || http1_ready_add(&b->c));
    } else {
        http1_ready_remove(&b->c);
        b->closed = true;
    }
}

/* The loop's part: what is new on the sockets, then the daemon if it is due. */
static void turns(struct bench *b)
{
    for (int i = 0; i < TURNS; i++) {
        struct epoll_event ready[4];
        int n = epoll_wait(b->front.sockets, ready, 4, 0);
        for (int k = 0; k < n; k++)
            http1_ready_note(ready[k].data.ptr, ready[k].events);
        struct pollfd own = {.fd = b->daemon.epoll, .events = POLLIN};
        b->daemon.own_news = poll(&own, 1, 0) > 0;
        http1_ready_run(&b->daemon);
    }
}

static void bench_open_with(struct bench *b, bool unknown)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int ends[2];

    *b = (struct bench){.daemon = {.front = &b->front}, .unknown = unknown};
    b->front.sockets = epoll_create1(EPOLL_CLOEXEC);
    b->response = MHD_create_response_from_buffer(2, (void *)(uintptr_t) "ok",
                                                  MHD_RESPMEM_PERSISTENT);
    b->daemon.mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
                                         MHD_USE_NO_LISTEN_SOCKET | MHD_USE_NO_THREAD_SAFETY,
                                     0, NULL, NULL, handle, b, MHD_OPTION_NOTIFY_CONNECTION, notify,
                                     b, MHD_OPTION_END);
    assert_non_null(b->daemon.mhd);
    b->daemon.epoll = MHD_get_daemon_info(b->daemon.mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    b->client = ends[0];
    assert_int_equal(
        MHD_add_connection(b->daemon.mhd, ends[1], (struct sockaddr *)&peer, sizeof peer), MHD_YES);
    turns(b);
}

static void bench_open(struct bench *b)
{
    bench_open_with(b, false);
}

static void bench_close(struct bench *b)
{
    struct epoll_event event;

    /* Nothing was ever in MHD's own set. */
    assert_true(b->unknown || epoll_wait(b->daemon.epoll, &event, 1, 0) == 0);
    close(b->client);
    turns(b);
    assert_true(b->closed);
    assert_null(b->daemon.news);
    MHD_stop_daemon(b->daemon.mhd);
    MHD_destroy_response(b->response);
    close(b->front.sockets);
    http1_ready_close();
}

static void say(const struct bench *b, const char *text)
{
    assert_int_equal(write(b->client, text, strlen(text)), strlen(text));
}

/* How many answers have come. */
static int heard(const struct bench *b)
{
    char room[4096];
    ssize_t n = read(b->client, room, sizeof room - 1);
    int answers = 0;

    room[n > 0 ? n : 0] = '\0';
    for (const char *p = room; (p = strstr(p, "HTTP/1.1 200")); p++)
        answers++;
    return answers;
}

static void a_request_is_seen_when_it_comes(void **state)
{
    struct bench b;
    (void)state;

    bench_open(&b);
    for (int i = 1; i <= 3; i++) {
        say(&b, REQUEST);
        turns(&b);
        assert_int_equal(b.asked, i);
        assert_int_equal(heard(&b), 1);
    }
    bench_close(&b);
}

static void a_request_may_come_in_pieces(void **state)
{
    static const char request[] = REQUEST;
    struct bench b;
    (void)state;

    bench_open(&b);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        assert_int_equal(b.asked, 0);
        assert_int_equal(write(b.client, request + i, 1), 1);
        turns(&b);
    }
    assert_int_equal(b.asked, 1);
    assert_int_equal(heard(&b), 1);
    bench_close(&b);
}

static void what_comes_while_mhd_does_not_listen_is_kept(void **state)
{
    struct bench b;
    (void)state;

    bench_open(&b);
    b.suspend = true;
    say(&b, REQUEST);
    turns(&b);
    assert_int_equal(b.asked, 0);
    say(&b, REQUEST); /* the next one, while the first waits */
    turns(&b);
    assert_int_equal(b.asked, 0);
    b.suspend = false;
    MHD_resume_connection(b.c.mhd);
    turns(&b);
    assert_int_equal(b.asked, 2);
    assert_int_equal(heard(&b), 2);
    bench_close(&b);
}

static void an_empty_socket_is_not_read_again(void **state)
{
    struct bench b;
    char byte;
    (void)state;

    bench_open(&b);
    assert_int_equal(recv(b.c.fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    say(&b, "xy");
    errno = 0;
    assert_int_equal(recv(b.c.fd, &byte, 1, 0), -1); /* nobody has told us of it yet */
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(recv(b.c.fd, &byte, 1, MSG_PEEK), 1); /* who peeks wants to know */
    http1_ready_note(&b.c, EPOLLIN);
    assert_int_equal(recv(b.c.fd, &byte, 1, 0), 1);
    assert_int_equal(recv(b.c.fd, &byte, 1, 0), 1); /* as much as asked: there may be more */
    assert_int_equal(recv(b.c.fd, &byte, 1, 0), -1);
    close(b.client);
    http1_ready_note(&b.c, EPOLLIN | EPOLLRDHUP);
    assert_int_equal(recv(b.c.fd, &byte, 1, 0), 0);
    assert_int_equal(recv(b.c.fd, &byte, 1, 0), 0); /* the end stays */
    b.client = dup(b.front.sockets);
    bench_close(&b);
}

static void other_sets_and_sockets_are_left_alone(void **state)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7}, out;
    struct bench b;
    int other = epoll_create1(EPOLL_CLOEXEC), pair[2];
    char byte;
    (void)state;

    bench_open(&b);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(write(pair[0], "x", 1), 1);
    assert_int_equal(epoll_ctl(b.daemon.epoll, EPOLL_CTL_DEL, pair[1], &event), -1);
    assert_int_equal(epoll_ctl(other, EPOLL_CTL_ADD, pair[1], &event), 0);
    assert_int_equal(epoll_ctl(other, EPOLL_CTL_ADD, b.c.fd, &event), 0);
    assert_int_equal(epoll_wait(other, &out, 1, 0), 1);
    assert_int_equal(out.data.u32, 7);
    assert_int_equal(recv(pair[1], &byte, 1, 0), 1);
    close(pair[0]);
    close(pair[1]);
    close(other);
    bench_close(&b);
}

/* In one piece, where it is short; whole in any case. A socket that is not a client's is left
 * alone. */
static void an_answer_of_several_pieces_goes_out_whole(void **state)
{
    static char head[4000], body[200], got[sizeof head + sizeof body + 1];
    struct bench b;
    int pair[2];
    (void)state;

    memset(head, 'h', sizeof head);
    memset(body, 'b', sizeof body);
    bench_open(&b);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    for (size_t n = 0; n <= sizeof body; n += 40) {
        struct iovec pieces[] = {{head, sizeof head}, {NULL, 0}, {body, n}};
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
        for (int ours = 0; ours < 2; ours++) {
            ssize_t all = (ssize_t)(sizeof head + n);
            assert_int_equal(sendmsg(ours ? b.c.fd : pair[0], &message, MSG_NOSIGNAL), all);
            assert_int_equal(read(ours ? b.client : pair[1], got, sizeof got), all);
            assert_memory_equal(got, head, sizeof head);
            assert_memory_equal(got + sizeof head, body, n);
        }
    }
    close(pair[0]);
    close(pair[1]);
    bench_close(&b);
}

/* Memory or watches were short when it came: it is MHD's to watch, in its own set. */
static void a_connection_that_could_not_be_noted_is_served_all_the_same(void **state)
{
    struct bench b;
    (void)state;

    bench_open_with(&b, true);
    for (int i = 1; i <= 3; i++) {
        b.suspend = i == 2;
        say(&b, REQUEST);
        turns(&b);
        if (b.suspend)
            MHD_resume_connection(b.c.mhd);
        turns(&b);
        assert_int_equal(b.asked, i);
        assert_int_equal(heard(&b), 1);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_seen_when_it_comes),
        cmocka_unit_test(a_request_may_come_in_pieces),
        cmocka_unit_test(what_comes_while_mhd_does_not_listen_is_kept),
        cmocka_unit_test(an_empty_socket_is_not_read_again),
        cmocka_unit_test(other_sets_and_sockets_are_left_alone),
        cmocka_unit_test(an_answer_of_several_pieces_goes_out_whole),
        cmocka_unit_test(a_connection_that_could_not_be_noted_is_served_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
