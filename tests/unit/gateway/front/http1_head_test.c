/* Which heads reach the pipeline, and how; what is wrong with the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/support/front_bench.h"

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

static struct str ask(const char *request)
{
    int client = front_bench_client(&f);
    say(client, request);
    struct str answer = hear(&f, client);
    close(client);
    return answer;
}

static void an_absolute_target_of_our_host_is_its_path(void **state)
{
    static const char *const requests[] = {
        "GET /unary/a?count=1 HTTP/1.1\r\nHost: g\r\n\r\n",
        "GET http://g/unary/a?count=1 HTTP/1.1\r\nHost: g\r\n\r\n",
        "GET HTTPS://G/unary/a?count=1 HTTP/1.1\r\nHost: g\r\n\r\n",
        "GET /unary/a?count=1 HTTP/1.0\r\n\r\n",
    };
    (void)state;
    for (uint32_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int client = front_bench_client(&f);
        say(client, requests[i]);
        struct fake_call *c = front_bench_call(&f, i + 1);
        assert_str(fake_sent(c, 0), "\n\001a\020\001"); /* name: "a" count: 1 */
        front_bench_answer(c);
        assert_has(hear(&f, client), " 200 ");
        close(client);
        front_bench_run(&f, 5);
    }
}

static void names_of_headers_arrive_in_lower_case(void **state)
{
    (void)state;
    int client = front_bench_client(&f);
    say(client, "GET /unary/a HTTP/1.1\r\nHost: g\r\nGrpc-Metadata-X-USER: Ann\r\n\r\n");
    struct fake_call *c = front_bench_call(&f, 1);
    assert_str(fake_metadata(c, "x-user"), "Ann");
    front_bench_answer(c);
    hear(&f, client);
    close(client);
}

static void what_a_head_must_not_be_has_its_status(void **state)
{
    static const struct {
        const char *request, *status, *says;
    } cases[] = {
        {"GET http://evil/unary/a HTTP/1.1\r\nHost: g\r\n\r\n", " 400 ", "must be a path"},
        {"GET ftp://g/unary/a HTTP/1.1\r\nHost: g\r\n\r\n", " 400 ", "must be a path"},
        {"GET unary/a HTTP/1.1\r\nHost: g\r\n\r\n", " 400 ", "must be a path"},
        {"GET * HTTP/1.1\r\nHost: g\r\n\r\n", " 400 ", "must be a path"},
        {"GET /unary/a#b HTTP/1.1\r\nHost: g\r\n\r\n", " 400 ", "write it as %23"},
        {"GET /unary/\xff HTTP/1.1\r\nHost: g\r\n\r\n", " 400 ", "byte 0xff cannot"},
        {"GET /unary/a HTTP/1.7\r\nHost: g\r\n\r\n", " 505 ", "HTTP/1.1"},
        {"CONNECT /unary/a HTTP/1.1\r\nHost: g\r\n\r\n", " 501 ", "this is none"},
        {"G@T /unary/a HTTP/1.1\r\nHost: g\r\n\r\n", " 400 ", "method is not a token"},
        {"GET /unary/a HTTP/1.1\r\nHost: a@g\r\n\r\n", " 400 ",
         "\"field\":\"headers[\\\"host\\\"]\",\"description\":\"the value is not a host"},
        {"GET /unary/a HTTP/1.1\r\nHost: g/b\r\n\r\n", " 400 ",
         "\"field\":\"headers[\\\"host\\\"]\",\"description\":\"the value is not a host"},
        {"GET /unary/a HTTP/1.1\r\nHost: g, h\r\n\r\n", " 400 ",
         "\"field\":\"headers[\\\"host\\\"]\",\"description\":\"the value is not a host"},
        {"GET /unary/a HTTP/1.1\r\nHost: g\r\nX/Y: 1\r\n\r\n", " 400 ", "field name"},
        {"GET /unary/a HTTP/1.1\r\nHost: g\r\nX@Y: 1\r\n\r\n", " 400 ", "field name"},
        {"GET /unary/a HTTP/1.1\r\nHost: g\r\nX: 1\r\n\xc3\xa9: 1\r\nY: 1\r\n\r\n", " 400 ",
         "field name"},
        {"GET /unary/a HTTP/1.1\r\nHost: g\r\nExpect: rain\r\n\r\n", " 417 ", "100-continue"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str answer = ask(cases[i].request);
        assert_has(answer, cases[i].status);
        assert_has(answer, cases[i].says);
        assert_has(answer, "\"details\":[");
    }
    assert_int_equal(f.bench.channels[bench_cluster(&f.bench, "main")].ncalls, 0);
}

/* `n` times a line of its own number behind the request line and Host. */
static const char *with_lines(uint32_t n, int value_bytes)
{
    static struct buf request;
    buf_release(&request);
    buf_init(&request, 64 << 10);
    assert_true(buf_add(&request, STR("GET /unary/a HTTP/1.1\r\nHost: g\r\n")));
    for (uint32_t i = 0; i < n; i++)
        assert_true(buf_printf(&request, "x-%u: %0*u\r\n", i, value_bytes, 1));
    assert_true(buf_add(&request, str_of("\r\n", 3)));
    return request.p;
}

static void heads_have_their_bounds(void **state)
{
    (void)state;
    char request[256];
    struct bounds *b = &f.bench.snapshot.bounds;
    b->header_count = 10;
    b->header_bytes = 2000;
    b->uri_bytes = 40;
    assert_has(ask(with_lines(10, 1)), " 431 "); /* Host is the eleventh */
    assert_has(ask(with_lines(2, 1000)), " 431 ");
    snprintf(request, sizeof request, "GET /unary/%040d HTTP/1.1\r\nHost: g\r\n\r\n", 1);
    assert_has(ask(request), " 414 ");
    assert_int_equal(f.bench.channels[bench_cluster(&f.bench, "main")].ncalls, 0);
    int client = front_bench_client(&f);
    say(client, with_lines(9, 1));
    front_bench_answer(front_bench_call(&f, 1));
    assert_has(hear(&f, client), " 200 ");
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_absolute_target_of_our_host_is_its_path, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(names_of_headers_arrive_in_lower_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_head_must_not_be_has_its_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heads_have_their_bounds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
