#include "gateway/expr/internal.h"
#include "tools/cel-testee/testee.h"

/* A signature while it is written (function.h says how), and the type parameters met so far. */
struct writing {
    struct arena *arena;
    struct str text, letters[8];
    uint32_t nletters;
    bool bad;
};

static void add(struct writing *w, struct str text)
{
    w->text = arena_printf(w->arena, "%.*s%.*s", STR_ARG(w->text), STR_ARG(text));
    must((void *)(uintptr_t)w->text.p);
}

static void add_letter(struct writing *w, struct str name)
{
    uint32_t i = 0;

    while (i < w->nletters && !str_eq(w->letters[i], name))
        i++;
    if (i == 8) {
        w->bad = true;
        return;
    }
    if (i == w->nletters)
        w->letters[w->nletters++] = name;
    char letter = (char)('A' + i);
    add(w, str_of(&letter, 1));
}

static void add_type(struct writing *w, struct record type);

static void add_part(struct writing *w, const char *open, struct record type)
{
    add(w, str_c(open));
    add_type(w, type);
}

static void add_aggregate(struct writing *w, struct record type)
{
    struct record list = record_sub(type, "list_type"), map = record_sub(type, "map_type"),
                  of = record_sub(type, "type");

    if (list.bytes.p) {
        add_part(w, "list<", record_sub(list, "elem_type"));
    } else if (map.bytes.p) {
        add_part(w, "map<", record_sub(map, "key_type"));
        add_part(w, ", ", record_sub(map, "value_type"));
    } else if (of.bytes.p) {
        add_part(w, "type<", of);
    } else {
        w->bad = true;
        return;
    }
    add(w, STR(">"));
}

static void add_type(struct writing *w, struct record type)
{
    static const char *const primitives[] = {NULL,     "bool",   "int",  "uint",
                                             "double", "string", "bytes"};
    struct tc_wire_field f;

    if (record_find(type, "dyn", &f))
        add(w, STR("dyn"));
    else if (record_find(type, "type_param", &f))
        add_letter(w, f.bytes);
    else if (record_find(type, "primitive", &f) && f.value >= 1 && f.value <= 6)
        add(w, str_c(primitives[f.value]));
    else
        add_aggregate(w, type);
}

static struct expr_value no_body(struct expr_run *r, const struct expr_value *args, uint32_t n)
{
    (void)args, (void)n;
    return expr_fail(r, EXPR_FAIL_NO_OVERLOAD, "declared only");
}

/* The row goes where its name belongs. */
static void insert(struct trial *t, struct expr_overload row)
{
    struct expr_functions *f = &t->env->functions;
    struct expr_overload *rows = must(arena_array(&t->arena, f->n + 1, sizeof *rows));
    uint32_t at = 0;

    while (at < f->n && str_cmp(f->rows[at].name, row.name) <= 0)
        at++;
    memcpy(rows, f->rows, at * sizeof *rows);
    rows[at] = row;
    memcpy(rows + at + 1, f->rows + at, (f->n - at) * sizeof *rows);
    f->rows = rows;
    f->n++;
}

static bool declare_overload(struct trial *t, struct str name, struct record overload)
{
    struct writing w = {.arena = &t->arena, .text = name};
    struct expr_function *row = must(arena_alloc(&t->arena, sizeof *row));
    struct expr_overload parsed;
    struct str rest = overload.bytes;
    struct tc_wire_field f;

    for (const char *open = "("; record_next(overload, "params", &rest, &f); open = ", ")
        add_part(&w, open, record_of(overload, "params", &f));
    add_part(&w, ") -> ", record_sub(overload, "result_type"));
    *row = (struct expr_function){w.text.p, no_body, EXPR_COST_ONE, 0};
    if (w.bad || !expr_overload_parse(&parsed, row, &t->arena))
        return false;
    insert(t, parsed);
    return true;
}

bool spec_declare_function(struct trial *t, struct str name, struct record function)
{
    struct str rest = function.bytes;
    struct tc_wire_field f;

    while (record_next(function, "overloads", &rest, &f))
        if (!declare_overload(t, name, record_of(function, "overloads", &f)))
            return false;
    return true;
}
