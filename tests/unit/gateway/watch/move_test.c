#include "gateway/watch/watch_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/watch/watch_fixture.h"

/* Two plans that a reload changes between, and what each has counted. */
struct bench {
    struct fixture old, fresh;
    struct watch *from, *to;
};

static void open_bench(struct bench *b, uint32_t nold, uint32_t nfresh)
{
    fixture_init(&b->old);
    fixture_init(&b->fresh);
    b->old.plan.npolicies = nold;
    b->fresh.plan.npolicies = nfresh;
    assert_non_null(b->from = watch_new(nold, NULL));
    assert_non_null(b->to = watch_new(nfresh, NULL));
}

static void move(struct bench *b)
{
    watch_move(b->from, &b->old.plan, b->to, &b->fresh.plan);
}

static void close_bench(struct bench *b)
{
    watch_free(b->from);
    watch_free(b->to);
}

static void record(struct watch *w, const struct fixture *f, int route, uint16_t status,
                   enum tc_code code)
{
    struct event e = fixture_event(f, route);
    e.http_status = status;
    e.code = code;
    e.refusal = REFUSAL_SCOPE;
    watch_record(w, &e);
}

static uint64_t outcome(const struct watch *w, uint32_t row, uint16_t status, enum tc_code code)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < WATCH_OUTCOMES; i++)
        if (w->rows[row].outcomes[i].key == watch_outcome_key(status, code))
            n += watch_get(&w->rows[row].outcomes[i].count);
    return n;
}

static uint64_t all_outcomes(const struct watch_row *row)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < WATCH_OUTCOMES; i++)
        n += watch_get(&row->outcomes[i].count);
    return n;
}

static uint64_t all_times(const struct watch_row *row, enum watch_time time)
{
    uint64_t n = 0;
    for (uint32_t b = 0; b < WATCH_BUCKETS; b++)
        n += watch_get(&row->times[time].count[b]);
    return n;
}

static void every_counter_goes_on_in_the_row_of_the_same_rpc(void **state)
{
    struct bench b;
    (void)state;

    open_bench(&b, 3, 3);
    b.fresh.methods[0].full_name = b.old.methods[2].full_name; /* another order */
    b.fresh.methods[2].full_name = b.old.methods[0].full_name;
    record(b.from, &b.old, 0, 200, TC_CODE_OK);
    record(b.from, &b.old, 0, 503, TC_CODE_UNAVAILABLE);
    record(b.from, &b.old, 1, 200, TC_CODE_OK);
    record(b.to, &b.fresh, 2, 200, TC_CODE_OK); /* had counted by itself already */
    move(&b);

    const struct watch_row *row = &b.to->rows[2];
    assert_int_equal(outcome(b.to, 2, 200, TC_CODE_OK), 2);
    assert_int_equal(outcome(b.to, 2, 503, TC_CODE_UNAVAILABLE), 1);
    assert_int_equal(outcome(b.to, 1, 200, TC_CODE_OK), 1);
    assert_int_equal(all_outcomes(&b.to->rows[0]), 0);
    for (int t = 0; t < WATCH_TIMES; t++)
        assert_int_equal(all_times(row, (enum watch_time)t), 3);
    assert_int_equal(watch_get(&row->times[WATCH_TOTAL].sum_ns), 3 * 1500000);
    assert_int_equal(watch_get(&row->sums[WATCH_BYTES_IN]), 30);
    assert_int_equal(watch_get(&row->sums[WATCH_BYTES_OUT]), 60);
    assert_int_equal(watch_get(&row->sums[WATCH_MESSAGES_IN]), 3);
    assert_int_equal(watch_get(&row->sums[WATCH_MESSAGES_OUT]), 6);
    assert_int_equal(watch_get(&row->sums[WATCH_RETRIES]), 3);
    assert_int_equal(watch_get(&row->refusals[REFUSAL_SCOPE]), 3);
    close_bench(&b);
}

/* An old generation is moved at the reload and once more when its last exchange has ended. */
static void what_was_moved_is_not_counted_twice(void **state)
{
    struct bench b;
    (void)state;

    open_bench(&b, 3, 3);
    record(b.from, &b.old, 0, 200, TC_CODE_OK);
    move(&b);
    move(&b);
    assert_int_equal(all_outcomes(&b.to->rows[0]), 1);
    assert_int_equal(all_times(&b.to->rows[0], WATCH_OWN), 1);
    record(b.from, &b.old, 0, 200, TC_CODE_OK);
    move(&b);
    assert_int_equal(outcome(b.to, 0, 200, TC_CODE_OK), 2);
    close_bench(&b);
}

static void an_rpc_that_is_gone_takes_its_numbers_along(void **state)
{
    struct bench b;
    (void)state;

    open_bench(&b, 3, 1);
    for (int i = 0; i < 3; i++)
        record(b.from, &b.old, i, 200, TC_CODE_OK);
    move(&b);
    assert_int_equal(all_outcomes(&b.to->rows[0]), 1);
    assert_int_equal(all_outcomes(&b.to->rows[1]), 0); /* the row of those without a route */
    close_bench(&b);
}

static void requests_without_a_route_keep_their_row_whatever_the_plans(void **state)
{
    static const uint32_t sizes[][2] = {{3, 1}, {1, 3}, {0, 2}, {2, 0}, {0, 0}};
    (void)state;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bench b;
        open_bench(&b, sizes[i][0], sizes[i][1]);
        record(b.from, &b.old, -1, 404, TC_CODE_NOT_FOUND);
        move(&b);
        assert_int_equal(outcome(b.to, sizes[i][1], 404, TC_CODE_NOT_FOUND), 1);
        assert_int_equal(all_outcomes(&b.from->rows[sizes[i][0]]), 0);
        close_bench(&b);
    }
}

static void outcomes_that_find_no_place_are_still_counted(void **state)
{
    struct bench b;
    (void)state;

    open_bench(&b, 1, 1);
    for (int i = 0; i < 20; i++) {
        record(b.from, &b.old, 0, (uint16_t)(200 + i), TC_CODE_OK);
        record(b.to, &b.fresh, 0, (uint16_t)(300 + i), TC_CODE_OK);
    }
    move(&b);
    assert_int_equal(all_outcomes(&b.to->rows[0]), 40);
    assert_int_equal(outcome(b.to, 0, 200, TC_CODE_OK), 1);
    assert_int_equal(outcome(b.to, 0, 319, TC_CODE_OK), 1);
    /* 20 of its own and 11 that came; the last place is for the rest. */
    assert_int_equal(outcome(b.to, 0, 0, TC_CODE_UNKNOWN), 40 - (WATCH_OUTCOMES - 1));
    record(b.to, &b.fresh, 0, 599, TC_CODE_OK);
    assert_int_equal(all_outcomes(&b.to->rows[0]), 41);
    close_bench(&b);
}

static void lines_that_wait_are_written_by_the_next(void **state)
{
    struct bench b;
    (void)state;

    open_bench(&b, 1, 1);
    assert_true(buf_add(&b.to->lines, STR("first\n")));
    assert_true(buf_add(&b.from->lines, STR("second\n")));
    b.from->torn = true;
    watch_add(&b.from->lost, 4);
    watch_add(&b.to->lost, 3);
    move(&b);
    assert_true(str_eq(buf_str(&b.to->lines), STR("first\nsecond\n")));
    assert_int_equal(b.from->lines.n, 0);
    assert_int_equal(watch_get(&b.to->lost), 7);
    assert_int_equal(watch_get(&b.from->lost), 0);
    assert_true(b.to->torn);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counter_goes_on_in_the_row_of_the_same_rpc),
        cmocka_unit_test(what_was_moved_is_not_counted_twice),
        cmocka_unit_test(an_rpc_that_is_gone_takes_its_numbers_along),
        cmocka_unit_test(requests_without_a_route_keep_their_row_whatever_the_plans),
        cmocka_unit_test(outcomes_that_find_no_place_are_still_counted),
        cmocka_unit_test(lines_that_wait_are_written_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
