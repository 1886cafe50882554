#include "tests/unit/support/hostile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

void hostile_unit(struct buf *b, struct str unit, uint64_t number)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

    for (size_t i = 0; i < unit.n; i++) {
        unsigned base = unit.p[i] == '#' ? 36 : unit.p[i] == '~' ? 10 : 0;
        assert_true(buf_add_char(b, base ? digits[number % base] : unit.p[i]));
        number = base ? number / base : number;
    }
}

void hostile_check(const char *name, size_t held, size_t input)
{
    if (held > HOSTILE_FACTOR * input + HOSTILE_CONSTANT)
        fail_msg("%s: %zu bytes for %zu, %.1f times", name, held, input,
                 (double)held / (double)input);
}
