#include "gateway/policy/limit_algorithm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Every algorithm against what it promises, then against a naive model that remembers everything.
 */

#define S UINT64_C(1000000000)
#define MIN (60 * S)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)

struct run {
    struct limit_rule rule;
    const struct limit_algorithm *algorithm;
    union limit_state state;
    struct limit_verdict verdict;
    struct limit_log_entry *ring;
};

static struct run run_of(struct limit_rule rule)
{
    struct run r = {.rule = rule, .algorithm = limit_algorithm_of(&rule)};
    r.state = r.algorithm->fresh(&rule);
    return r;
}

static void run_end(struct run *r)
{
    free(r->ring);
}

static void grow(struct run *r)
{
    uint16_t room = r->rule.kind == LIMIT_SLIDING_LOG ? limit_log_wants(&r->state) : 0;
    if (!room)
        return;
    r->ring = malloc(room * sizeof *r->ring);
    assert_non_null(r->ring);
    free(limit_log_grow(&r->state, r->ring, room));
}

static bool take(struct run *r, uint64_t now, uint64_t cost)
{
    struct limit_use u = {&r->rule, now, now, cost};
    r->algorithm->advance(&r->state, &u);
    grow(r);
    r->verdict = r->algorithm->judge(&r->state, &u);
    if (r->verdict.granted)
        r->algorithm->charge(&r->state, &u);
    return r->verdict.granted;
}

static void charge(struct run *r, uint64_t now, uint64_t cost)
{
    struct limit_use u = {&r->rule, now, now, cost};
    r->algorithm->advance(&r->state, &u);
    grow(r);
    r->algorithm->charge(&r->state, &u);
}

static void refund(struct run *r, uint64_t now, uint64_t at, uint64_t cost)
{
    struct limit_use u = {&r->rule, now, at, cost};
    r->algorithm->advance(&r->state, &u);
    r->algorithm->refund(&r->state, &u);
}

static uint32_t weight(struct run *r, uint64_t now)
{
    struct limit_use u = {.rule = &r->rule, .now = now};
    r->algorithm->advance(&r->state, &u);
    return r->algorithm->weight(&r->state, &u);
}

static uint64_t take_all(struct run *r, uint64_t now)
{
    uint64_t n = 0;
    while (n < 1000000 && take(r, now, 1))
        n++;
    return n;
}

static struct limit_rule rule(enum limit_kind kind, uint64_t amount, uint64_t window)
{
    return (struct limit_rule){
        .kind = (uint8_t)kind, .amount = amount, .window_ns = window, .burst = amount};
}

static const enum limit_kind windowed[] = {LIMIT_TOKEN_BUCKET, LIMIT_FIXED_WINDOW,
                                           LIMIT_SLIDING_LOG, LIMIT_SLIDING_COUNTER};
#define EACH_WINDOWED(kind) for (size_t w_ = 0; w_ < 4 && ((kind) = windowed[w_], true); w_++)

static void all_grant_exactly_the_amount_at_once(void **state)
{
    enum limit_kind kind;
    (void)state;
    EACH_WINDOWED(kind)
    {
        struct run r = run_of(rule(kind, 100, MIN));
        assert_int_equal(take_all(&r, 7 * HOUR), 100);
        assert_int_equal(r.verdict.remaining, 0);
        assert_true(r.verdict.wait_ns > 0);
        assert_true(r.verdict.wait_ns <= (kind == LIMIT_SLIDING_COUNTER ? 2 * MIN : MIN));
        run_end(&r);
    }
}

/* What was told as the wait is enough, and a nanosecond (a log: two microseconds) less is not. */
static void the_wait_is_exact(void **state)
{
    enum limit_kind kind;
    (void)state;
    EACH_WINDOWED(kind)
    {
        for (uint64_t cost = 1; cost <= 7; cost += 3) {
            struct run r = run_of(rule(kind, 7, 3 * S + 11));
            uint64_t now = 5 * S, slack = kind == LIMIT_SLIDING_LOG ? 2000 : 1;
            for (unsigned i = 0; i < 7; i++)
                assert_true(take(&r, now += 1000003, 1));
            assert_false(take(&r, now, cost));
            uint64_t wait = r.verdict.wait_ns;
            assert_true(wait > slack);
            assert_false(take(&r, now + wait - slack, cost));
            assert_true(take(&r, now + wait, cost));
            run_end(&r);
        }
    }
}

static void what_can_never_be_granted_says_so(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LIMIT_KINDS; kind++) {
        struct run r = run_of(rule((enum limit_kind)kind, 10, MIN));
        assert_false(take(&r, S, 11));
        assert_true(r.verdict.wait_ns == LIMIT_NEVER);
        assert_false(take(&r, S, UINT64_MAX));
        assert_int_equal(r.verdict.remaining, 10);
        assert_true(take(&r, S, 10));
        run_end(&r);
    }
}

static void a_cost_of_nothing_is_granted_only_without_debt(void **state)
{
    enum limit_kind kind;
    (void)state;
    EACH_WINDOWED(kind)
    {
        struct run r = run_of(rule(kind, 10, MIN));
        assert_true(take(&r, S, 10));
        assert_true(take(&r, S, 0));
        charge(&r, S, 1);
        assert_false(take(&r, S, 0));
        run_end(&r);
    }
}

static void debt_keeps_the_key_out_until_it_is_paid(void **state)
{
    (void)state;
    struct run r = run_of(rule(LIMIT_TOKEN_BUCKET, 60, MIN));
    assert_true(take(&r, S, 1));
    charge(&r, S, 119); /* two minutes' worth in all */
    assert_false(take(&r, S, 1));
    assert_true(r.verdict.wait_ns == 61 * S);
    assert_true(take(&r, 62 * S, 1));
}

static void refunds_return_what_was_reserved(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LIMIT_KINDS; kind++) {
        struct run r = run_of(rule((enum limit_kind)kind, 10, MIN));
        assert_true(take(&r, S, 4));
        assert_true(take(&r, 2 * S, 6));
        assert_false(take(&r, 3 * S, 1));
        refund(&r, 3 * S, 2 * S, 5);
        assert_true(take(&r, 3 * S, 5));
        refund(&r, 3 * S, S, UINT64_MAX / 2); /* never more than there was */
        assert_true(take(&r, 4 * S, 4));
        assert_false(take(&r, 4 * S, 10));
        run_end(&r);
    }
}

static void refunds_of_a_window_that_is_over_change_nothing(void **state)
{
    static const enum limit_kind kinds[] = {LIMIT_FIXED_WINDOW, LIMIT_SLIDING_LOG,
                                            LIMIT_SLIDING_COUNTER};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct run r = run_of(rule(kinds[i], 10, MIN));
        assert_true(take(&r, S, 10));
        assert_true(take(&r, S + 2 * MIN, 10));
        refund(&r, S + 2 * MIN, S, 10);
        assert_false(take(&r, S + 2 * MIN, 1));
        run_end(&r);
    }
}

static void a_bucket_saves_up_to_its_burst_and_no_more(void **state)
{
    (void)state;
    struct limit_rule r20 = rule(LIMIT_TOKEN_BUCKET, 20, S);
    r20.burst = 40;
    struct run r = run_of(r20);
    assert_int_equal(take_all(&r, HOUR), 40);
    assert_int_equal(take_all(&r, HOUR + S), 20);
    assert_int_equal(take_all(&r, 3 * HOUR), 40);
}

/* 3 a 7 ns, asked at every ns: after 7000 ns exactly 3000 tokens have flowed in. */
static void no_fraction_of_a_token_is_lost(void **state)
{
    (void)state;
    struct limit_rule odd = rule(LIMIT_TOKEN_BUCKET, 3, 7);
    odd.burst = 1000000;
    struct run r = run_of(odd);
    charge(&r, 0, 1000000);
    for (uint64_t now = 1; now < 7000; now++) {
        struct limit_use u = {&r.rule, now, now, 0};
        r.algorithm->advance(&r.state, &u);
    }
    assert_int_equal(take_all(&r, 7000), 3000);
}

static void extremes_do_not_overflow(void **state)
{
    (void)state;
    struct limit_rule big = {.kind = LIMIT_TOKEN_BUCKET,
                             .amount = LIMIT_AMOUNT_MAX,
                             .window_ns = LIMIT_WINDOW_MAX_NS,
                             .burst = LIMIT_AMOUNT_MAX};
    for (unsigned kind = 0; kind < LIMIT_KINDS; kind++) {
        if (kind == LIMIT_SLIDING_LOG)
            continue;
        big.kind = (uint8_t)kind;
        struct run r = run_of(big);
        assert_true(take(&r, 1, LIMIT_AMOUNT_MAX));
        for (unsigned i = 0; i < 20; i++)
            charge(&r, 1, UINT64_MAX);
        assert_false(take(&r, 1, 1));
        assert_true(r.verdict.wait_ns > 0);
        for (unsigned i = 0; i < 40; i++)
            refund(&r, 1, 1, UINT64_MAX);
        assert_true(take(&r, UINT64_MAX / 4, 1));
        assert_true(weight(&r, UINT64_MAX / 4) > 0);
    }
}

static void a_clock_that_goes_back_gives_and_takes_nothing(void **state)
{
    enum limit_kind kind;
    (void)state;
    EACH_WINDOWED(kind)
    {
        struct run r = run_of(rule(kind, 100, MIN));
        uint64_t now = 10 * HOUR;
        assert_int_equal(take_all(&r, now), 100);
        assert_int_equal(take_all(&r, now - HOUR), 0);
        assert_int_equal(take_all(&r, now), 0);
        assert_int_equal(take_all(&r, now + MIN / 2), kind == LIMIT_TOKEN_BUCKET ? 50 : 0);
        run_end(&r);
    }
}

static void a_fixed_window_begins_with_the_first_use(void **state)
{
    (void)state;
    struct run r = run_of(rule(LIMIT_FIXED_WINDOW, 10, MIN));
    assert_int_equal(take_all(&r, 90 * S), 10);
    assert_int_equal(take_all(&r, 149 * S), 0);
    assert_true(r.verdict.wait_ns == S);
    assert_int_equal(take_all(&r, 150 * S), 10);
}

struct calendar_case {
    uint8_t calendar;
    int32_t offset_s;
    uint64_t now_s, start_s, end_s;
};

static void calendar_windows_begin_where_the_calendar_says(void **state)
{
    static const struct calendar_case cases[] = {
        /* 2024-02-29T12:00:00Z and the months around it */
        {LIMIT_ALIGNED, 0, 1709208000, 1709164800, 1709251200},
        {LIMIT_MONTH, 0, 1709208000, 1706745600, 1709251200},
        {LIMIT_MONTH, 0, 1709251199, 1706745600, 1709251200},
        {LIMIT_MONTH, 0, 1709251200, 1709251200, 1711929600},
        /* 2023-02-28, no leap year; 2023-12-31 and 2024-01-01 */
        {LIMIT_MONTH, 0, 1677585600, 1675209600, 1677628800},
        {LIMIT_MONTH, 0, 1704067199, 1701388800, 1704067200},
        {LIMIT_MONTH, 0, 1704067200, 1704067200, 1706745600},
        /* 2000-02-29 is a day, 2100-02-29 is none */
        {LIMIT_MONTH, 0, 951782400, 949363200, 951868800},
        {LIMIT_MONTH, 0, 4107456000, 4105123200, 4107542400},
        /* midnight two hours earlier than UTC's, and five and a half later */
        {LIMIT_ALIGNED, 7200, 1709244000, 1709244000, 1709330400},
        {LIMIT_ALIGNED, 7200, 1709243999, 1709157600, 1709244000},
        {LIMIT_ALIGNED, -19800, 1709208000, 1709184600, 1709271000},
        {LIMIT_MONTH, 7200, 1709244000, 1709244000, 1711922400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct calendar_case *c = &cases[i];
        struct limit_rule r = {.kind = LIMIT_FIXED_WINDOW,
                               .calendar = c->calendar,
                               .utc_offset_s = c->offset_s,
                               .amount = 5,
                               .window_ns = c->calendar == LIMIT_MONTH ? 31 * DAY : DAY};
        uint64_t start = limit_calendar_start(&r, c->now_s * S);
        assert_int_equal(start / S, c->start_s);
        assert_int_equal(limit_calendar_end(&r, start) / S, c->end_s);
        struct run run = run_of(r);
        assert_int_equal(take_all(&run, c->now_s * S), 5);
        assert_int_equal(take_all(&run, c->end_s * S - 1), 0);
        assert_int_equal(run.verdict.wait_ns, 1);
        assert_int_equal(take_all(&run, c->end_s * S), 5);
    }
}

static void concurrency_counts_who_is_inside(void **state)
{
    (void)state;
    struct run r = run_of(rule(LIMIT_CONCURRENCY, 2, 0));
    assert_true(take(&r, S, 1));
    assert_true(take(&r, S, 1));
    assert_false(take(&r, 9 * DAY, 1));
    assert_true(weight(&r, 9 * DAY) == LIMIT_HELD);
    refund(&r, 9 * DAY, S, 1);
    assert_true(take(&r, 9 * DAY, 1));
    refund(&r, 9 * DAY, S, 2);
    assert_int_equal(weight(&r, 9 * DAY), 0);
}

static void unused_and_recovered_keys_weigh_nothing(void **state)
{
    enum limit_kind kind;
    (void)state;
    EACH_WINDOWED(kind)
    {
        struct run r = run_of(rule(kind, 1000, MIN));
        assert_int_equal(weight(&r, S), 0);
        take(&r, S, 1);
        uint32_t one = weight(&r, S);
        assert_true(one > 0);
        take(&r, S, 999);
        assert_int_equal(weight(&r, S), LIMIT_WEIGHT_MAX);
        assert_true(one < 100);
        assert_int_equal(weight(&r, S + 2 * MIN), 0);
        run_end(&r);
    }
}

/* ---- against a model ---- */

enum { STEPS = 20000 };

struct past {
    uint64_t at, cost;
};

static uint64_t random_below(uint64_t *seed, uint64_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % n;
}

/* What was granted within the window that ends at `now`. */
static uint64_t within(const struct past *past, size_t n, uint64_t from)
{
    uint64_t sum = 0;
    while (n && past[n - 1].at > from)
        sum += past[--n].cost;
    return sum;
}

/* A log grants exactly when the sum of the window leaves room; asks at whole microseconds. */
static void a_log_is_exact_over_any_window(void **state)
{
    static struct past past[STEPS];
    uint64_t seed = 42, now = 1000 * S, window = 50 * 1000 * 1000;
    struct run r = run_of(rule(LIMIT_SLIDING_LOG, 40, window));
    size_t n = 0;
    (void)state;
    for (unsigned i = 0; i < STEPS; i++) {
        now += random_below(&seed, 3000) * 1000;
        uint64_t cost = random_below(&seed, 4);
        bool expected = within(past, n, now - window) + cost <= 40;
        assert_int_equal(take(&r, now, cost), expected);
        if (expected)
            past[n++] = (struct past){now, cost};
    }
    run_end(&r);
}

/* Over any stretch of time no more than burst + rate * time passes, and not a token less when it is
 * asked for all the time. */
static void a_bucket_is_exact_over_any_stretch(void **state)
{
    uint64_t seed = 7, now = 0, granted = 0;
    struct limit_rule ru = rule(LIMIT_TOKEN_BUCKET, 1000003, S);
    ru.burst = 50;
    struct run r = run_of(ru);
    (void)state;
    granted += take_all(&r, now);
    for (unsigned i = 0; i < STEPS; i++) {
        now += random_below(&seed, 40000); /* up to 40 tokens' worth: never full */
        granted += take_all(&r, now);
        uint64_t exact = 50 + (uint64_t)((double)now * 1000003.0 / 1e9);
        assert_true(granted <= exact + 1 && granted + 1 >= exact);
    }
}

/* The counter's estimate: never more than `amount` by its own formula, which a window of steady use
 * keeps within a hundredth of the truth. */
static void a_counter_keeps_to_its_rate(void **state)
{
    struct run r = run_of(rule(LIMIT_SLIDING_COUNTER, 1000, MIN));
    uint64_t granted = 0;
    (void)state;
    for (uint64_t now = HOUR; now < HOUR + 20 * MIN; now += MIN / 4000)
        granted += take(&r, now, 1);
    assert_true(granted >= 20 * 990 && granted <= 20 * 1010);
}

static void a_log_grows_and_keeps_its_order(void **state)
{
    (void)state;
    struct run r = run_of(rule(LIMIT_SLIDING_LOG, LIMIT_LOG_MAX, MIN));
    for (unsigned i = 0; i < LIMIT_LOG_MAX; i++)
        assert_true(take(&r, S + i * 1000, 1));
    assert_false(take(&r, S + 10 * S, 1));
    assert_int_equal(take_all(&r, S + MIN + 4999 * 1000), 5000);
    assert_int_equal(r.state.log.sum, LIMIT_LOG_MAX);
    for (unsigned i = 0; i < 20000; i++) /* debts of a full ring go to its newest entry */
        charge(&r, S + MIN + 5000 * 1000 + i * 1000, 1);
    assert_false(take(&r, S + MIN + S, 1));
    assert_int_equal(take_all(&r, S + 3 * MIN), LIMIT_LOG_MAX);
    run_end(&r);
}

/* ---- following another counter ---- */

static uint64_t left(struct run *r, uint64_t now)
{
    struct limit_use u = {&r->rule, now, now, 0};
    r->algorithm->advance(&r->state, &u);
    return r->algorithm->judge(&r->state, &u).remaining;
}

static void follow(struct run *r, uint64_t now, const struct limit_verdict *said)
{
    struct limit_use u = {&r->rule, now, now, 0};
    r->algorithm->advance(&r->state, &u);
    grow(r);
    r->algorithm->follow(&r->state, &u, said);
}

/* One that hears what another has said of a key, by a clock of its own, and then does not for a
 * while, has never more left than that one. */
static void who_follows_has_never_more_left(void **state)
{
    enum { AMOUNT = 50, AHEAD = 12345 };
    (void)state;
    for (unsigned k = 0; k < LIMIT_CONCURRENCY; k++) {
        struct limit_rule rule = {
            .kind = (uint8_t)k, .amount = AMOUNT, .window_ns = MIN, .burst = AMOUNT};
        struct run far = run_of(rule), here = run_of(rule);
        uint64_t seed = 7 + k, now = DAY;
        for (unsigned i = 0; i < 5000; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            now += (seed >> 33) % (i % 3 ? S : 20 * S);
            take(&far, now + AHEAD * S, (seed >> 20) % 9);
            struct limit_verdict said = far.verdict;
            follow(&here, now, &said);
            assert_true(left(&here, now) <= said.remaining);
            if (k != LIMIT_SLIDING_LOG) /* which may be told of less only when it is over */
                assert_int_equal(left(&here, now), said.remaining);
            for (unsigned later = 1; later < 4 && i % 7 == 0; later++) {
                now += (seed >> 40) % (25 * S);
                assert_true(left(&here, now) <= left(&far, now + AHEAD * S));
            }
        }
        run_end(&far);
        run_end(&here);
    }
}

/* Nothing left, and less than that. */
static void a_debt_is_followed(void **state)
{
    (void)state;
    struct limit_rule rule = {
        .kind = LIMIT_TOKEN_BUCKET, .amount = 60, .window_ns = MIN, .burst = 60};
    struct run far = run_of(rule), here = run_of(rule);
    charge(&far, S, 90);
    take(&far, S, 1);
    follow(&here, 5 * S, &far.verdict);
    assert_false(take(&here, 35 * S, 1));
    assert_true(take(&here, 36 * S, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_grant_exactly_the_amount_at_once),
        cmocka_unit_test(the_wait_is_exact),
        cmocka_unit_test(what_can_never_be_granted_says_so),
        cmocka_unit_test(a_cost_of_nothing_is_granted_only_without_debt),
        cmocka_unit_test(debt_keeps_the_key_out_until_it_is_paid),
        cmocka_unit_test(refunds_return_what_was_reserved),
        cmocka_unit_test(refunds_of_a_window_that_is_over_change_nothing),
        cmocka_unit_test(a_bucket_saves_up_to_its_burst_and_no_more),
        cmocka_unit_test(no_fraction_of_a_token_is_lost),
        cmocka_unit_test(extremes_do_not_overflow),
        cmocka_unit_test(a_clock_that_goes_back_gives_and_takes_nothing),
        cmocka_unit_test(a_fixed_window_begins_with_the_first_use),
        cmocka_unit_test(calendar_windows_begin_where_the_calendar_says),
        cmocka_unit_test(concurrency_counts_who_is_inside),
        cmocka_unit_test(unused_and_recovered_keys_weigh_nothing),
        cmocka_unit_test(a_log_is_exact_over_any_window),
        cmocka_unit_test(a_bucket_is_exact_over_any_stretch),
        cmocka_unit_test(a_counter_keeps_to_its_rate),
        cmocka_unit_test(who_follows_has_never_more_left),
        cmocka_unit_test(a_debt_is_followed),
        cmocka_unit_test(a_log_grows_and_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
