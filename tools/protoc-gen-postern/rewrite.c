#include "tools/protoc-gen-postern/rewrite.h"

#include <stdio.h>

#define FILE_PROTO Google__Protobuf__FileDescriptorProto
#define MESSAGE Google__Protobuf__DescriptorProto
#define FIELD Google__Protobuf__FieldDescriptorProto
#define LOCATION Google__Protobuf__SourceCodeInfo__Location

enum { MESSAGE_IN_FILE = 4, MESSAGE_IN_MESSAGE = 3, FIELD_IN_MESSAGE = 2, PATH_MAX_PARTS = 128 };

/* A place in a descriptor, as SourceCodeInfo counts: field number and index in turn. */
struct place {
    const FILE_PROTO *file;
    int32_t path[PATH_MAX_PARTS];
    size_t n;
};

static bool push(struct place *p, int32_t number, size_t index)
{
    if (p->n + 2 > PATH_MAX_PARTS)
        return false;
    p->path[p->n++] = number;
    p->path[p->n++] = (int32_t)index;
    return true;
}

static int line_of(const struct place *p)
{
    const Google__Protobuf__SourceCodeInfo *info = p->file->source_code_info;
    for (size_t i = 0; info && i < info->n_location; i++) {
        const LOCATION *l = info->location[i];
        if (l->n_path == p->n && l->n_span && !memcmp(l->path, p->path, p->n * sizeof *p->path))
            return l->span[0] + 1;
    }
    return 0;
}

/* --- groups --- */

static bool is_group(const FIELD *f)
{
    return f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP;
}

static size_t report_groups(struct place *p, const MESSAGE *m)
{
    size_t groups = 0, depth = p->n;
    for (size_t i = 0; i < m->n_field; i++) {
        if (!is_group(m->field[i]) || !push(p, FIELD_IN_MESSAGE, i))
            continue;
        fprintf(stderr,
                "%s:%d: %s.%s is a group: protobuf-c has no struct for it. Make it a message, or "
                "generate the schema alone with --postern_opt=stubs=none\n",
                p->file->name, line_of(p), m->name, m->field[i]->name);
        groups++;
        p->n = depth;
    }
    for (size_t i = 0; i < m->n_nested_type; i++) {
        if (push(p, MESSAGE_IN_MESSAGE, i))
            groups += report_groups(p, m->nested_type[i]);
        p->n = depth;
    }
    return groups;
}

static size_t groups_in_file(const FILE_PROTO *f)
{
    size_t groups = 0;
    for (size_t i = 0; i < f->n_message_type; i++) {
        struct place p = {.file = f};
        push(&p, MESSAGE_IN_FILE, i);
        groups += report_groups(&p, f->message_type[i]);
    }
    return groups;
}

/* --- names and imports --- */

/* protoc-gen-c appends '_' to the words of C that it knows; these it does not, or uses itself
 * (`base`). */
static char *member_name(const struct request *r, char *name)
{
    static const char *const taken[] = {"base", "restrict", "typeof", "linux", "unix"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (str_eq(str_c(name), str_c(taken[i])))
            return need_text(r->arena, "%s_", name);
    return name;
}

static void strip_message(const struct request *r, MESSAGE *m, const struct types *types,
                          bool *used)
{
    m->n_extension = 0;
    for (size_t i = 0; i < m->n_field; i++) {
        FIELD *f = m->field[i];
        f->name = member_name(r, f->name);
        f->has_proto3_optional = false;
        size_t file = f->type_name ? types_file(types, str_c(f->type_name)) : SIZE_MAX;
        if (file != SIZE_MAX)
            used[file] = true;
    }
    for (size_t i = 0; i < m->n_nested_type; i++)
        strip_message(r, m->nested_type[i], types, used);
}

/* Does importing file `i` show a type that is used? Public imports show theirs too. */
static bool shows_used(const struct request *r, size_t i, const bool *used)
{
    if (used[i])
        return true;
    const FILE_PROTO *f = r->pb->proto_file[i];
    for (size_t p = 0; p < f->n_public_dependency; p++) {
        size_t at = (size_t)f->public_dependency[p];
        if (at < f->n_dependency && shows_used(r, request_file(r, f->dependency[at]), used))
            return true;
    }
    return false;
}

static bool is_public(const FILE_PROTO *f, size_t dependency)
{
    for (size_t i = 0; i < f->n_public_dependency; i++)
        if (f->public_dependency[i] == (int32_t)dependency)
            return true;
    return false;
}

static void strip_imports(const struct request *r, FILE_PROTO *f, const bool *used)
{
    char **kept = need_array(r->arena, f->n_dependency, sizeof *kept);
    int32_t *public_ones = need_array(r->arena, f->n_dependency, sizeof *public_ones);
    size_t n = 0, npublic = 0;
    for (size_t i = 0; i < f->n_dependency; i++) {
        bool is_shared = is_public(f, i); /* others may see types through it */
        if (!is_shared && !shows_used(r, request_file(r, f->dependency[i]), used))
            continue;
        if (is_shared)
            public_ones[npublic++] = (int32_t)n;
        kept[n++] = f->dependency[i];
    }
    f->dependency = kept;
    f->n_dependency = n;
    f->public_dependency = public_ones;
    f->n_public_dependency = npublic;
    f->n_weak_dependency = 0;
}

static void strip_file(const struct request *r, FILE_PROTO *f, const struct types *types)
{
    bool *used = need_array(r->arena, r->pb->n_proto_file, sizeof *used);
    for (size_t i = 0; i < f->n_message_type; i++)
        strip_message(r, f->message_type[i], types, used);
    strip_imports(r, f, used);
    f->n_extension = 0;
    f->n_service = 0;
    if (!r->options.comments)
        f->source_code_info = NULL;
}

bool rewrite_for_structs(struct request *r, const struct types *types)
{
    size_t groups = 0;
    for (size_t i = 0; i < r->pb->n_file_to_generate; i++) {
        size_t file = request_file(r, r->pb->file_to_generate[i]);
        groups += groups_in_file(r->pb->proto_file[file]);
    }
    if (groups)
        return false;
    for (size_t i = 0; i < r->pb->n_proto_file; i++)
        strip_file(r, r->pb->proto_file[i], types);
    return true;
}
