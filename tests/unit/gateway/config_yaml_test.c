#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/gateway/config_faults.h"
#include "tests/unit/support/guard.h"

#define NOT_YAML_TOKEN \
    "found character that cannot start any token while scanning for the next token"
#define KNOWN                                                                                  \
    "listeners, admin, upstream, clusters, descriptors, reflect, workers, bounds, overrides, " \
    "http, access_log, grace_period, allow_half_close, expressions, auth, tables, identity, "  \
    "metrics, redis, "                                                                         \
    "rate_limit_service, limits, trusted_proxies"
#define KNOWN_POLICY                                                                              \
    "upstream, route, timeout, idempotent, json, stream, max_request_bytes, max_response_bytes, " \
    "fill_update_mask, allow, metadata, claims, auth, limit"
#define NO_KEY "there is no such key; known here: "
#define NOT_WHOLE " is not a whole number from 0 to 4294967295"

static void text_that_is_no_yaml_has_a_line(void **state)
{
    static const struct mistake mistakes[] = {
        {"a: b: c", ":1: not YAML: mapping values are not allowed in this context\n"},
        {"# one\n"
         "upstream: [1",
         ":3: not YAML: did not find expected ',' or ']' while parsing a flow sequence\n"},
        {"a:\n"
         "\t- b",
         ":2: not YAML: " NOT_YAML_TOKEN "\n"},
        {"x: \"a\n",
         ":2: not YAML: found unexpected end of stream while scanning a quoted scalar\n"},
        {"a: *b", ":1: not YAML: found undefined alias\n"},
        {"a: \377", ":1: not YAML: invalid leading UTF-8 octet; write UTF-8\n"},
        {"# a\n"
         "# b\n"
         "x: \303",
         ":3: not YAML: incomplete UTF-8 octet sequence; write UTF-8\n"},
        {"}", ":1: not YAML: did not find expected node content while parsing a block node\n"},
        {"a: @b", ":1: not YAML: " NOT_YAML_TOKEN "\n"},
        {"a: &x b\n"
         "c: &x d",
         ":2: not YAML: second occurrence found duplicate anchor; first occurrence\n"},
        {"%YAML 1.3\n"
         "---\n"
         "a: b",
         ":1: not YAML: found incompatible YAML document\n"},
        {"- a", ":1: expected a mapping like \"upstream: 127.0.0.1:9001\"\n"},
        {"hello", ":1: expected a mapping like \"upstream: 127.0.0.1:9001\"\n"},
        {"3", ":1: expected a mapping like \"upstream: 127.0.0.1:9001\"\n"},
        {"upstream: h:1\n"
         "---\n"
         "upstream: h:2\n",
         ":2: a second document; all must be in the first\n"},
        {"upstream: h:1\n"
         "---\n"
         "[",
         ":2: a second document; all must be in the first\n"},
        {"? [a]\n"
         ": b\n",
         ":1: ?: a key must be a plain word\n"},
        {"? {a: b}\n"
         ": c\n",
         ":1: ?: a key must be a plain word\n"},
    };
    (void)state;
    check_mistakes(mistakes, sizeof mistakes / sizeof *mistakes);
}

static const struct mistake shape_mistakes[] = {
    {"upstrem: x\n", ":1: upstrem: " NO_KEY KNOWN "\n"},
    {"workers: 1\n"
     "upstream: h:1\n"
     "workers: 2\n",
     ":3: workers: \"workers\" is given twice\n"},
    {"access_log: {path: a}\n"
     "accessLog: {path: b}\n",
     ":2: access_log: \"accessLog\" is given twice\n"},
    {"<<: {workers: 1}\n", ":1: <<: " NO_KEY KNOWN "\n"},
    {"workers: x\n", ":1: workers: \"x\"" NOT_WHOLE "\n"},
    {"workers: -1\n", ":1: workers: \"-1\"" NOT_WHOLE "\n"},
    {"workers: 1.5\n", ":1: workers: \"1.5\"" NOT_WHOLE "\n"},
    {"workers: 99999999999\n", ":1: workers: \"99999999999\"" NOT_WHOLE "\n"},
    {"workers: 0xfffffffffffffffff\n", ":1: workers: \"0xfffffffffffffffff\"" NOT_WHOLE "\n"},
    {"workers: [1]\n", ":1: workers: expected a whole number, found an array\n"},
    {"workers: .inf\n", ":1: workers: \".inf\"" NOT_WHOLE "\n"},
    {"reflect: yes\n", ":1: reflect: expected true or false, found a string\n"},
    {"reflect: 1\n", ":1: reflect: expected true or false, found a number\n"},
    {"reflect: \"true\"\n", ":1: reflect: expected true or false, found a string\n"},
    {"upstream: true\n", ":1: upstream: expected a string, found true\n"},
    {"upstream: [a]\n", ":1: upstream: expected a string, found an array\n"},
    {"upstream:\n"
     "  a: b\n",
     ":1: upstream: expected a string, found an object\n"},
    {"listeners: h:1\n", ":1: listeners: expected an array, found a string\n"},
    {"listeners:\n"
     "  - h:1\n",
     ":2: listeners[0]: expected an object, found a string\n"},
    {"listeners: {address: h:1}\n", ":1: listeners: expected an array, found an object\n"},
    {"clusters: [~]\n", ":1: clusters[0]: null is not allowed in this array\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: h:1\n",
     ":3: clusters[0].endpoints: expected an array, found a string\n"},
    {"clusters:\n"
     "  - name: a\n"
     "    endpoints: [h:1]\n"
     "    transport: HTTP3\n",
     ":4: clusters[0].transport: \"HTTP3\" is not a name in postern.v1.Transport; expected "
     "HTTP2 or GRPC_CORE\n"},
    {"http:\n"
     "  - get: /a\n"
     "    post: /b\n",
     ":3: http[0].post: another field of the oneof \"pattern\" is set already\n"},
    {"overrides:\n"
     "  - selector: a.*\n"
     "    policy: { timeout: 1s, retries: 3 }\n",
     ":3: overrides[0].policy.retries: " NO_KEY KNOWN_POLICY "\n"},
    {"upstream: !!binary aa\n", ":1: upstream: tags are not used here; write the plain value\n"},
    {"upstream: !secret x\n", ":1: upstream: tags are not used here; write the plain value\n"},
    {"workers: !!int 3\n", ":1: workers: tags are not used here; write the plain value\n"},
    {"upstream: \"a\\0b\"\n", ":1: upstream: a text cannot hold a NUL byte\n"},
    {"upstrem: a\n"
     "workers: x\n"
     "clusters: {}\n"
     "listeners: [1]\n"
     "admin:\n"
     "  adress: h:1\n",
     ":1: upstrem: " NO_KEY KNOWN "\n"
     ":2: workers: \"x\"" NOT_WHOLE "\n"
     ":3: clusters: expected an array, found an object\n"
     ":4: listeners[0]: expected an object, found a number\n"
     ":6: admin.adress: " NO_KEY "address\n"},
};

static void shape_must_be_that_of_the_schema(void **state)
{
    (void)state;
    check_mistakes(shape_mistakes, sizeof shape_mistakes / sizeof *shape_mistakes);
}

/* Faults of one text that need not be spelled out. */
static void check_refused(struct str yaml, const char *because)
{
    struct guard g = guard_copy(yaml);
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 1 << 16, 64 << 20);
    tc_faults_init(&faults, &arena);
    assert_null(config_parse(g.s, "p.yaml", &arena, &faults));
    assert_true(faults.count > 0);
    struct str text = faults.first->text;
    if (because && !memmem(text.p, text.n, because, strlen(because)))
        fail_msg("%.*s", STR_ARG(text));
    arena_release(&arena);
    guard_release(&g);
}

static void cut_file_is_refused_or_whole_but_never_read_past_its_end(void **state)
{
    static const struct str yaml = STR_INIT("listeners: [{address: \"h:1\"}]\n"
                                            "clusters:\n"
                                            "  - name: 'a'\n"
                                            "    endpoints: &e [h:1, \"h\\x3a2\"]\n"
                                            "  - {name: b, endpoints: *e}\n"
                                            "access_log:\n"
                                            "  path: >-\n"
                                            "    \xc3\xa4.log\n");
    (void)state;
    for (size_t n = 0; n <= yaml.n; n++) {
        struct guard g = guard_copy(str_of(yaml.p, n));
        struct arena arena;
        struct tc_faults faults;
        arena_init(&arena, 1 << 16, 64 << 20);
        tc_faults_init(&faults, &arena);
        struct config *c = config_parse(g.s, "p.yaml", &arena, &faults);
        assert_int_equal(c == NULL, faults.count > 0);
        if (n == yaml.n)
            assert_non_null(c);
        arena_release(&arena);
        guard_release(&g);
    }
}

static void alias_bomb_ends_at_a_ceiling(void **state)
{
    char yaml[4096];
    size_t n = 0;
    (void)state;

    n += (size_t)snprintf(yaml, sizeof yaml, "x0: &x0 [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n");
    for (int i = 1; i < 20; i++)
        n += (size_t)snprintf(yaml + n, sizeof yaml - n,
                              "x%d: &x%d [*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d]\n", i, i, i - 1,
                              i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    check_refused(str_of(yaml, n), NULL);
    n = (size_t)snprintf(yaml, sizeof yaml, "http: [&a {additional_bindings: [&b {get: %01000d}",
                         0);
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(yaml + n, sizeof yaml - n, ",*b");
    n += (size_t)snprintf(yaml + n, sizeof yaml - n, "]}");
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(yaml + n, sizeof yaml - n, ",*a");
    n += (size_t)snprintf(yaml + n, sizeof yaml - n, "]\n");
    check_refused(str_of(yaml, n), "more than 2 MiB with all aliases expanded");
}

static void document_that_contains_itself_is_too_deep(void **state)
{
    (void)state;
    check_refused(STR("clusters: &x [*x]\n"), "nested deeper than 32 levels");
    check_refused(STR("admin: &x {address: *x}\n"), "nested deeper than 32 levels");
}

static void deep_nesting_is_refused_quickly(void **state)
{
    static char yaml[1 << 20];
    (void)state;
    memset(yaml, '[', sizeof yaml);
    check_refused(str_of(yaml, sizeof yaml), "nested deeper than 32 levels");
    memset(yaml, '{', sizeof yaml);
    check_refused(str_of(yaml, sizeof yaml), "nested deeper than 32 levels");
    for (size_t i = 0; i < sizeof yaml; i++)
        yaml[i] = "- "[i % 2];
    check_refused(str_of(yaml, sizeof yaml), "nested deeper than 32 levels");
}

static void crowds_of_values_and_anchors_are_refused_quickly(void **state)
{
    static char yaml[1 << 20];
    size_t n = 0;
    (void)state;
    while (n < sizeof yaml - 20)
        n += (size_t)snprintf(yaml + n, 20, "- &a%zu\n", n);
    check_refused(str_of(yaml, n), "more than 1000 anchors");
    memset(yaml, ',', sizeof yaml);
    for (size_t i = 1; i < sizeof yaml; i += 2)
        yaml[i] = 'a';
    yaml[0] = '[';
    check_refused(str_of(yaml, sizeof yaml), "more than 65536 values");
}

static void any_one_byte_may_be_spoiled(void **state)
{
    static const char yaml[] = "clusters: [{name: a, endpoints: [h:1]}]\n";
    (void)state;
    for (size_t at = 0; at < sizeof yaml - 1; at++)
        for (int byte = 0; byte < 256; byte += 3) {
            struct arena arena;
            struct tc_faults faults;
            char copy[sizeof yaml];
            memcpy(copy, yaml, sizeof yaml);
            copy[at] = (char)byte;
            arena_init(&arena, 1 << 16, 64 << 20);
            tc_faults_init(&faults, &arena);
            struct config *c = config_parse(str_of(copy, sizeof yaml - 1), "", &arena, &faults);
            assert_int_equal(c == NULL, faults.count > 0);
            arena_release(&arena);
        }
}

static void faults_beyond_a_hundred_are_left_out(void **state)
{
    static char yaml[4000];
    struct arena arena;
    struct tc_faults faults;
    size_t n = 0;
    (void)state;

    for (int i = 0; i < 150; i++)
        n += (size_t)snprintf(yaml + n, sizeof yaml - n, "unknown%d: 1\n", i);
    arena_init(&arena, 1 << 16, 64 << 20);
    tc_faults_init(&faults, &arena);
    assert_null(config_parse(str_of(yaml, n), "", &arena, &faults));
    assert_int_equal(faults.count, 100);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_no_yaml_has_a_line),
        cmocka_unit_test(shape_must_be_that_of_the_schema),
        cmocka_unit_test(cut_file_is_refused_or_whole_but_never_read_past_its_end),
        cmocka_unit_test(alias_bomb_ends_at_a_ceiling),
        cmocka_unit_test(document_that_contains_itself_is_too_deep),
        cmocka_unit_test(deep_nesting_is_refused_quickly),
        cmocka_unit_test(crowds_of_values_and_anchors_are_refused_quickly),
        cmocka_unit_test(any_one_byte_may_be_spoiled),
        cmocka_unit_test(faults_beyond_a_hundred_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
