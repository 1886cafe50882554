#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/contract_faults.h"

#include "tests/fakes/contract_bench.h"
#include "tests/fakes/h2_server.h"

#define HEAD ":status: 200\ncontent-type: application/grpc\n"

enum { NO_ERROR = 0, INTERNAL_ERROR = 2, REFUSED = 7, CANCEL = 8, CALM = 11, INSECURE = 12 };

/* A channel to one raw server. `first` is what it does with the first request; it answers all
 * others. */
struct fault_bench {
    struct contract_bench bench;
    struct contract_server opener;
    struct h2_server server;
    void (*first)(struct h2_stream *s);
    uint32_t seen;
};

static void on_request(struct h2_stream *s)
{
    struct fault_bench *f = s->connection->server->ctx;

    if (f->seen++ == 0)
        f->first(s);
    else
        h2_answer(s, "fine", 4);
}

static void fault_open(struct fault_bench *f, void *state, void (*first)(struct h2_stream *s))
{
    memset(f, 0, sizeof *f);
    f->opener.open = **(channel_open ***)state;
    f->first = first;
    contract_bench_open(&f->bench, &f->opener, 0);
    f->server.on_end = on_request;
    f->server.ctx = f;
    assert_true(h2_listen(&f->server, &f->bench.loop, "127.0.0.1:0"));
    f->bench.endpoints[0] = str_c(f->server.name);
    f->bench.config.nendpoints = 1;
    contract_bench_dial(&f->bench);
}

static void fault_close(struct fault_bench *f)
{
    channel_close(f->bench.channel);
    f->bench.channel = NULL;
    h2_close(&f->server);
    contract_bench_close(&f->bench);
}

/* ---- answers ---- */

static void refuse(struct h2_stream *s)
{
    h2_reset(s, REFUSED);
}

static void drop(struct h2_stream *s)
{
    h2_drop(s->connection);
}

static void drop_after_head(struct h2_stream *s)
{
    h2_head(s, HEAD "x-seen: yes\n", false);
    h2_hang_up(s->connection);
}

static void say_goodbye(struct h2_stream *s)
{
    h2_goaway(s->connection, 0, NO_ERROR);
    h2_hang_up(s->connection);
}

static void reset_internal(struct h2_stream *s)
{
    h2_reset(s, INTERNAL_ERROR);
}

static void reset_cancel(struct h2_stream *s)
{
    h2_reset(s, CANCEL);
}

static void reset_calm(struct h2_stream *s)
{
    h2_reset(s, CALM);
}

static void reset_insecure(struct h2_stream *s)
{
    h2_reset(s, INSECURE);
}

static void not_found_page(struct h2_stream *s)
{
    h2_head(s, ":status: 404\ncontent-type: text/html\n", false);
    h2_data(s, "<p>no</p>", 9, true);
}

static void proxy_page(struct h2_stream *s)
{
    h2_head(s, ":status: 503\ncontent-type: text/plain\n", true);
}

static void forbidden_page(struct h2_stream *s)
{
    h2_head(s, ":status: 403\n", true);
}

static void trailers_only(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 5\ngrpc-message: not%20here\nx-test: t\n", true);
}

static void strange_status(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-status: 42\n", true);
}

static void cut_message(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_data(s,
            "\0\0\0\0\x0a"
            "half",
            9, false);
    h2_trailers(s, "grpc-status: 0\n");
}

static void wrong_prefix(struct h2_stream *s)
{
    h2_head(s, HEAD, false);
    h2_data(s, "\x02\0\0\0\x01x", 6, false);
    h2_trailers(s, "grpc-status: 0\n");
}

static void unasked_compression(struct h2_stream *s)
{
    h2_head(s, HEAD "grpc-encoding: gzip\n", false);
    h2_data(s, "\x01\0\0\0\x01x", 6, false);
    h2_trailers(s, "grpc-status: 0\n");
}

static void huge_head(struct h2_stream *s)
{
    char head[20 << 10] = HEAD "x-fill: ";
    size_t n = sizeof HEAD "x-fill: " - 1;

    memset(head + n, 'f', sizeof head - n - 2);
    head[sizeof head - 2] = '\n';
    head[sizeof head - 1] = '\0';
    h2_head(s, head, false);
    h2_message(s, "x", 1);
    h2_trailers(s, "grpc-status: 0\n");
}

/* ---- cases ---- */

struct fault_case {
    const char *name;
    void (*first)(struct h2_stream *s);
    enum tc_code code;
    bool idempotent;
    uint32_t requests; /* that the server saw */
};

static void check_case(void *state, const struct fault_case *c)
{
    struct fault_bench f;
    struct talk t;

    fault_open(&f, state, c->first);
    talk_start(
        &t, &f.bench,
        &(struct talk_options){.method = "Any", .reads = UINT32_MAX, .idempotent = c->idempotent});
    talk_send(&t, STR("request"), true);
    talk_end(&t);
    if (t.code != c->code || f.seen != c->requests)
        fail_msg("%s: status %d (%s), %u requests; %d and %u were expected", c->name, t.code,
                 t.text, f.seen, c->code, c->requests);
    assert_int_equal(t.messages, t.code == TC_CODE_OK);
    talk_release(&t);
    fault_close(&f);
}

static void call_is_sent_again_only_when_that_is_safe(void **state)
{
    static const struct fault_case cases[] = {
        {"refused", refuse, TC_CODE_OK, false, 2},
        {"goaway below its id", say_goodbye, TC_CODE_OK, false, 2},
        {"connection lost", drop, TC_CODE_UNAVAILABLE, false, 1},
        {"connection lost, idempotent", drop, TC_CODE_OK, true, 2},
        {"lost after the head, idempotent", drop_after_head, TC_CODE_UNAVAILABLE, true, 1},
        {"reset, idempotent", reset_internal, TC_CODE_INTERNAL, true, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(state, &cases[i]);
}

static void abnormal_end_becomes_its_status(void **state)
{
    static const struct fault_case cases[] = {
        {"reset: internal", reset_internal, TC_CODE_INTERNAL, false, 1},
        {"reset: cancel", reset_cancel, TC_CODE_CANCELLED, false, 1},
        {"reset: calm", reset_calm, TC_CODE_RESOURCE_EXHAUSTED, false, 1},
        {"reset: insecure", reset_insecure, TC_CODE_PERMISSION_DENIED, false, 1},
        {"HTTP 404", not_found_page, TC_CODE_UNIMPLEMENTED, false, 1},
        {"HTTP 403", forbidden_page, TC_CODE_PERMISSION_DENIED, false, 1},
        {"HTTP 503", proxy_page, TC_CODE_UNAVAILABLE, false, 1},
        {"status 42", strange_status, TC_CODE_UNKNOWN, false, 1},
        {"compression", unasked_compression, TC_CODE_INTERNAL, false, 1},
        {"huge head", huge_head, TC_CODE_RESOURCE_EXHAUSTED, false, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(state, &cases[i]);
}

static void broken_message_ends_the_call(void **state)
{
    static const struct fault_case cases[] = {
        {"cut message", cut_message, TC_CODE_INTERNAL, false, 1},
        {"wrong prefix", wrong_prefix, TC_CODE_INTERNAL, false, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(state, &cases[i]);
}

static void trailers_alone_are_a_whole_answer(void **state)
{
    struct fault_bench f;
    struct talk t;

    fault_open(&f, state, trailers_only);
    talk_unary(&t, &f.bench, "Any", STR("x"));
    assert_int_equal(t.code, TC_CODE_NOT_FOUND);
    assert_true(t.from_peer);
    assert_string_equal(t.text, "not here");
    assert_false(t.has_headers);
    assert_int_equal(t.ntrailing, 1);
    talk_release(&t);
    fault_close(&f);
}

static void silent(struct h2_stream *s)
{
    (void)s;
}

static void deadline_resets_the_stream(void **state)
{
    struct fault_bench f;
    struct talk t;

    fault_open(&f, state, silent);
    talk_start(&t, &f.bench,
               &(struct talk_options){.method = "Any", .reads = 1, .timeout_ms = 150});
    talk_send(&t, STR("x"), true);
    talk_end(&t);
    assert_int_equal(t.code, TC_CODE_DEADLINE_EXCEEDED);
    assert_true(t.deadline);
    run_for(&f.bench.loop, 100);
    assert_int_equal(f.server.resets, 1);
    assert_int_equal(f.server.last_reset_code, CANCEL);
    talk_release(&t);
    fault_close(&f);
}

int contract_faults(channel_open *open, enum contract_gap gaps)
{
    channel_open *state = open;
    const struct CMUnitTest framing[] = {
        cmocka_unit_test_prestate(broken_message_ends_the_call, &state),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(call_is_sent_again_only_when_that_is_safe, &state),
        cmocka_unit_test_prestate(abnormal_end_becomes_its_status, &state),
        cmocka_unit_test_prestate(trailers_alone_are_a_whole_answer, &state),
        cmocka_unit_test_prestate(deadline_resets_the_stream, &state),
    };

    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!(gaps & CONTRACT_BROKEN_MESSAGES_UNSEEN))
        failed += cmocka_run_group_tests(framing, NULL, NULL);
    return failed;
}
