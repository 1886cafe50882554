#include "tools/cel-testee/testee.h"

static const struct expr_type *primitive(uint64_t number)
{
    static const struct expr_type *const types[] = {NULL,
                                                    &expr_type_bool,
                                                    &expr_type_int,
                                                    &expr_type_uint,
                                                    &expr_type_double,
                                                    &expr_type_string,
                                                    &expr_type_bytes};

    return number < sizeof types / sizeof *types ? types[number] : NULL;
}

static const struct expr_type *well_known(uint64_t number)
{
    static const struct expr_type *const types[] = {NULL, &expr_type_dyn, &expr_type_timestamp,
                                                    &expr_type_duration};

    return number < sizeof types / sizeof *types ? types[number] : NULL;
}

static const struct expr_type *named(struct trial *t, struct str name)
{
    const struct tc_message *m = tc_schema_message(t->schema, name);
    return m ? expr_type_message(&t->arena, m) : NULL;
}

static const struct expr_type *abstract(struct trial *t, struct record r)
{
    struct str name = record_text(r, "name");
    const struct expr_type *of = NULL;
    struct record parameter = record_sub(r, "parameter_types");

    if (str_eq(name, STR("net.IP")))
        return &expr_type_ip;
    if (str_eq(name, STR("net.CIDR")))
        return &expr_type_cidr;
    if (str_eq(name, STR("optional_type")) && parameter.bytes.p)
        of = spec_type(t, parameter);
    return of ? expr_type_optional(&t->arena, of) : NULL;
}

static const struct expr_type *aggregate(struct trial *t, struct record r)
{
    struct record list = record_sub(r, "list_type"), map = record_sub(r, "map_type"),
                  type = record_sub(r, "type"), other = record_sub(r, "abstract_type");
    const struct expr_type *of, *key;

    if (list.bytes.p)
        return (of = spec_type(t, record_sub(list, "elem_type"))) ? expr_type_list(&t->arena, of)
                                                                  : NULL;
    if (map.bytes.p) {
        key = spec_type(t, record_sub(map, "key_type"));
        of = spec_type(t, record_sub(map, "value_type"));
        return key && of ? expr_type_map(&t->arena, key, of) : NULL;
    }
    if (type.bytes.p)
        return expr_type_type(&t->arena, type.bytes.n ? spec_type(t, type) : NULL);
    return other.bytes.p ? abstract(t, other) : NULL;
}

const struct expr_type *spec_type(struct trial *t, struct record r)
{
    struct tc_wire_field f;

    if (!r.bytes.n || record_find(r, "dyn", &f))
        return &expr_type_dyn;
    if (record_find(r, "null", &f))
        return &expr_type_null;
    if (record_find(r, "primitive", &f))
        return primitive(f.value);
    if (record_find(r, "wrapper", &f))
        return primitive(f.value) ? expr_type_wrapper(primitive(f.value)) : NULL;
    if (record_find(r, "well_known", &f))
        return well_known(f.value);
    if (record_find(r, "message_type", &f))
        return named(t, f.bytes);
    return aggregate(t, r);
}

static struct expr_value object(struct trial *t, struct record any)
{
    struct str url = record_text(any, "type_url"), name = url;

    while (str_find(name, '/') < name.n)
        str_cut(&name, '/');
    const struct tc_message *m = tc_schema_message(t->schema, name);
    if (!m)
        return expr_fail(&t->run, EXPR_FAIL_BAD_VALUE, "no type %.*s", STR_ARG(url));
    return expr_from_message(&t->run, m, record_text(any, "value"));
}

static struct expr_value list(struct trial *t, struct record r)
{
    struct str rest = r.bytes;
    struct tc_wire_field f;
    uint32_t n = 0;

    while (record_next(r, "values", &rest, &f))
        n++;
    struct expr_value *items = must(arena_array(&t->arena, n, sizeof *items));
    rest = r.bytes;
    for (uint32_t i = 0; i < n && record_next(r, "values", &rest, &f); i++)
        items[i] = spec_value(t, record_of(r, "values", &f));
    return expr_list_of(&t->run, items, n);
}

static struct expr_value map(struct trial *t, struct record r)
{
    struct str rest = r.bytes;
    struct tc_wire_field f;
    uint32_t n = 0;

    while (record_next(r, "entries", &rest, &f))
        n++;
    struct expr_pair *pairs = must(arena_array(&t->arena, n, sizeof *pairs));
    rest = r.bytes;
    for (uint32_t i = 0; i < n && record_next(r, "entries", &rest, &f); i++) {
        struct record entry = record_of(r, "entries", &f);
        pairs[i].key = spec_value(t, record_sub(entry, "key"));
        pairs[i].value = spec_value(t, record_sub(entry, "value"));
    }
    return expr_map_of(&t->run, pairs, n, EXPR_REPEATED_FAILS);
}

struct expr_value spec_value(struct trial *t, struct record r)
{
    struct tc_wire_field f;
    double d;

    if (record_find(r, "bool_value", &f))
        return expr_bool(f.value);
    if (record_find(r, "int64_value", &f))
        return expr_int((int64_t)f.value);
    if (record_find(r, "uint64_value", &f))
        return expr_uint(f.value);
    if (record_find(r, "double_value", &f)) {
        memcpy(&d, &f.value, sizeof d);
        return expr_double(d);
    }
    if (record_find(r, "string_value", &f))
        return expr_string(f.bytes);
    if (record_find(r, "bytes_value", &f))
        return (struct expr_value){.kind = EXPR_BYTES, .s = f.bytes};
    if (record_find(r, "enum_value", &f))
        return expr_int((int32_t)record_number(record_of(r, "enum_value", &f), "value"));
    if (record_find(r, "object_value", &f))
        return object(t, record_of(r, "object_value", &f));
    if (record_find(r, "map_value", &f))
        return map(t, record_of(r, "map_value", &f));
    if (record_find(r, "list_value", &f))
        return list(t, record_of(r, "list_value", &f));
    return expr_null();
}
