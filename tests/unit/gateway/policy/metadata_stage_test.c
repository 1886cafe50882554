#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "gateway/core/principal.h"
#include "tests/unit/support/bench_setup.h"
#include "tests/unit/support/failmalloc.h"

static const char config[] =
    "identity: { id: x-id, tenant: x-tenant, scopes: x-scopes, provider: x-provider }\n"
    "overrides:\n"
    "- selector: calls.Calls.Unary\n"
    "  policy:\n"
    "    metadata:\n"
    "    - { key: x-name, value: request.name }\n"
    "    - { key: x-gone }\n"
    "    - { key: x-raw-bin, value: \"bytes(request.name)\" }\n"
    "    - { key: x-maybe, value: \"headers[?'x-in']\" }\n"
    "    - { key: x-lenient, value: \"headers['x-in']\", on_error: PASS }\n";

static int set_up(void **state)
{
    static struct bench b;
    bench_init_with(&b, config);
    *state = &b;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)

/* One call; `who` calls. */
static void begin(struct bench *b, struct fake_front *f, const char *headers, const char *name)
{
    char body[300];
    int n = snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    assert_true(front_open(f, &b->host, "POST", "/unary", headers));
    front_body(f, str_of(body, (size_t)n));
}

#define JSON "content-type: application/json\n"

static struct str sent(struct bench *b, uint32_t call, const char *key)
{
    return fake_metadata(bench_call(b, call), key);
}

static void what_rules_say_is_told(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    begin(b, &f, JSON "x-in: in\nx-name: forged\nx-gone: secret\nx-raw-bin: AAAA\nx-other: o\n",
          "ab");
    front_end(&f);
    assert_str(sent(b, 0, "x-name"), "ab");
    assert_null(sent(b, 0, "x-gone").p);
    assert_str(sent(b, 0, "x-raw-bin"), "YWI=");
    assert_str(sent(b, 0, "x-maybe"), "in");
    assert_str(sent(b, 0, "x-lenient"), "in");
    assert_str(sent(b, 0, "x-other"), "o");
    front_close(&f, false);
    begin(b, &f, JSON, "ab");
    front_end(&f);
    assert_null(sent(b, 1, "x-maybe").p); /* optional and not there */
    assert_null(sent(b, 1, "x-lenient").p);
    front_close(&f, false);
}

static void a_text_that_cannot_be_metadata_refuses_the_call(void **state)
{
    static const char *const names[] = {" a", "a ", "\\u00e9", "a\\nx: y", "\\u0000", "a\\u007f"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fake_front f;
        begin(b, &f, JSON, names[i]);
        front_end(&f);
        assert_int_equal(f.x->answer.status, 403);
        assert_str(f.x->rule, "x-name");
        front_close(&f, true);
    }
    b->snapshot.bounds.header_bytes = 16;
    struct fake_front f;
    begin(b, &f, JSON, "12345678901234567");
    front_end(&f);
    assert_int_equal(f.x->answer.status, 403);
    front_close(&f, true);
}

/* Whether anybody is known or not, a client's own headers of these names end here. */
static void the_caller_is_told_and_cannot_be_forged(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    struct expr_value scopes[] = {expr_string(STR("read")), expr_string(STR("infer"))};
    struct principal who = {.provider = STR("p"), .id = STR("me")};
    expr_array_init(&who.scopes, scopes, 2);
    static const char forged[] = JSON "x-id: root\nx-tenant: evil\nx-scopes: all\n"
                                      "grpc-metadata-x-provider: q\n";
    begin(b, &f, forged, "a");
    f.x->principal = &who;
    front_end(&f);
    assert_str(sent(b, 0, "x-id"), "me");
    assert_null(sent(b, 0, "x-tenant").p);
    assert_str(sent(b, 0, "x-scopes"), "read infer");
    assert_str(sent(b, 0, "x-provider"), "p");
    front_close(&f, false);
    begin(b, &f, forged, "a");
    front_end(&f);
    assert_null(sent(b, 1, "x-id").p);
    assert_null(sent(b, 1, "x-scopes").p);
    assert_null(sent(b, 1, "x-provider").p);
    front_close(&f, false);
    who.id = STR("m\xc3\xa9");
    begin(b, &f, JSON, "a");
    f.x->principal = &who;
    front_end(&f);
    assert_int_equal(f.x->answer.status, 403);
    assert_str(f.x->rule, "x-id");
    front_close(&f, true);
}

static void the_request_id_is_ours(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    begin(b, &f, JSON "x-request-id: mine\n", "a");
    front_end(&f);
    assert_str(sent(b, 0, "x-request-id"), "mine");
    front_close(&f, false);
    begin(b, &f, JSON "x-request-id: not legal\n", "a");
    front_end(&f);
    assert_true(sent(b, 1, "x-request-id").n > 0);
    assert_false(str_eq(sent(b, 1, "x-request-id"), STR("not legal")));
    front_close(&f, false);
}

static void a_header_that_cannot_travel_is_a_400(void **state)
{
    struct bench *b = *state;
    struct fake_front f;
    begin(b, &f, JSON "x-\xc3\xa9: a\n", "a");
    front_end(&f);
    assert_int_equal(f.x->answer.status, 400);
    front_close(&f, true);
}

/* A refusal, or the call as it should be; never one that lacks something. */
static void want_of_memory_tells_nobody_else(void **state)
{
    struct bench *b = *state;
    struct expr_value scopes[] = {expr_string(STR("read"))};
    struct principal who = {.provider = STR("p"), .id = STR("me"), .tenant = STR("acme")};
    bool failed = true;
    expr_array_init(&who.scopes, scopes, 1);
    for (size_t i = 0; failed; i++) {
        struct fake_front f;
        struct fake_channel *channel = &b->channels[bench_cluster(b, "main")];
        fake_channel_release(channel);
        fake_channel_init(channel);
        begin(b, &f, JSON "x-in: in\nx-id: root\n", "a");
        f.x->principal = &who;
        f.x->arena.next = f.x->arena.end; /* whatever comes now needs a new block */
        failmalloc_start(i);
        front_end(&f);
        failed = failmalloc_stop();
        if (channel->ncalls) {
            assert_str(sent(b, 0, "x-id"), "me");
            assert_str(sent(b, 0, "x-tenant"), "acme");
            assert_str(sent(b, 0, "x-scopes"), "read");
            assert_str(sent(b, 0, "x-name"), "a");
        } else {
            assert_true(failed);
            assert_true(f.x->answer.status >= 400);
        }
        front_close(&f, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_rules_say_is_told),
        TEST(a_text_that_cannot_be_metadata_refuses_the_call),
        TEST(the_caller_is_told_and_cannot_be_forged),
        TEST(the_request_id_is_ours),
        TEST(a_header_that_cannot_travel_is_a_400),
        TEST(want_of_memory_tells_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
