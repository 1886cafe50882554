#include "gateway/front/http1_fields.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

enum { PLENTY = 30000 };

struct bench {
    const struct headers *fields;
    size_t room;
    bool ok;
    struct arena arena;
    char answer[64 << 10];
};

static struct MHD_Response *response_of(struct bench *b)
{
    static char body[] = "body";
    struct MHD_Response *r = MHD_create_response_from_buffer(4, body, MHD_RESPMEM_PERSISTENT);
    b->ok = r && http1_fields_add(r, b->fields, b->room);
    return r;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **state)
{
    (void)url, (void)method, (void)version, (void)data, (void)n, (void)state;
    struct MHD_Response *r = response_of(ctx);
    assert_non_null(r);
    enum MHD_Result result = MHD_queue_response(c, 200, r);
    MHD_destroy_response(r);
    return result;
}

/* What a client reads when the answer has these fields. */
static const char *served(struct bench *b, const struct headers *h, size_t room)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t have = 0;
    ssize_t got = -1;
    int ends[2];

    b->fields = h;
    b->room = room;
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle, b,
                                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                                 (size_t)64 << 10, MHD_OPTION_END);
    assert_non_null(daemon);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(MHD_add_connection(daemon, ends[1], (struct sockaddr *)&peer, sizeof peer),
                     MHD_YES);
    assert_int_equal(write(ends[0], request, sizeof request - 1), sizeof request - 1);
    for (int i = 0; i < 100 && got != 0; i++) {
        MHD_run(daemon);
        while ((got = read(ends[0], b->answer + have, sizeof b->answer - 1 - have)) > 0)
            have += (size_t)got;
    }
    b->answer[have] = '\0';
    close(ends[0]);
    MHD_stop_daemon(daemon);
    return b->answer;
}

static struct headers list(struct bench *b, const struct header *all, size_t n)
{
    struct headers h = {0};
    for (size_t i = 0; i < n; i++)
        assert_true(headers_add(&h, &b->arena, all[i].name, all[i].value));
    return h;
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

static void each_field_is_a_line_in_its_order(void **state)
{
    static const struct header all[] = {
        {STR_INIT("x-request-id"), STR_INIT("17")},
        {STR_INIT("content-type"), STR_INIT("application/json")},
        {STR_INIT("ratelimit"), STR_INIT("\"n\";r=1;t=2")},
        {STR_INIT("twice"), STR_INIT("a")},
        {STR_INIT("twice"), STR_INIT("b\tc")},
    };
    struct bench *b = *state;
    struct headers h = list(b, all, sizeof all / sizeof *all);
    const char *text = served(b, &h, PLENTY);
    assert_true(b->ok);
    assert_non_null(strstr(text, "\r\nx-request-id: 17\r\ncontent-type: application/json\r\n"
                                 "ratelimit: \"n\";r=1;t=2\r\ntwice: a\r\ntwice: b\tc\r\n"));
    assert_int_equal(count(text, "Content-Length: 4\r\n"), 1);
    assert_int_equal(count(text, "\r\n\r\nbody"), 1);
    served(b, &(struct headers){0}, PLENTY);
    assert_true(b->ok);
}

static void what_is_no_single_line_is_left_out(void **state)
{
    static const struct header all[] = {
        {STR_INIT("first"), STR_INIT("x\r\nset-cookie: stolen")},
        {STR_INIT("good"), STR_INIT("1")},
        {STR_INIT("evil"), STR_INIT("a\nb")},
        {STR_INIT("evil"), STR_INIT("a\rb")},
        {STR_INIT("evil"), STR_INIT("a\0b")},
        {STR_INIT("evil"), STR_INIT("\x7f")},
        {STR_INIT("evil"), STR_INIT(" \t ")},
        {STR_INIT("evil"), STR_INIT("")},
        {STR_INIT("last"), STR_INIT("2")},
    };
    struct bench *b = *state;
    struct headers h = list(b, all, sizeof all / sizeof *all);
    const char *text = served(b, &h, PLENTY);
    assert_non_null(strstr(text, "\r\ngood: 1\r\nlast: 2\r\n"));
    assert_int_equal(count(text, "stolen"), 0);
    assert_int_equal(count(text, "evil"), 0);
}

/* Longer than what is handed over at once. */
static void many_long_fields_arrive_whole(void **state)
{
    struct bench *b = *state;
    static char long_value[8191], name[8];
    struct headers h = {0};
    memset(long_value, 'v', sizeof long_value);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "f%u", i);
        size_t n = i % 2 ? 100 : sizeof long_value;
        assert_true(
            headers_add(&h, &b->arena, arena_copy(&b->arena, str_c(name)), str_of(long_value, n)));
    }
    const char *text = served(b, &h, SIZE_MAX);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "\r\nf%u: v", i);
        const char *at = strstr(text, name);
        assert_non_null(at);
        assert_int_equal(strspn(at + strlen(name) - 1, "v"), i % 2 ? 100 : sizeof long_value);
    }
}

static void what_finds_no_room_is_left_out_but_ours(void **state)
{
    static const struct header all[] = {
        {STR_INIT("theirs"), STR_INIT("12345678901234567890")},
        {STR_INIT("x-request-id"), STR_INIT("17")},
        {STR_INIT("short"), STR_INIT("1")},
        {STR_INIT("content-type"), STR_INIT("text/plain")},
    };
    struct bench *b = *state;
    struct headers h = list(b, all, sizeof all / sizeof *all);
    const char *text = served(b, &h, 10);
    assert_int_equal(count(text, "theirs"), 0);
    assert_int_equal(count(text, "short"), 0);
    assert_non_null(strstr(text, "\r\nx-request-id: 17\r\ncontent-type: text/plain\r\n"));
    assert_int_equal(count(served(b, &h, 18 + 10), "\r\nshort: 1\r\n"), 1);
}

static bool add_once(void *arg)
{
    struct bench *b = arg;
    struct MHD_Response *r = response_of(b);
    if (r)
        MHD_destroy_response(r);
    return b->ok;
}

static void memory_that_is_short_is_told(void **state)
{
    static const struct header all[] = {{STR_INIT("a"), STR_INIT("1")},
                                        {STR_INIT("b"), STR_INIT("2")},
                                        {STR_INIT("c"), STR_INIT("3")}};
    struct bench *b = *state;
    struct headers h = list(b, all, sizeof all / sizeof *all);
    b->fields = &h;
    b->room = PLENTY;
    size_t n = failmalloc_each(add_once, b);
    assert_true(n >= 2);
#if MHD_POOL_KNOWN
    assert_in_range(n, 2, 4); /* however many fields there are */
#endif
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    arena_init(&b->arena, 4096, 1 << 20);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    arena_release(&b->arena);
    free(b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_field_is_a_line_in_its_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_single_line_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_long_fields_arrive_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_finds_no_room_is_left_out_but_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_is_short_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
