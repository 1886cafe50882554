#include "gateway/expr/seek.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"
#include "tests/unit/support/guard.h"

struct wire_row {
    const char *request, *source, *text;
};

static void wire_rows(struct eval_test *t, const struct wire_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        t->request = eval_wire(t, rows[i].request);
        struct str got = str_c(eval_text(t, rows[i].source)), want = str_c(rows[i].text);
        if (!(str_starts(want, STR("error: ")) ? str_starts(got, want) : str_eq(got, want)))
            fail_msg("%s of %s\n  is    %.*s\n  wants %s", rows[i].source, rows[i].request,
                     STR_ARG(got), rows[i].text);
    }
    t->request = STR("");
}
#define WIRE_ROWS(t, rows) wire_rows(t, rows, sizeof(rows) / sizeof *(rows))

static void scalars_are_read_as_what_they_are(void **state)
{
    static const struct wire_row rows[] = {
        {"1:'x'", "request.name", "\"x\""},
        {"4:-5", "request.f_int32", "-5"},
        {"4:4294967295", "request.f_int32", "-1"},
        {"5:-5", "request.f_int64", "-5"},
        {"6:7", "request.f_uint32", "7u"},
        {"7:-1", "request.f_uint64", "18446744073709551615u"},
        {"8:9", "request.f_sint32", "-5"},
        {"9:9", "request.f_sint64", "-5"},
        {"14:1", "request.f_bool", "true"},
        {"16:'ab'", "request.f_bytes", "b\"ab\""},
        {"17:1", "request.f_color", "1"},
        {"17:77", "request.f_color", "77"},
        {"", "request.name", "\"\""},
        {"", "request.f_int64", "0"},
        {"", "request.f_double", "0.0"},
        {"", "request.f_part", "kitchen.Sink.Part{}"},
        {"", "request.f_part.label", "\"\""},
        {"1:'\xff'", "request.name", "error: field name is not UTF-8"},
    };
    WIRE_ROWS(*state, rows);
}

static void the_last_value_wins_and_messages_merge(void **state)
{
    static const struct wire_row rows[] = {
        {"4:1 4:2", "request.f_int32", "2"},
        {"19:{1:5} 19:{2:'l'}", "request.f_part", "kitchen.Sink.Part{number: 5, label: \"l\"}"},
        {"19:{1:5} 4:1 19:{1:6 2:'l'} 19:{4:{1:1}} 19:{4:{2:{1:8}}}",
         "[request.f_part.number, request.f_part.screw.turns, request.f_part.screw.of.number]",
         "[6, 1, 8]"},
        {"21:{1:'a'} 21:{4:3}", "request.f_sink.name + string(request.f_sink.f_int32)", "\"a3\""},
        {"101:5 105:'s'", "request.o_string", "\"s\""},
        {"101:5 105:'s'", "has(request.o_int32)", "false"},
        {"101:5 105:'s' 101:6", "has(request.o_string)", "false"},
        {"101:5 105:'s' 101:6", "request.o_int32", "6"},
        {"108:{1:1} 101:5 108:{2:'x'}", "request.o_part", "kitchen.Sink.Part{label: \"x\"}"},
        {"101:5 114:'l'", "request.o_int32", "5"},
    };
    WIRE_ROWS(*state, rows);
}

static void has_follows_presence(void **state)
{
    static const struct wire_row rows[] = {
        {"", "has(request.name)", "false"},         {"1:''", "has(request.name)", "false"},
        {"1:'a'", "has(request.name)", "true"},     {"4:0", "has(request.f_int32)", "false"},
        {"123:0", "has(request.p_int32)", "true"},  {"19:{}", "has(request.f_part)", "true"},
        {"", "has(request.f_part)", "false"},       {"104:0", "has(request.o_bool)", "true"},
        {"33:[]", "has(request.r_int32)", "true"},  {"", "has(request.r_int32)", "false"},
        {"82:{}", "has(request.m_string)", "true"}, {"", "has(request.m_string)", "false"},
        {"143:{}", "has(request.w_int64)", "true"}, {"", "has(request.f_part.label)", "false"},
    };
    WIRE_ROWS(*state, rows);
}

static void repeated_fields_are_lists_packed_or_not(void **state)
{
    static const struct wire_row rows[] = {
        {"33:[1 2] 33:3 33:[4]", "request.r_int32", "[1, 2, 3, 4]"},
        {"53:[1 2] 53:3", "request.u_int32", "[1, 2, 3]"},
        {"33:[1 2] 1:'x' 33:3", "request.r_int32[2]", "3"},
        {"33:[5 6 7]", "request.r_int32.map(x, request.r_int32[0] + x)", "[10, 11, 12]"},
        {"33:[5 6 7]", "request.r_int32[2] + request.r_int32[0]", "12"},
        {"44:'a' 44:'b'", "request.r_string", "[\"a\", \"b\"]"},
        {"43:[1 0]", "request.r_bool", "[true, false]"},
        {"47:{2:'a'} 47:{2:'b'}", "request.r_part.map(p, p.label)", "[\"a\", \"b\"]"},
        {"46:[0 1 77]", "request.r_color", "[0, 1, 77]"},
        {"", "request.r_int32", "[]"},
        {"44:'a' 44:'\xff'", "request.r_string[0]", "\"a\""},
        {"44:'a' 44:'\xff'", "request.r_string[1]", "error: field r_string is not UTF-8"},
        {"33:[1 2 2]", "request.r_int32 == [1, 2, 2]", "true"},
        {"33:[1 2 2]", "2 in request.r_int32", "true"},
    };
    WIRE_ROWS(*state, rows);
}

static void map_fields_keep_the_last_of_a_key(void **state)
{
    static const struct wire_row rows[] = {
        {"82:{1:'a' 2:'x'} 82:{1:'b' 2:'y'} 82:{1:'a' 2:'z'}", "request.m_string",
         "{\"a\": \"z\", \"b\": \"y\"}"},
        {"82:{2:'x'} 82:{1:'k'}", "request.m_string", "{\"\": \"x\", \"k\": \"\"}"},
        {"82:{2:'x' 1:'k'}", "request.m_string.k", "\"x\""},
        {"74:{1:5 2:6}", "request.m_uint64[5u] + request.m_uint64[dyn(5)]", "12"},
        {"81:{1:1 2:1}", "request.m_bool[true]", "true"},
        {"87:{1:'p' 2:{1:5} 2:{2:'l'}}", "request.m_to_part['p']",
         "kitchen.Sink.Part{number: 5, label: \"l\"}"},
        {"89:{1:'v' 2:{3:'text'}}", "request.m_to_value", "{\"v\": \"text\"}"},
        {"89:{1:'v'}", "request.m_to_value.v", "null"},
        {"91:{1:'w' 2:{1:5}} 91:{1:'x'}", "request.m_to_wrapper", "{\"w\": 5, \"x\": 0}"},
        {"90:{1:'t' 2:{1:60}}", "request.m_to_timestamp.t", "timestamp(\"1970-01-01T00:01:00Z\")"},
    };
    WIRE_ROWS(*state, rows);
}

static void known_messages_are_what_they_mean(void **state)
{
    static const struct wire_row rows[] = {
        {"161:{1:1 2:5}", "request.k_timestamp", "timestamp(\"1970-01-01T00:00:01.000000005Z\")"},
        {"", "request.k_timestamp", "timestamp(\"1970-01-01T00:00:00Z\")"},
        {"161:{1:999999999999}", "request.k_timestamp", "error: timestamp out of range"},
        {"161:{2:-1}", "request.k_timestamp", "error: timestamp out of range"},
        {"162:{1:-1 2:-5}", "request.k_duration", "duration(\"-1.000000005s\")"},
        {"162:{1:1 2:-5}", "request.k_duration", "error: duration out of range"},
        {"", "request.w_int64", "null"},
        {"143:{}", "request.w_int64", "0"},
        {"143:{1:5}", "request.w_int64 == 5", "true"},
        {"", "request.w_int64 == null", "true"},
        {"150:{1:5} 150:{}", "request.rw_int64", "[5, 0]"},
        {"164:{1:{1:'a' 2:{4:1}} 1:{1:'b' 2:{6:{1:{3:'x'} 1:{1:0}}}}}", "request.k_struct",
         "{\"a\": true, \"b\": [\"x\", null]}"},
        {"164:{1:{1:'a' 2:{5:{1:{1:'c' 2:{3:'d'}}}}}}", "request.k_struct.a.c", "\"d\""},
        {"", "request.k_struct", "{}"},
        {"", "request.k_value", "null"},
        {"165:{3:'x' 4:1}", "request.k_value", "true"},
        {"165:{}", "request.k_value", "null"},
        {"166:{1:{4:1}}", "request.k_list", "[true]"},
        {"", "request.k_any", "null"},
        {"168:{1:'type.googleapis.com/kitchen.Sink.Part' 2:{2:'l'}}", "request.k_any.label",
         "\"l\""},
        {"168:{1:'type.googleapis.com/google.protobuf.Int64Value' 2:{1:5}}", "request.k_any", "5"},
        {"168:{1:'type.googleapis.com/no.Such' 2:''}", "request.k_any",
         "error: Any holds \"type.googleapis.com/no.Such\""},
        {"168:{1:'x/google.protobuf.Any' 2:{1:'y/google.protobuf.Duration' 2:{1:5}}}",
         "request.k_any", "duration(\"5s\")"},
        {"163:{1:'a' 1:'b'}", "request.k_mask.paths", "[\"a\", \"b\"]"},
    };
    WIRE_ROWS(*state, rows);
}

static void proto2_has_defaults_groups_and_closed_enums(void **state)
{
    static const struct {
        const char *two, *source, *text;
    } rows[] = {
        {"", "[two.d_double, two.d_inf]", "[-1.5e+300, double(\"inf\")]"},
        {"", "two.d_float < 0.1000001", "true"},
        {"", "[two.d_int32, two.d_sint64, two.d_sfixed64]", "[-2147483648, -1, -7]"},
        {"", "[two.d_uint64, two.d_fixed32, two.d_fixed64]", "[18446744073709551615u, 255u, 8u]"},
        {"", "two.d_string", "\"tab\\tquote\\\"nul\\x00end ü\""},
        {"", "two.d_bytes", "b\"\\x00\\xff\\\\x\""},
        {"", "[two.d_bool, two.d_nan == two.d_nan]", "[true, false]"},
        {"", "[two.d_level, two.level]", "[10, 1]"},
        {"13:0", "[has(two.d_int32), has(two.d_int64)]", "[true, false]"},
        {"31:5", "two.level", "5"},
        {"31:6", "has(two.level)", "false"},
        {"31:5 31:6", "two.level", "5"},
        {"32:5 32:6 32:10", "two.levels", "[5, 10]"},
        {"", "two.box.lid.open", "false"},
        {"1000:7", "two.`kitchen2.ext_int32`", "7"},
        {"", "two.`kitchen2.ext_int32`", "42"},
        {"61:'t'", "two.text", "\"t\""},
    };
    struct eval_test *t = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t->two = eval_wire(t, rows[i].two);
        const char *got = eval_text(t, rows[i].source);
        if (strcmp(got, rows[i].text) != 0)
            fail_msg("%s of %s\n  is    %s\n  wants %s", rows[i].source, rows[i].two, got,
                     rows[i].text);
    }
    /* 51: start group, 1: 5, 3: start group, 1: true, end group, end group; cut in two. */
    t->two = STR("\x9b\x03\x08\x05\x1b\x08\x01\x1c\x9c\x03\x9b\x03\x10\x06\x9c\x03");
    static const struct eval_row groups[] = {
        {"two.box.width", "5"},
        {"two.box.height", "6"},
        {"two.box.lid.open", "true"},
        {"has(two.box.lid)", "true"},
    };
    EVAL_ROWS(t, groups);
    t->two = STR_NONE;
}

static const char all_fields[] =
    "1:'n' 4:5 19:{1:5 4:{1:2}} 19:{2:'l'} 21:{1:'in' 19:{2:'p'}} 22:{1:'a'} 22:{1:'b'} "
    "33:[1 300 70000] 44:'x' 82:{1:'k' 2:'v'} 89:{1:'q' 2:{6:{1:{3:'z'}}}} 105:'o' 143:{1:5} "
    "161:{1:60} 164:{1:{1:'s' 2:{4:1}}} 168:{1:'t/kitchen.Sink.Part' 2:{2:'l'}}";
static const char *const readers[] = {
    "[request.name, request.f_part.label, request.f_sink.f_part.label, request.o_string]",
    "request.r_sink.map(s, s.name)",
    "[request.r_int32, request.m_string, request.m_to_value, request.k_struct, request.k_any]",
    "[request.w_int64, request.k_timestamp, has(request.f_part.screw)]",
    "request == kitchen.Sink{name: 'n'}",
    "string(request.f_int32) + request.name",
};

/* A message that is cut anywhere, at an unreadable page, is an error or a value, no more. */
static void cut_bytes_are_an_error_or_a_shorter_message(void **state)
{
    struct eval_test *t = *state;
    struct str whole = eval_wire(t, all_fields);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        const struct expr_program *p = eval_compile(t, readers[i]);
        for (size_t n = 0; n <= whole.n; n++) {
            struct guard g = guard_copy(str_of(whole.p, n));
            t->request = g.s;
            struct expr_value v = eval_run(t, p);
            if (v.kind == EXPR_ERROR)
                assert_int_not_equal(v.error->code, EXPR_FAIL_BUDGET);
            expr_value_text(&t->texts, &v, 1000);
            arena_reset(&t->texts);
            guard_release(&g);
        }
    }
    t->request = STR("");
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void damaged_bytes_never_lead_astray(void **state)
{
    struct eval_test *t = *state;
    struct str whole = eval_wire(t, all_fields);
    const struct expr_program *p[sizeof readers / sizeof *readers];
    uint32_t seed = 20260102;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        p[i] = eval_compile(t, readers[i]);
    for (int round = 0; round < 4000; round++) {
        struct guard g = guard_copy(whole);
        char *bytes = (char *)(uintptr_t)g.s.p;
        for (uint32_t k = 0; k <= next_random(&seed) % 3; k++)
            bytes[next_random(&seed) % g.s.n] = (char)next_random(&seed);
        t->request = g.s;
        struct expr_value v = eval_run(t, p[(size_t)round % (sizeof readers / sizeof *readers)]);
        expr_value_text(&t->texts, &v, 1000);
        arena_reset(&t->texts);
        guard_release(&g);
    }
    t->request = STR("");
}

/* A list longer than the bound, and an Any in an Any in an Any ... */
static void size_and_depth_are_bounded(void **state)
{
    struct eval_test *t = *state;
    char *packed = arena_alloc(&t->set.arena, 20100);
    memcpy(packed, "\x8a\x02\xa1\x9c\x01", 5); /* 33: LEN 20001 */
    t->request = str_of(packed, 5 + 20001);
    assert_string_equal(eval_text(t, "size(request.r_int32)"),
                        "error: r_int32 has more than 10000 elements");
    char *any = arena_alloc(&t->set.arena, 8192);
    static const char url[] = "\x0a\x15x/google.protobuf.Any";
    size_t n = 0, end = 8192;
    for (int depth = 0; depth < 90 && end > 64; depth++) {
        char head[8];
        size_t at = 0;
        if (n > 0) {
            head[at++] = 0x12;
            at += tc_varint_put(head + at, n);
        }
        end -= at;
        memcpy(any + end, head, at);
        end -= sizeof url - 1;
        memcpy(any + end, url, sizeof url - 1);
        n = 8192 - end;
    }
    char head[8] = {(char)0xc2, 0x0a}; /* 168: LEN */
    size_t at = 2 + tc_varint_put(head + 2, n);
    end -= at;
    memcpy(any + end, head, at);
    t->request = str_of(any + end, 8192 - end);
    assert_string_equal(eval_text(t, "request.k_any"),
                        "error: the expression takes more steps than it is given");
    t->request = STR("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_read_as_what_they_are),
        cmocka_unit_test(the_last_value_wins_and_messages_merge),
        cmocka_unit_test(has_follows_presence),
        cmocka_unit_test(repeated_fields_are_lists_packed_or_not),
        cmocka_unit_test(map_fields_keep_the_last_of_a_key),
        cmocka_unit_test(known_messages_are_what_they_mean),
        cmocka_unit_test(proto2_has_defaults_groups_and_closed_enums),
        cmocka_unit_test(cut_bytes_are_an_error_or_a_shorter_message),
        cmocka_unit_test(damaged_bytes_never_lead_astray),
        cmocka_unit_test(size_and_depth_are_bounded),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
