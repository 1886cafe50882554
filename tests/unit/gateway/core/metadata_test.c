#include "gateway/core/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

enum { MOST = 8 };

/* Lists end at the first entry without a name. */
struct list {
    struct header items[MOST];
};

#define H(name, value)                  \
    {                                   \
        STR_INIT(name), STR_INIT(value) \
    }

static struct headers headers_of(struct list *l)
{
    struct headers h = {.items = l->items, .cap = MOST};
    while (h.n < MOST && l->items[h.n].name.p)
        h.n++;
    return h;
}

static void assert_same(const struct headers *got, struct list *want)
{
    struct headers w = headers_of(want);
    assert_int_equal(got->n, w.n);
    for (uint32_t i = 0; i < w.n; i++) {
        assert_int_equal(got->items[i].name.n, w.items[i].name.n);
        assert_memory_equal(got->items[i].name.p, w.items[i].name.p, w.items[i].name.n);
        assert_int_equal(got->items[i].value.n, w.items[i].value.n);
        assert_memory_equal(got->items[i].value.p, w.items[i].value.p, w.items[i].value.n);
    }
}

static void what_is_end_to_end_travels_on(void **state)
{
    static struct {
        struct list in, out;
    } cases[] = {
        {{{H("authorization", "Bearer x"), H("x-request-id", "1")}},
         {{H("authorization", "Bearer x"), H("x-request-id", "1")}}},
        {{{H("a", "1"), H("b", "2"), H("a", "3")}}, {{H("a", "1"), H("b", "2"), H("a", "3")}}},
        {{{H("cookie", "a=b"), H("accept", "*/*"), H("traceparent", "00-1-2-01")}},
         {{H("cookie", "a=b"), H("accept", "*/*"), H("traceparent", "00-1-2-01")}}},
        {{{H("empty", ""), H("x.y", " trimmed\t")}}, {{H("empty", ""), H("x.y", "trimmed")}}},
        /* The name belongs to our own HTTP/2 client. */
        {{{H("user-agent", "curl/8")}}, {{H("x-forwarded-user-agent", "curl/8")}}},
        {{{H("grpc-metadata-tenant", "t")}}, {{H("tenant", "t")}}},
        {{{H("grpc-metadata-user-agent", "u")}}, {{H("x-forwarded-user-agent", "u")}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct headers in = headers_of(&cases[i].in), out = {0};
        struct tc_error error = {0};
        arena_init(&arena, 4096, 1 << 20);
        assert_int_equal(metadata_from_headers(&in, &out, &arena, &error), TC_OK);
        assert_same(&out, &cases[i].out);
        arena_release(&arena);
    }
}

static void what_ends_at_the_gateway_does_not_travel_on(void **state)
{
    static const struct header dropped[] = {
        H("connection", "close"),
        H("connection", "keep-alive"),
        H("keep-alive", "timeout=5"),
        H("proxy-authorization", "Basic x"),
        H("proxy-connection", "keep-alive"),
        H("te", "trailers"),
        H("trailer", "x"),
        H("transfer-encoding", "chunked"),
        H("upgrade", "h2c"),
        H("http2-settings", "AAMAAABk"),
        H("sec-websocket-key", "x"),
        H("host", "h"),
        H("expect", "100-continue"),
        H("content-type", "application/json"),
        H("content-length", "1"),
        H("content-md5", "x"),
        H("accept-encoding", "gzip"),
        H("grpc-timeout", "1S"),
        H("grpc-encoding", "gzip"),
        H("grpc-anything", "x"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
        struct arena arena;
        struct header one = dropped[i];
        struct headers in = {&one, 1, 1}, out = {0};
        arena_init(&arena, 4096, 1 << 20);
        assert_int_equal(metadata_from_headers(&in, &out, &arena, NULL), TC_OK);
        if (out.n)
            fail_msg("%.*s travelled on", STR_ARG(one.name));
        arena_release(&arena);
    }
}

static void what_connection_names_stays_here(void **state)
{
    struct list in = {{H("x-a", "1"), H("connection", "close, X-A ,x-m"), H("x-b", "2"),
                       H("grpc-metadata-x-m", "3"), H("connection", "x-c"), H("x-c", "4")}};
    struct list want = {{H("x-b", "2")}};
    struct headers h = headers_of(&in), out = {0};
    struct arena arena;
    (void)state;

    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(metadata_from_headers(&h, &out, &arena, NULL), TC_OK);
    assert_same(&out, &want);
    arena_release(&arena);
}

static void bytes_travel_as_base64_in_one_form(void **state)
{
    static struct {
        struct str in;
        struct list out;
    } cases[] = {
        {STR_INIT("AQID"), {{H("k-bin", "AQID")}}},
        {STR_INIT("AQI="), {{H("k-bin", "AQI")}}},
        {STR_INIT("AQI"), {{H("k-bin", "AQI")}}},
        {STR_INIT("_-8="), {{H("k-bin", "/+8")}}},
        {STR_INIT(""), {{H("k-bin", "")}}},
        {STR_INIT("AQ==, Ag==,Aw"), {{H("k-bin", "AQ"), H("k-bin", "Ag"), H("k-bin", "Aw")}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct header one = {STR_INIT("grpc-metadata-k-bin"), cases[i].in};
        struct headers in = {&one, 1, 1}, out = {0};
        arena_init(&arena, 4096, 1 << 20);
        assert_int_equal(metadata_from_headers(&in, &out, &arena, NULL), TC_OK);
        assert_same(&out, &cases[i].out);
        arena_release(&arena);
    }
}

static void what_metadata_cannot_carry_is_refused_by_name(void **state)
{
    static const struct {
        struct header h;
        const char *named;
    } cases[] = {
        {H("k-bin", "!"), "not base64"},
        {H("k-bin", "AQID,?"), "not base64"},
        {H("k-bin", "A"), "not base64"},
        {H("k-bin", "AQI=="), "not base64"},
        {H("k", "a\rb"), "byte 0x0d"},
        {H("k", "a\nb"), "byte 0x0a"},
        {H("k", "a\0b"), "byte 0x00"},
        {H("k", "a\tb"), "byte 0x09"},
        {H("k", "a\x7f"), "byte 0x7f"},
        {H("k", "\xc3\xa4"), "byte 0xc3"},
        {H("x_user", "me"), "underscore"},
        {H("grpc-metadata-x_user", "me"), "underscore"},
        {H("grpc-metadata-k-bin", "!"), "not base64"},
        {H("grpc-metadata-k", "\xc3\xa4"), "\"grpc-metadata-k-bin\""},
        {H("a!b", "legal in HTTP, not in gRPC"), "cannot have this name"},
        {H(":path", "/x"), "cannot have this name"},
        {H("", "no name"), "cannot have this name"},
        {H("sp ace", "x"), "cannot have this name"},
        {H("r\xc3\xa4th", "x"), "cannot have this name"},
        {H("grpc-metadata-", "x"), "cannot have this name"},
        {H("grpc-metadata-:path", "/x"), "cannot have this name"},
        {H("grpc-metadata-grpc-timeout", "1S"), "gRPC's own"},
        {H("grpc-metadata-content-type", "x"), "gRPC's own"},
        {H("grpc-metadata-te", "x"), "gRPC's own"},
        {H("grpc-metadata-host", "x"), "gRPC's own"},
        {H("grpc-metadata-x-request-id", "x"), "gRPC's own"},
        {H("grpc-metadata-grpc-metadata-x", "x"), "gRPC's own"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct header one = cases[i].h;
        struct headers in = {&one, 1, 1}, out = {0};
        struct tc_error error = {0};
        arena_init(&arena, 4096, 1 << 20);
        assert_int_equal(metadata_from_headers(&in, &out, &arena, &error), TC_INVALID);
        if (!strstr(error.text, cases[i].named))
            fail_msg("%s: not in: %s", cases[i].named, error.text);
        char path[64];
        snprintf(path, sizeof path, "headers[\"%.*s\"]", STR_ARG(one.name));
        assert_string_equal(error.path, path);
        arena_release(&arena);
    }
}

static void metadata_comes_back_without_what_is_of_the_connection(void **state)
{
    struct list in = {{H(":status", "200"), H("content-type", "application/grpc"), H("x-a", "1"),
                       H("grpc-status", "0"), H("x-a", "2"), H("k-bin", "AQI"), H("x_b", "3"),
                       H("te", "x")}};
    struct list want = {{H("x-a", "1"), H("x-a", "2"), H("k-bin", "AQI"), H("x_b", "3")}};
    struct header more[] = {
        H("set-cookie", "a=b"),
        H("content-length", "5"),
        H("transfer-encoding", "chunked"),
        H("x-c", "a\r\nb: c"),
        H("x-d", "\xff"),
        H("alt-svc", "h3=\":1\""),
        H("date", "now"),
        H("connection", "close"),
        H("X-Upper", "1"),
        H("content-encoding", "gzip"),
    };
    struct headers h = headers_of(&in), out = {0};
    struct arena arena;
    (void)state;

    arena_init(&arena, 4096, 1 << 20);
    assert_true(metadata_to_headers(h.items, h.n, &out, &arena));
    assert_true(metadata_to_headers(more, sizeof more / sizeof *more, &out, &arena));
    assert_same(&out, &want);
    assert_ptr_not_equal(out.items[0].value.p, in.items[2].value.p);
    arena_release(&arena);
}

static bool both_ways(void *arg)
{
    struct list in = {{H("a", "1"), H("k-bin", "AQI=,AQ")}};
    struct headers h = headers_of(&in), there = {0}, back = {0};
    struct arena arena;
    (void)arg;

    arena_init(&arena, 64, 1 << 20);
    bool ok = metadata_from_headers(&h, &there, &arena, NULL) == TC_OK &&
              metadata_to_headers(there.items, there.n, &back, &arena) && back.n == 3;
    arena_release(&arena);
    return ok;
}

static void short_memory_is_reported(void **state)
{
    (void)state;
    assert_true(failmalloc_each(both_ways, NULL) > 3);
}

static void timeout_parse_knows_the_grammar(void **state)
{
    static const struct {
        struct str text;
        bool ok;
        uint64_t ns;
    } cases[] = {
        {STR_INIT("1n"), true, 1},
        {STR_INIT("250u"), true, 250000},
        {STR_INIT("15m"), true, 15000000},
        {STR_INIT("3S"), true, 3000000000},
        {STR_INIT("2M"), true, 120000000000},
        {STR_INIT("1H"), true, 3600000000000},
        {STR_INIT("0S"), true, 0},
        {STR_INIT("00000001S"), true, 1000000000},
        {STR_INIT("99999999S"), true, 99999999000000000},
        {STR_INIT("99999999H"), true, UINT64_MAX},
        {STR_INIT("100000000n"), false, 0},
        {STR_INIT("000000001n"), false, 0},
        {STR_INIT(""), false, 0},
        {STR_INIT("S"), false, 0},
        {STR_INIT("1"), false, 0},
        {STR_INIT("1s"), false, 0},
        {STR_INIT("1h"), false, 0},
        {STR_INIT("-1S"), false, 0},
        {STR_INIT("+1S"), false, 0},
        {STR_INIT(" 1S"), false, 0},
        {STR_INIT("1S "), false, 0},
        {STR_INIT("1.5S"), false, 0},
        {STR_INIT("1SS"), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ns = 0;
        assert_int_equal(metadata_timeout_parse(cases[i].text, &ns), cases[i].ok);
        if (cases[i].ok)
            assert_int_equal(ns, cases[i].ns);
    }
}

static void timeout_print_rounds_up_and_reads_back(void **state)
{
    static const struct {
        uint64_t ns;
        struct str text;
    } cases[] = {
        {0, STR_INIT("1n")},
        {1, STR_INIT("1n")},
        {99999999, STR_INIT("99999999n")},
        {100000000, STR_INIT("100000u")},
        {100000001, STR_INIT("100001u")},
        {99999999000, STR_INIT("99999999u")},
        {99999999001, STR_INIT("100000m")},
        {30000000000, STR_INIT("30000000u")},
        {UINT64_MAX, STR_INIT("5124096H")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[10];
        uint64_t back;
        size_t n = metadata_timeout_print(out, cases[i].ns);
        assert_int_equal(n, cases[i].text.n);
        assert_memory_equal(out, cases[i].text.p, n);
        assert_true(metadata_timeout_parse(str_of(out, n), &back));
        assert_true(back >= cases[i].ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_end_to_end_travels_on),
        cmocka_unit_test(what_ends_at_the_gateway_does_not_travel_on),
        cmocka_unit_test(what_connection_names_stays_here),
        cmocka_unit_test(bytes_travel_as_base64_in_one_form),
        cmocka_unit_test(what_metadata_cannot_carry_is_refused_by_name),
        cmocka_unit_test(metadata_comes_back_without_what_is_of_the_connection),
        cmocka_unit_test(short_memory_is_reported),
        cmocka_unit_test(timeout_parse_knows_the_grammar),
        cmocka_unit_test(timeout_print_rounds_up_and_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
