#include "gateway/policy/policy_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/policies.h"
#include "transcoder/wire.h"

/* ---- what is wrong in the .proto ---- */

#define AT(line) "policy_bad.proto:" #line

static const struct policy_fault mistakes[] = {
    {AT(10), "timeout: \"10 seconds\" is no duration; write a number with one unit"},
    {AT(40), "upstream: \"mian\" is neither a cluster of the configuration nor an endpoint"},
    {AT(42), "the http rule names no path"},
    {AT(45), "get: \"/v1/{name\": byte 9 (the end): \"}\" is expected here"},
    {AT(48), "get: variable {nmae}: bad.Request has no field \"nmae\"; did you mean \"name\"?"},
    {AT(51), "get: variable {part.title}: bad.Part has no field \"title\""},
    {AT(54), "get: variable {name.x}: \"name\" of bad.Request is no singular message"},
    {AT(57), "get: variable {parts.name}: \"parts\" of bad.Request is no singular message"},
    {AT(60), "get: variable {tags}: the field is repeated"},
    {AT(63), "get: variable {labels}: the field is a map"},
    {AT(66),
     "get: variable {part}: a bad.Part cannot be written in a path; bind one of its fields"},
    {AT(69), "get: variable {at.seconds}: google.protobuf.Timestamp is written as one JSON value"},
    {AT(72), "get: \"/v10/{part.name}/{part.name=x}\": byte 18 (\"part.name=x}\"): variable "
             "\"part.name\" stands twice"},
    {AT(75), "get: variables {left} and {right} set two members of one oneof"},
    {AT(78), "body: a GET request has no body"},
    {AT(81), "...\"prat\"; did you mean \"part\"?"},
    {AT(84), "body: \"part.name\" is a path"},
    {AT(87), "body: \"name\" is bound by the path already"},
    {AT(90), "response_body: bad.Request has no field \"answer\""},
    {AT(93), "additional_bindings[0].additional_bindings: additional bindings do not nest"},
    {AT(99), "custom.kind: \"BAD KIND\" is no HTTP method"},
    {AT(102), "body: is missing; the messages of a client stream come in the body"},
    {AT(105), "selector: stays empty beside an rpc, or is its name bad.Http.ForeignSelector"},
    {AT(108), "additional_bindings[0].get: variable {b}: bad.Request has no field \"b\""},
    {AT(114), "timeout: \"30\" is no duration"},
    {AT(117), "stream.keepalive: \"1d\" is no duration"},
    {AT(120), "max_request_bytes: 0 would refuse every message"},
    {AT(120), "max_response_bytes: 99999999 is above the ceiling of 2097152; lower it or raise "
              "bounds.response_bytes"},
    {AT(120), "json.indent: 9 spaces a level are too many, at most 8 are allowed"},
    {AT(123), "route[0]: has no condition"},
    {AT(126), "route[0].to: is missing"},
    {AT(129), "...did you mean \"canary\"?"},
    {AT(132), "upstream: \"localhost:99999\" is neither"},
    {AT(135), "route[0].header: \"x y\" is no header name"},
    {AT(138), "route[1]: can never be reached: route[0] has the same condition"},
    {AT(144), "route[1]: can never be reached: route[0] takes every value of the same subject"},
    {AT(150), "route[0].field: bad.Request has no field \"modle\""},
    {AT(153), "route[0].field: is empty"},
    {AT(156), "route[0].field: \"name\" of bad.Request is no singular message"},
    {AT(159), "route[0].field: \"part\" is a message"},
    {AT(162), "route[0].field: \"tags\" is repeated"},
    {AT(165), "route[0].field: \"raw\" is of type bytes"},
    {AT(168), "route[0].equals: enum bad.Kind has no value \"REDY\"; did you mean \"READY\"?"},
    {AT(171), "route[0].equals: \"yes\" can never match a bool"},
    {AT(174), "route[0].equals: \"007\" can never match this integer"},
    {AT(177), "route[0].equals: \"0.50\" can never match this number"},
    {AT(193), "body: \"right\" and \"left\", which the path sets, are members of one oneof"},
    {AT(196), "body: \"at\" and \"part\", which the path sets, are members of one oneof"},
    {AT(199), "get: variable {count}: its pattern has 2 segments, but no value of this field has a "
              "slash"},
    {AT(202), "get: variable {count}: no value of this field fits its pattern: \"many\" is not a"},
    {AT(205), "get: variable {kind}: no value of this field fits its pattern: \"REDY\""},
    {AT(208), "custom.kind: CONNECT asks for a proxy"},
    {AT(211),
     "get: \"/n8/{name=**}/meta\": byte 14 (\"meta\"): \"**\" takes the rest of the path, so "
     "it must be the last segment; only a \":verb\" may follow it"},
    {AT(186), "\"GET /twins/{left=*}\" of bad.Twins.Second takes the same requests as \"GET "
              "/twins/{name}\" of "
              "bad.Twins.First (policy_bad.proto:183)"},
};

static void every_mistake_is_reported_with_its_line_and_its_remedy(void **state)
{
    struct policies r = policies_begin("policy_bad.pb");

    (void)state;
    r.in.default_upstream = "main";
    policies_compile(&r);
    CHECK_FAULTS(&r, mistakes);
    set_release(&r.set);
}

/* The set without field 9 (source_code_info) of its files. */
static struct str without_source(struct str set, struct arena *a)
{
    struct buf out, file_out;
    struct tc_wire_field file, f;

    buf_init(&out, set.n);
    while (tc_wire_next(&set, &file) == TC_OK) {
        buf_init(&file_out, file.bytes.n);
        for (const char *from = file.bytes.p; tc_wire_next(&file.bytes, &f) == TC_OK;
             from = file.bytes.p)
            if (f.number != 9)
                assert_true(buf_add(&file_out, str_of(from, (size_t)(file.bytes.p - from))));
        assert_true(tc_put_bytes(&out, 1, buf_str(&file_out)));
        buf_release(&file_out);
    }
    struct str copy = arena_copy(a, buf_str(&out));
    buf_release(&out);
    return copy;
}

static void without_source_info_the_rpc_is_the_place(void **state)
{
    struct policies r = policies_begin("policy_bad.pb");

    (void)state;
    tc_faults_init(&r.faults, &r.set.arena);
    r.in.schema = schema_compile(without_source(r.set.bytes, &r.set.arena), &r.set.arena,
                                 &r.faults);
    assert_non_null(r.in.schema);
    r.in.default_upstream = "main";
    policies_compile(&r);
    const struct policy_fault some[] = {
        {"policy_bad.proto", "timeout: "},
        {"bad.Http", "upstream: "},
        {"bad.Http/NoPattern", "the http rule"},
    };
    const struct tc_fault *f = r.faults.first;
    for (size_t i = 0; i < 3; i++, f = f->next)
        if (!policies_is(f, &some[i]))
            fail_msg("%.*s: %.*s", STR_ARG(f->place), STR_ARG(f->text));
    assert_int_equal(r.faults.count, sizeof mistakes / sizeof *mistakes);
    set_release(&r.set);
}

static void an_option_of_a_later_postern_is_refused_by_its_number(void **state)
{
    static const struct policy_fault faults[] = {
        {"policy_future.proto:39",
         "this build of postern does not execute option 17 of postern.v1.Policy"},
        {"policy_future.proto:44",
         "this build of postern does not execute option 17 of postern.v1.Policy"},
        {"policy_future.proto:46", "...update postern or remove it"},
        {"policy_future.proto:49",
         "route[1]: this build of postern does not execute option 9 of postern.v1.Route"},
        {"policy_future.proto:49",
         "json: this build of postern does not execute option 30 of postern.v1.Json"},
        {"policy_future.proto:56", "timeout: is not encoded as its type asks for"},
    };
    struct policies r = policies_begin("policy_future.pb");

    (void)state;
    r.in.default_upstream = "main";
    policies_compile(&r);
    CHECK_FAULTS(&r, faults);
    set_release(&r.set);
}

static void rpcs_that_nobody_serves_are_named_once_per_service(void **state)
{
    static const struct policy_fault faults[] = {
        {"demo/v1/echo.proto:11",
         "nobody serves demo.v1.Echo.Echo and 3 more of its service: give --upstream"},
    };
    struct policies r = policies_begin("demo/v1/echo.pb");

    (void)state;
    policies_compile(&r);
    CHECK_FAULTS(&r, faults);
    r.in.names_open = true;
    policies_compile_well(&r);
    assert_int_equal(r.plan->policies[0].cluster, PLAN_NO_CLUSTER);
    set_release(&r.set);
}

static void a_wrong_upstream_flag_is_said_once(void **state)
{
    static const struct policy_fault faults[] = {{"--upstream", "\"mane\" is neither a cluster"}};
    struct policies r = policies_begin("demo/v1/echo.pb");

    (void)state;
    r.in.default_upstream = "mane";
    policies_compile(&r);
    CHECK_FAULTS(&r, faults);
    set_release(&r.set);
}

/* ---- hostile options ---- */

/* A schema of one RPC whose options are `bytes`. */
static void check_options(struct str bytes, const char *sentence)
{
    static const struct tc_message message = {.full_name = STR_INIT("t.M")};
    static const struct tc_file file = {.name = STR_INIT("t.proto")};
    struct tc_service service = {.full_name = STR_INIT("t.S"), .file = &file, .nmethods = 1};
    struct tc_method method = {.name = STR_INIT("R"),
                               .full_name = STR_INIT("t.S.R"),
                               .path = STR_INIT("/t.S/R"),
                               .input = &message,
                               .output = &message,
                               .service = &service};
    struct tc_schema schema = {.services = &service, .nservices = 1};
    struct policy_input in = {.schema = &schema, .default_upstream = "a:1"};
    struct tc_faults faults;
    struct arena a;

    arena_init(&a, 4096, 1 << 20);
    tc_faults_init(&faults, &a);
    method.options.bytes = bytes;
    service.methods = &method;
    assert_null(policy_compile(&in, &a, &faults));
    assert_true(str_eq(faults.first->place, STR("t.S/R")));
    if (!strstr(faults.first->text.p, sentence))
        fail_msg("%.*s", STR_ARG(faults.first->text));
    arena_release(&a);
}

static void wrap(struct buf *out, uint32_t number, struct str inner)
{
    buf_init(out, 1 << 16);
    assert_true(tc_put_bytes(out, number, inner));
}

static void malformed_options_never_reach_the_unpacker(void **state)
{
    static const struct {
        struct str bytes;
        const char *sentence;
    } cases[] = {
        {STR_INIT("\x0a\x05"
                  "ab"),
         "malformed protobuf"}, /* a cut string */
        {STR_INIT("\x0a\x02"
                  "a\0"),
         "upstream: must be UTF-8 without NUL"},
        {STR_INIT("\x0a\x01\xff"), "upstream: must be UTF-8 without NUL"},
        {STR_INIT("\x08\x01"), "upstream: is not encoded as its type asks for"},
        {STR_INIT("\x2a\x02\x08"), "malformed protobuf"},
        {STR_INIT("\x2a\x02\x0a\x00"), "json.ignore_unknown_fields: is not encoded"},
        {STR_INIT("\x8a\x01\x00"), "option 17 of postern.v1.Policy"},
        {STR_INIT("\x12\x00\x12\x03\x52\x01x"),
         "route[1]: this build of postern does not execute option 10"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf options;
        wrap(&options, OPTION_POSTERN, cases[i].bytes);
        check_options(buf_str(&options), cases[i].sentence);
        buf_release(&options);
    }
}

static void bindings_nested_without_end_do_not_exhaust_the_stack(void **state)
{
    struct buf inner, outer;

    (void)state;
    wrap(&inner, 2, STR("/x"));
    for (int i = 0; i < 5000; i++) {
        wrap(&outer, 11, buf_str(&inner));
        buf_release(&inner);
        inner = outer;
    }
    wrap(&outer, OPTION_HTTP, buf_str(&inner));
    check_options(buf_str(&outer), "nested too deeply");
    buf_release(&inner);
    buf_release(&outer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_reported_with_its_line_and_its_remedy),
        cmocka_unit_test(without_source_info_the_rpc_is_the_place),
        cmocka_unit_test(an_option_of_a_later_postern_is_refused_by_its_number),
        cmocka_unit_test(rpcs_that_nobody_serves_are_named_once_per_service),
        cmocka_unit_test(a_wrong_upstream_flag_is_said_once),
        cmocka_unit_test(malformed_options_never_reach_the_unpacker),
        cmocka_unit_test(bindings_nested_without_end_do_not_exhaust_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
