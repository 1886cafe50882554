#include "transcoder/schema.h"

const struct tc_field *tc_field_by_name(const struct tc_message *m, struct str name)
{
    const struct tc_field *by_proto_name = NULL;
    if (m->nfields == 0)
        return NULL;
    uint32_t at = str_hash(name) & m->name_mask;
    /* The .proto name counts only when no field has it as JSON name, which may stand further on. */
    for (; m->by_name[at]; at = (at + 1) & m->name_mask) {
        const struct tc_field *f = &m->fields[m->by_name[at] - 1];
        if (str_eq(f->json_name, name))
            return f;
        if (str_eq(f->name, name) && !(f->flags & TC_EXTENSION))
            by_proto_name = f;
    }
    return by_proto_name;
}

const struct tc_field *tc_field_by_number(const struct tc_message *m, uint32_t number)
{
    if (number < m->ndense) {
        uint16_t slot = m->by_number[number];
        return slot ? &m->fields[slot - 1] : NULL;
    }
    uint32_t low = 0, high = m->ndense ? 0 : m->nfields;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (m->fields[mid].number == number)
            return &m->fields[mid];
        if (m->fields[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct tc_enum_value *tc_enum_by_name(const struct tc_enum *e, struct str name)
{
    if (e->nvalues == 0)
        return NULL;
    uint32_t at = str_hash(name) & e->name_mask;
    for (; e->by_name[at]; at = (at + 1) & e->name_mask) {
        const struct tc_enum_value *v = &e->values[e->by_name[at] - 1];
        if (str_eq(v->name, name))
            return v;
    }
    return NULL;
}

const struct tc_enum_value *tc_enum_by_number(const struct tc_enum *e, int32_t number)
{
    uint32_t low = 0, high = e->nnumbers;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct tc_enum_value *v = &e->values[e->by_number[mid]];
        if (v->number == number)
            return v;
        if (v->number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct tc_message *tc_schema_message(const struct tc_schema *s, struct str full_name)
{
    uint32_t low = 0, high = s->nmessages;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = str_cmp(s->messages[mid]->full_name, full_name);
        if (order == 0)
            return s->messages[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct tc_service *tc_schema_service(const struct tc_schema *s, struct str full_name)
{
    for (uint32_t i = 0; i < s->nservices; i++)
        if (str_eq(s->services[i].full_name, full_name))
            return &s->services[i];
    return NULL;
}

const struct tc_method *tc_schema_method(const struct tc_schema *s, struct str full_name)
{
    size_t split = full_name.n;
    while (split > 0 && full_name.p[split - 1] != '/' && full_name.p[split - 1] != '.')
        split--;
    if (split == 0)
        return NULL;
    const struct tc_service *service = tc_schema_service(s, str_of(full_name.p, split - 1));
    struct str name = str_skip(full_name, split);
    for (uint32_t i = 0; service && i < service->nmethods; i++)
        if (str_eq(service->methods[i].name, name))
            return &service->methods[i];
    return NULL;
}

uint32_t tc_option_line(const struct tc_options *o, uint32_t number)
{
    for (uint32_t i = 0; i < o->nlines; i++)
        if (o->lines[i].number == number)
            return o->lines[i].line;
    return 0;
}

enum tc_wire_type tc_wire_type_of(enum tc_type type)
{
    switch (type) {
    case TC_DOUBLE:
    case TC_FIXED64:
    case TC_SFIXED64: return TC_I64;
    case TC_FLOAT:
    case TC_FIXED32:
    case TC_SFIXED32: return TC_I32;
    case TC_STRING:
    case TC_BYTES:
    case TC_MESSAGE: return TC_LEN;
    case TC_GROUP: return TC_SGROUP;
    default: return TC_VARINT;
    }
}

bool tc_type_packable(enum tc_type type)
{
    return type != TC_STRING && type != TC_BYTES && type != TC_MESSAGE && type != TC_GROUP;
}
