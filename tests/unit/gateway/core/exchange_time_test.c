/* What the record says about time: own is what the worker spent, whoever came into the exchange,
 * and nothing that it waited; measured here from the outside of every call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "tests/unit/support/bench_setup.h"

enum { TAGS = 60000, WAIT_MS = 20 };

/* Nanoseconds spent in all calls that SPEND has made. */
static uint64_t spent;

#define SPEND(call)                   \
    do {                              \
        uint64_t from_ = clock_now(); \
        call;                         \
        spent += clock_now() - from_; \
    } while (0)

static struct str repeated(struct bench *b, const char *unit, uint32_t n, const char *before,
                           const char *after)
{
    struct str u = str_c(unit), head = str_c(before), tail = str_c(after);
    char *p = arena_alloc(&b->arena, head.n + u.n * n + tail.n), *at = p;
    assert_non_null(p);
    memcpy(at, head.p, head.n);
    at += head.n;
    for (uint32_t i = 0; i < n; i++, at += u.n)
        memcpy(at, u.p, u.n);
    memcpy(at, tail.p, tail.n);
    return str_of(p, head.n + u.n * n + tail.n);
}

/* A message that takes long as JSON, and the same as protobuf. */
static struct str long_json(struct bench *b)
{
    return repeated(b, "\"tag\",", TAGS, "{\"tags\":[", "\"last\"]}");
}

static struct str long_wire(struct bench *b)
{
    return repeated(b, "\x22\x03tag", TAGS, "", "");
}

/* The events around the calls measured cost next to nothing here; a preempted test sees more time
 * outside than inside, never less. */
static void assert_own_is_what_was_spent(const struct bench *b)
{
    const struct event *e = &b->event;
    assert_in_range(e->own_ns, spent / 2, spent);
    assert_true(e->own_ns <= e->total_ns);
}

static void open_one(struct bench *b, struct fake_front *f, const char *method, const char *target)
{
    spent = 0;
    SPEND(assert_true(front_open(f, &b->host, method, target, "transfer-encoding: chunked")));
}

static void encoding_while_the_body_arrives_counts_and_the_pauses_do_not(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct str body = long_json(b);

    open_one(b, &f, "POST", "/unary");
    for (size_t at = 0; at < body.n; at += body.n / 4 + 1) {
        struct str piece = str_skip(body, at);
        SPEND(front_body(&f, str_of(piece.p, piece.n < body.n / 4 + 1 ? piece.n : body.n / 4 + 1)));
        bench_run(b, WAIT_MS);
    }
    SPEND(front_end(&f));
    bench_run(b, WAIT_MS);
    SPEND(fake_message(bench_call(b, 0), STR("")));
    SPEND(fake_end(bench_call(b, 0), TC_CODE_OK, ""));
    bench_run(b, WAIT_MS); /* the client takes its time */
    front_close(&f, true);
    assert_own_is_what_was_spent(b);
    assert_in_range(b->event.upstream_ns, WAIT_MS * 900000, b->event.total_ns);
    assert_true(b->event.total_ns >= b->event.own_ns + 6 * WAIT_MS * UINT64_C(900000));
}

/* A long answer is written over many turns of the loop. */
static void decoding_counts_in_every_turn_of_the_loop(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct str answer = repeated(b, "\x22\x03tag", 8 * TAGS, "", "");

    open_one(b, &f, "GET", "/unary/a");
    SPEND(front_end(&f));
    SPEND(fake_message(bench_call(b, 0), answer));
    SPEND(fake_end(bench_call(b, 0), TC_CODE_OK, ""));
    uint32_t turns = 0;
    for (; !f.x->answer.ready; turns++)
        SPEND(exchange_run_soon(&b->host));
    assert_true(turns > 1);
    front_close(&f, true);
    assert_own_is_what_was_spent(b);
}

static void a_stream_counts_its_messages_and_not_the_time_between(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct str message = long_wire(b);

    open_one(b, &f, "GET", "/watch/a");
    SPEND(front_end(&f));
    for (int i = 0; i < 4; i++) {
        bench_run(b, WAIT_MS);
        SPEND(fake_message(bench_call(b, 0), message));
        SPEND(front_read(&f, SIZE_MAX));
    }
    SPEND(fake_end(bench_call(b, 0), TC_CODE_OK, ""));
    SPEND(front_read(&f, SIZE_MAX));
    assert_true(f.x->answer.complete);
    front_close(&f, true);
    /* What the fake front does with the bytes is in `spent` too: hence a third. */
    assert_in_range(b->event.own_ns, spent / 3, spent);
    assert_in_range(b->event.upstream_ns, 4 * WAIT_MS * 900000, b->event.total_ns);
    assert_true(b->event.total_ns >= b->event.own_ns + 4 * WAIT_MS * UINT64_C(900000));
}

static void what_a_refusal_cost_is_told(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct str body = long_json(b);

    open_one(b, &f, "POST", "/unary");
    SPEND(front_body(&f, str_of(body.p, body.n - 1)));
    SPEND(front_end(&f)); /* the last brace is missing */
    assert_int_equal(f.x->answer.status, 400);
    bench_run(b, WAIT_MS);
    front_close(&f, true);
    assert_own_is_what_was_spent(b);
    assert_int_equal(b->event.upstream_ns, 0);
}

/* The front finds fault with the head before it hands the exchange over: the time from exchange_new
 * on counts, what the client takes to read the answer does not. */
static void a_refusal_of_the_front_counts_from_the_beginning_to_its_answer(void **state)
{
    struct bench *b = *state;
    struct fake_front f = {0};

    f.x = exchange_new(&b->host, &(struct front_ops){NULL}, &f);
    uint64_t until = clock_now() + 2000000;
    while (clock_now() < until)
        ;             /* the front looks at the head */
    f.x->gone = true; /* not to be woken */
    exchange_fail(f.x, TC_CODE_INVALID_ARGUMENT, 431, "too many headers");
    f.x->gone = false;
    uint64_t answered = clock_now() - f.x->began;
    bench_run(b, WAIT_MS);
    front_close(&f, true);
    assert_in_range(b->event.own_ns, 2000000, answered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(encoding_while_the_body_arrives_counts_and_the_pauses_do_not),
        BENCH_TEST(decoding_counts_in_every_turn_of_the_loop),
        BENCH_TEST(a_stream_counts_its_messages_and_not_the_time_between),
        BENCH_TEST(what_a_refusal_cost_is_told),
        BENCH_TEST(a_refusal_of_the_front_counts_from_the_beginning_to_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
