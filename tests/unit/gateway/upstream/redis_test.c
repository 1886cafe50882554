#include "gateway/upstream/redis.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "gateway/core/log.h"
#include "tests/fakes/redis_process.h"
#include "tests/unit/support/failmalloc.h"

/* The client against a real server that is stopped, killed and started again, and against a fake
 * one that says what a real one says at bad times. */

#define MS UINT64_C(1000000)
/* A call waits 20 ms; what comes on top is a machine that runs other things too. */
#define PATIENCE (100 * MS)
enum { RECOVERY_MS = 1800 }; /* 1000, and the same */

struct bench {
    uv_loop_t loop;
    struct timer_wheel timers;
    struct redis *redis;
    struct redis_process server;
};

struct probe {
    struct redis_call call; /* first */
    struct redis_reply reply;
    bool done;
    uint64_t asked, waited;
};

static const struct str scripts[] = {
    STR_INIT("return {#KEYS, tonumber(ARGV[1]), 7}"),
    STR_INIT("return redis.call('INCRBY', KEYS[1], ARGV[1])"),
};

static void open_client(struct bench *b, const char *endpoint, uint32_t timeout_ms)
{
    struct redis_config c = {
        .endpoint = str_c(endpoint), .timeout_ms = timeout_ms, .scripts = scripts, .nscripts = 2};
    b->redis = redis_open(&b->loop, &b->timers, &c);
    assert_non_null(b->redis);
}

static int set_up_with(void **state, uint32_t timeout_ms)
{
    static struct bench b;
    uv_loop_init(&b.loop);
    timer_wheel_init(&b.timers, &b.loop);
    redis_process_start(&b.server);
    open_client(&b, b.server.endpoint, timeout_ms);
    *state = &b;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, 0);
}

/* Where it is not about time, a busy machine is no silent server. */
static int set_up_patient(void **state)
{
    return set_up_with(state, 5000);
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    redis_close(b->redis);
    timer_wheel_close(&b->timers);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    redis_process_end(&b->server);
    return uv_loop_close(&b->loop);
}

static void on_reply(struct redis_call *call, const struct redis_reply *reply)
{
    struct probe *p = (struct probe *)call;
    assert_false(p->done);
    p->done = true;
    p->reply = *reply;
    p->waited = clock_now() - p->asked;
}

static bool ask(struct bench *b, struct probe *p, uint32_t script, const char *argument)
{
    static const struct str keys[] = {STR_INIT("a key"), STR_INIT("another")};
    struct str args[] = {str_c(argument)};
    struct redis_command c = {script, keys, args, script == 0 ? 2 : 1, 1};
    *p = (struct probe){.asked = clock_now()};
    return redis_eval(b->redis, &p->call, &c, on_reply);
}

static void on_nothing(uv_timer_t *t)
{
    (void)t;
}

static void run_for(struct bench *b, uint64_t ms)
{
    uint64_t until = clock_now() + ms * MS;
    uv_timer_t t;
    uv_timer_init(&b->loop, &t);
    uv_timer_start(&t, on_nothing, 1, 1);
    while (clock_now() < until)
        uv_run(&b->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
}

static void settle(struct bench *b, struct probe *p)
{
    for (unsigned i = 0; i < 5000 && !p->done; i++)
        run_for(b, 1);
    assert_true(p->done);
}

/* How long until a call is answered again; fails after two seconds. */
static uint64_t until_it_answers(struct bench *b)
{
    uint64_t from = clock_now();
    struct probe p;
    while (clock_now() - from < 2000 * MS) {
        if (ask(b, &p, 0, "1")) {
            settle(b, &p);
            if (p.reply.status == REDIS_REPLIED)
                return (clock_now() - from) / MS;
        }
        run_for(b, 5);
    }
    fail_msg("redis did not come back");
    return 0;
}

static void calls_wait_for_the_first_connection(void **state)
{
    struct probe p, q;
    assert_true(ask(*state, &p, 0, "5"));
    assert_true(ask(*state, &q, 1, "3"));
    settle(*state, &q);
    assert_int_equal(p.reply.status, REDIS_REPLIED);
    assert_int_equal(p.reply.n, 3);
    assert_int_equal(p.reply.values[0], 2);
    assert_int_equal(p.reply.values[1], 5);
    assert_int_equal(p.reply.values[2], 7);
    assert_int_equal(q.reply.values[0], 3);
}

static void many_calls_are_answered_in_order(void **state)
{
    static struct probe probes[500];
    struct bench *b = *state;
    until_it_answers(b);
    for (unsigned i = 0; i < 500; i++)
        assert_true(ask(b, &probes[i], 1, "1"));
    for (unsigned i = 0; i < 500; i++) {
        settle(b, &probes[i]);
        assert_int_equal(probes[i].reply.values[0], i + 1);
    }
}

static void a_forgotten_script_is_sent_again(void **state)
{
    struct bench *b = *state;
    char command[200];
    struct probe p;
    until_it_answers(b);
    snprintf(command, sizeof command, "redis-cli -s %s SCRIPT FLUSH >/dev/null", b->server.path);
    assert_int_equal(system(command), 0);
    assert_true(ask(b, &p, 0, "8"));
    settle(b, &p);
    assert_int_equal(p.reply.status, REDIS_REPLIED);
    assert_int_equal(p.reply.values[1], 8);
}

static void an_error_of_the_script_is_the_calls_alone(void **state)
{
    struct bench *b = *state;
    struct probe p, q;
    until_it_answers(b);
    assert_true(ask(b, &p, 1, "no number"));
    assert_true(ask(b, &q, 0, "1"));
    settle(b, &q);
    assert_int_equal(p.reply.status, REDIS_FAILED);
    assert_non_null(strstr(p.reply.error, "not an integer"));
    assert_int_equal(q.reply.status, REDIS_REPLIED);
}

static void a_cancelled_call_is_not_answered(void **state)
{
    struct bench *b = *state;
    struct probe p, q;
    until_it_answers(b);
    assert_true(ask(b, &p, 0, "1"));
    assert_true(ask(b, &q, 0, "2"));
    redis_cancel(b->redis, &p.call);
    redis_cancel(b->redis, &p.call);
    settle(b, &q);
    assert_false(p.done);
    assert_int_equal(q.reply.values[1], 2);
}

/* An answer may be waited for by somebody else, once there is one to come. */
static void an_answer_may_go_to_another(void **state)
{
    struct bench *b = *state;
    struct probe p, q = {.done = false};
    until_it_answers(b);
    assert_true(ask(b, &p, 0, "5"));
    assert_false(redis_move(b->redis, &p.call, &q.call, on_reply)); /* not sent yet */
    redis_process_signal(&b->server, SIGSTOP);
    run_for(b, 5);
    assert_true(redis_move(b->redis, &p.call, &q.call, on_reply));
    assert_false(redis_move(b->redis, &p.call, &q.call, on_reply));
    redis_cancel(b->redis, &p.call); /* is nobody's business any more */
    redis_process_signal(&b->server, SIGCONT);
    settle(b, &q);
    assert_int_equal(q.reply.values[1], 5);
    assert_false(p.done);
}

/* R6: accepts, and does not reply. */
static void a_stopped_server_costs_no_more_than_the_timeout(void **state)
{
    struct bench *b = *state;
    struct probe p[5];
    until_it_answers(b);
    redis_process_signal(&b->server, SIGSTOP);
    for (unsigned i = 0; i < 5; i++)
        assert_true(ask(b, &p[i], 0, "1"));
    for (unsigned i = 0; i < 5; i++) {
        settle(b, &p[i]);
        assert_int_equal(p[i].reply.status, REDIS_SILENT);
        assert_true(p[i].waited >= 10 * MS && p[i].waited <= PATIENCE);
    }
    assert_false(ask(b, &p[0], 0, "1")); /* known by now */
    run_for(b, 1500);                    /* connections that nobody answers are given up */
    assert_false(ask(b, &p[0], 0, "1"));
    redis_process_signal(&b->server, SIGCONT);
    assert_in_range(until_it_answers(b), 0, RECOVERY_MS);
}

static void a_short_stall_is_over_with_the_first_answer(void **state)
{
    struct bench *b = *state;
    struct redis_stats before, after;
    struct probe p;
    until_it_answers(b);
    redis_stats(b->redis, &before);
    redis_process_signal(&b->server, SIGSTOP);
    assert_true(ask(b, &p, 0, "1"));
    settle(b, &p);
    redis_process_signal(&b->server, SIGCONT);
    assert_in_range(until_it_answers(b), 0, RECOVERY_MS);
    redis_stats(b->redis, &after);
    assert_int_equal(before.connects, after.connects);
}

/* What was asked for and not answered in time is executed all the same: who asked can learn of it.
 */
struct late {
    struct probe p;
    struct bench *b;
    struct probe *to;
    bool moved;
};

static void on_silence(struct redis_call *call, const struct redis_reply *reply)
{
    struct late *l = (struct late *)call;
    assert_int_equal(reply->status, REDIS_SILENT);
    l->p.done = true;
    l->moved = redis_late(l->b->redis, reply, &l->to->call, on_reply);
}

static void a_late_answer_may_still_be_heard(void **state)
{
    struct bench *b = *state;
    struct probe heard = {.done = false};
    struct late l = {.b = b, .to = &heard};
    static const struct str keys[] = {STR_INIT("late")}, args[] = {STR_INIT("3")};
    struct redis_command c = {1, keys, args, 1, 1};
    until_it_answers(b);
    redis_process_signal(&b->server, SIGSTOP);
    assert_true(redis_eval(b->redis, &l.p.call, &c, on_silence));
    settle(b, &l.p);
    assert_true(l.moved);
    memset(&l, 0xa5, sizeof l);
    run_for(b, 100);
    assert_false(heard.done);
    redis_process_signal(&b->server, SIGCONT);
    settle(b, &heard);
    assert_int_equal(heard.reply.values[0], 3);
}

/* Adds 1 to "a key", and nobody wants to know. */
static bool tell(struct bench *b)
{
    static const struct str keys[] = {STR_INIT("a key")}, args[] = {STR_INIT("1")};
    return redis_eval(b->redis, NULL, &(struct redis_command){1, keys, args, 1, 1}, NULL);
}

static void what_nobody_waits_for_is_told_when_it_is_there_again(void **state)
{
    struct bench *b = *state;
    struct probe p;
    until_it_answers(b);
    redis_process_signal(&b->server, SIGSTOP);
    assert_true(ask(b, &p, 0, "1"));
    settle(b, &p);
    for (unsigned i = 0; i < 10; i++)
        assert_true(tell(b)); /* silent */
    redis_process_signal(&b->server, SIGCONT);
    until_it_answers(b);
    assert_true(ask(b, &p, 1, "1"));
    settle(b, &p);
    assert_int_equal(p.reply.values[0], 11);

    redis_process_kill(&b->server);
    run_for(b, 200);
    unsigned kept = 0;
    while (kept < 100000 && tell(b)) /* away; and there is an end to it */
        kept++;
    assert_in_range(kept, REDIS_KEPT_MAX / 200, 99999);
    redis_process_again(&b->server); /* an empty one */
    until_it_answers(b);
    assert_true(ask(b, &p, 1, "1"));
    settle(b, &p);
    assert_int_equal(p.reply.values[0], kept + 1);
    redis_process_kill(&b->server);
    run_for(b, 200);
    assert_true(tell(b)); /* there is room again */
}

static void a_killed_server_is_noticed_at_once_and_found_again(void **state)
{
    struct bench *b = *state;
    struct probe p;
    until_it_answers(b);
    redis_process_signal(&b->server, SIGSTOP);
    assert_true(ask(b, &p, 0, "1"));
    run_for(b, 2);
    redis_process_kill(&b->server);
    settle(b, &p);
    assert_true(p.reply.status == REDIS_LOST || p.reply.status == REDIS_SILENT);
    run_for(b, 1000);
    assert_false(ask(b, &p, 0, "1"));
    redis_process_again(&b->server);
    assert_in_range(until_it_answers(b), 0, RECOVERY_MS);
}

/* ---- a fake server: every connection gets the same bytes ---- */

struct fake {
    uv_pipe_t listener;
    struct str says;
    unsigned accepted;
    char path[64];
};

struct visitor {
    uv_pipe_t pipe;
    uv_write_t write;
};

static void on_visitor_closed(uv_handle_t *h)
{
    free(h);
}

static void on_visitor_room(uv_handle_t *h, size_t n, uv_buf_t *out)
{
    static char room[4096];
    (void)h;
    (void)n;
    *out = uv_buf_init(room, sizeof room);
}

static void on_visitor_read(uv_stream_t *s, ssize_t n, const uv_buf_t *bytes)
{
    (void)bytes;
    if (n < 0)
        uv_close((uv_handle_t *)s, on_visitor_closed);
}

static void on_visit(uv_stream_t *listener, int status)
{
    struct fake *f = listener->data;
    struct visitor *v = calloc(1, sizeof *v);
    assert_int_equal(status, 0);
    f->accepted++;
    uv_pipe_init(listener->loop, &v->pipe, 0);
    uv_accept(listener, (uv_stream_t *)&v->pipe);
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)f->says.p, (unsigned)f->says.n);
    uv_write(&v->write, (uv_stream_t *)&v->pipe, &out, 1, NULL);
    uv_read_start((uv_stream_t *)&v->pipe, on_visitor_room, on_visitor_read);
}

static void serve(struct bench *b, struct fake *f, struct str says)
{
    *f = (struct fake){.says = says};
    snprintf(f->path, sizeof f->path, "/tmp/redis-fake-%d.sock", getpid());
    unlink(f->path);
    uv_pipe_init(&b->loop, &f->listener, 0);
    f->listener.data = f;
    assert_int_equal(uv_pipe_bind(&f->listener, f->path), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&f->listener, 16, on_visit), 0);
}

#define SHA "0123456789012345678901234567890123456789"
#define GREETED "$40\r\n" SHA "\r\n$40\r\n" SHA "\r\n"

/* What the server says on each connection, and whether a call gets as far as being sent. */
static void bad_servers_are_left_and_tried_again(void **state)
{
    static const struct str saying[] = {
        STR_INIT("-LOADING Redis is loading the dataset in memory\r\n"),
        STR_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"),
        STR_INIT("+OK\r\n+OK\r\n"),
        STR_INIT("*9999999\r\n"),
        STR_INIT(":1\r\n:1\r\n"),
        STR_INIT("-NOAUTH Authentication required.\r\n"),
        STR_INIT(GREETED ":1\r\n"), /* an answer that nobody has asked for */
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof saying / sizeof *saying; i++) {
        char endpoint[80];
        struct fake f;
        struct probe p;
        serve(b, &f, saying[i]);
        snprintf(endpoint, sizeof endpoint, "unix:%s", f.path);
        redis_close(b->redis);
        open_client(b, endpoint, 0);
        bool taken = ask(b, &p, 0, "1");
        if (taken) {
            settle(b, &p);
            assert_true(p.reply.status != REDIS_REPLIED || i == 6);
            assert_true(p.waited <= PATIENCE);
        }
        run_for(b, 700);
        assert_in_range(f.accepted, 2, 12); /* tried again, and not in a rush */
        uv_close((uv_handle_t *)&f.listener, NULL);
        run_for(b, 1);
    }
}

/* A replica greets like a master and refuses to write: its calls fail at once. */
static void a_replica_fails_calls_at_once(void **state)
{
    struct bench *b = *state;
    char command[200];
    struct probe p;
    until_it_answers(b);
    snprintf(command, sizeof command, "redis-cli -s %s REPLICAOF 127.0.0.1 1 >/dev/null",
             b->server.path);
    assert_int_equal(system(command), 0);
    assert_true(ask(b, &p, 1, "1"));
    settle(b, &p);
    assert_int_equal(p.reply.status, REDIS_FAILED);
    assert_true(p.waited <= PATIENCE);
    assert_true(strncmp(p.reply.error, "READONLY", 8) == 0 ||
                strncmp(p.reply.error, "MASTERDOWN", 10) == 0);
    assert_false(ask(b, &p, 1, "1"));
    snprintf(command, sizeof command, "redis-cli -s %s REPLICAOF NO ONE >/dev/null",
             b->server.path);
    assert_int_equal(system(command), 0);
    assert_in_range(until_it_answers(b), 0, RECOVERY_MS);
}

static void closing_with_calls_under_way_is_clean(void **state)
{
    struct probe p;
    assert_true(ask(*state, &p, 0, "1")); /* tear_down closes */
}

static bool open_once(void *arg)
{
    struct bench *b = arg;
    struct redis_config c = {.endpoint = str_c(b->server.endpoint),
                             .password = STR("secret"),
                             .db = 1,
                             .scripts = scripts,
                             .nscripts = 2};
    struct redis *r = redis_open(&b->loop, &b->timers, &c);
    if (r)
        redis_close(r);
    run_for(b, 1);
    return r != NULL;
}

static void want_of_memory_opens_nothing(void **state)
{
    assert_true(failmalloc_each(open_once, *state) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_wait_for_the_first_connection, set_up_patient,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_calls_are_answered_in_order, set_up_patient,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_script_is_sent_again, set_up_patient,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_error_of_the_script_is_the_calls_alone, set_up_patient,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_call_is_not_answered, set_up_patient,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_server_costs_no_more_than_the_timeout, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_answer_may_go_to_another, set_up_patient, tear_down),
        cmocka_unit_test_setup_teardown(a_short_stall_is_over_with_the_first_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_late_answer_may_still_be_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_waits_for_is_told_when_it_is_there_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_server_is_noticed_at_once_and_found_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bad_servers_are_left_and_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replica_fails_calls_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(want_of_memory_opens_nothing, set_up_patient, tear_down),
        cmocka_unit_test_setup_teardown(closing_with_calls_under_way_is_clean, set_up, tear_down),
    };
    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
