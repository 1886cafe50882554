#include "gateway/policy/auth_credential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct str x_api_key = STR_INIT("x-api-key");

struct row {
    const char *headers, *query; /* headers: "name: value" lines */
    enum auth_found found;
    const char *text;
};

static struct exchange *request(struct exchange *x, const struct row *row)
{
    struct str rest = str_c(row->headers);
    *x = (struct exchange){0};
    arena_init(&x->arena, 4096, 1 << 20);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n'), name = str_cut(&line, ':');
        assert_true(headers_add(&x->request.headers, &x->arena, name, str_skip(line, 1)));
    }
    x->request.query = row->query ? str_c(row->query) : STR_NONE;
    return x;
}

static void check(const struct auth_provider *p, const struct row *row)
{
    struct exchange x;
    struct str text;
    request(&x, row);
    enum auth_found found = auth_credential_find(p, &x.request, &x.arena, &text);
    if (found != row->found || (found != AUTH_NOTHING && !str_eq(text, str_c(row->text))))
        fail_msg("%s ? %s: %d %.*s", row->headers, row->query ? row->query : "", found,
                 STR_ARG(text));
    arena_release(&x.arena);
}

#define CHECK(p, rows)                                         \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++) \
    check(p, &(rows)[i])

static void a_credential_is_found_in_every_place_that_is_read(void **state)
{
    static const struct auth_provider p = {
        .places = {&x_api_key, 1, true, false, STR_INIT("key")},
    };
    static const struct row rows[] = {
        {"", NULL, AUTH_NOTHING, NULL},
        {"x-other: a\n", "other=1&keys=2", AUTH_NOTHING, NULL},
        {"x-api-key: a\n", NULL, AUTH_FOUND, "a"},
        {"x-api-key:  a b \n", NULL, AUTH_FOUND, "a b"},
        {"x-api-key: \n", NULL, AUTH_FOUND, ""},
        {"x-api-key: \xff\x01\n", NULL, AUTH_FOUND, "\xff\x01"},
        {"authorization: Bearer a\n", NULL, AUTH_FOUND, "a"},
        {"authorization: bEARER    a  \n", NULL, AUTH_FOUND, "a"},
        {"authorization: Bearer\n", NULL, AUTH_FOUND, ""},
        {"authorization: Bearer a b\n", NULL, AUTH_FOUND, ""},
        {"authorization: Bearer \xc3\xa9\n", NULL, AUTH_FOUND, ""},
        {"authorization: Bearera\n", NULL, AUTH_NOTHING, NULL},
        {"authorization: Basic YTpi\n", NULL, AUTH_NOTHING, NULL},
        {"authorization: Beare\n", NULL, AUTH_NOTHING, NULL},
        {"authorization: \n", NULL, AUTH_NOTHING, NULL},
        {"", "key=a", AUTH_FOUND, "a"},
        {"", "k%65y=a%20b", AUTH_FOUND, "a b"},
        {"", "key=a%zz", AUTH_FOUND, ""},
        {"", "key", AUTH_FOUND, ""},
        {"", "x=1&key=a&y=2", AUTH_FOUND, "a"},
        {"x-api-key: a\nauthorization: Bearer a\n", "key=a", AUTH_FOUND, "a"},
        {"x-api-key: a\nx-api-key: a\n", NULL, AUTH_AMBIGUOUS, "x-api-key"},
        {"x-api-key: a\nx-api-key: b\n", NULL, AUTH_AMBIGUOUS, "x-api-key"},
        {"x-api-key: a\nx-api-key: \n", "key=b", AUTH_AMBIGUOUS, "x-api-key"},
        {"authorization: Bearer a\nauthorization: Bearer a\n", NULL, AUTH_AMBIGUOUS,
         "authorization"},
        {"authorization: Bearer a\nx: y\nauthorization: Basic YTpi\n", NULL, AUTH_AMBIGUOUS,
         "authorization"},
        {"authorization: Basic YTpi\nauthorization: Bearer a\n", NULL, AUTH_AMBIGUOUS,
         "authorization"},
        {"authorization: Basic YTpi\nauthorization: Basic YTpi\n", NULL, AUTH_AMBIGUOUS,
         "authorization"},
        {"x-api-key: a\nauthorization: Bearer b\n", NULL, AUTH_AMBIGUOUS, ""},
        {"x-api-key: a\n", "key=b", AUTH_AMBIGUOUS, ""},
        {"", "key=a&key=b", AUTH_AMBIGUOUS, ""},
        {"authorization: Bearer a\nauthorization: Bearer b\n", NULL, AUTH_AMBIGUOUS,
         "authorization"},
    };
    (void)state;
    CHECK(&p, rows);
}

static void what_is_not_read_is_nothing(void **state)
{
    static const struct auth_provider header = {
        .places = {&x_api_key, 1, false, false, STR_INIT("")}};
    static const struct auth_provider bearer = {.places = {NULL, 0, true, false, STR_INIT("")}};
    static const struct row by_header[] = {
        {"authorization: Bearer a\n", "x-api-key=a", AUTH_NOTHING, NULL},
        {"x-api-key: a\nauthorization: Bearer b\n", "key=c", AUTH_FOUND, "a"},
        {"x-api-key: a\nauthorization: Bearer b\nauthorization: c\n", NULL, AUTH_FOUND, "a"},
    };
    static const struct row by_bearer[] = {
        {"x-api-key: a\n", NULL, AUTH_NOTHING, NULL},
        {"x-api-key: a\nauthorization: Bearer b\n", NULL, AUTH_FOUND, "b"},
        {"x-api-key: a\nx-api-key: a\nauthorization: Bearer b\n", NULL, AUTH_FOUND, "b"},
    };
    (void)state;
    CHECK(&header, by_header);
    CHECK(&bearer, by_bearer);
}

/* A token for another provider stands there. */
static void a_bearer_beside_a_key_is_none_where_tokens_are_read(void **state)
{
    static const struct auth_provider p = {
        .places = {&x_api_key, 1, true, true, STR_INIT("key")},
    };
    static const struct row rows[] = {
        {"x-api-key: a\nauthorization: Bearer b\n", NULL, AUTH_FOUND, "a"},
        {"authorization: Bearer b\nx-api-key: a\n", NULL, AUTH_FOUND, "a"},
        {"authorization: Bearer b\n", "key=a", AUTH_FOUND, "a"},
        {"authorization: Bearer b\n", NULL, AUTH_FOUND, "b"},
        {"x-api-key: \nauthorization: Bearer b\n", NULL, AUTH_FOUND, ""},
        {"x-api-key: a\nauthorization: Bearer b\n", "key=c", AUTH_AMBIGUOUS, ""},
        {"authorization: Bearer a\nauthorization: Bearer b\n", NULL, AUTH_AMBIGUOUS,
         "authorization"},
    };
    (void)state;
    CHECK(&p, rows);
}

/* Tokens are looked at by words: each byte in each place of them counts. */
static void any_byte_anywhere_in_a_token_counts(void **state)
{
    static const struct auth_provider p = {.places = {.bearer = true}};
    enum { LONGEST = 19, SCHEME = 7 };
    char value[SCHEME + LONGEST];
    struct header header = {STR("authorization"), STR_NONE};
    struct request r = {.headers = {.items = &header, .n = 1}};
    (void)state;
    memcpy(value, "Bearer ", SCHEME);
    for (size_t n = 3; n <= LONGEST; n++)
        for (size_t at = 1; at + 1 < n; at++)
            for (int c = 0; c < 256; c++) {
                struct str text;
                memset(value + SCHEME, 'a', n);
                value[SCHEME + at] = (char)c;
                header.value = str_of(value, SCHEME + n);
                assert_int_equal(auth_credential_find(&p, &r, NULL, &text), AUTH_FOUND);
                assert_int_equal(text.n, c > ' ' && c <= '~' ? n : 0);
            }
}

/* ---- hiding ---- */

static void hides(const struct plan_hidden *h, const struct row *row, const char *left)
{
    static const struct route no_fields = {.whole_body = true};
    struct exchange x;
    struct buf text;
    request(&x, row);
    x.route = &no_fields;
    buf_init(&text, 4096);
    assert_true(auth_credential_hide(h, &x));
    for (uint32_t i = 0; i < x.request.headers.n; i++)
        buf_printf(&text, "%.*s:%.*s;", STR_ARG(x.request.headers.items[i].name),
                   STR_ARG(x.request.headers.items[i].value));
    buf_printf(&text, "?%.*s", STR_ARG(x.request.query));
    if (!str_eq(buf_str(&text), str_c(left)))
        fail_msg("%s ? %s: %.*s", row->headers, row->query ? row->query : "",
                 STR_ARG(buf_str(&text)));
    buf_release(&text);
    arena_release(&x.arena);
}

static void what_was_shown_does_not_travel_on(void **state)
{
    static const struct str names[] = {STR_INIT("x-api-key"), STR_INIT("x-token")};
    static const struct str key = STR_INIT("key");
    static const struct row row = {
        "x-api-key: a\nauthorization: Bearer b\nauthorization: Basic c\nx-other: d\nx-token: t\n",
        "a=1&key=e&b=2&k%65y", AUTH_NOTHING, NULL};
    static const struct row prefixed = {
        "grpc-metadata-x-api-key: a\nx-api-key: b\ngrpc-metadata-x-token: c\nx-token: d\n"
        "authorization: Bearer e\ngrpc-metadata-authorization: Bearer f\n",
        NULL, AUTH_NOTHING, NULL};
    static const struct row bare = {"x-other: d\n", NULL, AUTH_NOTHING, NULL};
    struct plan_hidden h = {
        .headers = names, .nheaders = 2, .queries = &key, .nqueries = 1, .bearer = true};
    (void)state;
    hides(&h, &row, "authorization:Basic c;x-other:d;?a=1&b=2");
    hides(&h, &bare, "x-other:d;?");
    h.nheaders = 0;
    h.nqueries = 0;
    hides(&h, &row, "x-api-key:a;authorization:Basic c;x-other:d;x-token:t;?a=1&key=e&b=2&k%65y");
    h = (struct plan_hidden){.headers = names, .nheaders = 1, .behind = names + 1, .nbehind = 1};
    hides(&h, &prefixed, "x-token:d;authorization:Bearer e;grpc-metadata-authorization:Bearer f;?");
    h.bearer = true;
    hides(&h, &prefixed, "x-token:d;?");
    h = (struct plan_hidden){.headers = names, .nheaders = 1};
    hides(&h, &row,
          "authorization:Bearer b;authorization:Basic c;x-other:d;x-token:t;?a=1&key=e&b=2&k%65y");
}

/* As a field it stays: test_auth.py, where there is a schema. */
static void what_others_read_is_no_parameter_where_it_is_no_field(void **state)
{
    static const struct str key = STR_INIT("key");
    static const struct row row = {"", "a=1&key=e&b=2&k%65y", AUTH_NOTHING, NULL};
    static const struct plan_hidden h = {.others = &key, .nothers = 1};
    (void)state;
    hides(&h, &row, "?a=1&b=2");
}

static void without_memory_nothing_passes(void **state)
{
    static const struct str key = STR_INIT("key");
    struct plan_hidden h = {.queries = &key, .nqueries = 1};
    struct exchange x = {.request.query = STR("key=secret")};
    (void)state;
    arena_init(&x.arena, 16, 4);
    assert_false(auth_credential_hide(&h, &x));
    arena_release(&x.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_found_in_every_place_that_is_read),
        cmocka_unit_test(what_is_not_read_is_nothing),
        cmocka_unit_test(a_bearer_beside_a_key_is_none_where_tokens_are_read),
        cmocka_unit_test(any_byte_anywhere_in_a_token_counts),
        cmocka_unit_test(what_was_shown_does_not_travel_on),
        cmocka_unit_test(what_others_read_is_no_parameter_where_it_is_no_field),
        cmocka_unit_test(without_memory_nothing_passes),
    };
    return cmocka_run_group_tests_name("auth_credential", tests, NULL, NULL);
}
