/* Which fields of descriptor.proto are read, and where they go. Lists are counted first, so that
 * children are arrays and the index in a SourceCodeInfo path is the index in memory. */
#include "transcoder/schema_internal.h"

enum slot_kind {
    SLOT_STR,
    SLOT_U32,     /* integers, enums and bools; wider values are cut as protobuf does */
    SLOT_MESSAGE, /* several occurrences are concatenated, which is what merging them means */
    SLOT_LINED,   /* a message into struct raw_options */
    SLOT_LIST,
};

struct slot {
    uint32_t number;
    uint8_t kind;
    uint8_t child; /* enum raw_kind of a list's elements */
    uint16_t at, count_at, size;
};

enum { SLOTS_MAX = 11 };

#define AT(type, field) ((uint16_t)offsetof(struct type, field))
#define LIST(number, child, type, field, element)                      \
    {                                                                  \
        number, SLOT_LIST, child, AT(type, field), AT(type, n##field), \
            (uint16_t)sizeof(struct element)                           \
    }
#define NAME                                     \
    {                                            \
        1, SLOT_STR, 0, AT(raw_node, name), 0, 0 \
    }

static const struct slot set_slots[] = {LIST(1, RAW_FILE, raw_set, files, raw_file)};

static const struct slot file_slots[] = {
    NAME,
    {2, SLOT_STR, 0, AT(raw_scope, full_name), 0, 0},
    LIST(3, RAW_STRING, raw_file, imports, raw_node),
    LIST(4, RAW_MESSAGE, raw_file, messages, raw_message),
    LIST(5, RAW_ENUM, raw_file, enums, raw_enum),
    LIST(6, RAW_SERVICE, raw_file, services, raw_service),
    LIST(7, RAW_EXTENSION, raw_file, extensions, raw_field),
    {8, SLOT_LINED, 0, AT(raw_file, options), 0, 0},
    {9, SLOT_MESSAGE, 0, AT(raw_file, source_info), 0, 0},
    {12, SLOT_STR, 0, AT(raw_file, syntax), 0, 0},
    {14, SLOT_U32, 0, AT(raw_file, edition), 0, 0},
};

/* Oneofs stand before fields, which inherit their features. */
static const struct slot message_slots[] = {
    NAME,
    LIST(8, RAW_ONEOF, raw_message, oneofs, raw_oneof),
    LIST(2, RAW_FIELD, raw_message, fields, raw_field),
    LIST(3, RAW_MESSAGE, raw_message, nested, raw_message),
    LIST(4, RAW_ENUM, raw_message, enums, raw_enum),
    LIST(5, RAW_RANGE, raw_message, ranges, raw_range),
    LIST(6, RAW_EXTENSION, raw_message, extensions, raw_field),
    {7, SLOT_MESSAGE, 0, AT(raw_message, options), 0, 0},
};

static const struct slot field_slots[] = {
    NAME,
    {2, SLOT_STR, 0, AT(raw_field, extendee), 0, 0},
    {3, SLOT_U32, 0, AT(raw_field, number), 0, 0},
    {4, SLOT_U32, 0, AT(raw_field, label), 0, 0},
    {5, SLOT_U32, 0, AT(raw_field, type), 0, 0},
    {6, SLOT_STR, 0, AT(raw_field, type_name), 0, 0},
    {7, SLOT_STR, 0, AT(raw_field, default_text), 0, 0},
    {8, SLOT_MESSAGE, 0, AT(raw_field, options), 0, 0},
    {9, SLOT_U32, 0, AT(raw_field, oneof), 0, 0},
    {10, SLOT_STR, 0, AT(raw_field, json_name), 0, 0},
    {17, SLOT_U32, 0, AT(raw_field, proto3_optional), 0, 0},
};

static const struct slot oneof_slots[] = {
    NAME,
    {2, SLOT_MESSAGE, 0, AT(raw_oneof, options), 0, 0},
};

static const struct slot range_slots[] = {
    {1, SLOT_U32, 0, AT(raw_range, start), 0, 0},
    {2, SLOT_U32, 0, AT(raw_range, end), 0, 0},
};

static const struct slot enum_slots[] = {
    NAME,
    LIST(2, RAW_VALUE, raw_enum, values, raw_value),
    {3, SLOT_MESSAGE, 0, AT(raw_enum, options), 0, 0},
};

static const struct slot value_slots[] = {
    NAME,
    {2, SLOT_U32, 0, AT(raw_value, number), 0, 0},
};

static const struct slot service_slots[] = {
    NAME,
    LIST(2, RAW_METHOD, raw_service, methods, raw_method),
    {3, SLOT_LINED, 0, AT(raw_service, options), 0, 0},
};

static const struct slot method_slots[] = {
    NAME,
    {2, SLOT_STR, 0, AT(raw_method, input), 0, 0},
    {3, SLOT_STR, 0, AT(raw_method, output), 0, 0},
    {4, SLOT_LINED, 0, AT(raw_method, options), 0, 0},
    {5, SLOT_U32, 0, AT(raw_method, client_streaming), 0, 0},
    {6, SLOT_U32, 0, AT(raw_method, server_streaming), 0, 0},
};

/* What the options of a kind say that changes tables; the features' number differs from kind to
 * kind. */
static const struct slot option_slots[RAW_KINDS][3] = {
    [RAW_FILE] = {{50, SLOT_MESSAGE, 0, AT(raw_options_read, features), 0, 0}},
    [RAW_MESSAGE] = {{1, SLOT_U32, 0, AT(raw_options_read, message_set), 0, 0},
                     {7, SLOT_U32, 0, AT(raw_options_read, map_entry), 0, 0},
                     {12, SLOT_MESSAGE, 0, AT(raw_options_read, features), 0, 0}},
    [RAW_FIELD] = {{2, SLOT_U32, 0, AT(raw_options_read, packed), 0, 0},
                   {21, SLOT_MESSAGE, 0, AT(raw_options_read, features), 0, 0}},
    [RAW_EXTENSION] = {{2, SLOT_U32, 0, AT(raw_options_read, packed), 0, 0},
                       {21, SLOT_MESSAGE, 0, AT(raw_options_read, features), 0, 0}},
    [RAW_ONEOF] = {{1, SLOT_MESSAGE, 0, AT(raw_options_read, features), 0, 0}},
    [RAW_ENUM] = {{2, SLOT_U32, 0, AT(raw_options_read, allow_alias), 0, 0},
                  {7, SLOT_MESSAGE, 0, AT(raw_options_read, features), 0, 0}},
};

/* FeatureSet's fields 1 to 5, in this order. */
static const struct slot feature_slots[] = {
    {1, SLOT_U32, 0, 0 * sizeof(uint32_t), 0, 0}, {2, SLOT_U32, 0, 1 * sizeof(uint32_t), 0, 0},
    {3, SLOT_U32, 0, 2 * sizeof(uint32_t), 0, 0}, {4, SLOT_U32, 0, 3 * sizeof(uint32_t), 0, 0},
    {5, SLOT_U32, 0, 4 * sizeof(uint32_t), 0, 0},
};

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))
static const struct {
    const struct slot *slots;
    uint32_t n;
    const char *name;
} shapes[RAW_KINDS] = {
    [RAW_SET] = {set_slots, COUNT(set_slots), "FileDescriptorSet"},
    [RAW_FILE] = {file_slots, COUNT(file_slots), "FileDescriptorProto"},
    [RAW_MESSAGE] = {message_slots, COUNT(message_slots), "DescriptorProto"},
    [RAW_FIELD] = {field_slots, COUNT(field_slots), "FieldDescriptorProto"},
    [RAW_EXTENSION] = {field_slots, COUNT(field_slots), "FieldDescriptorProto"},
    [RAW_ONEOF] = {oneof_slots, COUNT(oneof_slots), "OneofDescriptorProto"},
    [RAW_RANGE] = {range_slots, COUNT(range_slots), "ExtensionRange"},
    [RAW_ENUM] = {enum_slots, COUNT(enum_slots), "EnumDescriptorProto"},
    [RAW_VALUE] = {value_slots, COUNT(value_slots), "EnumValueDescriptorProto"},
    [RAW_SERVICE] = {service_slots, COUNT(service_slots), "ServiceDescriptorProto"},
    [RAW_METHOD] = {method_slots, COUNT(method_slots), "MethodDescriptorProto"},
    [RAW_STRING] = {NULL, 0, "string"},
};

const char *raw_descriptor_name(enum raw_kind kind)
{
    return shapes[kind].name;
}

struct tally {
    size_t n, bytes;
};

static uint32_t slot_find(const struct slot *slots, uint32_t n, uint32_t number)
{
    uint32_t i = 0;
    while (i < n && slots[i].number != number)
        i++;
    return i;
}

/* First pass: scalars are set, the rest is counted. A message that stands there once is complete
 * with that. */
static bool scan(const struct slot *slots, uint32_t n, struct str bytes, char *base,
                 struct tally *tally)
{
    struct tc_wire_field f;
    enum tc_status st;
    while ((st = tc_wire_next(&bytes, &f)) == TC_OK) {
        uint32_t i = slot_find(slots, n, f.number);
        if (i == n)
            continue;
        if (f.type != (slots[i].kind == SLOT_U32 ? TC_VARINT : TC_LEN))
            return false;
        tally[i].n++;
        tally[i].bytes += f.bytes.n;
        if (slots[i].kind == SLOT_U32)
            memcpy(base + slots[i].at, &(uint32_t){(uint32_t)f.value}, sizeof(uint32_t));
        else if (slots[i].kind != SLOT_LIST)
            memcpy(base + slots[i].at, &f.bytes, sizeof f.bytes);
    }
    return st == TC_MORE;
}

/* Room for what the second pass fills in. Returns whether one is needed. */
static bool make_room(struct compile *c, const struct slot *slots, uint32_t n, char *base,
                      const struct tally *tally)
{
    bool needed = false;
    for (uint32_t i = 0; i < n; i++) {
        bool list = slots[i].kind == SLOT_LIST && tally[i].n > 0;
        bool merge = (slots[i].kind == SLOT_MESSAGE || slots[i].kind == SLOT_LINED) &&
                     tally[i].n > 1;
        if (!list && !merge)
            continue;
        needed = true;
        void *room = schema_take(c, &c->scratch, list ? tally[i].n : tally[i].bytes,
                                 list ? slots[i].size : 1);
        if (!room)
            return false;
        struct str empty = str_of(room, 0);
        if (list)
            memcpy(base + slots[i].at, &room, sizeof room);
        else
            memcpy(base + slots[i].at, &empty, sizeof empty);
    }
    return needed;
}

static void fill_list(const struct slot *s, char *base, struct str bytes)
{
    char *elements;
    uint32_t n;
    memcpy(&elements, base + s->at, sizeof elements);
    memcpy(&n, base + s->count_at, sizeof n);
    ((struct raw_node *)(void *)(elements + (size_t)n * s->size))->bytes = bytes;
    n++;
    memcpy(base + s->count_at, &n, sizeof n);
}

static void fill(const struct slot *slots, uint32_t n, struct str bytes, char *base,
                 const struct tally *tally)
{
    struct tc_wire_field f;
    while (tc_wire_next(&bytes, &f) == TC_OK) {
        uint32_t i = slot_find(slots, n, f.number);
        if (i == n)
            continue;
        if (slots[i].kind == SLOT_LIST) {
            fill_list(&slots[i], base, f.bytes);
        } else if (slots[i].kind >= SLOT_MESSAGE && tally[i].n > 1) {
            struct str *s = (struct str *)(void *)(base + slots[i].at);
            char *to = (char *)(uintptr_t)s->p + s->n;
            memcpy(to, f.bytes.p, f.bytes.n);
            s->n += f.bytes.n;
        }
    }
}

static bool read_slots(struct compile *c, const struct slot *slots, uint32_t n, struct str bytes,
                       void *base)
{
    struct tally tally[SLOTS_MAX] = {{0, 0}};
    if (!scan(slots, n, bytes, base, tally))
        return false;
    if (make_room(c, slots, n, base, tally) && !c->nomem)
        fill(slots, n, bytes, base, tally);
    return true;
}

bool raw_read_slots(struct compile *c, struct raw_node *node)
{
    return read_slots(c, shapes[node->kind].slots, shapes[node->kind].n, node->bytes, node);
}

bool raw_read_options(struct compile *c, const struct raw_node *node, struct str bytes,
                      struct raw_options_read *into)
{
    return read_slots(c, option_slots[node->kind], 3, bytes, into);
}

bool raw_read_features(struct compile *c, struct str bytes, uint32_t values[5])
{
    return read_slots(c, feature_slots, 5, bytes, values);
}

bool raw_children(const struct raw_node *node, uint32_t step, struct raw_children *into)
{
    const char *base = (const char *)node;
    for (uint32_t i = 0; i < shapes[node->kind].n; i++) {
        const struct slot *s = &shapes[node->kind].slots[i];
        if (s->kind != SLOT_LIST || step--)
            continue;
        memcpy(&into->first, base + s->at, sizeof into->first);
        memcpy(&into->n, base + s->count_at, sizeof into->n);
        into->size = s->size;
        into->kind = s->child;
        return true;
    }
    return false;
}

struct raw_node *raw_child(const struct raw_node *node, uint32_t number, uint32_t index)
{
    const char *base = (const char *)node;
    uint32_t i = slot_find(shapes[node->kind].slots, shapes[node->kind].n, number);
    if (i == shapes[node->kind].n || shapes[node->kind].slots[i].kind != SLOT_LIST)
        return NULL;
    const struct slot *s = &shapes[node->kind].slots[i];
    char *elements;
    uint32_t n;
    memcpy(&elements, base + s->at, sizeof elements);
    memcpy(&n, base + s->count_at, sizeof n);
    return index < n ? (struct raw_node *)(void *)(elements + (size_t)index * s->size) : NULL;
}

struct raw_options *raw_lined_options(struct raw_node *node, uint32_t number)
{
    uint32_t i = slot_find(shapes[node->kind].slots, shapes[node->kind].n, number);
    if (i == shapes[node->kind].n || shapes[node->kind].slots[i].kind != SLOT_LINED)
        return NULL;
    return (struct raw_options *)(void *)((char *)node + shapes[node->kind].slots[i].at);
}
