#include "transcoder/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/sets.h"

enum { HEX_MAX = 1024 };

/* ---- one binding ---- */

struct run {
    struct arena arena;
    struct tc_error error;
    struct tc_binding binding;
};

static void begin(struct run *r, const struct tc_message *m)
{
    *r = (struct run){.error.status = TC_OK};
    arena_init(&r->arena, 512, 1 << 20);
    tc_binding_init(&r->binding, &r->arena, m, &r->error);
}

static void end(struct run *r)
{
    tc_binding_release(&r->binding);
    arena_release(&r->arena);
}

static enum tc_status bind_path(struct run *r, const char *path, struct str value)
{
    struct tc_field_path p;
    size_t n;

    assert_true(tc_field_path_resolve(r->binding.message, str_c(path), &r->arena, &p, &n));
    return tc_bind_path(&r->binding, &p, value);
}

static enum tc_status bind_query(struct run *r, const char *query)
{
    const struct tc_query_options none = {.body_field = NULL};
    struct guard g = guard_copy(str_c(query));
    enum tc_status status = tc_bind_query(&r->binding, g.s, &none);

    guard_release(&g);
    return status;
}

static void check_wire(const struct run *r, const char *what, const char *hex)
{
    char text[HEX_MAX] = "";
    struct buf out;

    buf_init(&out, HEX_MAX / 2 - 1);
    if (tc_binding_write(&r->binding, &out) != TC_OK)
        fail_msg("%s cannot be written", what);
    for (size_t i = 0; i < out.n; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)(unsigned char)out.p[i]);
    buf_release(&out);
    if (!str_eq(str_c(text), str_c(hex)))
        fail_msg("%s\n  gives %s\n  not   %s", what, text, hex);
}

static void check_error(const struct run *r, const char *what, const char *path, const char *text)
{
    if (r->error.status != TC_INVALID || !str_eq(str_c(r->error.path), str_c(path)) ||
        !strstr(r->error.text, text))
        fail_msg("%s: status %d, \"%s\": %s", what, (int)r->error.status, r->error.path,
                 r->error.text);
}

/* ---- queries ---- */

/* Bytes as protoc --encode writes them. */
static const struct {
    const char *query, *hex;
} queries[] = {
    {"", ""},
    {"name=a", "0a0161"},
    {"name=", ""},
    {"name", ""},
    {"name=a+b%20c%2B", "0a0661206220632b"},
    {"n%61me=%C3%A9", "0a02c3a9"},
    {"name=a=b", "0a03613d62"},
    {"&&name=a&&", "0a0161"},
    {"fDouble=1.5&f_float=-0&fInt32=-1&fInt64=-9223372036854775808",
     "11000000000000f83f1d0000008020ffffffffffffffffff012880808080808080808001"},
    {"fUint32=4294967295&fUint64=18446744073709551615&fSint32=-2&fSint64=-3",
     "30ffffffff0f38ffffffffffffffffff0140034805"},
    {"fFixed32=1&fFixed64=2&fSfixed32=-1&fSfixed64=-2&fBool=true",
     "550100000059020000000000000065ffffffff69feffffffffffffff7001"},
    {"fInt32=0&fDouble=0&fBool=false&fBytes=&fColor=COLOR_UNSPECIFIED", ""},
    {"fBytes=-_8%3D&fColor=BEIGE&fSize=2", "820102fbff8801ffffffffffffffffff01900102"},
    {"fBytes=%2B/8&fKind=DRAIN", "820102fbffa00101"},
    {"fPart.number=3&f_part.screw.turns=4&fPart.screw.of.label=x", "9a010b0803220708041203120178"},
    {"fPart.number=0", "9a0100"},
    {"fSink.fSink.fSink.name=deep", "aa010caa0109aa01060a0464656570"},
    {"rInt32=1&rInt32=-1&rInt32=300", "8a020d01ffffffffffffffffff01ac02"},
    {"rString=a&rString=&rColor=RED&rColor=2&uInt32=1&uInt32=300",
     "e2020161e20200f202020102a80301a803ac02"},
    {"mInt32[-1]=0.5&mInt32[2]=1&mBool[true]=false",
     "ba041408ffffffffffffffffff0111000000000000e03fba040b080211000000000000f03f8a050408011000"},
    {"mString[a.b%5D]=x&m_string[]=y&mToColor[k]=RED",
     "9205090a04612e625d1201789205050a00120179b205050a016b1001"},
    {"mToTimestamp[t]=1970-01-01T00:00:01Z&mToWrapper[w]=7",
     "d205070a017412020801da05070a017712020807"},
    {"oInt32=0", "a80600"},
    {"oPart.number=1", "e206020801"},
    {"oString=s&oLonely=", "ca060173920700"},
    {"pInt32=0&pBool=false&pString=", "d80700f80700820800"},
    {"wInt64=5&wBool=false&wString=x", "fa080208059a0900a209030a0178"},
    {"rwInt64=1&rwInt64=2", "b209020801b209020802"},
    {"kTimestamp=2024-01-02T03:04:05.5Z&kDuration=-1.5s&kMask=fooBar,a.bC",
     "8a0a0c08a5facdac061080cab5ee01920a1608ffffffffffffffffff011080b6ca91feffffffff019a0a100a07666"
     "f6f5f6261720a05612e625f63"},
    {"odd.switch=2&odd.other=1&odd.gr%C3%B6%C3%9Fe=4", "f20b0740027801980104"},
    {"odd.tagLast=1", "f20b06f8ffffff0f01"},
};

static void query_parameters_become_the_message_that_their_names_say(void **state)
{
    struct set s = set_load("kitchen_sink.pb");

    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct run r;
        begin(&r, set_message(&s, "kitchen.Sink"));
        if (bind_query(&r, queries[i].query) != TC_OK)
            fail_msg("%s: %s", queries[i].query, r.error.text);
        check_wire(&r, queries[i].query, queries[i].hex);
        end(&r);
    }
    set_release(&s);
}

static const struct {
    const char *query, *path, *text;
} refused[] = {
    {"nme=a", "nme", "query parameter \"nme\" is unknown: there is no such field in kitchen.Sink"},
    {"Name=a", "Name", "is unknown"},
    {"fPart.nmber=1", "fPart.nmber", "no such field in kitchen.Sink.Part"},
    {"name.x=1", "name.x", "is unknown"},
    {"fPart.=1", "fPart.", "is unknown"},
    {".name=1", ".name", "is unknown"},
    {"fPart..number=1", "fPart..number", "is unknown"},
    {"rPart.number=1", "rPart.number", "is unknown"},
    {"kTimestamp.seconds=1", "kTimestamp.seconds", "is unknown"},
    {"wInt64.value=1", "wInt64.value", "is unknown"},
    {"mString.key=1", "mString.key", "is unknown"},
    {"mString[a=1", "mString[a", "is unknown"},
    {"name=a&name=a", "name",
     "query parameter \"name\" is given twice, but its field is not repeated"},
    {"name=&name=", "name", "is given twice"},
    {"fPart.number=1&f_part.number=1", "fPart.number", "\"f_part.number\" is given twice"},
    {"mString[a]=1&mString[a]=2", "mString[\"a\"]", "is given twice"},
    {"mInt32[1]=1&m_int32[1]=2", "mInt32[1]", "is given twice"},
    {"oInt32=1&oString=a", "oString",
     "cannot be set together with \"oInt32\": both belong to one oneof"},
    {"oPart.number=1&oInt32=1", "oInt32", "one oneof"},
    {"oInt32=1&oPart.number=1", "oPart.number", "one oneof"},
    {"mString=a", "mString", "is a map: write name[key]=value"},
    {"rString[0]=a", "rString[0]", "is no map: it takes no [key]"},
    {"name[0]=a", "name[0]", "is no map"},
    {"fPart=x", "fPart", "is a message and cannot be set by one value"},
    {"rPart=x", "rPart", "is a message"},
    {"kStruct=x", "kStruct", "is a message"},
    {"kAny=x", "kAny", "is a message"},
    {"mToPart[a]=x", "mToPart[\"a\"]", "is a message"},
    {"fInt32=abc", "fInt32", "query parameter \"fInt32\": \"abc\" is not"},
    {"fInt32=2147483648", "fInt32", "2147483648"},
    {"fInt32=", "fInt32", ""},
    {"fInt32", "fInt32", ""},
    {"fInt32=1.5", "fInt32", ""},
    {"fInt32=+1", "fInt32", ""},
    {"fBool=True", "fBool", ""},
    {"fBool=1", "fBool", ""},
    {"fColor=red", "fColor", ""},
    {"fBytes=*", "fBytes", ""},
    {"kTimestamp=yesterday", "kTimestamp", ""},
    {"mInt32[a]=1", "mInt32[a]", ""},
    {"mBool[yes]=true", "mBool[yes]", ""},
    {"mInt32[1]=x", "mInt32[1]", ""},
    {"rInt32=1&rInt32=x", "rInt32", ""},
    {"name=%zz", "name", "is not percent-encoded UTF-8"},
    {"name=%ff", "name", "is not percent-encoded UTF-8"},
    {"name=%00", "name", "is not percent-encoded UTF-8"},
    {"name=%c3", "name", "is not percent-encoded UTF-8"},
    {"%zz=a", "%zz", "is not percent-encoded UTF-8"},
    {"n%00=a", "n%00", "is not percent-encoded UTF-8"},
    {"name=a&=x", "", "is unknown: there is no such field"},
    {"=", "", "is unknown: there is no such field"},
};

static void a_wrong_parameter_is_refused_with_its_field_and_name(void **state)
{
    struct set s = set_load("kitchen_sink.pb");

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct run r;
        begin(&r, set_message(&s, "kitchen.Sink"));
        assert_int_equal(bind_query(&r, refused[i].query), TC_INVALID);
        check_error(&r, refused[i].query, refused[i].path, refused[i].text);
        end(&r);
    }
    set_release(&s);
}

static void names_are_shown_whole_or_cut_between_two_characters(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    char query[400];
    struct run r;

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        size_t n = shift;
        memset(query, 'x', shift);
        for (; n + 3 < sizeof query; n += 3)
            memcpy(query + n, "\xe2\x82\xac", 4);
        begin(&r, set_message(&s, "kitchen.Sink"));
        assert_int_equal(bind_query(&r, query), TC_INVALID);
        assert_true(strstr(r.error.text, "\xe2\x82\xac\" is unknown") != NULL);
        end(&r);
    }
    set_release(&s);
}

static void recursion_by_names_has_a_bound(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    char query[1200];
    size_t n = 0;

    (void)state;
    for (size_t depth = 1; depth <= 150; depth++) {
        struct tc_query_options o = {.max_depth = depth % 2 ? 0 : 100000};
        size_t bound = depth % 2 ? 32 : 100;
        struct run r;
        memcpy(query + n, "fSink.", 6);
        memcpy(query + n + 6, "name=x", 7);
        begin(&r, set_message(&s, "kitchen.Sink"));
        enum tc_status status = tc_bind_query(&r.binding, str_c(query), &o);
        assert_int_equal(status, depth + 1 <= bound ? TC_OK : TC_INVALID);
        end(&r);
        n += 6;
    }
    set_release(&s);
}

static void a_parameter_for_what_the_body_carries_is_unknown(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    const struct tc_message *m = set_message(&s, "kitchen.UpdateRequest");
    struct tc_query_options field = {.body_field = set_field(&s, "kitchen.UpdateRequest", "sink")};
    struct tc_query_options whole = {.no_fields = true};
    struct run r;

    (void)state;
    begin(&r, m);
    assert_int_equal(tc_bind_query(&r.binding, STR("validateOnly=true"), &field), TC_OK);
    assert_int_equal(tc_bind_query(&r.binding, STR("sink.name=a"), &field), TC_INVALID);
    check_error(&r, "sink.name", "sink.name", "is unknown: the body carries that field");
    end(&r);
    begin(&r, m);
    assert_int_equal(tc_bind_query(&r.binding, STR("&"), &whole), TC_OK);
    assert_int_equal(tc_bind_query(&r.binding, STR("validateOnly=true"), &whole), TC_INVALID);
    check_error(&r, "validateOnly", "validateOnly", "is unknown: the body carries all fields");
    end(&r);
    set_release(&s);
}

static void unknown_parameters_are_skipped_when_asked_but_wrong_values_are_not(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    struct tc_query_options o = {.ignore_unknown = true};
    struct run r;

    (void)state;
    begin(&r, set_message(&s, "kitchen.Sink"));
    assert_int_equal(tc_bind_query(&r.binding, STR("a=%zz&fPart.x=1&utm=%ff&name=n&name.y=2"), &o),
                     TC_OK);
    check_wire(&r, "unknown ones", "0a016e");
    assert_int_equal(tc_bind_query(&r.binding, STR("fInt32=x"), &o), TC_INVALID);
    end(&r);
    set_release(&s);
}

/* ---- path ---- */

static void path_variables_bind_nested_fields_of_every_type(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    struct run r;

    (void)state;
    begin(&r, set_message(&s, "kitchen.Sink"));
    assert_int_equal(bind_path(&r, "name", STR("a/b c")), TC_OK);
    assert_int_equal(bind_path(&r, "f_part.screw.turns", STR("7")), TC_OK);
    assert_int_equal(bind_path(&r, "fPart.label", STR("")), TC_OK);
    assert_int_equal(bind_path(&r, "w_bool", STR("true")), TC_OK);
    assert_int_equal(bind_path(&r, "k_duration", STR("1s")), TC_OK);
    check_wire(&r, "path",
               "0a05612f622063"
               "9a010422020807"
               "9a09020801"
               "920a020801");
    end(&r);
    begin(&r, set_message(&s, "kitchen.Sink"));
    assert_int_equal(bind_path(&r, "f_part.number", STR("seven")), TC_INVALID);
    check_error(&r, "f_part.number", "fPart.number", "path variable \"f_part.number\"");
    end(&r);
    set_release(&s);
}

static void a_query_may_repeat_but_not_change_what_the_path_has_bound(void **state)
{
    static const struct {
        const char *field, *value, *query;
        bool same;
    } cases[] = {
        {"name", "a", "name=a", true},
        {"name", "a", "name=a&name=a", true},
        {"name", "a", "name=b", false},
        {"name", "", "name=", true},
        {"name", "", "name=x", false},
        {"name", "x", "name", false},
        {"f_int64", "4294967296", "fInt64=0", false}, /* equal in 32 bits */
        {"f_int64", "10", "f_int64=1e1", true},
        {"f_int32", "0", "fInt32=0", true},
        {"f_int32", "0", "fInt32=1", false},
        {"f_part.number", "1", "f_part.number=1", true},
        {"f_part.number", "1", "fPart.number=2", false},
        {"f_part.number", "1", "fPart.label=x", true}, /* a sibling */
        {"o_int32", "1", "oString=x", false},
        {"o_part.number", "1", "oPart.label=x", true},
        {"o_part.number", "1", "oInt32=1", false},
        {"f_double", "0", "fDouble=-0", false},
        {"k_timestamp", "1970-01-01T00:00:00Z", "kTimestamp=1970-01-01T01:00:00%2B01:00", true},
    };
    struct set s = set_load("kitchen_sink.pb");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run r;
        begin(&r, set_message(&s, "kitchen.Sink"));
        assert_int_equal(bind_path(&r, cases[i].field, str_c(cases[i].value)), TC_OK);
        enum tc_status status = bind_query(&r, cases[i].query);
        if (status != (cases[i].same ? TC_OK : TC_INVALID))
            fail_msg("{%s}=%s, %s: status %d", cases[i].field, cases[i].value, cases[i].query,
                     (int)status);
        end(&r);
    }
    set_release(&s);
}

static void nodes_say_whether_the_path_has_set_them(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    struct run r;

    (void)state;
    begin(&r, set_message(&s, "kitchen.Sink"));
    assert_int_equal(bind_path(&r, "f_part.number", STR("1")), TC_OK);
    assert_int_equal(bind_query(&r, "name=a&fPart.number=1"), TC_OK);
    const struct tc_bound *part = r.binding.root, *name = part->next;
    assert_true(str_eq(part->field->name, STR("f_part")) && part->child->from_path);
    assert_true(str_eq(name->field->name, STR("name")) && !name->from_path && !name->next);
    end(&r);
    set_release(&s);
}

static void groups_are_written_between_their_tags(void **state)
{
    struct set s = set_load("kitchen_sink2.pb");
    struct run r;

    (void)state;
    begin(&r, set_message(&s, "kitchen2.Sink2"));
    assert_int_equal(bind_path(&r, "box.width", STR("5")), TC_OK);
    assert_int_equal(
        bind_query(&r, "box.lid.open=true&[kitchen2.ext_int32]=9&tight=1&tight=2&loose=3"), TC_OK);
    check_wire(&r, "groups",
               "9b03"
               "0805"
               "1b"
               "0801"
               "1c"
               "9c03"
               "c03e09"
               "d202020102"
               "c80203");
    end(&r);
    begin(&r, set_message(&s, "kitchen2.Sink2"));
    assert_int_equal(bind_query(&r, "box=1"), TC_INVALID);
    end(&r);
    set_release(&s);
}

/* ---- bounds ---- */

static void packed_elements_keep_a_right_length_however_many_they_are(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    const struct tc_query_options none = {.body_field = NULL};

    (void)state;
    for (size_t n = 1; n <= 20000; n = n < 140 ? n + 1 : n * 5) {
        struct run r;
        struct buf out;
        begin(&r, set_message(&s, "kitchen.Sink"));
        for (size_t i = 0; i < n; i++)
            assert_int_equal(tc_bind_query(&r.binding, STR("rBool=true"), &none), TC_OK);
        buf_init(&out, 1 << 20);
        assert_int_equal(tc_binding_write(&r.binding, &out), TC_OK);
        size_t length = n < 128 ? 1 : n < 16384 ? 2 : 3;
        assert_int_equal(out.n, 2 + length + n);
        assert_int_equal(out.p[2] & 0x7f, n & 0x7f);
        assert_int_equal(out.p[1 + length], n >> 7 * (length - 1));
        for (size_t i = 2 + length; i < out.n; i++)
            assert_int_equal(out.p[i], 1);
        buf_release(&out);
        end(&r);
    }
    set_release(&s);
}

static void an_output_that_is_too_small_is_left_as_it_was(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    struct run r;
    struct buf out;

    (void)state;
    begin(&r, set_message(&s, "kitchen.Sink"));
    assert_int_equal(bind_query(&r, "fPart.screw.turns=4&name=abc"), TC_OK);
    for (size_t max = 1; max < 12; max++) {
        buf_init(&out, max + 1);
        assert_true(buf_add(&out, STR("x")));
        assert_int_equal(tc_binding_write(&r.binding, &out), TC_LIMIT);
        assert_int_equal(out.n, 1);
        buf_release(&out);
    }
    buf_init(&out, 12);
    assert_int_equal(tc_binding_write(&r.binding, &out), TC_OK);
    assert_int_equal(out.n, 12);
    buf_release(&out);
    end(&r);
    set_release(&s);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 8 KiB of parameters that each look for their like. */
static void no_query_of_8_KiB_holds_the_worker_for_10_ms(void **state)
{
    static const char *const formats[] = {"mString[%zx]=&",
                                          "rString=%zx&",
                                          "rInt32=%zu&",
                                          "mInt32[%zu]=1&",
                                          "fSink.fSink.fSink.fSink.rBool=true&",
                                          "odd.tag_2047=%.0zu",
                                          "kMask=%zu,"};
    struct set s = set_load("kitchen_sink.pb");
    const struct tc_query_options none = {.body_field = NULL};
    char query[8192];

    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t n = 0;
        for (size_t j = 0; n + 64 < sizeof query; j++)
            n += (size_t)snprintf(query + n, sizeof query - n, formats[i], j);
        struct run r;
        begin(&r, set_message(&s, "kitchen.Sink"));
        double start = seconds();
        enum tc_status status = tc_bind_query(&r.binding, str_of(query, n - 1), &none);
        double took = seconds() - start;
        if (took > 0.01)
            fail_msg("%s: %.1f ms, status %d", formats[i], took * 1e3, (int)status);
        end(&r);
    }
    set_release(&s);
}

struct bind_run {
    const struct tc_message *message;
    const char *query;
};

static bool bind_once(void *arg)
{
    const struct bind_run *run = arg;
    const struct tc_query_options none = {.body_field = NULL};
    struct tc_field_path p;
    struct buf out;
    struct run r;
    size_t n;

    begin(&r, run->message);
    buf_init(&out, 4096);
    enum tc_status status = TC_NOMEM;
    if (tc_field_path_resolve(run->message, STR("f_part.label"), &r.arena, &p, &n))
        status = tc_bind_path(&r.binding, &p,
                              STR("a label of some length, so that memory is asked for"));
    if (status == TC_OK)
        status = tc_bind_query(&r.binding, str_c(run->query), &none);
    if (status == TC_OK)
        status = tc_binding_write(&r.binding, &out);
    assert_true(status == TC_OK || status == TC_NOMEM);
    buf_release(&out);
    end(&r);
    return status == TC_OK;
}

static void binding_survives_any_failed_allocation(void **state)
{
    struct set s = set_load("kitchen_sink.pb");
    struct bind_run run = {
        set_message(&s, "kitchen.Sink"),
        "n%61me=%41&fSink.fSink.name=y&rString=a&rString=b&mString[k]=v&mString[l]=w&"
        "kTimestamp=2024-01-02T03:04:05Z&kMask=a,b&wInt64=5&rInt32=1&rInt32=2&"
        "fPart.label=a+label+of+some+length,+so+that+memory+is+asked+for"};

    (void)state;
    assert_true(failmalloc_each(bind_once, &run) > 10);
    set_release(&s);
}

/* ---- paths of fields ---- */

static void a_field_path_resolves_by_both_names_and_says_how_far_it_got(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        size_t known;
    } cases[] = {
        {"name", true, 1},
        {"f_part.screw.of.label", true, 4},
        {"fPart.screw.turns", true, 3},
        {"f_part", true, 1},
        {"r_int32", true, 1},
        {"k_timestamp.seconds", true, 2},
        {"nme", false, 0},
        {"f_part.nme", false, 1},
        {"name.x", false, 0},
        {"r_part.number", false, 0},
        {"m_to_part.key", false, 0},
        {"", false, 0},
        {".", false, 0},
        {"f_part.", false, 1},
        {"f_part..label", false, 1},
    };
    struct set s = set_load("kitchen_sink.pb");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tc_field_path p;
        size_t known = 99;
        bool ok = tc_field_path_resolve(set_message(&s, "kitchen.Sink"), str_c(cases[i].text),
                                        &s.arena, &p, &known);
        if (ok != cases[i].ok || known != cases[i].known)
            fail_msg("%s: %d, %zu parts", cases[i].text, ok, known);
        if (ok)
            assert_int_equal(p.n, known);
    }
    set_release(&s);
}

static void a_zeroed_binding_may_be_released(void **state)
{
    struct tc_binding b = {.root = NULL};

    (void)state;
    tc_binding_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_parameters_become_the_message_that_their_names_say),
        cmocka_unit_test(a_wrong_parameter_is_refused_with_its_field_and_name),
        cmocka_unit_test(names_are_shown_whole_or_cut_between_two_characters),
        cmocka_unit_test(recursion_by_names_has_a_bound),
        cmocka_unit_test(a_parameter_for_what_the_body_carries_is_unknown),
        cmocka_unit_test(unknown_parameters_are_skipped_when_asked_but_wrong_values_are_not),
        cmocka_unit_test(path_variables_bind_nested_fields_of_every_type),
        cmocka_unit_test(a_query_may_repeat_but_not_change_what_the_path_has_bound),
        cmocka_unit_test(nodes_say_whether_the_path_has_set_them),
        cmocka_unit_test(groups_are_written_between_their_tags),
        cmocka_unit_test(packed_elements_keep_a_right_length_however_many_they_are),
        cmocka_unit_test(an_output_that_is_too_small_is_left_as_it_was),
        cmocka_unit_test(no_query_of_8_KiB_holds_the_worker_for_10_ms),
        cmocka_unit_test(binding_survives_any_failed_allocation),
        cmocka_unit_test(a_field_path_resolves_by_both_names_and_says_how_far_it_got),
        cmocka_unit_test(a_zeroed_binding_may_be_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
