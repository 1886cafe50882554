#include "transcoder/decode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/decode_check.h"
#include "transcoder/number.h"

enum { COUNT = 150, TEXT = 64 << 10 }; /* more than two batches */

static float value(int i)
{
    static const float odd[] = {0,       -0.0f,     1,         -1,           0.5f,
                                0x1p24f, 0x1p-126f, 0x1p-149f, 3.4028235e38f};

    if (i == 70 || i == 71)
        return i == 70 ? NAN : -INFINITY;
    return i % 3 ? (float)i * -0.37f : odd[(size_t)i / 3 % (sizeof odd / sizeof *odd)];
}

/* COUNT floats as a packed field rFl; `cut` bytes are missing at the end. */
static char *floats_on_the_wire(size_t cut)
{
    char *hex = malloc(TEXT);
    size_t n;

    assert_non_null(hex);
    n = (size_t)snprintf(hex, TEXT, "b201%02x%02x", (unsigned)((COUNT * 4 - cut) & 0x7f) | 0x80,
                         (unsigned)(COUNT * 4 - cut) >> 7);
    for (int i = 0; i < COUNT; i++) {
        unsigned char bytes[4];
        float v = value(i);

        memcpy(bytes, &v, sizeof bytes);
        for (size_t b = 0; b < sizeof bytes; b++)
            n += (size_t)snprintf(hex + n, TEXT - n, "%02x", bytes[b]);
    }
    hex[n - 2 * cut] = '\0';
    return hex;
}

static void packed_floats_are_written_like_single_ones(void **state)
{
    char *hex = floats_on_the_wire(0), *json = malloc(TEXT);
    char text[TC_NUMBER_TEXT_MAX];
    size_t n;

    (void)state;
    assert_non_null(json);
    n = (size_t)snprintf(json, TEXT, "{\"rFl\":[");
    for (int i = 0; i < COUNT; i++) {
        float v = value(i);
        struct str s = isnan(v)       ? STR("\"NaN\"")
                       : !isfinite(v) ? STR("\"-Infinity\"")
                                      : str_of(text, tc_print_float(text, v));
        n += (size_t)snprintf(json + n, TEXT - n, "%s%.*s", i ? "," : "", STR_ARG(s));
    }
    snprintf(json + n, TEXT - n, "]}");
    struct decode_case c = {"floats", hex, json};
    decode_check(&c, 1, NULL);
    free(json);
    free(hex);
}

/* The element that is cut has the index behind those that were written, in whatever batch. */
static void packed_floats_that_are_cut_say_where(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 4; cut++) {
        char *hex = floats_on_the_wire(cut);
        struct decode_fault f = {"cut floats", hex, "rFl[148]", "malformed"};
        decode_check_faults(&f, 1, NULL);
        free(hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_floats_are_written_like_single_ones),
        cmocka_unit_test(packed_floats_that_are_cut_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
