#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/policy/limiter.h"
#include "tests/fakes/fake_channel.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/wire_text.h"
#include "transcoder/wire.h"

/* The client of a rate-limit service on a channel without a network; bytes are those of rls.proto,
 * written by hand. */

enum { ITEMS = 4 };

struct bench {
    struct fake_channel channel;
    struct limit_table *table;
    struct limiter *limiter;
    struct plan_limit limits[ITEMS];
    struct limit_item items[ITEMS];
    struct limit_call call;
    struct arena arena;
    unsigned done;
    bool no_channel;
};

static struct bench b; /* breach: large, and one test runs at a time */

static struct channel *channel_of(void *ctx)
{
    (void)ctx;
    return b.no_channel ? NULL : &b.channel.base;
}

static void on_done(struct limit_call *c)
{
    (void)c;
    b.done++;
}

static int set_up(void **state)
{
    static const char *const names[ITEMS] = {"per-user", "tokens", "here", "trial"};
    (void)state;
    b = (struct bench){.done = 0};
    fake_channel_init(&b.channel);
    arena_init(&b.arena, 4096, 1 << 20);
    b.table = limit_table_new(&(struct limit_table_size){.keys = 100});
    b.limiter = limiter_new(&(struct limiter_options){.table = b.table,
                                                      .service = channel_of,
                                                      .domain = STR("inference"),
                                                      .service_timeout_ms = 20});
    assert_true(b.table && b.limiter);
    for (unsigned i = 0; i < ITEMS; i++) {
        b.limits[i] = (struct plan_limit){
            .name = str_c(names[i]),
            .id = str_c(names[i]),
            .store = i == 2 ? LIMIT_HERE : LIMIT_SERVICE,
            .dry_run = i == 3,
            .rule = {.kind = LIMIT_FIXED_WINDOW, .amount = 3, .window_ns = UINT64_C(60000000000)},
        };
        assert_true(limit_bind(b.table, &b.limits[i]));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    limiter_free(b.limiter);
    limit_table_free(b.table);
    arena_release(&b.arena);
    fake_channel_release(&b.channel);
    return 0;
}

static enum limit_outcome take(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        b.items[i] = (struct limit_item){
            .limit = &b.limits[i], .key = i == 1 ? STR("") : STR("ann"), .cost = i == 1 ? 300 : 1};
    b.call = (struct limit_call){
        .limiter = b.limiter, .items = b.items, .n = (uint8_t)n, .done = on_done};
    return limit_take(&b.call, 0, (uint8_t)n);
}

static struct str wire(const char *text)
{
    return wire_text(&b.arena, text);
}

static void answer(uint32_t call, const char *text)
{
    fake_headers(fake_call(&b.channel, call), NULL, 0);
    fake_message(fake_call(&b.channel, call), wire(text));
    fake_end(fake_call(&b.channel, call), TC_CODE_OK, "");
}

static void anew(void)
{
    fake_channel_release(&b.channel);
    fake_channel_init(&b.channel);
}

static void it_is_asked_for_all_of_a_call_at_once(void **state)
{
    (void)state;
    assert_int_equal(take(3), LIMIT_WAITING);
    struct fake_call *c = fake_call(&b.channel, 0);
    assert_true(
        str_eq(c->path, STR("/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit")));
    assert_true(c->closed);
    assert_int_equal(c->nsent, 1);
    assert_true(str_eq(fake_sent(c, 0), wire("1:'inference' 2:{1:{1:'per-user' 2:'ann'}} "
                                             "2:{1:{1:'tokens' 2:'tokens'} 3:{1:300}}")));
    answer(0, "1:1 2:{1:1 3:8 4:{1:77}} 2:{1:1 3:5}");
    assert_int_equal(b.done, 1);
    assert_int_equal(b.call.outcome, LIMIT_GRANTED);
    assert_int_equal(b.items[0].ask.verdict.remaining, 8);
    assert_true(b.items[0].ask.verdict.reset_ns == UINT64_C(77000000000));
    assert_int_equal(b.items[1].ask.verdict.remaining, 5);
}

/* The value it was asked for. */
static struct str asked(struct str key)
{
    struct tc_wire_field f;
    anew();
    take(1);
    b.items[0].key = key;
    limit_cancel(&b.call);
    anew();
    assert_int_equal(limit_take(&b.call, 0, 1), LIMIT_WAITING);
    struct str sent = fake_sent(fake_call(&b.channel, 0), 0);
    assert_true(tc_wire_find(sent, 2, TC_LEN, &f) && tc_wire_find(f.bytes, 1, TC_LEN, &f) &&
                tc_wire_find(f.bytes, 2, TC_LEN, &f));
    f.bytes = arena_copy(&b.arena, f.bytes);
    limit_cancel(&b.call);
    return f.bytes;
}

/* Nobody is uncounted by the choice of his key. */
static void a_key_that_the_protocol_does_not_carry_goes_by_its_digest(void **state)
{
    static char large[70000];
    struct str seen[6];
    (void)state;
    memset(large, 'a', sizeof large);
    assert_true(str_eq(asked(str_of(large, 256)), str_of(large, 256)));
    assert_true(str_eq(asked(STR("m\xc3\xbcller")), STR("m\xc3\xbcller")));
    seen[0] = asked(str_of(large, 257));
    seen[1] = asked(str_of(large, 258));
    seen[2] = asked(str_of(large, sizeof large));
    seen[3] = asked(STR("\xff\xfe"));
    seen[4] = asked(STR("\xff\xfd"));
    seen[5] = asked(seen[0]); /* who gives another's digest has not his budget */
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(seen[i].n, 7 + 32);
        assert_memory_equal(seen[i].p, "digest:", 7);
        for (unsigned k = 0; k < i; k++)
            assert_false(str_eq(seen[i], seen[k]));
    }
    assert_true(str_eq(seen[3], asked(STR("\xff\xfe"))));
}

/* And what was taken here goes back. */
static void its_refusal_refuses_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(take(3), LIMIT_WAITING);
        answer(i % FAKE_CALLS, "1:2 2:{1:1 3:8} 2:{1:2 4:{1:9}}");
        assert_int_equal(b.call.outcome, LIMIT_REFUSED);
        assert_true(b.items[1].ask.verdict.wait_ns == UINT64_C(9000000000));
        if (i % FAKE_CALLS == FAKE_CALLS - 1) {
            fake_channel_release(&b.channel);
            fake_channel_init(&b.channel);
        }
    }
}

/* Some services say what holds for all and nothing of each. */
static void the_code_of_all_decides(void **state)
{
    static const struct {
        const char *answer;
        enum limit_outcome outcome;
    } cases[] = {
        {"1:2", LIMIT_REFUSED},
        {"1:2 2:{1:1 3:4}", LIMIT_REFUSED},
        {"1:1", LIMIT_GRANTED},
        {"1:1 2:{1:1} 2:{1:1} 2:{1:2}", LIMIT_GRANTED}, /* of nobody */
        {"1:2 2:{1:1} 2:{1:1}", LIMIT_REFUSED},
        {"1:2 2:{1:0} 2:{1:0}", LIMIT_REFUSED},
        {"1:1 2:{1:1} 2:{1:2}", LIMIT_GRANTED}, /* it only watches */
    };
    (void)state;
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(take(2), LIMIT_WAITING);
        answer(0, cases[i].answer);
        assert_int_equal(b.call.outcome, cases[i].outcome);
        anew();
    }
}

/* Whom the refusal of all is laid to: it does not hold up the others in a dry run. */
static void who_is_not_said_to_be_well_is_over(void **state)
{
    static const struct {
        const char *answer;
        bool over[2];
    } cases[] = {
        {"1:2 2:{1:1} 2:{1:2 3:7}", {false, true}}, {"1:2 2:{1:0} 2:{1:2}", {false, true}},
        {"1:2 2:{1:1} 2:{1:0}", {false, true}},     {"1:2 2:{1:1}", {false, true}},
        {"1:2 2:{1:1} 2:{1:1}", {true, true}},      {"1:2", {true, true}},
    };
    (void)state;
    b.limits[1].dry_run = true;
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(take(2), LIMIT_WAITING);
        answer(0, cases[i].answer);
        assert_int_equal(b.call.outcome, cases[i].over[0] ? LIMIT_REFUSED : LIMIT_GRANTED);
        assert_int_equal(b.items[0].ask.verdict.wait_ns != 0, cases[i].over[0]);
        assert_int_equal(b.items[1].would_refuse, cases[i].over[1]);
        assert_int_equal(b.items[1].ask.verdict.remaining, 0);
        anew();
    }
}

static void a_dry_run_is_told_and_refuses_nothing(void **state)
{
    (void)state;
    assert_int_equal(take(4), LIMIT_WAITING);
    answer(0, "1:2 2:{1:1} 2:{1:1} 2:{1:2}");
    assert_int_equal(b.call.outcome, LIMIT_GRANTED);
    assert_true(b.items[3].would_refuse);
}

static void without_a_sensible_answer_the_fallback_holds(void **state)
{
    static const struct {
        enum limit_fallback fallback;
        enum limit_outcome outcome;
    } cases[] = {{LIMIT_OPEN, LIMIT_GRANTED}, {LIMIT_CLOSED, LIMIT_UNKNOWN}};
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        for (unsigned how = 0; how < 2; how++) {
            b.limits[0].fallback = (uint8_t)cases[i].fallback;
            assert_int_equal(take(1), LIMIT_WAITING);
            if (how == 0)
                fake_end(fake_call(&b.channel, 2 * i), TC_CODE_UNAVAILABLE, "away");
            else
                answer(2 * i + 1, "1:0"); /* UNKNOWN */
            assert_int_equal(b.call.outcome, cases[i].outcome);
            assert_true(b.items[0].fell_back);
        }
    fake_channel_release(&b.channel);
    fake_channel_init(&b.channel);
    b.channel.refuses = true;
    assert_int_equal(take(1), LIMIT_UNKNOWN);
    b.channel.refuses = false;
    b.no_channel = true;
    assert_int_equal(take(1), LIMIT_UNKNOWN);
}

/* LOCAL goes on from what it has let pass: two of three. */
static void what_it_lets_pass_is_counted_here_too(void **state)
{
    (void)state;
    b.limits[0].fallback = LIMIT_LOCAL;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(take(1), LIMIT_WAITING);
        answer(i, "1:1 2:{1:1 3:100}");
        assert_int_equal(b.call.outcome, LIMIT_GRANTED);
    }
    b.channel.refuses = true;
    assert_int_equal(take(1), LIMIT_GRANTED);
    assert_int_equal(take(1), LIMIT_REFUSED);
}

static void a_call_that_leaves_cancels_the_question(void **state)
{
    (void)state;
    assert_int_equal(take(3), LIMIT_WAITING);
    limit_cancel(&b.call);
    assert_int_equal(fake_call(&b.channel, 0)->cancels, 1);
    assert_int_equal(b.done, 0);
    for (unsigned i = 0; i < 3; i++) { /* the three of "here" are all there */
        assert_int_equal(take(3), LIMIT_WAITING);
        answer(1 + i, "1:1 2:{1:1} 2:{1:1}");
        assert_int_equal(b.call.outcome, LIMIT_GRANTED);
    }
    assert_int_equal(take(3), LIMIT_REFUSED);
}

static void want_of_memory_is_its_absence(void **state)
{
    (void)state;
    b.limits[0].fallback = LIMIT_CLOSED;
    for (size_t i = 0;; i++) {
        failmalloc_start(i);
        enum limit_outcome o = take(1);
        bool failed = failmalloc_stop();
        if (!failed) {
            assert_int_equal(o, LIMIT_WAITING);
            limit_cancel(&b.call);
            assert_true(i > 0);
            break;
        }
        assert_int_equal(o, LIMIT_UNKNOWN);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_is_asked_for_all_of_a_call_at_once),
        CASE(a_key_that_the_protocol_does_not_carry_goes_by_its_digest),
        CASE(its_refusal_refuses_all),
        CASE(the_code_of_all_decides),
        CASE(who_is_not_said_to_be_well_is_over),
        CASE(a_dry_run_is_told_and_refuses_nothing),
        CASE(without_a_sensible_answer_the_fallback_holds),
        CASE(what_it_lets_pass_is_counted_here_too),
        CASE(a_call_that_leaves_cancels_the_question),
        CASE(want_of_memory_is_its_absence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
