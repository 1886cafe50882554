#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/bench_setup.h"
#include "tests/unit/support/splits.h"

#define CHUNKED "transfer-encoding: chunked"

static void open_for(struct bench *b, struct fake_front *f, const char *target)
{
    assert_true(front_open(f, &b->host, "POST", target, CHUNKED));
    assert_false(f->x->answer.ready);
}

static void forget_calls(struct bench *b)
{
    fake_channel_release(&b->channels[bench_cluster(b, "main")]);
}

static void check_refused(struct bench *b, struct fake_front *f, uint16_t http, const char *part)
{
    assert_true(f->x->answer.complete);
    assert_int_equal(f->x->answer.status, http);
    front_read(f, SIZE_MAX);
    assert_has(buf_str(&f->got), part);
    uint32_t ended = b->ended;
    front_close(f, true);
    assert_int_equal(b->ended, ended + 1);
    assert_int_equal(b->event.http_status, http);
}

/* ---- unary */

static void feed_unary(void *arg, const struct str *pieces, size_t n)
{
    struct bench *b = arg;
    struct fake_front f;

    open_for(b, &f, "/unary");
    for (size_t i = 0; i < n; i++)
        assert_int_equal(front_body(&f, pieces[i]), pieces[i].n);
    assert_int_equal(b->channels[0].ncalls, 0);
    front_end(&f);
    struct fake_call *c = bench_call(b, 0);
    assert_str(c->path, "/calls.Calls/Unary");
    assert_int_equal(c->nsent, 1);
    assert_true(c->closed);
    assert_true(str_eq(fake_sent(c, 0), bench_wire(b, "1:'a' 2:7 3:{1:'p'}")));
    front_close(&f, false);
    assert_int_equal(c->cancels, 1);
    assert_int_equal(b->event.http_status, 499);
    forget_calls(b);
    arena_reset(&b->arena);
}

static void a_body_may_come_in_any_pieces(void **state)
{
    splits_each(STR(" {\"name\":\"a\",\"count\":7,\"part\":{\"name\":\"p\"}} "), feed_unary,
                *state);
}

static void no_body_is_an_empty_message(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/unary");
    front_end(&f);
    assert_int_equal(fake_sent(bench_call(b, 0), 0).n, 0);
    front_close(&f, false);
}

static void a_body_that_is_wrong_is_refused_at_once(void **state)
{
    static const struct {
        const char *body, *part;
        bool at_end; /* only the end shows it */
    } cases[] = {
        {"{\"name\":1}", "\"field\":\"name\"", false},
        {"{\"nome\":1}", "nome", false},
        {"[]", "\"code\":3", false},
        {"{} {}", "\"code\":3", false},
        {"{", "\"code\":3", true},
        {"{\"part\":{\"name\":\"x\"", "\"code\":3", true},
        {" ", "\"code\":3", true},
        {"{\"name\":\"\xff\"}", "\"code\":3", false},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_front f;
        open_for(b, &f, "/unary");
        assert_int_equal(front_body(&f, str_c(cases[i].body)), str_c(cases[i].body).n);
        assert_int_equal(f.x->answer.ready, !cases[i].at_end);
        assert_int_equal(front_body(&f, STR("more")), 4); /* taken, whatever it is */
        front_end(&f);
        assert_int_equal(b->channels[0].ncalls, 0);
        check_refused(b, &f, 400, cases[i].part);
    }
}

static void a_body_beyond_its_ceiling_is_413(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/narrow"); /* 64 bytes */
    front_body(&f, STR("{\"name\":\"0123456789012345678901234567890123456789012345678901"));
    assert_false(f.x->answer.ready);
    front_body(&f, STR("\"} "));
    assert_false(f.x->answer.ready); /* 64 */
    front_body(&f, STR(" "));
    check_refused(b, &f, 413, "64 bytes");
    assert_int_equal(b->event.code, TC_CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(b->event.bytes_in, 65);
}

static void a_route_without_a_body_refuses_one(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "GET", "/unary/a", CHUNKED));
    assert_int_equal(front_body(&f, STR("")), 0);
    assert_false(f.x->answer.ready);
    assert_int_equal(front_body(&f, STR("{}")), 2);
    check_refused(b, &f, 400, "GET /unary/{name} takes no request body");
}

static void the_body_may_not_change_what_the_path_says(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    assert_true(front_open(&f, &b->host, "PUT", "/unary/n?count=3", CHUNKED));
    front_body(&f, STR("{\"name\":\"p\"}"));
    front_end(&f);
    struct str sent = fake_sent(bench_call(b, 0), 0);
    assert_int_equal(sent.n, bench_wire(b, "1:'n' 2:3 3:{1:'p'}").n);
    front_close(&f, false);
}

/* ---- client streams */

static void feed_stream(void *arg, const struct str *pieces, size_t n)
{
    struct bench *b = arg;
    struct fake_front f;

    open_for(b, &f, "/collect");
    for (size_t i = 0; i < n; i++)
        assert_int_equal(front_body(&f, pieces[i]), pieces[i].n);
    front_end(&f);
    struct fake_call *c = bench_call(b, 0);
    assert_int_equal(b->channels[0].ncalls, 1);
    assert_int_equal(c->nsent, 3);
    assert_true(c->closed);
    assert_true(str_eq(fake_sent(c, 0), bench_wire(b, "1:'a'")));
    assert_int_equal(fake_sent(c, 1).n, 0);
    assert_true(str_eq(fake_sent(c, 2), bench_wire(b, "2:3")));
    assert_int_equal(f.x->messages_in, 3);
    fake_message(c, bench_wire(b, "2:3"));
    fake_end(c, TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    assert_str(buf_str(&f.got), "{\"count\":3}");
    front_close(&f, true);
    assert_int_equal(b->event.http_status, 200);
    assert_int_equal(c->cancels, 0);
    forget_calls(b);
    arena_reset(&b->arena);
}

static void a_streams_messages_may_come_in_any_pieces(void **state)
{
    splits_each(STR("[{\"name\":\"a\"}, {}, {\"count\":3}]"), feed_stream, *state);
    splits_each(STR("{\"name\":\"a\"}\n{}\n{\"count\":3}\n"), feed_stream, *state);
}

static void a_stream_is_called_with_its_first_message(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/collect");
    front_body(&f, STR("[{\"count\":1"));
    assert_int_equal(b->channels[0].ncalls, 0);
    front_body(&f, STR("}"));
    struct fake_call *c = bench_call(b, 0);
    assert_int_equal(c->nsent, 1);
    assert_false(c->closed);
    front_body(&f, STR(",{},{}"));
    assert_int_equal(c->nsent, 3);
    front_close(&f, false);
    assert_int_equal(c->cancels, 1);
    assert_int_equal(b->event.messages_in, 3);
}

static void a_stream_of_no_message_is_called_all_the_same(void **state)
{
    static const char *bodies[] = {"", "[]", " \n", " [ ] "};
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct fake_front f;
        open_for(b, &f, "/collect");
        front_body(&f, str_c(bodies[i]));
        front_end(&f);
        struct fake_call *c = bench_call(b, 0);
        assert_int_equal(c->nsent, 0);
        assert_true(c->closed);
        front_close(&f, false);
        assert_int_equal(b->event.messages_in, 0);
        forget_calls(b);
    }
}

static void a_wrong_message_ends_the_call(void **state)
{
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"[{},{\"count\":\"x\"}]", "\"field\":\"[1].count\""},
        {"[{}", "cut short"},
        {"[{}]x", "\"code\":3"},
        {"{}\n{\"nome\":1}", "[1].nome"},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_front f;
        open_for(b, &f, "/collect");
        assert_int_equal(front_body(&f, str_c(cases[i].body)), str_c(cases[i].body).n);
        front_end(&f);
        struct fake_call *c = bench_call(b, 0);
        assert_int_equal(c->cancels, 1);
        assert_int_equal(c->nsent, 1);
        check_refused(b, &f, 400, cases[i].part);
        forget_calls(b);
    }
}

static void the_ceiling_of_a_stream_is_for_each_message(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/narrowcollect"); /* 64 bytes */
    for (int i = 0; i < 50; i++)
        assert_int_equal(front_body(&f, STR("{\"name\":\"012345678901234567890123456789\"}\n")),
                         42);
    assert_false(f.x->answer.ready);
    assert_int_equal(bench_call(b, 0)->nsent, 50);
    front_body(&f, STR("{\"name\":\"01234567890123456789012345678901234567890123456789"));
    assert_false(f.x->answer.ready);
    front_body(&f, STR("0123456789"));
    assert_int_equal(bench_call(b, 0)->cancels, 1);
    check_refused(b, &f, 413, "64 bytes");
}

static void a_full_channel_stops_the_body_until_it_is_writable(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct str body = STR("[{\"count\":1},{\"count\":2},{\"count\":3}]");

    open_for(b, &f, "/collect");
    b->channels[0].full = true;
    size_t taken = front_body(&f, body);
    assert_int_equal(taken, sizeof "[{\"count\":1}" - 1);
    struct fake_call *c = bench_call(b, 0);
    assert_int_equal(c->nsent, 1);
    body = str_skip(body, taken);
    assert_int_equal(front_body(&f, body), 0);
    assert_int_equal(front_body(&f, body), 0);
    fake_writable(c);
    assert_int_equal(f.wakes, 1);
    taken = front_body(&f, body);
    assert_int_equal(taken, sizeof ",{\"count\":2}" - 1);
    b->channels[0].full = false;
    fake_writable(c);
    body = str_skip(body, taken);
    assert_int_equal(front_body(&f, body), body.n);
    front_end(&f);
    assert_int_equal(c->nsent, 3);
    assert_true(c->closed);
    front_close(&f, false);
}

static void the_end_of_a_paused_body_waits_for_the_channel(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/collect");
    b->channels[0].full = true;
    assert_int_equal(front_body(&f, STR("{}")), 2);
    front_end(&f);
    struct fake_call *c = bench_call(b, 0);
    assert_int_equal(c->nsent, 1);
    assert_false(c->closed);
    b->channels[0].full = false;
    fake_writable(c);
    assert_true(c->closed);
    assert_true(f.wakes > 0);
    front_close(&f, false);
    assert_int_equal(c->cancels, 1);
}

static void writable_without_a_pause_is_nothing(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/collect");
    front_body(&f, STR("{}"));
    fake_writable(bench_call(b, 0));
    assert_int_equal(f.wakes, 0);
    front_close(&f, false);
}

static void the_end_of_the_call_frees_a_paused_body(void **state)
{
    static const enum tc_code codes[] = {TC_CODE_OK, TC_CODE_UNAVAILABLE};
    struct bench *b = *state;

    for (size_t i = 0; i < 2; i++) {
        struct fake_front f;
        open_for(b, &f, "/talk");
        b->channels[0].full = true;
        struct str body = STR("{} {} {} not JSON");
        struct str rest = str_skip(body, front_body(&f, body));
        struct fake_call *c = bench_call(b, 0);
        for (int k = 0; k < 3; k++) /* an answer that nobody reads yet */
            fake_message(c, bench_wire(b, "1:'0123456789012345678901234567890123456789' 2:1"));
        assert_int_equal(front_body(&f, rest), 0);
        uint32_t wakes = f.wakes;
        fake_end(c, codes[i], "");
        assert_true(f.wakes > wakes);
        assert_int_equal(front_body(&f, rest), rest.n); /* dropped: nobody is there to take it */
        front_end(&f);
        front_read(&f, SIZE_MAX);
        assert_int_equal(f.x->answer.complete, codes[i] == TC_CODE_OK);
        assert_int_equal(f.x->answer.broken, codes[i] != TC_CODE_OK);
        front_close(&f, true);
        b->channels[0].full = false;
        forget_calls(b);
    }
}

static void an_answer_may_come_before_the_bodys_end(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/collect");
    front_body(&f, STR("[{}"));
    struct fake_call *c = bench_call(b, 0);
    fake_message(c, bench_wire(b, "2:9"));
    fake_end(c, TC_CODE_OK, "");
    assert_true(f.x->answer.complete);
    assert_int_equal(front_body(&f, STR(",{},what?")), 9);
    front_end(&f);
    front_read(&f, SIZE_MAX);
    assert_str(buf_str(&f.got), "{\"count\":9}");
    front_close(&f, true);
    assert_int_equal(b->event.http_status, 200);
}

static void both_sides_of_a_stream_go_on_together(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/talk");
    for (int i = 0; i < 3; i++) {
        front_body(&f, STR("{\"count\":1}\n"));
        struct fake_call *c = bench_call(b, 0);
        assert_int_equal(c->nsent, i + 1);
        fake_message(c, bench_wire(b, "2:2"));
        front_read(&f, SIZE_MAX);
        assert_int_equal(f.x->messages_out, i + 1);
    }
    front_end(&f);
    assert_true(bench_call(b, 0)->closed);
    fake_end(bench_call(b, 0), TC_CODE_OK, "");
    front_read(&f, SIZE_MAX);
    assert_str(buf_str(&f.got), "[{\"count\":2},{\"count\":2},{\"count\":2}]");
    front_close(&f, true);
}

static void a_wrong_message_behind_the_answers_head_breaks_it_visibly(void **state)
{
    struct bench *b = *state;
    struct fake_front f;

    open_for(b, &f, "/talk");
    front_body(&f, STR("{}"));
    struct fake_call *c = bench_call(b, 0);
    fake_message(c, bench_wire(b, "2:2"));
    assert_int_equal(front_body(&f, STR("{\"x\":1} {} {}")), 13); /* all: nobody would wake it */
    assert_int_equal(c->cancels, 1);
    assert_true(f.x->answer.broken);
    front_end(&f);
    front_read(&f, SIZE_MAX);
    assert_has(buf_str(&f.got), "[{\"count\":2},{\"error\":{\"code\":3,");
    front_close(&f, true);
    assert_int_equal(c->cancels, 1);
    assert_int_equal(b->event.code, TC_CODE_INVALID_ARGUMENT);
}

static void long_streams_do_not_grow_the_exchange(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct str message = STR(
        "{\"any\":{\"name\":\"n\",\"@type\":\"t/calls.Part\"},\"scores\":{\"a\":1},"
        "\"part\":{\"part\":{\"name\":\"\\u00e4\"}},\"ratio\":1e3}\n");

    open_for(b, &f, "/collect");
    for (int i = 0; i < 4; i++)
        front_body(&f, message);
    size_t used = f.x->arena.used;
    for (int i = 0; i < 20000; i++)
        front_body(&f, message);
    assert_int_equal(bench_call(b, 0)->nsent, 20004);
    assert_in_range(f.x->arena.used, 0, used);
    front_close(&f, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_body_may_come_in_any_pieces),
        BENCH_TEST(no_body_is_an_empty_message),
        BENCH_TEST(a_body_that_is_wrong_is_refused_at_once),
        BENCH_TEST(a_body_beyond_its_ceiling_is_413),
        BENCH_TEST(a_route_without_a_body_refuses_one),
        BENCH_TEST(the_body_may_not_change_what_the_path_says),
        BENCH_TEST(a_streams_messages_may_come_in_any_pieces),
        BENCH_TEST(a_stream_is_called_with_its_first_message),
        BENCH_TEST(a_stream_of_no_message_is_called_all_the_same),
        BENCH_TEST(a_wrong_message_ends_the_call),
        BENCH_TEST(the_ceiling_of_a_stream_is_for_each_message),
        BENCH_TEST(a_full_channel_stops_the_body_until_it_is_writable),
        BENCH_TEST(the_end_of_a_paused_body_waits_for_the_channel),
        BENCH_TEST(writable_without_a_pause_is_nothing),
        BENCH_TEST(the_end_of_the_call_frees_a_paused_body),
        BENCH_TEST(an_answer_may_come_before_the_bodys_end),
        BENCH_TEST(both_sides_of_a_stream_go_on_together),
        BENCH_TEST(a_wrong_message_behind_the_answers_head_breaks_it_visibly),
        BENCH_TEST(long_streams_do_not_grow_the_exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
