#include "transcoder/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/sets.h"
#include "tests/unit/support/splits.h"
#include "transcoder/wire.h"

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

static const struct mask_case {
    const char *json, *paths; /* of bodies.PatchRequest.thing; "a,b" */
} cases[] = {
    {"{}", ""},
    {"{\"note\":\"\"}", "note"},
    {" {\"note\" : null , \"sizeInMm\":1}", "note,size_in_mm"},
    {"{\"partOf\":{\"partOf\":{\"note\":\"x\",\"name\":\"y\"},\"count\":1}}",
     "part_of.part_of.note,part_of.part_of.name,part_of.count"},
    {"{\"partOf\":{}}", "part_of"},
    {"{\"partOf\":{\"parts\":[{\"note\":\"x\",\"label\":{\"text\":\"\"}},{}]}}", "part_of.parts"},
    {"{\"parts\":[],\"byKey\":{},\"byKey2\":{}}", "parts,by_key"},
    {"{\"byKey\":{\"a\":{\"note\":\"\",\"partOf\":{\"note\":\"\"}}}}", "by_key"},
    {"{\"extra\":{\"a\":{\"b\":[{}]}},\"value\":null,\"madeAt\":\"1970-01-01T00:00:00Z\"}",
     "extra,value,made_at"},
    {"{\"label\":{\"unknown\":{\"text\":1}}}", "label"},
};

struct mask_run {
    const struct set *set;
    const struct mask_case *c;
    size_t max;
};

static enum tc_status encode(const struct mask_run *r, const struct str *pieces, size_t n,
                             struct buf *mask)
{
    struct arena a;
    struct buf out;
    struct tc_error e = {.status = TC_OK};
    struct tc_encode_spec spec = {
        .schema = r->set->schema,
        .message = set_message(r->set, "bodies.PatchRequest"),
        .field = set_field(r->set, "bodies.PatchRequest", "thing"),
        .mask = mask,
        .ignore_unknown_fields = true,
    };

    arena_init(&a, 4096, 1 << 20);
    buf_init(&out, 1 << 16);
    struct tc_encoder *encoder = tc_encoder_new(&a, &spec, &out, &e);
    enum tc_status st = encoder ? TC_MORE : TC_NOMEM;
    for (size_t i = 0; i < n && (st == TC_MORE || st == TC_OK); i++)
        st = tc_encode_feed(encoder, pieces[i]);
    if (st == TC_MORE || st == TC_OK)
        st = tc_encode_finish(encoder);
    buf_release(&out);
    arena_release(&a);
    return st;
}

static void check_pieces(void *arg, const struct str *pieces, size_t n)
{
    struct mask_run *r = arg;
    struct buf mask, text;
    struct tc_wire_field w;

    buf_init(&mask, 4096);
    buf_init(&text, 4096);
    assert_int_equal(encode(r, pieces, n, &mask), TC_OK);
    for (struct str rest = buf_str(&mask); tc_wire_next(&rest, &w) == TC_OK;) {
        assert_int_equal(w.number, 1);
        assert_true((!text.n || buf_add_char(&text, ',')) && buf_add(&text, w.bytes));
    }
    if (!str_eq(buf_str(&text), str_c(r->c->paths)))
        fail_msg("%s gives %.*s", r->c->json, STR_ARG(buf_str(&text)));
    buf_release(&mask);
    buf_release(&text);
}

static void masks_name_what_the_body_speaks_of(void **state)
{
    struct mask_run r = {.set = *state};

    for (size_t i = 0; i < COUNT(cases); i++) {
        r.c = &cases[i];
        splits_each(str_c(cases[i].json), check_pieces, &r);
    }
}

/* A deep message names its long road with each short member. */
static void a_mask_has_a_ceiling(void **state)
{
    struct mask_run r = {.set = *state, .c = &cases[3]};
    struct str json = str_c(r.c->json);
    const size_t whole = 2 + 20 + 2 + 20 + 2 + 13;
    struct buf mask;

    for (size_t max = 0; max < whole + 40; max++) {
        buf_init(&mask, max);
        enum tc_status st = encode(&r, &json, 1, &mask);
        assert_true(st == TC_LIMIT || (st == TC_OK && max >= whole));
        assert_true(st == TC_OK || max < whole + 32);
        buf_release(&mask);
    }
}

static bool encode_once(void *arg)
{
    struct mask_run r = {.set = arg, .c = &cases[3]};
    struct str json = str_c(r.c->json);
    struct buf mask;

    buf_init(&mask, 4096);
    enum tc_status st = encode(&r, &json, 1, &mask);
    assert_true(st == TC_OK || st == TC_NOMEM);
    buf_release(&mask);
    return st == TC_OK;
}

static void want_of_memory_is_told(void **state)
{
    assert_true(failmalloc_each(encode_once, *state) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_name_what_the_body_speaks_of),
        cmocka_unit_test(a_mask_has_a_ceiling),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
