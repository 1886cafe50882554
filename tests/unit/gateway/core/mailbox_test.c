#include "gateway/core/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

enum { POSTERS = 4, EACH = 500 };

struct reader {
    uv_loop_t loop;
    struct mailbox box;
    uint32_t read, wrong;
    uintptr_t last[POSTERS]; /* by kind */
    uint32_t close_after;
};

static void on_mail(void *ctx, int kind, void *body)
{
    struct reader *r = ctx;
    r->wrong += (uintptr_t)body != r->last[kind] + 1;
    r->last[kind] = (uintptr_t)body;
    if (++r->read == r->close_after)
        mailbox_close(&r->box);
}

static void open_box(struct reader *r)
{
    *r = (struct reader){0};
    uv_loop_init(&r->loop);
    assert_true(mailbox_init(&r->box, &r->loop, on_mail, r));
}

static void end(struct reader *r)
{
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    pthread_mutex_destroy(&r->box.lock);
}

static void post(struct reader *r, uint32_t n)
{
    for (uintptr_t i = 1; i <= n; i++)
        assert_true(mailbox_post(&r->box, 0, (void *)i));
}

static void mail_is_read_in_order_and_not_while_posting(void **state)
{
    struct reader r;
    (void)state;

    open_box(&r);
    post(&r, 3);
    assert_int_equal(r.read, 0);
    r.close_after = 3;
    end(&r);
    assert_int_equal(r.read, 3);
    assert_int_equal(r.wrong, 0);
}

static void a_closed_mailbox_refuses_and_drops(void **state)
{
    struct reader r;
    int body;
    (void)state;

    open_box(&r);
    post(&r, 2);
    mailbox_close(&r.box);
    assert_false(mailbox_post(&r.box, 0, &body));
    end(&r);
    assert_int_equal(r.read, 0);
}

static void closing_while_reading_is_the_end(void **state)
{
    struct reader r;
    (void)state;

    open_box(&r);
    r.close_after = 2;
    post(&r, 5);
    end(&r);
    assert_int_equal(r.read, 2);
}

struct poster {
    struct reader *reader;
    int kind;
};

static void *post_all(void *arg)
{
    struct poster *p = arg;
    for (uintptr_t i = 1; i <= EACH; i++)
        while (!mailbox_post(&p->reader->box, p->kind, (void *)i))
            ;
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    struct reader r;
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    (void)state;

    open_box(&r);
    r.close_after = POSTERS * EACH;
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){&r, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    uv_run(&r.loop, UV_RUN_DEFAULT);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    end(&r);
    assert_int_equal(r.read, POSTERS * EACH);
    assert_int_equal(r.wrong, 0);
}

static void short_memory_leaves_the_body_to_the_poster(void **state)
{
    struct reader r;
    int body;
    (void)state;

    open_box(&r);
    failmalloc_start(0);
    assert_false(mailbox_post(&r.box, 0, &body));
    assert_true(failmalloc_stop());
    r.close_after = 1;
    post(&r, 1);
    end(&r);
    assert_int_equal(r.read, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_is_read_in_order_and_not_while_posting),
        cmocka_unit_test(a_closed_mailbox_refuses_and_drops),
        cmocka_unit_test(closing_while_reading_is_the_end),
        cmocka_unit_test(many_threads_lose_nothing),
        cmocka_unit_test(short_memory_leaves_the_body_to_the_poster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
