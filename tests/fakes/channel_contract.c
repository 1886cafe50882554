#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/contract_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fakes/contract_faults.h"

enum { BIG = 16 << 20, NS_PER_MS = 1000000 };

#define assert_text(buffer, literal)                                   \
    do {                                                               \
        assert_int_equal((buffer).n, sizeof(literal) - 1);             \
        assert_memory_equal((buffer).p, literal, sizeof(literal) - 1); \
    } while (0)

static void unary_call_comes_back(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_unary(&t, &b, "Echo", STR("hello"));
    assert_int_equal(t.code, TC_CODE_OK);
    assert_true(t.from_peer);
    assert_int_equal(t.messages, 1);
    assert_text(t.last, "hello");
    talk_release(&t);
    contract_bench_close(&b);
}

static void empty_message_is_a_message(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_unary(&t, &b, "Echo", STR(""));
    assert_int_equal(t.code, TC_CODE_OK);
    assert_int_equal(t.messages, 1);
    assert_int_equal(t.last.n, 0);
    talk_release(&t);
    contract_bench_close(&b);
}

static void each_status_arrives_with_its_text(void **state)
{
    struct contract_bench b;
    char request[64];

    contract_bench_open(&b, *state, 1);
    for (int code = 1; code < TC_CODE_COUNT; code++) {
        struct talk t;
        int n = snprintf(request, sizeof request, "%d said_%d_\xc3\xa9%%41", code, code);
        talk_unary(&t, &b, "Status", str_of(request, (size_t)n));
        assert_int_equal(t.code, code);
        assert_true(t.from_peer);
        assert_false(t.deadline);
        assert_int_equal(t.messages, 0);
        snprintf(request, sizeof request, "said_%d_\xc3\xa9%%41", code);
        assert_string_equal(t.text, request);
        talk_release(&t);
    }
    contract_bench_close(&b);
}

static void unknown_method_is_unimplemented(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_unary(&t, &b, "NoSuch", STR("x"));
    assert_int_equal(t.code, TC_CODE_UNIMPLEMENTED);
    assert_true(t.from_peer);
    talk_release(&t);
    contract_bench_close(&b);
}

static void details_arrive_as_bytes_beside_other_trailers(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_unary(&t, &b, "Status", STR("9 not_so 00ff10fe"));
    assert_int_equal(t.code, TC_CODE_FAILED_PRECONDITION);
    assert_text(t.details, "\x00\xff\x10\xfe");
    assert_int_equal(t.ntrailing, 1);
    assert_string_equal(t.trailing[0].name, "x-test");
    assert_string_equal(t.trailing[0].value, "beside");
    talk_release(&t);
    contract_bench_close(&b);
}

static void check_kept(const struct kept_header *kept, size_t n)
{
    static const struct kept_header want[] = {
        {"x-one", "1"}, {"x-two", "a b"}, {"x-one", "2"}, {"x-raw-bin", "AP8Q/g"}};

    assert_int_equal(n, 4);
    for (size_t i = 0, found; i < 4; i++) {
        for (found = 0; found < 4; found++) {
            if (!strcmp(kept[found].name, want[i].name) &&
                !strcmp(kept[found].value, want[i].value))
                break;
        }
        assert_true(found < 4);
    }
}

static void metadata_goes_both_ways(void **state)
{
    static const struct header metadata[] = {{STR_INIT("x-one"), STR_INIT("1")},
                                             {STR_INIT("x-two"), STR_INIT("a b")},
                                             {STR_INIT("x-one"), STR_INIT("2")},
                                             {STR_INIT("x-raw-bin"), STR_INIT("AP8Q/g")}};
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(
        &t, &b,
        &(struct talk_options){.method = "Echo", .reads = 9, .metadata = metadata, .nmetadata = 4});
    talk_send(&t, STR("x"), true);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    assert_true(t.has_headers);
    check_kept(t.initial, t.ninitial);
    check_kept(t.trailing, t.ntrailing);
    talk_release(&t);
    contract_bench_close(&b);
}

static void initial_metadata_comes_before_any_message(void **state)
{
    static const struct header metadata[] = {{STR_INIT("x-early"), STR_INIT("bird")}};
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b,
               &(struct talk_options){.method = "Echo", .metadata = metadata, .nmetadata = 1});
    if (!run_until(&b.loop, &t.has_headers, BENCH_MS))
        fail_msg("no headers came");
    assert_string_equal(t.initial[0].value, "bird");
    talk_cancel(&t);
    talk_release(&t);
    contract_bench_close(&b);
}

static void deadline_ends_the_call_and_is_known_to_the_peer(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Left", .reads = 9, .timeout_ms = 60000});
    talk_send(&t, STR(""), true);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    char left[24];
    snprintf(left, sizeof left, "%.*s", STR_ARG(buf_str(&t.last)));
    assert_in_range(strtoul(left, NULL, 10), 50000, 61000); /* core rounds up */
    talk_release(&t);

    uint64_t begun = uv_hrtime();
    talk_start(&t, &b, &(struct talk_options){.method = "Hang", .reads = 9, .timeout_ms = 200});
    talk_send(&t, STR("x"), true);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_true(t.deadline || t.from_peer); /* whoever was first */
    assert_in_range((t.ended_at - begun) / NS_PER_MS, 198, 1000);
    talk_release(&t);
    contract_bench_close(&b);
}

static void deadline_that_has_passed_ends_the_call(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Echo", .reads = 9, .timeout_ms = 1});
    usleep(3000);
    talk_send(&t, STR("x"), true);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_true(t.deadline || t.from_peer); /* whoever was first */
    talk_release(&t);
    contract_bench_close(&b);
}

static void cancelled_call_is_given_up_by_the_peer_and_hears_no_more(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    unsigned long before = contract_bench_seen(&b, "cancelled"), after = before;
    talk_start(&t, &b, &(struct talk_options){.method = "Hang", .reads = 9});
    talk_send(&t, STR("x"), true);
    run_for(&b.loop, 200);
    assert_false(t.ended);
    talk_cancel(&t);
    for (int i = 0; i < 100 && after == before; i++) {
        run_for(&b.loop, 20);
        after = contract_bench_seen(&b, "cancelled");
    }
    assert_int_equal(after, before + 1);
    assert_false(t.ended);
    talk_release(&t);
    contract_bench_close(&b);
}

static void call_can_be_cancelled_at_once(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Echo"});
    talk_cancel(&t);
    talk_release(&t);
    talk_start(&t, &b, &(struct talk_options){.method = "Echo", .reads = 1});
    talk_send(&t, STR("x"), false);
    talk_cancel(&t);
    run_for(&b.loop, 50);
    talk_release(&t);
    contract_bench_close(&b);
}

static void server_stream_comes_in_order_and_only_when_asked_for(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Burst"});
    talk_send(&t, STR("5 3 0"), true);
    run_for(&b.loop, 100);
    assert_int_equal(t.messages, 0);
    for (uint32_t i = 0; i < 5; i++) {
        assert_false(t.ended);
        talk_read(&t);
        talk_await_messages(&t, i + 1);
        assert_int_equal(t.last.n, 3);
        assert_int_equal(t.last.p[2], i);
    }
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    assert_int_equal(t.messages, 5);
    talk_release(&t);
    contract_bench_close(&b);
}

static void first_message_does_not_wait_for_the_second(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    uint64_t begun = uv_hrtime();
    talk_start(&t, &b, &(struct talk_options){.method = "Burst", .reads = 9});
    talk_send(&t, STR("2 3 2000"), true);
    talk_await_messages(&t, 1);
    assert_in_range((uv_hrtime() - begun) / NS_PER_MS, 0, 1500);
    talk_cancel(&t);
    talk_release(&t);
    contract_bench_close(&b);
}

static void client_stream_is_counted(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Count", .reads = 9});
    for (int i = 0; i < 20; i++)
        talk_fill(&t, 100, 'c', false);
    run_for(&b.loop, 50);
    for (int i = 0; i < 20; i++)
        talk_fill(&t, 10, 'c', false);
    talk_half_close(&t);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    assert_text(t.last, "40 2200");
    talk_release(&t);
    contract_bench_close(&b);
}

static void stream_without_a_message_can_be_closed(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Count", .reads = 9});
    talk_half_close(&t);
    talk_end(&t);
    assert_text(t.last, "0 0");
    talk_release(&t);
    contract_bench_close(&b);
}

static void both_sides_talk_in_turn(void **state)
{
    struct contract_bench b;
    struct talk t;
    char text[16];

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Echo"});
    for (uint32_t i = 0; i < 10; i++) {
        int n = snprintf(text, sizeof text, "turn %u", i);
        talk_send(&t, str_of(text, (size_t)n), false);
        talk_read(&t);
        talk_await_messages(&t, i + 1);
        assert_memory_equal(t.last.p, text, (size_t)n);
    }
    talk_half_close(&t);
    talk_read(&t);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    assert_int_equal(t.messages, 10);
    talk_release(&t);
    contract_bench_close(&b);
}

static void slow_reader_slows_the_peer(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    unsigned long before = contract_bench_seen(&b, "sent");
    talk_start(&t, &b, &(struct talk_options){.method = "Burst"});
    talk_send(&t, STR("200 65536 0"), true);
    run_for(&b.loop, 500);
    unsigned long held = contract_bench_seen(&b, "sent") - before;
    assert_in_range(held, 1, 40);
    t.reads = UINT32_MAX;
    talk_read(&t);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    assert_int_equal(t.messages, 200);
    assert_int_equal(t.bytes, 200 * 65536);
    talk_release(&t);
    contract_bench_close(&b);
}

static void slow_peer_slows_the_sender(void **state)
{
    struct contract_bench b;
    struct talk t, wake;
    uint32_t sent = 0;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Lazy", .reads = 9});
    assert_true(talk_send(&t, STR("now"), false));
    run_for(&b.loop, 100);
    for (bool more = true; more && sent < 1000; sent++) {
        more = talk_fill(&t, 65536, 's', false);
        uint32_t writables = t.writables;
        for (int i = 0; i < 20 && !more; i++) {
            run_for(&b.loop, 5);
            more = t.writables > writables;
        }
    }
    assert_in_range(sent, 2, 200); /* windows and sockets take some */
    assert_false(t.ended);
    uint32_t writables = t.writables;
    talk_unary(&wake, &b, "Wake", STR("up"));
    talk_release(&wake);
    for (int i = 0; i < 500 && t.writables == writables; i++)
        run_for(&b.loop, 10);
    assert_int_equal(t.writables, writables + 1);
    talk_half_close(&t);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    char want[48];
    int n = snprintf(want, sizeof want, "%u %u", sent, sent * 65536);
    assert_int_equal(t.last.n, n);
    assert_memory_equal(t.last.p, want, (size_t)n);
    talk_release(&t);
    contract_bench_close(&b);
}

static void big_messages_pass_both_ways(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Echo", .reads = 9});
    assert_false(talk_fill(&t, BIG, 'b', true));
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_OK);
    assert_int_equal(t.last.n, BIG);
    assert_int_equal(t.last.p[0], 'b');
    assert_int_equal(t.last.p[BIG - 1], 'b');
    talk_release(&t);
    contract_bench_close(&b);
}

static void message_above_the_ceiling_ends_the_call(void **state)
{
    static const struct {
        const char *request;
        enum tc_code code;
    } cases[] = {{"1 1000 0", TC_CODE_OK}, {"1 1001 0", TC_CODE_RESOURCE_EXHAUSTED}};
    struct contract_bench b;

    contract_bench_open(&b, *state, 1);
    for (size_t i = 0; i < 2; i++) {
        struct talk t;
        talk_start(&t, &b,
                   &(struct talk_options){.method = "Burst", .reads = 9, .max_message = 1000});
        talk_send(&t, str_c(cases[i].request), true);
        talk_end(&t);
        assert_int_equal(t.code, cases[i].code);
        assert_int_equal(t.from_peer, cases[i].code == TC_CODE_OK);
        talk_release(&t);
    }
    contract_bench_close(&b);
}

static void many_calls_run_at_once(void **state)
{
    enum { CALLS = 300 };
    struct contract_bench b;
    struct talk *t = calloc(CALLS, sizeof *t);
    char text[16];

    contract_bench_open(&b, *state, 1);
    for (int i = 0; i < CALLS; i++) {
        int n = snprintf(text, sizeof text, "call %d", i);
        talk_start(&t[i], &b, &(struct talk_options){.method = "Echo", .reads = 9});
        talk_send(&t[i], str_of(text, (size_t)n), true);
    }
    for (int i = 0; i < CALLS; i++) {
        int n = snprintf(text, sizeof text, "call %d", i);
        talk_end(&t[i]);
        assert_int_equal(t[i].code, TC_CODE_OK);
        assert_memory_equal(t[i].last.p, text, (size_t)n);
        talk_release(&t[i]);
    }
    free(t);
    contract_bench_close(&b);
}

static void open_calls_end_when_the_channel_is_closed(void **state)
{
    struct contract_bench b;
    struct talk hanging, fresh;

    contract_bench_open(&b, *state, 1);
    talk_start(&hanging, &b, &(struct talk_options){.method = "Hang", .reads = 9});
    talk_send(&hanging, STR("x"), true);
    run_for(&b.loop, 100);
    talk_start(&fresh, &b, &(struct talk_options){.method = "Echo"});
    hanging.inside = fresh.inside = true;
    channel_close(b.channel);
    b.channel = NULL;
    hanging.inside = fresh.inside = false;
    talk_end(&hanging);
    talk_end(&fresh);
    assert_int_equal(hanging.code, TC_CODE_UNAVAILABLE);
    assert_int_equal(fresh.code, TC_CODE_UNAVAILABLE);
    assert_false(hanging.from_peer);
    talk_release(&hanging);
    talk_release(&fresh);
    contract_bench_close(&b);
}

static void unix_socket_serves(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 0);
    b.endpoints[0] = str_c(b.server->grpc.name[2]);
    b.config.nendpoints = 1;
    contract_bench_dial(&b);
    talk_unary(&t, &b, "Echo", STR("by path"));
    assert_int_equal(t.code, TC_CODE_OK);
    assert_text(t.last, "by path");
    talk_release(&t);
    contract_bench_close(&b);
}

/* Its place in start_server. */
static uint32_t address_of(struct str name)
{
    if (str_starts(name, STR("unix:")))
        return 2;
    return str_starts(name, STR("127.0.1.1:")) ? 1 : 0;
}

/* Which endpoints answer `calls` calls; all must succeed. */
static void count_answers(struct contract_bench *b, uint32_t calls, uint32_t *counts)
{
    for (uint32_t i = 0; i < calls; i++) {
        struct talk t;
        talk_unary(&t, b, "Where", STR("?"));
        assert_int_equal(t.code, TC_CODE_OK);
        counts[address_of(buf_str(&t.last))]++;
        talk_release(&t);
    }
}

static void calls_go_round_the_endpoints(void **state)
{
    struct contract_bench b;
    struct talk warm;
    uint32_t counts[GRPC_SERVER_ADDRESSES] = {0};

    contract_bench_open(&b, *state, 2);
    talk_unary(&warm, &b, "Where", STR("?"));
    talk_release(&warm);
    run_for(&b.loop, 200);
    count_answers(&b, 20, counts);
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 10);
    contract_bench_close(&b);
}

static void dead_endpoint_costs_no_call(void **state)
{
    struct contract_bench b;
    uint32_t counts[GRPC_SERVER_ADDRESSES] = {0};

    contract_bench_open(&b, *state, 0);
    b.endpoints[0] = STR("127.0.0.1:23099");
    b.endpoints[1] = str_c(b.server->grpc.name[0]);
    b.config.nendpoints = 2;
    contract_bench_dial(&b);
    count_answers(&b, 20, counts);
    assert_int_equal(counts[0], 20);
    contract_bench_close(&b);
}

static void endpoints_of_different_kinds_stand_together(void **state)
{
    struct contract_bench b;
    char name[64];
    uint32_t counts[GRPC_SERVER_ADDRESSES] = {0};

    contract_bench_open(&b, *state, 0);
    int n = snprintf(name, sizeof name, "localhost:%d", b.server->grpc.ports[0]);
    b.endpoints[0] = str_of(name, (size_t)n);
    b.endpoints[1] = str_c(b.server->grpc.name[2]);
    b.config.nendpoints = 2;
    contract_bench_dial(&b);
    count_answers(&b, 4, counts);
    run_for(&b.loop, 200);
    count_answers(&b, 16, counts);
    assert_in_range(counts[0], 6, 14);
    assert_in_range(counts[2], 6, 14);
    contract_bench_close(&b);
}

static void absent_server_is_unavailable(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 0);
    b.endpoints[0] = STR("127.0.0.1:23099");
    b.config.nendpoints = 1;
    contract_bench_dial(&b);
    talk_unary(&t, &b, "Echo", STR("x"));
    assert_int_equal(t.code, TC_CODE_UNAVAILABLE);
    assert_false(t.from_peer);
    assert_true(t.text[0] != '\0');
    talk_release(&t);
    contract_bench_close(&b);
}

static void two_channels_share_a_loop(void **state)
{
    struct contract_bench b;
    struct talk t;

    contract_bench_open(&b, *state, 1);
    struct channel *first = b.channel;
    contract_bench_dial(&b);
    talk_unary(&t, &b, "Echo", STR("x"));
    assert_int_equal(t.code, TC_CODE_OK);
    talk_release(&t);
    channel_close(first);
    talk_unary(&t, &b, "Echo", STR("x"));
    assert_int_equal(t.code, TC_CODE_OK);
    talk_release(&t);
    contract_bench_close(&b);
}

static void server_that_dies_ends_its_calls_and_is_found_again(void **state)
{
    static const char *addresses[] = {"127.0.0.1:23098", NULL};
    struct contract_server *shared = *state, own = {.open = shared->open};
    struct contract_bench b;
    struct talk t;

    assert_true(py_server_start(&own.grpc, addresses));
    contract_bench_open(&b, &own, 1);
    talk_start(&t, &b, &(struct talk_options){.method = "Hang", .reads = 9});
    talk_send(&t, STR("x"), true);
    run_for(&b.loop, 200);
    assert_false(t.ended);
    py_server_kill(&own.grpc);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_UNAVAILABLE);
    assert_false(t.from_peer);
    talk_release(&t);
    assert_true(py_server_start(&own.grpc, addresses));
    for (int i = 0; i < 100; i++) {
        talk_unary(&t, &b, "Echo", STR("again"));
        talk_release(&t);
        if (t.code == TC_CODE_OK)
            break;
        run_for(&b.loop, 50);
    }
    assert_int_equal(t.code, TC_CODE_OK);
    py_server_stop(&own.grpc);
    contract_bench_close(&b);
}

/* ---- the group ---- */

static channel_open *opened; /* cmocka hands a group's set-up nothing */

static int start_server(void **state)
{
    static char path[64];
    static struct contract_server server;
    const char *const addresses[] = {"127.0.0.1:0", "127.0.1.1:0", path, NULL};

    snprintf(path, sizeof path, "unix:/tmp/postern-contract-%d.sock", (int)getpid());
    server.open = opened;
    *state = &server;
    return py_server_start(&server.grpc, addresses) ? 0 : -1;
}

static int stop_server(void **state)
{
    struct contract_server *server = *state;

    py_server_stop(&server->grpc);
    unlink(server->grpc.name[2] + sizeof "unix:" - 1);
    return 0;
}

int channel_contract(channel_open *open, enum contract_gap gaps)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary_call_comes_back),
        cmocka_unit_test(empty_message_is_a_message),
        cmocka_unit_test(each_status_arrives_with_its_text),
        cmocka_unit_test(unknown_method_is_unimplemented),
        cmocka_unit_test(details_arrive_as_bytes_beside_other_trailers),
        cmocka_unit_test(metadata_goes_both_ways),
        cmocka_unit_test(initial_metadata_comes_before_any_message),
        cmocka_unit_test(deadline_ends_the_call_and_is_known_to_the_peer),
        cmocka_unit_test(deadline_that_has_passed_ends_the_call),
        cmocka_unit_test(cancelled_call_is_given_up_by_the_peer_and_hears_no_more),
        cmocka_unit_test(call_can_be_cancelled_at_once),
        cmocka_unit_test(server_stream_comes_in_order_and_only_when_asked_for),
        cmocka_unit_test(first_message_does_not_wait_for_the_second),
        cmocka_unit_test(client_stream_is_counted),
        cmocka_unit_test(stream_without_a_message_can_be_closed),
        cmocka_unit_test(both_sides_talk_in_turn),
        cmocka_unit_test(slow_reader_slows_the_peer),
        cmocka_unit_test(slow_peer_slows_the_sender),
        cmocka_unit_test(big_messages_pass_both_ways),
        cmocka_unit_test(message_above_the_ceiling_ends_the_call),
        cmocka_unit_test(many_calls_run_at_once),
        cmocka_unit_test(open_calls_end_when_the_channel_is_closed),
        cmocka_unit_test(unix_socket_serves),
        cmocka_unit_test(calls_go_round_the_endpoints),
        cmocka_unit_test(dead_endpoint_costs_no_call),
        cmocka_unit_test(endpoints_of_different_kinds_stand_together),
        cmocka_unit_test(absent_server_is_unavailable),
        cmocka_unit_test(two_channels_share_a_loop),
        cmocka_unit_test(server_that_dies_ends_its_calls_and_is_found_again),
    };

    opened = open;
    int failed = cmocka_run_group_tests(tests, start_server, stop_server);
    return failed + contract_faults(open, gaps);
}
