#include "transcoder/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"

/* Three messages, the second empty, the third compressed, as they must come out:
 * "0:hello|0:|1:zip|". */
static const struct str stream = STR_INIT("\0\0\0\0\5hello"
                                          "\0\0\0\0\0"
                                          "\1\0\0\0\3zip");

static enum tc_status feed(struct tc_deframer *d, struct str in, struct buf *log)
{
    enum tc_status status;

    while ((status = tc_deframe(d, &in)) == TC_OK) {
        if (!buf_printf(log, "%d:", d->compressed) || !buf_add(log, buf_str(&d->message)) ||
            !buf_add_char(log, '|'))
            return TC_NOMEM;
        tc_deframe_next(d);
    }
    if (status == TC_MORE)
        assert_int_equal(in.n, 0);
    return status;
}

static void feed_pieces(void *arg, const struct str *pieces, size_t n)
{
    struct tc_deframer d;
    struct buf log;

    tc_deframer_init(&d, 5);
    buf_init(&log, 1000);
    for (size_t i = 0; i < n; i++) {
        struct guard g = guard_copy(pieces[i]);
        assert_int_equal(feed(&d, g.s, &log), TC_MORE);
        guard_release(&g);
    }
    assert_true(tc_deframer_idle(&d));
    assert_true(str_eq(buf_str(&log), str_c(arg)));
    buf_release(&log);
    tc_deframer_release(&d);
}

static void frame_is_the_same_for_every_split(void **state)
{
    char expected[] = "0:hello|0:|1:zip|";

    (void)state;
    splits_each(stream, feed_pieces, expected);
}

static void frame_knows_a_cut_stream(void **state)
{
    (void)state;
    for (size_t n = 0; n <= stream.n; n++) {
        struct tc_deframer d;
        struct buf log;
        tc_deframer_init(&d, 5);
        buf_init(&log, 1000);
        assert_int_equal(feed(&d, str_of(stream.p, n), &log), TC_MORE);
        assert_int_equal(tc_deframer_idle(&d), n == 0 || n == 10 || n == 15 || n == stream.n);
        buf_release(&log);
        tc_deframer_release(&d);
    }
}

static void frame_refuses_a_long_prefix_before_it_allocates(void **state)
{
    static const struct str prefixes[] = {STR_INIT("\0\0\0\0\6"), STR_INIT("\0\xff\xff\xff\xff"),
                                          STR_INIT("\1\0\1\0\0")};
    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct tc_deframer d;
        struct str in = prefixes[i];
        tc_deframer_init(&d, 5);
        assert_int_equal(tc_deframe(&d, &in), TC_LIMIT);
        assert_null(d.message.p);
        in = STR("more");
        assert_int_equal(tc_deframe(&d, &in), TC_LIMIT); /* final */
        tc_deframer_release(&d);
    }
}

static void frame_refuses_unknown_flags(void **state)
{
    (void)state;
    for (int flag = 2; flag < 256; flag++) {
        struct tc_deframer d;
        char head[] = {(char)flag, 0, 0, 0, 1, 'x'};
        struct str in = str_of(head, sizeof head);
        tc_deframer_init(&d, 5);
        assert_int_equal(tc_deframe(&d, &in), TC_INVALID);
        assert_int_equal(tc_deframe(&d, &in), TC_INVALID);
        tc_deframer_release(&d);
    }
}

static void frame_memory_follows_what_came_not_what_was_promised(void **state)
{
    struct tc_deframer d;
    struct str in = STR("\0\0\xff\xff\xff"
                        "few");

    (void)state;
    tc_deframer_init(&d, 1 << 26);
    assert_int_equal(tc_deframe(&d, &in), TC_MORE);
    assert_int_equal(d.want, 0xffffff);
    assert_true(d.message.cap <= 128);
    tc_deframer_release(&d);
}

static void frame_message_may_be_moved_out(void **state)
{
    struct tc_deframer d;
    struct buf taken;
    struct str in = stream;

    (void)state;
    tc_deframer_init(&d, 5);
    buf_init(&taken, 5);
    assert_int_equal(tc_deframe(&d, &in), TC_OK);
    buf_move(&taken, &d.message);
    tc_deframe_next(&d);
    assert_int_equal(tc_deframe(&d, &in), TC_OK);
    assert_int_equal(d.message.n, 0);
    assert_true(str_eq(buf_str(&taken), STR("hello")));
    buf_release(&taken);
    tc_deframer_release(&d);
}

static void frame_header_reads_back(void **state)
{
    static const uint32_t sizes[] = {0, 1, 255, 256, 0x12345678, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct tc_deframer d;
        char head[TC_FRAME_HEADER];
        struct str in = str_of(head, sizeof head);
        tc_frame_header(head, sizes[i]);
        tc_deframer_init(&d, UINT32_MAX);
        assert_int_equal(tc_deframe(&d, &in), sizes[i] ? TC_MORE : TC_OK);
        assert_int_equal(d.want, sizes[i]);
        assert_false(d.compressed);
        tc_deframer_release(&d);
    }
}

static bool deframe_all(void *arg)
{
    struct tc_deframer d;
    struct buf log;

    (void)arg;
    tc_deframer_init(&d, 5);
    buf_init(&log, 1000);
    bool ok = feed(&d, stream, &log) == TC_MORE;
    buf_release(&log);
    tc_deframer_release(&d);
    return ok;
}

static void frame_reports_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(failmalloc_each(deframe_all, NULL) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_is_the_same_for_every_split),
        cmocka_unit_test(frame_knows_a_cut_stream),
        cmocka_unit_test(frame_refuses_a_long_prefix_before_it_allocates),
        cmocka_unit_test(frame_refuses_unknown_flags),
        cmocka_unit_test(frame_memory_follows_what_came_not_what_was_promised),
        cmocka_unit_test(frame_message_may_be_moved_out),
        cmocka_unit_test(frame_header_reads_back),
        cmocka_unit_test(frame_reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
