#include "gateway/upstream/reflect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/reflection_server.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/sets.h"
#include "transcoder/wire.h"

enum { TIMEOUT_MS = 5000, SHORT_MS = 200 };

#define SERVICE STR("demo.v1.TextGeneration")
#define FILE_OF_SERVICE STR("demo/v1/text_generation.proto")

static const struct reflection_script honest = {
    .service = STR_INIT("demo.v1.TextGeneration"),
    .file = STR_INIT("demo/v1/text_generation.proto"),
    .from = REFLECTION_NEVER,
};

/* The server's files; theirs is the memory. */
static struct arena memory;
static struct str set_of_demo;

struct outcome {
    struct arena arena;
    struct tc_faults faults;
    struct buf set;
    bool ok;
};

static void ask_patiently(struct outcome *o, const char *endpoint, struct reflect_budget budget)
{
    struct str address = str_c(endpoint);
    struct cluster_config cluster = cluster_config_of_endpoint(&address);
    arena_init(&o->arena, 64 << 10, 64 << 20);
    tc_faults_init(&o->faults, &o->arena);
    buf_init(&o->set, TC_SCHEMA_MAX_BYTES);
    o->ok = reflect_schema(&cluster, budget, &o->set, &o->faults);
}

static void ask(struct outcome *o, const char *endpoint, uint32_t timeout_ms)
{
    ask_patiently(o, endpoint, (struct reflect_budget){.total_ms = timeout_ms});
}

static void release(struct outcome *o)
{
    buf_release(&o->set);
    arena_release(&o->arena);
}

static struct reflection_server *serve(const struct reflection_script *script)
{
    struct reflection_server *s = reflection_server_start(set_of_demo, script);
    assert_non_null(s);
    return s;
}

static uint32_t files_in(struct str set)
{
    struct tc_wire_field f;
    uint32_t n = 0;
    while (tc_wire_next(&set, &f) == TC_OK)
        n++;
    return n;
}

/* Asks `s` and wants what came to be the demo's schema. */
static void expect_schema(const struct reflection_server *s)
{
    struct outcome o;
    ask(&o, s->name, TIMEOUT_MS);
    if (!o.ok)
        fail_msg("%.*s", STR_ARG(o.faults.first->text));
    assert_int_equal(o.faults.count, 0);
    const struct tc_schema *schema = schema_compile(buf_str(&o.set), &o.arena, &o.faults);
    assert_non_null(schema);
    assert_non_null(tc_schema_message(schema, STR("demo.v1.GenerateRequest")));
    assert_non_null(tc_schema_message(schema, STR("google.protobuf.Struct")));
    release(&o);
}

static void expect_fault(const char *endpoint, uint32_t timeout_ms, const char *text)
{
    struct outcome o;
    ask(&o, endpoint, timeout_ms);
    assert_false(o.ok);
    assert_int_equal(o.faults.count, 1);
    assert_string_equal(o.faults.first->place.p, endpoint);
    if (!strstr(o.faults.first->text.p, text))
        fail_msg("\"%s\" is not in \"%s\"", text, o.faults.first->text.p);
    release(&o);
}

/* ---- what is understood ---- */

static void imports_that_do_not_come_along_are_asked_for_once(void **state)
{
    (void)state;
    struct reflection_server *s = serve(&honest);
    expect_schema(s);
    assert_int_equal(s->seen.for_files, files_in(set_of_demo) - 1);
    assert_int_equal(s->seen.questions, files_in(set_of_demo) + 1);
    reflection_server_stop(s);
}

static void a_server_that_sends_all_at_once_is_not_asked_again(void **state)
{
    (void)state;
    struct reflection_script script = honest;
    script.closure = true;
    struct reflection_server *s = serve(&script);
    expect_schema(s);
    assert_int_equal(s->seen.for_files, 0);
    assert_int_equal(s->seen.questions, 2);
    reflection_server_stop(s);
}

static void v1alpha_is_asked_where_v1_is_unknown(void **state)
{
    (void)state;
    struct reflection_script script = honest;
    script.no_v1 = true;
    struct reflection_server *s = serve(&script);
    expect_schema(s);
    assert_int_equal(s->seen.streams, 2);
    reflection_server_stop(s);
}

static void the_stream_is_ended_not_torn(void **state)
{
    (void)state;
    struct reflection_server *s = serve(&honest);
    expect_schema(s);
    usleep(20000);
    assert_int_equal(s->seen.half_closes, 1);
    assert_int_equal(s->seen.resets, 0);
    reflection_server_stop(s);
}

/* Files that are imported for their options alone are often not linked into a server. */
static void a_file_that_only_carries_options_may_be_missing(void **state)
{
    (void)state;
    struct reflection_script script = honest;
    script.missing[0] = STR("google/api/annotations.proto");
    struct reflection_server *s = serve(&script);
    expect_schema(s);
    reflection_server_stop(s);
}

static void a_file_that_is_needed_and_missing_is_named(void **state)
{
    (void)state;
    struct outcome o;
    struct reflection_script script = honest;
    script.missing[0] = STR("google/protobuf/struct.proto");
    struct reflection_server *s = serve(&script);
    ask(&o, s->name, TIMEOUT_MS);
    assert_true(o.ok);
    assert_null(schema_compile(buf_str(&o.set), &o.arena, &o.faults));
    assert_non_null(strstr(o.faults.first->text.p, "google/protobuf/struct.proto"));
    release(&o);
    reflection_server_stop(s);
}

/* ---- what is refused ---- */

static void a_server_without_reflection_is_told_from_others(void **state)
{
    (void)state;
    struct reflection_script script = honest;
    script.no_v1 = script.no_v1alpha = true;
    struct reflection_server *s = serve(&script);
    expect_fault(s->name, TIMEOUT_MS, "does not offer it; give --descriptors");
    assert_int_equal(s->seen.streams, 2);
    reflection_server_stop(s);
}

static void a_server_that_is_not_there_is_a_fault_at_once(void **state)
{
    (void)state;
    uint64_t start = uv_hrtime();
    expect_fault("127.0.0.1:1", TIMEOUT_MS, "127.0.0.1:1");
    assert_true(uv_hrtime() - start < TIMEOUT_MS * UINT64_C(500000));
}

static void a_server_that_never_comes_is_waited_for_as_long_as_was_said(void **state)
{
    (void)state;
    struct outcome o;
    uint64_t start = uv_hrtime();
    ask_patiently(&o, "127.0.0.1:1", (struct reflect_budget){TIMEOUT_MS, 800});
    uint64_t took_ms = (uv_hrtime() - start) / 1000000;
    assert_in_range(took_ms, 400, 1500); /* a pause that would end later is not begun */
    assert_false(o.ok);
    assert_int_equal(o.faults.count, 1);
    assert_non_null(strstr(o.faults.first->text.p, "connection to 127.0.0.1:1"));
    release(&o);
}

/* Its patience is longer than its time: what is told is the reason, not that time is up. */
static void what_kept_the_server_away_is_told_when_time_is_up(void **state)
{
    (void)state;
    struct outcome o;
    ask_patiently(&o, "127.0.0.1:1", (struct reflect_budget){700, 5000});
    assert_false(o.ok);
    assert_non_null(strstr(o.faults.first->text.p, "connection to 127.0.0.1:1"));
    release(&o);
}

/* What came before the stream broke is forgotten, and nothing is in the set twice. */
static void a_server_that_is_unavailable_for_now_is_asked_again_from_the_start(void **state)
{
    (void)state;
    for (uint32_t from = 0; from < 4; from++) {
        struct outcome o;
        struct reflection_script script = honest;
        script.from = from;
        script.times = 2;
        script.ending = "grpc-status: 14\ngrpc-message: starting\n";
        struct reflection_server *s = serve(&script);
        ask_patiently(&o, s->name, (struct reflect_budget){TIMEOUT_MS, TIMEOUT_MS});
        if (!o.ok)
            fail_msg("%u: %.*s", from, STR_ARG(o.faults.first->text));
        assert_int_equal(o.faults.count, 0);
        assert_int_equal(s->seen.streams, 3);
        assert_int_equal(files_in(buf_str(&o.set)), files_in(set_of_demo));
        release(&o);
        reflection_server_stop(s);
    }
}

static void a_service_without_a_description_is_named(void **state)
{
    (void)state;
    struct reflection_script script = honest;
    script.missing[0] = FILE_OF_SERVICE;
    struct reflection_server *s = serve(&script);
    expect_fault(s->name, TIMEOUT_MS, "does not describe demo.v1.TextGeneration: no such file");
    reflection_server_stop(s);
}

/* Answers are written as protobuf's bytes. */
static const struct {
    const char *name;
    uint32_t from;
    struct str instead;
    const char *ending;
    bool reset;
    const char *text;
} bad[] = {
    {"bytes that are no message", 0, STR_INIT("\x32\x7f"), NULL, false, "no ServerReflectionR"},
    {"an empty answer", 0, STR_INIT("\x0a\x00"), NULL, false, "none to the question for *"},
    {"files for services", 0, STR_INIT("\x22\x00"), NULL, false, "none to the question for *"},
    {"services for files", 1, STR_INIT("\x32\x00"), NULL, false, "none to the question for demo"},
    {"no services", 0, STR_INIT("\x32\x00"), NULL, false, "no service but reflection"},
    {"a list that is cut", 0, STR_INIT("\x32\x02\x0a\x05"), NULL, false, "no ServerReflectionR"},
    {"a file that is none", 1, STR_INIT("\x22\x04\x0a\x02\x0a\x05"), NULL, false, "is none, or"},
    {"a file without a name", 1, STR_INIT("\x22\x04\x0a\x02\x12\x00"), NULL, false, "no name"},
    {"an end too soon", 1, {NULL, 0}, "grpc-status: 0\n", false, "ended the stream before"},
    {"a status", 1, {NULL, 0}, "grpc-status: 7\ngrpc-message: not%0Ayou\n", false, "not"},
    {"UNIMPLEMENTED in the middle", 1, {NULL, 0}, "grpc-status: 12\n", false, "UNIMPLEMENTED"},
    {"a reset", 1, {NULL, 0}, NULL, true, "reset"},
};

static void answers_that_make_no_sense_are_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reflection_script script = honest;
        script.from = bad[i].from;
        script.instead = bad[i].instead;
        script.ending = bad[i].ending;
        script.reset = bad[i].reset;
        print_message("%s\n", bad[i].name);
        struct reflection_server *s = serve(&script);
        expect_fault(s->name, TIMEOUT_MS, bad[i].text);
        reflection_server_stop(s);
    }
}

static void silence_ends_with_the_time_that_was_given(void **state)
{
    (void)state;
    struct reflection_script script = honest;
    script.from = 1;
    struct reflection_server *s = serve(&script);
    expect_fault(s->name, SHORT_MS, "deadline");
    reflection_server_stop(s);
}

static void what_a_server_says_cannot_break_a_line(void **state)
{
    (void)state;
    struct outcome o;
    struct reflection_script script = honest;
    script.from = 0;
    script.ending = "grpc-status: 7\ngrpc-message: a%0Ab%1B[2J\n";
    struct reflection_server *s = serve(&script);
    ask(&o, s->name, TIMEOUT_MS);
    assert_false(o.ok);
    for (size_t i = 0; i < o.faults.first->text.n; i++)
        assert_in_range(o.faults.first->text.p[i], ' ', '~');
    release(&o);
    reflection_server_stop(s);
}

/* ---- ceilings ---- */

static void put_nested(struct buf *out, uint32_t number, struct buf *content)
{
    assert_true(tc_put_bytes(out, number, buf_str(content)));
    buf_release(content);
}

/* `n` services, or files, of names that differ. */
static struct buf many(uint32_t answer, uint32_t n, size_t name_bytes)
{
    struct buf list, out;
    char name[8192];
    buf_init(&list, 64 << 20);
    buf_init(&out, 64 << 20);
    for (uint32_t i = 0; i < n; i++) {
        struct buf item;
        memset(name, 'x', sizeof name);
        int digits = snprintf(name, sizeof name, "%u", i);
        name[digits] = 'x';
        buf_init(&item, sizeof name + 16);
        assert_true(tc_put_bytes(&item, 1, str_of(name, name_bytes)));
        put_nested(&list, 1, &item);
    }
    put_nested(&out, answer, &list);
    return out;
}

static void more_names_than_are_believable_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t from, answer, n;
        size_t name;
    } cases[] = {{0, 6, 9000, 8}, {1, 4, 9000, 8}, {0, 6, 1, 5000}, {1, 4, 1, 5000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf answer = many(cases[i].answer, cases[i].n, cases[i].name);
        struct reflection_script script = honest;
        script.from = cases[i].from;
        script.instead = buf_str(&answer);
        struct reflection_server *s = serve(&script);
        expect_fault(s->name, TIMEOUT_MS, "believable");
        reflection_server_stop(s);
        buf_release(&answer);
    }
}

/* ---- every cut, every failing allocation ---- */

static void an_answer_that_is_cut_anywhere_is_a_fault(void **state)
{
    (void)state;
    struct buf answer = many(6, 3, 12);
    struct reflection_script script = honest;
    script.from = 0;
    script.instead = buf_str(&answer);
    struct reflection_server *s = serve(&script);
    for (size_t cut = 1; cut < answer.n; cut++) {
        struct outcome o;
        s->script.cut = cut;
        ask(&o, s->name, TIMEOUT_MS);
        assert_false(o.ok);
        assert_non_null(strstr(o.faults.first->text.p, "no ServerReflectionResponse"));
        release(&o);
    }
    reflection_server_stop(s);
    buf_release(&answer);
}

/* The transport may do without what it could not get: then all has come. */
static void any_allocation_may_fail(void **state)
{
    (void)state;
    struct reflection_server *s = serve(&honest);
    bool failed = true;
    for (size_t i = 0; failed; i++) {
        struct outcome o;
        failmalloc_start(i);
        ask(&o, s->name, SHORT_MS);
        failed = failmalloc_stop();
        assert_true(failed || o.ok);
        if (o.ok)
            assert_int_equal(files_in(buf_str(&o.set)), files_in(set_of_demo));
        else
            assert_true(o.faults.count > 0);
        release(&o);
    }
    reflection_server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imports_that_do_not_come_along_are_asked_for_once),
        cmocka_unit_test(a_server_that_sends_all_at_once_is_not_asked_again),
        cmocka_unit_test(v1alpha_is_asked_where_v1_is_unknown),
        cmocka_unit_test(the_stream_is_ended_not_torn),
        cmocka_unit_test(a_file_that_only_carries_options_may_be_missing),
        cmocka_unit_test(a_file_that_is_needed_and_missing_is_named),
        cmocka_unit_test(a_server_without_reflection_is_told_from_others),
        cmocka_unit_test(a_server_that_is_not_there_is_a_fault_at_once),
        cmocka_unit_test(a_server_that_never_comes_is_waited_for_as_long_as_was_said),
        cmocka_unit_test(what_kept_the_server_away_is_told_when_time_is_up),
        cmocka_unit_test(a_server_that_is_unavailable_for_now_is_asked_again_from_the_start),
        cmocka_unit_test(a_service_without_a_description_is_named),
        cmocka_unit_test(answers_that_make_no_sense_are_faults),
        cmocka_unit_test(silence_ends_with_the_time_that_was_given),
        cmocka_unit_test(what_a_server_says_cannot_break_a_line),
        cmocka_unit_test(more_names_than_are_believable_are_refused),
        cmocka_unit_test(an_answer_that_is_cut_anywhere_is_a_fault),
        cmocka_unit_test(any_allocation_may_fail),
    };
    arena_init(&memory, 64 << 10, 64 << 20);
    set_of_demo = set_read(&memory, "demo/v1/text_generation.pb");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&memory);
    return failed;
}
