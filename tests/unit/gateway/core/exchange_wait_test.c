#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "gateway/core/pipeline.h"
#include "gateway/core/rpc.h"
#include "gateway/policy/stages.h"
#include "tests/unit/support/bench_setup.h"

/* A stage that waits for the test, in front of the gateway's own or behind the message. */
struct waiter {
    struct exchange_wait wait; /* first */
    uint32_t asked, cancelled, replies, overs;
    bool refuse_reply;
};

static struct waiter waiter; /* breach: stages get nothing but the exchange; one test at a time */

static void cancelled(struct exchange_wait *wait)
{
    ((struct waiter *)wait)->cancelled++;
}

static enum stage_result ask(struct exchange *x)
{
    waiter.asked++;
    waiter.wait.cancel = cancelled;
    exchange_wait(x, &waiter.wait);
    return STAGE_WAIT;
}

static enum stage_result reply(struct exchange *x)
{
    waiter.replies++;
    assert_true(x->reply.n > 0);
    if (!waiter.refuse_reply)
        return STAGE_NEXT;
    exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 0, "the budget is spent");
    return STAGE_END;
}

static enum stage_result over(struct exchange *x)
{
    assert_non_null(x->policy);
    waiter.overs++;
    return STAGE_NEXT;
}

static const struct stage head_stages[] = {
    {"route", PHASE_HEAD, route_stage},
    {"deadline", PHASE_HEAD, deadline_stage},
    {"negotiate", PHASE_HEAD, negotiate_stage},
    {"ask", PHASE_HEAD, ask},
    {"bind", PHASE_HEAD, bind_stage},
    {"branch", PHASE_MESSAGE, branch_stage},
    {"rpc", PHASE_MESSAGE, rpc_stage},
    {"reply", PHASE_REPLY, reply},
    {"over", PHASE_OVER, over},
};
static const struct stage message_stages[] = {
    {"route", PHASE_HEAD, route_stage},
    {"deadline", PHASE_HEAD, deadline_stage},
    {"negotiate", PHASE_HEAD, negotiate_stage},
    {"bind", PHASE_HEAD, bind_stage},
    {"ask", PHASE_MESSAGE, ask},
    {"branch", PHASE_MESSAGE, branch_stage},
    {"rpc", PHASE_MESSAGE, rpc_stage},
};
static const struct pipeline head = {head_stages, sizeof head_stages / sizeof *head_stages};
static const struct pipeline message = {message_stages,
                                        sizeof message_stages / sizeof *message_stages};

static struct bench *begin(void **state, const struct pipeline *pipeline)
{
    struct bench *b = *state;
    b->host.pipeline = pipeline;
    waiter = (struct waiter){0};
    return b;
}

static void check_sent(struct bench *b, uint32_t n, const char *first)
{
    struct fake_call *c = bench_call(b, 0);
    assert_int_equal(c->nsent, n);
    assert_true(c->closed);
    assert_true(str_eq(fake_sent(c, 0), bench_wire(b, first)));
}

static void a_body_is_not_taken_before_the_head_has_passed(void **state)
{
    struct bench *b = begin(state, &head);
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "POST", "/unary", "transfer-encoding: chunked"));
    assert_int_equal(waiter.asked, 1);
    assert_int_equal(front_body(&f, STR("{\"name\":\"a\"}")), 0);
    exchange_continue(f.x);
    assert_int_equal(f.wakes, 1);
    assert_int_equal(waiter.asked, 1);
    assert_int_equal(front_body(&f, STR("{\"name\":\"a\"}")), 12);
    front_end(&f);
    check_sent(b, 1, "1:'a'");
    front_close(&f, false);
    assert_int_equal(waiter.cancelled, 0);
    assert_int_equal(waiter.overs, 1);
}

static void a_request_without_body_goes_on_by_itself(void **state)
{
    struct bench *b = begin(state, &head);
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    front_end(&f);
    assert_int_equal(b->channels[0].ncalls, 0);
    exchange_continue(f.x);
    check_sent(b, 1, "1:'a'");
    front_close(&f, false);
}

static void what_was_waited_for_may_refuse(void **state)
{
    struct bench *b = begin(state, &head);
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    front_end(&f);
    exchange_wait_over(f.x);
    exchange_fail(f.x, TC_CODE_PERMISSION_DENIED, 0, "not you");
    assert_int_equal(f.x->answer.status, 403);
    assert_int_equal(b->channels[0].ncalls, 0);
    front_close(&f, true);
    assert_int_equal(waiter.cancelled, 0);
}

static void a_client_that_leaves_ends_the_waiting(void **state)
{
    struct bench *b = begin(state, &head);
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    front_close(&f, false);
    assert_int_equal(waiter.cancelled, 1);
    assert_int_equal(waiter.overs, 1);
    assert_int_equal(b->event.http_status, 499);
}

static void the_deadline_ends_the_waiting(void **state)
{
    struct bench *b = begin(state, &head);
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", "grpc-timeout: 20m"));
    front_end(&f);
    bench_run(b, 5);
    assert_int_equal(waiter.cancelled, 0);
    bench_run(b, 60);
    assert_int_equal(waiter.cancelled, 1);
    assert_int_equal(f.x->answer.status, 504);
    front_close(&f, true);
}

static void a_message_waits_too(void **state)
{
    struct bench *b = begin(state, &message);
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "POST", "/unary", "transfer-encoding: chunked"));
    assert_int_equal(front_body(&f, STR("{\"name\":\"a\"}")), 12);
    assert_int_equal(waiter.asked, 0);
    front_end(&f);
    assert_int_equal(waiter.asked, 1);
    assert_int_equal(b->channels[0].ncalls, 0);
    exchange_continue(f.x);
    check_sent(b, 1, "1:'a'");
    front_close(&f, false);
}

/* The second message must not be encoded over the first one. */
static void a_client_stream_waits_with_its_first_message(void **state)
{
    struct bench *b = begin(state, &message);
    struct fake_front f;
    struct str body = STR("{\"name\":\"a\"}\n{\"name\":\"b\"}\n");

    for (int ended = 0; ended <= 1; ended++) {
        begin(state, &message);
        assert_true(front_open(&f, &b->host, "POST", "/collect", "transfer-encoding: chunked"));
        size_t taken = front_body(&f, body);
        assert_int_equal(waiter.asked, 1);
        assert_in_range(taken, 12, 13);
        assert_int_equal(front_body(&f, str_skip(body, taken)), 0);
        exchange_continue(f.x);
        assert_int_equal(bench_call(b, 0)->nsent, 1);
        taken += front_body(&f, str_skip(body, taken));
        assert_int_equal(taken, body.n);
        front_end(&f);
        check_sent(b, 2, "1:'a'");
        assert_int_equal(waiter.asked, 1);
        front_close(&f, false);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
}

/* Nothing, or one message whose end is the end of the body. */
static void a_client_stream_may_end_while_it_waits(void **state)
{
    struct bench *b = begin(state, &message);
    struct fake_front f;

    for (uint32_t messages = 0; messages <= 1; messages++) {
        begin(state, &message);
        assert_true(front_open(&f, &b->host, "POST", "/collect", "transfer-encoding: chunked"));
        if (messages)
            assert_int_equal(front_body(&f, STR("{\"name\":\"a\"}")), 12);
        front_end(&f);
        assert_int_equal(waiter.asked, 1);
        assert_int_equal(b->channels[0].ncalls, 0);
        exchange_continue(f.x);
        struct fake_call *c = bench_call(b, 0);
        assert_int_equal(c->nsent, messages);
        assert_true(c->closed);
        front_close(&f, false);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
}

static void each_message_of_the_upstream_is_judged_before_it_is_shown(void **state)
{
    struct bench *b = begin(state, &head);
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    front_end(&f);
    exchange_continue(f.x);
    waiter.refuse_reply = true;
    fake_message(bench_call(b, 0), bench_wire(b, "1:'a'"));
    assert_int_equal(waiter.replies, 1);
    assert_int_equal(f.x->answer.status, 429);
    assert_int_equal(bench_call(b, 0)->cancels, 1);
    front_close(&f, true);
    assert_int_equal(waiter.overs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_body_is_not_taken_before_the_head_has_passed),
        BENCH_TEST(a_request_without_body_goes_on_by_itself),
        BENCH_TEST(what_was_waited_for_may_refuse),
        BENCH_TEST(a_client_that_leaves_ends_the_waiting),
        BENCH_TEST(the_deadline_ends_the_waiting),
        BENCH_TEST(a_message_waits_too),
        BENCH_TEST(a_client_stream_waits_with_its_first_message),
        BENCH_TEST(a_client_stream_may_end_while_it_waits),
        BENCH_TEST(each_message_of_the_upstream_is_judged_before_it_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
