#include "gateway/core/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A timer that notes when it fired and then does something. */
struct probe {
    struct timer timer; /* first */
    struct timer_wheel *wheel;
    uint64_t fired_at;
    int fired;
    struct probe *stops, *starts;
    uint64_t starts_in;
};

struct bench {
    uv_loop_t loop;
    struct timer_wheel wheel;
};

static void on_fire(struct timer *t)
{
    struct probe *p = (struct probe *)t;
    p->fired++;
    p->fired_at = uv_now(p->wheel->driver.loop);
    if (p->stops)
        timer_stop(p->wheel, &p->stops->timer);
    if (p->starts)
        timer_start(p->wheel, &p->starts->timer, p->starts_in, on_fire);
}

static int set_up(void **state)
{
    static struct bench b;
    uv_loop_init(&b.loop);
    timer_wheel_init(&b.wheel, &b.loop);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    timer_wheel_close(&b->wheel);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&b->loop);
}

static struct probe probe_of(struct bench *b)
{
    return (struct probe){.wheel = &b->wheel};
}

static void start(struct probe *p, uint64_t ms)
{
    timer_start(p->wheel, &p->timer, ms, on_fire);
}

static void timers_fire_once_and_on_time(void **state)
{
    static const uint64_t after[] = {0, 1, 3, 4, 5, 17, 40};
    enum { N = sizeof after / sizeof *after };
    struct bench *b = *state;
    struct probe p[N];

    uv_update_time(&b->loop);
    uint64_t begin = uv_now(&b->loop);
    for (int i = 0; i < N; i++) {
        p[i] = probe_of(b);
        start(&p[i], after[i]);
        assert_true(timer_runs(&p[i].timer));
    }
    uv_run(&b->loop, UV_RUN_DEFAULT);
    for (int i = 0; i < N; i++) {
        assert_int_equal(p[i].fired, 1);
        assert_false(timer_runs(&p[i].timer));
        assert_true(p[i].fired_at >= begin + after[i]);
        /* Generous: other processes share the machine. */
        assert_true(p[i].fired_at < begin + after[i] + 100);
        if (i)
            assert_true(p[i].fired_at >= p[i - 1].fired_at);
    }
}

static void loop_ends_when_no_timer_runs(void **state)
{
    struct bench *b = *state;
    assert_int_equal(uv_run(&b->loop, UV_RUN_DEFAULT), 0);
}

static void stopped_timer_never_fires(void **state)
{
    struct bench *b = *state;
    struct probe stopped = probe_of(b), other = probe_of(b), never = probe_of(b);

    timer_stop(&b->wheel, &never.timer);
    start(&stopped, 4);
    start(&other, 12);
    timer_stop(&b->wheel, &stopped.timer);
    assert_false(timer_runs(&stopped.timer));
    timer_stop(&b->wheel, &stopped.timer);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(stopped.fired, 0);
    assert_int_equal(other.fired, 1);
}

static void moved_timer_fires_at_its_new_time_only(void **state)
{
    struct bench *b = *state;
    struct probe later = probe_of(b), sooner = probe_of(b);

    uv_update_time(&b->loop);
    uint64_t begin = uv_now(&b->loop);
    start(&later, 4);
    start(&later, 40);
    start(&sooner, 60000);
    start(&sooner, 8);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(later.fired, 1);
    assert_true(later.fired_at >= begin + 40);
    assert_int_equal(sooner.fired, 1);
    assert_true(sooner.fired_at < later.fired_at);
}

static void firing_timer_may_stop_and_start_any(void **state)
{
    struct bench *b = *state;
    struct probe first = probe_of(b), victim = probe_of(b), next = probe_of(b);

    /* Both in one slot; the one met first stops the other, whichever it is. */
    first.stops = &victim;
    victim.stops = &first;
    first.starts = victim.starts = &next;
    first.starts_in = victim.starts_in = 8;
    start(&first, 8);
    start(&victim, 8);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(first.fired + victim.fired, 1);
    assert_int_equal(next.fired, 1);
}

static void firing_timer_may_start_itself_again(void **state)
{
    struct bench *b = *state;
    struct probe again = probe_of(b), end = probe_of(b);

    again.starts = &again;
    again.starts_in = 0;
    end.stops = &again;
    start(&again, 0);
    start(&end, 40);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(end.fired, 1);
    /* Never twice in one tick. */
    assert_in_range(again.fired, 2, 40 / TIMER_TICK_MS + 2 + 100 / TIMER_TICK_MS);
}

static void timer_of_a_later_revolution_waits_in_its_slot(void **state)
{
    enum { REVOLUTION_MS = TIMER_SLOTS * TIMER_TICK_MS };
    struct bench *b = *state;
    struct probe near = probe_of(b), far = probe_of(b), farther = probe_of(b);

    start(&near, 8);
    start(&far, 8 + REVOLUTION_MS);
    start(&farther, 8 + 3 * REVOLUTION_MS);
    near.stops = &farther;
    while (!near.fired)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(far.fired, 0);
    assert_true(timer_runs(&far.timer));
    assert_false(timer_runs(&farther.timer));
    timer_stop(&b->wheel, &far.timer);
}

static void sleep_of_the_loop_loses_no_timer(void **state)
{
    struct bench *b = *state;
    struct probe p[20];

    for (int i = 0; i < 20; i++) {
        p[i] = probe_of(b);
        start(&p[i], (uint64_t)i * 3);
    }
    uv_sleep(80);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 20; i++)
        assert_int_equal(p[i].fired, 1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_once_and_on_time),
        TEST(loop_ends_when_no_timer_runs),
        TEST(stopped_timer_never_fires),
        TEST(moved_timer_fires_at_its_new_time_only),
        TEST(firing_timer_may_stop_and_start_any),
        TEST(firing_timer_may_start_itself_again),
        TEST(timer_of_a_later_revolution_waits_in_its_slot),
        TEST(sleep_of_the_loop_loses_no_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
