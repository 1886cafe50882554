#include "gateway/expr/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/expr_eval.h"

/* Random expressions of known types, written twice: with constants, which are evaluated at load,
 * and with variables of the same values, which are not. */
struct soup {
    char constant[4000], variable[4000];
    size_t n[2];
    uint32_t seed;
};

static uint32_t dice(struct soup *s, uint32_t sides)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 17;
    s->seed ^= s->seed << 5;
    return s->seed % sides;
}

static void put(struct soup *s, const char *constant, const char *variable)
{
    s->n[0] += (size_t)snprintf(s->constant + s->n[0], sizeof s->constant - s->n[0], "%s",
                                constant);
    s->n[1] += (size_t)snprintf(s->variable + s->n[1], sizeof s->variable - s->n[1], "%s",
                                variable);
    assert_true(s->n[0] < sizeof s->constant && s->n[1] < sizeof s->variable);
}

/* In a recipe a letter stands for an expression: I int, U uint, D double, S string, B bool, L list
 * of ints, M map of string to int, O optional int. */
static const char *const recipes[][12] = {
    ['I' - 'A'] = {"(I + I)", "(I - I)", "(I * I)", "(I / I)", "(I % I)", "-I", "size(L)",
                   "size(S)", "(B ? I : I)", "L[I]", "O.orValue(I)", "int(U)"},
    ['U' - 'A'] = {"(U + U)", "(U - U)", "uint(I)", "(U / U)", "math.bitAnd(U, U)", "(B ? U : U)"},
    ['D' - 'A'] = {"(D + D)", "(D / D)", "double(I)", "math.round(D)", "(D * D)", "math.sqrt(I)"},
    ['S' - 'A'] = {"(S + S)", "string(I)", "S.upperAscii()", "string(D)", "S.replace('o', S)",
                   "'%s'.format([L])", "(B ? S : S)", "S.substring(I)", "S.split('l').join(S)",
                   "'%s|%d'.format([M, I])"},
    ['B' - 'A'] = {"(I < I)", "(I == I)", "(B && B)", "(B || B)", "!B", "(S in M)", "(I in L)",
                   "L.all(x, x > I)", "L.exists(x, x == I)", "(D < I)", "(L == L)",
                   "S.contains(S)"},
    ['L' - 'A'] = {"[I, I]", "(L + L)", "L.map(x, x + I)", "L.filter(x, x > I)", "L.reverse()",
                   "L.sort()", "[?O, I]", "M.map(k, size(k))", "L.distinct()",
                   "cel.bind(x, I, [x, x])", "lists.range(3)"},
    ['M' - 'A'] = {"{S: I}", "{S: I, 'k': I}", "{?S: O}",
                   "L.transformMapEntry(n, v, {string(n): v})",
                   "{'a': I}.transformMap(k, v, v + I)"},
    ['O' - 'A'] = {"optional.of(I)", "L[?I]", "M[?S]", "O.or(O)", "optional.ofNonZeroValue(I)",
                   "O.optMap(x, x + I)", "L.first()", "optional.none()"},
};

static void leaf(struct soup *s, char type)
{
    switch (type) {
    case 'I': dice(s, 2) ? put(s, "7", "i") : put(s, "-1", "-1"); break;
    case 'U': dice(s, 2) ? put(s, "7u", "u") : put(s, "0u", "(u - 7u)"); break;
    case 'D': put(s, "2.5", "2.5"); break;
    case 'S': dice(s, 2) ? put(s, "'gold'", "caller.tier") : put(s, "'ñ'", "'ñ'"); break;
    case 'B': dice(s, 2) ? put(s, "(7 > 5)", "(i > 5)") : put(s, "false", "(i > 7)"); break;
    case 'L': put(s, "[7, 1]", "[i, 1]"); break;
    case 'M': put(s, "{'k': 7}", "{'k': i}"); break;
    default: put(s, "optional.of(7)", "optional.of(i)"); break;
    }
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void brew(struct soup *s, char type, uint32_t depth)
{
    const char *const *row = recipes[type - 'A'];
    uint32_t n = 0;
    while (n < 12 && row[n])
        n++;
    if (depth == 0 || s->n[0] > 700 || s->n[1] > 700) {
        leaf(s, type);
        return;
    }
    char before = '(';
    for (const char *p = row[dice(s, n)]; *p; before = *p++) {
        char text[] = {*p, '\0'};
        /* A letter of its own, not one of a name. */
        bool stands_for = *p >= 'A' && *p <= 'Z' && !letter(before) && !letter(p[1]);
        if (stands_for)
            brew(s, *p, depth - 1);
        else
            put(s, text, text);
    }
}

static void constants_and_variables_give_the_same(void **state)
{
    struct eval_test *t = *state;
    static struct soup s;
    s.seed = 41;
    for (int round = 0; round < 3000; round++) {
        char first[8192];
        s.n[0] = s.n[1] = 0;
        brew(&s, "IUDSBLMO"[round % 8], 1 + dice(&s, 4));
        snprintf(first, sizeof first, "%s", eval_text(t, s.constant));
        const char *second = eval_text(t, s.variable);
        if (strncmp(second, "refused: this may take", 22) == 0)
            continue;
        if (strcmp(first, second) != 0)
            fail_msg("%s\n  is %s\n%s\n  is %s", s.constant, first, s.variable, second);
        if (strncmp(first, "refused", 7) == 0)
            fail_msg("%s: %s", s.constant, first);
    }
}

/* With little memory of a random size: the same, or too little. */
static void memory_never_changes_a_value(void **state)
{
    struct eval_test *t = *state;
    static struct soup s;
    s.seed = 77;
    for (int round = 0; round < 2000; round++) {
        char want[8192];
        s.n[0] = s.n[1] = 0;
        brew(&s, "SBLMO"[round % 5], 1 + dice(&s, 3));
        snprintf(want, sizeof want, "%s", eval_text(t, s.variable));
        if (strncmp(want, "refused: this may take", 22) == 0)
            continue;
        const char *got = eval_text_within(t, eval_compile(t, s.variable), dice(&s, 4096));
        if (strcmp(got, want) != 0 && strcmp(got, "budget") != 0)
            fail_msg("%s\n  is    %s\n  wants %s", s.variable, got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_and_variables_give_the_same),
        cmocka_unit_test(memory_never_changes_a_value),
    };
    return cmocka_run_group_tests(tests, eval_setup, eval_teardown);
}
