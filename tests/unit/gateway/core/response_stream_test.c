#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/gateway/core/response_fixture.h"

static struct fake_call *watch(struct bench *b, struct fake_front *f, const char *headers)
{
    return call_to(b, f, "GET", "/watch/a", headers, NULL);
}

#define NDJSON "accept: application/x-ndjson"
#define SSE "accept: text/event-stream"

static void a_stream_keeps_the_upstreams_cache_control(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, SSE);
    struct header head[] = {{STR_INIT("cache-control"), STR_INIT("no-store")}};

    fake_headers(c, head, 1);
    fake_message(c, STR(""));
    assert_str(front_header(&f, "cache-control"), "no-store");
    front_close(&f, false);
}

/* ---- streams */

static void a_stream_is_framed_as_accept_says(void **state)
{
    static const struct {
        const char *accept, *type, *empty, *two;
    } cases[] = {
        {NULL, "application/json", "[]", "[{\"count\":1},{}]"},
        {NDJSON, "application/x-ndjson", "", "{\"count\":1}\n{}\n"},
        {SSE, "text/event-stream", "", "data: {\"count\":1}\n\ndata: {}\n\n"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int messages = 0; messages <= 2; messages += 2) {
            struct fake_front f;
            struct fake_call *c = watch(b, &f, cases[i].accept);
            if (messages) {
                fake_message(c, bench_wire(b, "2:1"));
                assert_true(f.x->answer.ready); /* without waiting for the second */
                assert_true(f.wakes > 0);
                fake_message(c, STR(""));
            }
            fake_end(c, TC_CODE_OK, "");
            assert_true(f.x->answer.complete);
            assert_int_equal(f.x->answer.status, 200);
            assert_str(front_header(&f, "content-type"), cases[i].type);
            assert_str(front_header(&f, "cache-control"), "no-cache");
            front_read(&f, SIZE_MAX);
            assert_str(body_of(&f), messages ? cases[i].two : cases[i].empty);
            front_close(&f, true);
            assert_int_equal(b->event.messages_out, messages);
            fake_channel_release(&b->channels[bench_cluster(b, "main")]);
        }
}

static void a_malformed_first_message_is_a_clean_status(void **state)
{
    static const char *accepts[] = {NULL, NDJSON, SSE};
    struct bench *b = *state;

    for (size_t i = 0; i < 3; i++) {
        struct fake_front f;
        struct fake_call *c = watch(b, &f, accepts[i]);
        fake_message(c, STR("\x0a\x05"
                            "a"));
        assert_int_equal(c->cancels, 1);
        check_failed(b, &f, 500, "{\"code\":13,");
        assert_int_equal(c->cancels, 1);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
}

static void a_failure_before_the_first_message_is_a_clean_status(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, SSE);

    fake_end(c, TC_CODE_NOT_FOUND, "no such model");
    check_failed(b, &f, 404, "{\"code\":5,\"message\":\"no such model\"");
}

/* Ends visibly: an element with the status, then no clean end. */
static void check_broken(struct bench *b, struct fake_front *f, const char *before,
                         const char *after)
{
    front_read(f, SIZE_MAX);
    assert_true(f->x->answer.broken);
    assert_false(f->x->answer.complete);
    assert_int_equal(f->x->answer.status, 200);
    assert_true(str_starts(body_of(f), str_c(before)));
    assert_true(str_ends(body_of(f), str_c(after)));
    assert_int_equal(exchange_read(f->x, (char[1]){0}, 1), 0);
    front_close(f, true);
    assert_int_equal(b->event.http_status, 200);
    assert_false(b->event.complete);
}

static void a_failure_behind_a_message_is_visible_in_the_body(void **state)
{
    static const struct {
        const char *accept, *before, *after;
    } cases[] = {
        {NULL, "[{\"count\":1},{\"error\":{\"code\":14,", "}}"},
        {NDJSON, "{\"count\":1}\n{\"error\":{\"code\":14,", "}}\n"},
        {SSE, "data: {\"count\":1}\n\nevent: error\ndata: {\"code\":14,", "}\n\n"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_front f;
        struct fake_call *c = watch(b, &f, cases[i].accept);
        fake_message(c, bench_wire(b, "2:1"));
        fake_end(c, TC_CODE_UNAVAILABLE, "gone");
        check_broken(b, &f, cases[i].before, cases[i].after);
        assert_int_equal(b->event.code, TC_CODE_UNAVAILABLE);
        assert_string_equal(b->error, "gone");
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
}

static void a_malformed_later_message_is_taken_back(void **state)
{
    static const char *accepts[] = {NULL, NDJSON, SSE};
    static const char *before[] = {
        "[{\"count\":1},{\"error\":{\"code\":13,",
        "{\"count\":1}\n{\"error\":{\"code\":13,",
        "data: {\"count\":1}\n\nevent: error\ndata: {\"code\":13,",
    };
    struct bench *b = *state;

    for (size_t i = 0; i < 3; i++)
        for (int read = 0; read < 2; read++) {
            struct fake_front f;
            struct fake_call *c = watch(b, &f, accepts[i]);
            fake_message(c, bench_wire(b, "2:1"));
            if (read)
                front_read(&f, SIZE_MAX);
            fake_message(c, STR("\x10\x01\x1a\x02\x0a\x09")); /* count 1, then a part cut short */
            assert_int_equal(c->cancels, 1);
            check_broken(b, &f, before[i], i == 1 ? "}}\n" : i == 2 ? "}\n\n" : "}}");
            assert_false(b->event.from_peer);
            fake_channel_release(&b->channels[bench_cluster(b, "main")]);
        }
}

static void a_message_that_is_partly_out_is_ended_before_the_error(void **state)
{
    static const char *accepts[] = {NULL, NDJSON, SSE};
    static const char *middle[] = {
        ",{\"error\":{\"code\":", "\n{\"error\":{\"code\":", "\n\nevent: error\ndata: {\"code\":"};
    struct bench *b = *state;

    for (size_t i = 0; i < 3; i++) {
        struct fake_front f;
        struct fake_call *c = watch(b, &f, accepts[i]);
        fake_message(c, long_message(b, 100000, "\x10\x01\x1a\x02\x0a\x09"));
        assert_true(f.x->answer.ready); /* the first slice was good */
        front_read(&f, SIZE_MAX);
        assert_true(f.x->answer.broken);
        assert_int_equal(c->cancels, 1);
        assert_has(body_of(&f), middle[i]);
        front_close(&f, true);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
}

static void the_end_of_the_call_waits_for_the_message_before_it(void **state)
{
    static const enum tc_code codes[] = {TC_CODE_OK, TC_CODE_DATA_LOSS};
    struct bench *b = *state;

    for (size_t i = 0; i < 2; i++) {
        struct fake_front f;
        struct fake_call *c = watch(b, &f, NDJSON);
        fake_message(c, long_message(b, 100000, ""));
        assert_false(c->waiting);
        fake_end(c, codes[i], "lost");
        assert_false(f.x->answer.complete || f.x->answer.broken);
        front_read(&f, SIZE_MAX);
        assert_int_equal(f.x->answer.complete, codes[i] == TC_CODE_OK);
        assert_int_equal(f.x->answer.broken, codes[i] != TC_CODE_OK);
        char *at = memchr(f.got.p, '\n', f.got.n);
        assert_non_null(at);
        assert_int_equal(at - f.got.p, 100000 + sizeof "{\"name\":\"\"}" - 1);
        struct str rest = str_skip(body_of(&f), (size_t)(at - f.got.p) + 1);
        if (codes[i] == TC_CODE_OK)
            assert_int_equal(rest.n, 0);
        else
            assert_has(rest, "{\"error\":{\"code\":15,\"message\":\"lost\"");
        front_close(&f, true);
        assert_int_equal(b->event.code, codes[i]);
        assert_true(b->event.from_peer);
        fake_channel_release(&b->channels[bench_cluster(b, "main")]);
    }
}

/* ---- slow readers */

static size_t waiting_bytes(const struct fake_front *f)
{
    return f->x->answer.body.n - f->x->answer.read;
}

static void a_reader_that_does_not_read_stops_the_upstream(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, NDJSON);
    uint32_t sent = 0;

    while (c->waiting && sent < 1000) {
        fake_message(c, long_message(b, 5000, ""));
        sent++;
    }
    assert_true(waiting_bytes(&f) >= b->snapshot.bounds.buffer);
    assert_true(waiting_bytes(&f) < b->snapshot.bounds.buffer + (24 << 10));
    uint32_t reads = c->reads;
    front_read(&f, waiting_bytes(&f) / 2);
    assert_int_equal(c->reads, reads);
    front_read(&f, SIZE_MAX);
    assert_int_equal(c->reads, reads + 1);
    fake_message(c, STR(""));
    fake_end(c, TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    assert_true(f.x->answer.complete);
    assert_int_equal(f.got.n, sent * (5000 + sizeof "{\"name\":\"\"}\n" - 1) + 3);
    front_close(&f, true);
}

static void one_huge_message_is_written_as_it_is_read(void **state)
{
    enum { HUGE = 3 << 20 };
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, NULL);

    fake_message(c, long_message(b, HUGE, ""));
    size_t most = 0;
    while (front_read(&f, 1 << 14)) {
        if (waiting_bytes(&f) > most)
            most = waiting_bytes(&f);
        assert_false(f.x->answer.complete);
    }
    assert_true(most < b->snapshot.bounds.buffer + (24 << 10));
    assert_true(f.x->answer.body.cap < (256u << 10));
    assert_true(c->waiting);
    fake_end(c, TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    assert_int_equal(f.got.n, HUGE + sizeof "[{\"name\":\"\"}]" - 1);
    front_close(&f, true);
}

static void a_reader_that_never_empties_the_buffer_does_not_grow_it(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, NDJSON);
    char piece[1000];

    fake_message(c, long_message(b, 2000, ""));
    for (int i = 0; i < 5000; i++) {
        fake_message(c, long_message(b, 1000 - (sizeof "{\"name\":\"\"}\n" - 1), ""));
        assert_int_equal(exchange_read(f.x, piece, sizeof piece), sizeof piece);
        arena_reset(&b->arena);
    }
    assert_true(f.x->answer.body.cap <= 256 << 10);
    assert_int_equal(f.x->bytes_out, 5000 * sizeof piece);
    front_close(&f, false);
    assert_int_equal(c->cancels, 1);
}

static void endless_streams_need_no_more_memory_than_one_message(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, NDJSON);
    /* Every slow path: fields out of order, joined messages, repeated keys, an Any. */
    struct str slow = bench_wire(b, "12:{1:'k' 2:1} 12:{1:'k' 2:2} 3:{1:'a'} 2:1 3:{2:{1:'b'}} "
                                    "1:'x' 13:{1:'t/calls.Part' 2:{2:{1:'c'} 1:'d'}} 4:'t' "
                                    "15:'l' 16:{1:'r'} 15:'m'");

    for (int i = 0; i < 4; i++) {
        fake_message(c, slow);
        front_read(&f, SIZE_MAX);
    }
    size_t used = f.x->arena.used;
    for (int i = 0; i < 20000; i++) {
        f.got.n = 0;
        fake_message(c, slow);
        front_read(&f, SIZE_MAX);
    }
    assert_str(body_of(&f), "{\"name\":\"x\",\"count\":1,\"part\":{\"name\":\"a\",\"part\":{"
                            "\"name\":\"b\"}},\"tags\":[\"t\"],\"scores\":{\"k\":2},\"any\":{"
                            "\"@type\":\"t/calls.Part\",\"name\":\"d\",\"part\":{\"name\":\"c\"}},"
                            "\"left\":\"m\"}\n");
    assert_int_equal(f.x->arena.used, used);
    front_close(&f, false);
}

/* ---- keep-alive */

static void silence_on_sse_is_filled_with_comments(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, SSE);

    bench_run(b, 50);
    assert_int_equal(f.wakes, 0); /* the head has not left */
    fake_message(c, STR(""));
    front_read(&f, SIZE_MAX);
    f.got.n = 0;
    bench_run(b, 30);
    front_read(&f, SIZE_MAX);
    assert_str(body_of(&f), ":\n\n");
    bench_run(b, 100);
    front_read(&f, SIZE_MAX);
    assert_str(body_of(&f), ":\n\n:\n\n"); /* not one upon another */
    fake_end(c, TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    assert_true(f.x->answer.complete);
    assert_int_equal(b->timers.running, 0);
    front_close(&f, true);
}

static void other_framings_stay_silent(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, NDJSON);

    fake_message(c, STR(""));
    front_read(&f, SIZE_MAX);
    bench_run(b, 50);
    assert_int_equal(front_read(&f, SIZE_MAX), 0);
    front_close(&f, false);
}

static void no_comment_stands_inside_a_message(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct fake_call *c = watch(b, &f, SSE);

    fake_message(c, STR(""));
    front_read(&f, SIZE_MAX);
    fake_message(c, long_message(b, 100000, ""));
    front_read(&f, waiting_bytes(&f)); /* drained, with more to be written */
    assert_int_equal(waiting_bytes(&f), 0);
    assert_true(f.x->decoding);
    bench_run(b, 50);
    front_read(&f, SIZE_MAX);
    assert_int_equal(f.got.n, sizeof "data: {}\n\ndata: {\"name\":\"\"}\n\n" - 1 + 100000);
    front_close(&f, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_stream_keeps_the_upstreams_cache_control),
        BENCH_TEST(a_stream_is_framed_as_accept_says),
        BENCH_TEST(a_malformed_first_message_is_a_clean_status),
        BENCH_TEST(a_failure_before_the_first_message_is_a_clean_status),
        BENCH_TEST(a_failure_behind_a_message_is_visible_in_the_body),
        BENCH_TEST(a_malformed_later_message_is_taken_back),
        BENCH_TEST(a_message_that_is_partly_out_is_ended_before_the_error),
        BENCH_TEST(the_end_of_the_call_waits_for_the_message_before_it),
        BENCH_TEST(a_reader_that_does_not_read_stops_the_upstream),
        BENCH_TEST(one_huge_message_is_written_as_it_is_read),
        BENCH_TEST(a_reader_that_never_empties_the_buffer_does_not_grow_it),
        BENCH_TEST(endless_streams_need_no_more_memory_than_one_message),
        BENCH_TEST(silence_on_sse_is_filled_with_comments),
        BENCH_TEST(other_framings_stay_silent),
        BENCH_TEST(no_comment_stands_inside_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
