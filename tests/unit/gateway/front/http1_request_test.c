/* Bodies, refusals in their middle, and what the record says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/support/front_bench.h"

#define POST(target) "POST " target " HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n"
#define SIZED(target, n, body) POST(target) "Content-Length: " n "\r\n\r\n" body
#define CHUNKED(target) POST(target) "Transfer-Encoding: chunked\r\n\r\n"
#define NDJSON_STREAM(target)                                                       \
    "POST " target " HTTP/1.1\r\nHost: g\r\nContent-Type: application/x-ndjson\r\n" \
    "Accept: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct front_bench f;

static int set_up(void **state)
{
    (void)state;
    front_bench_open(&f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    front_bench_close(&f);
    return 0;
}

static bool has(struct str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void requests_follow_one_another_on_a_connection(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, SIZED("/unary", "2", "{}") CHUNKED("/unary") "2\r\n{}\r\n0\r\n\r\n");
    for (uint32_t i = 1; i <= 2; i++) {
        front_bench_answer(front_bench_call(&f, i));
        assert_has(hear(&f, client), " 200 OK\r\n");
    }
    assert_int_equal(f.bench.ended, 2);
    close(client);
}

static void a_refused_body_that_is_short_is_read_and_the_connection_stays(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, SIZED("/nowhere", "4", "{\"a\""));
    assert_has(hear(&f, client), " 404 ");
    say(client, SIZED("/unary", "2", "{}"));
    front_bench_answer(front_bench_call(&f, 1));
    assert_has(hear(&f, client), " 200 ");
    close(client);
}

static void a_refused_body_that_is_long_is_not_waited_for(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, SIZED("/nowhere", "9000000", "{"));
    struct str answer = hear(&f, client);
    assert_has(answer, "HTTP/1.1 404 Not Found\r\nconnection: close\r\n");
    assert_has(answer, "\r\n\r\n{\"code\":5,");
    close(client);
    front_bench_run(&f, 50);
    assert_int_equal(f.bench.event.http_status, 404);
    assert_true(f.bench.event.complete);
}

static void an_answer_in_the_middle_of_a_body_has_none_for_head(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, "HEAD /nowhere HTTP/1.1\r\nHost: g\r\nContent-Length: 9000000\r\n\r\n");
    struct str answer = hear(&f, client);
    assert_has(answer, " 404 ");
    assert_str(str_skip(answer, answer.n - 4), "\r\n\r\n");
    close(client);
}

static void who_asks_first_is_told_before_the_body(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, POST("/unary") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_str(hear(&f, client), "HTTP/1.1 100 Continue\r\n\r\n");
    say(client, "{}");
    front_bench_answer(front_bench_call(&f, 1));
    assert_has(hear(&f, client), " 200 ");
    close(client);
    client = front_bench_client(&f);
    say(client, POST("/nowhere") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    struct str answer = hear(&f, client);
    assert_has(answer, " 404 ");
    assert_false(has(answer, " 100 "));
    close(client);
}

/* It ends in a chunk that no last one follows. */
static void a_stream_that_breaks_while_the_client_sends_is_not_ended(void **state)
{
    (void)state;
    static char filler[64 << 10];
    int client = front_bench_client(&f);
    f.bench.snapshot.bounds.drain_bytes = 1000;
    say(client, NDJSON_STREAM("/talk") "3\r\n{}\n\r\n");
    struct fake_call *c = front_bench_call(&f, 1);
    fake_message(c, bench_wire(&f.bench, "2:1"));
    fake_end(c, TC_CODE_INTERNAL, "lost");
    memset(filler, ' ', sizeof filler - 1);
    say(client, "1000\r\n");
    say(client, filler + sizeof filler - 4097);
    struct str answer = hear(&f, client);
    assert_has(answer, "transfer-encoding: chunked\r\n\r\n");
    assert_has(answer, "{\"count\":1}\n");
    assert_has(answer, "\"lost\"");
    assert_false(has(answer, "\r\n0\r\n"));
    assert_str(str_skip(answer, answer.n - 3), "\n\r\n");
    close(client);
    front_bench_run(&f, 50);
    assert_int_equal(f.bench.event.code, TC_CODE_INTERNAL);
    assert_false(f.bench.event.complete);
}

/* What the client had no chance to read is lost when its bytes are left unread. */
static void bytes_that_come_behind_an_early_answer_are_dropped(void **state)
{
    (void)state;
    static char filler[64 << 10];
    int client = front_bench_client(&f);
    f.bench.snapshot.bounds.drain_bytes = 0;
    say(client, SIZED("/nowhere", "900000000", "{"));
    memset(filler, ' ', sizeof filler - 1);
    size_t sent = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t n = send(client, filler, sizeof filler, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        front_bench_run(&f, 2);
    }
    assert_true(sent > 4 << 20);
    assert_has(hear(&f, client), "\"details\":[]}");
    close(client);
}

static void a_client_that_leaves_while_it_waits_cancels_its_call(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, SIZED("/unary", "2", "{}"));
    struct fake_call *c = front_bench_call(&f, 1);
    close(client);
    for (int i = 0; i < 20 && !c->cancels; i++)
        front_bench_run(&f, 5);
    assert_int_equal(c->cancels, 1);
    front_bench_run(&f, 20);
    assert_int_equal(f.bench.event.http_status, 499);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_follow_one_another_on_a_connection),
        TEST(a_refused_body_that_is_short_is_read_and_the_connection_stays),
        TEST(a_refused_body_that_is_long_is_not_waited_for),
        TEST(an_answer_in_the_middle_of_a_body_has_none_for_head),
        TEST(who_asks_first_is_told_before_the_body),
        TEST(a_stream_that_breaks_while_the_client_sends_is_not_ended),
        TEST(bytes_that_come_behind_an_early_answer_are_dropped),
        TEST(a_client_that_leaves_while_it_waits_cancels_its_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
