#include "transcoder/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/decode_schema.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "transcoder/wire.h"

static void every_code_has_a_name_and_an_http_status(void **state)
{
    static const struct {
        const char *name;
        int http;
    } codes[] = {
        {"OK", 200},
        {"CANCELLED", 499},
        {"UNKNOWN", 500},
        {"INVALID_ARGUMENT", 400},
        {"DEADLINE_EXCEEDED", 504},
        {"NOT_FOUND", 404},
        {"ALREADY_EXISTS", 409},
        {"PERMISSION_DENIED", 403},
        {"RESOURCE_EXHAUSTED", 429},
        {"FAILED_PRECONDITION", 400},
        {"ABORTED", 409},
        {"OUT_OF_RANGE", 400},
        {"UNIMPLEMENTED", 501},
        {"INTERNAL", 500},
        {"UNAVAILABLE", 503},
        {"DATA_LOSS", 500},
        {"UNAUTHENTICATED", 401},
    };
    (void)state;
    assert_int_equal(sizeof codes / sizeof *codes, TC_CODE_COUNT);
    for (unsigned i = 0; i < TC_CODE_COUNT; i++) {
        enum tc_code code = TC_CODE_COUNT;
        assert_true(str_eq(tc_code_name((enum tc_code)i), str_c(codes[i].name)));
        assert_true(tc_code_from_name(str_c(codes[i].name), &code));
        assert_int_equal(code, i);
        assert_int_equal(tc_code_to_http((enum tc_code)i), codes[i].http);
    }
}

static void unknown_codes_are_unknown(void **state)
{
    enum tc_code code = TC_CODE_ABORTED;
    (void)state;
    assert_true(str_eq(tc_code_name((enum tc_code)17), STR("UNKNOWN")));
    assert_int_equal(tc_code_to_http((enum tc_code) - 1), 500);
    assert_false(tc_code_from_name(STR("ok"), &code));
    assert_int_equal(code, TC_CODE_ABORTED);
}

static void http_statuses_map_to_codes(void **state)
{
    static const struct {
        int http;
        enum tc_code code;
    } map[] = {
        {400, TC_CODE_INTERNAL},          {401, TC_CODE_UNAUTHENTICATED},
        {403, TC_CODE_PERMISSION_DENIED}, {404, TC_CODE_UNIMPLEMENTED},
        {429, TC_CODE_UNAVAILABLE},       {502, TC_CODE_UNAVAILABLE},
        {503, TC_CODE_UNAVAILABLE},       {504, TC_CODE_UNAVAILABLE},
        {500, TC_CODE_UNKNOWN},           {200, TC_CODE_UNKNOWN},
        {418, TC_CODE_UNKNOWN},           {0, TC_CODE_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        assert_int_equal(tc_code_from_http(map[i].http), map[i].code);
}

static void grpc_status_is_read_strictly(void **state)
{
    static const struct {
        struct str text;
        enum tc_code code;
    } texts[] = {
        {STR_INIT("0"), TC_CODE_OK},        {STR_INIT("16"), TC_CODE_UNAUTHENTICATED},
        {STR_INIT("17"), TC_CODE_UNKNOWN},  {STR_INIT(""), TC_CODE_UNKNOWN},
        {STR_INIT(" 0"), TC_CODE_UNKNOWN},  {STR_INIT("-1"), TC_CODE_UNKNOWN},
        {STR_INIT("0x0"), TC_CODE_UNKNOWN}, {STR_INIT("99999999999999999999"), TC_CODE_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(tc_code_parse(texts[i].text), texts[i].code);
}

/* ---- JSON */

static const struct tc_error where = {
    .status = TC_INVALID, .offset = 17, .path = "messages[3].\"x\"", .text = "expected a number"};
static const struct tc_error nowhere = {
    .status = TC_INVALID, .offset = TC_NO_OFFSET, .path = "", .text = "empty"};

#define ANY_URL "type.googleapis.com/google.rpc."
#define INFO_URL "type.googleapis.com/google.rpc.ErrorInfo"

/* Details as bytes of google.rpc.Status: `\x1a` and a length open an Any, `\x0a` its URL, `\x12`
 * its value. */
static const struct {
    const char *name;
    struct tc_error_info info;
    const char *json;
} cases[] = {
    {"plain",
     {TC_CODE_NOT_FOUND, STR_INIT("no \"x\""), {NULL, 0}, NULL},
     "{\"code\":5,\"message\":\"no \\\"x\\\"\",\"details\":[]}"},
    {"any bytes as message",
     {TC_CODE_INTERNAL, STR_INIT("\xff\n"), {NULL, 0}, NULL},
     "{\"code\":13,\"message\":\"\xef\xbf\xbd\\n\",\"details\":[]}"},
    {"where",
     {TC_CODE_INVALID_ARGUMENT, STR_INIT("bad"), {NULL, 0}, &where},
     "{\"code\":3,\"message\":\"bad\",\"details\":[{\"@type\":\"" ANY_URL
     "BadRequest\",\"fieldViolations\":[{\"field\":\"messages[3].\\\"x\\\"\","
     "\"description\":\"expected a number (at byte 17)\"}]}]}"},
    {"where without an offset",
     {TC_CODE_INVALID_ARGUMENT, STR_INIT("bad"), {NULL, 0}, &nowhere},
     "{\"code\":3,\"message\":\"bad\",\"details\":[{\"@type\":\"" ANY_URL
     "BadRequest\",\"fieldViolations\":[{\"field\":\"\",\"description\":\"empty\"}]}]}"},
    {"details of google.rpc, code and message beside them",
     {TC_CODE_ABORTED, STR_INIT("m"),
      STR_INIT("\x08\x05\x12\x01z"
               "\x1a\x40\x0a\x28" INFO_URL "\x12\x14\x0a\x01r\x12\x01"
               "d\x1a\x0c\x0a\x01k\x12\x07v\xc3\xa9\"\\/<"
               "\x1a\x30\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x18"),
      NULL},
     "{\"code\":10,\"message\":\"m\",\"details\":["
     "{\"@type\":\"" INFO_URL "\",\"reason\":\"r\",\"domain\":\"d\","
     "\"metadata\":{\"k\":\"v\xc3\xa9\\\"\\\\/<\"}},"
     "{\"@type\":\"" ANY_URL "RetryInfo\",\"retryDelay\":\"24s\"}]}"},
    {"details of the user's schema and unknown ones, after our own",
     {TC_CODE_ABORTED, STR_INIT(""),
      STR_INIT("\x1a\x0b\x0a\x05x/t.A\x12\x02\x08\x05\x1a\x0d\x0a\x07x/t.All\x12\x02\x08\x05"),
      &nowhere},
     "{\"code\":10,\"message\":\"\",\"details\":[{\"@type\":\"" ANY_URL
     "BadRequest\",\"fieldViolations\":[{\"field\":\"\",\"description\":\"empty\"}]},"
     "{\"@type\":\"x/t.A\",\"value\":\"CAU=\"},{\"@type\":\"x/t.All\",\"i32\":5}]}"},
    {"a detail that is not what its type says is shown as bytes, one that is no Any not at all",
     {TC_CODE_ABORTED, STR_INIT(""),
      STR_INIT(
          "\x1a\x02\x0a\xff\x1a\x0c\x0a\x07x/t.All\x12\x01\x08\x1a\x0c\x0a\x07x/t.All\x12\x01\x08"),
      NULL},
     "{\"code\":10,\"message\":\"\",\"details\":[{\"@type\":\"x/t.All\",\"value\":\"CA==\"},"
     "{\"@type\":\"x/t.All\",\"value\":\"CA==\"}]}"},
    {"malformed status",
     {TC_CODE_ABORTED, STR_INIT(""), STR_INIT("\x1a\x09\x0a\x07x/t.All\x1a\xff\xff"), NULL},
     "{\"code\":10,\"message\":\"\",\"details\":[{\"@type\":\"x/t.All\"}]}"},
};

static bool to_json(struct buf *out, const struct tc_error_info *info, size_t most)
{
    struct arena arena;
    arena_init(&arena, 4096, most);
    bool ok = tc_status_json(out, info, &test_schema, &arena);
    arena_release(&arena);
    return ok;
}

static void a_status_is_one_json_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, 4096);
        assert_true(to_json(&out, &cases[i].info, 1 << 20));
        if (!str_eq(buf_str(&out), str_c(cases[i].json)))
            fail_msg("%s: %.*s", cases[i].name, STR_ARG(buf_str(&out)));
        buf_release(&out);
    }
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t max = 2; max < strlen(cases[i].json) + 2; max++) {
            struct buf out;
            buf_init(&out, max);
            assert_true(buf_add(&out, STR("##")));
            assert_false(to_json(&out, &cases[i].info, 1 << 20));
            assert_true(str_eq(buf_str(&out), STR("##")));
            buf_release(&out);
        }
    }
}

static void cut_details_never_break_the_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t n = 0; n < cases[i].info.details.n; n++) {
            struct tc_error_info info = cases[i].info;
            struct guard cut = guard_copy(str_of(info.details.p, n));
            struct buf out;
            info.details = cut.s;
            buf_init(&out, 4096);
            assert_true(to_json(&out, &info, 1 << 20));
            assert_true(str_ends(buf_str(&out), info.where ? STR("]}") : STR("}")));
            buf_release(&out);
            guard_release(&cut);
        }
    }
}

static bool once(void *arg)
{
    const struct tc_error_info *info = arg;
    struct buf out;
    buf_init(&out, 4096);
    bool ok = to_json(&out, info, 1 << 20);
    assert_true(ok || out.n == 0);
    buf_release(&out);
    return ok;
}

static void a_failed_allocation_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tc_error_info info = cases[i].info;
        assert_true(failmalloc_each(once, &info) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_and_an_http_status),
        cmocka_unit_test(unknown_codes_are_unknown),
        cmocka_unit_test(http_statuses_map_to_codes),
        cmocka_unit_test(grpc_status_is_read_strictly),
        cmocka_unit_test(a_status_is_one_json_object),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(cut_details_never_break_the_json),
        cmocka_unit_test(a_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
