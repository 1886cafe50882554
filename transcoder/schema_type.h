/* The vocabulary of the schema: field types, wire types, well-known types and field flags. The
 * numbers are protobuf's where protobuf has them. */
#pragma once

/* Field types with the numbers of FieldDescriptorProto.Type. */
enum tc_type {
    TC_DOUBLE = 1,
    TC_FLOAT = 2,
    TC_INT64 = 3,
    TC_UINT64 = 4,
    TC_INT32 = 5,
    TC_FIXED64 = 6,
    TC_FIXED32 = 7,
    TC_BOOL = 8,
    TC_STRING = 9,
    TC_GROUP = 10, /* also an edition's DELIMITED message: wire types 3 and 4 */
    TC_MESSAGE = 11,
    TC_BYTES = 12,
    TC_UINT32 = 13,
    TC_ENUM = 14,
    TC_SFIXED32 = 15,
    TC_SFIXED64 = 16,
    TC_SINT32 = 17,
    TC_SINT64 = 18,
};

/* Messages whose JSON form is not an object of their fields (protobuf.dev/programming-guides/json).
 */
enum tc_wkt {
    TC_WKT_NONE,
    TC_WKT_ANY,
    TC_WKT_TIMESTAMP,
    TC_WKT_DURATION,
    TC_WKT_FIELD_MASK,
    TC_WKT_STRUCT,
    TC_WKT_VALUE,
    TC_WKT_LIST_VALUE,
    TC_WKT_WRAPPER,   /* the nine google.protobuf.*Value messages with one field `value` = 1 */
    TC_WKT_HTTP_BODY, /* google.api.HttpBody: raw bytes where it is the whole body, an ordinary
                         message elsewhere */
    TC_WKT_COUNT,
};

enum tc_field_flag {
    TC_REPEATED = 1 << 0, /* maps too */
    TC_MAP = 1 << 1,      /* `message` is the entry type: field 1 key, field 2 value */
    TC_PACKED = 1 << 2,   /* how we write it; both forms are read */
    TC_PRESENCE = 1 << 3, /* explicit presence: a default value on the wire is a value */
    TC_REQUIRED = 1 << 4,
    TC_UTF8 = 1 << 5, /* string whose UTF-8 is enforced (proto3; proto2 strings too when written as
                         JSON) */
    TC_EXTENSION = 1 << 6, /* json_name is "[full.name]" */
    TC_SET_ITEM = 1 << 7,  /* extension of a message set: on the wire an item (wire.h), not a field
                            */
};

enum tc_wire_type {
    TC_VARINT = 0,
    TC_I64 = 1,
    TC_LEN = 2,
    TC_SGROUP = 3,
    TC_EGROUP = 4,
    TC_I32 = 5
};
