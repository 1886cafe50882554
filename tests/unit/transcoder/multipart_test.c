#include "transcoder/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"
#include "transcoder/buf.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CD "Content-Disposition: form-data; name="

/* What a body says: "name|type|file|data" per part, each behind '#'. */
struct body {
    struct str text;
    const char *parts; /* NULL: refused, at `offset` */
    size_t offset;
};

#define BODY(text) STR_INIT(text)

static const struct body bodies[] = {
    {BODY("--b--"), "", 0},
    {BODY("--b--\r\n"), "", 0},
    {BODY("\r\n--b--\r\n"), "", 0},
    {BODY("--b \t--"), NULL, 5},
    {BODY("pre\r\n--b--\r\npost --b"), "", 0},
    {BODY("--b\r\n" CD "a\r\n\r\nx\r\n--b--\r\n"), "#a|||x", 0},
    {BODY("--b  \r\n" CD "\"a\"\r\n\r\n\r\n--b--"), "#a|||", 0},
    /* the empty line of a head may be the delimiter's own */
    {BODY("--b\r\n" CD "a\r\n\r\n--b--"), "#a|||", 0},
    {BODY("--b\r\n" CD "a; filename=f\r\nContent-Type: x/y; z\r\n\r\n\r\n\r\n\r\n--b--"),
     "#a|x/y; z|file|\r\n\r\n", 0},
    {BODY("--b\r\n" CD "a\r\n\r\n\r--\n--b\r\n-\r\n--\r\n--\r\n\r\n--b\r\n" CD
          "\"\xc3\xa4\"\r\n\r\n2\r\n--b--"),
     "#a|||\r--\n--b\r\n-\r\n--\r\n--\r\n#\xc3\xa4|||2", 0},
    {BODY("--b\r\n" CD "a\r\nX: y\r\nContent-Transfer-Encoding: BINARY\r\n\r\n1\r\n--b--"),
     "#a|||1", 0},
    {BODY("--b\r\n" CD "\"a\\\"b\"\r\n\r\n1\r\n--b--"), "#a\"b|||1", 0},
    /* cut short */
    {BODY(""), NULL, 0},
    {BODY("--"), NULL, 2},
    {BODY("--b"), NULL, 3},
    {BODY("--b-"), NULL, 4},
    {BODY("--b--\r"), NULL, 6},
    {BODY("--b\r\n" CD "a\r\n\r\n1\r\n--b\r\n"), NULL, 55},
    {BODY("--b\r\n" CD "a\r\n\r\n1\r\n--"), NULL, 52},
    /* delimiters */
    {BODY("--bb\r\n"), NULL, 3},
    {BODY("--b\n"), NULL, 3},
    {BODY("--b\r\r"), NULL, 4},
    {BODY("--b- -"), NULL, 4},
    {BODY("--b-\r\n"), NULL, 4},
    {BODY("--b--x"), NULL, 5},
    {BODY("--b--\rx"), NULL, 6},
    {BODY("--a--"), NULL, 5},
    /* heads */
    {BODY("--b\r\n\r\n1\r\n--b--"), NULL, 5},
    {BODY("--b\r\nContent-Type: a/b\r\n\r\n1\r\n--b--"), NULL, 5},
    {BODY("--b\r\n" CD "a\n\r\n1\r\n--b--"), NULL, 43},
    {BODY("--b\r\n" CD "a\rb\r\n\r\n1\r\n--b--"), NULL, 44},
    {BODY("--b\r\n" CD "a\r\n b\r\n\r\n1\r\n--b--"), NULL, 45},
    {BODY("--b\r\nX\r\n" CD "a\r\n\r\n1\r\n--b--"), NULL, 5},
    {BODY("--b\r\n: x\r\n"), NULL, 5},
    {BODY("--b\r\nX : x\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "a\r\n" CD "a\r\n"), NULL, 45},
    {BODY("--b\r\n" CD "a\r\nContent-Type: a\r\nContent-Type: a\r\n"), NULL, 62},
    {BODY("--b\r\nContent-Type: \r\n"), NULL, 5},
    {BODY("--b\r\nContent-Type: \xe4\r\n"), NULL, 5},
    {BODY("--b\r\nContent-Disposition: attachment; name=a\r\n"), NULL, 5},
    {BODY("--b\r\nContent-Disposition: form-data\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "a; name=b\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "a; filename=b; filename=c\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "a; filename*=UTF-8''c\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "\"\"\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "\"\xff\"\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "\"\x7f\"\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "\"a\r\n"), NULL, 5},
    {BODY("--b\r\n" CD "a b\r\n"), NULL, 5},
    {BODY("--b\r\nContent-Transfer-Encoding: base64\r\n"), NULL, 5},
};

struct reading {
    struct tc_multipart m;
    struct tc_error error;
    struct arena arena;
    struct buf parts;
};

static void show_part(struct reading *r)
{
    const struct tc_part *p = &r->m.part;

    assert_true(buf_add_char(&r->parts, '#'));
    assert_true(buf_add(&r->parts, p->name) && buf_add_char(&r->parts, '|'));
    assert_true(buf_add(&r->parts, p->content_type) && buf_add_char(&r->parts, '|'));
    assert_true(buf_add(&r->parts, p->is_file ? STR("file|") : STR("|")));
}

static enum tc_status read_pieces(struct reading *r, const struct str *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct guard g = guard_copy(pieces[i]);
        struct str in = g.s, data = STR("");
        enum tc_part_event event;
        while ((event = tc_multipart_next(&r->m, &in, &data)) != TC_PART_MORE &&
               event != TC_PART_BAD) {
            if (event == TC_PART_BEGIN)
                show_part(r);
            else if (event == TC_PART_DATA)
                assert_true(data.n > 0 && buf_add(&r->parts, data));
        }
        guard_release(&g);
        if (event == TC_PART_BAD)
            return TC_INVALID;
    }
    return tc_multipart_finish(&r->m);
}

static void check_pieces(void *arg, const struct str *pieces, size_t n)
{
    const struct body *b = arg;
    struct reading r = {.error = {.status = TC_OK}};

    arena_init(&r.arena, 8192, 1 << 20);
    buf_init(&r.parts, 1 << 20);
    assert_int_equal(
        tc_multipart_init(&r.m, STR("multipart/form-data; boundary=b"), &r.arena, &r.error), TC_OK);
    enum tc_status st = read_pieces(&r, pieces, n);
    if (st != (b->parts ? TC_OK : TC_INVALID) || (!b->parts && r.error.offset != b->offset) ||
        (b->parts && !str_eq(buf_str(&r.parts), str_c(b->parts))))
        fail_msg("\"%.*s\": %d, \"%.*s\", %s at %zu", STR_ARG(b->text), (int)st,
                 STR_ARG(buf_str(&r.parts)), r.error.text, r.error.offset);
    if (st != TC_OK) { /* final */
        struct str in = STR("--b--"), data;
        assert_int_equal(tc_multipart_next(&r.m, &in, &data), TC_PART_BAD);
    }
    buf_release(&r.parts);
    arena_release(&r.arena);
}

static void a_body_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++)
        splits_each(bodies[i].text, check_pieces, (void *)(uintptr_t)&bodies[i]);
}

/* ---- the boundary ---- */

static void boundaries_are_those_of_rfc_2046(void **state)
{
    static const struct {
        const char *type;
        bool ok;
    } cases[] = {
        {"multipart/form-data; boundary=b", true},
        {"multipart/form-data; charset=utf-8; BOUNDARY=\"b c\"", true},
        {"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", true},
        {"multipart/form-data; boundary=\"gc0p4Jq0M:2Yt08jU534c0p\"", true},
        {"multipart/form-data; boundary=a'()+_,-./:=?", true},
        {"multipart/form-data; boundary="
         "1234567890123456789012345678901234567890123456789012345678901234567890",
         true},
        {"multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890123456789012345678901",
         false},
        {"multipart/form-data", false},
        {"multipart/form-data; boundary=", false},
        {"multipart/form-data; boundary=\"\"", false},
        {"multipart/form-data; boundary=\"a \"", false},
        {"multipart/form-data; boundary=a; boundary=a", false},
        {"multipart/form-data; boundary=a*", false},
        {"multipart/form-data; boundary=\"a\tb\"", false},
        {"multipart/form-data; boundary=a b", false},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 8192, 1 << 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tc_multipart m;
        struct tc_error e = {.status = TC_OK};
        struct guard g = guard_copy(str_c(cases[i].type));
        assert_true(tc_multipart_is(g.s));
        enum tc_status st = tc_multipart_init(&m, g.s, &a, &e);
        if (st != (cases[i].ok ? TC_OK : TC_INVALID))
            fail_msg("%s", cases[i].type);
        guard_release(&g);
    }
    arena_release(&a);
    assert_true(tc_multipart_is(STR("Multipart/FORM-data ; x")));
    assert_false(tc_multipart_is(STR("multipart/mixed; boundary=b")));
    assert_false(tc_multipart_is(STR("multipart/form-data-x")));
}

/* ---- limits ---- */

static enum tc_status read_whole(struct str text, struct tc_error *e)
{
    struct reading r = {.error = {.status = TC_OK}};

    arena_init(&r.arena, 8192, 1 << 20);
    buf_init(&r.parts, 1 << 20);
    enum tc_status st = tc_multipart_init(&r.m, STR("multipart/form-data; boundary=b"), &r.arena,
                                          &r.error);
    if (st == TC_OK)
        st = read_pieces(&r, &text, 1);
    *e = r.error;
    buf_release(&r.parts);
    arena_release(&r.arena);
    return st;
}

static void a_head_has_a_limit(void **state)
{
    static char text[2 * TC_MULTIPART_HEAD_MAX];
    const size_t fixed = sizeof CD "a\r\nX: \r\n\r\n" - 1;
    struct tc_error e;

    (void)state;
    for (int over = 0; over < 2; over++) {
        int n = snprintf(text, sizeof text, "--b\r\n" CD "a\r\nX: %0*d\r\n\r\n1\r\n--b--",
                         (int)(TC_MULTIPART_HEAD_MAX - fixed) + over, 0);
        assert_int_equal(read_whole(str_of(text, (size_t)n), &e), over ? TC_INVALID : TC_OK);
        if (over)
            assert_int_equal(e.offset, 5);
    }
}

static void parts_have_a_limit(void **state)
{
    const struct str part = STR("\r\n--b\r\n" CD "a\r\n\r\n");
    struct tc_error e;

    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf text;
        buf_init(&text, 1 << 20);
        for (size_t i = 0; i < TC_MULTIPART_PARTS_MAX + over; i++)
            assert_true(buf_add(&text, part));
        assert_true(buf_add(&text, STR("\r\n--b--")));
        assert_int_equal(read_whole(buf_str(&text), &e), over ? TC_INVALID : TC_OK);
        buf_release(&text);
    }
}

static bool begin_once(void *arg)
{
    struct tc_multipart m;
    struct tc_error e = {.status = TC_OK};
    struct arena a;

    (void)arg;
    arena_init(&a, 64, 1 << 20);
    enum tc_status st = tc_multipart_init(&m, STR("multipart/form-data; boundary=b"), &a, &e);
    assert_true(st == TC_OK || st == TC_NOMEM);
    arena_release(&a);
    return st == TC_OK;
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    assert_true(failmalloc_each(begin_once, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_may_come_in_any_pieces),
        cmocka_unit_test(boundaries_are_those_of_rfc_2046),
        cmocka_unit_test(a_head_has_a_limit),
        cmocka_unit_test(parts_have_a_limit),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
