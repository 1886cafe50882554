#include "gateway/expr/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"
#include "tests/unit/support/wire_text.h"
#include "transcoder/wire.h"

struct made_row {
    const char *source, *wire;
};

/* What an expression makes, byte for byte. */
static void made_rows(struct eval_test *t, const struct made_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct expr_value v = eval_run(t, eval_compile(t, rows[i].source));
        struct str want = wire_text(&t->set.arena, rows[i].wire);
        if (v.kind != EXPR_MESSAGE)
            fail_msg("%s: %s", rows[i].source, eval_text(t, rows[i].source));
        if (!str_eq(v.s, want))
            fail_msg("%s: other bytes than %s, %zu of them", rows[i].source, rows[i].wire, v.s.n);
        assert_int_equal(tc_wire_check(v.message, v.s, TC_WIRE_TYPED, NULL), TC_OK);
    }
}
#define MADE_ROWS(t, rows) made_rows(t, rows, sizeof(rows) / sizeof *(rows))

static void fields_are_written_as_the_wire_has_them(void **state)
{
    static const struct made_row rows[] = {
        {"kitchen.Sink{}", ""},
        {"kitchen.Sink{name: caller.tier}", "1:'gold'"},
        {"kitchen.Sink{f_int32: -i, f_int64: i, f_uint32: u, f_uint64: u}", "4:-7 5:7 6:7 7:7"},
        {"kitchen.Sink{f_sint32: -i, f_sint64: -i}", "8:13 9:13"},
        {"kitchen.Sink{f_bool: i == 7, f_bytes: b'ab', f_color: 1}", "14:1 16:'ab' 17:1"},
        {"kitchen.Sink{name: '', f_int32: i - 7, f_bool: i == 8, f_bytes: b''}", ""},
        {"kitchen.Sink{p_int32: i - 7, p_string: '', o_bool: i == 8}", "123:0 128:'' 104:0"},
        {"kitchen.Sink{r_int32: [i, 300], u_int32: [i, 8]}", "33:[7 300] 53:7 53:8"},
        {"kitchen.Sink{r_int32: [], r_string: ['a', caller.tier]}", "44:'a' 44:'gold'"},
        {"kitchen.Sink{f_part: kitchen.Sink.Part{number: i}}", "19:{1:7}"},
        {"kitchen.Sink{f_part: kitchen.Sink.Part{}}", "19:{}"},
        {"kitchen.Sink{f_part: null}", ""},
        {"kitchen.Sink{r_part: [kitchen.Sink.Part{}, kitchen.Sink.Part{label: caller.tier}]}",
         "47:{} 47:{2:'gold'}"},
        {"kitchen.Sink{m_string: {'a': caller.tier, 'b': ''}}",
         "82:{1:'a' 2:'gold'} 82:{1:'b' 2:''}"},
        {"kitchen.Sink{m_uint64: {u: i}}", "74:{1:7 2:7}"},
        {"kitchen2.Sink2{box: kitchen2.Sink2.Box{width: i}}.box", "1:7"},
        {"kitchen.Sink{?f_int32: optional.of(i), ?f_int64: optional.none()}", "4:7"},
    };
    MADE_ROWS(*state, rows);
}

static void known_messages_take_what_they_mean(void **state)
{
    static const struct made_row rows[] = {
        {"kitchen.Sink{k_timestamp: now, k_duration: duration('-1.5s')}",
         "161:{1:1767323045 2:6000000} 162:{1:-1 2:-500000000}"},
        {"kitchen.Sink{w_int64: i, w_string: '', w_bool: i == 7}", "143:{1:7} 148:{} 147:{1:1}"},
        {"kitchen.Sink{w_int64: null, k_timestamp: null}", ""},
        {"kitchen.Sink{rw_int64: [i, null, 0]}", "150:{1:7} 150:{}"},
        {"kitchen.Sink{k_value: caller.tier}", "165:{3:'gold'}"},
        {"kitchen.Sink{k_value: null, k_any: null}",
         "165:{1:0} 168:{1:'type.googleapis.com/google.protobuf.Value' 2:{1:0}}"},
        {"kitchen.Sink{k_value: [i == 7, {'a': null}]}",
         "165:{6:{1:{4:1} 1:{5:{1:{1:'a' 2:{1:0}}}}}}"},
        {"kitchen.Sink{k_value: 9007199254740993 + i}", "165:{3:'9007199254741000'}"},
        {"kitchen.Sink{k_value: b'foo'}", "165:{3:'Zm9v'}"},
        {"kitchen.Sink{k_value: now}", "165:{3:'2026-01-02T03:04:05.006Z'}"},
        {"kitchen.Sink{k_struct: {'t': caller.tier}}", "164:{1:{1:'t' 2:{3:'gold'}}}"},
        {"kitchen.Sink{k_list: [caller.tier]}", "166:{1:{3:'gold'}}"},
        {"kitchen.Sink{k_any: kitchen.Sink.Part{number: i}}",
         "168:{1:'type.googleapis.com/kitchen.Sink.Part' 2:{1:7}}"},
        {"kitchen.Sink{k_any: i}",
         "168:{1:'type.googleapis.com/google.protobuf.Int64Value' 2:{1:7}}"},
        {"kitchen.Sink{k_any: caller.scopes}",
         "168:{1:'type.googleapis.com/google.protobuf.ListValue' 2:{1:{3:'read'} 1:{3:'infer'}}}"},
        {"kitchen.Sink{k_value: google.protobuf.FieldMask{paths: ['a_b.c', 'd']}}",
         "165:{3:'aB.c,d'}"},
        {"kitchen.Sink{k_value: google.protobuf.Empty{}}", "165:{5:{}}"},
    };
    MADE_ROWS(*state, rows);
}

static void literals_of_known_messages_are_their_values(void **state)
{
    static const struct eval_row rows[] = {
        {"google.protobuf.Int64Value{value: i}", "7"},
        {"google.protobuf.Timestamp{seconds: i}", "timestamp(\"1970-01-01T00:00:07Z\")"},
        {"google.protobuf.Value{string_value: caller.tier}", "\"gold\""},
        {"google.protobuf.ListValue{values: [i == 7]}", "[true]"},
        {"google.protobuf.Struct{fields: {'a': caller.tier}}", "{\"a\": \"gold\"}"},
        {"google.protobuf.Any{type_url: 'x/google.protobuf.Int64Value', value: b'\\x08\\x05'}",
         "5"},
        {"google.protobuf.Any{}", "error: Any holds \"\""},
        {"kitchen.Sink{k_any: [i, 'x']}.k_any", "[7.0, \"x\"]"},
        {"kitchen.Sink{r_sink: [kitchen.Sink{name: caller.tier}]}.r_sink[0].name", "\"gold\""},
    };
    EVAL_ROWS(*state, rows);
}

static void what_does_not_fit_is_an_error(void **state)
{
    static const struct eval_row rows[] = {
        {"kitchen.Sink{f_int32: 2147483640 + i}", "kitchen.Sink{f_int32: 2147483647}"},
        {"kitchen.Sink{f_int32: 2147483641 + i}",
         "error: range error: the value does not fit f_int32"},
        {"kitchen.Sink{f_uint32: 4294967295u + u}",
         "error: range error: the value does not fit f_uint32"},
        {"kitchen.Sink{f_color: 2147483641 + i}",
         "error: range error: the value does not fit f_color"},
        {"kitchen.Sink{name: dyn(i)}",
         "error: unsupported field type: the value does not fit name"},
        {"kitchen.Sink{r_int32: dyn(null)}",
         "error: unsupported field type: the value does not fit r_int32"},
        {"kitchen.Sink{r_int32: [dyn(i), dyn('a')]}",
         "error: unsupported field type: the value does not fit r_int32"},
        {"kitchen.Sink{k_struct: dyn([])}",
         "error: unsupported field type: the value does not fit google.protobuf.Struct"},
        {"kitchen.Sink{k_value: kitchen.Sink{}}",
         "error: unsupported field type: the value does not fit google.protobuf.Value"},
        {"kitchen.Sink{f_part: dyn(kitchen.Sink{})}",
         "error: unsupported field type: the value does not fit kitchen.Sink.Part"},
        {"kitchen.Sink{f_int32: 1/(i-7)}", "error: division by zero"},
        {"kitchen.Sink{f_float: 1e300}.f_float", "double(\"inf\")"},
    };
    EVAL_ROWS(*state, rows);
}

static void messages_are_equal_by_their_fields(void **state)
{
    static const struct {
        const char *request, *source, *text;
    } rows[] = {
        {"4:5 1:'a'", "request == kitchen.Sink{name: 'a', f_int32: 5}", "true"},
        {"1:'b' 1:'a'", "request == kitchen.Sink{name: 'a'}", "true"},
        {"4:0", "request == kitchen.Sink{}", "true"},
        {"123:0", "request == kitchen.Sink{}", "false"},
        {"1:'a'", "request == kitchen.Sink{name: 'a', f_int32: 5}", "false"},
        {"19:{1:5} 19:{2:'l'}", "request.f_part == kitchen.Sink.Part{label: 'l', number: 5}",
         "true"},
        {"33:1 33:[2]", "request == kitchen.Sink{r_int32: [1, 2]}", "true"},
        {"82:{2:'v' 1:'k'} 82:{1:'a'}", "request == kitchen.Sink{m_string: {'a': '', 'k': 'v'}}",
         "true"},
        {"999:5", "request == kitchen.Sink{}", "false"},
        {"999:5", "request == request", "true"},
        {"2:0", "request == kitchen.Sink{}", "true"},
        {"168:{1:'t/kitchen.Sink.Part' 2:{2:'l' 1:5}}",
         "request == kitchen.Sink{k_any: kitchen.Sink.Part{number: 5, label: 'l'}}", "true"},
        {"168:{1:'t/none' 2:'x'}", "request == request", "true"},
    };
    struct eval_test *t = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t->request = eval_wire(t, rows[i].request);
        const char *got = eval_text(t, rows[i].source);
        if (strcmp(got, rows[i].text) != 0)
            fail_msg("%s of %s: %s", rows[i].source, rows[i].request, got);
    }
    t->request = STR("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_written_as_the_wire_has_them),
        cmocka_unit_test(known_messages_take_what_they_mean),
        cmocka_unit_test(literals_of_known_messages_are_their_values),
        cmocka_unit_test(what_does_not_fit_is_an_error),
        cmocka_unit_test(messages_are_equal_by_their_fields),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
