#include "gateway/policy/auth_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gateway/core/json_value.h"
#include "tests/unit/support/failmalloc.h"
#include "transcoder/buf.h"

#define HASH_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct buf text_of_hash(const char *key)
{
    unsigned char hash[AUTH_HASH];
    struct buf out;
    buf_init(&out, 1024);
    assert_true(auth_key_hash(str_c(key), hash));
    assert_true(buf_add(&out, STR("sha256:")));
    for (size_t i = 0; i < AUTH_HASH; i++)
        assert_true(buf_printf(&out, "%02x", hash[i]));
    return out;
}

/* {"keys": [...]} of one key with the hash of `key` and more members. */
static struct auth_keys one(const char *key, const char *more)
{
    struct auth_keys keys;
    struct tc_error e = {0};
    struct buf hash = text_of_hash(key), file;
    buf_init(&file, 4096);
    assert_true(buf_printf(&file, "{\"keys\":[{\"id\":\"one\",\"hash\":\"%.*s\"%s}]}",
                           STR_ARG(buf_str(&hash)), more));
    if (!auth_keys_parse(buf_str(&file), STR("p"), &keys, &e))
        fail_msg("%s: %s", e.path, e.text);
    memset(file.p, 'x', file.n); /* nothing of it is kept */
    buf_release(&file);
    buf_release(&hash);
    return keys;
}

static void a_key_is_found_with_all_that_the_file_says(void **state)
{
    (void)state;
    struct auth_keys keys = one("0123456789abcdef",
                                ",\"tenant\":\"t\",\"tier\":\"gold\",\"scopes\":[\"a\",\"b\"],"
                                "\"roles\":[],\"note\":\"n\",\"created\":\"then\"");
    const struct auth_key *k = NULL;
    assert_int_equal(auth_keys_find(&keys, STR("0123456789abcdef"), 0, &k), AUTH_KEY_GOOD);
    assert_true(str_eq(k->principal.id, STR("one")) && str_eq(k->principal.key, STR("one")));
    assert_true(str_eq(k->principal.provider, STR("p")));
    assert_true(str_eq(k->principal.tenant, STR("t")) && str_eq(k->principal.tier, STR("gold")));
    assert_int_equal(k->principal.scopes.n, 2);
    assert_true(str_eq(k->principal.scopes.items[1].s, STR("b")));
    assert_int_equal(k->principal.roles.n, 0);
    assert_null(k->principal.subject.p);
    auth_keys_release(&keys);
}

static void a_key_has_numbers_of_its_own(void **state)
{
    struct auth_keys keys = one("0123456789abcdef", ",\"limits\":{\"calls\":5,\"tokens\":1000000}");
    const struct auth_key *k = NULL;
    struct expr_value key = expr_string(STR("tokens")), name, value;
    (void)state;
    assert_int_equal(auth_keys_find(&keys, STR("0123456789abcdef"), 0, &k), AUTH_KEY_GOOD);
    const struct expr_map *m = k->principal.limits;
    assert_int_equal(m->size(m), 2);
    assert_true(m->find(m, NULL, &key, &value) && value.kind == EXPR_INT && value.i == 1000000);
    m->at(m, NULL, 0, &name, &value);
    assert_true(str_eq(name.s, STR("calls")) && value.i == 5);
    key = expr_string(STR("token"));
    assert_false(m->find(m, NULL, &key, &value));
    key = expr_int(5);
    assert_false(m->find(m, NULL, &key, &value));
    auth_keys_release(&keys);
}

static void what_is_near_a_key_is_none(void **state)
{
    (void)state;
    struct auth_keys keys = one("0123456789abcdef", "");
    const struct auth_key *k = NULL;
    char text[AUTH_KEY_MAX + 2] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        text[i] ^= 1;
        assert_int_equal(auth_keys_find(&keys, str_of(text, 16), 0, &k), AUTH_KEY_UNKNOWN);
        text[i] ^= 1;
    }
    for (size_t n = 0; n < sizeof text; n++)
        assert_int_equal(auth_keys_find(&keys, str_of(text, n), 0, &k),
                         n == 16 ? AUTH_KEY_GOOD : AUTH_KEY_UNKNOWN);
    auth_keys_release(&keys);
    struct auth_keys none = {0};
    assert_int_equal(auth_keys_find(&none, str_of(text, 16), 0, &k), AUTH_KEY_UNKNOWN);
}

static void the_end_of_a_key_is_the_second_that_it_says(void **state)
{
    (void)state;
    struct auth_keys keys = one("0123456789abcdef", ",\"expires\":\"1970-01-01T00:01:40.9Z\"");
    const struct auth_key *k = NULL;
    struct str key = STR("0123456789abcdef");
    assert_int_equal(auth_keys_find(&keys, key, 99, &k), AUTH_KEY_GOOD);
    assert_int_equal(auth_keys_find(&keys, key, 100, &k), AUTH_KEY_EXPIRED);
    assert_int_equal(auth_keys_find(&keys, key, INT64_MAX, &k), AUTH_KEY_EXPIRED);
    auth_keys_release(&keys);
    keys = one("0123456789abcdef", ",\"revoked\":true");
    assert_int_equal(auth_keys_find(&keys, key, 0, &k), AUTH_KEY_REVOKED);
    auth_keys_release(&keys);
}

#define KEY(members) "{\"keys\":[{\"id\":\"a\",\"hash\":\"" HASH_A "\"},{" members "}]}"

static void faults_of_a_file_have_their_place(void **state)
{
    static const struct {
        const char *file, *path, *text;
    } rows[] = {
        {"", "", "cut short"},
        {"{}", "keys", "must be a list"},
        {"[]", "keys", "must be a list"},
        {"{\"keys\":{}}", "keys", "must be a list"},
        {"{\"keys\":[],\"Keys\":[]}", "", "\"Keys\" is no member of a file of keys"},
        {"{\"version\":1,\"keys\":[]}", "", "\"version\" is no member of a file of keys"},
        {"{\"keys\":[1]}", "keys[0]", "must be an object"},
        {"{\"keys\":[{}]}", "keys[0].id", "is missing"},
        {KEY("\"id\":\"b\""), "keys[1].hash", "64 hex digits"},
        {KEY("\"id\":\"\",\"hash\":\"" HASH_B "\""), "keys[1].id", "is missing"},
        {KEY("\"id\":7,\"hash\":\"" HASH_B "\""), "keys[1].id", "must be a string"},
        {KEY("\"id\":\"b\",\"hash\":\"sha256:BB\""), "keys[1].hash", "64 hex digits"},
        {KEY("\"id\":\"b\",\"hash\":\"md5:bb\""), "keys[1].hash", "64 hex digits"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "b\""), "keys[1].hash", "64 hex digits"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"limits\":[1]"), "keys[1].limits", "an object"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"limits\":{\"a\":0}"), "keys[1].limits",
         "above 0"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"limits\":{\"a\":1.5}"), "keys[1].limits",
         "whole"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"limits\":{\"a\":\"1\"}"), "keys[1].limits",
         "whole"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"tenant\":1"), "keys[1].tenant", "a string"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"tier\":null"), "keys[1].tier", "a string"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"scopes\":\"x\""), "keys[1].scopes", "a list"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"roles\":[\"x\",1]"), "keys[1].roles",
         "a list"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"expires\":\"soon\""), "keys[1].expires",
         "2027"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"expires\":1"), "keys[1].expires", "a string"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"revoked\":\"yes\""), "keys[1].revoked",
         "true or"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_B "\",\"scope\":[]"), "keys[1]",
         "\"scope\" is no member"},
        {KEY("\"id\":\"a\",\"hash\":\"" HASH_B "\""), "keys", "the id of \"a\" stands there twice"},
        {KEY("\"id\":\"b\",\"hash\":\"" HASH_A "\""), "keys", "the hash of "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct auth_keys keys;
        struct tc_error e = {0};
        assert_false(auth_keys_parse(str_c(rows[i].file), STR("p"), &keys, &e));
        if (strcmp(e.path, rows[i].path) != 0 || !strstr(e.text, rows[i].text))
            fail_msg("%s\n%s: %s", rows[i].file, e.path, e.text);
        assert_int_equal(keys.n, 0);
    }
}

static void a_file_without_keys_lets_nobody_in(void **state)
{
    struct auth_keys keys;
    struct tc_error e = {0};
    const struct auth_key *k;
    (void)state;
    assert_true(auth_keys_parse(STR("{\"keys\":[]}"), STR("p"), &keys, &e));
    assert_int_equal(auth_keys_find(&keys, STR("0123456789abcdef"), 0, &k), AUTH_KEY_UNKNOWN);
    auth_keys_release(&keys);
}

static bool parse_once(void *arg)
{
    struct auth_keys keys;
    struct tc_error e = {0};
    bool ok = auth_keys_parse(*(struct str *)arg, STR("p"), &keys, &e);
    if (ok)
        auth_keys_release(&keys);
    else
        assert_int_equal(e.status, TC_NOMEM);
    return ok;
}

static void short_memory_is_said_and_nothing_leaks(void **state)
{
    struct str file = STR("{\"keys\":[{\"id\":\"a\",\"hash\":\"" HASH_A
                          "\",\"scopes\":[\"x\\u0041\",\"y\"],\"tenant\":\"t\"}]}");
    (void)state;
    assert_true(failmalloc_each(parse_once, &file) > 0);
}

static void new_keys_are_random_and_long(void **state)
{
    char a[AUTH_KEY_TEXT], b[AUTH_KEY_TEXT];
    bool seen[128] = {false};
    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_true(auth_key_make(a) && auth_key_make(b));
        assert_int_equal(strlen(a), 46);
        assert_int_equal(strncmp(a, "pk_", 3), 0);
        assert_string_not_equal(a, b);
        for (const char *p = a + 3; *p; p++)
            seen[(unsigned char)*p] = true;
    }
    int digits = 0;
    for (int c = 0; c < 128; c++)
        digits += seen[c];
    assert_int_equal(digits, 64);
}

/* ---- many ---- */

enum { MANY = AUTH_KEYS_MAX };

static struct str many_keys(struct buf *file, uint32_t n)
{
    buf_init(file, 64 << 20);
    assert_true(buf_add(file, STR("{\"keys\":[")));
    for (uint32_t i = 0; i < n; i++) {
        unsigned char hash[AUTH_HASH];
        char key[32], hex[2 * AUTH_HASH + 1];
        snprintf(key, sizeof key, "a-key-of-team-%08u", i);
        assert_true(auth_key_hash(str_c(key), hash));
        for (size_t b = 0; b < AUTH_HASH; b++)
            snprintf(hex + 2 * b, 3, "%02x", hash[b]);
        assert_true(buf_printf(file,
                               "%s{\"id\":\"k%u\",\"hash\":\"sha256:%s\",\"tenant\":\"t\",\"tier\":"
                               "\"gold\",\"scopes\":[\"infer\",\"read\"],\"roles\":[\"ops\"],"
                               "\"expires\":\"2099-01-01T00:00:00Z\",\"created\":\"x\"}",
                               i ? "," : "", i, hex));
    }
    assert_true(buf_add(file, STR("]}")));
    return buf_str(file);
}

static void a_hundred_thousand_keys_are_all_found(void **state)
{
    struct auth_keys keys;
    struct tc_error e = {0};
    struct buf file;
    struct str text = many_keys(&file, MANY);
    (void)state;
    failmalloc_count_start();
    if (!auth_keys_parse(text, STR("p"), &keys, &e))
        fail_msg("%s: %s", e.path, e.text);
    failmalloc_count_stop();
    assert_true(keys.arena.used < (size_t)64 << 20); /* what stays, without the file's tree */
    for (uint32_t i = 0; i < MANY; i++) {
        const struct auth_key *k = NULL;
        char key[32], id[16];
        snprintf(key, sizeof key, "a-key-of-team-%08u", i);
        snprintf(id, sizeof id, "k%u", i);
        assert_int_equal(auth_keys_find(&keys, str_c(key), 0, &k), AUTH_KEY_GOOD);
        assert_true(str_eq(k->principal.id, str_c(id)));
        key[i % 22] ^= 1;
        assert_int_not_equal(auth_keys_find(&keys, str_of(key, 21), 0, &k), AUTH_KEY_GOOD);
    }
    auth_keys_release(&keys);
    buf_release(&file);
    text = many_keys(&file, MANY + 1);
    assert_false(auth_keys_parse(text, STR("p"), &keys, &e));
    assert_int_equal(e.status, TC_LIMIT);
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_with_all_that_the_file_says),
        cmocka_unit_test(a_key_has_numbers_of_its_own),
        cmocka_unit_test(what_is_near_a_key_is_none),
        cmocka_unit_test(the_end_of_a_key_is_the_second_that_it_says),
        cmocka_unit_test(faults_of_a_file_have_their_place),
        cmocka_unit_test(a_file_without_keys_lets_nobody_in),
        cmocka_unit_test(short_memory_is_said_and_nothing_leaks),
        cmocka_unit_test(new_keys_are_random_and_long),
        cmocka_unit_test(a_hundred_thousand_keys_are_all_found),
    };
    return cmocka_run_group_tests_name("auth_keys", tests, NULL, NULL);
}
