#include "tools/demo-backend/fields.h"

static size_t size_of(const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return sizeof(void *);
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    default: return sizeof(uint32_t);
    }
}

static char *at(const ProtobufCMessage *m, unsigned offset)
{
    return (char *)(uintptr_t)m + offset;
}

const ProtobufCFieldDescriptor *field_of_path(const ProtobufCMessageDescriptor *d, struct str path)
{
    struct str first = str_cut(&path, '.');
    for (unsigned i = 0; i < d->n_fields; i++)
        if (str_eq(str_c(d->fields[i].name), first))
            return &d->fields[i];
    return NULL;
}

bool field_is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    static const char zero[sizeof(ProtobufCBinaryData)];
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)(const void *)at(m, f->quantifier_offset) != 0;
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return (*(char *const *)(const void *)at(m, f->offset))[0] != '\0';
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)(const void *)at(m, f->offset))->len != 0;
    return memcmp(at(m, f->offset), zero, size_of(f)) != 0;
}

void field_copy(ProtobufCMessage *to, const ProtobufCMessage *from,
                const ProtobufCFieldDescriptor *f)
{
    memcpy(at(to, f->offset), at(from, f->offset), size_of(f));
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        memcpy(at(to, f->quantifier_offset), at(from, f->quantifier_offset), sizeof(size_t));
}

void field_clear(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    memset(at(m, f->offset), 0, size_of(f));
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        memset(at(m, f->quantifier_offset), 0, sizeof(size_t));
    else if (f->type == PROTOBUF_C_TYPE_STRING)
        *(const char **)(void *)at(m, f->offset) = protobuf_c_empty_string;
}
