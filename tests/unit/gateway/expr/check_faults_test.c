#include "gateway/expr/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_env.h"

/* Each mistake: the text, where it is, and what is said about it. */
static const struct {
    const char *source;
    uint32_t offset, end;
    const char *text;
} rows[] = {
    /* names */
    {"reqest.name == 'a'", 0, 6, "undeclared name `reqest`; did you mean `request`?"},
    {"1 + ii", 4, 6, "undeclared name `ii`; did you mean `i`?"},
    {"unheardof", 0, 9, "undeclared name `unheardof`"},
    {"caller.teir == 'gold'", 7, 11, "undeclared name `caller.teir`; did you mean `caller.tier`?"},
    {"caller == 'gold'", 0, 6, "undeclared name `caller`; did you mean `caller.scopes`?"},
    {"ints.all(elem, elme > 0)", 15, 19, "undeclared name `elme`; did you mean `elem`?"},
    {"ints.all(x, x > 0) && x > 1", 22, 23, "undeclared name `x`"},
    {"Color.REDD", 6, 10, "kitchen.Color has no value `REDD`; did you mean `RED`?"},
    {"x.y.z", 0, 1, "undeclared name `x`"},
    {"type(i) == dyn", 11, 14, "undeclared name `dyn`"},
    {".inner", 0, 6, "undeclared name `.inner`"},
    /* fields */
    {"request.nmae == 'a'", 8, 12, "kitchen.Sink has no field `nmae`; did you mean `name`?"},
    {"request.fInt32 == 1", 8, 14, "kitchen.Sink has no field `fInt32`; did you mean `f_int32`?"},
    {"request.f_part.labl", 15, 19, "kitchen.Sink.Part has no field `labl`; did you mean `label`?"},
    {"has(request.nope)", 12, 16, "kitchen.Sink has no field `nope`"},
    {"request.?nope", 9, 13, "kitchen.Sink has no field `nope`"},
    {"i.x", 2, 3, "int has no fields, so no `x`"},
    {"request.name.first", 13, 18, "string has no fields, so no `first`"},
    {"request.r_part.label", 15, 20, "list(kitchen.Sink.Part) has no fields, so no `label`"},
    {"request.m_int32.a", 16, 17, "map(int, double) has no fields, so no `a`"},
    {"optional.of(1).a", 15, 16, "int has no fields, so no `a`"},
    {"has(i)", 0, 6, "`i` is always there; has() asks for a field: has(request.model)"},
    {"ints.all(x, has(x))", 12, 18,
     "`x` is always there; has() asks for a field: has(request.model)"},
    /* operators */
    {"i + 'a'", 0, 7,
     "`+` does not take (int, string); it takes (int, int), (uint, uint), (double, double), "
     "(string, string), (bytes, bytes), (list(A), list(A)) and more; convert one of them with "
     "int() or string()"},
    {"1 + 1u", 0, 6,
     "`+` does not take (int, uint); it takes (int, int), (uint, uint), (double, double), "
     "(string, string), (bytes, bytes), (list(A), list(A)) and more; convert one of them with "
     "int() or uint()"},
    {"i % 2.0", 0, 7,
     "`%` does not take (int, double); it takes (int, int), (uint, uint); convert one of them "
     "with int() or double()"},
    {"i == 'a'", 0, 8,
     "int and string are never equal; convert one of them with int() or string()"},
    {"s != 1", 0, 6, "string and int are never equal; convert one of them with string() or int()"},
    {"ints == 1", 0, 9, "list(int) and int are never equal"},
    {"i == null", 0, 9, "int and null are never equal"},
    {"request == Sink.Part{}", 0, 22, "kitchen.Sink and kitchen.Sink.Part are never equal"},
    {"b && i", 0, 6, "`&&` does not take (bool, int); it takes (bool, bool)"},
    {"s || b", 0, 6, "`||` does not take (string, bool); it takes (bool, bool)"},
    {"!i", 0, 2, "`!` does not take (int); it takes (bool)"},
    {"-s", 0, 2, "`-` does not take (string); it takes (int), (double)"},
    {"-u", 0, 2, "`-` does not take (uint); it takes (int), (double)"},
    {"i ? 1 : 2", 0, 9, "the condition of ?: is a bool; this one is int"},
    {"b ? 1 : 'a'", 0, 11, "the cases of ?: have one type; these are int and string"},
    {"i in ages", 0, 9,
     "`in` does not take (int, map(string, int)); it takes (A, list(A)), (A, map(A, B))"},
    {"'a' in s", 0, 8,
     "`in` does not take (string, string); it takes (A, list(A)), (A, map(A, B))"},
    {"ints['a']", 0, 9,
     "`[]` does not take (list(int), string); it takes (list(A), int), (map(A, B), A), "
     "(optional_type(list(A)), int), (optional_type(map(A, B)), A)"},
    {"ages[1]", 0, 7,
     "`[]` does not take (map(string, int), int); it takes (list(A), int), (map(A, B), A), "
     "(optional_type(list(A)), int), (optional_type(map(A, B)), A)"},
    /* functions */
    {"siz(s) > 1", 0, 3, "there is no function `siz`; did you mean `size`?"},
    {"s.startWith('a')", 2, 11, "there is no method `startWith`; did you mean `startsWith`?"},
    {"frobnicate(1)", 0, 10, "there is no function `frobnicate`"},
    {"startsWith(s, 'a')", 0, 10, "`startsWith` is a method; call it as string.startsWith(string)"},
    {"i.string()", 2, 8, NULL},
    {"s.startsWith(1)", 2, 12,
     "`startsWith` does not take string.startsWith(int); it takes string.startsWith(string)"},
    {"s.startsWith()", 2, 12,
     "`startsWith` does not take string.startsWith(); it takes string.startsWith(string)"},
    {"size(1)", 0, 4,
     "`size` does not take (int); it takes (string), (bytes), (list(A)), (map(A, B))"},
    {"size(s, s)", 0, 4,
     "`size` does not take (string, string); it takes (string), (bytes), (list(A)), (map(A, B))"},
    {"math.sbs(1)", 0, 4, "undeclared name `math`"},
    {"now.getFullYeer()", 4, 15, "there is no method `getFullYeer`; did you mean `getFullYear`?"},
    {"duration(1.5)", 0, 8, NULL},
    {"timestamp(b)", 0, 9, NULL},
    /* macros */
    {"ints.all(x, x + 1)", 12, 17, "a condition is a bool; this one is int"},
    {"ints.exists(x, s)", 15, 16, "a condition is a bool; this one is string"},
    {"ints.exists_one(x, x)", 19, 20, "a condition is a bool; this one is int"},
    {"ints.filter(x, x)", 15, 16, "a condition is a bool; this one is int"},
    {"i.all(x, true)", 0, 1, "only lists and maps have elements to walk; this is int"},
    {"s.map(c, c)", 0, 1, "only lists and maps have elements to walk; this is string"},
    {"request.map(x, x)", 0, 7, "only lists and maps have elements to walk; this is kitchen.Sink"},
    {"optional.of(1).optMap(x, x + 'a')", 25, 32, NULL},
    /* lists, maps, messages */
    {"{1.5: 2}", 1, 4, "a key is a bool, int, uint or string; this one is double"},
    {"{[1]: 2}", 1, 4, "a key is a bool, int, uint or string; this one is list(int)"},
    {"[?1]", 2, 3, "`?` before an entry wants an optional, as optional.of(x); this is int"},
    {"Snik{}", 0, 4, "there is no message type `Snik`; did you mean `Sink`?"},
    {"kitchen.Nothingness{}", 0, 21, "there is no message type `kitchen.Nothingness`"},
    {"Sink{nmae: 'a'}", 5, 9, "kitchen.Sink has no field `nmae`; did you mean `name`?"},
    {"Sink{name: 1}", 11, 12, "field `name` is string; this value is int"},
    {"Sink{f_int32: u}", 14, 15, "field `f_int32` is int; this value is uint"},
    {"Sink{f_int32: null}", 14, 18, "field `f_int32` is int; this value is null"},
    {"Sink{r_int32: [1, 'a', 2u].map(x, string(x))}", 14, 44,
     "field `r_int32` is list(int); this value is list(string)"},
    {"Sink{f_part: Sink{}}", 13, 19,
     "field `f_part` is kitchen.Sink.Part; this value is kitchen.Sink"},
    {"Sink{?name: 'a'}", 12, 15,
     "`?` before an entry wants an optional, as optional.of(x); this is string"},
    {"Sink{name: 'a', name: 'b'}", 16, 20, "field `name` is set twice"},
    {"google.protobuf.Int32Value{valu: 1}", 27, 31,
     "google.protobuf.Int32Value has no field `valu`; did you mean `value`?"},
};

static int setup(void **state)
{
    static struct env_test t;
    env_test_init(&t, false);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    env_test_release(*state);
    return 0;
}

static void each_mistake_has_its_place_and_sentence(void **state)
{
    int wrong = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expr_faults faults = {.first = NULL};
        const struct expr_fault *f;
        if (env_test_check(*state, rows[i].source, NULL, &faults)) {
            print_error("%s: taken\n", rows[i].source);
            wrong++;
            continue;
        }
        f = faults.first;
        bool said = f && (!rows[i].text || str_eq(f->text, str_c(rows[i].text)));
        if (said && faults.count == 1 && f->offset == rows[i].offset && f->end == rows[i].end)
            continue;
        wrong++;
        for (; f; f = f->next)
            print_error("%s: %u-%u: %.*s\n", rows[i].source, f->offset, f->end, STR_ARG(f->text));
    }
    assert_int_equal(wrong, 0);
    assert_true(sizeof rows / sizeof *rows >= 60);
}

static void all_mistakes_come_at_once_and_in_order(void **state)
{
    static const uint32_t offsets[] = {0, 19, 25, 42, 60, 71};
    struct expr_faults faults = {.first = NULL};
    const struct expr_fault *f;

    assert_null(env_test_check(*state,
                               "reqest.x == 1 && ([uu, s.zize()] == [] || b == 1 || "
                               "request.y) && Sink{z: 1} == null",
                               NULL, &faults));
    assert_int_equal(faults.count, 6);
    f = faults.first;
    for (size_t i = 0; i < 6; i++, f = f->next)
        assert_int_equal(f->offset, offsets[i]);
}

static void a_mistake_is_reported_once(void **state)
{
    struct expr_faults faults = {.first = NULL};

    assert_null(env_test_check(*state, "(zz + 1).foo.bar(2)[3].all(x, x > zz) ? [zz] : {zz: 1}",
                               NULL, &faults));
    for (const struct expr_fault *f = faults.first; f; f = f->next)
        assert_string_equal(f->text.p, "undeclared name `zz`");
    assert_int_equal(faults.count, 4);
}

static void a_flood_of_mistakes_is_counted(void **state)
{
    struct expr_faults faults = {.first = NULL};
    char source[1024] = "[";
    uint32_t shown = 0;

    for (int i = 0; i < 100; i++)
        strcat(source, i ? ", zz" : "zz"); /* breach: bounded by the loop */
    strcat(source, "]");                   /* breach: the same */
    assert_null(env_test_check(*state, source, NULL, &faults));
    for (const struct expr_fault *f = faults.first; f; f = f->next)
        shown++;
    assert_int_equal(faults.count, 100);
    assert_int_equal(shown, EXPR_FAULTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_has_its_place_and_sentence),
        cmocka_unit_test(all_mistakes_come_at_once_and_in_order),
        cmocka_unit_test(a_mistake_is_reported_once),
        cmocka_unit_test(a_flood_of_mistakes_is_counted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
