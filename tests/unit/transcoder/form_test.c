#include "transcoder/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/sets.h"
#include "tests/unit/support/splits.h"
#include "tests/unit/support/wire_text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* A part; `more` are further parameters and headers. */
#define PART(name, more, data) \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"" more "\r\n\r\n" data "\r\n"
#define FILE_PART(name, data) PART(name, "; filename=f\r\nContent-Type: image/png", data)

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

struct form_case {
    struct str text;
    const char *wire;             /* of a bodies.Image; NULL: refused */
    const char *path, *text_part; /* of the error */
    const char *field;            /* body: "field" */
    bool ignore_unknown;
};

#define TEXT(...) STR_INIT(__VA_ARGS__ "--b--\r\n")

static const struct form_case cases[] = {
    {.text = TEXT(FILE_PART("data", "\0\r\n--") PART("prompt", "", "hi")),
     .wire = "2:'\0\r\n--' 7:'hi'"},
    {.text = TEXT(FILE_PART("file", "xyz")), .wire = "3:{1:'image/png' 2:'xyz'}"},
    {.text = TEXT(PART("file", "", "xyz")), .wire = "3:{1:'text/plain' 2:'xyz'}"},
    {.text = TEXT(FILE_PART("layers", "1") FILE_PART("layers", "22")), .wire = "4:'1' 4:'22'"},
    {.text = TEXT(FILE_PART("files", "1") FILE_PART("files", "")),
     .wire = "5:{1:'image/png' 2:'1'} 5:{1:'image/png'}"},
    {.text = TEXT(FILE_PART("inside.inside.data", "1") PART("inside.width", "", "3")),
     .wire = "6:{6:{2:'1'} 11:3}"},
    {.text = TEXT(PART("data", "", "YQ==") PART("thumb", "\r\nContent-Type: text/x", "YQ==")),
     .wire = "2:'YQ==' 17:'YQ=='"},
    {.text = TEXT(PART("data", "\r\nContent-Type: application/x", "YQ==")), .wire = "2:'YQ=='"},
    {.text = TEXT(FILE_PART("prompt", "from a file")), .wire = "7:'from a file'"},
    {.text = TEXT(FILE_PART("data", "1")), .wire = "6:{2:'1'}", .field = "inside"},
    {.text = TEXT(PART("nothing", "", "") FILE_PART("data", "1")),
     .wire = "2:'1'",
     .ignore_unknown = true},
    {.text = TEXT(PART("nothing", "", "")), .path = "nothing", .text_part = "bodies.Image"},
    {.text = TEXT(PART("text", "", "")), .path = "text", .text_part = "bodies.Image"},
    {.text = TEXT(PART("inside.", "", "")), .path = "inside.", .text_part = "no such field"},
    {.text = TEXT(FILE_PART("width", "x")), .path = "width", .text_part = "form part \"width\""},
    {.text = TEXT(FILE_PART("data[x]", "x")), .path = "data[x]", .text_part = "no map"},
    {.text = TEXT(FILE_PART("wrapped", "\xff")), .wire = "13:{1:'\xff'}"},
    {.text = TEXT(PART("wrapped", "", "")), .wire = "13:{}"},
    {.text = TEXT(FILE_PART("taken", "x")), .path = "taken", .text_part = "file"},
    {.text = TEXT(FILE_PART("label", "x")), .path = "label", .text_part = "file"},
    {.text = TEXT(FILE_PART("data", "1") PART("data", "", "YQ==")),
     .path = "data",
     .text_part = "twice"},
    {.text = TEXT(PART("data", "", "YQ==") FILE_PART("data", "1")),
     .path = "data",
     .text_part = "twice"},
    {.text = TEXT(PART("file.content_type", "", "a/b") FILE_PART("file", "1")),
     .path = "file",
     .text_part = "in part"},
    {.text = TEXT(PART("file", "", "a/b") FILE_PART("file.data", "1")),
     .path = "file.data",
     .text_part = "as a whole"},
    {.text = TEXT(PART("url", "", "1") FILE_PART("pixels", "1")),
     .path = "pixels",
     .text_part = "oneof"},
    {.text = TEXT(PART("prompt", "\r\nContent-Type: text/plain; charset=latin1", "1")),
     .path = "prompt",
     .text_part = "charset"},
    {.text = TEXT(PART("prompt", "\r\nContent-Type: text/plain; charset=\"UTF-8\"", "1")),
     .wire = "7:'1'"},
    {.text = STR_INIT("--b\r\n"), .path = "", .text_part = "cut short"},
};

struct form_run {
    const struct set *set;
    const struct form_case *c;
    struct arena arena;
    struct tc_error error;
    struct tc_binding binding;
};

static void begin(struct form_run *r)
{
    arena_init(&r->arena, 8192, 1 << 20);
    r->error = (struct tc_error){.status = TC_OK};
    tc_binding_init(&r->binding, &r->arena, set_message(r->set, "bodies.Image"), &r->error);
}

static void end(struct form_run *r)
{
    tc_binding_release(&r->binding);
    arena_release(&r->arena);
}

static enum tc_status feed(struct form_run *r, const struct str *pieces, size_t n)
{
    struct tc_form_spec spec = {.ignore_unknown = r->c->ignore_unknown};
    if (r->c->field)
        spec.field = set_field(r->set, "bodies.Image", r->c->field);
    struct tc_form *f = tc_form_new(&spec, &r->binding, STR("multipart/form-data; boundary=b"));
    enum tc_status st = f ? TC_MORE : r->error.status;
    for (size_t i = 0; i < n && st == TC_MORE; i++) {
        struct guard g = guard_copy(pieces[i]);
        st = tc_form_feed(f, g.s);
        guard_release(&g);
    }
    if (st == TC_MORE)
        st = tc_form_finish(f);
    tc_form_release(f);
    return st;
}

/* The bytes of a wire text that holds NULs are those of its literal. */
static void check_bound(struct form_run *r)
{
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(tc_binding_write(&r->binding, &out), TC_OK);
    struct str want = r->c == &cases[0] ? STR("\x12\x05\0\r\n--:\x02hi")
                                        : wire_text(&r->arena, r->c->wire);
    if (!str_eq(buf_str(&out), want))
        fail_msg("%.*s", STR_ARG(r->c->text));
    buf_release(&out);
}

static void check_pieces(void *arg, const struct str *pieces, size_t n)
{
    struct form_run *r = arg;

    begin(r);
    enum tc_status st = feed(r, pieces, n);
    if (st != (r->c->wire ? TC_OK : TC_INVALID))
        fail_msg("%.*s: %d, %s", STR_ARG(r->c->text), (int)st, r->error.text);
    if (r->c->wire) {
        check_bound(r);
    } else {
        assert_string_equal(r->error.path, r->c->path);
        assert_non_null(strstr(r->error.text, r->c->text_part));
        assert_true(r->error.offset != TC_NO_OFFSET);
        assert_false(r->error.in_target);
    }
    end(r);
}

static void forms_bind_whatever_their_pieces(void **state)
{
    struct form_run r = {.set = *state};

    for (size_t i = 0; i < COUNT(cases); i++) {
        r.c = &cases[i];
        splits_each(cases[i].text, check_pieces, &r);
    }
}

static void what_the_path_says_stays(void **state)
{
    static const struct {
        struct str text;
        enum tc_status want;
    } tries[] = {
        {TEXT(PART("id", "", "7")), TC_OK},
        {TEXT(PART("id", "", "8")), TC_INVALID},
        {TEXT(FILE_PART("id", "8")), TC_INVALID},
        {TEXT(FILE_PART("data", "7")), TC_INVALID},
    };
    static const struct form_case none = {.ignore_unknown = false};

    for (size_t i = 0; i < COUNT(tries); i++) {
        struct form_run r = {.set = *state, .c = &none};
        const struct tc_field *id = set_field(r.set, "bodies.Image", "id");
        const struct tc_field *data = set_field(r.set, "bodies.Image", "data");
        struct tc_field_path by_id = {&id, 1}, by_data = {&data, 1};
        begin(&r);
        assert_int_equal(tc_bind_path(&r.binding, &by_id, STR("7")), TC_OK);
        assert_int_equal(tc_bind_path(&r.binding, &by_data, STR("YQ==")), TC_OK);
        assert_int_equal(feed(&r, &tries[i].text, 1), tries[i].want);
        end(&r);
    }
}

static void messages_with_a_place_for_files_are_told(void **state)
{
    assert_true(tc_form_takes_files(set_message(*state, "bodies.Image")));
    assert_true(tc_form_takes_files(set_message(*state, "bodies.Upload")));
    assert_true(tc_form_takes_files(set_message(*state, "bodies.PatchRequest"))); /* thing.file */
    assert_false(tc_form_takes_files(set_message(*state, "bodies.Label")));
}

static bool bind_once(void *arg)
{
    struct form_run r = {.set = arg, .c = &cases[0]};

    begin(&r);
    enum tc_status st = feed(&r, &r.c->text, 1);
    assert_true(st == TC_OK || st == TC_NOMEM);
    end(&r);
    return st == TC_OK;
}

static void want_of_memory_is_told(void **state)
{
    assert_true(failmalloc_each(bind_once, *state) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_bind_whatever_their_pieces),
        cmocka_unit_test(what_the_path_says_stays),
        cmocka_unit_test(messages_with_a_place_for_files_are_told),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
