/* FileDescriptorSet -> raw tree: slots are filled, features resolved from file to field, types
 * listed. */
#include "transcoder/schema_internal.h"

/* Editions by number (descriptor.proto, enum Edition) and what they mean where nothing is said. */
static const struct edition {
    uint32_t number;
    struct str syntax;
    struct raw_features features;
} editions[] = {
    {998, STR_INIT("proto2"), {1, 2, 2, 3, 1}},
    {999, STR_INIT("proto3"), {2, 1, 1, 2, 1}},
    {1000, STR_INIT("editions"), {1, 1, 1, 2, 1}}, /* 2023 */
    {1001, STR_INIT("editions"), {1, 1, 1, 2, 1}}, /* 2024: the same for what is read here */
};

struct raw_file *raw_file_of(const struct raw_node *n)
{
    while (n->kind != RAW_FILE && n->kind != RAW_SET)
        n = n->parent;
    return n->kind == RAW_FILE ? (struct raw_file *)(uintptr_t)n : NULL;
}

struct str raw_scope_name(const struct raw_node *n)
{
    return n->parent->kind == RAW_SET ? STR_NONE : ((struct raw_scope *)n->parent)->full_name;
}

static void set_file_features(struct compile *c, struct raw_file *f)
{
    struct str syntax = f->syntax.n ? f->syntax : STR("proto2");
    for (size_t i = 0; i < sizeof editions / sizeof *editions; i++) {
        bool named = str_eq(editions[i].syntax, syntax);
        if (named && (editions[i].number < 1000 || editions[i].number == f->edition)) {
            f->scope.node.features = editions[i].features;
            return;
        }
    }
    f->scope.node.features = editions[2].features;
    if (str_eq(syntax, STR("editions")))
        schema_fault(c, &f->scope.node, "edition %u is not known here; 2023 and 2024 are",
                     (unsigned)f->edition);
    else
        schema_fault(c, &f->scope.node,
                     "syntax \"%.*s\" is not known; proto2, proto3 and editions are", SHOW(syntax));
}

static void apply_features(struct compile *c, struct raw_node *node, struct str bytes)
{
    static const struct {
        const char *name;
        uint32_t max;
    } known[5] = {{"field_presence", 3},
                  {"enum_type", 2},
                  {"repeated_field_encoding", 2},
                  {"utf8_validation", 3},
                  {"message_encoding", 2}};
    uint32_t v[5] = {0};
    if (!raw_read_features(c, bytes, v)) {
        schema_fault(c, node, "its features are malformed");
        return;
    }
    for (size_t i = 0; i < 5; i++) {
        if (v[i] <= known[i].max)
            continue;
        schema_fault(c, node, "features.%s = %u is not known; the largest is %u", known[i].name,
                     (unsigned)v[i], (unsigned)known[i].max);
        v[i] = 0;
    }
    struct raw_features *f = &node->features;
    f->presence = (v[0] ? v[0] : f->presence) & 3;
    f->enum_type = (v[1] ? v[1] : f->enum_type) & 3;
    f->encoding = (v[2] ? v[2] : f->encoding) & 3;
    f->utf8 = (v[3] ? v[3] : f->utf8) & 3;
    f->message = (v[4] ? v[4] : f->message) & 3;
}

static void read_options(struct compile *c, struct raw_node *node, struct str bytes,
                         struct raw_options_read *o)
{
    *o = (struct raw_options_read){.packed = RAW_ABSENT};
    if (!raw_read_options(c, node, bytes, o)) {
        schema_fault(c, node, "its options are malformed");
        return;
    }
    const struct raw_file *file = raw_file_of(node);
    if (o->features.p && file->edition >= 1000)
        apply_features(c, node, o->features);
}

static void open_type(struct compile *c, struct raw_scope *s)
{
    struct str scope = raw_scope_name(&s->node);
    struct str name = s->node.kind == RAW_FILE ? s->full_name : s->node.name;
    if (scope.n <= RAW_NAME_MAX && name.n <= RAW_NAME_MAX - scope.n) {
        s->full_name = schema_join(c, c->out, scope, name);
        return;
    }
    s->full_name = STR("?");
    c->broken = true;
    schema_fault(c, &s->node, "its full name is longer than %d bytes", RAW_NAME_MAX);
}

static void open_file(struct compile *c, struct raw_file *f)
{
    struct raw_options_read o;
    struct raw_file *same = name_index_put(c, &c->files, f->scope.node.name, f);
    f->index = (uint32_t)(f - c->set.files);
    if (same && str_eq(same->scope.node.bytes, f->scope.node.bytes)) {
        f->repeated = true;
        return;
    }
    if (f->scope.node.name.n == 0)
        schema_fault(c, &f->scope.node,
                     "holds a file without a name; is this what protoc "
                     "--descriptor_set_out wrote?");
    if (same)
        schema_fault(c, &f->scope.node,
                     "is in the set twice with different contents; make the set in one go");
    if (!str_eq(f->syntax, STR("editions")))
        f->edition = 0;
    open_type(c, &f->scope);
    set_file_features(c, f);
    read_options(c, &f->scope.node, f->options.bytes, &o);
}

static void open_message(struct compile *c, struct raw_message *m)
{
    struct raw_options_read o;
    open_type(c, &m->scope);
    read_options(c, &m->scope.node, m->options, &o);
    m->map_entry = o.map_entry;
    m->message_set = o.message_set;
    *c->messages_tail = m;
    c->messages_tail = &m->next;
}

static void open_field(struct compile *c, struct raw_field *f)
{
    struct raw_options_read o;
    if (f->node.kind == RAW_FIELD) {
        f->owner = (struct raw_message *)f->node.parent;
        if (f->oneof < f->owner->noneofs)
            f->node.features = f->owner->oneofs[f->oneof].node.features;
    } else {
        *c->extensions_tail = f;
        c->extensions_tail = &f->next;
    }
    read_options(c, &f->node, f->options, &o);
    f->packed = o.packed;
}

static void open_enum(struct compile *c, struct raw_enum *e)
{
    struct raw_options_read o;
    open_type(c, &e->scope);
    read_options(c, &e->scope.node, e->options, &o);
    e->allow_alias = o.allow_alias;
    *c->enums_tail = e;
    c->enums_tail = &e->next;
}

static void open_node(struct compile *c, struct raw_node *node)
{
    struct raw_options_read o;
    switch ((enum raw_kind)node->kind) {
    case RAW_FILE: open_file(c, (struct raw_file *)node); break;
    case RAW_MESSAGE: open_message(c, (struct raw_message *)node); break;
    case RAW_FIELD:
    case RAW_EXTENSION: open_field(c, (struct raw_field *)node); break;
    case RAW_ENUM: open_enum(c, (struct raw_enum *)node); break;
    case RAW_ONEOF: read_options(c, node, ((struct raw_oneof *)node)->options, &o); break;
    case RAW_SERVICE:
        open_type(c, (struct raw_scope *)node);
        *c->services_tail = (struct raw_service *)node;
        c->services_tail = &((struct raw_service *)node)->next;
        break;
    case RAW_SET: name_index_init(c, &c->files, c->set.nfiles); break;
    default: break;
    }
}

static void malformed(struct compile *c, const struct raw_node *node)
{
    c->broken = true;
    if (node->kind == RAW_SET)
        schema_fault(c, node,
                     "not a FileDescriptorSet; give the file that protoc --descriptor_set_out "
                     "writes");
    else
        schema_fault(c, node, "malformed %s; make the set anew with protoc --descriptor_set_out",
                     raw_descriptor_name(node->kind));
}

static void read_node(struct compile *c, struct raw_node *node, uint32_t depth)
{
    struct raw_children kids;
    if (node->kind == RAW_STRING)
        return;
    if (depth > TC_SCHEMA_MAX_NESTING) {
        c->broken = true;
        schema_fault(c, node, "is nested more than %d messages deep", TC_SCHEMA_MAX_NESTING);
        return;
    }
    if (node->kind == RAW_FIELD || node->kind == RAW_EXTENSION)
        ((struct raw_field *)node)->oneof = RAW_ABSENT;
    bool readable = raw_read_slots(c, node);
    if (!readable)
        malformed(c, node);
    if (c->nomem)
        return;
    open_node(c, node);
    if (!readable || (node->kind == RAW_FILE && ((struct raw_file *)node)->repeated))
        return;
    for (uint32_t step = 0; raw_children(node, step, &kids); step++) {
        for (uint32_t i = 0; i < kids.n && !c->nomem; i++) {
            struct raw_node *kid = (struct raw_node *)(void *)(kids.first + (size_t)i * kids.size);
            kid->parent = node;
            kid->kind = kids.kind;
            kid->features = node->features;
            read_node(c, kid, depth + (kid->kind == RAW_MESSAGE));
        }
    }
}

void schema_read(struct compile *c, struct str set)
{
    c->messages_tail = &c->messages;
    c->enums_tail = &c->enums;
    c->services_tail = &c->services;
    c->extensions_tail = &c->extensions;
    c->set.node.kind = RAW_SET;
    c->set.node.bytes = set;
    read_node(c, &c->set.node, 0);
}
