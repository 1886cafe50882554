#include "transcoder/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

/* A stream of `n` messages {"n":1}, ended or failed, as its reader sees it. */
static bool stream(enum tc_framing f, int n, bool fails, struct buf *out)
{
    for (int i = 0; i < n; i++)
        if (!tc_framing_before(f, out, i == 0) || !buf_add(out, STR("{\"n\":1}")) ||
            !tc_framing_after(f, out))
            return false;
    if (fails)
        return tc_framing_error(f, out, n == 0, STR("{\"code\":13}"));
    return tc_framing_end(f, out, n == 0);
}

static const struct {
    enum tc_framing f;
    int n;
    bool fails;
    const char *text;
} streams[] = {
    {TC_FRAMING_ARRAY, 0, false, "[]"},
    {TC_FRAMING_ARRAY, 1, false, "[{\"n\":1}]"},
    {TC_FRAMING_ARRAY, 2, false, "[{\"n\":1},{\"n\":1}]"},
    {TC_FRAMING_ARRAY, 0, true, "[{\"error\":{\"code\":13}}"},
    {TC_FRAMING_ARRAY, 2, true, "[{\"n\":1},{\"n\":1},{\"error\":{\"code\":13}}"},
    {TC_FRAMING_NDJSON, 0, false, ""},
    {TC_FRAMING_NDJSON, 2, false, "{\"n\":1}\n{\"n\":1}\n"},
    {TC_FRAMING_NDJSON, 1, true, "{\"n\":1}\n{\"error\":{\"code\":13}}\n"},
    {TC_FRAMING_SSE, 0, false, ""},
    {TC_FRAMING_SSE, 2, false, "data: {\"n\":1}\n\ndata: {\"n\":1}\n\n"},
    {TC_FRAMING_SSE, 0, true, "event: error\ndata: {\"code\":13}\n\n"},
    {TC_FRAMING_SSE, 1, true, "data: {\"n\":1}\n\nevent: error\ndata: {\"code\":13}\n\n"},
};

static void a_stream_reads_as_its_framing_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct buf out;
        buf_init(&out, 1000);
        assert_true(stream(streams[i].f, streams[i].n, streams[i].fails, &out));
        assert_true(buf_add_char(&out, '\0'));
        assert_string_equal(out.p, streams[i].text);
        buf_release(&out);
    }
}

static void a_full_buffer_is_told_and_left_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        size_t length = strlen(streams[i].text);
        for (size_t max = 0; max < length; max++) {
            struct buf out;
            buf_init(&out, max);
            assert_false(stream(streams[i].f, streams[i].n, streams[i].fails, &out));
            buf_release(&out);
        }
        struct buf out;
        buf_init(&out, 15);
        assert_false(tc_framing_error(streams[i].f, &out, true, STR("{\"code\":13}")));
        assert_int_equal(out.n, 0);
        buf_release(&out);
    }
}

static void each_framing_has_its_content_type_and_keepalive(void **state)
{
    (void)state;
    assert_true(str_eq(tc_framing_content_type(TC_FRAMING_ARRAY), STR("application/json")));
    assert_true(str_eq(tc_framing_content_type(TC_FRAMING_NDJSON), STR("application/x-ndjson")));
    assert_true(str_eq(tc_framing_content_type(TC_FRAMING_SSE), STR("text/event-stream")));
    assert_true(str_eq(tc_framing_keepalive(TC_FRAMING_SSE), STR(":\n\n")));
    assert_int_equal(tc_framing_keepalive(TC_FRAMING_ARRAY).n, 0);
    assert_int_equal(tc_framing_keepalive(TC_FRAMING_NDJSON).n, 0);
}

static bool stream_once(void *arg)
{
    struct buf out;
    (void)arg;
    buf_init(&out, 1000);
    bool ok = stream(TC_FRAMING_SSE, 20, true, &out);
    buf_release(&out);
    return ok;
}

static void a_failed_allocation_is_told(void **state)
{
    (void)state;
    assert_true(failmalloc_each(stream_once, NULL) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_reads_as_its_framing_says),
        cmocka_unit_test(a_full_buffer_is_told_and_left_as_it_was),
        cmocka_unit_test(each_framing_has_its_content_type_and_keepalive),
        cmocka_unit_test(a_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
