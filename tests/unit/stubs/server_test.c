#include "stubs/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/upstream/cluster.h"
#include "gen/demo/v1/echo.postern.h"
#include "gen/demo/v1/text_generation.postern.h"
#include "tests/fakes/call_probe.h"
#include "tests/unit/support/slower.h"

/* A server in this process, with handlers that tell what happens to them, and our own client. */

enum { PATIENCE_MS = 4000 + 1000 * SLOWER, CHUNK = 16 << 10, ENDLESS = 100000, LONG_MS = 60000 };

struct told {
    atomic_uint sent, released, handled, time_left;
};

struct bench {
    struct told told;
    struct server *server;
    uv_loop_t loop;
    char address[32];
    struct str endpoint;
    struct cluster_config config;
    struct channel *channel;
};

struct seen {
    struct client_call *call;
    bool over, hold;
    uint32_t messages;
    enum tc_code code;
    char text[128], header[64];
};

static void on_end(void *ctx, const struct call_end *end)
{
    struct seen *s = ctx;
    s->over = true;
    s->code = end->code;
    snprintf(s->text, sizeof s->text, "%.*s", STR_ARG(end->message));
    for (size_t i = 0; i < end->ntrailers; i++)
        if (str_eq(end->trailers[i].name, STR("x-trailer")))
            snprintf(s->header, sizeof s->header, "%.*s", STR_ARG(end->trailers[i].value));
}

static void on_echo(void *ctx, const Demo__V1__EchoMessage *m, const struct call_end *end)
{
    (void)m;
    on_end(ctx, end);
}

static void on_empty(void *ctx, const Google__Protobuf__Empty *m, const struct call_end *end)
{
    (void)m;
    on_end(ctx, end);
}

static void on_sleep(void *ctx, const Demo__V1__SleepResponse *m, const struct call_end *end)
{
    (void)m;
    on_end(ctx, end);
}

static void on_generate(void *ctx, const Demo__V1__GenerateResponse *m, const struct call_end *end)
{
    (void)m;
    on_end(ctx, end);
}

static bool on_message(void *ctx, const Demo__V1__EchoMessage *m)
{
    struct seen *s = ctx;
    (void)m;
    s->messages++;
    return !s->hold;
}

/* --- the handlers --- */

static struct told *told_of(struct server_call *c)
{
    return server_call_ctx(c);
}

static void count_release(void *state)
{
    atomic_fetch_add(&((struct told *)state)->released, 1);
}

static void echo(struct server_call *c, const Demo__V1__EchoMessage *m)
{
    atomic_store(&told_of(c)->time_left, server_call_time_left(c));
    atomic_fetch_add(&told_of(c)->handled, 1);
    struct str value = server_call_metadata(c, STR("x-client"));
    assert_false(server_call_header(c, STR("bad key"), STR("v")));
    assert_false(server_call_trailer(c, STR("x-bad"), STR("a\nb")));
    server_call_trailer(c, STR("x-trailer"), value);
    demo__v1__echo__echo__reply(c, m);
}

static void send_more(struct server_call *c)
{
    static uint8_t bytes[CHUNK];
    Demo__V1__EchoMessage m = DEMO__V1__ECHO_MESSAGE__INIT;
    m.blob = (ProtobufCBinaryData){sizeof bytes, bytes};
    if (atomic_fetch_add(&told_of(c)->sent, 1) == ENDLESS)
        server_call_finish(c);
    else if (!demo__v1__echo__echo_stream__reply(c, &m))
        server_call_on_writable(c, send_more);
}

static void echo_stream(struct server_call *c, const Demo__V1__EchoStreamRequest *m)
{
    (void)m;
    server_call_set_state(c, told_of(c), count_release);
    send_more(c);
}

static void wake(struct server_call *c)
{
    Demo__V1__SleepResponse r = DEMO__V1__SLEEP_RESPONSE__INIT;
    demo__v1__echo__sleep__reply(c, &r);
}

static void sleep_on(struct server_call *c, const Demo__V1__SleepRequest *m)
{
    uint32_t ms = m->duration ? (uint32_t)m->duration->nanos / 1000000 : LONG_MS;
    atomic_fetch_add(&told_of(c)->handled, 1);
    server_call_set_state(c, told_of(c), count_release);
    server_call_after(c, ms, wake);
}

/* no `fail`: it is UNIMPLEMENTED */
static const struct demo__v1__echo__handlers handlers = {
    .echo = echo, .echo_stream = echo_stream, .sleep = sleep_on};

/* --- the bench --- */

static bool wait_for(struct bench *b, atomic_uint *counter, uint32_t least)
{
    for (int i = 0; i < PATIENCE_MS / 10 && atomic_load(counter) < least; i++)
        run_for(&b->loop, 10);
    return atomic_load(counter) >= least;
}

static int open_bench(void **state)
{
    struct bench *b = *state;
    char why[SERVER_WHY_MAX];
    *b = (struct bench){0};
    const struct server_service service = {&demo__v1__echo__service, &handlers, &b->told};
    const struct server_options options = {
        .address = "127.0.0.1:0", .services = &service, .nservices = 1, .threads = 2};
    b->server = server_start(&options, why);
    if (!b->server)
        return -1;
    uv_loop_init(&b->loop);
    snprintf(b->address, sizeof b->address, "127.0.0.1:%d", server_port(b->server));
    b->endpoint = str_c(b->address);
    b->config = (struct cluster_config){.name = STR("here"),
                                        .endpoints = &b->endpoint,
                                        .nendpoints = 1,
                                        .connect_timeout_ms = 5000,
                                        .max_connections = 1,
                                        .max_pending = 100,
                                        .max_streams = 100};
    b->channel = cluster_open(&b->loop, &b->config);
    return b->channel ? 0 : -1;
}

static int close_bench(void **state)
{
    struct bench *b = *state;
    channel_close(b->channel);
    bool clean = run_out(&b->loop);
    if (b->server)
        server_stop(b->server, 0);
    return clean ? 0 : -1;
}

static struct client_call *start_sleep(struct bench *b, struct seen *s, uint32_t ms)
{
    Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;
    Demo__V1__SleepRequest r = DEMO__V1__SLEEP_REQUEST__INIT;
    d.nanos = (int32_t)ms * 1000000;
    r.duration = ms ? &d : NULL;
    s->call = demo__v1__echo__sleep(b->channel, NULL, &r, on_sleep, s);
    assert_non_null(s->call);
    return s->call;
}

/* --- tests --- */

static void metadata_goes_both_ways_and_forbidden_metadata_is_refused(void **state)
{
    struct bench *b = *state;
    struct seen s = {0};
    const struct header metadata = {STR("x-client"), STR("hello")};
    const struct client_options o = {.metadata = &metadata, .nmetadata = 1};
    Demo__V1__EchoMessage m = DEMO__V1__ECHO_MESSAGE__INIT;
    s.call = demo__v1__echo__echo(b->channel, &o, &m, on_echo, &s);
    assert_true(run_until(&b->loop, &s.over, PATIENCE_MS));
    assert_int_equal(s.code, TC_CODE_OK);
    assert_string_equal(s.header, "hello");
}

static void a_method_without_handler_or_service_is_unimplemented(void **state)
{
    struct bench *b = *state;
    struct seen no_handler = {0}, no_service = {0};
    Demo__V1__FailRequest fail = DEMO__V1__FAIL_REQUEST__INIT;
    Demo__V1__GenerateRequest generate = DEMO__V1__GENERATE_REQUEST__INIT;
    no_handler.call = demo__v1__echo__fail(b->channel, NULL, &fail, on_empty, &no_handler);
    no_service.call = demo__v1__text_generation__generate(b->channel, NULL, &generate, on_generate,
                                                          &no_service);
    assert_true(run_until(&b->loop, &no_handler.over, PATIENCE_MS));
    assert_true(run_until(&b->loop, &no_service.over, PATIENCE_MS));
    assert_int_equal(no_handler.code, TC_CODE_UNIMPLEMENTED);
    assert_int_equal(no_service.code, TC_CODE_UNIMPLEMENTED);
}

static const struct call_events raw_events = {.end = on_end};

static void bytes_that_are_no_message_never_reach_the_handler(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *what, *bytes;
        size_t n;
    } cases[] = {
        {"a string with NUL",
         "\x0a\x03"
         "a\0b",
         5},
        {"a string that is not UTF-8", "\x0a\x02\xff\xff", 4},
        {"a cut field", "\x0a\x05xy", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s = {0};
        struct buf m;
        const struct call_options o = {.path = STR("/demo.v1.Echo/Echo"), .max_message = 1 << 20};
        struct call *call = channel_start(b->channel, &o, &raw_events, &s);
        assert_true(call_message_init(&m, cases[i].n));
        assert_true(buf_add(&m, str_of(cases[i].bytes, cases[i].n)));
        call_send(call, &m, true);
        assert_true(run_until(&b->loop, &s.over, PATIENCE_MS));
        if (s.code != TC_CODE_INTERNAL)
            fail_msg("%s: %d", cases[i].what, s.code);
    }
    assert_int_equal(atomic_load(&b->told.handled), 0);
}

static void a_cancelled_call_is_released(void **state)
{
    struct bench *b = *state;
    struct seen s = {0};
    start_sleep(b, &s, 0);
    assert_true(wait_for(b, &b->told.handled, 1));
    client_call_cancel(s.call);
    assert_true(wait_for(b, &b->told.released, 1));
}

static void a_deadline_releases_the_call(void **state)
{
    struct bench *b = *state;
    struct seen s = {0};
    Demo__V1__SleepRequest r = DEMO__V1__SLEEP_REQUEST__INIT;
    /* Not before the call has come to the server, which then has to let go of it. */
    const struct client_options o = {.deadline = uv_hrtime() + UINT64_C(100000000) * SLOWER};
    s.call = demo__v1__echo__sleep(b->channel, &o, &r, on_sleep, &s);
    assert_true(run_until(&b->loop, &s.over, PATIENCE_MS));
    assert_int_equal(s.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_true(wait_for(b, &b->told.released, 1));
}

static void a_handler_knows_how_long_the_client_waits(void **state)
{
    struct bench *b = *state;
    static const uint32_t waits[] = {0, 1000, 90000}; /* ms; 0: for ever */
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct seen s = {0};
        struct client_options o = {0};
        Demo__V1__EchoMessage m = DEMO__V1__ECHO_MESSAGE__INIT;
        if (waits[i])
            o.deadline = uv_hrtime() + (uint64_t)waits[i] * 1000000;
        s.call = demo__v1__echo__echo(b->channel, &o, &m, on_echo, &s);
        assert_true(run_until(&b->loop, &s.over, PATIENCE_MS));
        uint32_t left = atomic_load(&b->told.time_left);
        assert_in_range(left, waits[i] ? waits[i] / 2 : UINT32_MAX,
                        waits[i] ? waits[i] : UINT32_MAX);
    }
}

static void a_stream_is_slowed_down_by_its_reader(void **state)
{
    struct bench *b = *state;
    struct seen s = {.hold = true};
    Demo__V1__EchoStreamRequest r = DEMO__V1__ECHO_STREAM_REQUEST__INIT;
    s.call = demo__v1__echo__echo_stream(b->channel, NULL, &r, on_message, on_end, &s);
    run_for(&b->loop, 300);
    uint32_t held_at = atomic_load(&b->told.sent);
    assert_int_equal(s.messages, 1);
    assert_in_range(held_at, 1, ENDLESS / 10);
    run_for(&b->loop, 200);
    assert_in_range(atomic_load(&b->told.sent), held_at, held_at + 2);
    s.hold = false;
    client_call_read(s.call);
    assert_true(wait_for(b, &b->told.sent, held_at + 20));
    client_call_cancel(s.call);
    assert_true(wait_for(b, &b->told.released, 1));
}

static void stopping_waits_for_calls_in_flight(void **state)
{
    struct bench *b = *state;
    struct seen s = {0};
    start_sleep(b, &s, 200);
    assert_true(wait_for(b, &b->told.handled, 1));
    server_stop(b->server, PATIENCE_MS);
    b->server = NULL;
    assert_true(run_until(&b->loop, &s.over, PATIENCE_MS));
    assert_int_equal(s.code, TC_CODE_OK);
    assert_int_equal(atomic_load(&b->told.released), 1);
}

static void stopping_cancels_what_takes_longer(void **state)
{
    struct bench *b = *state;
    struct seen s = {0};
    start_sleep(b, &s, 0);
    assert_true(wait_for(b, &b->told.handled, 1));
    server_stop(b->server, 100);
    b->server = NULL;
    assert_true(run_until(&b->loop, &s.over, PATIENCE_MS));
    assert_true(s.code == TC_CODE_UNAVAILABLE || s.code == TC_CODE_CANCELLED);
    assert_int_equal(atomic_load(&b->told.released), 1);
}

static void a_taken_port_is_a_bad_start(void **state)
{
    struct bench *b = *state;
    char why[SERVER_WHY_MAX];
    const struct server_options options = {.address = b->address};
    assert_null(server_start(&options, why));
    assert_non_null(strstr(why, b->address));
}

int main(void)
{
    struct bench b;
#define CASE(f) cmocka_unit_test_prestate_setup_teardown(f, open_bench, close_bench, &b)
    const struct CMUnitTest tests[] = {
        CASE(metadata_goes_both_ways_and_forbidden_metadata_is_refused),
        CASE(a_method_without_handler_or_service_is_unimplemented),
        CASE(bytes_that_are_no_message_never_reach_the_handler),
        CASE(a_cancelled_call_is_released),
        CASE(a_deadline_releases_the_call),
        CASE(a_handler_knows_how_long_the_client_waits),
        CASE(a_stream_is_slowed_down_by_its_reader),
        CASE(stopping_waits_for_calls_in_flight),
        CASE(stopping_cancels_what_takes_longer),
        CASE(a_taken_port_is_a_bad_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
