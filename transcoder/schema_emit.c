/* Raw tree -> tables. Runs whatever was found wrong before, since what two fields share shows only
 * here. */
#include "transcoder/schema_internal.h"

#include "transcoder/enum_name.h"

#include <stdlib.h>

bool schema_too_many(struct compile *c, const struct raw_node *n, size_t count, const char *what)
{
    if (count <= TC_SCHEMA_MAX_FIELDS)
        return false;
    c->broken = true;
    schema_fault(c, n, "has %zu %s; at most %d are allowed", count, what, TC_SCHEMA_MAX_FIELDS);
    return true;
}

static void name_table(struct compile *c, const struct raw_node *n, const struct name_key *keys,
                       size_t count, const struct name_clash *clash, struct name_table *into)
{
    if (!schema_name_table(c, keys, count, clash, into) && !c->nomem) {
        c->broken = true;
        schema_fault(c, n, "holds names that collide, as if made to");
    }
}

static void tell_same_values(struct compile *c, void *of, uint32_t first, uint32_t second)
{
    struct raw_enum *e = of;
    (void)first;
    schema_fault(c, &e->values[second].node, "is there twice; a name stands for one value");
}

static uint16_t common_prefix(const struct tc_enum *e)
{
    size_t prefix = e->nvalues ? tc_enum_prefix(e->full_name, e->values[0].name) : 0;
    for (uint32_t i = 1; i < e->nvalues && prefix; i++)
        if (!str_starts(e->values[i].name, str_of(e->values[0].name.p, prefix)) ||
            tc_enum_prefix(e->full_name, e->values[i].name) != prefix)
            prefix = 0;
    return prefix <= UINT16_MAX ? (uint16_t)prefix : 0;
}

static void emit_enum(struct compile *c, struct raw_enum *e)
{
    struct tc_enum *out = e->out;
    if (schema_too_many(c, &e->scope.node, e->nvalues, "values"))
        return;
    struct name_key *keys = schema_take(c, &c->lap, e->nvalues, sizeof *keys);
    struct tc_enum_value *values = schema_take(c, c->out, e->nvalues, sizeof *values);
    if (!keys || !values)
        return;
    for (uint32_t i = 0; i < e->nvalues; i++) {
        values[i].name = schema_keep(c, e->values[i].node.name);
        values[i].number = (int32_t)e->values[i].number;
        keys[i] = (struct name_key){values[i].name, i};
    }
    struct name_table t = {NULL, 0};
    name_table(c, &e->scope.node, keys, e->nvalues, &(struct name_clash){tell_same_values, e}, &t);
    out->full_name = e->scope.full_name;
    out->values = values;
    out->nvalues = (uint16_t)e->nvalues;
    out->closed = e->scope.node.features.enum_type == 2;
    out->is_null_value = str_eq(out->full_name, STR("google.protobuf.NullValue"));
    out->prefix = common_prefix(out);
    out->by_name = t.slots;
    out->name_mask = t.mask;
    schema_value_numbers(c, e, out);
}

/* protoc's rule: underscores go, and the letter behind one becomes a capital. */
static struct str derive_json_name(struct compile *c, struct str name)
{
    char *to = schema_take(c, c->out, name.n + 1, 1);
    bool capital = false;
    size_t n = 0;
    for (size_t i = 0; to && i < name.n; i++) {
        char ch = name.p[i];
        if (ch != '_')
            to[n++] = (char)(capital && ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch);
        capital = ch == '_';
    }
    return str_of(to, n);
}

static void emit_names(struct compile *c, const struct raw_field *f, struct tc_field *out)
{
    if (f->node.kind == RAW_EXTENSION) {
        struct str full = schema_join(c, &c->lap, raw_scope_name(&f->node), f->node.name);
        struct str json = arena_printf(c->out, "[%.*s]", STR_ARG(full));
        c->nomem |= !json.p;
        out->json_name = json;
        out->name = json.p ? str_of(json.p + 1, full.n) : STR_NONE;
        return;
    }
    out->name = schema_keep(c, f->node.name);
    if (!f->json_name.p)
        out->json_name = derive_json_name(c, out->name);
    else
        out->json_name = str_eq(f->json_name, out->name) ? out->name : schema_keep(c, f->json_name);
}

static uint16_t singular_flags(const struct raw_field *f)
{
    bool member = f->oneof != RAW_ABSENT;
    bool extension = f->node.kind == RAW_EXTENSION;
    if (f->label == 2 || (f->node.features.presence == 3 && !member && !extension))
        return TC_PRESENCE | TC_REQUIRED;
    return member || extension || raw_is_message(f) || f->node.features.presence != 2 ? TC_PRESENCE
                                                                                      : 0;
}

static uint16_t field_flags(const struct raw_field *f)
{
    bool packed = f->packed == RAW_ABSENT ? f->node.features.encoding == 1 : f->packed != 0;
    unsigned flags = 0;
    if (f->label != 3)
        flags |= singular_flags(f);
    else
        flags |= TC_REPEATED;
    if (f->label == 3 && packed && tc_type_packable((enum tc_type)f->type))
        flags |= TC_PACKED;
    if (raw_is_map(f))
        flags |= TC_MAP;
    if (f->type == TC_STRING && f->node.features.utf8 == 2)
        flags |= TC_UTF8;
    if (f->node.kind == RAW_EXTENSION)
        flags |= TC_EXTENSION;
    if (f->owner->message_set)
        flags |= TC_SET_ITEM;
    return (uint16_t)flags;
}

/* An edition's DELIMITED message is a group on the wire, but for maps and what they hold. */
static enum tc_type wire_form(const struct raw_field *f)
{
    bool delimited = f->node.features.message == 2 && !raw_is_map(f) && !f->owner->map_entry &&
                     !f->owner->message_set;
    return f->type == TC_MESSAGE && delimited ? TC_GROUP : (enum tc_type)f->type;
}

/* The key that an encoder writes. */
static void emit_tag(struct tc_field *out)
{
    uint32_t type = out->flags & TC_PACKED ? TC_LEN : tc_wire_type_of((enum tc_type)out->type);
    uint64_t key = (uint64_t)out->number << 3 | type;
    char text[16];
    size_t n = tc_varint_put(text, out->flags & TC_SET_ITEM ? out->number : key);
    if (n <= sizeof out->tag) {
        memcpy(out->tag, text, n);
        out->tag_len = (uint8_t)n;
    }
}

static void emit_field(struct compile *c, const struct raw_field *f, struct tc_field *out)
{
    bool member = f->oneof < f->owner->noneofs;
    emit_names(c, f, out);
    out->number = f->number;
    out->type = (uint8_t)wire_form(f);
    out->flags = field_flags(f);
    out->oneof = member ? f->owner->oneofs[f->oneof].index : -1;
    out->default_text = schema_keep(c, f->default_text);
    if (f->target && f->target->kind == RAW_MESSAGE)
        out->message = ((struct raw_message *)f->target)->out;
    if (f->target && f->target->kind == RAW_ENUM)
        out->enumeration = ((struct raw_enum *)f->target)->out;
    emit_tag(out);
}

static int by_number(const void *a, const void *b)
{
    const struct raw_field *x = *(struct raw_field *const *)a, *y = *(struct raw_field *const *)b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->node.bytes.p > y->node.bytes.p) - (x->node.bytes.p < y->node.bytes.p);
}

static struct raw_field **sorted_fields(struct compile *c, const struct raw_message *m, size_t n)
{
    struct raw_field **list = schema_take(c, &c->lap, n, sizeof(void *));
    size_t at = 0;
    for (uint32_t i = 0; list && i < m->nfields; i++)
        list[at++] = &m->fields[i];
    for (struct raw_field *f = m->extended_by; list && f; f = f->next_own)
        list[at++] = f;
    if (list)
        qsort(list, n, sizeof(void *), by_number);
    return list;
}

static void tell_same_names(struct compile *c, void *of, uint32_t first, uint32_t second)
{
    struct raw_field *const *list = of;
    const struct raw_field *a = list[first], *b = list[second];
    if (a->node.bytes.p > b->node.bytes.p) {
        a = list[second];
        b = list[first];
    }
    if (a->node.kind == b->node.kind && str_eq(a->node.name, b->node.name))
        schema_fault(c, &b->node, "is there twice, with numbers %u and %u; rename one",
                     (unsigned)a->number, (unsigned)b->number);
    else
        schema_fault(c, &b->node, "has the JSON name of %.*s; give one of them a json_name",
                     SHOW(a->node.name));
}

/* JSON names first: where the .proto name of one field is the JSON name of another, that one is
 * meant. Such a pair is legal, so only equal names among themselves are told. Extensions are known
 * in JSON by their bracketed name alone. */
static void index_names(struct compile *c, const struct raw_message *m, struct raw_field **list)
{
    struct tc_message *out = m->out;
    size_t n = 0, before = c->nfaults;
    struct name_key *keys = schema_take(c, &c->lap, 2 * (size_t)out->nfields, sizeof *keys);
    struct name_table t = {NULL, 0};
    if (!keys)
        return;
    for (uint32_t i = 0; i < out->nfields; i++)
        if (!(out->fields[i].flags & TC_EXTENSION))
            keys[n++] = (struct name_key){out->fields[i].name, i};
    name_table(c, &m->scope.node, keys, n, &(struct name_clash){tell_same_names, list}, NULL);
    if (c->nfaults != before || c->nomem)
        return;
    n = 0;
    for (uint32_t i = 0; i < out->nfields; i++)
        keys[n++] = (struct name_key){out->fields[i].json_name, i};
    name_table(c, &m->scope.node, keys, n, &(struct name_clash){tell_same_names, list}, NULL);
    for (uint32_t i = 0; i < out->nfields; i++)
        if (!(out->fields[i].flags & TC_EXTENSION) &&
            !str_eq(out->fields[i].name, out->fields[i].json_name))
            keys[n++] = (struct name_key){out->fields[i].name, i};
    name_table(c, &m->scope.node, keys, n, NULL, &t);
    out->by_name = t.slots;
    out->name_mask = t.mask;
}

static void emit_oneofs(struct compile *c, const struct raw_message *m)
{
    struct str *names = schema_take(c, c->out, m->noneofs, sizeof *names);
    for (uint32_t i = 0; names && i < m->noneofs; i++)
        if (m->oneofs[i].index >= 0)
            names[m->out->noneofs++] = schema_keep(c, m->oneofs[i].node.name);
    m->out->oneofs = names;
}

static void emit_message(struct compile *c, struct raw_message *m)
{
    struct tc_message *out = m->out;
    size_t n = m->nfields;
    for (const struct raw_field *f = m->extended_by; f; f = f->next_own)
        n++;
    if (schema_too_many(c, &m->scope.node, n, "fields"))
        return;
    struct raw_field **list = sorted_fields(c, m, n);
    struct tc_field *fields = schema_take(c, c->out, n, sizeof *fields);
    if (!list || !fields)
        return;
    out->full_name = m->scope.full_name;
    out->is_map_entry = m->map_entry != 0;
    out->fields = fields;
    out->nfields = (uint16_t)n;
    emit_oneofs(c, m);
    for (size_t i = 0; i < n; i++) {
        emit_field(c, list[i], &fields[i]);
        out->nrequired = (uint16_t)(out->nrequired + !!(fields[i].flags & TC_REQUIRED));
        if (i > 0 && list[i]->number == list[i - 1]->number)
            schema_fault(c, &list[i]->node, "number %u is that of %.*s too; give it another",
                         (unsigned)list[i]->number, SHOW(list[i - 1]->node.name));
    }
    if (c->nomem)
        return;
    index_names(c, m, list);
    schema_number_table(c, out);
}

void schema_emit_enums(struct compile *c)
{
    for (struct raw_enum *e = c->enums; e && !c->nomem; e = e->next) {
        arena_reset(&c->lap);
        emit_enum(c, e);
    }
}

void schema_emit_messages(struct compile *c)
{
    for (struct raw_message *m = c->messages; m && !c->nomem; m = m->next) {
        arena_reset(&c->lap);
        emit_message(c, m);
    }
}
