#include "transcoder/http_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/sets.h"
#include "tests/unit/support/wire_text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int load(void **state)
{
    static struct set set;

    set = set_load("bodies.pb");
    *state = &set;
    return 0;
}

static int unload(void **state)
{
    set_release(*state);
    return 0;
}

/* ---- reading ---- */

struct reading {
    const char *wire;
    bool in_field;           /* 2, of bodies.Upload */
    const char *type, *data; /* NULL: refused */
};

static const struct reading readings[] = {
    {"1:'a/b' 2:'xyz'", false, "a/b", "xyz"},
    {"2:'xyz' 1:'a/b'", false, "a/b", "xyz"},
    {"", false, "", ""},
    {"1:'a' 1:'b' 2:'1' 2:'2' 3:{1:'x'} 99:1", false, "b", "2"},
    {"1:7 2:7", false, "", ""}, /* another wire type is an unknown field */
    {"1:'a\x7f'", false, NULL, NULL},
    {"1:'a\n'", false, NULL, NULL},
    {"1:'\xc3\xa4'", false, NULL, NULL},
    {"1:'n' 2:{1:'a/b' 2:'xyz'}", true, "a/b", "xyz"},
    {"2:{1:'a/b'} 3:1 2:{2:'xyz'}", true, "a/b", "xyz"}, /* two occurrences are merged */
    {"2:{1:'a/b' 2:'1'} 2:{}", true, "a/b", "1"},
    {"1:'n'", true, "", ""},
    {"2:5", true, "", ""},
};

static void an_http_body_is_read_wherever_it_stands(void **state)
{
    struct arena a;

    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < COUNT(readings); i++) {
        const struct reading *r = &readings[i];
        struct guard g = guard_copy(wire_text(&a, r->wire));
        struct tc_http_body body;
        struct tc_error e = {.status = TC_OK};
        enum tc_status st = tc_http_body_read(
            g.s, r->in_field ? set_field(*state, "bodies.Upload", "file") : NULL, &body, &e);
        assert_int_equal(st, r->type ? TC_OK : TC_INVALID);
        assert_int_equal(e.status, st);
        if (r->type) {
            assert_true(str_eq(body.content_type, str_c(r->type)));
            assert_true(str_eq(body.data, str_c(r->data)));
        }
        guard_release(&g);
    }
    arena_release(&a);
}

static void a_cut_message_is_malformed_or_shorter(void **state)
{
    const struct tc_field *f = set_field(*state, "bodies.Upload", "file");
    struct arena a;

    arena_init(&a, 4096, 1 << 20);
    struct str whole = wire_text(&a, "1:'n' 2:{1:'a/b' 2:'xyz'}");
    for (size_t n = 0; n < whole.n; n++) {
        struct guard g = guard_copy(str_of(whole.p, n));
        struct tc_http_body body;
        enum tc_status st = tc_http_body_read(g.s, f, &body, NULL);
        assert_int_equal(st, n == 0 || n == 3 ? TC_OK : TC_INVALID);
        guard_release(&g);
    }
    arena_release(&a);
}

/* ---- writing ---- */

static struct str filled(struct arena *a, size_t n)
{
    char *p = arena_alloc(a, n + 1);

    assert_non_null(p);
    memset(p, 'x', n);
    return str_of(p, n);
}

/* "before", then `field` with `n` bytes of data, told that `expected` would come. */
static bool write_one(struct buf *out, const struct tc_field *f, const char *type, struct str data,
                      uint64_t expected)
{
    struct tc_raw r = {.out = out, .field = f, .content_type = str_c(type)};

    out->n = 0;
    if (!buf_add(out, STR("before")) || tc_raw_begin(&r, expected) != TC_OK ||
        !buf_add(out, data) || tc_raw_end(&r) != TC_OK)
        return false;
    assert_true(str_eq(str_of(out->p + r.data, data.n), data));
    return true;
}

static void check_written(const struct buf *out, struct arena *a, const char *wire)
{
    struct str got = str_skip(buf_str(out), 6), want = wire_text(a, wire);

    assert_true(str_starts(buf_str(out), STR("before")));
    if (!str_eq(got, want))
        fail_msg("not %.60s", wire);
}

static void keys_and_lengths_are_exact_whatever_was_expected(void **state)
{
    static const size_t sizes[] = {0, 1, 120, 121, 122, 127, 128, 16000, 16383, 16384, 70000};
    static const uint64_t guesses[] = {0, 1, 127, 128, 16384, 1 << 21, UINT64_MAX};
    struct arena a;
    struct buf out;

    (void)state;
    arena_init(&a, 1 << 16, 64 << 20);
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t j = 0; j < COUNT(guesses); j++) {
            struct str data = filled(&a, sizes[i]);
            struct str quoted = sizes[i] ? arena_printf(&a, " 2:'%.*s'", STR_ARG(data)) : STR("");
            assert_true(write_one(&out, NULL, "a/b", data, guesses[j]));
            check_written(&out, &a, arena_printf(&a, "1:'a/b'%.*s", STR_ARG(quoted)).p);
            assert_true(write_one(&out, set_field(*state, "bodies.Upload", "file"), "a/b", data,
                                  guesses[j]));
            check_written(&out, &a, arena_printf(&a, "2:{1:'a/b'%.*s}", STR_ARG(quoted)).p);
            assert_true(
                write_one(&out, set_field(*state, "bodies.Image", "layers"), "", data, guesses[j]));
            check_written(&out, &a, arena_printf(&a, "4:'%.*s'", STR_ARG(data)).p);
        }
    buf_release(&out);
    arena_release(&a);
}

static void nothing_is_written_for_nothing(void **state)
{
    static const struct {
        const char *message, *field, *type, *wire;
    } cases[] = {
        {"bodies.Image", "data", "", ""},        /* implicit presence */
        {"bodies.Image", "thumb", "", "17:''"},  /* optional */
        {"bodies.Image", "pixels", "", "16:''"}, /* of a oneof */
        {"bodies.Image", "layers", "", "4:''"},  /* an element */
        {"bodies.Image", "files", "", "5:{}"},   /* an element */
        {"bodies.Image", "file", "", ""},        /* neither type nor bytes */
        {"bodies.Image", "file", "a", "3:{1:'a'}"},
    };
    struct arena a;
    struct buf out;

    arena_init(&a, 1 << 12, 1 << 20);
    buf_init(&out, 1 << 10);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct tc_field *f = set_field(*state, cases[i].message, cases[i].field);
        assert_true(tc_raw_takes(f));
        assert_true(write_one(&out, f, cases[i].type, STR(""), i));
        check_written(&out, &a, cases[i].wire);
    }
    assert_false(tc_raw_takes(set_field(*state, "bodies.Image", "prompt")));
    assert_false(tc_raw_takes(set_field(*state, "bodies.Image", "label")));
    buf_release(&out);
    arena_release(&a);
}

static bool write_twice(void *arg)
{
    struct buf out;
    bool ok;

    buf_init(&out, 4096);
    ok = write_one(&out, set_field(arg, "bodies.Upload", "file"), "text/plain",
                   STR("a text that is long enough for more memory than the first piece has........"
                       "........................................................................"),
                   0);
    buf_release(&out);
    return ok;
}

static void want_of_memory_is_told(void **state)
{
    assert_true(failmalloc_each(write_twice, *state) > 0);
}

static void a_ceiling_is_kept(void **state)
{
    struct buf out;

    for (size_t max = 0; max < 40; max++) {
        buf_init(&out, max);
        struct tc_raw r = {.out = &out,
                           .field = set_field(*state, "bodies.Upload", "file"),
                           .content_type = STR("a/b")};
        enum tc_status st = tc_raw_begin(&r, 0);
        if (st == TC_OK && buf_add(&out, STR("twelve bytes")))
            st = tc_raw_end(&r);
        else
            st = TC_LIMIT;
        assert_int_equal(st, max < 21 ? TC_LIMIT : TC_OK);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_http_body_is_read_wherever_it_stands),
        cmocka_unit_test(a_cut_message_is_malformed_or_shorter),
        cmocka_unit_test(keys_and_lengths_are_exact_whatever_was_expected),
        cmocka_unit_test(nothing_is_written_for_nothing),
        cmocka_unit_test(want_of_memory_is_told),
        cmocka_unit_test(a_ceiling_is_kept),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
