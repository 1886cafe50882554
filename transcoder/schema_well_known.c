/* The messages with a JSON form of their own, by full name. Code that writes that form relies on
 * their fields, so these must be what google/protobuf says, to the number. */
#include "transcoder/schema_internal.h"

struct known_field {
    uint8_t number, type;
    uint16_t flags; /* TC_REPEATED, TC_MAP and, where it matters, the type */
    const char *of; /* full name of the message or enum */
};

struct known {
    struct str name;
    uint8_t wkt, nfields;
    struct known_field fields[6];
};

#define WRAPPER(name, type)                                   \
    {                                                         \
        STR_INIT("google.protobuf." name), TC_WKT_WRAPPER, 1, \
        {                                                     \
            {                                                 \
                1, type, 0, NULL                              \
            }                                                 \
        }                                                     \
    }

static const struct known knowns[] = {
    {STR_INIT("google.protobuf.Any"),
     TC_WKT_ANY,
     2,
     {{1, TC_STRING, 0, NULL}, {2, TC_BYTES, 0, NULL}}},
    {STR_INIT("google.protobuf.Timestamp"),
     TC_WKT_TIMESTAMP,
     2,
     {{1, TC_INT64, 0, NULL}, {2, TC_INT32, 0, NULL}}},
    {STR_INIT("google.protobuf.Duration"),
     TC_WKT_DURATION,
     2,
     {{1, TC_INT64, 0, NULL}, {2, TC_INT32, 0, NULL}}},
    {STR_INIT("google.protobuf.FieldMask"),
     TC_WKT_FIELD_MASK,
     1,
     {{1, TC_STRING, TC_REPEATED, NULL}}},
    {STR_INIT("google.protobuf.Struct"),
     TC_WKT_STRUCT,
     1,
     {{1, TC_MESSAGE, TC_REPEATED | TC_MAP, "google.protobuf.Value"}}},
    {STR_INIT("google.protobuf.Value"),
     TC_WKT_VALUE,
     6,
     {{1, TC_ENUM, 0, "google.protobuf.NullValue"},
      {2, TC_DOUBLE, 0, NULL},
      {3, TC_STRING, 0, NULL},
      {4, TC_BOOL, 0, NULL},
      {5, TC_MESSAGE, 0, "google.protobuf.Struct"},
      {6, TC_MESSAGE, 0, "google.protobuf.ListValue"}}},
    {STR_INIT("google.protobuf.ListValue"),
     TC_WKT_LIST_VALUE,
     1,
     {{1, TC_MESSAGE, TC_REPEATED, "google.protobuf.Value"}}},
    WRAPPER("DoubleValue", TC_DOUBLE),
    WRAPPER("FloatValue", TC_FLOAT),
    WRAPPER("Int64Value", TC_INT64),
    WRAPPER("UInt64Value", TC_UINT64),
    WRAPPER("Int32Value", TC_INT32),
    WRAPPER("UInt32Value", TC_UINT32),
    WRAPPER("BoolValue", TC_BOOL),
    WRAPPER("StringValue", TC_STRING),
    WRAPPER("BytesValue", TC_BYTES),
    {STR_INIT("google.api.HttpBody"),
     TC_WKT_HTTP_BODY,
     3,
     {{1, TC_STRING, 0, NULL},
      {2, TC_BYTES, 0, NULL},
      {3, TC_MESSAGE, TC_REPEATED, "google.protobuf.Any"}}},
};

static bool field_fits(const struct tc_field *f, const struct known_field *k)
{
    const struct tc_message *m = f->message;
    if (f->number != k->number || f->type != k->type ||
        (f->flags & (TC_REPEATED | TC_MAP | TC_REQUIRED)) != k->flags)
        return false;
    if (k->flags & TC_MAP) {
        if (!m || m->nfields != 2 || m->fields[0].type != TC_STRING)
            return false;
        m = m->fields[1].message;
    }
    if (k->type == TC_ENUM)
        return f->enumeration && str_eq(f->enumeration->full_name, str_c(k->of));
    return !k->of || (m && str_eq(m->full_name, str_c(k->of)));
}

static bool shape_fits(const struct tc_message *m, const struct known *k)
{
    bool fits = m->nfields == k->nfields;
    for (uint32_t i = 0; fits && i < k->nfields; i++)
        fits = field_fits(&m->fields[i], &k->fields[i]);
    /* All of a Value's fields are one oneof: a value is one thing. */
    for (uint32_t i = 0; fits && k->wkt == TC_WKT_VALUE && i < k->nfields; i++)
        fits = m->fields[i].oneof == 0;
    return fits;
}

void schema_well_known(struct compile *c)
{
    for (size_t i = 0; i < sizeof knowns / sizeof *knowns; i++) {
        struct raw_node *n = name_index_get(&c->types, knowns[i].name);
        if (!n || n->kind != RAW_MESSAGE)
            continue;
        struct tc_message *m = ((struct raw_message *)n)->out;
        m->wkt = knowns[i].wkt;
        if (!shape_fits(m, &knowns[i]))
            schema_fault(c, n,
                         "is not the well-known type of that name; take it from the file "
                         "that comes with protoc, or rename it");
    }
}
