#include "gateway/core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>
#include <uv.h>

static void it_is_the_clock_of_uv_hrtime(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t before = uv_hrtime(), now = clock_now(), after = uv_hrtime();
        assert_true(before <= now && now <= after);
    }
}

static void the_wall_clock_counts_microseconds_since_the_epoch(void **state)
{
    uint64_t before = (uint64_t)time(NULL) * 1000000;
    uint64_t now = clock_wall_us();
    (void)state;

    /* time() may lag behind by a tick of the kernel's coarse clock */
    assert_true(now + 1000000 >= before);
    assert_true(now <= before + 5000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_clock_of_uv_hrtime),
        cmocka_unit_test(the_wall_clock_counts_microseconds_since_the_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
