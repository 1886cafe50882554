#include "tests/unit/support/sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { SET_MEMORY = 64 << 20 };

struct str set_read(struct arena *a, const char *name)
{
    struct str path = arena_printf(a, "%s/%s", TEST_PROTOS_DIR, name);
    FILE *f = fopen(path.p, "rb");
    if (!f)
        fail_msg("%s is missing; make unit-tests makes it", path.p);
    fseek(f, 0, SEEK_END);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *bytes = arena_alloc(a, n);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, n, f), n);
    fclose(f);
    return str_of(bytes, n);
}

struct set set_load(const char *name)
{
    struct set s = {.bytes = STR_NONE};
    struct tc_faults faults;

    arena_init(&s.arena, 64 << 10, SET_MEMORY);
    tc_faults_init(&faults, &s.arena);
    s.bytes = set_read(&s.arena, name);
    s.schema = schema_compile(s.bytes, &s.arena, &faults);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    assert_non_null(s.schema);
    assert_int_equal(faults.count, 0);
    return s;
}

void set_release(struct set *s)
{
    arena_release(&s->arena);
}

const struct tc_message *set_message(const struct set *s, const char *full_name)
{
    const struct tc_message *m = tc_schema_message(s->schema, str_c(full_name));
    if (!m)
        fail_msg("no message %s", full_name);
    return m;
}

const struct tc_field *set_field(const struct set *s, const char *message, const char *field)
{
    const struct tc_field *f = tc_field_by_name(set_message(s, message), str_c(field));
    if (!f)
        fail_msg("no field %s in %s", field, message);
    return f;
}
