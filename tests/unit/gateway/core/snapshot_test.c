#include "gateway/core/snapshot.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* That the last release frees, and no earlier one, is AddressSanitizer's to see. */
static struct snapshot *make(void)
{
    struct snapshot *s = calloc(1, sizeof *s);
    assert_non_null(s);
    atomic_init(&s->references, 1);
    arena_init(&s->arena, 4096, 1 << 20);
    char *text = arena_alloc(&s->arena, 8);
    assert_non_null(text);
    s->config = (void *)text;
    return s;
}

static void it_lives_until_its_last_release(void **state)
{
    struct snapshot *s = make();
    (void)state;

    assert_ptr_equal(snapshot_hold(s), s);
    snapshot_release(s);
    assert_int_equal(*(const char *)s->config, 0);
    assert_int_equal(atomic_load(&s->references), 1);
    snapshot_release(s);
    snapshot_release(NULL);
}

static void *hold_and_release(void *arg)
{
    struct snapshot *s = arg;
    for (int i = 0; i < 20000; i++)
        snapshot_release(snapshot_hold(s));
    snapshot_release(s);
    return NULL;
}

static void threads_may_hold_it(void **state)
{
    struct snapshot *s = make();
    pthread_t threads[4];
    (void)state;

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_release, snapshot_hold(s)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s->references), 1);
    snapshot_release(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lives_until_its_last_release),
        cmocka_unit_test(threads_may_hold_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
