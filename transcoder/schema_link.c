/* Every full name goes into one table; then each reference is looked up there, each extension given
 * to the message it extends. */
#include "transcoder/schema_internal.h"

#include <stdlib.h>

/* Names without a leading dot come from no protoc; looking for them outwards must not take all day
 * in a set made for that. */
enum { RELATIVE_PROBES_MAX = 1 << 20, MISSING_SHOWN = 8 };

static void index_type(struct compile *c, struct raw_scope *s)
{
    const struct raw_scope *first = name_index_put(c, &c->types, s->full_name, s);
    if (!schema_is_name(s->node.name))
        schema_fault(c, &s->node, "\"%.*s\" is not a name", SHOW(s->node.name));
    else if (first)
        schema_fault(c, &s->node, "is defined twice: also in %.*s",
                     SHOW(raw_file_of(&first->node)->scope.node.name));
}

static void index_types(struct compile *c)
{
    struct tc_schema *s = c->schema;
    for (struct raw_message *m = c->messages; m; m = m->next)
        s->nmessages++;
    for (struct raw_enum *e = c->enums; e; e = e->next)
        s->nenums++;
    for (struct raw_service *v = c->services; v; v = v->next)
        s->nservices++;
    if (!name_index_init(c, &c->types, (size_t)s->nmessages + s->nenums + s->nservices))
        return;
    struct tc_message *messages = schema_take(c, c->out, s->nmessages, sizeof *messages);
    struct tc_enum *enums = schema_take(c, c->out, s->nenums, sizeof *enums);
    if (!messages || !enums)
        return;
    for (struct raw_message *m = c->messages; m; m = m->next) {
        m->out = messages++;
        index_type(c, &m->scope);
    }
    for (struct raw_enum *e = c->enums; e; e = e->next) {
        e->out = enums++;
        index_type(c, &e->scope);
    }
    for (struct raw_service *v = c->services; v; v = v->next)
        index_type(c, &v->scope);
}

/* A name without a leading dot is looked for in the scope it stands in, then outwards
 * (descriptor.proto, type_name). */
struct raw_node *schema_resolve(struct compile *c, const struct raw_node *from, struct str name)
{
    char full[2 * RAW_NAME_MAX + 2];
    struct str scope = raw_scope_name(from);
    if (name.n == 0 || name.n > RAW_NAME_MAX)
        return NULL;
    if (name.p[0] == '.')
        return name_index_get(&c->types, str_skip(name, 1));
    while (scope.n && c->probes++ < RELATIVE_PROBES_MAX) {
        memcpy(full, scope.p, scope.n);
        full[scope.n] = '.';
        memcpy(full + scope.n + 1, name.p, name.n);
        struct raw_node *found = name_index_get(&c->types, str_of(full, scope.n + 1 + name.n));
        if (found)
            return found;
        do
            scope.n--;
        while (scope.n && scope.p[scope.n] != '.');
    }
    return name_index_get(&c->types, name);
}

/* A type's name does not tell the file it should be in, so all of them are named, within reason. */
static void find_missing_imports(struct compile *c, struct raw_file *f)
{
    for (uint32_t i = 0; i < f->nimports && f->nmissing < MISSING_SHOWN; i++) {
        struct str name = f->imports[i].bytes;
        if (name_index_get(&c->files, name))
            continue;
        f->missing = f->nmissing++ == 0
                         ? name
                         : arena_printf(&c->scratch, "%.*s, %.*s", SHOW(f->missing), SHOW(name));
        c->nomem |= !f->missing.p;
    }
}

/* An import that is not in the set is named: that is nearly always the cause. */
static void unresolved(struct compile *c, const struct raw_node *at, const char *what,
                       struct str name)
{
    const struct raw_file *f = raw_file_of(at);
    if (f->nmissing)
        schema_fault(c, at,
                     "%s %.*s is not defined: file%s %.*s %s imported but not in the set: run "
                     "protoc with --include_imports",
                     what, SHOW(name), f->nmissing > 1 ? "s" : "", STR_ARG(f->missing),
                     f->nmissing > 1 ? "are" : "is");
    else
        schema_fault(c, at,
                     "%s %.*s is not defined in any file of the set; protoc --include_imports puts "
                     "all imported files in",
                     what, SHOW(name));
}

struct raw_message *schema_resolve_message(struct compile *c, const struct raw_node *at,
                                           const char *what, struct str name)
{
    struct raw_node *found = schema_resolve(c, at, name);
    if (found && found->kind == RAW_MESSAGE)
        return (struct raw_message *)found;
    if (found)
        schema_fault(c, at, "%s %.*s is no message", what, SHOW(name));
    else if (name.n == 0)
        schema_fault(c, at, "has no %s; name a message", what);
    else
        unresolved(c, at, what, name);
    return NULL;
}

static void link_type(struct compile *c, struct raw_field *f)
{
    bool typed = f->type == TC_MESSAGE || f->type == TC_GROUP || f->type == TC_ENUM;
    if (!typed && f->type != 0)
        return;
    if (f->type_name.n == 0) {
        schema_fault(c, &f->node, "has no type");
        return;
    }
    struct raw_node *found = schema_resolve(c, &f->node, f->type_name);
    if (!found) {
        unresolved(c, &f->node, "type", f->type_name);
        return;
    }
    if (f->type == 0) /* left out by a compiler that had not resolved it */
        f->type = found->kind == RAW_ENUM ? TC_ENUM : TC_MESSAGE;
    if (found->kind == (f->type == TC_ENUM ? RAW_ENUM : RAW_MESSAGE))
        f->target = found;
    else
        schema_fault(c, &f->node, "type %.*s is no %s", SHOW(f->type_name),
                     f->type == TC_ENUM ? "enum" : "message");
}

static int by_start(const void *a, const void *b)
{
    const struct raw_range *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Ranges are sorted and, in what protoc lets pass, disjoint: only the last one that starts at or
 * below `number` can hold it. */
static bool in_range(const struct raw_message *m, uint32_t number)
{
    uint32_t low = 0, high = m->nranges;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (m->ranges[mid].start <= number)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 && number < m->ranges[low - 1].end;
}

static void link_extension(struct compile *c, struct raw_field *f)
{
    f->owner = schema_resolve_message(c, &f->node, "extended message", f->extendee);
    if (!f->owner)
        return;
    if (!in_range(f->owner, f->number))
        schema_fault(c, &f->node, "number %u is in no extension range of %.*s", (unsigned)f->number,
                     SHOW(f->owner->scope.full_name));
    f->next_own = f->owner->extended_by;
    f->owner->extended_by = f;
}

void schema_link(struct compile *c)
{
    index_types(c);
    if (c->broken || c->nomem)
        return;
    for (uint32_t i = 0; i < c->set.nfiles; i++)
        find_missing_imports(c, &c->set.files[i]);
    for (struct raw_message *m = c->messages; m; m = m->next) {
        if (m->nranges > 1)
            qsort(m->ranges, m->nranges, sizeof *m->ranges, by_start);
        for (uint32_t i = 0; i < m->nfields; i++)
            link_type(c, &m->fields[i]);
    }
    for (struct raw_field *f = c->extensions; f; f = f->next) {
        link_type(c, f);
        link_extension(c, f);
    }
}
