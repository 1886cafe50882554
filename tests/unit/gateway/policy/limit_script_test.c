#include "gateway/policy/limit_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "gateway/policy/limit_algorithm.h"
#include "gateway/upstream/redis.h"
#include "tests/fakes/redis_process.h"
#include "transcoder/arena.h"

/* The script in a real server, held against the algorithms in C: the same calls at the same times
 * must have the same answers. The server's clock is replaced by one more argument. */

#define S UINT64_C(1000000)
#define DAY (86400 * S)
#define BEGUN (1700000000 * S)

enum { SCRIPT_AS_IT_IS, SCRIPT_OF_THE_TIME };

struct bench {
    uv_loop_t loop;
    struct timer_wheel timers;
    struct redis *redis;
    struct redis_process server;
    struct arena arena;
};

static struct bench b;

struct asked {
    struct redis_call call;
    struct redis_reply reply;
    bool done;
};

static struct str with_a_time(struct arena *a)
{
    struct str script = limit_script();
    const char *rest = strstr(arena_copy(a, script).p, "local id, mode");
    assert_non_null(rest);
    return arena_printf(a, "local time = tonumber(ARGV[#ARGV])\n%s", rest);
}

static int set_up(void **state)
{
    (void)state;
    uv_loop_init(&b.loop);
    timer_wheel_init(&b.timers, &b.loop);
    redis_process_start(&b.server);
    arena_init(&b.arena, 4096, SIZE_MAX);
    struct str scripts[] = {limit_script(), with_a_time(&b.arena)};
    struct redis_config c = {.endpoint = str_c(b.server.endpoint),
                             .timeout_ms = 5000,
                             .scripts = scripts,
                             .nscripts = 2};
    b.redis = redis_open(&b.loop, &b.timers, &c);
    return b.redis ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    redis_close(b.redis);
    timer_wheel_close(&b.timers);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    redis_process_end(&b.server);
    arena_release(&b.arena);
    return uv_loop_close(&b.loop);
}

static void on_reply(struct redis_call *call, const struct redis_reply *reply)
{
    struct asked *a = (struct asked *)call;
    a->reply = *reply;
    a->done = true;
}

struct ask {
    uint32_t script;
    const char *id;
    enum limit_script_mode mode;
    const struct str *keys;
    const struct limit_script_row *rows;
    uint32_t n;
    uint64_t time;
};

static struct redis_reply eval(const struct ask *q)
{
    struct str args[8];
    char mode[4], time[24];
    struct asked a = {.done = false};
    args[0] = str_c(q->id);
    args[1] = str_of(mode, (size_t)snprintf(mode, sizeof mode, "%d", q->mode));
    for (uint32_t i = 0; i < q->n; i++)
        args[2 + i] = str_of((const char *)&q->rows[i], sizeof q->rows[i]);
    args[2 + q->n] = str_of(
        time, (size_t)snprintf(time, sizeof time, "%llu", (unsigned long long)q->time));
    struct redis_command c = {q->script, q->keys, args, q->n, 2 + q->n + q->script};
    assert_true(redis_eval(b.redis, &a.call, &c, on_reply));
    while (!a.done)
        uv_run(&b.loop, UV_RUN_ONCE);
    if (a.reply.status != REDIS_REPLIED)
        fail_msg("%s", a.reply.error);
    assert_int_equal(a.reply.n, 2 + q->n * LIMIT_SCRIPT_VALUES);
    return a.reply;
}

/* ---- against C ---- */

struct pair {
    struct limit_rule rule;
    union limit_state state;
    struct str key;
    uint64_t time;
    unsigned ids;
};

static uint64_t random_below(uint64_t *seed, uint64_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % n;
}

static struct limit_verdict locally(struct pair *p, enum limit_script_mode mode, uint64_t cost,
                                    uint64_t at)
{
    const struct limit_algorithm *a = limit_algorithm_of(&p->rule);
    uint64_t since = p->rule.kind == LIMIT_SLIDING_LOG ? BEGUN : 0; /* 35 years fit into a log */
    struct limit_use u = {&p->rule, (p->time - since) * 1000, (at - since) * 1000, cost};
    a->advance(&p->state, &u);
    uint16_t room = p->rule.kind == LIMIT_SLIDING_LOG ? limit_log_wants(&p->state) : 0;
    if (room)
        free(limit_log_grow(&p->state, malloc(room * sizeof(struct limit_log_entry)), room));
    struct limit_verdict v = a->judge(&p->state, &u);
    if (mode == LIMIT_SCRIPT_REFUND)
        a->refund(&p->state, &u);
    else if (v.granted || mode == LIMIT_SCRIPT_CHARGE)
        a->charge(&p->state, &u);
    u.cost = 0;
    v.remaining = a->judge(&p->state, &u).remaining;
    return v;
}

static void check(struct pair *p, enum limit_script_mode mode, uint64_t cost, uint64_t at,
                  const char *id, uint64_t had)
{
    struct limit_script_row row = limit_script_row(&p->rule, 60 * S);
    row.cost = (double)cost;
    row.most = (double)had;
    row.at_us = (double)at;
    struct ask q = {SCRIPT_OF_THE_TIME, id, mode, &p->key, &row, 1, p->time};
    struct redis_reply r = eval(&q);
    struct limit_verdict v = locally(p, mode, cost, at);
    struct limit_script_answer a = limit_script_answer(&r.values[2]);
    assert_int_equal(a.remaining, v.remaining);
    if (mode != LIMIT_SCRIPT_TAKE)
        return;
    assert_int_equal(r.values[0], v.granted);
    assert_int_equal(r.values[1], p->time);
    assert_int_equal(a.charged, v.granted ? cost : 0);
    if (v.wait_ns == LIMIT_NEVER)
        assert_true(a.wait_us == LIMIT_NEVER);
    else if (!v.granted && p->rule.kind != LIMIT_CONCURRENCY)
        assert_in_range(a.wait_us + 2, (v.wait_ns + 999) / 1000, (v.wait_ns + 999) / 1000 + 4);
}

static void walk(struct limit_rule rule, uint64_t step_us, const char *name)
{
    struct pair p = {.rule = rule, .key = str_c(name), .time = BEGUN};
    uint64_t seed = 99, at = 0, cost = 0;
    char id[16] = "";
    p.state = limit_algorithm_of(&rule)->fresh(&rule);
    for (unsigned i = 0; i < 1500; i++) {
        uint64_t what = random_below(&seed, 10);
        p.time += 1 + random_below(&seed, step_us);
        if (what == 0 && at) { /* at most once for each */
            check(&p, LIMIT_SCRIPT_REFUND, random_below(&seed, cost + 1), at, id, cost);
            at = 0;
            continue;
        }
        snprintf(id, sizeof id, "id%u", i);
        at = p.time;
        cost = random_below(&seed, 5);
        check(&p, what == 1 ? LIMIT_SCRIPT_CHARGE : LIMIT_SCRIPT_TAKE, cost, at, id, 0);
        if (cost == 0)
            at = 0;
    }
    if (rule.kind == LIMIT_SLIDING_LOG)
        free(p.state.log.ring);
}

static struct limit_rule rule(enum limit_kind kind, uint64_t amount, uint64_t window_us)
{
    return (struct limit_rule){.kind = (uint8_t)kind,
                               .amount = amount,
                               .window_ns = window_us * 1000,
                               .burst = amount + amount / 2};
}

static void a_bucket_is_the_same_there_and_here(void **state)
{
    (void)state;
    walk(rule(LIMIT_TOKEN_BUCKET, 100, 60 * S), 2 * S, "bucket");
    walk(rule(LIMIT_TOKEN_BUCKET, 7, 3 * S), S, "bucket 7/3");
    walk(rule(LIMIT_TOKEN_BUCKET, 1000003, DAY), S / 8, "bucket of a day");
}

static void a_fixed_window_is_the_same_there_and_here(void **state)
{
    (void)state;
    walk(rule(LIMIT_FIXED_WINDOW, 100, 60 * S), 2 * S, "fixed");
    struct limit_rule day = rule(LIMIT_FIXED_WINDOW, 300, DAY);
    day.calendar = LIMIT_ALIGNED;
    day.utc_offset_s = 5400;
    walk(day, DAY / 50, "day");
    day.calendar = LIMIT_MONTH;
    day.window_ns *= 31;
    walk(day, DAY * 4, "month");
}

static void a_counter_is_the_same_there_and_here(void **state)
{
    (void)state;
    walk(rule(LIMIT_SLIDING_COUNTER, 100, 60 * S), 2 * S, "counter");
    walk(rule(LIMIT_SLIDING_COUNTER, 13, 7 * S), 2 * S, "counter 13/7");
}

static void a_log_is_the_same_there_and_here(void **state)
{
    (void)state;
    walk(rule(LIMIT_SLIDING_LOG, 100, 60 * S), 2 * S, "log");
}

/* Whatever an answer was said to have cost, the debt is the same there and here, and so is its end.
 */
static void a_debt_is_the_same_there_and_here(void **state)
{
    static const enum limit_kind kinds[] = {LIMIT_TOKEN_BUCKET, LIMIT_FIXED_WINDOW,
                                            LIMIT_SLIDING_COUNTER, LIMIT_SLIDING_LOG};
    static const uint64_t costs[] = {INT32_MAX, UINT64_C(1) << 53, INT64_MAX, UINT64_MAX / 2};
    char name[24], command[240];
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "debt-%u", i);
        struct pair p = {.rule = rule(kinds[i / 4], 10, DAY), .key = str_c(name), .time = BEGUN};
        p.state = limit_algorithm_of(&p.rule)->fresh(&p.rule);
        check(&p, LIMIT_SCRIPT_CHARGE, costs[i % 4], BEGUN, "a", 0);
        p.time += S;
        check(&p, LIMIT_SCRIPT_TAKE, 1, p.time, "b", 0);
        snprintf(command, sizeof command, "test $(redis-cli -s %s PTTL %s) -gt 80000000",
                 b.server.path, name);
        assert_int_equal(system(command), 0);
        p.time += 20 * DAY; /* of ten, and of a burst of fifteen: all is forgiven */
        check(&p, LIMIT_SCRIPT_TAKE, 1, p.time, "c", 0);
        assert_true(locally(&p, LIMIT_SCRIPT_TAKE, 1, p.time).granted);
        if (kinds[i / 4] == LIMIT_SLIDING_LOG)
            free(p.state.log.ring);
    }
}

/* ---- long logs ---- */

enum { LONG = 10000 };

/* `n` uses, one a microsecond, of this many pieces each. */
static void fill(const char *key, unsigned n, unsigned cost)
{
    char command[400];
    snprintf(command, sizeof command,
             "redis-cli -s %s EVAL \"for i = 1, %u do redis.call('ZADD', KEYS[1], "
             "string.format('%%.0f', %llu + i), i .. ' %u') end; "
             "redis.call('ZADD', KEYS[1], %u, 's')\" 1 %s >/dev/null",
             b.server.path, n, (unsigned long long)BEGUN, cost, n * cost, key);
    assert_int_equal(system(command), 0);
}

static struct limit_script_answer take_of_log(const char *key, uint64_t amount, uint64_t cost,
                                              uint64_t time)
{
    struct limit_rule log = rule(LIMIT_SLIDING_LOG, amount, 60 * S);
    struct limit_script_row row = limit_script_row(&log, 60 * S);
    struct str name = str_c(key);
    row.cost = (double)cost;
    struct ask q = {SCRIPT_OF_THE_TIME, "mine", LIMIT_SCRIPT_TAKE, &name, &row, 1, time};
    struct redis_reply r = eval(&q);
    return limit_script_answer(&r.values[2]);
}

static uint64_t time_of_refusals(const char *key, uint64_t amount)
{
    uint64_t from = clock_now();
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(take_of_log(key, amount, 1, BEGUN + S).charged, 0);
    return clock_now() - from;
}

/* Else those who are refused keep the server from all others. */
static void a_refusal_costs_no_more_the_longer_the_log_is(void **state)
{
    (void)state;
    fill("few", 10, 1);
    fill("many-uses", LONG, 1);
    fill("pairs", LONG, 2);
    uint64_t brief = time_of_refusals("few", 10);
    assert_in_range(time_of_refusals("many-uses", LONG), 0, brief * 8);
    assert_in_range(time_of_refusals("pairs", LONG * 2), 0, brief * 8);
}

static void a_long_log_knows_what_makes_room(void **state)
{
    (void)state;
    fill("ones", LONG, 1);
    assert_int_equal(take_of_log("ones", LONG, 1, BEGUN + S).wait_us, 59 * S + 1);
    assert_int_equal(take_of_log("ones", LONG, 3000, BEGUN + S).wait_us, 59 * S + 3000);
    fill("twos", LONG, 2);
    assert_int_equal(take_of_log("twos", LONG * 2, 100, BEGUN + S).wait_us, 59 * S + 50);
    assert_in_range(take_of_log("twos", LONG * 2, 3000, BEGUN + S).wait_us, 59 * S + 1500,
                    60 * S); /* at the most */
}

/* All that has left the window is forgotten, a page at a time where costs differ. */
static void a_long_log_is_forgotten_as_it_leaves(void **state)
{
    (void)state;
    fill("leaving", LONG, 1);
    assert_int_equal(take_of_log("leaving", LONG, 1, BEGUN + 60 * S + 4000).remaining, 3999);
    fill("leaving-twos", LONG, 2);
    uint64_t at = BEGUN + 60 * S + 4000;
    assert_int_equal(take_of_log("leaving-twos", LONG * 2, 8001, at).charged, 0);
    assert_int_equal(take_of_log("leaving-twos", LONG * 2, 7990, at).remaining, 10);
    assert_int_equal(take_of_log("leaving-twos", LONG * 2, 20000, at + 60 * S).remaining, 0);
}

/* ---- with the server's own clock ---- */

static struct limit_script_row row_of(struct limit_rule r, uint64_t cost)
{
    struct limit_script_row row = limit_script_row(&r, 60 * S);
    row.cost = (double)cost;
    return row;
}

static void several_limits_are_all_or_none(void **state)
{
    static const struct str keys[] = {STR_INIT("many"), STR_INIT("few")};
    struct limit_script_row rows[] = {row_of(rule(LIMIT_FIXED_WINDOW, 100, 60 * S), 1),
                                      row_of(rule(LIMIT_SLIDING_LOG, 3, 60 * S), 1)};
    char id[16];
    (void)state;
    for (int i = 0; i < 6; i++) {
        snprintf(id, sizeof id, "c%d", i);
        struct ask q = {SCRIPT_AS_IT_IS, id, LIMIT_SCRIPT_TAKE, keys, rows, 2, 0};
        struct redis_reply r = eval(&q);
        assert_int_equal(r.values[0], i < 3);
        assert_int_equal(r.values[3], i < 3 ? 99 - i : 97);
        assert_int_equal(r.values[7], i < 3 ? 2 - i : 0);
    }
}

static void places_are_held_renewed_and_given_back(void **state)
{
    static const struct str key = STR_INIT("inside");
    struct limit_rule two = rule(LIMIT_CONCURRENCY, 2, 0);
    struct limit_script_row row = limit_script_row(&two, S / 5);
    (void)state;
    row.cost = row.most = 1;
    struct ask q = {SCRIPT_OF_THE_TIME, "a", LIMIT_SCRIPT_TAKE, &key, &row, 1, BEGUN};
    assert_int_equal(eval(&q).values[0], 1);
    q.id = "b";
    assert_int_equal(eval(&q).values[0], 1);
    q.id = "c";
    assert_int_equal(eval(&q).values[0], 0);
    q.time += S / 10;
    q.id = "a";
    q.mode = LIMIT_SCRIPT_RENEW;
    eval(&q);
    q.time += S / 8; /* b was not renewed: whoever held it is gone */
    q.id = "c";
    q.mode = LIMIT_SCRIPT_TAKE;
    assert_int_equal(eval(&q).values[0], 1);
    q.id = "d";
    assert_int_equal(eval(&q).values[0], 0);
    q.id = "a";
    q.mode = LIMIT_SCRIPT_REFUND;
    eval(&q);
    q.id = "d";
    q.mode = LIMIT_SCRIPT_TAKE;
    assert_int_equal(eval(&q).values[0], 1);
    /* Who runs on and was forgotten is inside again, also beyond what is allowed. */
    q.id = "b";
    q.mode = LIMIT_SCRIPT_RENEW;
    eval(&q);
    for (const char *const *id = (const char *const[]){"c", "d", NULL}; *id; id++) {
        q.id = *id;
        q.mode = LIMIT_SCRIPT_REFUND;
        eval(&q);
    }
    q.mode = LIMIT_SCRIPT_TAKE;
    q.id = "e";
    assert_int_equal(eval(&q).values[0], 1);
    q.id = "f";
    assert_int_equal(eval(&q).values[0], 0); /* b and e */
}

/* Leases shrink with what is left, so that all of it is used in the end. */
static void leases_add_up_to_the_whole(void **state)
{
    static const struct str key = STR_INIT("leased");
    struct limit_script_row row = row_of(rule(LIMIT_FIXED_WINDOW, 10000, 60 * S), 1);
    struct ask q = {SCRIPT_AS_IT_IS, "x", LIMIT_SCRIPT_TAKE, &key, &row, 1, 0};
    int64_t sum = 0;
    unsigned trips = 0;
    (void)state;
    row.most = 1000;
    for (;; trips++) {
        struct redis_reply r = eval(&q);
        if (!r.values[0])
            break;
        sum += r.values[2];
    }
    assert_int_equal(sum, 10000);
    assert_true(trips < 500);
}

static void a_recovered_key_is_not_kept(void **state)
{
    static const struct str key = STR_INIT("short");
    struct limit_script_row row = row_of(rule(LIMIT_TOKEN_BUCKET, 1000, S / 10), 1);
    struct ask q = {SCRIPT_AS_IT_IS, "x", LIMIT_SCRIPT_TAKE, &key, &row, 1, 0};
    char command[200];
    (void)state;
    eval(&q);
    snprintf(command, sizeof command, "sleep 0.05; test $(redis-cli -s %s EXISTS short) = 0",
             b.server.path);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_the_same_there_and_here),
        cmocka_unit_test(a_fixed_window_is_the_same_there_and_here),
        cmocka_unit_test(a_counter_is_the_same_there_and_here),
        cmocka_unit_test(a_log_is_the_same_there_and_here),
        cmocka_unit_test(a_debt_is_the_same_there_and_here),
        cmocka_unit_test(a_refusal_costs_no_more_the_longer_the_log_is),
        cmocka_unit_test(a_long_log_knows_what_makes_room),
        cmocka_unit_test(a_long_log_is_forgotten_as_it_leaves),
        cmocka_unit_test(several_limits_are_all_or_none),
        cmocka_unit_test(places_are_held_renewed_and_given_back),
        cmocka_unit_test(leases_add_up_to_the_whole),
        cmocka_unit_test(a_recovered_key_is_not_kept),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
