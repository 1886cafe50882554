#include "tests/unit/support/failmalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);

static struct {
    bool armed, hit;
    size_t left;
} state;

static bool fails_now(void)
{
    if (!state.armed || state.hit)
        return false;
    state.hit = state.left == 0;
    state.left--;
    return state.hit;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t n)
{
    return fails_now() ? NULL : __real_calloc(count, n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}

void failmalloc_start(size_t i)
{
    state.left = i;
    state.hit = false;
    state.armed = true;
}

bool failmalloc_stop(void)
{
    state.armed = false;
    return state.hit;
}

size_t failmalloc_each(bool (*run)(void *arg), void *arg)
{
    for (size_t i = 0;; i++) {
        failmalloc_start(i);
        bool ok = run(arg);
        bool hit = failmalloc_stop();
        if (ok == hit)
            fail_msg("allocation %zu %s, and yet the run %s", i, hit ? "failed" : "was not reached",
                     ok ? "succeeded" : "failed");
        if (!hit)
            return i;
    }
}
