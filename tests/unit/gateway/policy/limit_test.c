#include "gateway/policy/limit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/core/clock.h"
#include "gateway/core/log.h"
#include "gateway/policy/limit_script.h"
#include "gateway/upstream/redis.h"
#include "tests/fakes/redis_process.h"

/* Two workers of two gateways (each with a table of its own) over one real Redis. */

#define MS UINT64_C(1000000)
#define MINUTE (UINT64_C(60) * 1000 * MS)

enum { GATEWAYS = 2, ITEMS = 4 };

struct gateway {
    struct limit_table *table;
    struct redis *redis;
    struct limiter *limiter;
};

struct bench {
    uv_loop_t loop;
    struct timer_wheel timers;
    struct redis_process server;
    struct gateway gateways[GATEWAYS];
    struct plan_limit limits[ITEMS];
    uint32_t timeout_ms;
};

/* A call and what became of it. */
struct visit {
    struct limit_call call; /* first */
    struct limit_item items[ITEMS];
    unsigned done, cuts;
};

static struct bench b;

static void on_done(struct limit_call *c)
{
    ((struct visit *)c)->done++;
}

static void on_cut(struct limit_call *c, struct limit_item *i)
{
    (void)i;
    ((struct visit *)c)->cuts++;
}

static void open_gateway(struct gateway *g)
{
    struct str script = limit_script();
    struct redis_config c = {.endpoint = str_c(b.server.endpoint),
                             .timeout_ms = b.timeout_ms,
                             .scripts = &script,
                             .nscripts = 1};
    g->table = limit_table_new(&(struct limit_table_size){.keys = 1000});
    g->redis = redis_open(&b.loop, &b.timers, &c);
    struct limiter_options o = {
        .table = g->table, .redis = g->redis, .timers = &b.timers, .prefix = STR("postern")};
    g->limiter = limiter_new(&o);
    assert_true(g->table && g->redis && g->limiter);
}

static void on_nothing(uv_timer_t *t)
{
    (void)t;
}

static void run_for(uint64_t ms)
{
    uint64_t until = clock_now() + ms * MS;
    uv_timer_t t;
    uv_timer_init(&b.loop, &t);
    uv_timer_start(&t, on_nothing, 1, 1);
    while (clock_now() < until)
        uv_run(&b.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&b.loop, UV_RUN_NOWAIT);
}

static bool is_up(const struct gateway *g)
{
    struct redis_stats stats;
    redis_stats(g->redis, &stats);
    return stats.up;
}

/* A machine that is too slow for the greeting would have Redis be away, and local budgets hold. */
static void await_redis(void)
{
    for (unsigned i = 0; i < GATEWAYS; i++)
        for (unsigned n = 0; n < 30000 && !is_up(&b.gateways[i]); n++)
            run_for(1);
    for (unsigned i = 0; i < GATEWAYS; i++)
        assert_true(is_up(&b.gateways[i]));
}

static int set_up_with(uint32_t timeout_ms)
{
    b = (struct bench){.timeout_ms = timeout_ms};
    uv_loop_init(&b.loop);
    timer_wheel_init(&b.timers, &b.loop);
    redis_process_start(&b.server);
    for (unsigned i = 0; i < GATEWAYS; i++)
        open_gateway(&b.gateways[i]);
    await_redis();
    return 0;
}

/* A busy machine is no silent server, unless that is what is tested. */
static int set_up(void **state)
{
    (void)state;
    return set_up_with(2000);
}

static int set_up_impatient(void **state)
{
    (void)state;
    return set_up_with(20);
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GATEWAYS; i++) {
        limiter_free(b.gateways[i].limiter);
        redis_close(b.gateways[i].redis);
        limit_table_free(b.gateways[i].table);
    }
    timer_wheel_close(&b.timers);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    redis_process_end(&b.server);
    return uv_loop_close(&b.loop);
}

/* Limit number `n` of the bench. */
static struct plan_limit *define(unsigned n, enum limit_store store, enum limit_kind kind,
                                 uint64_t amount)
{
    static const char *const names[ITEMS] = {"a", "b", "c", "d"};
    struct plan_limit *l = &b.limits[n];
    *l = (struct plan_limit){
        .name = str_c(names[n]),
        .id = str_c(names[n]),
        .store = (uint8_t)store,
        .rule = {.kind = (uint8_t)kind, .amount = amount, .window_ns = MINUTE, .burst = amount},
    };
    for (unsigned i = 0; i < GATEWAYS; i++)
        assert_true(limit_bind(b.gateways[i].table, l));
    return l;
}

/* A budget of its own, that no other has used. */
static void call_it(struct plan_limit *l, const char *id)
{
    l->id = str_c(id);
    for (unsigned i = 0; i < GATEWAYS; i++)
        assert_true(limit_bind(b.gateways[i].table, l));
}

static void prepare(struct visit *v, unsigned gateway, unsigned n, const uint64_t *costs)
{
    *v = (struct visit){.call = {.limiter = b.gateways[gateway].limiter,
                                 .n = (uint8_t)n,
                                 .done = on_done,
                                 .cut = on_cut}};
    v->call.items = v->items;
    for (unsigned i = 0; i < n; i++)
        v->items[i] = (struct limit_item){
            .limit = &b.limits[i], .key = STR("someone"), .cost = costs ? costs[i] : 1};
}

static enum limit_outcome settle(struct visit *v, enum limit_outcome o)
{
    for (unsigned i = 0; i < 5000 && o == LIMIT_WAITING && !v->done; i++)
        run_for(1);
    assert_int_equal(v->done, o == LIMIT_WAITING);
    return v->call.outcome;
}

static enum limit_outcome take(struct visit *v, unsigned gateway, unsigned n)
{
    prepare(v, gateway, n, NULL);
    return settle(v, limit_take(&v->call, 0, (uint8_t)n));
}

static unsigned take_many(unsigned gateway, unsigned n, unsigned tries)
{
    unsigned granted = 0;
    struct visit v;
    for (unsigned i = 0; i < tries; i++) {
        granted += take(&v, gateway, n) == LIMIT_GRANTED;
        limit_end(&v.call);
    }
    return granted;
}

/* What a bucket of `amount` a minute may have got since: nothing within moments, but a sanitizer's
 * minutes are short. Other kinds get nothing. */
static uint64_t flown(enum limit_kind kind, uint64_t amount, uint64_t since)
{
    return kind == LIMIT_TOKEN_BUCKET ? (clock_now() - since) * amount / MINUTE + 1 : 0;
}

/* A Redis that a machine was too slow for would have been replaced by a local budget. */
static void assert_was_there(const struct plan_limit *l)
{
    for (unsigned i = 0; i < GATEWAYS; i++)
        assert_int_equal(limit_table_counted(b.gateways[i].table, l->number, LIMIT_COUNT_AWAY), 0);
}

static void here_is_decided_at_once(void **state)
{
    struct visit v;
    (void)state;
    define(0, LIMIT_HERE, LIMIT_TOKEN_BUCKET, 3);
    define(1, LIMIT_HERE, LIMIT_SLIDING_LOG, 2);
    prepare(&v, 0, 2, NULL);
    assert_int_equal(limit_take(&v.call, 0, 2), LIMIT_GRANTED);
    assert_int_equal(take_many(0, 2, 5), 1);
    assert_int_equal(take_many(0, 1, 5), 1);
}

static void exact_is_exact_over_two_gateways(void **state)
{
    static const enum limit_kind kinds[] = {LIMIT_TOKEN_BUCKET, LIMIT_FIXED_WINDOW,
                                            LIMIT_SLIDING_LOG, LIMIT_SLIDING_COUNTER};
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        struct plan_limit *l = define(0, LIMIT_EXACT, kinds[k], 50);
        call_it(l, &"0\0001\0002\0003"[2 * k]);
        unsigned granted = 0;
        uint64_t since = clock_now();
        for (unsigned i = 0; i < 20; i++)
            granted += take_many(i % GATEWAYS, 1, 10);
        assert_was_there(l);
        assert_in_range(granted, 50, 50 + flown(kinds[k], 50, since));
    }
}

static void leased_adds_up_and_saves_trips(void **state)
{
    struct redis_stats s[GATEWAYS];
    unsigned granted = 0;
    (void)state;
    define(0, LIMIT_LEASED, LIMIT_FIXED_WINDOW, 10000);
    for (unsigned i = 0; i < 600; i++)
        granted += take_many(i % GATEWAYS, 1, 20);
    assert_int_equal(granted, 10000);
    for (unsigned i = 0; i < GATEWAYS; i++)
        redis_stats(b.gateways[i].redis, &s[i]);
    assert_true(s[0].calls + s[1].calls < 1000);
}

static void unused_leases_go_back(void **state)
{
    (void)state;
    define(0, LIMIT_LEASED, LIMIT_FIXED_WINDOW, 1000);
    assert_int_equal(take_many(0, 1, 1), 1); /* holds 15 more */
    run_for(1000);
    define(0, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 1000);
    struct visit v;
    assert_int_equal(take(&v, 1, 1), LIMIT_GRANTED);
    assert_int_equal(v.items[0].ask.verdict.remaining, 998);
}

static void what_a_gateway_holds_goes_back_when_it_ends(void **state)
{
    (void)state;
    define(0, LIMIT_LEASED, LIMIT_FIXED_WINDOW, 1000);
    assert_int_equal(take_many(0, 1, 1), 1);
    limiter_free(b.gateways[0].limiter);
    redis_close(b.gateways[0].redis);
    run_for(200);
    limit_table_free(b.gateways[0].table);
    open_gateway(&b.gateways[0]);
    define(0, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 1000);
    struct visit v;
    assert_int_equal(take(&v, 1, 1), LIMIT_GRANTED);
    assert_int_equal(v.items[0].ask.verdict.remaining, 998);
}

static void a_refusal_there_gives_back_here(void **state)
{
    (void)state;
    define(0, LIMIT_HERE, LIMIT_FIXED_WINDOW, 10);
    define(1, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 4);
    assert_int_equal(take_many(0, 2, 20), 4);
    assert_int_equal(take_many(0, 1, 20), 6);
}

static void reservations_settle_wherever_they_are(void **state)
{
    static const enum limit_store stores[] = {LIMIT_HERE, LIMIT_EXACT, LIMIT_LEASED};
    static const char *const ids[] = {"x", "y", "z"};
    (void)state;
    for (unsigned s = 0; s < 3; s++) {
        struct plan_limit *l = define(0, stores[s], LIMIT_FIXED_WINDOW, 100);
        uint64_t cost = 80;
        struct visit v, w;
        call_it(l, ids[s]);
        prepare(&v, 0, 1, &cost);
        v.items[0].settles = true;
        assert_int_equal(settle(&v, limit_take(&v.call, 0, 1)), LIMIT_GRANTED);
        assert_true(limit_spend(&v.call, &v.items[0], 30));
        limit_end(&v.call); /* 50 go back */
        run_for(50);
        cost = 70;
        prepare(&w, 0, 1, &cost);
        w.items[0].settles = true;
        assert_int_equal(settle(&w, limit_take(&w.call, 0, 1)), LIMIT_GRANTED);
        bool within = limit_spend(&w.call, &w.items[0], 90); /* 20 more than there were */
        run_for(50);
        assert_true(!within || w.cuts == 1);
        limit_end(&w.call);
        assert_int_equal(take_many(0, 1, 3), 0);
    }
}

static void places_are_left_when_the_call_ends(void **state)
{
    static const enum limit_store stores[] = {LIMIT_HERE, LIMIT_EXACT};
    (void)state;
    for (unsigned s = 0; s < 2; s++) {
        struct visit v[3];
        define(0, stores[s], LIMIT_CONCURRENCY, 2)->rule.window_ns = 0;
        assert_int_equal(take(&v[0], 0, 1), LIMIT_GRANTED);
        assert_int_equal(take(&v[1], stores[s] == LIMIT_HERE ? 0 : 1, 1), LIMIT_GRANTED);
        assert_int_equal(take(&v[2], 0, 1), LIMIT_REFUSED);
        limit_end(&v[1].call);
        run_for(50);
        assert_int_equal(take(&v[2], 0, 1), LIMIT_GRANTED);
        limit_end(&v[0].call);
        limit_end(&v[2].call);
        run_for(50);
    }
}

static void dry_runs_refuse_nothing(void **state)
{
    static const enum limit_store stores[] = {LIMIT_HERE, LIMIT_EXACT, LIMIT_LEASED};
    static const char *const ids[] = {"p", "q", "r"};
    (void)state;
    for (unsigned s = 0; s < 3; s++) {
        struct visit v;
        struct plan_limit *l = define(0, stores[s], LIMIT_FIXED_WINDOW, 2);
        l->dry_run = true;
        call_it(l, ids[s]);
        define(1, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 4 + s * 4);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(take(&v, 0, 2), LIMIT_GRANTED);
            assert_int_equal(v.items[0].would_refuse, i >= 2);
            limit_end(&v.call);
        }
        assert_int_equal(take(&v, 0, 2), LIMIT_REFUSED);
    }
}

/* R5: what was chosen holds, at once, and no longer than Redis is away. */
static void fallbacks_hold_while_redis_is_away(void **state)
{
    struct visit v;
    (void)state;
    define(0, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 5);
    assert_int_equal(take_many(0, 1, 10), 5);
    redis_process_kill(&b.server);
    run_for(20);
    b.limits[0].fallback = LIMIT_OPEN;
    assert_int_equal(take_many(0, 1, 100), 100);
    b.limits[0].fallback = LIMIT_LOCAL;
    assert_int_equal(take_many(0, 1, 100), 0);
    assert_int_equal(take_many(1, 1, 100), 5); /* which has heard of none */
    b.limits[0].fallback = LIMIT_CLOSED;
    uint64_t from = clock_now();
    assert_int_equal(take(&v, 0, 1), LIMIT_UNKNOWN);
    assert_true(clock_now() - from < 50 * MS);
    redis_process_again(&b.server); /* an empty one */
    run_for(1000);
    assert_int_equal(take_many(0, 1, 10), 5);
}

/* Each gateway counts on from what it was last told, by whatever algorithm. */
static void local_counts_go_on_from_what_redis_has_said(void **state)
{
    (void)state;
    static const char *const ids[] = {"k", "l", "m", "n"};
    struct plan_limit kinds[4];
    uint64_t since = clock_now();
    for (unsigned k = 0; k < 4; k++) {
        call_it(define(0, LIMIT_EXACT, (enum limit_kind)k, 50), ids[k]);
        kinds[k] = b.limits[0];
        assert_int_equal(take_many(0, 1, 20), 20);
        assert_int_equal(take_many(1, 1, 10), 10);
    }
    redis_process_kill(&b.server);
    run_for(20);
    for (unsigned k = 0; k < 4; k++) {
        b.limits[0] = kinds[k];
        unsigned first = take_many(0, 1, 100), second = take_many(1, 1, 100);
        uint64_t more = flown((enum limit_kind)k, 50, since);
        assert_in_range(first, 30, 30 + more);
        assert_in_range(second, 20, 20 + more);
    }
}

/* What is owed there is owed here, and what goes back goes back. */
static void reservations_and_debts_are_known_here_too(void **state)
{
    uint64_t cost = 80;
    struct visit v;
    (void)state;
    define(0, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 100);
    prepare(&v, 0, 1, &cost);
    v.items[0].settles = true;
    assert_int_equal(settle(&v, limit_take(&v.call, 0, 1)), LIMIT_GRANTED);
    limit_spend(&v.call, &v.items[0], 30);
    limit_end(&v.call);
    run_for(50);
    redis_process_kill(&b.server);
    run_for(20);
    assert_int_equal(take_many(0, 1, 200), 70);
}

static void places_taken_there_are_taken_here(void **state)
{
    struct visit v[3];
    (void)state;
    define(0, LIMIT_EXACT, LIMIT_CONCURRENCY, 2)->rule.window_ns = 0;
    assert_int_equal(take(&v[0], 0, 1), LIMIT_GRANTED);
    redis_process_kill(&b.server);
    run_for(20);
    assert_int_equal(take(&v[1], 0, 1), LIMIT_GRANTED);
    assert_int_equal(take(&v[2], 0, 1), LIMIT_REFUSED);
    limit_end(&v[0].call);
    assert_int_equal(take(&v[2], 0, 1), LIMIT_GRANTED);
    limit_end(&v[1].call);
    limit_end(&v[2].call);
    assert_int_equal(take_many(0, 1, 5), 5);
}

static void a_stalled_redis_costs_no_more_than_its_timeout(void **state)
{
    struct visit v;
    (void)state;
    define(0, LIMIT_LEASED, LIMIT_FIXED_WINDOW, 5)->fallback = LIMIT_OPEN;
    assert_int_equal(take_many(0, 1, 10), 5);
    run_for(60);
    redis_process_signal(&b.server, SIGSTOP);
    uint64_t from = clock_now();
    prepare(&v, 0, 1, NULL);
    enum limit_outcome o = limit_take(&v.call, 0, 1);
    while (o == LIMIT_WAITING && !v.done)
        uv_run(&b.loop, UV_RUN_ONCE);
    assert_int_equal(v.call.outcome, LIMIT_GRANTED);
    assert_true(v.items[0].fell_back);
    assert_true(clock_now() - from <= 100 * MS); /* 20 of them are meant, the rest is the machine's
                                                  */
    redis_process_signal(&b.server, SIGCONT);
    run_for(300);
    assert_int_equal(take(&v, 0, 1), LIMIT_REFUSED);
}

static const enum limit_store STALLED[] = {LIMIT_EXACT, LIMIT_LEASED};
static const char *const STALLED_IDS[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static struct plan_limit *define_stalled(unsigned k)
{
    struct plan_limit *l = define(0, STALLED[k % 2], (enum limit_kind)(k / 2), 1000);
    call_it(l, STALLED_IDS[k]);
    l->fallback = LIMIT_CLOSED;
    if (l->rule.kind == LIMIT_CONCURRENCY)
        l->rule.window_ns = 0;
    return l;
}

/* On a busy machine 20 ms pass without a stall; what was not answered then is not charged. */
static void take_in_time(struct visit *v, unsigned gateway, uint64_t cost)
{
    for (unsigned i = 0; i < 50; i++) {
        await_redis();
        prepare(v, gateway, 1, &cost);
        v->items[0].settles = true;
        if (settle(v, limit_take(&v->call, 0, 1)) != LIMIT_UNKNOWN)
            break;
        limit_end(&v->call);
        run_for(150);
    }
    assert_int_equal(v->call.outcome, LIMIT_GRANTED);
}

static void assert_none_but_mine_is_charged(struct plan_limit *l)
{
    struct visit v;
    l->store = LIMIT_EXACT;
    take_in_time(&v, 1, 1);
    assert_int_equal(v.items[0].ask.verdict.remaining, 999);
    limit_end(&v.call);
}

/* Whatever it was meant to charge is executed when Redis goes on, and nothing has come of it. */
static void a_call_without_an_answer_in_time_is_not_charged(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 10; k++) {
        struct visit v;
        struct plan_limit *l = define_stalled(k);
        await_redis();
        redis_process_signal(&b.server, SIGSTOP);
        assert_int_equal(take(&v, 0, 1), LIMIT_UNKNOWN);
        limit_end(&v.call);
        memset(&v, 0xa5, sizeof v);
        redis_process_signal(&b.server, SIGCONT);
        run_for(150);
        await_redis();
        assert_none_but_mine_is_charged(l);
    }
}

/* The connection is left meanwhile: what remembers each use knows which one to forget. */
static void a_place_without_an_answer_is_left_over_a_long_stall(void **state)
{
    static const enum limit_kind kinds[] = {LIMIT_CONCURRENCY, LIMIT_SLIDING_LOG};
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct visit v;
        struct plan_limit *l = define_stalled(2 * (unsigned)kinds[k]);
        await_redis();
        redis_process_signal(&b.server, SIGSTOP);
        assert_int_equal(take(&v, 0, 1), LIMIT_UNKNOWN);
        run_for(1000);
        redis_process_signal(&b.server, SIGCONT);
        await_redis();
        run_for(100);
        assert_none_but_mine_is_charged(l);
    }
}

/* Settled while Redis does not answer, be it for long. */
static void what_goes_back_in_a_stall_arrives_after_it(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 10; k++) {
        struct visit v, w;
        struct plan_limit *l = define_stalled(k);
        take_in_time(&v, 0, 700);
        redis_process_signal(&b.server, SIGSTOP);
        struct plan_limit other = *l;
        call_it(&other, "other");
        prepare(&w, 0, 1, NULL);
        w.items[0].limit = &other;
        assert_int_equal(settle(&w, limit_take(&w.call, 0, 1)), LIMIT_UNKNOWN);
        limit_end(&w.call);
        run_for(k % 4 < 2 ? 30 : 800);
        limit_end(&v.call); /* nothing was spent */
        run_for(600);       /* a lease ends */
        redis_process_signal(&b.server, SIGCONT);
        await_redis();
        run_for(150);
        assert_none_but_mine_is_charged(l);
    }
}

/* Of the same limit and key, one algorithm after the other: none stumbles over another's numbers.
 */
static void an_algorithm_may_be_changed(void **state)
{
    static const enum limit_kind kinds[] = {LIMIT_SLIDING_LOG, LIMIT_FIXED_WINDOW,
                                            LIMIT_CONCURRENCY, LIMIT_TOKEN_BUCKET,
                                            LIMIT_SLIDING_COUNTER};
    (void)state;
    for (unsigned k = 0; k < 5; k++) {
        struct plan_limit *l = define(0, LIMIT_EXACT, kinds[k], 1000);
        l->rule.window_ns = kinds[k] == LIMIT_CONCURRENCY ? 0 : MINUTE;
        assert_int_equal(take_many(0, 1, 3), 3);
        assert_was_there(l);
    }
}

static void a_cancelled_call_holds_nothing(void **state)
{
    struct visit v;
    (void)state;
    define(0, LIMIT_HERE, LIMIT_FIXED_WINDOW, 10);
    define(1, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 10);
    take_many(0, 2, 1);
    prepare(&v, 0, 2, NULL);
    assert_int_equal(limit_take(&v.call, 0, 2), LIMIT_WAITING);
    limit_cancel(&v.call);
    run_for(20);
    assert_int_equal(v.done, 0);
    assert_int_equal(take_many(0, 1, 20), 9);
}

/* Whose question was under way when its client left, and would be granted. */
static void a_client_that_leaves_is_not_charged(void **state)
{
    static const enum limit_store stores[] = {LIMIT_EXACT, LIMIT_LEASED};
    static const char *const ids[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    (void)state;
    for (unsigned k = 0; k < 10; k++) {
        struct visit v;
        struct plan_limit *l = define(0, stores[k % 2], (enum limit_kind)(k / 2), 1000);
        call_it(l, ids[k]);
        if (l->rule.kind == LIMIT_CONCURRENCY)
            l->rule.window_ns = 0;
        uint64_t cost = 700;
        redis_process_signal(&b.server, SIGSTOP);
        prepare(&v, 0, 1, &cost);
        assert_int_equal(limit_take(&v.call, 0, 1), LIMIT_WAITING);
        run_for(10); /* it is sent */
        limit_cancel(&v.call);
        memset(&v, 0xa5, sizeof v);
        redis_process_signal(&b.server, SIGCONT);
        run_for(100);
        l->store = LIMIT_EXACT;
        assert_int_equal(take(&v, 1, 1), LIMIT_GRANTED);
        assert_int_equal(v.items[0].ask.verdict.remaining, 999);
        limit_end(&v.call);
    }
}

static void a_gateway_may_end_before_such_an_answer(void **state)
{
    struct visit v;
    (void)state;
    define(0, LIMIT_EXACT, LIMIT_FIXED_WINDOW, 10);
    take_many(0, 1, 1);
    redis_process_signal(&b.server, SIGSTOP);
    prepare(&v, 0, 1, NULL);
    assert_int_equal(limit_take(&v.call, 0, 1), LIMIT_WAITING);
    run_for(10);
    limit_cancel(&v.call); /* tear_down closes */
    redis_process_signal(&b.server, SIGCONT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(here_is_decided_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exact_is_exact_over_two_gateways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leased_adds_up_and_saves_trips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unused_leases_go_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_gateway_holds_goes_back_when_it_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_there_gives_back_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reservations_settle_wherever_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_are_left_when_the_call_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dry_runs_refuse_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fallbacks_hold_while_redis_is_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(local_counts_go_on_from_what_redis_has_said, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reservations_and_debts_are_known_here_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(places_taken_there_are_taken_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_is_not_charged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gateway_may_end_before_such_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stalled_redis_costs_no_more_than_its_timeout,
                                        set_up_impatient, tear_down),
        cmocka_unit_test_setup_teardown(a_call_without_an_answer_in_time_is_not_charged,
                                        set_up_impatient, tear_down),
        cmocka_unit_test_setup_teardown(a_place_without_an_answer_is_left_over_a_long_stall,
                                        set_up_impatient, tear_down),
        cmocka_unit_test_setup_teardown(what_goes_back_in_a_stall_arrives_after_it,
                                        set_up_impatient, tear_down),
        cmocka_unit_test_setup_teardown(an_algorithm_may_be_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_call_holds_nothing, set_up, tear_down),
    };
    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
