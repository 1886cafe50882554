#include "gateway/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

static const char yaml[] =
    "upstream: llm\n"
    "clusters:\n"
    "  - { name: llm, endpoints: [10.0.0.7:9001, unix:/s], connectTimeout: 2s }\n"
    "bounds: { request_body_bytes: 0x10000 }\n"
    "overrides:\n"
    "  - { selector: a.*, policy: { timeout: 9s, json: { proto_names: true } } }\n";

static struct config *parse(const char *text, struct arena *arena)
{
    struct tc_faults faults;
    arena_init(arena, 4096, 16 << 20);
    tc_faults_init(&faults, arena);
    struct config *c = config_parse(str_c(text), "p.yaml", arena, &faults);
    assert_non_null(c);
    return c;
}

static void what_was_said_and_every_default_stand_in_it(void **state)
{
    static const char *const parts[] = {
        "\"listeners\":[{\"address\":\"127.0.0.1:8080\"}]",
        "\"upstream\":\"llm\"",
        "\"endpoints\":[\"10.0.0.7:9001\",\"unix:/s\"]",
        "\"connect_timeout\":\"2s\"", /* names as in the .proto, however the file wrote them */
        "\"max_connections\":10",
        "\"request_body_bytes\":65536", /* 64 bits, and yet a number */
        "\"idle\":\"75s\"",
        "\"workers\":1",
        "\"grace_period\":\"30s\"",
        "\"selector\":\"a.*\"",
        "\"json\":{\"proto_names\":true}",
    };
    struct arena arena;
    struct buf out;
    (void)state;

    buf_init(&out, 64 << 10);
    assert_true(config_print(parse(yaml, &arena), &out));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!memmem(out.p, out.n, parts[i], strlen(parts[i])))
            fail_msg("%s in %.*s", parts[i], STR_ARG(buf_str(&out)));
    buf_release(&out);
    arena_release(&arena);
}

/* JSON is YAML. Printed twice it must be the same. */
static void what_is_printed_is_a_configuration_again(void **state)
{
    struct arena first, second;
    struct buf once, twice;
    (void)state;

    buf_init(&once, 64 << 10);
    buf_init(&twice, 64 << 10);
    assert_true(config_print(parse(yaml, &first), &once));
    assert_true(buf_add_char(&once, '\0'));
    assert_true(config_print(parse(once.p, &second), &twice));
    once.n--;
    if (!str_eq(buf_str(&once), buf_str(&twice)))
        fail_msg("%.*s\n%.*s", STR_ARG(buf_str(&once)), STR_ARG(buf_str(&twice)));
    arena_release(&first);
    arena_release(&second);
    buf_release(&once);
    buf_release(&twice);
}

static void no_room_is_told(void **state)
{
    struct arena arena;
    struct config *c = parse(yaml, &arena);
    struct buf out;
    (void)state;

    buf_init(&out, 64);
    assert_false(config_print(c, &out));
    buf_release(&out);
    arena_release(&arena);
}

static bool print_once(void *config)
{
    struct buf out;
    buf_init(&out, 64 << 10);
    bool ok = config_print(config, &out);
    buf_release(&out);
    return ok;
}

/* What stands behind the '?' of a provider's URL may be a token. */
static void queries_of_providers_are_not_told(void **state)
{
    static const char text[] =
        "upstream: h:1\n"
        "auth:\n"
        "  - { name: a, jwt: { issuer: 'urn:x', jwks_url: 'https://h/jwks?token=sekret' } }\n"
        "  - { name: b, jwt: { issuer: 'https://i/?sekret', jwks_file: f } }\n"
        "  - { name: c, introspection: { url: 'https://h/i?key=sekret' } }\n"
        "  - { name: d, api_keys: { file: keys.json } }\n";
    static const char *const parts[] = {
        "\"jwks_url\":\"https://h/jwks?***\"",
        "\"issuer\":\"urn:x\"",
        "\"issuer\":\"https://i/?***\"",
        "\"url\":\"https://h/i?***\"",
        "\"file\":\"keys.json\"",
    };
    struct arena arena;
    struct config *c = parse(text, &arena);
    struct buf out;
    (void)state;

    buf_init(&out, 64 << 10);
    assert_true(config_print(c, &out));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!memmem(out.p, out.n, parts[i], strlen(parts[i])))
            fail_msg("%s in %.*s", parts[i], STR_ARG(buf_str(&out)));
    assert_null(memmem(out.p, out.n, "sekret", 6));
    assert_string_equal(c->message->auth[0]->jwt->jwks_url, "https://h/jwks?token=sekret");
    assert_true(failmalloc_each(print_once, c) >= 3);
    buf_release(&out);
    arena_release(&arena);
}

static void short_memory_is_told(void **state)
{
    struct arena arena;
    struct config *c = parse(yaml, &arena);
    (void)state;

    assert_true(failmalloc_each(print_once, c) >= 3);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_and_every_default_stand_in_it),
        cmocka_unit_test(what_is_printed_is_a_configuration_again),
        cmocka_unit_test(queries_of_providers_are_not_told),
        cmocka_unit_test(no_room_is_told),
        cmocka_unit_test(short_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
