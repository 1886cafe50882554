/* set_up and tear_down of tests that run on a bench; *state is the bench. Included once per test
 * program, behind cmocka.h. */
#pragma once

#include "tests/unit/support/bench.h"

static inline int bench_set_up(void **state)
{
    static struct bench b;
    bench_init(&b);
    *state = &b;
    return 0;
}

static inline int bench_tear_down(void **state)
{
    bench_release(*state);
    return 0;
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
