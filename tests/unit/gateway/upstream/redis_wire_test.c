#include "gateway/upstream/redis_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/splits.h"

struct expected {
    struct str wire;
    enum redis_status status;
    uint32_t n;
    int64_t first, last;
    const char *text;
};

static const struct expected replies[] = {
    {STR_INIT("+OK\r\n"), REDIS_REPLIED, 0, 0, 0, "OK"},
    {STR_INIT("$3\r\nabc\r\n"), REDIS_REPLIED, 0, 0, 0, "abc"},
    {STR_INIT(":-42\r\n"), REDIS_REPLIED, 1, -42, -42, ""},
    {STR_INIT("*3\r\n:1\r\n:2\r\n:9007199254740993\r\n"), REDIS_REPLIED, 3, 1, 9007199254740993,
     ""},
    {STR_INIT("*0\r\n"), REDIS_REPLIED, 0, 0, 0, ""},
    {STR_INIT("$-1\r\n"), REDIS_REPLIED, 1, 0, 0, ""},
    {STR_INIT("-READONLY You can't write against a read only replica.\r\n"), REDIS_FAILED, 0, 0, 0,
     "READONLY You can't write against a read only replica."},
};

static void feed_pieces(void *arg, const struct str *pieces, size_t n)
{
    const struct expected *e = arg;
    struct redis_parser *p = redis_parser_new();
    struct redis_reply r = {0};
    enum redis_parsed st = REDIS_MORE;
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        assert_true(redis_parser_feed(p, pieces[i]));
        if (st == REDIS_MORE)
            st = redis_parser_next(p, &r);
    }
    assert_int_equal(st, REDIS_PARSED);
    assert_int_equal(r.status, e->status);
    assert_int_equal(r.n, e->n);
    bool failed = e->status == REDIS_FAILED;
    assert_string_equal(r.error, failed ? e->text : "");
    assert_true(str_eq(r.text, str_c(failed ? "" : e->text)));
    if (e->n) {
        assert_true(r.values[0] == e->first);
        assert_true(r.values[e->n - 1] == e->last);
    }
    assert_int_equal(redis_parser_next(p, &r), REDIS_MORE);
    redis_parser_free(p);
}

static void replies_are_read_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        splits_each(replies[i].wire, feed_pieces, (void *)(uintptr_t)&replies[i]);
}

static void several_replies_come_one_by_one(void **state)
{
    struct redis_parser *p = redis_parser_new();
    struct redis_reply r;
    (void)state;
    assert_true(redis_parser_feed(p, STR("*2\r\n:7\r\n:8\r\n-ERR x\r\n:1\r\n")));
    assert_int_equal(redis_parser_next(p, &r), REDIS_PARSED);
    assert_int_equal(r.n, 2);
    assert_int_equal(redis_parser_next(p, &r), REDIS_PARSED);
    assert_int_equal(r.status, REDIS_FAILED);
    assert_int_equal(r.n, 0);
    assert_int_equal(redis_parser_next(p, &r), REDIS_PARSED);
    assert_int_equal(r.status, REDIS_REPLIED);
    assert_string_equal(r.error, "");
    redis_parser_free(p);
}

/* A parser keeps one text at a time; a longer one than it has room for is cut. */
static void texts_are_kept_until_the_next_and_cut(void **state)
{
    static char filler[REDIS_TEXT_MAX + 5];
    struct redis_parser *p = redis_parser_new();
    struct redis_reply r;
    (void)state;
    memset(filler, 'y', sizeof filler);
    assert_true(redis_parser_feed(p, STR("$5\r\na\0b\r\n\r\n$16389\r\n")));
    assert_true(redis_parser_feed(p, str_of(filler, sizeof filler)));
    assert_true(redis_parser_feed(p, STR("\r\n$-1\r\n")));
    assert_int_equal(redis_parser_next(p, &r), REDIS_PARSED);
    assert_true(str_eq(r.text, STR("a\0b\r\n")));
    assert_int_equal(redis_parser_next(p, &r), REDIS_PARSED);
    assert_int_equal(r.text.n, REDIS_TEXT_MAX);
    assert_int_equal(redis_parser_next(p, &r), REDIS_PARSED);
    assert_null(r.text.p);
    redis_parser_free(p);
}

static bool is_refused(struct str wire)
{
    struct redis_parser *p = redis_parser_new();
    struct redis_reply r;
    enum redis_parsed st = REDIS_PARSED;
    bool fed = redis_parser_feed(p, wire);
    while (fed && st == REDIS_PARSED)
        st = redis_parser_next(p, &r);
    redis_parser_free(p);
    return !fed || st == REDIS_GARBAGE;
}

static void garbage_is_refused(void **state)
{
    static const struct str garbage[] = {
        STR_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"),
        STR_INIT("*1000000000\r\n:1\r\n"),
        STR_INIT("*1\r\n*1\r\n:1\r\n"),
        STR_INIT("*81\r\n:1\r\n"),
        STR_INIT("\0\0\0\0\r\n"),
        STR_INIT("*2147483648\r\n"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
        assert_true(is_refused(garbage[i]));
}

/* A text that never ends is not kept for ever. */
static void unread_bytes_are_bounded(void **state)
{
    static char filler[16 << 10];
    struct redis_parser *p = redis_parser_new();
    struct redis_reply r;
    unsigned fed = 0;
    (void)state;
    memset(filler, 'x', sizeof filler);
    assert_true(redis_parser_feed(p, STR("$500000000\r\n")));
    while (fed < 100 && redis_parser_feed(p, str_of(filler, sizeof filler))) {
        assert_int_equal(redis_parser_next(p, &r), REDIS_MORE);
        fed++;
    }
    assert_true(fed < 5);
    assert_true(redis_parser_reset(p));
    assert_true(redis_parser_feed(p, STR(":1\r\n")));
    assert_int_equal(redis_parser_next(p, &r), REDIS_PARSED);
    redis_parser_free(p);
}

static void commands_are_arrays_of_texts(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_true(redis_put_command(&b, 3) && redis_put(&b, STR("EVAL")) &&
                redis_put(&b, STR("a\r\nb")) && redis_put_number(&b, 12));
    assert_true(str_eq(buf_str(&b), STR("*3\r\n$4\r\nEVAL\r\n$4\r\na\r\nb\r\n$2\r\n12\r\n")));
    buf_release(&b);
}

static bool parse_once(void *arg)
{
    struct redis_parser *p = redis_parser_new();
    if (p)
        redis_parser_free(p);
    (void)arg;
    return p != NULL;
}

static void want_of_memory_is_noticed(void **state)
{
    (void)state;
    assert_true(failmalloc_each(parse_once, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read_however_they_are_cut),
        cmocka_unit_test(several_replies_come_one_by_one),
        cmocka_unit_test(texts_are_kept_until_the_next_and_cut),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(unread_bytes_are_bounded),
        cmocka_unit_test(commands_are_arrays_of_texts),
        cmocka_unit_test(want_of_memory_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
