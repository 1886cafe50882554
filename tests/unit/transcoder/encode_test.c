#include "tests/unit/support/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

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

static const struct encoding sink = {.message = "kitchen.Sink"};

/* Everything that takes memory: frames, lengths above 127 at several levels, escapes, a late
 * "@type". */
static const char rich[] =
    "{\"name\":\"\\u0061 "
    "name\",\"fBytes\":\"AA\\/A\",\"rInt32\":[1,2,3],\"mToSink\":{\"k\\n\":{\"name\":"
    "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
    "123456789012345678901234567890123456789012345678901234567890\",\"kStruct\":{\"a\":[[{\"b\":1}]"
    "]}}},"
    "\"kAny\":{\"number\":1,\"@type\":\"x/kitchen.Sink.Part\"},\"fColor\":\"R\\u0045D\"}";

static void encode_refuses_what_is_no_json(void **state)
{
    static const struct encoding cases[] = {
        REFUSED("kitchen.Sink", "", 0, "", "no JSON at all: expected an object"),
        REFUSED("kitchen.Sink", " \n", 2, "", "no JSON at all"),
        REFUSED("kitchen.Sink", "{", 1, "", "cut short"),
        REFUSED("kitchen.Sink", "{\"name\"", 7, "name", "cut short"),
        REFUSED("kitchen.Sink", "{\"name\":\"a", 10, "name", "cut short"),
        REFUSED("kitchen.Sink", "{\"fInt32\":1", 11, "fInt32", "cut short"),
        REFUSED("kitchen.Sink", "{\"fBool\":tru", 12, "fBool", "cut short"),
        REFUSED("kitchen.Sink", "\xef\xbb\xbf{}", 0, "", "byte order mark"),
        REFUSED("kitchen.Sink", "{}{}", 2, "", "nothing but white space"),
        REFUSED("kitchen.Sink", "{} x", 3, "", "found 'x'"),
        REFUSED("kitchen.Sink", "{}\0", 2, "", "found byte 0x00"),
        REFUSED("kitchen.Sink", "{}}", 2, "", "found '}'"),
        REFUSED("kitchen.Sink", "{\"name\":\"a\"]", 11, "", "expected ',' or '}', found ']'"),
        REFUSED("kitchen.Sink", "{\"name\":\"a\",}", 12, "", "expected a name"),
        REFUSED("kitchen.Sink", "{\"name\" \"a\"}", 8, "name", "expected ':'"),
        REFUSED("kitchen.Sink", "{name:\"a\"}", 1, "", "in double quotes"),
        REFUSED("kitchen.Sink", "{'name':\"a\"}", 1, "", "in double quotes"),
        REFUSED("kitchen.Sink", "{/**/}", 1, "", "in double quotes"),
        REFUSED("kitchen.Sink", "{\"rPart\":[{\"label\":\"a\xc3(\"}]}", 22, "rPart[0].label",
                "UTF-8"),
        REFUSED("kitchen.Sink", "{\"na\xffme\":1}", 4, "", "UTF-8"),
        REFUSED("kitchen.Sink", "{\"rInt32\":[1,2,-]}", 16, "rInt32[2]", "number"),
    };

    encoding_check_all(*state, cases, COUNT(cases));
}

static void encode_takes_rich_input_in_any_cut(void **state)
{
    struct encoding c = sink;
    char hex[2000];
    size_t n = 0;
    struct encoding_run r;

    c.json = str_of(rich, sizeof rich - 1);
    assert_true(encoding_begin(&r, *state, &c, 4096));
    assert_int_equal(encoding_feed(&r, &c.json, 1), TC_OK);
    for (size_t i = 0; i < encoding_result(&r).n; i++)
        n += (size_t)snprintf(hex + n, sizeof hex - n, "%02x",
                              (unsigned char)encoding_result(&r).p[i]);
    encoding_end(&r);
    c.hex = hex;
    encoding_check(*state, &c);
}

static bool run_rich(void *arg)
{
    struct str pieces[] = {str_of(rich, 11), str_of(rich + 11, 200),
                           str_of(rich + 211, sizeof rich - 212)};
    struct encoding_run r;
    bool ok = encoding_begin(&r, arg, &sink, 1 << 20);

    if (ok) {
        enum tc_status st = encoding_feed(&r, pieces, COUNT(pieces));

        ok = st == TC_OK;
        if (!ok && (st != TC_NOMEM || r.error.status != TC_NOMEM))
            fail_msg("status %d, error %d: %s", (int)st, (int)r.error.status, r.error.text);
    }
    encoding_end(&r);
    return ok;
}

static void encode_survives_the_failure_of_any_allocation(void **state)
{
    assert_true(failmalloc_each(run_rich, *state) > 3);
}

static void encode_never_passes_the_ceiling_of_its_output(void **state)
{
    struct str json = str_of(rich, sizeof rich - 1);
    struct encoding_run r;
    size_t n;

    assert_true(encoding_begin(&r, *state, &sink, 1 << 20));
    assert_int_equal(encoding_feed(&r, &json, 1), TC_OK);
    n = encoding_result(&r).n;
    encoding_end(&r);
    for (size_t max = 0; max < n; max++) {
        assert_true(encoding_begin(&r, *state, &sink, max));
        assert_int_equal(encoding_feed(&r, &json, 1), TC_LIMIT);
        assert_int_equal(r.error.status, TC_LIMIT);
        assert_true(r.out.n <= r.out.max);
        encoding_end(&r);
    }
}

/* `opens` levels of nesting around "1", or what `closes` says. */
static enum tc_status encode_nested(const struct set *s, const struct encoding *c, const char *open,
                                    const char *close, int levels, struct tc_error *error)
{
    struct encoding_run r;
    enum tc_status st = TC_MORE;
    size_t held;

    assert_true(encoding_begin(&r, s, c, 1 << 20));
    for (int i = 0; i < levels && st == TC_MORE; i++)
        st = tc_encode_feed(r.encoder, str_c(open));
    for (int i = 0; i < levels && st == TC_MORE; i++)
        st = tc_encode_feed(r.encoder, str_c(close));
    if (st == TC_OK)
        st = tc_encode_finish(r.encoder);
    *error = r.error;
    held = r.arena.used + r.out.cap;
    encoding_end(&r);
    assert_true(held < 200 << 10);
    return st;
}

static void encode_bounds_the_depth_whatever_is_nested(void **state)
{
    static const struct {
        struct encoding c;
        const char *open, *close;
        uint32_t max;
    } cases[] = {
        {{.message = "google.protobuf.Value"}, "[", "]", 50},
        {{.message = "google.protobuf.Value", .max_depth = 7}, "[", "]", 7},
        {{.message = "google.protobuf.Struct"}, "{\"a\":", "}", 100},
        {{.message = "kitchen.Ping"}, "{\"pong\":{\"ping\":[", "]}}", 33},
        {{.message = "kitchen.Nothing", .ignore_fields = true}, "{\"a\":[", "]}", 50},
        {{.message = "google.protobuf.Any"},
         "{\"value\":",
         ",\"@type\":\"x/google.protobuf.Any\"}",
         100},
    };
    struct tc_error e;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(
            encode_nested(*state, &cases[i].c, cases[i].open, cases[i].close, 100000, &e),
            TC_INVALID);
        assert_non_null(strstr(e.text, "nested deeper"));
        assert_true(e.offset < 3000);
        if (i == 3 || cases[i].open[0] == '[')
            assert_int_equal(encode_nested(*state, &cases[i].c, cases[i].open, cases[i].close,
                                           (int)cases[i].max, &e),
                             TC_OK);
    }
}

/* A Value inside a Value is two messages or three, and a reader of protobuf counts messages: a root
 * and a hundred in one another. */
static void encode_counts_messages_as_protobuf_does(void **state)
{
    static const struct {
        struct encoding c;
        const char *open, *end;
        int levels;
    } cases[] = {
        {{.message = "google.protobuf.Value"}, "[", "1", 50},
        {{.message = "google.protobuf.Value"}, "{\"a\":", "[]", 33},
        {{.message = "google.protobuf.ListValue"}, "[", "[]", 50},
        {{.message = "kitchen.Sink"},
         "{\"fSink\":",
         "{\"kTimestamp\":\"1970-01-01T00:00:00Z\"}",
         99},
        {{.message = "kitchen.Sink"}, "{\"mToSink\":{\"a\":", "{}", 50},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int more = 0; more <= 1; more++) {
            struct encoding_run r;
            struct encoding c = cases[i].c;
            enum tc_status st = TC_MORE;

            c.max_depth = 200;
            assert_true(encoding_begin(&r, *state, &c, 1 << 20));
            for (int n = 0; n < cases[i].levels + more && st == TC_MORE; n++)
                st = tc_encode_feed(r.encoder, str_c(cases[i].open));
            if (st == TC_MORE)
                st = tc_encode_feed(r.encoder, str_c(cases[i].end));
            if (st != (more ? TC_INVALID : TC_MORE))
                fail_msg("case %zu, %d: %d %s", i, more, (int)st, r.error.text);
            assert_true(!more || strstr(r.error.text, "messages are nested deeper than 100"));
            encoding_end(&r);
        }
    }
}

static void encode_bounds_numbers_and_names(void **state)
{
    static char text[70 << 10];
    struct encoding_run r;
    struct str digits = str_of(text, TC_ENCODE_NUMBER_MAX + 1);

    memset(text, '1', sizeof text);
    assert_true(encoding_begin(&r, *state, &sink, 1 << 20));
    assert_int_equal(tc_encode_feed(r.encoder, STR("{\"fDouble\":0.")), TC_MORE);
    assert_int_equal(tc_encode_feed(r.encoder, digits), TC_INVALID);
    assert_int_equal(r.error.offset, 11);
    encoding_end(&r);

    assert_true(encoding_begin(&r, *state, &sink, 1 << 20));
    assert_int_equal(tc_encode_feed(r.encoder, STR("{\"")), TC_MORE);
    assert_int_equal(tc_encode_feed(r.encoder, str_of(text, TC_ENCODE_SCRATCH_MAX)), TC_MORE);
    assert_int_equal(tc_encode_feed(r.encoder, STR("1")), TC_LIMIT);
    encoding_end(&r);
}

static void encode_feed_some_stops_behind_each_value(void **state)
{
    static const struct encoding text = {.message = "kitchen.Text", .field = "size"};
    struct encoding_run r;
    struct str in = STR("{\"name\":\"a\"} {\"fBool\":true}{}");
    size_t used;

    assert_true(encoding_begin(&r, *state, &sink, 1 << 20));
    assert_int_equal(tc_encode_feed_some(r.encoder, in, &used), TC_OK);
    assert_int_equal(used, 12);
    assert_int_equal(tc_encode_finish(r.encoder), TC_OK);
    in = str_skip(in, used);
    tc_encode_reset(r.encoder);
    assert_int_equal(tc_encode_feed_some(r.encoder, in, &used), TC_OK);
    assert_int_equal(used, 15);
    assert_int_equal(tc_encode_finish(r.encoder), TC_OK);
    assert_true(str_eq(encoding_result(&r), STR("\x0a\x01"
                                                "a\x70\x01")));
    encoding_end(&r);

    assert_true(encoding_begin(&r, *state, &text, 1 << 20));
    assert_int_equal(tc_encode_feed_some(r.encoder, STR("12"), &used), TC_MORE);
    assert_int_equal(tc_encode_feed_some(r.encoder, STR("3,4"), &used), TC_OK);
    assert_int_equal(used, 1);
    assert_int_equal(tc_encode_finish(r.encoder), TC_OK);
    assert_true(str_eq(encoding_result(&r), STR("\x28\x7b")));
    encoding_end(&r);
}

static void encode_reset_starts_over_after_anything(void **state)
{
    static const char *const before[] = {
        "{\"rSink\":[{\"oInt32\":1,\"name\":\"a", "{\"nope\":1}",  "{}", "[1",
        "{\"kAny\":{\"a\":{\"kAny\":{\"b",        "{\"fInt32\":12"};
    struct str json = STR("{\"rSink\":[{\"oInt32\":1,\"name\":\"a\"}]}");

    for (size_t i = 0; i < COUNT(before); i++) {
        struct encoding_run r;

        assert_true(encoding_begin(&r, *state, &sink, 1 << 20));
        (void)tc_encode_feed(r.encoder, str_c(before[i]));
        (void)tc_encode_finish(r.encoder);
        r.out.n = sizeof ENCODING_HEAD - 1;
        r.error.status = TC_OK;
        tc_encode_reset(r.encoder);
        assert_int_equal(encoding_feed(&r, &json, 1), TC_OK);
        assert_true(str_eq(encoding_result(&r), STR("\xb2\x01\x06\x0a\x01"
                                                    "a\xa8\x06\x01")) ||
                    str_eq(encoding_result(&r), STR("\xb2\x01\x06\xa8\x06\x01\x0a\x01"
                                                    "a")));
        encoding_end(&r);
    }
}

static void encode_errors_are_final(void **state)
{
    struct encoding_run r;

    assert_true(encoding_begin(&r, *state, &sink, 1 << 20));
    assert_int_equal(tc_encode_feed(r.encoder, STR("{\"name\":1,")), TC_INVALID);
    assert_int_equal(tc_encode_feed(r.encoder, STR("}")), TC_INVALID);
    assert_int_equal(tc_encode_finish(r.encoder), TC_INVALID);
    assert_int_equal(r.error.offset, 8);
    encoding_end(&r);
}

static void encode_writes_long_lengths_at_every_level(void **state)
{
    static char text[20000];
    struct encoding_run r;
    struct str json = STR("{\"fSink\":{\"fSink\":{\"fSink\":{\"f\\u0053ink\":{\"name\":\"\\u0061");
    /* Lengths from the inside out: 20001 in 3 bytes, and each message adds its key of 2 and its
     * length of 3. */
    struct str head = STR(
        "\xaa\x01\xb4\x9c\x01\xaa\x01\xaf\x9c\x01\xaa\x01\xaa\x9c\x01\xaa\x01\xa5\x9c\x01"
        "\x0a\xa1\x9c\x01"
        "a");

    memset(text, 'b', sizeof text);
    assert_true(encoding_begin(&r, *state, &sink, 1 << 20));
    assert_int_equal(tc_encode_feed(r.encoder, json), TC_MORE);
    assert_int_equal(tc_encode_feed(r.encoder, str_of(text, sizeof text)), TC_MORE);
    assert_int_equal(tc_encode_feed(r.encoder, STR("\"}}}}}")), TC_OK);
    assert_int_equal(tc_encode_finish(r.encoder), TC_OK);
    assert_int_equal(encoding_result(&r).n, head.n + sizeof text);
    assert_memory_equal(encoding_result(&r).p, head.p, head.n);
    assert_memory_equal(encoding_result(&r).p + head.n, text, sizeof text);
    assert_true(str_starts(buf_str(&r.out), STR(ENCODING_HEAD)));
    encoding_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode_refuses_what_is_no_json),
        cmocka_unit_test(encode_takes_rich_input_in_any_cut),
        cmocka_unit_test(encode_survives_the_failure_of_any_allocation),
        cmocka_unit_test(encode_never_passes_the_ceiling_of_its_output),
        cmocka_unit_test(encode_bounds_the_depth_whatever_is_nested),
        cmocka_unit_test(encode_counts_messages_as_protobuf_does),
        cmocka_unit_test(encode_bounds_numbers_and_names),
        cmocka_unit_test(encode_feed_some_stops_behind_each_value),
        cmocka_unit_test(encode_reset_starts_over_after_anything),
        cmocka_unit_test(encode_errors_are_final),
        cmocka_unit_test(encode_writes_long_lengths_at_every_level),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
