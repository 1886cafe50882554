#include "gateway/expr/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"

static const struct expr_function first_rows[] = {
    {"size(list<A>) -> int", NULL, EXPR_COST_ONE, 0},
    {"size(string) -> int", NULL, EXPR_COST_BYTES, 0},
    {"_[_](map<A, B>, A) -> B", NULL, EXPR_COST_ONE, 0},
};
static const struct expr_function more_rows[] = {
    {"string.size() -> int", NULL, EXPR_COST_ONE, 0},
    {"math/abs(int) -> int", NULL, EXPR_COST_ONE, 0},
    {"size(map<A, B>) -> int", NULL, EXPR_COST_ONE, 0},
};
static const struct expr_library first = {"first", first_rows, 3}, more = {"more", more_rows, 3};

static void check_signature(const char *signature, const char *name, bool method, const char *parts)
{
    struct arena a;
    struct expr_overload o;
    struct expr_function f = {signature, NULL, EXPR_COST_ONE, 0};

    arena_init(&a, 4096, 1 << 20);
    if (!expr_overload_parse(&o, &f, &a))
        fail_msg("%s: refused", signature);
    assert_true(str_eq(o.name, str_c(name)));
    assert_int_equal(o.method, method);
    struct str text = STR("");
    for (uint32_t i = 0; i <= o.nparams; i++) {
        struct str type = expr_type_text(&a, i < o.nparams ? o.params[i] : o.result);
        text = arena_printf(&a, "%.*s %.*s", STR_ARG(text), STR_ARG(type));
    }
    text = arena_printf(&a, "%.*s /%u", STR_ARG(text), o.ntype_params);
    assert_string_equal(text.p + 1, parts);
    arena_release(&a);
}

static void signatures_are_read(void **state)
{
    (void)state;
    check_signature("size(string) -> int", "size", false, "string int /0");
    check_signature("_[_](map<A, B>, A) -> B", "_[_]", false, "map(A, B) A B /2");
    check_signature("_?_:_(bool, A, A) -> A", "_?_:_", false, "bool A A A /1");
    check_signature("optional/none() -> optional<A>", "optional.none", false,
                    "optional_type(A) /1");
    check_signature("optional<A>.orValue(A) -> A", "orValue", true, "optional_type(A) A A /1");
    check_signature("list<string>.join(string) -> string", "join", true,
                    "list(string) string string /0");
    check_signature("type(A) -> type<A>", "type", false, "A type(A) /1");
    check_signature("_==_(type, type) -> bool", "_==_", false, "type type bool /0");
    check_signature("ip/isCanonical(string) -> bool", "ip.isCanonical", false, "string bool /0");
    check_signature("_/_(int, int) -> int", "_/_", false, "int int int /0");
    check_signature("ip.family() -> int", "family", true, "ip int /0");
    check_signature("A.flatten(list<list<A>>) -> list<dyn>", "flatten", true,
                    "A list(list(A)) list(dyn) /1");
}

static void wrong_signatures_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "size",
        "(int) -> int",
        "size(int) ->",
        "size(int)",
        "size(int -> int",
        "size(int,int) -> int",
        "size(list) -> int",
        "size(list<int) -> int",
        "size(map<int>) -> int",
        "size(strin) -> int",
        "size(B) -> int",
        "size(int) -> int ",
        "size(Z) -> int",
        "f(int, int, int, int, int, int, int, int, int) -> int",
    };
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct expr_overload o;
        struct expr_function f = {wrong[i], NULL, EXPR_COST_ONE, 0};
        if (expr_overload_parse(&o, &f, &a))
            fail_msg("\"%s\" was taken", wrong[i]);
    }
    arena_release(&a);
}

static void rows_are_found_by_name_in_the_order_of_the_libraries(void **state)
{
    static const struct expr_library *const list[] = {&first, &more, NULL};
    struct arena a;
    struct expr_functions f;
    uint32_t n;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    assert_true(expr_functions_of(&f, list, &a));
    assert_int_equal(f.n, 6);
    const struct expr_overload *rows = expr_functions_find(&f, STR("size"), &n);
    assert_int_equal(n, 4);
    assert_ptr_equal(rows[0].function, &first_rows[0]);
    assert_ptr_equal(rows[1].function, &first_rows[1]);
    assert_ptr_equal(rows[2].function, &more_rows[0]);
    assert_ptr_equal(rows[3].function, &more_rows[2]);
    assert_non_null(expr_functions_find(&f, STR("math.abs"), &n));
    assert_int_equal(n, 1);
    assert_null(expr_functions_find(&f, STR("siz"), &n));
    assert_null(expr_functions_find(&f, STR("zize"), &n));
    assert_int_equal(n, 0);
    arena_release(&a);
}

static bool init(void *arg)
{
    struct arena a;
    struct expr_functions f;

    (void)arg;
    arena_init(&a, 64, 1 << 22);
    static const struct expr_library *const list[] = {&first, &more, NULL};
    bool ok = expr_functions_of(&f, list, &a) && expr_functions_init(&f, &a);
    arena_release(&a);
    return ok;
}

static void all_rows_of_the_language_are_well_formed(void **state)
{
    (void)state;
    assert_true(init(NULL));
}

static void want_of_memory_is_an_outcome(void **state)
{
    (void)state;
    assert_true(failmalloc_each(init, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_read),
        cmocka_unit_test(wrong_signatures_are_refused),
        cmocka_unit_test(rows_are_found_by_name_in_the_order_of_the_libraries),
        cmocka_unit_test(all_rows_of_the_language_are_well_formed),
        cmocka_unit_test(want_of_memory_is_an_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
