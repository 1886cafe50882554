#include "tools/cel-testee/record.h"

#include <stdio.h>
#include <stdlib.h>

static const struct tc_field *field_of(struct record r, const char *name)
{
    const struct tc_field *f = tc_field_by_name(r.type, str_c(name));

    if (!f) {
        fprintf(stderr, "cel-testee: %.*s has no field %s\n", STR_ARG(r.type->full_name), name);
        exit(2);
    }
    return f;
}

bool record_next(struct record r, const char *name, struct str *rest, struct tc_wire_field *f)
{
    uint32_t number = field_of(r, name)->number;
    enum tc_status st;

    while ((st = tc_wire_next(rest, f)) == TC_OK)
        if (f->number == number)
            return true;
    if (st == TC_MORE)
        return false;
    fprintf(stderr, "cel-testee: malformed %.*s\n", STR_ARG(r.type->full_name));
    exit(2);
}

bool record_find(struct record r, const char *name, struct tc_wire_field *f)
{
    struct str rest = r.bytes;
    struct tc_wire_field one;
    bool found = false;

    while (record_next(r, name, &rest, &one)) {
        *f = one;
        found = true;
    }
    return found;
}

struct record record_of(struct record r, const char *name, const struct tc_wire_field *f)
{
    return (struct record){field_of(r, name)->message, f->bytes};
}

struct record record_sub(struct record r, const char *name)
{
    struct tc_wire_field f;

    if (!record_find(r, name, &f))
        return (struct record){field_of(r, name)->message, STR_NONE};
    struct record sub = record_of(r, name, &f);
    if (!sub.bytes.p)
        sub.bytes = STR("");
    return sub;
}

struct str record_text(struct record r, const char *name)
{
    struct tc_wire_field f;

    return record_find(r, name, &f) ? f.bytes : STR("");
}

uint64_t record_number(struct record r, const char *name)
{
    struct tc_wire_field f;

    return record_find(r, name, &f) ? f.value : 0;
}
