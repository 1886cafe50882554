#include "tools/protoc-gen-postern/types.h"

#include <stdlib.h>

#define MESSAGE Google__Protobuf__DescriptorProto
#define ENUM Google__Protobuf__EnumDescriptorProto

static void add(struct types *t, const struct request *r, struct str name, size_t file)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 256;
        struct type_entry *larger = need_array(r->arena, cap, sizeof *larger);
        for (size_t i = 0; i < t->n; i++)
            larger[i] = t->entries[i];
        t->entries = larger;
        t->cap = cap;
    }
    t->entries[t->n++] = (struct type_entry){name, file};
}

/* Recursion is as deep as protoc let messages be nested. */
static void walk(struct types *t, const struct request *r, const char *scope, MESSAGE *const *m,
                 size_t nm, ENUM *const *e, size_t ne, size_t file)
{
    for (size_t i = 0; i < ne; i++)
        add(t, r, str_c(need_text(r->arena, "%s.%s", scope, e[i]->name)), file);
    for (size_t i = 0; i < nm; i++) {
        char *name = need_text(r->arena, "%s.%s", scope, m[i]->name);
        add(t, r, str_c(name), file);
        walk(t, r, name, m[i]->nested_type, m[i]->n_nested_type, m[i]->enum_type, m[i]->n_enum_type,
             file);
    }
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct type_entry *)a)->name, ((const struct type_entry *)b)->name);
}

void types_collect(struct types *t, const struct request *r)
{
    *t = (struct types){0};
    for (size_t i = 0; i < r->pb->n_proto_file; i++) {
        const Google__Protobuf__FileDescriptorProto *f = r->pb->proto_file[i];
        bool packaged = f->package && f->package[0];
        const char *scope = packaged ? need_text(r->arena, ".%s", f->package) : "";
        walk(t, r, scope, f->message_type, f->n_message_type, f->enum_type, f->n_enum_type, i);
    }
    if (t->n)
        qsort(t->entries, t->n, sizeof *t->entries, by_name);
}

size_t types_file(const struct types *t, struct str name)
{
    struct type_entry key = {name, 0};
    const struct type_entry *found = t->n ? bsearch(&key, t->entries, t->n, sizeof key, by_name)
                                          : NULL;
    return found ? found->file : SIZE_MAX;
}
