#include "gateway/load_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/config.h"
#include "gateway/policy/auth_source.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/tokens.h"

/* One provider, whose file stands beside the configuration. */
static struct {
    struct snapshot s;
    struct plan plan;
    struct auth_provider provider;
    struct tc_faults faults;
    struct arena arena;
    char folder[40], config[64], path[64];
} t;

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    arena_init(&t.arena, 4096, 4 << 20);
    arena_init(&t.s.arena, 4096, 4 << 20);
    tc_faults_init(&t.faults, &t.arena);
    t.plan = (struct plan){.providers = &t.provider, .nproviders = 1};
    t.s.plan = &t.plan;
    t.s.config = config_parse(STR("overrides: []\n"
                                  "auth:\n"
                                  "  - name: p\n"
                                  "    api_keys:\n"
                                  "      file: file\n"),
                              "c.yaml", &t.arena, &t.faults);
    assert_non_null(t.s.config);
    snprintf(t.folder, sizeof t.folder, "/tmp/load_auth_test_XXXXXX");
    assert_non_null(mkdtemp(t.folder));
    snprintf(t.config, sizeof t.config, "%s/postern.yaml", t.folder);
    snprintf(t.path, sizeof t.path, "%s/file", t.folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    load_auth_release(&t.plan);
    arena_release(&t.s.arena);
    arena_release(&t.arena);
    unlink(t.path);
    return rmdir(t.folder);
}

static void begin(enum auth_kind kind, const char *text)
{
    FILE *out = fopen(t.path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
    load_auth_release(&t.plan);
    t.provider = (struct auth_provider){.name = STR("p"), .kind = kind};
    if (kind == AUTH_INTROSPECTION)
        t.provider.introspection.secret_file = STR("file");
    else
        t.provider.fetch.file = STR("file");
    tc_faults_init(&t.faults, &t.arena);
}

/* fault NULL: it is taken. */
static void check(enum auth_kind kind, const char *text, const char *fault)
{
    begin(kind, text);
    load_auth(&t.s, t.config, &t.faults);
    assert_int_equal(t.faults.count, fault != NULL);
    if (fault && !strstr(t.faults.first->text.p, fault))
        fail_msg("%.*s", STR_ARG(t.faults.first->text));
    if (!fault)
        return;
    const char *line = kind == AUTH_API_KEY ? "c.yaml:5" : "c.yaml:3";
    assert_true(str_eq(t.faults.first->place, str_c(line)));
    assert_non_null(strstr(t.faults.first->text.p, t.path));
    assert_ptr_equal(strstr(t.faults.first->text.p, "auth[0]."), t.faults.first->text.p);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define KEY "{\"keys\":[{\"id\":\"a\",\"hash\":\"sha256:" ZEROS "\"}]}"

static void api_keys_are_read_or_refused_with_their_place(void **state)
{
    struct auth_source_view view;
    (void)state;
    check(AUTH_API_KEY, KEY, NULL);
    auth_source_look(t.provider.source, &view);
    assert_true(view.ready && view.entries == 1);
    assert_true(str_eq(t.provider.fetch.file, str_c(t.path))); /* beside the configuration */
    check(AUTH_API_KEY, "{\"keys\":[{\"id\":\"a\"}]}", "keys[0].hash");
    check(AUTH_API_KEY, "", "");
    begin(AUTH_API_KEY, "");
    unlink(t.path);
    load_auth(&t.s, t.config, &t.faults);
    assert_non_null(strstr(t.faults.first->text.p,
                           "No such file or directory; `postern keys add --file F --id ID`"));
    assert_true(str_eq(t.faults.first->place, STR("c.yaml:5")));
}

/* A file is its owner's to mend: unlike in a set that is fetched, nothing is passed over. */
static void key_sets_are_read_and_no_fault_of_theirs_is_passed_over(void **state)
{
    struct token_key key;
    (void)state;
    token_key_make(&key, JOSE_ES256, "k", &t.arena);
    const char *good = token_key_set(&key, "", &t.arena).p;
    check(AUTH_JWT, good, NULL);
    check(AUTH_JWT,
          arena_printf(&t.arena, "{\"keys\":[%.*s,{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}",
                       STR_ARG(key.jwk))
              .p,
          "keys[1]: \"n\" and \"e\"");
    check(AUTH_JWT,
          arena_printf(&t.arena, "{\"keys\":[%.*s,{\"kty\":\"unheard-of\"}]}", STR_ARG(key.jwk)).p,
          NULL);
    check(AUTH_JWT, " -----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no PEM");
    token_key_release(&key);
}

static void a_secret_ends_before_the_end_of_its_line(void **state)
{
    static const struct {
        const char *text, *secret;
    } rows[] = {
        {"s3cret\n", "s3cret"}, {"s3cret\r\n\n", "s3cret"}, {" s \n", " s "}, {"a\nb\n", "a\nb"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check(AUTH_INTROSPECTION, rows[i].text, NULL);
        assert_true(str_eq(t.provider.introspection.secret, str_c(rows[i].secret)));
        assert_null(t.provider.source);
    }
    check(AUTH_INTROSPECTION, "", "is empty; write the client's secret into it");
    check(AUTH_INTROSPECTION, "\r\n\n", "is empty");
    begin(AUTH_INTROSPECTION, "");
    unlink(t.path);
    load_auth(&t.s, t.config, &t.faults);
    assert_non_null(strstr(t.faults.first->text.p, "directory; write the client's secret into it"));
}

/* Nobody writes into it: whoever opened it would wait for ever. */
static void a_pipe_is_no_file_and_is_not_waited_for(void **state)
{
    static const enum auth_kind kinds[] = {AUTH_API_KEY, AUTH_JWT, AUTH_INTROSPECTION};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        begin(kinds[i], "");
        unlink(t.path);
        assert_int_equal(mkfifo(t.path, 0600), 0);
        load_auth(&t.s, t.config, &t.faults);
        assert_int_equal(t.faults.count, 1);
        assert_non_null(strstr(t.faults.first->text.p, "is no regular file"));
        unlink(t.path);
    }
}

static void keys_in_redis_have_no_source(void **state)
{
    (void)state;
    t.provider = (struct auth_provider){
        .name = STR("p"), .kind = AUTH_API_KEY, .redis_keys = STR("{postern:keys:p}")};
    load_auth(&t.s, t.config, &t.faults);
    assert_int_equal(t.faults.count, 0);
    assert_null(t.provider.source);
}

static bool load_once(void *arg)
{
    (void)arg;
    begin(AUTH_API_KEY, KEY);
    load_auth(&t.s, t.config, &t.faults);
    bool ok = t.provider.source && !t.faults.count && !t.faults.out_of_memory;
    if (ok) {
        struct auth_source_view view;
        auth_source_look(t.provider.source, &view);
        ok = view.ready;
    }
    arena_reset(&t.s.arena);
    return ok;
}

static void want_of_memory_is_a_fault(void **state)
{
    (void)state;
    assert_true(failmalloc_each(load_once, NULL) > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(api_keys_are_read_or_refused_with_their_place),
        TEST(key_sets_are_read_and_no_fault_of_theirs_is_passed_over),
        TEST(a_secret_ends_before_the_end_of_its_line),
        TEST(a_pipe_is_no_file_and_is_not_waited_for),
        TEST(keys_in_redis_have_no_source),
        TEST(want_of_memory_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
