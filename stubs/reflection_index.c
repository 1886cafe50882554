#include "stubs/reflection_index.h"

#include <stdlib.h>

#include "transcoder/wire.h"

/* Field numbers of descriptor.proto. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_IMPORT = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    FILE_EXTENSION = 7,
    ANY_NAME = 1, /* of message, enum, value, service, method and field alike */
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_EXTENSION = 6,
    MESSAGE_ONEOF = 8,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2,
    FIELD_EXTENDEE = 2,
    FIELD_NUMBER = 3,
    FIRST_CAP = 64,
};

/* One more place in a list of the index; NULL when memory is short. */
static void *grow(struct arena *a, void *list, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return list;
    uint32_t larger = *cap ? 2 * *cap : FIRST_CAP;
    void *p = arena_array(a, larger, size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, list, n * size);
    *cap = larger;
    return p;
}

static struct str text_of(struct str bytes, uint32_t number)
{
    struct tc_wire_field f;
    return tc_wire_find(bytes, number, TC_LEN, &f) ? f.bytes : STR_NONE;
}

static struct str join(struct arena *a, struct str scope, struct str name)
{
    return arena_printf(a, "%.*s%s%.*s", STR_ARG(scope), scope.n ? "." : "", STR_ARG(name));
}

/* Notes "scope.name" as declared in the newest file, and returns it. p == NULL: out of memory. */
static struct str add_symbol(struct reflection_index *x, struct str scope, struct str declaration)
{
    struct str name = join(x->arena, scope, text_of(declaration, ANY_NAME));
    struct reflected_symbol *list = grow(x->arena, x->symbols, x->nsymbols, &x->cap_symbols,
                                         sizeof *list);
    if (!list || !name.p)
        return STR_NONE;
    x->symbols = list;
    x->symbols[x->nsymbols++] = (struct reflected_symbol){name, x->nfiles};
    return name;
}

static bool add_extension(struct reflection_index *x, struct str scope, struct str declaration)
{
    struct tc_wire_field number = {0};
    struct str extended = text_of(declaration, FIELD_EXTENDEE);
    struct reflected_extension *list = grow(x->arena, x->extensions, x->nextensions,
                                            &x->cap_extensions, sizeof *list);
    if (!list || !add_symbol(x, scope, declaration).p)
        return false;
    tc_wire_find(declaration, FIELD_NUMBER, TC_VARINT, &number);
    x->extensions = list;
    x->extensions[x->nextensions++] = (struct reflected_extension){
        str_starts(extended, STR(".")) ? str_skip(extended, 1) : extended, (uint32_t)number.value,
        x->nfiles};
    return true;
}

/* Declarations with members of one kind: an enum and its values (which stand beside it, in its
 * scope), a service and its methods. */
static bool add_with_members(struct reflection_index *x, struct str scope, struct str declaration,
                             uint32_t member, bool beside)
{
    struct str name = add_symbol(x, scope, declaration);
    struct tc_wire_field f;
    bool ok = name.p != NULL;
    while (ok && tc_wire_next(&declaration, &f) == TC_OK)
        if (f.number == member && f.type == TC_LEN)
            ok = add_symbol(x, beside ? scope : name, f.bytes).p != NULL;
    return ok;
}

static bool add_message(struct reflection_index *x, struct str scope, struct str declaration);

static bool add_part(struct reflection_index *x, struct str scope, const struct tc_wire_field *f)
{
    if (f->type != TC_LEN)
        return true;
    switch (f->number) {
    case MESSAGE_FIELD:
    case MESSAGE_ONEOF: return add_symbol(x, scope, f->bytes).p != NULL;
    case MESSAGE_NESTED: return add_message(x, scope, f->bytes);
    case MESSAGE_ENUM: return add_with_members(x, scope, f->bytes, ENUM_VALUE, true);
    case MESSAGE_EXTENSION: return add_extension(x, scope, f->bytes);
    default: return true;
    }
}

/* As deep as the declarations of a set of our own. */
static bool add_message(struct reflection_index *x, struct str scope, struct str declaration)
{
    struct str name = add_symbol(x, scope, declaration);
    struct tc_wire_field f;
    bool ok = name.p != NULL;
    while (ok && tc_wire_next(&declaration, &f) == TC_OK)
        ok = add_part(x, name, &f);
    return ok;
}

static bool add_service(struct reflection_index *x, struct str scope, struct str declaration)
{
    struct str *list = grow(x->arena, x->services, x->nservices, &x->cap_services, sizeof *list);
    if (!list)
        return false;
    x->services = list;
    x->services[x->nservices++] = join(x->arena, scope, text_of(declaration, ANY_NAME));
    return add_with_members(x, scope, declaration, SERVICE_METHOD, false);
}

static bool add_declaration(struct reflection_index *x, struct reflected_file *file,
                            struct str scope, const struct tc_wire_field *f)
{
    if (f->type != TC_LEN)
        return true;
    switch (f->number) {
    case FILE_IMPORT: file->imports[file->nimports++] = f->bytes; return true;
    case FILE_MESSAGE: return add_message(x, scope, f->bytes);
    case FILE_ENUM: return add_with_members(x, scope, f->bytes, ENUM_VALUE, true);
    case FILE_SERVICE: return add_service(x, scope, f->bytes);
    case FILE_EXTENSION: return add_extension(x, scope, f->bytes);
    default: return true;
    }
}

static uint32_t count(struct str bytes, uint32_t number)
{
    struct tc_wire_field f;
    uint32_t n = 0;
    while (tc_wire_next(&bytes, &f) == TC_OK)
        n += f.number == number;
    return n;
}

static bool add_file(struct reflection_index *x, struct str bytes)
{
    struct reflected_file file = {.name = text_of(bytes, FILE_NAME), .bytes = bytes};
    struct str scope = text_of(bytes, FILE_PACKAGE);
    if (reflection_file(x, file.name) != REFLECTION_NONE)
        return true;
    struct reflected_file *list = grow(x->arena, x->files, x->nfiles, &x->cap_files, sizeof *list);
    file.imports = arena_array(x->arena, count(bytes, FILE_IMPORT), sizeof *file.imports);
    if (!list || !file.imports)
        return false;
    x->files = list;
    struct tc_wire_field f;
    bool ok = true;
    while (ok && tc_wire_next(&bytes, &f) == TC_OK)
        ok = add_declaration(x, &file, scope, &f);
    x->files[x->nfiles++] = file;
    return ok;
}

bool reflection_index_add(struct reflection_index *x, struct str set)
{
    struct tc_wire_field f;
    enum tc_status st;
    while ((st = tc_wire_next(&set, &f)) == TC_OK)
        if (f.number == SET_FILE && f.type == TC_LEN && !add_file(x, f.bytes))
            return false;
    return st == TC_MORE;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct reflected_symbol *)a)->name,
                   ((const struct reflected_symbol *)b)->name);
}

void reflection_index_finish(struct reflection_index *x)
{
    if (x->nsymbols)
        qsort(x->symbols, x->nsymbols, sizeof *x->symbols, by_name);
}

int64_t reflection_file(const struct reflection_index *x, struct str name)
{
    for (uint32_t i = 0; i < x->nfiles; i++)
        if (str_eq(x->files[i].name, name))
            return i;
    return REFLECTION_NONE;
}

int64_t reflection_symbol(const struct reflection_index *x, struct str name)
{
    struct reflected_symbol key = {name, 0};
    const struct reflected_symbol *found = x->nsymbols ? bsearch(&key, x->symbols, x->nsymbols,
                                                                 sizeof key, by_name)
                                                       : NULL;
    return found ? (int64_t)found->file : REFLECTION_NONE;
}

int64_t reflection_extension(const struct reflection_index *x, struct str extended, uint32_t number)
{
    for (uint32_t i = 0; i < x->nextensions; i++)
        if (x->extensions[i].number == number && str_eq(x->extensions[i].extended, extended))
            return x->extensions[i].file;
    return REFLECTION_NONE;
}
