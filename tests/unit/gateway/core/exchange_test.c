#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "tests/unit/support/bench_setup.h"
#include "tests/unit/support/failmalloc.h"

static void forget_calls(struct bench *b)
{
    fake_channel_release(&b->channels[bench_cluster(b, "main")]);
}

/* ---- identity */

static void the_clients_request_id_is_kept_when_it_is_legal(void **state)
{
    static const struct {
        const char *headers, *id;
    } cases[] = {
        {"x-request-id: abc-123", "abc-123"},
        {NULL, "0123456789abcdef00000001"},
        {"x-request-id:", "0123456789abcdef00000002"},
        {"x-request-id: a b", "0123456789abcdef00000003"},
        {"x-request-id: a\"b", "0123456789abcdef00000004"},
        {"x-request-id: a\nx-request-id: b", "a"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_front f;
        assert_true(front_open(&f, &b->host, "GET", "/unary/a", cases[i].headers));
        front_end(&f);
        struct fake_call *c = bench_call(b, 0);
        assert_str(fake_metadata(c, "x-request-id"), cases[i].id);
        fake_message(c, STR(""));
        fake_end(c, TC_CODE_OK, "");
        assert_str(front_header(&f, "x-request-id"), cases[i].id);
        front_close(&f, true);
        assert_string_equal(b->request_id, cases[i].id);
        forget_calls(b);
    }
}

static void a_request_id_of_129_bytes_is_replaced(void **state)
{
    struct bench *b = *state;
    char line[160] = "x-request-id: ";

    for (size_t n = 128; n <= 129; n++) {
        struct fake_front f;
        memset(line + 14, 'i', n);
        line[14 + n] = 0;
        assert_true(front_open(&f, &b->host, "GET", "/nowhere", line));
        front_close(&f, true);
        assert_int_equal(str_c(b->request_id).n, n == 128 ? 128 : 24);
    }
}

static void what_the_front_refuses_has_a_request_id_too(void **state)
{
    struct bench *b = *state;
    struct fake_front f = {0};

    f.x = exchange_new(&b->host, &(struct front_ops){NULL}, &f);
    f.x->entered = true; /* not to be woken */
    exchange_fail(f.x, TC_CODE_INVALID_ARGUMENT, 431, "too many %s", "headers");
    assert_int_equal(f.x->answer.status, 431);
    assert_str(front_header(&f, "x-request-id"), "0123456789abcdef00000001");
    front_close(&f, true);
    assert_string_equal(b->request_id, "0123456789abcdef00000001");
    assert_string_equal(b->error, "too many headers");
    assert_int_equal(b->event.http_status, 431);
    assert_null(b->event.route);
    assert_int_equal(b->event.cluster, PLAN_NO_CLUSTER);
}

/* ---- one outcome */

static void only_the_first_failure_counts(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    front_end(&f);
    exchange_fail(f.x, TC_CODE_ABORTED, 0, "first");
    exchange_fail(f.x, TC_CODE_INTERNAL, 0, "second");
    assert_int_equal(f.wakes, 1);
    assert_int_equal(f.x->answer.status, 409);
    front_read(&f, SIZE_MAX);
    assert_str(buf_str(&f.got), "{\"code\":10,\"message\":\"first\",\"details\":[]}");
    assert_int_equal(bench_call(b, 0)->cancels, 1);
    front_close(&f, true);
    assert_int_equal(bench_call(b, 0)->cancels, 1);
    assert_int_equal(b->event.code, TC_CODE_ABORTED);
    assert_string_equal(b->error, "first");
}

static void a_failure_behind_the_whole_answer_is_none(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    front_end(&f);
    fake_message(bench_call(b, 0), STR(""));
    fake_end(bench_call(b, 0), TC_CODE_OK, "");
    exchange_fail(f.x, TC_CODE_INTERNAL, 0, "late");
    front_read(&f, SIZE_MAX);
    assert_str(buf_str(&f.got), "{}");
    front_close(&f, true);
    assert_int_equal(b->event.code, TC_CODE_OK);
    assert_true(b->event.from_peer);
}

static void no_channel_is_503(void **state)
{
    struct bench *b = *state;

    for (int how = 0; how < 2; how++) {
        struct fake_front f;
        b->no_channel = how == 0;
        b->channels[0].refuses = how == 1;
        assert_true(front_open(&f, &b->host, "POST", "/unary", "transfer-encoding: chunked"));
        front_body(&f, STR("{}"));
        front_end(&f);
        assert_int_equal(f.x->answer.status, 503);
        assert_true(f.x->answer.complete);
        front_close(&f, true);
        assert_int_equal(b->event.code, TC_CODE_UNAVAILABLE);
        assert_int_equal(b->event.upstream_ns, 0);
        assert_int_equal(b->event.messages_in, 0);
        assert_string_equal(b->cluster_name, "main");
    }
}

/* Takes an exchange to stage `n` of its life; false when there are not so many. */
static bool live_until(struct bench *b, struct fake_front *f, const char *target, int n)
{
    int at = 0;
    assert_true(front_open(f, &b->host, "POST", target, "transfer-encoding: chunked"));
    if (at++ == n)
        return true;
    front_body(f, STR("{\"count\""));
    if (at++ == n)
        return true;
    front_body(f, STR(":1}\n"));
    if (at++ == n)
        return true;
    front_end(f);
    if (at++ == n)
        return true;
    fake_headers(bench_call(b, 0), NULL, 0);
    if (at++ == n)
        return true;
    fake_message(bench_call(b, 0), bench_wire(b, "2:1"));
    if (at++ == n)
        return true;
    front_read(f, 1);
    if (at++ == n)
        return true;
    fake_end(bench_call(b, 0), TC_CODE_OK, "");
    if (at++ == n)
        return true;
    front_read(f, SIZE_MAX);
    return at++ == n;
}

static void a_front_may_leave_at_any_time(void **state)
{
    static const char *targets[] = {"/unary", "/watch", "/collect", "/talk"};
    struct bench *b = *state;

    for (size_t t = 0; t < 4; t++)
        for (int n = 0;; n++) {
            struct fake_front f;
            bool there = live_until(b, &f, targets[t], n);
            bool complete = f.x->answer.complete;
            uint32_t ended = b->ended;
            bool called = b->channels[0].ncalls > 0;
            bool alive = called && !bench_call(b, 0)->gone;
            front_close(&f, !there);
            assert_int_equal(b->ended, ended + 1);
            if (called)
                assert_int_equal(bench_call(b, 0)->cancels, alive);
            assert_int_equal(b->event.http_status, there ? 499 : 200);
            assert_int_equal(b->event.code, there ? TC_CODE_CANCELLED : TC_CODE_OK);
            assert_int_equal(b->event.complete, !there);
            assert_int_equal(b->event.from_peer, !there);
            assert_int_equal(b->host.active, 0);
            forget_calls(b);
            arena_reset(&b->arena);
            if (!there) {
                assert_true(complete);
                break;
            }
        }
}

/* ---- the record */

static void the_event_tells_what_happened(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    uint64_t wall = clock_wall_us(), before = clock_now();

    assert_true(front_open(&f, &b->host, "POST", "/collect?", "transfer-encoding: chunked"));
    front_body(&f, STR("[{},{}"));
    bench_run(b, 20);
    front_body(&f, STR("]"));
    front_end(&f);
    struct fake_call *c = bench_call(b, 0);
    bench_run(b, 20);
    fake_message(c, bench_wire(b, "2:1"));
    fake_end(c, TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    bench_run(b, 20);
    front_close(&f, true);

    const struct event *e = &b->event;
    uint64_t passed = clock_now() - before;
    assert_ptr_equal(b->event_scope, &b->scope);
    assert_str(e->route->pattern, "/collect");
    assert_string_equal(b->cluster_name, "main");
    assert_int_equal(e->bytes_in, 7);
    assert_int_equal(e->bytes_out, sizeof "{\"count\":1}" - 1);
    assert_int_equal(e->messages_in, 2);
    assert_int_equal(e->messages_out, 1);
    assert_in_range(e->wall_us, wall, wall + passed / 1000 + 1);
    assert_in_range(e->total_ns, 60 * 1000000, passed);
    assert_in_range(e->upstream_ns, 40 * 1000000, e->total_ns - 20 * 1000000);
    assert_in_range(e->own_ns, 1, 20 * 1000000);
}

static void a_call_cut_off_counts_its_upstream_time(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    front_end(&f);
    bench_run(b, 10);
    front_close(&f, false);
    assert_in_range(b->event.upstream_ns, 9 * 1000000, b->event.total_ns);
    assert_in_range(b->event.own_ns, 1, b->event.total_ns - 9 * 1000000);
}

/* ---- scopes */

static void an_old_scope_is_idle_once_its_last_exchange_has_ended(void **state)
{
    struct bench *b = *state;
    struct exchange_scope fresh = {.snapshot = &b->snapshot};
    struct fake_front f[3];

    for (int i = 0; i < 2; i++)
        assert_true(front_open(&f[i], &b->host, "GET", "/unary/a", NULL));
    assert_int_equal(b->scope.exchanges, 2);
    b->host.scope = &fresh;
    assert_true(front_open(&f[2], &b->host, "GET", "/unary/a", NULL));
    assert_ptr_equal(f[2].x->scope, &fresh);
    front_end(&f[0]); /* the old one still calls with its own plan */
    assert_ptr_equal(f[0].x->scope, &b->scope);
    front_close(&f[0], false);
    assert_int_equal(b->idles, 0);
    front_close(&f[1], false);
    assert_int_equal(b->idles, 1);
    assert_ptr_equal(b->idle_scope, &b->scope);
    b->idles = 0;
    front_close(&f[2], false); /* the current one is never told */
    assert_int_equal(b->idles, 0);
    assert_int_equal(fresh.exchanges, 0);
    b->host.scope = &b->scope;
}

static void an_old_scope_is_idle_though_its_exchange_is_listed(void **state)
{
    struct bench *b = *state;
    struct exchange_scope fresh = {.snapshot = &b->snapshot};
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    exchange_soon(f.x);
    exchange_soon(f.x);
    assert_int_equal(b->loop_wakes, 1);
    b->host.scope = &fresh;
    front_close(&f, false);
    assert_int_equal(b->idles, 1);
    assert_int_equal(b->host.nidle, 0); /* the list still has it */
    exchange_run_soon(&b->host);
    assert_int_equal(b->host.nidle, 1);
    assert_int_equal(b->idles, 1);
    b->host.scope = &b->scope;
}

static void what_is_listed_when_the_host_ends_is_freed(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", NULL));
    exchange_soon(f.x);
    front_close(&f, false); /* bench_release sees to it that nothing is left */
}

static void ended_exchanges_are_used_again_clean(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/watch/a", "accept: text/event-stream"));
    front_end(&f);
    fake_message(bench_call(b, 0), STR(""));
    fake_end(bench_call(b, 0), TC_CODE_ABORTED, "");
    struct exchange *x = f.x;
    front_close(&f, true);
    assert_int_equal(b->host.nidle, 1);
    assert_true(front_open(&f, &b->host, "GET", "/unary/b", NULL));
    assert_ptr_equal(f.x, x);
    assert_int_equal(b->host.nidle, 0);
    front_end(&f);
    fake_message(bench_call(b, 1), bench_wire(b, "2:1"));
    fake_end(bench_call(b, 1), TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    assert_str(buf_str(&f.got), "{\"count\":1}");
    assert_str(front_header(&f, "content-type"), "application/json");
    front_close(&f, true);
    assert_int_equal(b->event.http_status, 200);
    assert_int_equal(str_c(b->error).n, 0);
}

/* ---- memory */

/* One whole call: it ends well, when `expected` says so, or in an error that the client sees. */
struct story {
    const char *target, *headers, *body, *expected;
    const char *reply; /* text of wire_text.h */
    enum tc_code code;
};
struct life {
    const struct story *story;
    struct bench *b;
    char wire[64]; /* of the reply, made before memory gets short */
    size_t nwire;
};

static bool well(const struct life *l, struct fake_front *f)
{
    return !f->short_got && f->x->answer.complete && f->x->answer.status == 200 &&
           front_header(f, "content-type").p && front_header(f, "x-request-id").p &&
           str_eq(buf_str(&f->got), str_c(l->story->expected));
}

static void play(const struct life *l, struct fake_front *f)
{
    struct bench *b = l->b;
    struct header tail[] = {{STR_INIT("x-tail"), STR_INIT("1")}};
    if (l->story->body)
        front_body(f, str_c(l->story->body));
    front_end(f);
    struct fake_call *c = b->channels[0].ncalls ? bench_call(b, 0) : NULL;
    if (c && !c->gone)
        fake_headers(c, tail, 1);
    for (int i = 0; i < 2 && c && !c->gone && c->waiting; i++) {
        fake_message(c, str_of(l->wire, l->nwire));
        if (!f->x->policy->method->server_streaming)
            break;
    }
    if (c && !c->gone)
        fake_end_with(c, &(struct call_end){.code = l->story->code,
                                            .message = STR("ended"),
                                            .trailers = tail,
                                            .ntrailers = 1,
                                            .from_peer = true});
}

static bool live(void *arg)
{
    const struct life *l = arg;
    struct bench *b = l->b;
    struct fake_front f;

    if (!front_open(&f, &b->host, l->story->body ? "POST" : "GET", l->story->target,
                    l->story->headers))
        return false;
    play(l, &f);
    for (int turn = 0; turn < 4; turn++)
        exchange_run_soon(&b->host);
    front_read(&f, SIZE_MAX);
    if (!f.x->answer.complete && !f.x->answer.broken)
        fail_msg("%s was left without an outcome", l->story->target);
    assert_true(f.x->answer.ready);
    bool ok = well(l, &f);
    if (f.x->answer.status == 200 && f.x->answer.complete && !f.short_got)
        assert_true(ok); /* nothing is lost silently */
    uint32_t ended = b->ended;
    front_close(&f, true);
    assert_int_equal(b->ended, ended + 1);
    if (b->channels[0].ncalls)
        assert_true(bench_call(b, 0)->gone);
    return ok;
}

static const struct story stories[] = {
    {"/unary", "transfer-encoding: chunked\nx-k: v", "{\"name\":\"n\",\"part\":{\"name\":\"p\"}}",
     "{\"name\":\"a\",\"part\":{\"name\":\"b\"}}", "3:{1:'b'} 1:'a'", TC_CODE_OK},
    {"/unary/n?part.name=x&tags=a&tags=b", NULL, NULL, "{\"count\":1}", "2:1", TC_CODE_OK},
    {"/watch/n", "accept: text/event-stream", NULL,
     "data: {\"count\":1}\n\ndata: {\"count\":1}\n\n", "2:1", TC_CODE_OK},
    {"/collect", "transfer-encoding: chunked", "[{\"count\":1},{\"name\":\"x\"}]", "{\"count\":1}",
     "2:1", TC_CODE_OK},
    {"/talk", "transfer-encoding: chunked", "{}{}{}", "[{\"count\":1},{\"count\":1}]", "2:1",
     TC_CODE_OK},
    {"/unary/n", NULL, NULL, "", "", TC_CODE_NOT_FOUND},
    {"/watch/n", NULL, NULL, "", "2:1", TC_CODE_NOT_FOUND},
    {"/nowhere", NULL, NULL, "", "", TC_CODE_OK},
    {"/collect", "transfer-encoding: chunked", "[{},{\"x\":1}]", "", "", TC_CODE_OK},
};

static struct life life_of(struct bench *b, size_t i)
{
    struct life l = {.story = &stories[i], .b = b};
    struct str wire = bench_wire(b, l.story->reply);
    assert_true(wire.n <= sizeof l.wire);
    memcpy(l.wire, wire.p, wire.n);
    l.nwire = wire.n;
    return l;
}

static void short_memory_is_an_error_and_no_more(void **state)
{
    struct bench *b = *state;

    for (size_t l = 0; l < sizeof stories / sizeof *stories; l++) {
        struct life life = life_of(b, l);
        for (size_t i = 0;; i++) {
            exchange_host_release(&b->host);
            failmalloc_start(i);
            bool ok = live(&life);
            bool hit = failmalloc_stop();
            forget_calls(b);
            if (!hit) {
                assert_int_equal(ok, life.story->expected[0] != 0);
                assert_true(i > 3);
                break;
            }
        }
    }
}

static void a_full_arena_is_an_error_and_no_more(void **state)
{
    struct bench *b = *state;

    for (size_t l = 0; l < sizeof stories / sizeof *stories; l++) {
        struct life life = life_of(b, l);
        size_t good = 0, bad = 0;
        for (size_t room = 0; room < 16000; room += 64) {
            struct fake_front f;
            exchange_host_release(&b->host);
            front_open(&f, &b->host, "GET", "/nowhere", NULL);
            front_close(&f, true);
            b->host.idle->arena.max = room;
            bool ok = live(&life);
            good += ok;
            bad += !ok;
            forget_calls(b);
        }
        assert_true(bad > 0);
        assert_int_equal(good > 0, life.story->expected[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(the_clients_request_id_is_kept_when_it_is_legal),
        BENCH_TEST(a_request_id_of_129_bytes_is_replaced),
        BENCH_TEST(what_the_front_refuses_has_a_request_id_too),
        BENCH_TEST(only_the_first_failure_counts),
        BENCH_TEST(a_failure_behind_the_whole_answer_is_none),
        BENCH_TEST(no_channel_is_503),
        BENCH_TEST(a_front_may_leave_at_any_time),
        BENCH_TEST(the_event_tells_what_happened),
        BENCH_TEST(a_call_cut_off_counts_its_upstream_time),
        BENCH_TEST(an_old_scope_is_idle_once_its_last_exchange_has_ended),
        BENCH_TEST(an_old_scope_is_idle_though_its_exchange_is_listed),
        BENCH_TEST(what_is_listed_when_the_host_ends_is_freed),
        BENCH_TEST(ended_exchanges_are_used_again_clean),
        BENCH_TEST(short_memory_is_an_error_and_no_more),
        BENCH_TEST(a_full_arena_is_an_error_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
