#include "gateway/upstream/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct bench {
    struct turn turn; /* first */
    uv_loop_t loop;
    uint32_t worked, closed;
    uint32_t again;    /* so many times work wants to be called again */
    uint32_t schedule; /* so many times it schedules itself */
};

static bool work(struct turn *t)
{
    struct bench *b = (struct bench *)t;
    b->worked++;
    if (b->schedule) {
        b->schedule--;
        turn_schedule(t);
    }
    if (!b->again)
        return false;
    b->again--;
    return true;
}

static void closed(struct turn *t)
{
    ((struct bench *)t)->closed++;
}

static struct bench *bench_open(void)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    uv_loop_init(&b->loop);
    turn_open(&b->turn, &b->loop, work, closed);
    return b;
}

static void bench_close(struct bench *b)
{
    turn_close(&b->turn);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->closed, 1);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
}

/* A cluster without calls costs its worker nothing. */
static void without_anything_to_do_the_loop_may_end(void **state)
{
    struct bench *b = bench_open();
    (void)state;
    assert_int_equal(uv_run(&b->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(b->worked, 0);
    assert_int_equal(b->turn.flushes, 0);
    bench_close(b);
}

static void what_is_scheduled_is_done_and_flushed_before_the_loop_sleeps(void **state)
{
    struct bench *b = bench_open();
    (void)state;
    turn_schedule(&b->turn);
    turn_schedule(&b->turn);
    uv_run(&b->loop, UV_RUN_DEFAULT); /* ends: nothing keeps it */
    assert_in_range(b->worked, 1, 2);
    assert_int_equal(b->turn.flushes, 1);
    bench_close(b);
}

static void work_that_is_not_done_gets_turn_after_turn(void **state)
{
    struct bench *b = bench_open();
    (void)state;
    b->again = 5;
    turn_schedule(&b->turn);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->again, 0);
    assert_in_range(b->worked, 6, 12);
    assert_in_range(b->turn.flushes, 2, 6); /* each turn has one */
    bench_close(b);
}

/* What work schedules is what the flush behind it does; what the flush schedules needs a turn. */
static void scheduling_inside_work_makes_no_turn_of_its_own(void **state)
{
    struct bench *b = bench_open();
    (void)state;
    b->schedule = 100;
    turn_schedule(&b->turn);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->turn.flushes, 1);
    bench_close(b);
}

static void it_is_closed_when_the_last_hold_is_dropped(void **state)
{
    struct bench *b = bench_open();
    (void)state;
    turn_hold(&b->turn);
    turn_close(&b->turn);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->closed, 0);
    turn_drop(&b->turn);
    assert_int_equal(b->closed, 1);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
}

static void nothing_is_done_once_it_closes(void **state)
{
    struct bench *b = bench_open();
    (void)state;
    turn_schedule(&b->turn);
    turn_close(&b->turn);
    turn_schedule(&b->turn);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->worked, 0);
    assert_int_equal(b->closed, 1);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_to_do_the_loop_may_end),
        cmocka_unit_test(what_is_scheduled_is_done_and_flushed_before_the_loop_sleeps),
        cmocka_unit_test(work_that_is_not_done_gets_turn_after_turn),
        cmocka_unit_test(scheduling_inside_work_makes_no_turn_of_its_own),
        cmocka_unit_test(it_is_closed_when_the_last_hold_is_dropped),
        cmocka_unit_test(nothing_is_done_once_it_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
