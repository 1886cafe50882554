#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "tests/unit/support/bench_setup.h"

enum { OK = 0 };
static const uint64_t second = 1000000000;

/* The status of a refusal, or OK. */
static uint16_t judged(struct bench *b, const char *method, const char *target, const char *headers)
{
    struct fake_front f;
    assert_true(front_open(&f, &b->host, method, target, headers));
    uint16_t status = f.x->answer.ready ? f.x->answer.status : OK;
    front_close(&f, true);
    return status;
}

static void the_body_must_be_json(void **state)
{
    static const struct {
        const char *type;
        uint16_t unary, stream;
    } cases[] = {
        {"application/json", OK, OK},
        {"Application/JSON ; charset=utf-8", OK, OK},
        {"application/vnd.api+json", OK, OK},
        {"application/x-ndjson", 415, OK},
        {"application/ndjson", 415, OK},
        {"application/jsonl; x=y", 415, OK},
        {"text/plain", 415, 415},
        {"application/jsonp", 415, 415},
        {"application/x-www-form-urlencoded", 415, 415},
        {"+json", 415, 415},
        {"", 415, 415},
    };
    struct bench *b = *state;
    char headers[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(headers, sizeof headers, "content-length: 2\ncontent-type: %s", cases[i].type);
        assert_int_equal(judged(b, "POST", "/unary", headers), cases[i].unary);
        assert_int_equal(judged(b, "POST", "/collect", headers), cases[i].stream);
    }
    assert_int_equal(judged(b, "POST", "/unary", "content-length: 2"), OK);
    assert_int_equal(judged(b, "POST", "/unary",
                            "content-length: 2\ncontent-type: application/json\ncontent-type: "
                            "application/json"),
                     400);
    assert_int_equal(
        judged(b, "POST", "/unary",
               "content-length: 2\ncontent-encoding: identity\ncontent-encoding: gzip"),
        415);
    assert_int_equal(judged(b, "GET", "/unary/a", "content-type: text/plain"), OK);
}

static void an_announced_length_above_the_ceiling_is_refused_at_once(void **state)
{
    struct bench *b = *state;

    assert_int_equal(judged(b, "POST", "/narrow", "content-length: 64"), OK);
    assert_int_equal(judged(b, "POST", "/narrow", "content-length: 65"), 413);
    assert_string_equal(b->error, "the request body has 65 bytes; this call may have 64");
    assert_int_equal(judged(b, "POST", "/unary", "content-length: 67108864"), OK);
    assert_int_equal(judged(b, "POST", "/unary", "content-length: 67108865"), 413);
    assert_int_equal(judged(b, "POST", "/narrowcollect", "content-length: 1000"), OK);
}

static void accept_chooses_the_framing(void **state)
{
    static const struct {
        const char *headers;
        enum tc_framing framing;
    } cases[] = {
        {NULL, TC_FRAMING_ARRAY},
        {"accept: */*", TC_FRAMING_ARRAY},
        {"accept: application/json", TC_FRAMING_ARRAY},
        {"accept: image/png", TC_FRAMING_ARRAY},
        {"accept: text/event-stream", TC_FRAMING_SSE},
        {"accept: Text/Event-Stream; charset=utf-8", TC_FRAMING_SSE},
        {"accept: application/x-ndjson", TC_FRAMING_NDJSON},
        {"accept: application/json, text/event-stream", TC_FRAMING_SSE},
        {"accept: text/html, application/x-ndjson;q=0.1", TC_FRAMING_NDJSON},
        {"accept: text/event-stream;q=0.5, application/x-ndjson", TC_FRAMING_NDJSON},
        {"accept: text/event-stream;q=0.05", TC_FRAMING_SSE},
        {"accept: text/event-stream;q=0", TC_FRAMING_ARRAY},
        {"accept: text/event-stream; Q=0.000", TC_FRAMING_ARRAY},
        {"accept: text/event-stream;q=0.", TC_FRAMING_ARRAY},
        {"accept: text/event-stream;q=1.0, application/x-ndjson;q=0.999", TC_FRAMING_SSE},
        {"accept: application/json;q=0.9, text/event-stream;q=0.8", TC_FRAMING_ARRAY},
        {"accept: text/event-stream;q=high", TC_FRAMING_SSE},
        {"accept: text/event-streams", TC_FRAMING_ARRAY},
        {"accept: text/html\naccept: application/x-ndjson", TC_FRAMING_NDJSON},
        {"accept: ,;,text/event-stream", TC_FRAMING_SSE},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_front f;
        assert_true(front_open(&f, &b->host, "GET", "/watch/a", cases[i].headers));
        if (f.x->framing != cases[i].framing)
            fail_msg("%s: %d", cases[i].headers, (int)f.x->framing);
        front_close(&f, false);
    }
}

static uint64_t deadline_of(struct bench *b, const char *target, const char *headers)
{
    struct fake_front f;
    assert_true(front_open(&f, &b->host, "POST", target, headers));
    assert_false(f.x->answer.ready);
    front_end(&f);
    uint64_t deadline = bench_call(b, 0)->deadline;
    uint64_t began = f.x->began;
    front_close(&f, false);
    fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    assert_true(!deadline || deadline > began);
    return deadline ? deadline - began : 0;
}

static void the_lower_of_policy_and_client_is_the_deadline(void **state)
{
    struct bench *b = *state;

    assert_true(deadline_of(b, "/unary", NULL) == 60 * second);
    assert_true(deadline_of(b, "/narrow", NULL) == 2 * second);
    assert_true(deadline_of(b, "/narrow", "grpc-timeout: 500m") == second / 2);
    assert_true(deadline_of(b, "/narrow", "grpc-timeout: 1H") == 2 * second);
    assert_true(deadline_of(b, "/narrow", "grpc-timeout: 0n") == 1);
    assert_true(deadline_of(b, "/lenient", NULL) == 0);
    assert_true(deadline_of(b, "/lenient", "grpc-timeout: 3S") == 3 * second);
    assert_true(deadline_of(b, "/watch", NULL) == 0);
    assert_true(deadline_of(b, "/watch", "grpc-timeout: 7u") == 7000);
    /* Saturates: centuries are no deadline, and none that has passed. */
    assert_true(deadline_of(b, "/lenient", "grpc-timeout: 99999999H") == 0);
}

static void a_malformed_timeout_is_400(void **state)
{
    static const char *bad[] = {"grpc-timeout: 5",
                                "grpc-timeout: m",
                                "grpc-timeout: 123456789m",
                                "grpc-timeout: -1S",
                                "grpc-timeout:",
                                "grpc-timeout: 1s",
                                "grpc-timeout: 1S\ngrpc-timeout: 1S"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(judged(*state, "GET", "/unary/a", bad[i]), 400);
}

static void the_calls_options_come_from_the_policy(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "POST", "/narrow", "x-user: me\nconnection: close"));
    front_end(&f);
    struct fake_call *c = bench_call(b, 0);
    assert_int_equal(c->max_message, 128);
    assert_true(c->idempotent);
    assert_str(fake_metadata(c, "x-user"), "me");
    assert_null(fake_metadata(c, "connection").p);
    assert_null(fake_metadata(c, "grpc-timeout").p);
    front_close(&f, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(the_body_must_be_json),
        BENCH_TEST(an_announced_length_above_the_ceiling_is_refused_at_once),
        BENCH_TEST(accept_chooses_the_framing),
        BENCH_TEST(the_lower_of_policy_and_client_is_the_deadline),
        BENCH_TEST(a_malformed_timeout_is_400),
        BENCH_TEST(the_calls_options_come_from_the_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
