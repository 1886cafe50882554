/* All faults of a configuration as text, a line each. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/config.h"

struct mistake {
    const char *yaml, *faults; /* without the name in front of ":line: " */
};

static inline void check_mistakes(const struct mistake *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena arena;
        struct tc_faults faults;
        arena_init(&arena, 1 << 16, 64 << 20);
        tc_faults_init(&faults, &arena);
        struct config *c = config_parse(str_c(m[i].yaml), "", &arena, &faults);
        struct str all = STR("");
        for (const struct tc_fault *f = faults.first; f; f = f->next)
            all = arena_printf(&arena, "%.*s%.*s: %.*s\n", STR_ARG(all), STR_ARG(f->place),
                               STR_ARG(f->text));
        if (c || !str_eq(all, str_c(m[i].faults)))
            fail_msg("%s\n--- gives\n%.*s--- not\n%s", m[i].yaml, STR_ARG(all), m[i].faults);
        arena_release(&arena);
    }
}
