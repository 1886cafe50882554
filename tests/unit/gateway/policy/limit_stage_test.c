#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/exchange_internal.h"
#include "gateway/policy/limiter.h"
#include "tests/unit/support/bench_setup.h"

/* Calls on their whole way through the pipeline, with limits that are counted in the table or in a
 * Redis that says what a test wants. */

enum { LIMITS = 4, YAML = 4096 };

struct fake_redis {
    struct redis base; /* first */
    struct redis_call *call;
    redis_done *done;
    uint32_t asked, moved;
};

/* As it is written. NULL: is not. */
struct limit {
    const char *name, *rate, *key, *default_key, *cost, *reserve;
    bool shared, dry_run;
};

struct fixture {
    struct bench *bench;
    struct fake_redis redis;
    struct limit_table *table;
    struct limiter *limiter;
    const char *rpc;
    struct limit limits[LIMITS];
    unsigned n;
    struct str told; /* RateLimit of the last status() */
    char told_text[200];
};

static struct fixture f; /* breach: large, and one test runs at a time */

/* ---- Redis ---- */

static bool eval(struct redis *r, struct redis_call *call, const struct redis_command *c,
                 redis_done *done)
{
    struct fake_redis *fake = (struct fake_redis *)r;
    (void)c;
    fake->asked++;
    if (!call)
        return true;
    fake->call = call;
    fake->done = done;
    call->pending = (struct redis_pending *)fake; /* under way; nobody looks inside */
    return true;
}

static void cancel(struct redis *r, struct redis_call *call)
{
    struct fake_redis *fake = (struct fake_redis *)r;
    if (fake->call == call)
        fake->call = NULL;
    call->pending = NULL;
}

static bool move(struct redis *r, struct redis_call *from, struct redis_call *to, redis_done *done)
{
    struct fake_redis *fake = (struct fake_redis *)r;
    fake->moved++;
    fake->call = to;
    fake->done = done;
    to->pending = from->pending;
    from->pending = NULL;
    return true;
}

/* It has granted one, or refused for 30 s. */
static void redis_says(bool granted)
{
    struct redis_reply reply = {.status = REDIS_REPLIED, .n = 6};
    struct redis_call *call = f.redis.call;
    const int64_t values[] = {granted, 1000000, granted, granted ? 4 : 0, granted ? 0 : 30000000,
                              30000000};
    assert_non_null(call);
    memcpy(reply.values, values, sizeof values);
    f.redis.call = NULL;
    call->pending = NULL;
    f.redis.done(call, &reply);
}

/* ---- the bench ---- */

static int set_up(void **state)
{
    static const struct redis_ops ops = {.eval = eval, .cancel = cancel, .move = move};
    static struct bench bench;
    f = (struct fixture){.bench = &bench, .redis = {.base = {&ops}}, .rpc = "Unary"};
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    limiter_free(f.limiter);
    limit_table_free(f.table);
    return bench_tear_down(state);
}

/* One more limit, of so many a day. */
static struct limit *add(const char *name, const char *rate, const char *key)
{
    assert_true(f.n < LIMITS);
    f.limits[f.n] = (struct limit){.name = name, .rate = rate, .key = key};
    return &f.limits[f.n++];
}

static void cost(struct limit *l, const char *text, const char *reserve)
{
    l->cost = text;
    l->reserve = reserve;
}

static void put(struct buf *yaml, const char *name, const char *value)
{
    if (value)
        assert_true(buf_printf(yaml, ", %s: \"%s\"", name, value));
}

static void put_limit(struct buf *yaml, const struct limit *l)
{
    buf_printf(yaml, "{algorithm: FIXED_WINDOW");
    put(yaml, "name", l->name);
    put(yaml, "rate", l->rate);
    put(yaml, "key", l->key);
    put(yaml, "default_key", l->default_key);
    put(yaml, "cost", l->cost);
    put(yaml, "reserve", l->reserve);
    buf_printf(yaml, "%s%s}, ", l->shared ? ", shared: true" : "",
               l->dry_run ? ", dry_run: true" : "");
}

/* The limits are in force. */
static void go(void)
{
    struct buf yaml;
    buf_init(&yaml, YAML);
    buf_printf(&yaml, "redis: {address: \"127.0.0.1:6379\"}\n");
    buf_printf(&yaml, "overrides: [{selector: \"calls.Calls.%s\", policy: {limit: [", f.rpc);
    for (unsigned i = 0; i < f.n; i++)
        put_limit(&yaml, &f.limits[i]);
    assert_true(buf_printf(&yaml, "]}}]\n") && buf_add_char(&yaml, '\0'));
    bench_init_with(f.bench, yaml.p);
    buf_release(&yaml);
    f.table = limit_table_new(&(struct limit_table_size){.keys = 1000});
    f.limiter = limiter_new(&(struct limiter_options){
        .table = f.table, .redis = &f.redis.base, .timers = &f.bench->timers, .prefix = STR("p")});
    assert_true(f.table && f.limiter);
    const struct plan_limits *all = &f.bench->snapshot.plan->limits;
    for (uint32_t i = 0; i < all->n; i++)
        assert_true(limit_bind(f.table, all->all[i]));
    f.bench->scope.limiter = f.limiter;
}

static struct fake_call *upstream(void)
{
    struct fake_channel *main = &f.bench->channels[0];
    return main->ncalls ? fake_call(main, main->ncalls - 1) : NULL;
}

/* The status of a call with that body; a name of an answer ends it well. */
static uint16_t status(const char *headers, const char *body)
{
    struct fake_front front;
    uint32_t before = f.bench->channels[0].ncalls;
    assert_true(front_open(&front, &f.bench->host, "POST", "/unary", headers));
    front_body(&front, str_c(body));
    front_end(&front);
    if (f.bench->channels[0].ncalls > before) {
        fake_headers(upstream(), NULL, 0);
        fake_message(upstream(), bench_wire(f.bench, "1:'abcde'"));
        fake_end(upstream(), TC_CODE_OK, "");
    }
    uint16_t got = front.x->answer.status;
    struct str told = front_header(&front, "ratelimit");
    f.told = str_of(f.told_text, told.n < sizeof f.told_text ? told.n : 0);
    memcpy(f.told_text, told.p ? told.p : "", f.told.n);
    front_close(&front, true);
    fake_channel_release(&f.bench->channels[0]);
    fake_channel_init(&f.bench->channels[0]);
    return got;
}

/* ---- keys and costs ---- */

static void every_type_of_key_tells_callers_apart(void **state)
{
    static const struct {
        const char *key, *headers[2], *bodies[2];
    } cases[] = {
        {NULL, {NULL, NULL}, {"{}", NULL}},
        {"headers['x']", {"x: 1", "x: 2"}, {"{}", "{}"}},
        {"request.name", {NULL, NULL}, {"{\"name\":\"a\"}", "{\"name\":\"b\"}"}},
        {"request.count", {NULL, NULL}, {"{\"count\":0}", "{\"count\":-7}"}},
        {"request.big", {NULL, NULL}, {"{\"big\":1}", "{\"big\":\"18446744073709551615\"}"}},
        {"request.flag", {NULL, NULL}, {"{}", "{\"flag\":true}"}},
        {"ip(headers['x'])", {"x: 1.2.3.4", "x: ::1"}, {"{}", "{}"}},
        {"cidr(ip(headers['x']), 64)", {"x: 2001:db8::1", "x: 2001:db8:0:1::"}, {"{}", "{}"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        add("n", "1/day", cases[i].key);
        go();
        for (unsigned k = 0; k < 2 && cases[i].bodies[k]; k++) {
            assert_int_equal(status(cases[i].headers[k], cases[i].bodies[k]), 200);
            assert_int_equal(status(cases[i].headers[k], cases[i].bodies[k]), 429);
        }
    }
}

static void a_call_without_a_key_is_refused_or_shares_one(void **state)
{
    (void)state;
    add("n", "1/day", "headers['x']");
    go();
    assert_int_equal(status(NULL, "{}"), 403);
    assert_string_equal(f.bench->error, "this call is not allowed: it has no key for limit \"n\"");
    assert_int_equal(status("x: ", "{}"), 403);
    tear_down(state);
    set_up(state);
    add("n", "1/day", "headers['x']")->default_key = "nobody";
    go();
    assert_int_equal(status(NULL, "{}"), 200);
    assert_int_equal(status("x: nobody", "{}"), 429);
    assert_int_equal(status("x: somebody", "{}"), 200);
}

static void costs_are_charged_and_never_less_than_nothing(void **state)
{
    (void)state;
    cost(add("n", "10/day", NULL), "request.count", NULL);
    go();
    assert_int_equal(status(NULL, "{\"count\":6}"), 200);
    assert_int_equal(status(NULL, "{\"count\":-6}"), 403);
    assert_string_equal(f.bench->error, "this call is not allowed: it has no cost for limit \"n\"");
    assert_int_equal(status(NULL, "{\"count\":5}"), 429);
    assert_int_equal(status(NULL, "{\"count\":11}"), 429);
    assert_int_equal(status(NULL, "{\"count\":4}"), 200);
    assert_int_equal(status(NULL, "{}"), 200); /* costs nothing */
}

/* Nor is it counted anywhere, so that it cannot be charged to nobody. */
static void a_dry_run_without_key_or_cost_refuses_nothing(void **state)
{
    (void)state;
    struct limit *key = add("key", "5/day", "headers['x']");
    struct limit *amount = add("cost", "5/day", NULL);
    struct limit *both = add("both", "5/day", "headers['x']");
    cost(amount, "request.count", NULL);
    cost(both, "request.count", NULL);
    key->dry_run = amount->dry_run = both->dry_run = true;
    key->shared = true;
    go();
    assert_int_equal(status(NULL, "{\"count\":-1}"), 200);
    assert_int_equal(f.redis.asked, 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(limit_table_counted(f.table, i, LIMIT_COUNT_WOULD_REFUSE), 1);
    assert_int_equal(limit_table_stats(f.table).keys, 0);
}

/* ---- when ---- */

static void what_needs_the_head_alone_refuses_before_the_body(void **state)
{
    struct fake_front front;
    (void)state;
    add("n", "1/day", NULL);
    go();
    assert_int_equal(status(NULL, "{}"), 200);
    assert_true(front_open(&front, &f.bench->host, "POST", "/unary", "transfer-encoding: chunked"));
    assert_int_equal(front.x->answer.status, 429);
    assert_non_null(front_header(&front, "retry-after").p);
    front_close(&front, true);
    assert_int_equal(f.bench->channels[0].ncalls, 0);
}

static void what_needs_the_message_waits_for_it(void **state)
{
    (void)state;
    add("head", "2/day", NULL);
    add("message", "1/day", "request.name");
    go();
    assert_int_equal(status(NULL, "{\"name\":\"a\"}"), 200);
    assert_int_equal(status(NULL, "{\"name\":\"a\"}"), 429); /* and gives the head's back */
    assert_has(f.told, "\"head\";r=1;");
    assert_has(f.told, "\"message\";r=0;");
    assert_int_equal(status(NULL, "{\"name\":\"b\"}"), 200);
    assert_int_equal(status(NULL, "{\"name\":\"c\"}"), 429);
}

/* Of those that would have let the call pass, too, nothing was taken. */
static void a_refusal_tells_what_is_left_of_the_others(void **state)
{
    (void)state;
    add("wide", "5/day", NULL);
    add("narrow", "1/day", NULL);
    go();
    assert_int_equal(status(NULL, "{}"), 200);
    assert_has(f.told, "\"wide\";r=4;");
    assert_int_equal(status(NULL, "{}"), 429);
    assert_has(f.told, "\"wide\";r=4;");
    assert_int_equal(status(NULL, "{}"), 429);
    assert_has(f.told, "\"wide\";r=4;");
}

/* Its retry-after stays where the call has failed there. */
static void fields_of_the_upstream_do_not_stand_beside_ours(void **state)
{
    static const struct header theirs[] = {{STR_INIT("ratelimit"), STR_INIT("\"x\";r=999")},
                                           {STR_INIT("ratelimit-policy"), STR_INIT("\"x\";q=1")},
                                           {STR_INIT("x-ratelimit-limit"), STR_INIT("9")},
                                           {STR_INIT("retry-after"), STR_INIT("7")},
                                           {STR_INIT("x-own"), STR_INIT("1")}};
    (void)state;
    add("n", "5/day", NULL);
    go();
    for (unsigned fails = 0; fails < 2; fails++) {
        struct fake_front front;
        const struct call_end end = {.code = TC_CODE_UNAVAILABLE,
                                     .from_peer = true,
                                     .trailers = theirs,
                                     .ntrailers = sizeof theirs / sizeof *theirs};
        assert_true(front_open(&front, &f.bench->host, "GET", "/unary/a", NULL));
        front_end(&front);
        if (fails) {
            fake_end_with(upstream(), &end);
        } else {
            fake_headers(upstream(), theirs, sizeof theirs / sizeof *theirs);
            fake_message(upstream(), bench_wire(f.bench, "1:'a'"));
            fake_end(upstream(), TC_CODE_OK, "");
        }
        assert_int_equal(front.x->answer.status, fails ? 503 : 200);
        assert_has(front_header(&front, "ratelimit"), "\"n\";r="); /* the only one */
        assert_has(front_header(&front, "ratelimit-policy"), "\"n\";q=5");
        assert_null(front_header(&front, "x-ratelimit-limit").p);
        assert_int_equal(front_header(&front, "retry-after").p != NULL, fails);
        assert_str(front_header(&front, "x-own"), "1");
        front_close(&front, true);
    }
}

static void a_short_body_is_read_while_redis_is_asked(void **state)
{
    struct fake_front front;
    (void)state;
    add("n", "5/day", NULL)->shared = true;
    go();
    for (unsigned granted = 0; granted < 2; granted++) {
        assert_true(front_open(&front, &f.bench->host, "POST", "/unary", "content-length: 2"));
        assert_int_equal(front_body(&front, STR("{}")), 2);
        front_end(&front);
        assert_null(upstream());
        redis_says(granted);
        assert_int_equal(upstream() != NULL, granted);
        if (!granted) {
            assert_int_equal(front.x->answer.status, 429);
            assert_str(front_header(&front, "retry-after"), "30");
        }
        front_close(&front, true);
    }
}

static void an_answer_may_come_before_the_end_of_a_short_body(void **state)
{
    struct fake_front front;
    (void)state;
    add("n", "5/day", NULL)->shared = true;
    go();
    assert_true(front_open(&front, &f.bench->host, "POST", "/unary", "content-length: 2"));
    redis_says(true);
    assert_int_equal(front_body(&front, STR("{}")), 2);
    front_end(&front);
    assert_non_null(upstream());
    front_close(&front, true);
    assert_true(front_open(&front, &f.bench->host, "POST", "/unary", "content-length: 2"));
    redis_says(false);
    assert_int_equal(front.x->answer.status, 429);
    front_close(&front, true);
}

static void a_long_body_is_not_let_in_before_the_answer(void **state)
{
    static const char *const headers[] = {"content-length: 16385", "transfer-encoding: chunked",
                                          "content-length: 2\nexpect: 100-continue"};
    struct fake_front front;
    (void)state;
    add("n", "5/day", NULL)->shared = true;
    go();
    for (unsigned i = 0; i < 3; i++) {
        assert_true(front_open(&front, &f.bench->host, "POST", "/unary", headers[i]));
        assert_int_equal(front_body(&front, STR("{}")), 0);
        redis_says(true);
        assert_true(front.wakes > 0);
        assert_int_equal(front_body(&front, STR("{}")), 2);
        front_close(&front, false);
    }
}

static void who_leaves_while_redis_is_asked_leaves_an_orphan(void **state)
{
    struct fake_front front;
    (void)state;
    add("n", "5/day", NULL)->shared = true;
    go();
    assert_true(front_open(&front, &f.bench->host, "GET", "/unary/a", NULL));
    front_end(&front);
    assert_int_equal(f.redis.asked, 1);
    front_close(&front, false);
    assert_int_equal(f.redis.moved, 1);
    redis_says(true);
    assert_int_equal(f.redis.asked, 2); /* it goes back */
}

/* ---- messages of a client's stream ---- */

static void each_message_of_a_clients_stream_is_charged_before_it_is_sent(void **state)
{
    struct fake_front front;
    (void)state;
    f.rpc = "Collect";
    cost(add("n", "10/day", NULL), "request.count", NULL);
    struct limit *dry = add("dry", "1/day", NULL);
    cost(dry, "request.count", NULL);
    dry->dry_run = true;
    go();
    assert_true(
        front_open(&front, &f.bench->host, "POST", "/collect", "transfer-encoding: chunked"));
    front_body(&front, STR("[{\"count\":1},{\"count\":4},{\"count\":5}"));
    assert_int_equal(upstream()->nsent, 3);
    front_body(&front, STR(",{\"count\":1},{}"));
    assert_int_equal(upstream()->nsent, 3);
    assert_int_equal(upstream()->cancels, 1);
    assert_int_equal(front.x->answer.status, 429);
    front_close(&front, true);
    assert_string_equal(f.bench->error, "limit \"n\" is used up in the middle of the request");
    assert_int_equal(limit_table_counted(f.table, 0, LIMIT_COUNT_CUT), 1);
    assert_true(
        front_open(&front, &f.bench->host, "POST", "/collect", "transfer-encoding: chunked"));
    front_body(&front, STR("[{\"count\":1}"));
    assert_int_equal(front.x->answer.status, 429);
    front_close(&front, true);
}

static void a_further_message_without_a_cost_is_refused(void **state)
{
    struct fake_front front;
    (void)state;
    f.rpc = "Collect";
    cost(add("n", "10/day", NULL), "request.count", NULL);
    go();
    assert_true(
        front_open(&front, &f.bench->host, "POST", "/collect", "transfer-encoding: chunked"));
    front_body(&front, STR("[{\"count\":1},{\"count\":-4}"));
    assert_int_equal(upstream()->nsent, 1);
    assert_int_equal(front.x->answer.status, 403);
    front_close(&front, true);
}

/* ---- what only the answer tells ---- */

static void a_stream_that_uses_up_its_budget_is_cut(void **state)
{
    struct fake_front front;
    (void)state;
    cost(add("n", "8/day", NULL), "size(response.name)", NULL);
    f.rpc = "Watch";
    go();
    assert_true(front_open(&front, &f.bench->host, "GET", "/watch/a", NULL));
    front_end(&front);
    fake_headers(upstream(), NULL, 0);
    fake_message(upstream(), bench_wire(f.bench, "1:'12345'"));
    front_read(&front, SIZE_MAX);
    fake_message(upstream(), bench_wire(f.bench, "1:'12345'"));
    front_read(&front, SIZE_MAX);
    assert_int_equal(upstream()->cancels, 1);
    assert_true(front.x->answer.broken);
    assert_has(buf_str(&front.got), "\"code\":8");
    assert_has(buf_str(&front.got), "limit \\\"n\\\" is used up in the middle of the answer");
    front_close(&front, true);
    assert_int_equal(limit_table_counted(f.table, 0, LIMIT_COUNT_CUT), 1);
}

static void what_was_reserved_and_not_spent_goes_back(void **state)
{
    (void)state;
    cost(add("n", "20/day", NULL), "size(response.name)", "12");
    go();
    assert_int_equal(status(NULL, "{}"), 200); /* 5 of 12 */
    assert_int_equal(status(NULL, "{}"), 200);
    assert_int_equal(status(NULL, "{}"), 429); /* 10 are left */
}

/* How a call ends whose reservation is 10 of 19 a day, after so many messages of 3. */
struct ending {
    const char *what;
    unsigned messages;
    bool leaves; /* the client; else the upstream says `end` */
    struct call_end end;
    bool keeps;
};

static void end_as(const struct ending *e)
{
    struct fake_front front;
    assert_true(front_open(&front, &f.bench->host, "GET",
                           strcmp(f.rpc, "Unary") == 0 ? "/unary/a" : "/watch/a", NULL));
    front_end(&front);
    assert_non_null(upstream());
    fake_headers(upstream(), NULL, 0);
    for (unsigned i = 0; i < e->messages; i++) {
        fake_message(upstream(), bench_wire(f.bench, "1:'123'"));
        front_read(&front, SIZE_MAX);
    }
    if (!e->leaves)
        fake_end_with(upstream(), &e->end);
    front_close(&front, !e->leaves);
    fake_channel_release(&f.bench->channels[0]);
    fake_channel_init(&f.bench->channels[0]);
}

/* Nine are left of what keeps its reservation: the next call cannot reserve its own. */
static void check_ending(void **state, const char *rpc, const struct ending *e)
{
    struct fake_front front;
    if (f.limiter) {
        tear_down(state);
        set_up(state);
    }
    f.rpc = rpc;
    cost(add("n", "19/day", NULL), "size(response.name)", "10");
    go();
    end_as(e);
    assert_true(front_open(&front, &f.bench->host, "GET",
                           strcmp(rpc, "Unary") == 0 ? "/unary/a" : "/watch/a", NULL));
    front_end(&front);
    if ((front.x->answer.status == 429) != e->keeps)
        fail_msg("%s: %s", rpc, e->what);
    front_close(&front, false);
}

static void who_leaves_before_the_cost_is_told_pays_what_was_reserved(void **state)
{
    static const struct ending both[] = {
        {"the client left", 0, true, {0}, true},
        {"the deadline passed",
         0,
         false,
         {.code = TC_CODE_DEADLINE_EXCEEDED, .deadline = true},
         true},
        {"the upstream was late",
         0,
         false,
         {.code = TC_CODE_DEADLINE_EXCEEDED, .from_peer = true},
         true},
        {"the upstream was told", 0, false, {.code = TC_CODE_CANCELLED, .from_peer = true}, true},
        {"the connection broke", 0, false, {.code = TC_CODE_UNAVAILABLE}, true},
        {"it was not reached", 0, false, {.code = TC_CODE_UNAVAILABLE, .unstarted = true}, false},
        {"it refused", 0, false, {.code = TC_CODE_UNAVAILABLE, .from_peer = true}, false},
    };
    static const struct ending single[] = {
        {"the answer was there", 1, true, {0}, false},
        {"the answer was there", 1, false, {.from_peer = true}, false},
    };
    static const struct ending stream[] = {
        {"the client left", 2, true, {0}, true},
        {"the stream broke", 2, false, {.code = TC_CODE_UNAVAILABLE}, true},
        {"the upstream broke off", 2, false, {.code = TC_CODE_INTERNAL, .from_peer = true}, true},
        {"it is all", 2, false, {.from_peer = true}, false},
    };
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        check_ending(state, "Unary", &both[i]);
        check_ending(state, "Watch", &both[i]);
    }
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        check_ending(state, "Unary", &single[i]);
    for (size_t i = 0; i < sizeof stream / sizeof *stream; i++)
        check_ending(state, "Watch", &stream[i]);
}

/* A single answer that has been made is given; what it owes is owed by the key. */
static void an_answer_that_costs_more_than_was_left_is_given(void **state)
{
    (void)state;
    cost(add("n", "4/day", NULL), "size(response.name)", NULL);
    go();
    assert_int_equal(status(NULL, "{}"), 200);
    assert_int_equal(status(NULL, "{}"), 429);
}

static void want_of_memory_is_503(void **state)
{
    (void)state;
    add("n", "100000/day", "headers['x']");
    go();
    struct fake_front front;
    unsigned refused = 0, passed = 0;
    for (size_t room = 0; room < 4096; room += 16) {
        assert_true(front_open(&front, &f.bench->host, "GET", "/nowhere", "x: a"));
        struct exchange *x = front.x;
        front_close(&front, true);
        x->arena.max = 512 + room; /* the next one, which is the same */
        assert_true(front_open(&front, &f.bench->host, "POST", "/unary", "x: a"));
        uint16_t got = front.x->answer.ready ? front.x->answer.status : 0;
        assert_true(got == 0 || got == 503);
        refused += got == 503;
        passed += got == 0;
        front.x->arena.max = 1 << 20;
        front_close(&front, false);
    }
    assert_true(refused > 10 && passed > 10);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_type_of_key_tells_callers_apart),
        CASE(a_call_without_a_key_is_refused_or_shares_one),
        CASE(costs_are_charged_and_never_less_than_nothing),
        CASE(a_dry_run_without_key_or_cost_refuses_nothing),
        CASE(what_needs_the_head_alone_refuses_before_the_body),
        CASE(what_needs_the_message_waits_for_it),
        CASE(a_refusal_tells_what_is_left_of_the_others),
        CASE(fields_of_the_upstream_do_not_stand_beside_ours),
        CASE(a_short_body_is_read_while_redis_is_asked),
        CASE(an_answer_may_come_before_the_end_of_a_short_body),
        CASE(a_long_body_is_not_let_in_before_the_answer),
        CASE(who_leaves_while_redis_is_asked_leaves_an_orphan),
        CASE(each_message_of_a_clients_stream_is_charged_before_it_is_sent),
        CASE(a_further_message_without_a_cost_is_refused),
        CASE(a_stream_that_uses_up_its_budget_is_cut),
        CASE(what_was_reserved_and_not_spent_goes_back),
        CASE(who_leaves_before_the_cost_is_told_pays_what_was_reserved),
        CASE(an_answer_that_costs_more_than_was_left_is_given),
        CASE(want_of_memory_is_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
