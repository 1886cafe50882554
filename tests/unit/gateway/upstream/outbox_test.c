#include "gateway/upstream/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct buf message(const char *text)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    assert_true(buf_add(&b, str_c(text)));
    return b;
}

static void add(struct outbox *o, const char *text)
{
    struct buf b = message(text);
    assert_true(outbox_add(o, &b));
    assert_null(b.p);
}

static void expect_front(const struct outbox *o, const char *text)
{
    assert_true(str_eq(outbox_front(o), str_c(text)));
}

static void messages_leave_in_order_and_in_pieces(void **state)
{
    struct outbox o;
    struct buf spent;
    (void)state;

    outbox_init(&o);
    add(&o, "abc");
    add(&o, "de");
    add(&o, "f");
    assert_int_equal(o.queued, 6);
    outbox_advance(&o, 2, &spent);
    expect_front(&o, "c");
    outbox_advance(&o, 1, &spent);
    expect_front(&o, "de");
    outbox_advance(&o, 2, &spent);
    outbox_advance(&o, 1, &spent);
    assert_int_equal(o.queued, 0);
    assert_int_equal(outbox_front(&o).n, 0);
    assert_false(outbox_finished(&o));
    o.last = true;
    assert_true(outbox_finished(&o));
    outbox_release(&o);
}

static void a_rewound_outbox_sends_everything_again(void **state)
{
    struct outbox o;
    struct buf spent;
    (void)state;

    outbox_init(&o);
    add(&o, "abc");
    add(&o, "de");
    assert_false(outbox_advance(&o, 3, &spent));
    outbox_advance(&o, 1, &spent);
    assert_true(outbox_rewind(&o));
    assert_int_equal(o.queued, 5);
    expect_front(&o, "abc");
    outbox_release(&o);
}

static void a_committed_one_lets_go_of_what_was_sent(void **state)
{
    struct outbox o;
    struct buf spent;
    (void)state;

    outbox_init(&o);
    add(&o, "abc");
    add(&o, "de");
    outbox_advance(&o, 3, &spent);
    outbox_commit(&o);
    assert_int_equal(o.n, 1);
    assert_false(outbox_rewind(&o));
    expect_front(&o, "de");
    assert_true(outbox_advance(&o, 2, &spent));
    assert_true(str_eq(buf_str(&spent), STR("de")));
    buf_release(&spent);
    outbox_release(&o);
}

static void many_messages_need_little_room_once_sent(void **state)
{
    struct outbox o;
    struct buf spent;
    (void)state;

    outbox_init(&o);
    outbox_commit(&o);
    for (int i = 0; i < 10000; i++) {
        add(&o, "x");
        if (i >= 10 && outbox_advance(&o, 1, &spent))
            buf_release(&spent);
    }
    assert_int_equal(o.queued, 10);
    assert_in_range(o.cap, 10, 64);
    outbox_release(&o);
}

static void a_long_stream_is_not_kept(void **state)
{
    struct outbox o;
    struct buf spent, block;
    (void)state;

    outbox_init(&o);
    for (int i = 0; i < 40; i++) {
        buf_init(&block, 1 << 20);
        assert_non_null(buf_reserve(&block, 10000));
        memset(block.p, 'x', 10000);
        block.n = 10000;
        assert_true(outbox_add(&o, &block));
        if (outbox_advance(&o, 10000, &spent))
            buf_release(&spent);
    }
    assert_false(outbox_rewind(&o));
    outbox_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_in_order_and_in_pieces),
        cmocka_unit_test(a_rewound_outbox_sends_everything_again),
        cmocka_unit_test(a_committed_one_lets_go_of_what_was_sent),
        cmocka_unit_test(many_messages_need_little_room_once_sent),
        cmocka_unit_test(a_long_stream_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
