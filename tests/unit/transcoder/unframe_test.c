#include "transcoder/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/encoding.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int load(void **state)
{
    static struct set set;

    set = set_load("kitchen_sink.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

struct stream_case {
    const char *message, *field;
    struct str body;
    const char *hex; /* messages, each behind its length in one byte; NULL: refused */
    uint32_t messages;
    size_t offset;
    const char *path, *text;
};

struct expected {
    const struct set *set;
    const struct stream_case *c;
};

/* Takes a message out of the encoder's output. */
static void collect(struct buf *all, struct encoding_run *r)
{
    struct str m = encoding_result(r);

    assert_true(buf_add_char(all, (char)m.n));
    assert_true(buf_add(all, m));
    r->out.n = sizeof ENCODING_HEAD - 1;
}

static enum tc_status read_stream(struct tc_unframer *u, struct encoding_run *r,
                                  const struct str *pieces, size_t n, struct buf *all)
{
    enum tc_status st = TC_MORE;

    for (size_t i = 0; i < n && st == TC_MORE; i++) {
        struct str in = pieces[i];

        while ((st = tc_unframe(u, &in)) == TC_OK)
            collect(all, r);
        if (st == TC_MORE)
            assert_int_equal(in.n, 0);
    }
    if (st != TC_MORE)
        return st;
    while ((st = tc_unframe_finish(u)) == TC_MORE)
        collect(all, r);
    return st;
}

static void run_cut(void *arg, const struct str *pieces, size_t n)
{
    const struct expected *x = arg;
    const struct stream_case *c = x->c;
    const struct encoding e = {.message = c->message, .field = c->field};
    struct encoding_run r;
    struct tc_unframer u;
    struct buf all;
    enum tc_status st;
    bool ok;

    buf_init(&all, 1 << 16);
    assert_true(encoding_begin(&r, x->set, &e, 1 << 16));
    tc_unframer_init(&u, r.encoder, &r.error);
    st = read_stream(&u, &r, pieces, n, &all);
    if (c->hex)
        ok = st == TC_OK && str_eq(buf_str(&all), encoding_hex(&r.arena, c->hex));
    else
        ok = st == TC_INVALID && r.error.offset == c->offset &&
             str_eq(str_c(r.error.path), str_c(c->path)) && strstr(r.error.text, c->text);
    if (!ok || u.messages != c->messages)
        fail_msg("%.*s in %zu pieces: status %d at %zu, %s: %s; %u messages", STR_ARG(c->body), n,
                 (int)st, r.error.offset, r.error.path, r.error.text, u.messages);
    buf_release(&all);
    encoding_end(&r);
}

static void check_all(const struct set *s, const struct stream_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct expected x = {s, &cases[i]};
        struct guard g = guard_copy(cases[i].body);

        run_cut(&x, &g.s, 1);
        splits_each(g.s, run_cut, &x);
        guard_release(&g);
    }
}

#define READS(json, count, bytes)                                                          \
    {                                                                                      \
        .message = "kitchen.Pong", .body = STR_INIT(json), .messages = count, .hex = bytes \
    }
#define FAILS(json, count, at, where, why)                                                  \
    {                                                                                       \
        .message = "kitchen.Sink", .body = STR_INIT(json), .messages = count, .offset = at, \
        .path = where, .text = why                                                          \
    }

static void unframe_reads_arrays_and_sequences(void **state)
{
    static const struct stream_case cases[] = {
        READS("", 0, ""),
        READS(" \n", 0, ""),
        READS("[]", 0, ""),
        READS(" [ ] \n", 0, ""),
        READS("{}", 1, "00"),
        READS("[{}]", 1, "00"),
        READS("[{},{\"ping\":[{}]}]", 2, "00020a00"),
        READS(" [ {} , {\"ping\":[{}]} , {} ] ", 3, "00020a0000"),
        READS("{}\n{\"ping\":[{}]}\n", 2, "00020a00"),
        READS("{}{\"ping\":[{}]}{}", 3, "00020a0000"),
        READS("{}\r\n\r\n{}", 2, "0000"),
        {.message = "google.protobuf.Int64Value",
         .body = STR_INIT("[1,2]"),
         .messages = 2,
         .hex = "0208010208"
                "02"},
        {.message = "google.protobuf.Int64Value",
         .body = STR_INIT("1 2\n34"),
         .messages = 3,
         .hex = "020801020802020822"},
        {.message = "google.protobuf.Value",
         .body = STR_INIT("[[],null,\"]\"]"),
         .messages = 3,
         .hex = "023200020800031a015d"},
        {.message = "kitchen.Text",
         .field = "text",
         .body = STR_INIT("\"a\" \"\"\"b\""),
         .messages = 3,
         .hex = "03120161"
                "00"
                "03120162"},
    };

    check_all(*state, cases, COUNT(cases));
}

static void unframe_says_which_message_is_wrong_and_where_in_the_body(void **state)
{
    static const struct stream_case cases[] = {
        FAILS("[{},{\"fInt32\":\"x\"}]", 1, 14, "[1].fInt32", "whole number"),
        FAILS("{}\n{\"nope\":1}", 1, 4, "[1].nope", "no field"),
        FAILS("[{},1]", 1, 4, "[1]", "expected an object, found a number"),
        FAILS("[{},]", 1, 4, "[1]", "expected a value"),
        FAILS("[,{}]", 0, 1, "[0]", "expected a value"),
        FAILS("[{} {}]", 1, 4, "", "expected ',' or ']'"),
        FAILS("[{}] x", 1, 5, "", "white space behind the array"),
        FAILS("[{}][]", 1, 4, "", "white space behind the array"),
        FAILS("[{}", 1, 3, "", "the array is cut short"),
        FAILS("[{},", 1, 4, "", "the array is cut short"),
        FAILS("[", 0, 1, "", "the array is cut short"),
        FAILS("[{},{\"name\":\"a", 1, 14, "[1].name", "cut short"),
        FAILS("{}{", 1, 3, "[1]", "cut short"),
        FAILS("{},{}", 1, 2, "[1]", "expected a value, found ','"),
        FAILS("\xef\xbb\xbf{}", 0, 0, "[0]", "byte order mark"),
        FAILS("]", 0, 0, "[0]", "expected a value"),
    };

    check_all(*state, cases, COUNT(cases));
}

static void unframe_errors_are_final(void **state)
{
    static const struct encoding e = {.message = "kitchen.Sink"};
    struct encoding_run r;
    struct tc_unframer u;
    struct str in = STR("[{}]x{}");

    assert_true(encoding_begin(&r, *state, &e, 1 << 16));
    tc_unframer_init(&u, r.encoder, &r.error);
    assert_int_equal(tc_unframe(&u, &in), TC_OK);
    assert_int_equal(tc_unframe(&u, &in), TC_INVALID);
    assert_int_equal(tc_unframe(&u, &in), TC_INVALID);
    assert_int_equal(tc_unframe_finish(&u), TC_INVALID);
    assert_int_equal(r.error.offset, 4);
    encoding_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unframe_reads_arrays_and_sequences),
        cmocka_unit_test(unframe_says_which_message_is_wrong_and_where_in_the_body),
        cmocka_unit_test(unframe_errors_are_final),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
