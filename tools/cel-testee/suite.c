#include "tools/cel-testee/testee.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One case while it runs. */
struct test_case {
    struct record test;
    char name[512]; /* file/section/test */
    struct trial *trial;
    char why[512]; /* of a failure */
    bool unchecked;
};

struct tally {
    uint32_t passed, refused, failed, skipped; /* refused: passed, an error found at load */
};

enum outcome { PASSED, REFUSED, FAILED };

/* Of lines "file/section/test reason", "file/section/ reason" (all of it) and "# ...": the reason
 * that one names this case; an empty one: none does. */
static struct str skip_reason(struct str skips, struct str name)
{
    while (skips.p) {
        struct str line = str_cut(&skips, '\n'), pattern = str_cut(&line, ' ');
        bool prefix = str_ends(pattern, STR("/"));
        if (pattern.n && (prefix ? str_starts(name, pattern) : str_eq(name, pattern)))
            return line.p ? str_trim(line) : STR("");
    }
    return STR("");
}

__attribute__((format(printf, 2, 3))) static enum outcome fail(struct test_case *c,
                                                               const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
    return FAILED;
}

static bool declare(struct test_case *c)
{
    struct str rest = c->test.bytes;
    struct tc_wire_field f;

    while (record_next(c->test, "type_env", &rest, &f)) {
        struct record decl = record_of(c->test, "type_env", &f);
        struct record ident = record_sub(decl, "ident");
        struct record function = record_sub(decl, "function");
        if (function.bytes.p) {
            if (spec_declare_function(c->trial, record_text(decl, "name"), function))
                continue;
            fail(c, "declares a function over a type that there is not");
            return false;
        }
        const struct expr_type *type = spec_type(c->trial, record_sub(ident, "type"));
        if (!type) {
            fail(c, "declares a variable of a type that there is not");
            return false;
        }
        trial_declare(c->trial, record_text(decl, "name"), type);
    }
    return true;
}

static void bind(struct test_case *c)
{
    struct str rest = c->test.bytes;
    struct tc_wire_field f;

    while (record_next(c->test, "bindings", &rest, &f)) {
        struct record entry = record_of(c->test, "bindings", &f);
        struct record value = record_sub(record_sub(entry, "value"), "value");
        if (value.bytes.p)
            trial_bind(c->trial, record_text(entry, "key"), spec_value(c->trial, value));
    }
}

static bool wants_error(struct record test)
{
    struct tc_wire_field f;
    return record_find(test, "eval_error", &f) || record_find(test, "any_eval_errors", &f);
}

static struct str shown(struct test_case *c, const struct expr_value *v)
{
    if (v->kind == EXPR_ERROR)
        return v->error->text;
    return expr_value_text(&c->trial->arena, v, 200);
}

static enum outcome check_type(struct test_case *c, struct record typed)
{
    const struct expr_type *want = spec_type(c->trial, record_sub(typed, "deduced_type"));
    const struct expr_type *got = c->trial->program->type;

    if (!want)
        return fail(c, "expects a type that there is not");
    if (expr_type_equal(want, got))
        return PASSED;
    return fail(c, "type %.*s, not %.*s", STR_ARG(expr_type_text(&c->trial->arena, got)),
                STR_ARG(expr_type_text(&c->trial->arena, want)));
}

static enum outcome check_value(struct test_case *c, struct record expected, bool any)
{
    struct expr_value v = trial_eval(c->trial);

    if (any)
        return v.kind == EXPR_ERROR ? PASSED : fail(c, "no error but %.*s", STR_ARG(shown(c, &v)));
    if (!expected.bytes.p) /* true is what is expected unless something is said */
        return v.kind == EXPR_BOOL && v.b ? PASSED
                                          : fail(c, "not true but %.*s", STR_ARG(shown(c, &v)));
    return spec_matches(c->trial, expected, &v) ? PASSED
                                                : fail(c, "value %.*s", STR_ARG(shown(c, &v)));
}

static enum outcome run(struct test_case *c)
{
    struct record typed = record_sub(c->test, "typed_result");
    struct record value = record_sub(c->test, "value");
    struct tc_wire_field f;

    if (record_find(c->test, "unknown", &f) || record_find(c->test, "any_unknowns", &f))
        return fail(c, "expects an unknown");
    if (!declare(c))
        return FAILED;
    if (!trial_compile(c->trial, record_text(c->test, "expr"))) {
        if (wants_error(c->test))
            return REFUSED;
        return fail(
            c, "%.*s",
            STR_ARG(c->trial->faults.first ? c->trial->faults.first->text : STR("out of memory")));
    }
    bind(c);
    if (typed.bytes.p && check_type(c, typed) == FAILED)
        return FAILED;
    if (record_number(c->test, "check_only"))
        return PASSED;
    return check_value(c, typed.bytes.p ? record_sub(typed, "result") : value,
                       wants_error(c->test));
}

static void judge(struct test_case *c, struct str skips, struct tally *t)
{
    struct str reason = skip_reason(skips, str_c(c->name));
    enum outcome o = run(c);

    if (o != FAILED && reason.n) {
        printf("%s: passes; take it off the list\n", c->name);
        t->failed++;
    } else if (o == FAILED && reason.n) {
        printf("%s: skipped: %.*s\n", c->name, STR_ARG(reason));
        t->skipped++;
    } else if (o == FAILED && c->unchecked) {
        printf("%s: skipped: wants an unchecked evaluator: %s\n", c->name, c->why);
        t->skipped++;
    } else if (o == FAILED) {
        printf("%s: FAILED: %s: %.*s\n", c->name, c->why, STR_ARG(record_text(c->test, "expr")));
        t->failed++;
    } else {
        t->passed++;
        t->refused += o == REFUSED;
    }
}

static void run_section(const struct tc_schema *schema, struct record section, struct str file,
                        struct str skips, char *memory, struct tally *t)
{
    struct str rest = section.bytes;
    struct tc_wire_field f;

    while (record_next(section, "test", &rest, &f)) {
        struct trial trial;
        struct test_case c = {.test = record_of(section, "test", &f), .trial = &trial};
        c.unchecked = record_number(c.test, "disable_check") ||
                      record_number(c.test, "disable_macros");
        snprintf(c.name, sizeof c.name, "%.*s/%.*s/%.*s", STR_ARG(file),
                 STR_ARG(record_text(section, "name")), STR_ARG(record_text(c.test, "name")));
        trial_init(&trial, schema, record_text(c.test, "container"), str_of(memory, SCRATCH));
        judge(&c, skips, t);
        trial_release(&trial);
    }
}

static struct str base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_c(slash ? slash + 1 : path);
    name.n = str_find(name, '.');
    return name;
}

static struct tally run_file(const struct tc_schema *schema, struct str skips, const char *path,
                             char *memory)
{
    struct arena a;
    struct tally t = {0, 0, 0, 0};
    struct tc_wire_field f;
    struct str name = base_name(path);

    arena_init(&a, 1 << 20, ARENA_MAX);
    struct record file = {
        tc_schema_message(schema, STR("cel.expr.conformance.test.SimpleTestFile")),
        file_read(&a, path)};
    must((void *)(uintptr_t)file.type);
    struct str rest = file.bytes;
    while (record_next(file, "section", &rest, &f))
        run_section(schema, record_of(file, "section", &f), name, skips, memory, &t);
    printf("%-16.*s %4u passed (%u refused at load), %u failed, %u skipped\n", STR_ARG(name),
           t.passed, t.refused, t.failed, t.skipped);
    arena_release(&a);
    return t;
}

int suite_run(const struct tc_schema *schema, struct str skips, char **files)
{
    struct tally all = {0, 0, 0, 0};
    char *memory = must(malloc(SCRATCH));

    for (; *files; files++) {
        struct tally t = run_file(schema, skips, *files, memory);
        all.passed += t.passed;
        all.refused += t.refused;
        all.failed += t.failed;
        all.skipped += t.skipped;
    }
    printf("all: %u passed (%u refused at load), %u failed, %u skipped\n", all.passed, all.refused,
           all.failed, all.skipped);
    free(memory);
    return all.failed > 0;
}
