#include "gateway/policy/limit_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/bench_setup.h"

#define S UINT64_C(1000000000)

enum { ITEMS = 3 };

/* A call of three limits that have said what a test wants, on an exchange whose answer is looked
 * at. */
struct fixture {
    struct bench *bench;
    struct plan plan; /* the bench's, with other fields told */
    const struct plan *own;
    struct fake_front front;
    struct plan_limit limits[ITEMS];
    struct limit_item items[ITEMS];
    struct limit_call call;
};

static void open_fixture(struct fixture *f, struct bench *b, uint8_t fields)
{
    static const struct plan_limit limits[ITEMS] = {
        {.name = STR_INIT("a"),
         .policy = STR_INIT("\"a\";q=100;w=60"),
         .rule = {.kind = LIMIT_FIXED_WINDOW, .amount = 100}},
        {.name = STR_INIT("b"),
         .policy = STR_INIT("\"b\";q=20;w=1"),
         .rule = {.kind = LIMIT_TOKEN_BUCKET, .amount = 10, .burst = 20}},
        {.name = STR_INIT("at-once"),
         .policy = STR_INIT("\"at-once\";q=3;qu=\"concurrent-requests\""),
         .rule = {.kind = LIMIT_CONCURRENCY, .amount = 3}},
    };
    static const struct limit_verdict verdicts[ITEMS] = {
        {.granted = true, .remaining = 42, .reset_ns = 7 * S + 1},
        {.granted = true, .remaining = 5, .reset_ns = S},
        {.granted = true, .remaining = 2, .reset_ns = S},
    };
    *f = (struct fixture){.bench = b, .own = b->snapshot.plan, .plan = *b->snapshot.plan};
    f->plan.limits.fields = fields;
    b->snapshot.plan = &f->plan;
    assert_true(front_open(&f->front, &b->host, "GET", "/unary/a", NULL));
    f->call = (struct limit_call){.items = f->items, .n = ITEMS, .last = ITEMS};
    for (unsigned i = 0; i < ITEMS; i++) {
        f->limits[i] = limits[i];
        f->items[i] = (struct limit_item){.limit = &f->limits[i], .cost = 1};
        f->items[i].ask.verdict = verdicts[i];
    }
}

static void close_fixture(struct fixture *f)
{
    front_close(&f->front, true);
    f->bench->snapshot.plan = f->own;
}

static void fields_tell_of_each_limit(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD);
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_str(front_header(&f.front, "ratelimit-policy"),
               "\"a\";q=100;w=60, \"b\";q=20;w=1, \"at-once\";q=3;qu=\"concurrent-requests\"");
    assert_str(front_header(&f.front, "ratelimit"),
               "\"a\";r=42;t=8, \"b\";r=5;t=1, \"at-once\";r=2");
    assert_null(front_header(&f.front, "x-ratelimit-limit").p);
    close_fixture(&f);
}

/* The older fields know one limit: the one that has least left. */
static void older_fields_tell_of_the_tightest(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_X);
    f.call.last = 2;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_str(front_header(&f.front, "x-ratelimit-limit"), "20"); /* not less than may be left */
    assert_str(front_header(&f.front, "x-ratelimit-remaining"), "5");
    assert_str(front_header(&f.front, "x-ratelimit-reset"), "1");
    assert_null(front_header(&f.front, "ratelimit").p);
    close_fixture(&f);
    open_fixture(&f, *state, 0);
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_null(front_header(&f.front, "x-ratelimit-limit").p);
    assert_null(front_header(&f.front, "ratelimit").p);
    close_fixture(&f);
}

/* More than it is configured to be, where a rate-limit service says so. */
static void the_older_limit_is_not_less_than_what_is_left(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_X);
    f.call.last = 1;
    f.items[0].ask.verdict.remaining = 500;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_str(front_header(&f.front, "x-ratelimit-limit"), "500");
    assert_str(front_header(&f.front, "x-ratelimit-remaining"), "500");
    close_fixture(&f);
}

static void of_a_limit_that_nobody_counts_no_state_is_told(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD | LIMIT_TELL_X);
    f.items[0].fell_back = f.items[1].fell_back = true;
    f.limits[0].fallback = LIMIT_OPEN;
    f.limits[1].fallback = LIMIT_LOCAL;
    f.items[0].ask.verdict = (struct limit_verdict){.granted = true};
    f.items[2].ask.verdict = (struct limit_verdict){.granted = false}; /* was not asked */
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_str(front_header(&f.front, "ratelimit-policy"),
               "\"a\";q=100;w=60, \"b\";q=20;w=1, \"at-once\";q=3;qu=\"concurrent-requests\"");
    assert_str(front_header(&f.front, "ratelimit"), "\"b\";r=5;t=1");
    assert_str(front_header(&f.front, "x-ratelimit-remaining"), "5");
    close_fixture(&f);
    open_fixture(&f, *state, LIMIT_TELL_STANDARD | LIMIT_TELL_X);
    f.call.last = 1;
    f.items[0].fell_back = true;
    f.limits[0].fallback = LIMIT_OPEN;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_null(front_header(&f.front, "ratelimit").p);
    assert_null(front_header(&f.front, "x-ratelimit-limit").p);
    close_fixture(&f);
}

static void hidden_limits_and_dry_runs_are_not_told(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD | LIMIT_TELL_X);
    f.limits[0].dry_run = true;
    f.limits[1].policy = STR_NONE;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_str(front_header(&f.front, "ratelimit"), "\"at-once\";r=2");
    assert_str(front_header(&f.front, "x-ratelimit-limit"), "3");
    close_fixture(&f);
    open_fixture(&f, *state, LIMIT_TELL_STANDARD | LIMIT_TELL_X);
    for (unsigned i = 0; i < ITEMS; i++)
        f.limits[i].policy = STR_NONE;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_null(front_header(&f.front, "ratelimit-policy").p);
    assert_null(front_header(&f.front, "x-ratelimit-limit").p);
    close_fixture(&f);
}

/* A later stage tells all again; front_header fails on two of a name. */
static void a_later_stage_takes_the_place_of_an_earlier_one(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD | LIMIT_TELL_X);
    f.call.last = 1;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_str(front_header(&f.front, "ratelimit"), "\"a\";r=42;t=8");
    f.call.first = 1;
    f.call.last = ITEMS;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    assert_str(front_header(&f.front, "ratelimit"),
               "\"a\";r=42;t=8, \"b\";r=5;t=1, \"at-once\";r=2");
    assert_str(front_header(&f.front, "x-ratelimit-remaining"), "2");
    close_fixture(&f);
}

static void refuse(struct limit_item *i, uint64_t wait_ns)
{
    i->ask.verdict.granted = false;
    i->ask.verdict.remaining = 0;
    i->ask.verdict.wait_ns = wait_ns;
}

static void the_longest_wait_is_told(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD);
    assert_null(limit_answer_worst(&f.call));
    refuse(&f.items[0], S / 2);
    refuse(&f.items[1], 3 * S + 1);
    refuse(&f.items[2], 90 * S);
    f.limits[2].dry_run = true; /* refuses nothing */
    const struct limit_item *worst = limit_answer_worst(&f.call);
    assert_ptr_equal(worst, &f.items[1]);
    limit_answer_fail(f.front.x, &f.call, LIMIT_REFUSED, worst);
    assert_int_equal(f.front.x->answer.status, 429);
    assert_str(front_header(&f.front, "retry-after"), "4");
    close_fixture(&f);
    assert_string_equal(f.bench->error, "limit \"b\" is reached; try again in 4 s");
}

/* RFC 9110 10.2.3: a wait that does not help is not told. */
static void what_can_never_pass_is_not_told_to_try_again(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD);
    f.items[1].cost = 21;
    refuse(&f.items[1], LIMIT_NEVER);
    limit_answer_fail(f.front.x, &f.call, LIMIT_REFUSED, limit_answer_worst(&f.call));
    assert_int_equal(f.front.x->answer.status, 429);
    assert_null(front_header(&f.front, "retry-after").p);
    close_fixture(&f);
    assert_string_equal(f.bench->error,
                        "this call costs 21, limit \"b\" never allows more than 20");
}

static void a_store_that_cannot_be_asked_is_503(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD);
    limit_answer_fail(f.front.x, &f.call, LIMIT_UNKNOWN, NULL);
    assert_int_equal(f.front.x->answer.status, 503);
    assert_str(front_header(&f.front, "retry-after"), "1");
    close_fixture(&f);
}

/* The largest numbers and sixteen limits fit, whatever they say. */
static void all_that_an_rpc_may_have_is_told(void **state)
{
    struct fixture f;
    struct plan_limit limit = {.name = STR("a-name-of-forty-characters-xxxxxxxxxxxxx"),
                               .rule = {.kind = LIMIT_FIXED_WINDOW}};
    struct limit_item items[LIMIT_ASKS_MAX];
    open_fixture(&f, *state, LIMIT_TELL_STANDARD);
    assert_int_equal(limit.name.n, 40);
    limit.policy = STR("\"a-name-of-forty-characters-xxxxxxxxxxxxx\";q=1099511627776;w=34560000");
    for (unsigned i = 0; i < LIMIT_ASKS_MAX; i++) {
        items[i] = (struct limit_item){.limit = &limit};
        items[i].ask.verdict = (struct limit_verdict){
            .granted = true, .remaining = UINT64_MAX, .reset_ns = UINT64_MAX};
    }
    f.call.items = items;
    f.call.n = f.call.last = LIMIT_ASKS_MAX;
    assert_true(limit_answer_headers(f.front.x, &f.call));
    struct str told = front_header(&f.front, "ratelimit");
    assert_true(str_ends(told, STR(";r=18446744073709551615;t=18446744074")));
    assert_int_equal(
        told.n, LIMIT_ASKS_MAX * (42 + sizeof ";r=18446744073709551615;t=18446744074" - 1 + 2) - 2);
    close_fixture(&f);
}

static void want_of_memory_is_told(void **state)
{
    struct fixture f;
    open_fixture(&f, *state, LIMIT_TELL_STANDARD | LIMIT_TELL_X);
    size_t max = f.front.x->arena.max;
    f.front.x->arena.max = f.front.x->arena.used;
    assert_false(limit_answer_headers(f.front.x, &f.call));
    refuse(&f.items[0], S);
    limit_answer_fail(f.front.x, &f.call, LIMIT_REFUSED, &f.items[0]);
    assert_int_equal(f.front.x->answer.status, 503);
    f.front.x->arena.max = max;
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(fields_tell_of_each_limit),
        BENCH_TEST(older_fields_tell_of_the_tightest),
        BENCH_TEST(the_older_limit_is_not_less_than_what_is_left),
        BENCH_TEST(of_a_limit_that_nobody_counts_no_state_is_told),
        BENCH_TEST(hidden_limits_and_dry_runs_are_not_told),
        BENCH_TEST(a_later_stage_takes_the_place_of_an_earlier_one),
        BENCH_TEST(the_longest_wait_is_told),
        BENCH_TEST(what_can_never_pass_is_not_told_to_try_again),
        BENCH_TEST(a_store_that_cannot_be_asked_is_503),
        BENCH_TEST(all_that_an_rpc_may_have_is_told),
        BENCH_TEST(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
