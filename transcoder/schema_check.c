/* What protoc would have refused: names, numbers, labels, maps, oneofs, defaults. A set need not
 * come from protoc. */
#include "transcoder/schema_internal.h"

#include "transcoder/number.h"
#include "transcoder/text.h"

enum {
    NUMBER_MAX = (1 << 29) - 1,
    RESERVED_FIRST = 19000, /* of the protobuf implementation */
    RESERVED_LAST = 19999,
    ONEOFS_MAX = INT16_MAX,
};

enum label { OPTIONAL = 1, REQUIRED = 2, REPEATED = 3 };

bool schema_is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
        if (!letter && (i == 0 || ch < '0' || ch > '9'))
            return false;
    }
    return s.n > 0;
}

static bool is_package(struct str s)
{
    while (s.p)
        if (!schema_is_name(str_cut(&s, '.')))
            return false;
    return true;
}

bool raw_is_message(const struct raw_field *f)
{
    return f->type == TC_MESSAGE || f->type == TC_GROUP;
}

/* A map is written as a list of entries whose type stands beside the field. */
bool raw_is_map(const struct raw_field *f)
{
    return f->type == TC_MESSAGE && f->label == REPEATED && f->target &&
           f->target->kind == RAW_MESSAGE && ((struct raw_message *)f->target)->map_entry;
}

static void check_name(struct compile *c, const struct raw_node *n)
{
    if (!schema_is_name(n->name))
        schema_fault(c, n, "\"%.*s\" is not a name: letters, digits and _ are, a digit not first",
                     SHOW(n->name));
}

static void check_number(struct compile *c, const struct raw_field *f)
{
    uint32_t max = f->owner && f->owner->message_set ? INT32_MAX : NUMBER_MAX;
    if (f->number == 0 || f->number > max)
        schema_fault(c, &f->node, "number %d is not between 1 and %u", (int)(int32_t)f->number,
                     (unsigned)max);
    else if (f->number >= RESERVED_FIRST && f->number <= RESERVED_LAST)
        schema_fault(c, &f->node, "number %u: %d to %d belong to protobuf itself",
                     (unsigned)f->number, RESERVED_FIRST, RESERVED_LAST);
}

static bool number_fits(enum tc_type type, struct str text)
{
    int64_t i;
    uint64_t u;
    double d;
    switch (type) {
    case TC_INT32:
    case TC_SINT32:
    case TC_SFIXED32: return tc_parse_int64(text, &i) && i >= INT32_MIN && i <= INT32_MAX;
    case TC_UINT32:
    case TC_FIXED32: return tc_parse_uint64(text, &u) && u <= UINT32_MAX;
    case TC_INT64:
    case TC_SINT64:
    case TC_SFIXED64: return tc_parse_int64(text, &i);
    case TC_UINT64:
    case TC_FIXED64: return tc_parse_uint64(text, &u);
    default:
        return str_eq(text, STR("inf")) || str_eq(text, STR("-inf")) || str_eq(text, STR("nan")) ||
               tc_parse_double(text, &d);
    }
}

static bool default_fits(const struct raw_field *f)
{
    struct str text = f->default_text;
    switch (f->type) {
    case TC_BOOL: return str_eq(text, STR("true")) || str_eq(text, STR("false"));
    case TC_STRING: return tc_utf8_valid(text);
    case TC_BYTES: return true;
    case TC_ENUM: return !f->target || tc_enum_by_name(((struct raw_enum *)f->target)->out, text);
    case TC_MESSAGE:
    case TC_GROUP: return false;
    default: return number_fits((enum tc_type)f->type, text);
    }
}

static void check_member(struct compile *c, struct raw_field *f)
{
    if (f->oneof == RAW_ABSENT) {
        if (f->proto3_optional && f->node.kind == RAW_FIELD)
            schema_fault(c, &f->node, "is proto3 optional without its synthetic oneof");
        return;
    }
    if (f->node.kind == RAW_EXTENSION || f->oneof >= f->owner->noneofs) {
        schema_fault(c, &f->node, "is in oneof %d, which its message does not have",
                     (int)(int32_t)f->oneof);
        return;
    }
    if (f->label != OPTIONAL)
        schema_fault(c, &f->node, "is in a oneof; such a field is neither repeated nor required");
    f->owner->oneofs[f->oneof].members++;
    f->owner->oneofs[f->oneof].optionals += f->proto3_optional != 0;
}

static void check_field(struct compile *c, struct raw_field *f)
{
    check_name(c, &f->node);
    check_number(c, f);
    if (f->label == 0)
        f->label = OPTIONAL;
    if (f->label > REPEATED)
        schema_fault(c, &f->node, "label %u is not known", (unsigned)f->label);
    if (f->type > TC_SINT64)
        schema_fault(c, &f->node, "type %u is not known", (unsigned)f->type);
    if (f->default_text.p && (f->label == REPEATED || !default_fits(f)))
        schema_fault(c, &f->node, "default \"%.*s\" is no value of its type",
                     SHOW(f->default_text));
    if (f->json_name.p &&
        (!tc_utf8_valid(f->json_name) || str_find(f->json_name, '\0') < f->json_name.n))
        schema_fault(c, &f->node, "json_name is not UTF-8 text without NUL");
    bool entry = f->target && f->type == TC_MESSAGE && ((struct raw_message *)f->target)->map_entry;
    if (entry &&
        (!raw_is_map(f) || f->node.kind == RAW_EXTENSION || f->target->parent != f->node.parent))
        schema_fault(c, &f->node,
                     "has the map entry %.*s as type; only the map field it was made for may",
                     SHOW(((struct raw_scope *)f->target)->full_name));
    if (f->owner && f->owner->message_set &&
        (f->node.kind != RAW_EXTENSION || f->type != TC_MESSAGE || f->label != OPTIONAL))
        schema_fault(c, &f->node,
                     "is in a message set, which holds optional messages that are extensions and "
                     "nothing else");
    check_member(c, f);
}

static bool key_fits(const struct raw_field *key)
{
    return key->type != TC_DOUBLE && key->type != TC_FLOAT && key->type != TC_BYTES &&
           key->type != TC_ENUM && !raw_is_message(key);
}

static void check_map_entry(struct compile *c, const struct raw_message *m)
{
    const struct raw_field *key = NULL, *value = NULL;
    for (uint32_t i = 0; i < m->nfields; i++) {
        if (m->fields[i].number == 1)
            key = &m->fields[i];
        if (m->fields[i].number == 2)
            value = &m->fields[i];
    }
    bool shaped = m->nfields == 2 && key && value && m->noneofs == 0 && !m->extended_by &&
                  m->scope.node.parent->kind == RAW_MESSAGE;
    if (!shaped || key->label != OPTIONAL || value->label != OPTIONAL || !key_fits(key) ||
        value->type == TC_GROUP)
        schema_fault(c, &m->scope.node,
                     "is a map entry of the wrong shape; right is: key = 1 (integer, bool or "
                     "string) and value = 2, no more");
}

/* A synthetic oneof holds one proto3 optional field and nothing else; it is not one that a user
 * wrote. */
static void check_oneofs(struct compile *c, struct raw_message *m)
{
    int16_t real = 0;
    if (m->noneofs > ONEOFS_MAX) {
        schema_fault(c, &m->scope.node, "has %u oneofs; at most %d are allowed",
                     (unsigned)m->noneofs, ONEOFS_MAX);
        return;
    }
    for (uint32_t i = 0; i < m->noneofs; i++) {
        struct raw_oneof *o = &m->oneofs[i];
        check_name(c, &o->node);
        bool synthetic = o->members == 1 && o->optionals == 1;
        o->index = synthetic ? -1 : real++;
        if (o->members == 0)
            schema_fault(c, &o->node, "is an empty oneof; give it a field");
        else if (o->optionals && !synthetic)
            schema_fault(c, &o->node, "holds a proto3 optional field, which must be alone");
    }
}

static void check_message(struct compile *c, struct raw_message *m)
{
    if (schema_too_many(c, &m->scope.node, m->nfields, "fields"))
        return;
    for (uint32_t i = 0; i < m->nfields; i++)
        check_field(c, &m->fields[i]);
    check_oneofs(c, m);
    if (m->map_entry)
        check_map_entry(c, m);
}

static void check_enum(struct compile *c, struct raw_enum *e)
{
    bool open = e->scope.node.features.enum_type == 1;
    if (e->nvalues == 0)
        schema_fault(c, &e->scope.node, "is an enum without values; give it one");
    else if (open && e->values[0].number != 0)
        schema_fault(c, &e->values[0].node, "is the first value of an open enum; it must be 0");
    for (uint32_t i = 0; i < e->nvalues; i++)
        check_name(c, &e->values[i].node);
}

void schema_check(struct compile *c)
{
    for (uint32_t i = 0; i < c->set.nfiles; i++) {
        const struct raw_file *f = &c->set.files[i];
        if (f->scope.full_name.n && !is_package(f->scope.full_name))
            schema_fault(c, &f->scope.node, "package \"%.*s\" is not a name",
                         SHOW(f->scope.full_name));
    }
    for (struct raw_field *f = c->extensions; f; f = f->next)
        check_field(c, f);
    for (struct raw_message *m = c->messages; m; m = m->next)
        check_message(c, m);
    for (struct raw_enum *e = c->enums; e; e = e->next)
        check_enum(c, e);
}
