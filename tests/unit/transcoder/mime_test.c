#include "transcoder/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct value {
    const char *text;
    const char *type, *params; /* "a=1|b=x y"; NULL: refused at some point */
};

static const struct value values[] = {
    {"text/plain", "text/plain", ""},
    {" text/plain ", "text/plain", ""},
    {"a/b;c=d", "a/b", "c=d"},
    {"a/b ; c=d ;e=\"f g\"", "a/b", "c=d|e=f g"},
    {"a/b;;c=d;", "a/b", "c=d"},
    {"a/b; c=\"\"", "a/b", "c="},
    {"a/b; c=\"x\\\"y\\\\z\"", "a/b", "c=x\"y\\z"},
    {"a/b; c=\"a;b=c\"", "a/b", "c=a;b=c"},
    {"a/b; boundary=a:b/c=d?", "a/b", "boundary=a:b/c=d?"},
    {"a/b; c=\"\xc3\xa4\"", "a/b", "c=\xc3\xa4"},
    {"", "", ""},
    {"a/b; c", "a/b", NULL},
    {"a/b; c=", "a/b", NULL},
    {"a/b; =d", "a/b", NULL},
    {"a/b; c =d", "a/b", NULL},
    {"a/b; c= d", "a/b", NULL},
    {"a/b; c=\"d", "a/b", NULL},
    {"a/b; c=\"d\\", "a/b", NULL},
    {"a/b; c=\"d\\\"", "a/b", NULL},
    {"a/b; c=\"d\"e", "a/b", NULL},
    {"a/b; c=d e", "a/b", NULL},
    {"a/b; c=d\"e\"", "a/b", NULL},
    {"a/b; c=\"\x01\"", "a/b", NULL},
    {"a/b; c=\"\\\r\"", "a/b", NULL},
    {"a/b; c=d\x7f", "a/b", NULL},
    {"a/b; \xc3=d", "a/b", NULL},
};

static void check_value(const struct value *v)
{
    struct guard g = guard_copy(str_c(v->text));
    struct str rest = g.s;
    struct tc_mime_param p;
    enum tc_status st;
    char got[64];
    size_t n = 0;

    assert_true(str_eq(tc_mime_type(&rest), str_c(v->type)));
    while ((st = tc_mime_param(&rest, &p)) == TC_OK) {
        assert_true(n + p.name.n + p.value.n + 2 < sizeof got);
        if (n)
            got[n++] = '|';
        memcpy(got + n, p.name.p, p.name.n);
        n += p.name.n;
        got[n++] = '=';
        n += tc_mime_unquote(got + n, p.value);
    }
    assert_int_equal(st, v->params ? TC_MORE : TC_INVALID);
    if (v->params)
        assert_true(str_eq(str_of(got, n), str_c(v->params)));
    guard_release(&g);
}

static void parameters_are_taken_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        check_value(&values[i]);
    }
}

static void tokens_are_told(void **state)
{
    (void)state;
    assert_true(tc_mime_is_token(STR("Content-Type")));
    assert_true(tc_mime_is_token(STR("!#$%&'*+-.^_`|~09azAZ")));
    assert_false(tc_mime_is_token(STR("")));
    assert_false(tc_mime_is_token(STR("a b")));
    assert_false(tc_mime_is_token(STR("a\0b")));
    assert_false(tc_mime_is_token(STR("\xc3\xa4")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_taken_one_by_one),
        cmocka_unit_test(tokens_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
