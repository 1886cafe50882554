/* Random soups of tokens: parser and checker answer each, with a tree or with faults inside the
 * text. EXPR_SOUPS in the environment makes more of them. */
#include "gateway/expr/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/expr_env.h"
#include "tests/unit/support/guard.h"

static const char *const tokens[] = {
    "request",
    "response",
    ".name",
    ".f_part",
    ".r_part",
    "caller.tier",
    "claims",
    "i",
    "u",
    "d",
    "s",
    "b",
    "ints",
    "ages",
    "1",
    "2u",
    "1.5",
    "'a'",
    "b'x'",
    "r\"\\\"",
    "'''",
    "null",
    "true",
    "false",
    "in",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    "[",
    "]",
    "{",
    "}",
    ".",
    ".?",
    "[?",
    ",",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "&&",
    "||",
    ".all(x, ",
    ".map(x, ",
    ".filter(y, ",
    ".exists(k, v, ",
    "has(",
    "x",
    "y",
    "Sink{",
    "name:",
    "size(",
    ".size()",
    "optional.of(",
    ".optMap(x, ",
    "cel.bind(x, ",
    "math.greatest(",
    "type(",
    "dyn(",
    "duration('1s')",
    "now",
    "for",
    "\\",
    "\"",
    "`a-b`",
    "// c\n",
    "\xff",
    "\xc3\xa9",
    "Color.RED",
    "google.protobuf.Int32Value{value: ",
    "+ ",
    "&& ",
    "@",
    "0x",
    "1e999",
};
enum { NTOKENS = sizeof tokens / sizeof *tokens, SOUPS = 20000, LONGEST = 24 };

static uint32_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* Brackets that are open are mostly closed, so that some soups are expressions. */
static size_t cook(char *soup, size_t room, uint64_t *seed)
{
    char open[LONGEST * 2];
    size_t n = 0, depth = 0;

    for (uint32_t left = 1 + next(seed) % LONGEST; left; left--) {
        const char *token = tokens[next(seed) % NTOKENS];
        n += (size_t)snprintf(soup + n, room - n, "%s%s", next(seed) % 4 ? "" : " ", token);
        for (const char *c = token; *c && depth < sizeof open; c++) {
            if (*c == '(' || *c == '[' || *c == '{')
                open[depth++] = *c == '(' ? ')' : (char)(*c + 2);
            else if ((*c == ')' || *c == ']' || *c == '}') && depth)
                depth--;
        }
    }
    while (depth && next(seed) % 16)
        soup[n++] = open[--depth];
    return n;
}

static void soups_are_answered(void **state)
{
    struct env_test t;
    const char *more = getenv("EXPR_SOUPS");
    long soups = more ? strtol(more, NULL, 10) : SOUPS, taken = 0;
    uint64_t seed = 20;

    (void)state;
    env_test_init(&t, false);
    for (long i = 0; i < soups; i++) {
        char soup[2048];
        struct expr_faults faults = {.first = NULL};
        struct arena a, *outer = t.env->target.arena;
        struct guard g = guard_copy(str_of(soup, cook(soup, sizeof soup - 64, &seed)));
        arena_init(&a, 1 << 14, 16 << 20);
        t.env->target.arena = &a;
        struct expr_node *root = expr_parse(&a, g.s, &faults);
        bool good = root && expr_check(t.env, g.s, root, NULL, &faults);
        assert_false(faults.out_of_memory);
        assert_int_equal(good, faults.count == 0);
        for (const struct expr_fault *f = faults.first; f; f = f->next) {
            assert_true(f->offset <= f->end && f->end <= g.s.n);
            assert_non_null(expr_fault_text(&a, g.s, f).p);
        }
        taken += good;
        t.env->target.arena = outer;
        arena_release(&a);
        guard_release(&g);
    }
    print_message("%ld soups, %ld of them expressions\n", soups, taken);
    assert_true(taken * 200 > soups);
    env_test_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soups_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
