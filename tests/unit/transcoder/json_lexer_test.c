#include "transcoder/json_lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a lexer says about an input, one word a token: keys and strings in quotes, numbers as they
 * are. */
struct trace {
    struct buf text;
    enum tc_status status;
    size_t bad;
};

static void trace_token(struct trace *t, enum tc_json_token token, const struct tc_lexer *l)
{
    static const char words[] = "NFT0S{[}]K";

    if (token == TC_JSON_NUMBER)
        assert_true(buf_add(&t->text, l->number));
    else
        assert_true(buf_add_char(&t->text, words[token]));
    assert_true(buf_add_char(&t->text, ' '));
}

static const struct str *next_piece(struct tc_lexer *l, const struct str *piece,
                                    const struct str *end)
{
    assert_true(l->in.p == l->in.end);
    if (piece < end)
        tc_lex_feed(l, *piece);
    return piece + 1;
}

/* Reads all pieces; strings land in the trace behind their token. */
static void trace_run(struct trace *t, struct tc_lexer *l, const struct str *pieces, size_t n)
{
    const struct str *next = pieces, *end = pieces + n;
    bool in_string = false;

    while (next <= end) {
        enum tc_json_token token = TC_JSON_MORE;
        enum tc_status st = TC_OK;

        if (in_string)
            st = tc_lex_string(l, &t->text);
        else
            token = tc_lex_next(l);
        if (token == TC_JSON_DONE || token == TC_JSON_BAD || st == TC_INVALID)
            break;
        if (in_string ? st == TC_MORE : token == TC_JSON_MORE) {
            next = next_piece(l, next, end);
            continue;
        }
        if (!in_string)
            trace_token(t, token, l);
        else
            assert_true(buf_add_char(&t->text, '"'));
        in_string = token == TC_JSON_KEY || token == TC_JSON_STRING;
    }
    if (l->status == TC_OK && !in_string && tc_lex_end(l) == TC_JSON_NUMBER)
        trace_token(t, TC_JSON_NUMBER, l);
    while (l->status == TC_OK && tc_lex_end(l) == TC_JSON_DONE && tc_lex_trailing(l) && next < end)
        tc_lex_feed(l, *next++);
    t->status = l->status                                     ? l->status
                : tc_lex_end(l) == TC_JSON_DONE && !in_string ? TC_OK
                                                              : TC_MORE;
    t->bad = l->bad;
}

struct expected {
    struct str json, trace; /* of the tokens; p == NULL: not looked at */
    enum tc_status status;
    size_t bad;
};

static void check_cut(void *arg, const struct str *pieces, size_t n)
{
    const struct expected *x = arg;
    struct trace t = {.text = BUF_NONE};
    struct arena a;
    struct tc_lexer l;

    buf_init(&t.text, 1 << 20);
    arena_init(&a, 4096, 1 << 20);
    assert_true(tc_lex_init(&l, &a, 100));
    trace_run(&t, &l, pieces, n);
    if (t.status != x->status || (t.status == TC_INVALID && t.bad != x->bad) ||
        (x->trace.p && !str_eq(buf_str(&t.text), x->trace)))
        fail_msg("%.*s in %zu pieces (first %zu): status %d at %zu, %.*s (%s)", STR_ARG(x->json), n,
                 n ? pieces[0].n : 0, (int)t.status, t.bad, STR_ARG(buf_str(&t.text)), l.why);
    buf_release(&t.text);
    arena_release(&a);
}

static void check(const struct expected *x)
{
    struct guard g = guard_copy(x->json);

    check_cut((void *)(uintptr_t)x, &g.s, 1);
    splits_each(g.s, check_cut, (void *)(uintptr_t)x);
    guard_release(&g);
}

#define READS(text, tokens)                        \
    {                                              \
        STR_INIT(text), STR_INIT(tokens), TC_OK, 0 \
    }
#define FAILS(text, at)                           \
    {                                             \
        STR_INIT(text), {NULL, 0}, TC_INVALID, at \
    }
#define CUT(text)                             \
    {                                         \
        STR_INIT(text), {NULL, 0}, TC_MORE, 0 \
    }

static void check_all(const struct expected *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(&cases[i]);
}

static void json_lexer_reads_all_of_the_grammar(void **state)
{
    static const struct expected cases[] = {
        READS("null", "N "),
        READS(" true ", "T "),
        READS("false\n", "F "),
        READS("0", "0 "),
        READS("-0", "-0 "),
        READS("-12.50e+3", "-12.50e+3 "),
        READS("1E5 ", "1E5 "),
        READS("[]", "[ ] "),
        READS("{}", "{ } "),
        READS("[1,2 , 3]", "[ 1 2 3 ] "),
        READS("[[],{},[null]]", "[ [ ] { } [ N ] ] "),
        READS("{\"a\":1,\"b\":{\"c\":[true,false]}}", "{ K a\"1 K b\"{ K c\"[ T F ] } } "),
        READS("\"\"", "S \""),
        READS("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "S a\"\\/\b\f\n\r\tz\""),
        READS("\"\\u0041\\u00e9\\u4e16\\uD83D\\uDE00\\u0000\"",
              "S A\xc3\xa9\xe4\xb8\x96\xf0\x9f\x98\x80\0\""),
        READS("\"\xc3\xa9 \xe4\xb8\x96 \xf0\x9f\x98\x80 \xef\xbf\xbf \xed\x9f\xbf\"",
              "S \xc3\xa9 \xe4\xb8\x96 \xf0\x9f\x98\x80 \xef\xbf\xbf \xed\x9f\xbf\""),
        READS("\"sixteen bytes or more, so that blocks are read\\n and read on\"",
              "S sixteen bytes or more, so that blocks are read\n and read on\""),
        READS("\"\x7f\"", "S \x7f\""),
    };

    (void)state;
    check_all(cases, COUNT(cases));
}

static void json_lexer_refuses_everything_else_and_says_where(void **state)
{
    static const struct expected cases[] = {
        FAILS("nul1", 3),
        FAILS("nulll", 4),
        FAILS("True", 0),
        FAILS("+1", 0),
        FAILS(".5", 0),
        FAILS("01", 1),
        FAILS("-01", 2),
        FAILS("[1.]", 3),
        FAILS("[-.5]", 2),
        FAILS("[1e]", 3),
        FAILS("[1e+]", 4),
        FAILS("[--1]", 2),
        FAILS("[1.2.3]", 4),
        FAILS("[1-2]", 2),
        FAILS("[0x1]", 2),
        FAILS("NaN", 0),
        FAILS("Infinity", 0),
        FAILS("-Infinity", 1),
        FAILS("[1,]", 3),
        FAILS("[,1]", 1),
        FAILS("[1 2]", 3),
        FAILS("[}", 1),
        FAILS("{]", 1),
        FAILS("{,}", 1),
        FAILS("{\"a\"}", 4),
        FAILS("{\"a\":}", 5),
        FAILS("{\"a\":1,}", 7),
        FAILS("{a:1}", 1),
        FAILS("{1:1}", 1),
        FAILS("'a'", 0),
        FAILS("/**/1", 0),
        FAILS("[1]//", 3),
        FAILS("1 2", 2),
        FAILS("[]]", 2),
        FAILS("{}\0", 2),
        FAILS("\v1", 0),
        FAILS("\xc2\xa0"
              "1",
              0),
        FAILS("\xef\xbb\xbf"
              "1",
              0),
    };

    (void)state;
    check_all(cases, COUNT(cases));
}

static void json_lexer_refuses_bad_strings_at_the_byte_that_is_wrong(void **state)
{
    static const struct expected cases[] = {
        FAILS("\"\n\"", 1),
        FAILS("\"a\0b\"", 2),
        FAILS("\"\x1f\"", 1),
        FAILS("\"\\x\"", 2),
        FAILS("\"\\\0\"", 2),
        FAILS("\"\\'\"", 2),
        FAILS("\"\\u12g4\"", 5),
        FAILS("\"\\u 123\"", 3),
        FAILS("\"\\ud800\"", 7),
        FAILS("\"\\ud800x\"", 7),
        FAILS("\"\\ud800\\n\"", 8),
        FAILS("\"\\ud800\\u0041\"", 12),
        FAILS("\"\\ud800\\ud800\"", 12),
        FAILS("\"\\udc00\"", 6),
        FAILS("\"\\ude00\\ud83d\"", 6),
        FAILS("\"\x80\"", 1),
        FAILS("\"\xc0\x80\"", 1),
        FAILS("\"\xc3\"", 2),
        FAILS("\"\xc3(\"", 2),
        FAILS("\"\xe4\xb8\"", 3),
        FAILS("\"\xe0\x80\x80\"", 2),
        FAILS("\"\xed\xa0\x80\"", 2),
        FAILS("\"\xf0\x8f\xbf\xbf\"", 2),
        FAILS("\"\xf4\x90\x80\x80\"", 2),
        FAILS("\"\xf5\x80\x80\x80\"", 1),
        FAILS("\"ok \xc3\xa9 then \xff\"", 12),
        FAILS("\"\xe4\xb8\\n\"", 3),
    };

    (void)state;
    check_all(cases, COUNT(cases));
}

static void json_lexer_knows_when_input_is_cut(void **state)
{
    static const struct expected cases[] = {
        CUT(""),    CUT(" "),    CUT("["),       CUT("{"),           CUT("[1"),
        CUT("[1,"), CUT("{\"a"), CUT("{\"a\""),  CUT("{\"a\":"),     CUT("{\"a\":1"),
        CUT("\""),  CUT("\"\\"), CUT("\"\\u12"), CUT("\"\\ud800\\"), CUT("\"\xe4"),
        CUT("tru"), CUT("[-"),   CUT("[1."),     CUT("[1e"),
    };

    (void)state;
    check_all(cases, COUNT(cases));
}

static void json_lexer_bounds_depth_by_its_own_stack(void **state)
{
    static const uint32_t limits[] = {1, 63, 64, 65, 1000};
    struct arena a;

    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct tc_lexer l;

        arena_init(&a, 4096, 1 << 20);
        assert_true(tc_lex_init(&l, &a, limits[i]));
        for (uint32_t k = 0; k < limits[i]; k++) {
            tc_lex_feed(&l, k % 3 ? STR("{\"\":") : STR("["));
            assert_int_equal(tc_lex_next(&l), k % 3 ? TC_JSON_OBJECT : TC_JSON_ARRAY);
            if (k % 3) {
                assert_int_equal(tc_lex_next(&l), TC_JSON_KEY);
                assert_int_equal(tc_lex_string(&l, NULL), TC_OK);
                assert_int_equal(tc_lex_next(&l), TC_JSON_MORE);
            }
        }
        for (uint32_t k = limits[i]; k-- > 0;) {
            if (k % 3 && k == limits[i] - 1) {
                tc_lex_feed(&l, STR("1"));
                (void)tc_lex_next(&l);
            }
            tc_lex_feed(&l, k % 3 ? STR("}") : STR("]"));
            while (tc_lex_next(&l) == TC_JSON_NUMBER)
                ;
        }
        assert_int_equal(l.status, TC_OK);
        assert_int_equal(tc_lex_end(&l), TC_JSON_DONE);

        tc_lex_reset(&l, 0);
        for (uint32_t k = 0; k < limits[i]; k++) {
            tc_lex_feed(&l, STR("["));
            assert_int_equal(tc_lex_next(&l), TC_JSON_ARRAY);
        }
        tc_lex_feed(&l, STR("["));
        assert_int_equal(tc_lex_next(&l), TC_JSON_BAD);
        assert_int_equal(l.status, TC_INVALID);
        assert_int_equal(l.bad, limits[i]);
        arena_release(&a);
    }
}

static void json_lexer_string_waits_for_room_and_loses_nothing(void **state)
{
    struct str json = STR("\"ab\\n\\ud83d\\ude00cd\\u00e9\xc3\xa9\"");
    struct str want = STR("ab\n\xf0\x9f\x98\x80"
                          "cd\xc3\xa9\xc3\xa9");
    struct arena a;
    struct tc_lexer l;
    struct buf out;
    enum tc_status st = TC_MORE;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    assert_true(tc_lex_init(&l, &a, 1));
    buf_init(&out, 0);
    tc_lex_feed(&l, json);
    assert_int_equal(tc_lex_next(&l), TC_JSON_STRING);
    while ((st = tc_lex_string(&l, &out)) == TC_FULL) {
        assert_true(out.max < 100);
        out.max++;
    }
    assert_int_equal(st, TC_OK);
    assert_true(str_eq(buf_str(&out), want));
    buf_release(&out);
    arena_release(&a);
}

static void json_lexer_whole_string_gives_a_slice_or_leaves_all_as_it_was(void **state)
{
    static const struct {
        struct str json;
        bool whole;
    } cases[] = {
        {STR_INIT("\"\""), true},         {STR_INIT("\"abc\""), true},
        {STR_INIT("\"\xc3\xa9\""), true}, {STR_INIT("\"a\\n\""), false},
        {STR_INIT("\"abc"), false},       {STR_INIT("\"\xc3\""), false},
        {STR_INIT("\"a\x01\""), false},   {STR_INIT("\""), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct guard g = guard_copy(cases[i].json);
        struct arena a;
        struct tc_lexer l;
        struct str text;

        arena_init(&a, 4096, 1 << 20);
        assert_true(tc_lex_init(&l, &a, 1));
        tc_lex_feed(&l, g.s);
        assert_int_equal(tc_lex_next(&l), TC_JSON_STRING);
        assert_int_equal(tc_lex_whole_string(&l, &text), cases[i].whole);
        assert_true(l.in.p == (cases[i].whole ? l.in.end : g.s.p + 1));
        if (cases[i].whole)
            assert_true(str_eq(text, str_of(g.s.p + 1, g.s.n - 2)));
        arena_release(&a);
        guard_release(&g);
    }
}

static void json_lexer_bounds_numbers_alike_in_one_piece_or_many(void **state)
{
    static char digits[TC_LEX_NUMBER_MAX + 2];

    (void)state;
    memset(digits, '1', sizeof digits);
    for (size_t n = TC_LEX_NUMBER_MAX; n <= TC_LEX_NUMBER_MAX + 1; n++) {
        for (size_t cut = 0; cut < n; cut += 1000) {
            struct arena a;
            struct tc_lexer l;

            arena_init(&a, 4096, 1 << 20);
            assert_true(tc_lex_init(&l, &a, 1));
            tc_lex_feed(&l, str_of(digits, cut));
            assert_int_equal(tc_lex_next(&l), TC_JSON_MORE);
            digits[n] = ' ';
            tc_lex_feed(&l, str_of(digits + cut, n + 1 - cut));
            assert_int_equal(tc_lex_next(&l),
                             n <= TC_LEX_NUMBER_MAX ? TC_JSON_NUMBER : TC_JSON_BAD);
            assert_int_equal(l.status, n <= TC_LEX_NUMBER_MAX ? TC_OK : TC_INVALID);
            digits[n] = '1';
            arena_release(&a);
        }
    }
}

static bool cut_number(void *arg)
{
    struct arena a;
    struct tc_lexer l;
    bool ok;

    (void)arg;
    arena_init(&a, 64, 1 << 20);
    ok = tc_lex_init(&l, &a, 1);
    if (ok) {
        tc_lex_feed(&l, STR("12"));
        ok = tc_lex_next(&l) == TC_JSON_MORE && tc_lex_end(&l) == TC_JSON_NUMBER;
        assert_int_equal(l.status, ok ? TC_OK : TC_NOMEM);
    }
    arena_release(&a);
    return ok;
}

static void json_lexer_survives_the_failure_of_any_allocation(void **state)
{
    (void)state;
    assert_true(failmalloc_each(cut_number, NULL) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lexer_reads_all_of_the_grammar),
        cmocka_unit_test(json_lexer_refuses_everything_else_and_says_where),
        cmocka_unit_test(json_lexer_refuses_bad_strings_at_the_byte_that_is_wrong),
        cmocka_unit_test(json_lexer_knows_when_input_is_cut),
        cmocka_unit_test(json_lexer_bounds_depth_by_its_own_stack),
        cmocka_unit_test(json_lexer_string_waits_for_room_and_loses_nothing),
        cmocka_unit_test(json_lexer_whole_string_gives_a_slice_or_leaves_all_as_it_was),
        cmocka_unit_test(json_lexer_bounds_numbers_alike_in_one_piece_or_many),
        cmocka_unit_test(json_lexer_survives_the_failure_of_any_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
