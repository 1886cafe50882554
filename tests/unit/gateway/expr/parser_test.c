#include "gateway/expr/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/expr_tree.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"

static void check_tree(const char *source, const char *want)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};
    struct buf b;
    struct guard g = guard_copy(str_c(source));

    arena_init(&a, 4096, 1 << 22);
    buf_init(&b, 1 << 16);
    const struct expr_node *root = expr_parse(&a, g.s, &faults);
    if (!root)
        fail_msg("%s: %s", source, faults.first ? faults.first->text.p : "?");
    expr_tree_print(&b, root);
    buf_add_char(&b, '\0');
    assert_string_equal(b.p, want);
    buf_release(&b);
    arena_release(&a);
    guard_release(&g);
}

static void operators_bind_as_cel_spec_says(void **state)
{
    (void)state;
    check_tree("a + b * c - d", "(_-_ (_+_ a (_*_ b c)) d)");
    check_tree("a - b - c", "(_-_ (_-_ a b) c)");
    check_tree("a * b / c % d", "(_%_ (_/_ (_*_ a b) c) d)");
    check_tree("a < b == c", "(_==_ (_<_ a b) c)");
    check_tree("a <= b && c >= d || e != f", "(_||_ (_&&_ (_<=_ a b) (_>=_ c d)) (_!=_ e f))");
    check_tree("a && b && c && d", "(_&&_ (_&&_ a b) (_&&_ c d))");
    check_tree("a || b && c", "(_||_ a (_&&_ b c))");
    check_tree("a ? b : c ? d : e", "(_?_:_ a b (_?_:_ c d e))");
    check_tree("a in b + c", "(@in a (_+_ b c))");
    check_tree("!a.b", "(!_ a.b)");
    check_tree("!!a", "a");
    check_tree("!!!a", "(!_ a)");
    check_tree("-a + -b", "(_+_ (-_ a) (-_ b))");
    check_tree("--a", "a");
    check_tree("-1", "-1");
    check_tree("--1", "1");
    check_tree("---1", "(-_ 1)");
    check_tree("a-1", "(_-_ a 1)");
    check_tree("-1.abs()", "(-1.abs)");
    check_tree("-9223372036854775808", "-9223372036854775808");
    check_tree("(a + b) * c", "(_*_ (_+_ a b) c)");
    check_tree("((a))", "a");
}

static void members_follow_one_another(void **state)
{
    (void)state;
    check_tree("a.b.c", "a.b.c");
    check_tree(".a.b", ".a.b");
    check_tree(". a . b", ".a.b");
    check_tree("a[b].c(d, e)[f]", "(_[_] ((_[_] a b).c d e) f)");
    check_tree("f()", "(f)");
    check_tree(".f(x)", "(.f x)");
    check_tree("a.?b.c", "a.?b.c");
    check_tree("a[?b]", "(_[?_] a b)");
    check_tree("a.`x-y`", "a.x-y");
    check_tree("a.package.for", "a.package.for");
    check_tree("a.package()", "(a.package)");
    check_tree("'a'.size()", "(\"a\".size)");
    check_tree("[1].size()", "([1].size)");
    check_tree("true", "true");
    check_tree("null == .true_", "(_==_ null .true_)");
}

static void lists_maps_and_messages_are_built(void **state)
{
    (void)state;
    check_tree("[]", "[]");
    check_tree("[1, 2u, 3.5,]", "[1, 2u, 3.5.]");
    check_tree("[?a, b]", "[?a, b]");
    check_tree("{}", "{}");
    check_tree("{'a': 1, ?b: c,}", "{\"a\": 1, ?b: c}");
    check_tree("{a ? b : c : d}", "{(_?_:_ a b c): d}");
    check_tree("M{}", "M{}");
    check_tree("a.b.M{x: 1, ?y: z, in_: 2}", "a.b.M{x: 1, ?y: z, in_: 2}");
    check_tree(".a.M{}", ".a.M{}");
    check_tree("M{x: 1}.x", "M{x: 1}.x");
    check_tree("M{package: 1}", "M{package: 1}");
}

static void macros_become_folds(void **state)
{
    (void)state;
    check_tree("has(a.b)", "has a.b");
    check_tree("has(a)", "has a");
    check_tree("l.all(x, x > 0)", "{fold x @result: l | true | (@not_strictly_false @result) | "
                                  "(_&&_ @result (_>_ x 0)) | @result}");
    check_tree("l.exists(x, p)", "{fold x @result: l | false | (@not_strictly_false (!_ @result)) "
                                 "| (_||_ @result p) | @result}");
    check_tree("l.exists_one(x, p)", "{fold x @result: l | 0 | true | (_?_:_ p (_+_ @result 1) "
                                     "@result) | (_==_ @result 1)}");
    check_tree("l.map(x, f(x))", "{fold x @result: l | [] | true | (_+_ @result [(f x)]) | "
                                 "@result}");
    check_tree("l.map(x, p, t)", "{fold x @result: l | [] | true | (_?_:_ p (_+_ @result [t]) "
                                 "@result) | @result}");
    check_tree("l.filter(x, p)", "{fold x @result: l | [] | true | (_?_:_ p (_+_ @result [x]) "
                                 "@result) | @result}");
    check_tree("m.all(k, v, p)", "{fold k v @result: m | true | (@not_strictly_false @result) | "
                                 "(_&&_ @result p) | @result}");
    check_tree("m.transformMap(k, v, t)", "{fold k v @result: m | {} | true | (cel.@mapInsert "
                                          "@result k t) | @result}");
    check_tree("m.transformMapEntry(k, v, p, t)",
               "{fold k v @result: m | {} | true | (_?_:_ p (cel.@mapInsert @result t) @result) | "
               "@result}");
    check_tree("m.transformList(i, v, t)", "{fold i v @result: m | [] | true | (_+_ @result [t]) | "
                                           "@result}");
    check_tree("cel.bind(x, a, x + x)", "{fold @unused x: [] | a | false | x | (_+_ x x)}");
    check_tree("o.optMap(x, f)",
               "{fold @unused @subject: [] | o | false | @subject | (_?_:_ (@subject.hasValue) "
               "(optional.of {fold @unused x: [] | (@subject.value) | false | x | f}) "
               "(optional.none))}");
    check_tree("math.greatest(1, 2)", "(math.greatest 1 2)");
    check_tree("math.least(1, 2, 3)", "(math.least [1, 2, 3])");
    check_tree("proto.hasExt(m, a.b)", "has m.a.b");
    check_tree("a.has(b.c)", "(a.has b.c)");
    check_tree("all(x, p)", "(all x p)");
}

static void check_fault(const char *source, uint32_t offset, const char *text)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};

    arena_init(&a, 4096, 1 << 22);
    assert_null(expr_parse(&a, str_c(source), &faults));
    assert_non_null(faults.first);
    if (!strstr(faults.first->text.p, text))
        fail_msg("%s: %s", source, faults.first->text.p);
    if (faults.first->offset != offset)
        fail_msg("%s: at %u: %s", source, faults.first->offset, faults.first->text.p);
    arena_release(&a);
}

static void faults_say_where_and_what_was_expected(void **state)
{
    (void)state;
    check_fault("", 0, "ends too early; expected a value");
    check_fault("a +", 3, "ends too early; expected a value");
    check_fault("a b", 2, "unexpected `b`; expected an operator");
    check_fault("(a", 2, "ends too early; expected an operator or `)`");
    check_fault("[a b", 3, "expected `,` or `]`");
    check_fault("f(a,)", 4, "expected an operand");
    check_fault("{a}", 2, "expected `:`");
    check_fault("{a: b c: d}", 6, "expected `,` or `}`");
    check_fault("a ? b", 5, "expected `:`");
    check_fault("a.1", 1, "unexpected `.1`");
    check_fault("a.", 2, "the name of a field");
    check_fault("a.in", 2, "the name of a field");
    check_fault("a[]", 2, "expected a value");
    check_fault("in", 0, "expected a value");
    check_fault("for", 0, "reserved word");
    check_fault("a = b", 2, "compare with ==");
    check_fault("a & b", 2, "write && or ||");
    check_fault("'abc", 0, "without its end");
    check_fault("'\\q'", 1, "no escape");
    check_fault("(a.b){}", 5, "expected an operator");
    check_fault("a.b(){}", 5, "expected an operator");
    check_fault("a{b c}", 4, "expected `:`");
    check_fault("1 + 99999999999999999999", 4, "does not fit an int");
    check_fault("a \xff", 2, "not UTF-8");
    check_fault("l.all(x.y, true)", 6, "simple name");
    check_fault("l.all(x)", 0, "is written list.all(x, condition)");
    check_fault("l.all(x, x, true)", 9, "two names");
    check_fault("has(a[0])", 4, "has() asks for a field");
    check_fault("has(a.?b)", 4, "has() asks for a field");
    check_fault("cel.bind(1, 2, 3)", 9, "simple name");
    check_fault("math.least(1, 'a', 2)", 14, "math.least compares numbers");
    check_fault("l.map(x, y, z, w)", 0, "is written list.map");
}

static void faults_of_literals_and_macros_come_together(void **state)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};

    (void)state;
    arena_init(&a, 4096, 1 << 22);
    assert_null(expr_parse(&a, STR("['\\q', 1e999, has(1), l.all(1, 2)]"), &faults));
    assert_int_equal(faults.count, 4);
    uint32_t before = 0;
    for (const struct expr_fault *f = faults.first; f; f = f->next) {
        assert_true(f->offset > before);
        before = f->offset;
    }
    arena_release(&a);
}

/* `n` times `piece`, between `head` and `tail`. */
static struct str repeated(struct arena *a, const char *head, const char *piece, size_t n,
                           const char *tail)
{
    size_t each = strlen(piece), first = strlen(head), last = strlen(tail);
    char *p = arena_alloc(a, first + n * each + last + 1);

    assert_non_null(p);
    memcpy(p, head, first);
    for (size_t i = 0; i < n; i++)
        memcpy(p + first + i * each, piece, each);
    memcpy(p + first + n * each, tail, last);
    return str_of(p, first + n * each + last);
}

static void storms_are_refused_and_long_flat_texts_are_not(void **state)
{
    static const struct {
        const char *head, *piece, *tail;
        bool good; /* short of EXPR_SOURCE_MAX */
    } rows[] = {
        {"", "(", "", false},         {"", "[", "", false},          {"", "{", "", false},
        {"", "a[", "", false},        {"a", ".a", "", false},        {"a", "+a", "", false},
        {"", "!", "a", true},         {"", "-", "1", true},          {"", "f(", "", false},
        {"a", "?a:a", "", false},     {"", "a?", "", false},         {"a", "&&a", "", false},
        {"a", "||a", "", false},      {"[", "a,", "]", false},       {"{", "a:a,", "}", false},
        {"", "[].map(x,", "", false}, {"a", ".map(x,x)", "", false}, {"", "{a:", "", false},
        {"", "M{a:", "", false},      {"'", "\\\\", "'", true},      {"", "0", "", true},
        {"a", "[0]", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int huge = 0; huge < 2; huge++) {
            struct arena a;
            struct expr_faults faults = {.first = NULL};
            arena_init(&a, 1 << 16, 64 << 20);
            size_t n = huge ? 100000 : (EXPR_SOURCE_MAX - 16) / strlen(rows[i].piece);
            struct str s = repeated(&a, rows[i].head, rows[i].piece, n, rows[i].tail);
            const struct expr_node *root = expr_parse(&a, s, &faults);
            if (!root != (huge || !rows[i].good))
                fail_msg("%s x %zu: %s", rows[i].piece, n,
                         faults.first ? faults.first->text.p : "taken");
            assert_int_equal(faults.count, !root);
            arena_release(&a);
        }
}

static void nesting_reaches_its_bound(void **state)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};

    (void)state;
    arena_init(&a, 1 << 16, 64 << 20);
    for (size_t n = EXPR_DEPTH_MAX - 2; n <= EXPR_DEPTH_MAX; n++) {
        struct str open = repeated(&a, "", "[", n, "");
        struct str close = repeated(&a, "", "]", n, "");
        struct str s = arena_printf(&a, "%.*s1%.*s", STR_ARG(open), STR_ARG(close));
        const struct expr_node *root = expr_parse(&a, s, &faults);
        assert_int_equal(!root, n >= EXPR_DEPTH_MAX);
        assert_true(!root || root->height == n + 1);
    }
    assert_non_null(strstr(faults.first->text.p, "nested deeper than 200"));
    arena_release(&a);
}

static void parts_reach_their_bound(void **state)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};

    (void)state;
    arena_init(&a, 1 << 16, 64 << 20);
    struct str most = repeated(&a, "[", "1,", EXPR_NODES_MAX - 1, "]");
    assert_non_null(expr_parse(&a, most, &faults));
    struct str more = repeated(&a, "[", "1,", EXPR_NODES_MAX, "]");
    assert_null(expr_parse(&a, more, &faults));
    assert_non_null(strstr(faults.first->text.p, "more than 2000 names"));
    arena_release(&a);
}

static bool parse_once(void *arg)
{
    struct arena a;
    struct expr_faults faults = {.first = NULL};

    arena_init(&a, 64, 1 << 22);
    const struct expr_node *root = expr_parse(&a, str_c(arg), &faults);
    assert_true(root || faults.out_of_memory);
    arena_release(&a);
    return root != NULL;
}

static void want_of_memory_is_an_outcome(void **state)
{
    static char source[] = "a.b.M{x: [1, .5, '\\n', b'\\n'], ?y: {k: v}}.all(e, has(e.f)) && "
                           "o.optMap(x, .f(x)).orValue(l.sortBy(e, e)[?0]) || m.transformMap(k, v, "
                           "k != v, -v) == proto.getExt(m, a.b) || math.least(1, 2, 3) < !!x";

    (void)state;
    assert_true(failmalloc_each(parse_once, source) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_bind_as_cel_spec_says),
        cmocka_unit_test(members_follow_one_another),
        cmocka_unit_test(lists_maps_and_messages_are_built),
        cmocka_unit_test(macros_become_folds),
        cmocka_unit_test(faults_say_where_and_what_was_expected),
        cmocka_unit_test(faults_of_literals_and_macros_come_together),
        cmocka_unit_test(storms_are_refused_and_long_flat_texts_are_not),
        cmocka_unit_test(nesting_reaches_its_bound),
        cmocka_unit_test(parts_reach_their_bound),
        cmocka_unit_test(want_of_memory_is_an_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
