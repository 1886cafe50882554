/* Time and the end: what a connection waits for, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/support/front_bench.h"

#define GET "GET /unary/a HTTP/1.1\r\nHost: g\r\n\r\n"

static struct front_bench f;

/* Everything a hundred times faster than a client would be given. */
static int set_up(void **state)
{
    (void)state;
    front_bench_open(&f);
    struct bounds *b = &f.bench.snapshot.bounds;
    b->header_ms = 200;
    b->body_ms = 200;
    b->body_rate = 100000;
    b->idle_ms = 400;
    b->write_stall_ms = 300;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    front_bench_close(&f);
    return 0;
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* A byte now and then does not help: the time for a head is counted from its beginning. */
static void a_head_that_does_not_end_is_408(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    uint64_t began = now_ms();
    say(client, "GET /unary/a HTTP/1.1\r\n");
    for (int i = 0; i < 4; i++) {
        front_bench_run(&f, 40);
        say(client, "x: 1\r\n");
    }
    struct str answer = STR_NONE;
    for (int i = 0; i < 20 && answer.n == 0; i++)
        answer = hear(&f, client);
    assert_has(answer, "HTTP/1.1 408 ");
    assert_true(closed(&f, client));
    assert_in_range(now_ms() - began, 150, 900);
    close(client);
}

static void a_body_that_does_not_come_is_408(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, "POST /unary HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n"
                "Content-Type: application/json\r\n\r\n{");
    struct str answer = STR_NONE;
    for (int i = 0; i < 20 && answer.n == 0; i++)
        answer = hear(&f, client);
    assert_has(answer, "HTTP/1.1 408 ");
    assert_has(answer, "arrived too slowly: 1 bytes");
    close(client);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    uint64_t began = now_ms();
    assert_true(closed(&f, client));
    assert_in_range(now_ms() - began, 350, 1200);
    close(client);
}

static void a_call_may_take_longer_than_all_of_these(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, GET);
    struct fake_call *c = front_bench_call(&f, 1);
    front_bench_run(&f, 700);
    assert_int_equal(c->cancels, 0);
    front_bench_answer(c);
    assert_has(hear(&f, client), " 200 ");
    close(client);
}

static void a_client_that_takes_nothing_of_its_answer_is_cut_off(void **state)
{
    (void)state;
    static char text[4 << 20];
    int small = 4096;
    int client = front_bench_client(&f);
    setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(client, GET);
    memset(text, 'a', sizeof text);
    text[0] = '\n'; /* name, of 4 MiB less five bytes */
    memcpy(text + 1, "\xfb\xff\xff\x01", 4);
    struct fake_call *c = front_bench_call(&f, 1);
    fake_message(c, str_of(text, sizeof text));
    fake_end(c, TC_CODE_OK, "");
    for (int i = 0; i < 300 && !f.bench.ended; i++)
        front_bench_run(&f, 10);
    assert_int_equal(f.bench.ended, 1);
    assert_int_equal(f.bench.event.http_status, 499);
    close(client);
}

static void a_half_close_is_leaving_unless_that_is_allowed(void **state)
{
    (void)state;
    for (uint32_t allowed = 0; allowed < 2; allowed++) {
        f.bench.snapshot.half_close_allowed = allowed != 0;
        int client = front_bench_client(&f);
        say(client, GET);
        struct fake_call *c = front_bench_call(&f, allowed + 1);
        shutdown(client, SHUT_WR);
        front_bench_run(&f, 100);
        assert_int_equal(c->cancels, !allowed);
        if (allowed) {
            front_bench_answer(c);
            assert_has(hear(&f, client), " 200 ");
        }
        close(client);
        front_bench_run(&f, 20);
    }
}

static void draining_closes_the_idle_and_answers_what_was_sent(void **state)
{
    (void)state;
    int idle = front_bench_client(&f), busy = front_bench_client(&f);
    int sent = front_bench_client(&f);
    say(busy, GET);
    struct fake_call *first = front_bench_call(&f, 1);
    say(sent, GET); /* in the socket: the front has not seen it */
    http1_drain(f.front);
    struct fake_call *second = front_bench_call(&f, 2);
    front_bench_answer(first);
    front_bench_answer(second);
    assert_has(hear(&f, busy), "Connection: close\r\n");
    assert_has(hear(&f, sent), " 200 ");
    assert_true(closed(&f, idle) && closed(&f, busy) && closed(&f, sent));
    assert_int_equal(http1_connections(f.front), 0);
    close(idle);
    close(busy);
    close(sent);
}

static void who_leaves_while_it_drains_cancels_its_call(void **state)
{
    (void)state;
    int before = front_bench_client(&f), after = front_bench_client(&f);
    say(before, GET);
    say(after, GET);
    close(before); /* all of it before the front has seen any */
    http1_drain(f.front);
    front_bench_call(&f, 2);
    front_bench_run(&f, 50);
    const struct fake_call *calls = f.bench.channels[0].calls;
    assert_int_equal(calls[0].cancels + calls[1].cancels, 1);
    close(after);
    front_bench_run(&f, 100);
    assert_int_equal(http1_connections(f.front), 0);
    assert_int_equal(f.bench.ended, 2);
}

static void connections_are_spread_over_daemons_and_counted(void **state)
{
    (void)state;
    int clients[70]; /* more than two daemons take */
    for (size_t i = 0; i < 70; i++)
        clients[i] = front_bench_client(&f);
    assert_int_equal(http1_connections(f.front), 70);
    for (size_t i = 0; i < 70; i++)
        close(clients[i]);
    for (int i = 0; i < 100 && http1_connections(f.front); i++)
        front_bench_run(&f, 5);
    assert_int_equal(http1_connections(f.front), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_head_that_does_not_end_is_408),
        TEST(a_body_that_does_not_come_is_408),
        TEST(an_idle_connection_is_closed_without_a_word),
        TEST(a_call_may_take_longer_than_all_of_these),
        TEST(a_client_that_takes_nothing_of_its_answer_is_cut_off),
        TEST(a_half_close_is_leaving_unless_that_is_allowed),
        TEST(draining_closes_the_idle_and_answers_what_was_sent),
        TEST(who_leaves_while_it_drains_cancels_its_call),
        TEST(connections_are_spread_over_daemons_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
