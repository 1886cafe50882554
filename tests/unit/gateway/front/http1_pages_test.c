#include "gateway/front/mhd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transcoder/str.h"

/* Says nothing itself: each answer is a refusal of MHD's own. */
static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **state)
{
    (void)ctx, (void)c, (void)url, (void)method, (void)version, (void)data, (void)n, (void)state;
    return MHD_NO;
}

struct bench {
    struct MHD_Daemon *daemon;
};

static void bench_open(struct bench *b)
{
    *b = (struct bench){0};
    b->daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle, NULL,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32 << 10,
                                 MHD_OPTION_END);
    assert_non_null(b->daemon);
}

/* A client's end of a connection that MHD serves. */
static int join(struct bench *b)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(MHD_add_connection(b->daemon, ends[1], (struct sockaddr *)&peer, sizeof peer),
                     MHD_YES);
    return ends[0];
}

static struct str ask(struct bench *b, struct str request, char *room, size_t n)
{
    int client = join(b);
    size_t have = 0;
    assert_int_equal(write(client, request.p, request.n), request.n);
    for (int i = 0; i < 100; i++) {
        ssize_t got;
        MHD_run(b->daemon);
        while ((got = read(client, room + have, n - have)) > 0)
            have += (size_t)got;
        if (got == 0)
            break;
    }
    close(client);
    MHD_run(b->daemon);
    return str_of(room, have);
}

static bool has(struct str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void a_refusal_of_mhd_has_the_shape_of_all_errors(void **state)
{
    static const struct {
        struct str request;
        const char *status;
    } cases[] = {
        {STR_INIT("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 "},
        {STR_INIT("GET / HTTP/7.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 505 "},
        {STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n"), "HTTP/1.1 400 "},
    };
    struct bench b;
    char room[8192];
    (void)state;

    bench_open(&b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str answer = ask(&b, cases[i].request, room, sizeof room);
        if (!has(answer, cases[i].status) ||
            !has(answer, "\r\nContent-Type: application/json\r\n") ||
            !has(answer, "\r\n\r\n{\"code\":3,\"message\":\"") ||
            !has(answer, "\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
                         "\"fieldViolations\":[{\"field\":\"\",\"description\":\"") ||
            !str_eq(str_skip(answer, answer.n - 6), STR("\"}]}]}")) || has(answer, "<") ||
            has(answer, "&quot;"))
            fail_msg("%zu: %.*s", i, STR_ARG(answer));
    }
    MHD_stop_daemon(b.daemon);
}

static void a_coding_that_is_not_spoken_is_unimplemented(void **state)
{
    struct bench b;
    char room[8192];
    (void)state;

    bench_open(&b);
    struct str answer = ask(&b,
                            STR("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
                            room, sizeof room);
    if (!has(answer, "HTTP/1.1 501 ") ||
        !has(answer, "\r\n\r\n{\"code\":12,\"message\":\"The Tr") ||
        !has(answer, "\"details\":[]}"))
        fail_msg("%.*s", STR_ARG(answer));
    MHD_stop_daemon(b.daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_of_mhd_has_the_shape_of_all_errors),
        cmocka_unit_test(a_coding_that_is_not_spoken_is_unimplemented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
