#include "tests/unit/support/failmalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
void __real_free(void *p);
void __wrap_free(void *p);

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

static struct {
    bool on;
    size_t held, most; /* bytes; blocks of before count as nothing, freed or not */
} count;

static void *counted(void *p)
{
    if (count.on && p) {
        count.held += malloc_usable_size(p);
        count.most = count.held > count.most ? count.held : count.most;
    }
    return p;
}

static size_t counted_size(void *p)
{
    return count.on && p ? malloc_usable_size(p) : 0;
}

/* Writes nothing while nothing is counted, when many threads may come by. */
static void forget(size_t n)
{
    if (n)
        count.held -= n < count.held ? n : count.held;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : counted(__real_malloc(n));
}

void *__wrap_calloc(size_t count_of, size_t n)
{
    return fails_now() ? NULL : counted(__real_calloc(count_of, n));
}

/* A block that grows counts once, at its new size: large ones are moved by their pages. */
void *__wrap_realloc(void *p, size_t n)
{
    size_t before = counted_size(p);
    void *to = fails_now() ? NULL : __real_realloc(p, n);

    if (to)
        forget(before);
    return counted(to);
}

void __wrap_free(void *p)
{
    forget(counted_size(p));
    __real_free(p);
}

void failmalloc_count_start(void)
{
    count.held = count.most = 0;
    count.on = true;
}

size_t failmalloc_count_stop(void)
{
    count.on = false;
    return count.most;
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
