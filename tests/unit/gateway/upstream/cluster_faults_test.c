/* A peer that answers wrongly, case by case: each must give one well-formed end, and must not hurt
 * other calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/upstream_bench.h"

#define HEAD ":status: 200\ncontent-type: application/grpc\n"

struct fault {
    const char *name;
    void (*script)(struct h2_stream *);
    enum tc_code code;
    const char *text; /* part of the message */
    bool from_peer;
    uint32_t messages;
    bool kills; /* the connection goes with it */
};

/* ---- scripts ---- */

static void reset_with(struct h2_stream *s, uint32_t code, bool head)
{
    if (head)
        h2_head(s, HEAD, false);
    h2_reset(s, code);
}

static void reset_internal(struct h2_stream *s)
{
    reset_with(s, 2, false);
}

static void reset_cancel(struct h2_stream *s)
{
    reset_with(s, 8, false);
}

static void reset_refused_after_head(struct h2_stream *s)
{
    reset_with(s, 7, true);
}

static void reset_calm(struct h2_stream *s)
{
    reset_with(s, 11, false);
}

static void reset_inadequate(struct h2_stream *s)
{
    reset_with(s, 12, true);
}

static void reset_after_all_data(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_message(s, "x", 1);
    h2_reset(s, 0);
}

static void trailers_only_ok(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 0\n", true);
}

static void trailers_only_error(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 9\ngrpc-message: not%20now\n", true);
}

static void no_status(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_message(s, "x", 1);
    h2_trailers(s, "x-other: 1\n");
}

static void ends_with_data(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_message(s, "x", 1);
    h2_data(s, NULL, 0, true);
}

static void status_abc(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: abc\n", true);
}

static void status_99(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 99\n", true);
}

static void message_broken(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 3\ngrpc-message: half%2 %zz %C3%A4\n", true);
}

static void http_503(struct h2_stream *s)
{
    h2_head(s, ":status: 503\ncontent-type: text/html\n", false);
    h2_data(s, "<html>", 6, true);
}

static void http_404_alone(struct h2_stream *s)
{
    h2_head(s, ":status: 404\n", true);
}

static void http_200_html(struct h2_stream *s)
{
    h2_head(s, ":status: 200\ncontent-type: text/html\n", false);
    h2_data(s, "<html>", 6, true);
}

static void http_500_with_status(struct h2_stream *s)
{
    h2_head(s, ":status: 500\ncontent-type: application/grpc\ngrpc-status: 7\n", true);
}

static void informational_first(struct h2_stream *s)
{
    h2_head(s, ":status: 103\nlink: x\n", false);
    upstream_bench_echo(s);
}

static void prefix_above_limit(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_data(s, "\0\xff\xff\xff\xffzzz", 8, false);
}

static void compressed(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_data(s, "\1\0\0\0\1z", 6, false);
    h2_trailers(s, "grpc-status: 0\n");
}

static void no_message_at_all(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_data(s, "HTTP is not gRPC", 16, false);
}

static void half_message(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_data(s, "\0\0\0\0\7abc", 8, false);
    h2_trailers(s, "grpc-status: 0\n");
}

static void half_message_with_error(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_data(s, "\0\0\0\0\7abc", 8, false);
    h2_trailers(s, "grpc-status: 8\n");
}

static void too_many_headers(struct h2_stream *s)
{
    char text[101 * 8 + sizeof HEAD] = HEAD;
    size_t n = sizeof HEAD - 1;

    for (int i = 0; i < 101; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "h%03d: %d\n", i, i % 10);
    h2_head(s, text, false);
}

static void too_large_header(struct h2_stream *s)
{
    static char text[sizeof HEAD + 20000];
    size_t n = (size_t)snprintf(text, sizeof text, HEAD "x-big: ");

    memset(text + n, 'a', 17000);
    memcpy(text + n + 17000, "\n", 2);
    h2_head(s, text, false);
}

/* One 4000-byte entry goes into the table (0x40), then each byte 0xbe refers to it. */
static void header_bomb(struct h2_stream *s)
{
    struct buf block;

    buf_init(&block, 1 << 20);
    buf_add(&block, STR("\x88\x40\x01y\x7f\xa1\x1e"));
    for (int i = 0; i < 4000; i++)
        buf_add_char(&block, 'v');
    for (int i = 0; i < 10000; i++)
        buf_add_char(&block, (char)0xbe);
    h2_frame(s->connection, H2_HEADERS, H2_END_HEADERS, s->id, block.p, block.n);
    buf_release(&block);
}

static void unknown_frame(struct h2_stream *s)
{
    h2_frame(s->connection, 0xee, 0, 0, "whatever", 8);
    h2_frame(s->connection, 0xee, 0, s->id, "whatever", 8);
    upstream_bench_echo(s);
}

static void frame_too_large(struct h2_stream *s)
{
    static const char body[20000];

    h2_head(s, HEAD, false);
    h2_frame(s->connection, H2_DATA, 0, s->id, body, sizeof body);
}

static void push_promise(struct h2_stream *s)
{
    h2_frame(s->connection, H2_PUSH_PROMISE, H2_END_HEADERS, s->id, "\0\0\0\2\x82", 5);
}

static void continuation_flood(struct h2_stream *s)
{
    h2_frame(s->connection, H2_HEADERS, 0, s->id, "\x88", 1);
    for (int i = 0; i < 30; i++)
        h2_frame(s->connection, H2_CONTINUATION, 0, s->id, "\0\1a\1b", 5);
}

static void ping_flood(struct h2_stream *s)
{
    for (int i = 0; i < 1000; i++)
        h2_frame(s->connection, H2_PING, 0, 0, "12345678", 8);
}

static void settings_flood(struct h2_stream *s)
{
    uint32_t pairs[2 * 40];

    for (int i = 0; i < 40; i++) {
        pairs[2 * i] = 4;
        pairs[2 * i + 1] = 65535;
    }
    h2_settings(s->connection, pairs, 40);
}

static void window_overrun(struct h2_stream *s)
{
    static const char body[16000];

    h2_head(s, HEAD, false);
    h2_frame(s->connection, H2_DATA, 0, s->id, "\0\0\2\0\0", 5);
    for (int i = 0; i < 60; i++)
        h2_frame(s->connection, H2_DATA, 0, s->id, body, sizeof body);
}

static void connection_lost(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_message(s, "x", 1);
    h2_hang_up(s->connection);
}

static void garbage(struct h2_stream *s)
{
    h2_bytes(s->connection, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
}

static const struct fault faults[] = {
    {"RST INTERNAL_ERROR", reset_internal, TC_CODE_INTERNAL, "INTERNAL_ERROR", false, 0, false},
    {"RST CANCEL", reset_cancel, TC_CODE_CANCELLED, "CANCEL", false, 0, false},
    {"RST REFUSED after the head", reset_refused_after_head, TC_CODE_UNAVAILABLE, "REFUSED", false,
     0, false},
    {"RST ENHANCE_YOUR_CALM", reset_calm, TC_CODE_RESOURCE_EXHAUSTED, "CALM", false, 0, false},
    {"RST INADEQUATE_SECURITY", reset_inadequate, TC_CODE_PERMISSION_DENIED, "SECURITY", false, 0,
     false},
    {"RST after all data", reset_after_all_data, TC_CODE_INTERNAL, "NO_ERROR", false, 1, false},
    {"trailers only, OK", trailers_only_ok, TC_CODE_OK, "", true, 0, false},
    {"trailers only, error", trailers_only_error, TC_CODE_FAILED_PRECONDITION, "not now", true, 0,
     false},
    {"trailers without grpc-status", no_status, TC_CODE_UNKNOWN, "without a gRPC status", false, 1,
     false},
    {"END_STREAM on DATA", ends_with_data, TC_CODE_UNKNOWN, "without a gRPC status", false, 1,
     false},
    {"grpc-status abc", status_abc, TC_CODE_UNKNOWN, "", true, 0, false},
    {"grpc-status 99", status_99, TC_CODE_UNKNOWN, "", true, 0, false},
    {"grpc-message with bad escapes", message_broken, TC_CODE_INVALID_ARGUMENT,
     "half%2 %zz \xc3\xa4", true, 0, false},
    {"HTTP 503", http_503, TC_CODE_UNAVAILABLE, "HTTP 503", false, 0, false},
    {"HTTP 404", http_404_alone, TC_CODE_UNIMPLEMENTED, "HTTP 404", false, 0, false},
    {"HTTP 200 that is no gRPC", http_200_html, TC_CODE_UNKNOWN, "text/html", false, 0, false},
    {"HTTP 500 with grpc-status", http_500_with_status, TC_CODE_PERMISSION_DENIED, "", true, 0,
     false},
    {"1xx first", informational_first, TC_CODE_OK, "", true, 1, false},
    {"length prefix above the ceiling", prefix_above_limit, TC_CODE_RESOURCE_EXHAUSTED,
     "size limit", false, 0, false},
    {"compressed message", compressed, TC_CODE_INTERNAL, "compressed", false, 0, false},
    {"bytes that are no message", no_message_at_all, TC_CODE_INTERNAL, "no gRPC message", false, 0,
     false},
    {"half a message", half_message, TC_CODE_INTERNAL, "middle of a message", false, 0, false},
    {"half a message and an error", half_message_with_error, TC_CODE_RESOURCE_EXHAUSTED, "", true,
     0, false},
    {"101 headers", too_many_headers, TC_CODE_RESOURCE_EXHAUSTED, "size limit", false, 0, false},
    {"a header of 17 kB", too_large_header, TC_CODE_RESOURCE_EXHAUSTED, "size limit", false, 0,
     false},
    {"HPACK bomb", header_bomb, TC_CODE_RESOURCE_EXHAUSTED, "size limit", false, 0, false},
    {"unknown frames", unknown_frame, TC_CODE_OK, "", true, 1, false},
    {"frame too large", frame_too_large, TC_CODE_UNAVAILABLE, "FRAME_SIZE", false, 0, true},
    {"PUSH_PROMISE", push_promise, TC_CODE_UNAVAILABLE, "PROTOCOL_ERROR", false, 0, true},
    {"CONTINUATION flood", continuation_flood, TC_CODE_UNAVAILABLE, "broke the HTTP/2", false, 0,
     true},
    {"PING flood", ping_flood, TC_CODE_UNAVAILABLE, "flood", false, 0, true},
    {"SETTINGS with 40 entries", settings_flood, TC_CODE_UNAVAILABLE, "", false, 0, true},
    {"connection lost after a message", connection_lost, TC_CODE_UNAVAILABLE, "closed by the peer",
     false, 1, true},
    {"HTTP/1.1 in the middle", garbage, TC_CODE_UNAVAILABLE, "", false, 0, true},
};

/* The first call gets the fault; those after it are answered. */
static void fault_once(struct h2_stream *s)
{
    const struct fault *fault = s->connection->server->ctx;

    if (s->connection->server->requests == 1)
        fault->script(s);
    else
        upstream_bench_echo(s);
}

static void check(const struct fault *f, size_t piece)
{
    struct upstream_bench b = {0};
    struct probe_options hello = {.method = "Echo", .body = "hello", .n = 5};

    upstream_bench_open(&b, 1, fault_once);
    b.servers[0].ctx = (void *)(uintptr_t)f;
    b.servers[0].piece = piece;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &hello);
    if (p.code != f->code || !strstr(p.text, f->text) || p.from_peer != f->from_peer ||
        p.messages != f->messages)
        fail_msg("%s: code %d, \"%s\", from_peer %d, %u messages", f->name, p.code, p.text,
                 p.from_peer, p.messages);
    assert_false(p.unstarted);
    struct probe after = upstream_bench_call(&b, &hello);
    if (after.code != TC_CODE_OK || after.messages != 1)
        fail_msg("%s: the next call ended with %d, \"%s\"", f->name, after.code, after.text);
    assert_int_equal(b.servers[0].accepted, f->kills ? 2 : 1);
    probe_release(&p);
    probe_release(&after);
    upstream_bench_close(&b);
}

static void every_fault_is_one_well_formed_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        check(&faults[i], 0);
}

static void and_so_when_it_comes_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (faults[i].script != ping_flood)
            check(&faults[i], 7);
    }
}

static void what_nobody_reads_cannot_grow_past_the_window(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe p = {.manual = true};
    upstream_bench_open(&b, 1, window_overrun);
    upstream_bench_connect(&b);
    probe_start(&p, b.channel, &(struct probe_options){.method = "Echo"});
    assert_true(run_until(&b.loop, &p.ended, 1000));
    assert_int_equal(p.code, TC_CODE_INTERNAL);
    assert_non_null(strstr(p.text, "FLOW_CONTROL"));
    probe_release(&p);
    upstream_bench_close(&b);
}

static void reset_all(struct h2_stream *s)
{
    h2_reset(s, 2);
}

static void an_endpoint_that_resets_everything_is_left_alone(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    struct probe_options hello = {.method = "Echo", .body = "hello", .n = 5};
    upstream_bench_open(&b, 1, reset_all);
    upstream_bench_connect(&b);
    for (int i = 0; i < 220; i++) {
        struct probe p = upstream_bench_call(&b, &hello);
        assert_int_not_equal(p.code, TC_CODE_OK);
        probe_release(&p);
    }
    assert_in_range(b.servers[0].requests, 190, 210);
    struct probe p = upstream_bench_call(&b, &hello);
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    assert_non_null(strstr(p.text, "out of use"));
    assert_true(p.unstarted);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void closed_window(struct h2_connection *c)
{
    uint32_t pair[] = {4, 0};
    h2_settings(c, pair, 1);
}

static void a_window_that_never_opens_ends_with_the_deadline(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].on_open = closed_window;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(
        &b, &(struct probe_options){.method = "Echo", .body = "x", .n = 1, .timeout_ms = 80});
    assert_int_equal(p.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_int_equal(b.servers[0].data_bytes, 0);
    assert_false(p.unstarted);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void shrink_window(struct h2_stream *s)
{
    uint32_t pair[] = {4, 10};
    h2_settings(s->connection, pair, 1);
}

static void a_window_may_shrink_below_what_is_on_its_way(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    char body[70000] = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].on_headers = shrink_window;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(
        &b, &(struct probe_options){.method = "Echo", .body = body, .n = sizeof body});
    assert_int_equal(p.code, TC_CODE_OK);
    assert_int_equal(p.bytes, sizeof body);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void no_streams(struct h2_connection *c)
{
    uint32_t pair[] = {3, 0};
    h2_settings(c, pair, 1);
}

static void a_peer_that_allows_no_stream_ends_with_the_deadline(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].on_open = no_streams;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(
        &b, &(struct probe_options){.method = "Echo", .timeout_ms = 80});
    assert_int_equal(p.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_int_equal(b.servers[0].requests, 0);
    assert_true(p.unstarted);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void status_details(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 5\ngrpc-status-details-bin: CAUSAm5v\n", true);
}

static void details_are_decoded(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, status_details);
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &(struct probe_options){.method = "Echo"});
    assert_int_equal(p.code, TC_CODE_NOT_FOUND);
    assert_int_equal(p.ndetails, 6);
    assert_memory_equal(p.details, "\x08\x05\x12\x02no", 6);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void refuse_all(struct h2_stream *s)
{
    h2_reset(s, 7);
}

static void a_call_that_is_refused_each_time_surely_has_not_begun(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, refuse_all);
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &(struct probe_options){.method = "Echo"});
    assert_int_equal(p.code, TC_CODE_UNAVAILABLE);
    assert_true(b.servers[0].requests > 1);
    assert_true(p.unstarted);
    probe_release(&p);
    upstream_bench_close(&b);
}

static void early_end(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 16\n", true);
}

static void an_answer_before_the_request_is_complete_ends_the_call(void **state)
{
    (void)state;
    struct upstream_bench b = {0};
    upstream_bench_open(&b, 1, NULL);
    b.servers[0].on_headers = early_end;
    upstream_bench_connect(&b);
    struct probe p = upstream_bench_call(&b, &(struct probe_options){.method = "Up", .open = true});
    assert_int_equal(p.code, TC_CODE_UNAUTHENTICATED);
    run_for(&b.loop, 10);
    assert_int_equal(b.servers[0].resets, 1);
    assert_int_equal(upstream_bench_stats(&b).calls, 0);
    probe_release(&p);
    upstream_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_one_well_formed_end),
        cmocka_unit_test(and_so_when_it_comes_in_pieces),
        cmocka_unit_test(what_nobody_reads_cannot_grow_past_the_window),
        cmocka_unit_test(an_endpoint_that_resets_everything_is_left_alone),
        cmocka_unit_test(a_window_that_never_opens_ends_with_the_deadline),
        cmocka_unit_test(a_window_may_shrink_below_what_is_on_its_way),
        cmocka_unit_test(a_peer_that_allows_no_stream_ends_with_the_deadline),
        cmocka_unit_test(details_are_decoded),
        cmocka_unit_test(a_call_that_is_refused_each_time_surely_has_not_begun),
        cmocka_unit_test(an_answer_before_the_request_is_complete_ends_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
