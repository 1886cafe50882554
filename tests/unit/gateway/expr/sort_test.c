#include "gateway/expr/strings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool precedes(void *context, uint32_t a, uint32_t b)
{
    const uint32_t *keys = context;
    return keys[a] < keys[b];
}

/* Few different keys, so that stability shows: of equal ones the smaller index comes first. */
static void every_length_is_sorted_and_stable(void **state)
{
    enum { MOST = 300 };
    uint32_t keys[MOST], order[MOST], spare[MOST], seed = 7;
    (void)state;
    for (uint32_t n = 0; n <= MOST; n++) {
        for (uint32_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            keys[i] = seed >> 29;
            order[i] = i;
        }
        expr_sort(order, spare, n, precedes, keys);
        for (uint32_t i = 1; i < n; i++) {
            uint32_t a = order[i - 1], b = order[i];
            assert_true(keys[a] < keys[b] || (keys[a] == keys[b] && a < b));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_sorted_and_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
