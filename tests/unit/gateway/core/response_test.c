#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/gateway/core/response_fixture.h"

static struct fake_call *unary(struct bench *b, struct fake_front *f)
{
    return call_to(b, f, "GET", "/unary/a", NULL, NULL);
}

/* ---- one message */

static void the_one_message_becomes_the_whole_body(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = unary(b, &f);
    struct header head[] = {{STR_INIT("x-model"), STR_INIT("tiny")}};
    struct header tail[] = {{STR_INIT("x-cost"), STR_INIT("3")}};

    fake_headers(c, head, 1);
    fake_message(c, bench_wire(b, "1:'a' 2:7"));
    assert_false(f.x->answer.ready); /* a status may still follow */
    assert_int_equal(f.wakes, 0);
    fake_end_with(c, &(struct call_end){.trailers = tail, .ntrailers = 1, .from_peer = true});
    assert_true(f.x->answer.complete);
    assert_int_equal(f.x->answer.status, 200);
    assert_true(f.wakes > 0);
    assert_str(front_header(&f, "content-type"), "application/json");
    assert_str(front_header(&f, "x-model"), "tiny");
    assert_str(front_header(&f, "x-cost"), "3");
    front_read(&f, SIZE_MAX);
    assert_str(body_of(&f), "{\"name\":\"a\",\"count\":7}");
    front_close(&f, true);
    assert_int_equal(c->cancels, 0);
    assert_int_equal(b->event.http_status, 200);
    assert_true(b->event.from_peer);
    assert_int_equal(b->event.messages_in, 1);
    assert_int_equal(b->event.messages_out, 1);
}

static void every_code_has_its_status_before_a_message_and_behind_one(void **state)
{
    struct bench *b = *state;

    for (int code = 1; code < TC_CODE_COUNT; code++)
        for (int messages = 0; messages < 2; messages++) {
            struct fake_front f;
            unary(b, &f);
            struct fake_call *c = bench_call(b, 0);
            if (messages)
                fake_message(c, bench_wire(b, "1:'a'"));
            fake_end(c, (enum tc_code)code, "it \"broke\"");
            char expected[64];
            snprintf(expected, sizeof expected, "{\"code\":%d,\"message\":\"it \\\"broke\\\"\"",
                     code);
            check_failed(b, &f, (uint16_t)tc_code_to_http((enum tc_code)code), expected);
            assert_int_equal(b->event.code, code);
            assert_true(b->event.from_peer);
            assert_string_equal(b->error, "it \"broke\"");
            fake_channel_release(&b->channels[bench_cluster(b, "main")]);
        }
}

static void trailers_of_a_failure_become_headers(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = unary(b, &f);
    struct header tail[] = {{STR_INIT("x-why"), STR_INIT("because")}};

    fake_end_with(c, &(struct call_end){.code = TC_CODE_ABORTED,
                                        .message = STR("no"),
                                        .trailers = tail,
                                        .ntrailers = 1,
                                        .from_peer = true});
    assert_str(front_header(&f, "x-why"), "because");
    check_failed(b, &f, 409, "\"code\":10");
}

static void no_message_where_one_is_due_is_an_error(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = unary(b, &f);

    fake_end(c, TC_CODE_OK, "");
    check_failed(b, &f, 501, "no message");
    assert_int_equal(b->event.code, TC_CODE_UNIMPLEMENTED);
    assert_false(b->event.from_peer); /* that code is ours */
}

static void two_messages_where_one_is_due_are_an_error(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = unary(b, &f);

    fake_message(c, bench_wire(b, "1:'a'"));
    assert_true(c->waiting); /* it looks for a second one */
    fake_message(c, bench_wire(b, "1:'b'"));
    assert_int_equal(c->cancels, 1);
    check_failed(b, &f, 500, "more than one message");
    assert_int_equal(c->cancels, 1);
    assert_int_equal(b->event.code, TC_CODE_INTERNAL);
}

static void malformed_bytes_are_an_internal_error(void **state)
{
    static const struct str bad[] = {STR_INIT("\x0a"),
                                     STR_INIT("\x0a\x05"
                                              "a"),
                                     STR_INIT("\xff"), STR_INIT("\x0a\x01\xff"),
                                     STR_INIT("\x1a\x02\x0a\x09")};
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fake_front f;
        struct fake_call *c = unary(b, &f);
        fake_message(c, bad[i]);
        fake_end(c, TC_CODE_OK, "");
        check_failed(b, &f, 500, "cannot be shown as JSON");
        assert_int_equal(b->event.code, TC_CODE_INTERNAL);
        assert_false(b->event.from_peer);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
}

static void an_answer_that_needs_too_much_memory_is_refused(void **state)
{
    struct bench *b = *state;
    uint32_t refused = 0, shown = 0;

    for (size_t room = 0; room < 4000; room += 16) {
        struct fake_front f;
        struct fake_call *c = unary(b, &f);
        size_t before = f.x->arena.max;
        fake_message(c, bench_wire(b, "2:1 1:'out of order'"));
        f.x->arena.max = f.x->arena.used + room;
        fake_end(c, TC_CODE_OK, "");
        assert_true(f.x->answer.complete);
        f.x->arena.max = before;
        bool ok = f.x->answer.status == 200;
        front_close(&f, true);
        refused += !ok;
        shown += ok;
        assert_true(ok || b->event.code == TC_CODE_RESOURCE_EXHAUSTED ||
                    b->event.code == TC_CODE_UNAVAILABLE);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
    assert_true(refused > 0 && shown > 0);
}

static void response_body_is_one_field_of_the_message(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = call_to(b, &f, "PUT", "/unary/n", "content-length: 12",
                                  "{\"name\":\"p\"}");

    assert_true(str_eq(fake_sent(c, 0), bench_wire(b, "1:'n' 3:{1:'p'}")));
    fake_message(c, bench_wire(b, "1:'n' 3:{1:'q'}"));
    fake_end(c, TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    assert_str(body_of(&f), "{\"name\":\"q\"}");
    front_close(&f, true);
}

/* ---- metadata */

static void the_request_id_is_answered_once(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = call_to(b, &f, "GET", "/unary/a", "x-request-id: mine", NULL);
    struct header head[] = {{STR_INIT("x-request-id"), STR_INIT("theirs")},
                            {STR_INIT("x-a"), STR_INIT("1")}};

    fake_headers(c, head, 2);
    fake_message(c, STR(""));
    fake_end_with(c, &(struct call_end){.trailers = head, .ntrailers = 1});
    assert_str(front_header(&f, "x-request-id"), "mine");
    assert_str(front_header(&f, "x-a"), "1");
    front_close(&f, true);
    assert_string_equal(b->request_id, "mine");
}

/* ---- large answers in turns */

static void a_large_answer_takes_several_turns(void **state)
{
    enum { HUGE = 2 << 20 };
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = unary(b, &f);
    int turns = 0;

    fake_message(c, long_message(b, HUGE, ""));
    fake_end(c, TC_CODE_OK, "");
    assert_false(f.x->answer.ready);
    while (!f.x->answer.ready && turns++ < 100) {
        assert_int_equal(b->loop_wakes, turns);
        exchange_run_soon(&b->host);
    }
    assert_in_range(turns, 4, 20);
    assert_true(f.wakes > 0);
    front_read(&f, SIZE_MAX);
    assert_int_equal(f.got.n, HUGE + sizeof "{\"name\":\"\"}" - 1);
    front_close(&f, true);
}

static void exchanges_may_be_freed_between_turns(void **state)
{
    enum { N = 3 };
    struct bench *b = *state;

    for (int which = 0; which < 8; which++) { /* every subset of three */
        struct fake_front f[N];
        for (uint32_t i = 0; i < N; i++) {
            assert_true(front_open(&f[i], &b->host, "GET", "/unary/a", NULL));
            front_end(&f[i]);
            fake_message(bench_call(b, i), long_message(b, 1 << 20, ""));
            fake_end(bench_call(b, i), TC_CODE_OK, "");
        }
        uint32_t ended = b->ended;
        for (int i = 0; i < N; i++)
            if (which & 1 << i)
                front_close(&f[i], false);
        assert_int_equal(b->ended, ended + (uint32_t)__builtin_popcount((unsigned)which));
        exchange_run_soon(&b->host);
        struct fake_front fresh; /* a recycled one is clean */
        assert_true(front_open(&fresh, &b->host, "GET", "/nowhere", NULL));
        assert_false(fresh.x->gone || fresh.x->listed_soon);
        front_close(&fresh, true);
        for (int turn = 0; turn < 20; turn++)
            exchange_run_soon(&b->host);
        for (int i = 0; i < N; i++) {
            if (f[i].x)
                assert_true(f[i].x->answer.complete);
            front_close(&f[i], true);
        }
        assert_int_equal(b->host.active, 0);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
        arena_reset(&b->arena);
    }
}

/* Name and count by turns: none is in order, and the last ones count. Ends with `tail`. */
static struct str long_disorder(struct bench *b, struct str tail)
{
    enum { PAIRS = 100000, PAIR = 5 };
    char *p = arena_alloc(&b->arena, PAIRS * PAIR + tail.n);
    assert_non_null(p);
    for (size_t i = 0; i < PAIRS; i++)
        memcpy(p + i * PAIR, "\x10\x07\x0a\x01n", PAIR);
    memcpy(p + PAIRS * PAIR, tail.p, tail.n);
    return str_of(p, PAIRS * PAIR + tail.n);
}

/* Others are served between the turns that one message takes; its client hears nothing until then,
 * or that it was bad, as if it had taken one. */
static void a_message_that_takes_long_is_written_over_many_turns(void **state)
{
    static const struct {
        const char *target, *accept;
        struct str tail;
        uint16_t status;
        const char *body;
    } cases[] = {
        {"/unary/a", NULL, STR_INIT(""), 200, "{\"name\":\"n\",\"count\":7}"},
        {"/watch/a", "accept: application/x-ndjson", STR_INIT(""), 200,
         "{\"name\":\"n\",\"count\":7}\n"},
        {"/unary/a", NULL, STR_INIT("\x0a"), 500, NULL},
        {"/watch/a", "accept: application/x-ndjson", STR_INIT("\x0a"), 500, NULL},
    };
    struct bench *b = *state;

    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_front f;
        assert_true(front_open(&f, &b->host, "GET", cases[i].target, cases[i].accept));
        front_end(&f);
        fake_message(bench_call(b, i), long_disorder(b, cases[i].tail));
        if (i % 2 == 0)
            fake_end(bench_call(b, i), TC_CODE_OK, "");
        uint32_t turns = 0;
        for (; !f.x->answer.ready && turns < 100; turns++) {
            assert_int_equal(f.x->answer.body.n, 0);
            exchange_run_soon(&b->host);
        }
        assert_in_range(turns, 2, 99);
        assert_true(f.wakes > 0);
        assert_int_equal(f.x->answer.status, cases[i].status);
        front_read(&f, SIZE_MAX);
        if (cases[i].body)
            assert_str(buf_str(&f.got), cases[i].body);
        else
            assert_has(buf_str(&f.got), "malformed");
        front_close(&f, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(the_one_message_becomes_the_whole_body),
        BENCH_TEST(every_code_has_its_status_before_a_message_and_behind_one),
        BENCH_TEST(trailers_of_a_failure_become_headers),
        BENCH_TEST(no_message_where_one_is_due_is_an_error),
        BENCH_TEST(two_messages_where_one_is_due_are_an_error),
        BENCH_TEST(malformed_bytes_are_an_internal_error),
        BENCH_TEST(an_answer_that_needs_too_much_memory_is_refused),
        BENCH_TEST(response_body_is_one_field_of_the_message),
        BENCH_TEST(the_request_id_is_answered_once),
        BENCH_TEST(a_large_answer_takes_several_turns),
        BENCH_TEST(exchanges_may_be_freed_between_turns),
        BENCH_TEST(a_message_that_takes_long_is_written_over_many_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
