#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/core/principal.h"
#include "gateway/policy/auth_redis.h"
#include "tests/unit/support/bench_setup.h"
#include "tests/unit/support/failmalloc.h"

/* Keys of two providers; what a key is called says whose it is and what it may. */
#define K_INFER "key-of-k-that-may-infer"
#define K_PLAIN "key-of-k-without-scopes"
#define O_READ "key-of-o-that-may-read"

static const char config[] =
    "auth:\n"
    "- { name: k, api_keys: { file: F, headers: [x-k] } }\n"
    "- { name: o, api_keys: { file: F, headers: [x-o], bearer: false } }\n"
    "overrides:\n"
    "- selector: calls.Calls.*\n"
    "  policy: { auth: { anonymous: true } }\n"
    "- selector: calls.Calls.Unary\n"
    "  policy: { auth: { any_of: [ { api_key: k, scopes: [infer] },\n"
    "                              { all_of: [ { api_key: k }, { api_key: o, scopes: [read] } ] } "
    "] } }\n"
    "- selector: calls.Calls.Watch\n"
    "  policy: { auth: { any_of: [ { api_key: o } ], anonymous: true } }\n";

static void publish(struct bench *b, uint32_t provider, const char *const *keys)
{
    struct auth_source *source = b->snapshot.plan->providers[provider].source;
    struct auth_data *d = auth_data_new(AUTH_API_KEY);
    struct tc_error e = {0};
    struct str json = STR("{\"keys\":[");
    for (size_t i = 0; keys[i]; i++) {
        unsigned char hash[AUTH_HASH];
        char hex[AUTH_HASH_HEX];
        assert_true(auth_key_hash(str_c(keys[i]), hash));
        auth_hash_print(hash, hex);
        const char *scopes = strstr(keys[i], "infer")  ? "\"infer\""
                             : strstr(keys[i], "read") ? "\"read\""
                                                       : "";
        json = arena_printf(&b->arena,
                            "%.*s%s{\"id\":\"%s\",\"hash\":\"sha256:%.*s\",\"scopes\":[%s]}",
                            STR_ARG(json), i ? "," : "", keys[i], AUTH_HASH_HEX, hex, scopes);
    }
    json = arena_printf(&b->arena, "%.*s]}", STR_ARG(json));
    if (!auth_keys_parse(json, source->name, &d->keys, &e))
        fail_msg("%s: %s", e.path, e.text);
    auth_source_publish(source, d);
}

static int set_up(void **state)
{
    static const char *const of_k[] = {K_INFER, K_PLAIN, NULL}, *const of_o[] = {O_READ, NULL};
    static struct bench b;
    bench_init_with(&b, config);
    publish(&b, 0, of_k);
    publish(&b, 1, of_o);
    *state = &b;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)

struct row {
    const char *headers;
    uint16_t status; /* 0: let in */
    enum refusal refusal;
    const char *who;       /* id, when let in; NULL: nobody */
    const char *challenge; /* part of it; NULL: none */
};

static void check(struct bench *b, const char *method, const char *target, const struct row *row)
{
    struct fake_front f;
    assert_true(front_open(&f, &b->host, method, target, row->headers));
    if (f.x->answer.complete != (row->status != 0))
        fail_msg("%s: %u", row->headers, f.x->answer.status);
    assert_int_equal(f.x->refusal, row->refusal);
    struct str challenge = front_header(&f, "www-authenticate");
    assert_int_equal(challenge.p != NULL, row->challenge != NULL);
    if (row->challenge)
        assert_has(challenge, row->challenge);
    if (row->status) {
        assert_int_equal(f.x->answer.status, row->status);
        front_read(&f, SIZE_MAX);
        assert_true(buf_add_char(&f.got, '\0'));
        assert_null(strstr(f.got.p, "key-of"));
    } else {
        assert_int_equal(f.x->principal != NULL, row->who != NULL);
        if (row->who)
            assert_str(f.x->principal->id, row->who);
        for (uint32_t i = 0; i < f.x->request.headers.n; i++) /* what was shown goes no further */
            assert_false(str_starts(f.x->request.headers.items[i].value, STR("key-of")));
    }
    front_close(&f, row->status != 0);
    assert_true(b->event.refusal == row->refusal);
}

#define INVALID 401, REFUSAL_CREDENTIAL, NULL, "error=\"invalid_token\""

static void a_call_passes_by_the_first_requirement_that_is_met(void **state)
{
    static const struct row rows[] = {
        {"x-k: " K_INFER, 0, REFUSAL_NONE, K_INFER, NULL},
        {"authorization: Bearer " K_INFER, 0, REFUSAL_NONE, K_INFER, NULL},
        {"x-k: " K_INFER "\nx-o: nonsense-of-some-length", 0, REFUSAL_NONE, K_INFER, NULL},
        {"x-k: " K_PLAIN "\nx-o: " O_READ, 0, REFUSAL_NONE, K_PLAIN, NULL}, /* the first part says
                                                                               who */
        {NULL, 401, REFUSAL_NO_CREDENTIAL, NULL, "Bearer realm=\"postern\""},
        {"x-o: " O_READ, 401, REFUSAL_NO_CREDENTIAL, NULL, "Bearer"},
        /* of k */
        {"x-k: " O_READ, INVALID},
        {"x-k: " K_INFER "x", INVALID},
        {"x-k: ", INVALID},
        {"authorization: Basic " K_INFER, 401, REFUSAL_NO_CREDENTIAL, NULL, "Bearer"},
        {"x-k: " K_PLAIN, 403, REFUSAL_SCOPE, NULL,
         "error=\"insufficient_scope\", scope=\"infer\""},
        {"x-k: " K_PLAIN "\nx-o: nonsense-of-some-length", 403, REFUSAL_SCOPE, NULL,
         "scope=\"infer\""},
        {"x-k: " K_INFER "\nx-k: " K_PLAIN, 400, REFUSAL_AMBIGUOUS, NULL, NULL},
        {"x-k: " K_INFER "\nx-k: " K_INFER, 400, REFUSAL_AMBIGUOUS, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(*state, "POST", "/unary", &rows[i]);
}

/* Without a credential anybody; with one that is no good nobody. */
static void anonymous_is_who_shows_nothing(void **state)
{
    static const struct row rows[] = {
        {NULL, 0, REFUSAL_NONE, NULL, NULL},
        {"x-o: " O_READ, 0, REFUSAL_NONE, O_READ, NULL},
        {"x-o: nonsense-of-some-length", INVALID},
        {"x-k: nonsense-of-some-length", 0, REFUSAL_NONE, NULL, NULL}, /* nobody reads it here */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(*state, "GET", "/watch/x", &rows[i]);
}

static void without_keys_nobody_can_tell(void **state)
{
    static const struct row unknown = {"x-k: " K_INFER, 503, REFUSAL_UNAVAILABLE, NULL, NULL};
    static const struct row nothing = {NULL, 401, REFUSAL_NO_CREDENTIAL, NULL, "Bearer"};
    struct bench *b = *state;
    auth_source_publish(b->snapshot.plan->providers[0].source, NULL);
    check(b, "POST", "/unary", &unknown);
    check(b, "POST", "/unary", &nothing);
}

/* The principal lives in what the source has said then. */
static void who_calls_stays_known_when_the_keys_change(void **state)
{
    static const char *const none[] = {NULL};
    struct bench *b = *state;
    struct fake_front f;
    assert_true(front_open(&f, &b->host, "POST", "/unary", "x-k: " K_INFER));
    publish(b, 0, none);
    check(b, "POST", "/unary", &(struct row){"x-k: " K_INFER, INVALID});
    assert_str(f.x->principal->id, K_INFER);
    front_close(&f, false);
    assert_string_equal(b->caller, K_INFER);
}

static void want_of_memory_lets_nobody_in(void **state)
{
    struct bench *b = *state;
    bool failed = true;
    for (size_t i = 0; failed; i++) {
        struct fake_front f;
        failmalloc_start(i);
        bool opened = front_open(&f, &b->host, "POST", "/unary", "x-k: nonsense-of-some-length");
        failed = failmalloc_stop();
        assert_true(opened || failed);
        if (!opened)
            continue;
        assert_true(f.x->answer.complete && f.x->answer.status >= 400);
        assert_null(f.x->principal);
        front_close(&f, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_passes_by_the_first_requirement_that_is_met),
        TEST(anonymous_is_who_shows_nothing),
        TEST(without_keys_nobody_can_tell),
        TEST(who_calls_stays_known_when_the_keys_change),
        TEST(want_of_memory_lets_nobody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
