#include "tests/unit/support/decode_schema.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FIELD(number_, type_, flags_, name_, json_)                                              \
    .name = STR_INIT(name_), .json_name = STR_INIT(json_), .number = (number_), .type = (type_), \
    .flags = (flags_)
#define SCALAR(number, type, name)                      \
    {                                                   \
        FIELD(number, type, 0, name, name), .oneof = -1 \
    }
#define LIST(number, type, name, json)                            \
    {                                                             \
        FIELD(number, type, TC_REPEATED, name, json), .oneof = -1 \
    }
#define SUB(number, name, type)                                                             \
    {                                                                                       \
        FIELD(number, TC_MESSAGE, TC_PRESENCE, name, name), .oneof = -1, .message = &(type) \
    }
#define SUBS(number, flags, name, json, type)                                            \
    {                                                                                    \
        FIELD(number, TC_MESSAGE, TC_REPEATED | (flags), name, json), .oneof = -1,       \
                                                                      .message = &(type) \
    }
#define MEMBER(number, type, name, json)                         \
    {                                                            \
        FIELD(number, type, TC_PRESENCE, name, json), .oneof = 0 \
    }
#define MESSAGE(name, fields_, wkt_)                                                               \
    {                                                                                              \
        .full_name = STR_INIT(name), .fields = (fields_), .nfields = COUNT(fields_), .noneofs = 1, \
        .wkt = (wkt_)                                                                              \
    }

static const struct tc_enum_value color_values[] = {
    {STR_INIT("NONE"), 0}, {STR_INIT("RED"), 1}, {STR_INIT("BELOW"), -1}};
static const uint16_t color_by_number[] = {2, 0, 1};
static const struct tc_enum color = {.full_name = STR_INIT("t.Color"),
                                     .values = color_values,
                                     .by_number = color_by_number,
                                     .nvalues = 3,
                                     .nnumbers = 3};
static const struct tc_enum_value level_values[] = {{STR_INIT("LOW"), 1}, {STR_INIT("HIGH"), 5}};
static const uint16_t level_by_number[] = {0, 1};
static const struct tc_enum level = {.full_name = STR_INIT("t.Level"),
                                     .values = level_values,
                                     .by_number = level_by_number,
                                     .nvalues = 2,
                                     .nnumbers = 2,
                                     .closed = true};
static const struct tc_enum_value null_values[] = {{STR_INIT("NULL_VALUE"), 0}};
static const uint16_t null_by_number[] = {0};
static const struct tc_enum null_value = {.full_name = STR_INIT("google.protobuf.NullValue"),
                                          .values = null_values,
                                          .by_number = null_by_number,
                                          .nvalues = 1,
                                          .nnumbers = 1,
                                          .is_null_value = true};

static const struct tc_message value_message;

static const struct tc_field time_fields[] = {SCALAR(1, TC_INT64, "seconds"),
                                              SCALAR(2, TC_INT32, "nanos")};
static const struct tc_message timestamp = MESSAGE("google.protobuf.Timestamp", time_fields,
                                                   TC_WKT_TIMESTAMP);
static const struct tc_message duration = MESSAGE("google.protobuf.Duration", time_fields,
                                                  TC_WKT_DURATION);
static const struct tc_field mask_fields[] = {LIST(1, TC_STRING, "paths", "paths")};
static const struct tc_message mask = MESSAGE("google.protobuf.FieldMask", mask_fields,
                                              TC_WKT_FIELD_MASK);
static const struct tc_field any_fields[] = {SCALAR(1, TC_STRING, "type_url"),
                                             SCALAR(2, TC_BYTES, "value")};
static const struct tc_message any = MESSAGE("google.protobuf.Any", any_fields, TC_WKT_ANY);
static const struct tc_field int64_value_fields[] = {SCALAR(1, TC_INT64, "value")};
static const struct tc_message int64_value = MESSAGE("google.protobuf.Int64Value",
                                                     int64_value_fields, TC_WKT_WRAPPER);
static const struct tc_field string_value_fields[] = {SCALAR(1, TC_STRING, "value")};
static const struct tc_message string_value = MESSAGE("google.protobuf.StringValue",
                                                      string_value_fields, TC_WKT_WRAPPER);

static const struct tc_field struct_entry_fields[] = {SCALAR(1, TC_STRING, "key"),
                                                      SUB(2, "value", value_message)};
static const struct tc_message struct_entry = MESSAGE("google.protobuf.Struct.FieldsEntry",
                                                      struct_entry_fields, TC_WKT_NONE);
static const struct tc_field struct_fields[] = {SUBS(1, TC_MAP, "fields", "fields", struct_entry)};
static const struct tc_message struct_message = MESSAGE("google.protobuf.Struct", struct_fields,
                                                        TC_WKT_STRUCT);
static const struct tc_field list_fields[] = {SUBS(1, 0, "values", "values", value_message)};
static const struct tc_message list_message = MESSAGE("google.protobuf.ListValue", list_fields,
                                                      TC_WKT_LIST_VALUE);
static const struct tc_field value_fields[] = {
    {FIELD(1, TC_ENUM, TC_PRESENCE, "null_value", "nullValue"), .enumeration = &null_value},
    MEMBER(2, TC_DOUBLE, "number_value", "numberValue"),
    MEMBER(3, TC_STRING, "string_value", "stringValue"),
    MEMBER(4, TC_BOOL, "bool_value", "boolValue"),
    {FIELD(5, TC_MESSAGE, TC_PRESENCE, "struct_value", "structValue"), .message = &struct_message},
    {FIELD(6, TC_MESSAGE, TC_PRESENCE, "list_value", "listValue"), .message = &list_message},
};
static const struct tc_message value_message = MESSAGE("google.protobuf.Value", value_fields,
                                                       TC_WKT_VALUE);

static const struct tc_field m_i32_fields[] = {SCALAR(1, TC_STRING, "key"),
                                               SCALAR(2, TC_INT32, "value")};
static const struct tc_message m_i32_entry = MESSAGE("t.All.MI32Entry", m_i32_fields, TC_WKT_NONE);
static const struct tc_field m_all_fields[] = {SCALAR(1, TC_SINT32, "key"),
                                               SUB(2, "value", test_all)};
static const struct tc_message m_all_entry = MESSAGE("t.All.MAllEntry", m_all_fields, TC_WKT_NONE);
static const struct tc_field m_level_fields[] = {
    SCALAR(1, TC_BOOL, "key"),
    {FIELD(2, TC_ENUM, TC_PRESENCE, "value", "value"), .oneof = -1, .enumeration = &level}};
static const struct tc_message m_level_entry = MESSAGE("t.All.MLevelEntry", m_level_fields,
                                                       TC_WKT_NONE);

static const struct tc_field all_fields[] = {
    SCALAR(1, TC_INT32, "i32"),
    SCALAR(2, TC_INT64, "i64"),
    SCALAR(3, TC_UINT32, "u32"),
    SCALAR(4, TC_UINT64, "u64"),
    SCALAR(5, TC_SINT32, "s32"),
    SCALAR(6, TC_SINT64, "s64"),
    SCALAR(7, TC_FIXED32, "f32"),
    SCALAR(8, TC_FIXED64, "f64"),
    SCALAR(9, TC_SFIXED32, "sf32"),
    SCALAR(10, TC_SFIXED64, "sf64"),
    SCALAR(11, TC_FLOAT, "fl"),
    SCALAR(12, TC_DOUBLE, "db"),
    SCALAR(13, TC_BOOL, "b"),
    SCALAR(14, TC_STRING, "str"),
    SCALAR(15, TC_BYTES, "by"),
    {FIELD(16, TC_ENUM, 0, "color", "color"), .oneof = -1, .enumeration = &color},
    SUB(17, "all", test_all),
    {FIELD(18, TC_GROUP, TC_PRESENCE, "group", "group"), .oneof = -1, .message = &test_all},
    LIST(21, TC_INT32, "r_i32", "rI32"),
    LIST(22, TC_FLOAT, "r_fl", "rFl"),
    LIST(23, TC_STRING, "r_str", "rStr"),
    SUBS(24, 0, "r_all", "rAll", test_all),
    {FIELD(25, TC_ENUM, TC_REPEATED, "r_level", "rLevel"), .oneof = -1, .enumeration = &level},
    {FIELD(26, TC_GROUP, TC_REPEATED, "r_group", "rGroup"), .oneof = -1, .message = &test_all},
    LIST(27, TC_SFIXED64, "r_sf64", "rSf64"),
    SUBS(31, TC_MAP, "m_i32", "mI32", m_i32_entry),
    SUBS(32, TC_MAP, "m_all", "mAll", m_all_entry),
    SUBS(33, TC_MAP, "m_level", "mLevel", m_level_entry),
    MEMBER(41, TC_INT32, "o_i32", "oI32"),
    MEMBER(42, TC_STRING, "o_str", "oStr"),
    {FIELD(43, TC_MESSAGE, TC_PRESENCE, "o_all", "oAll"), .message = &test_all},
    {FIELD(44, TC_INT32, TC_PRESENCE, "p_i32", "pI32"), .oneof = -1,
     .default_text = STR_INIT("-7")},
    {FIELD(45, TC_ENUM, TC_PRESENCE, "level", "level"), .oneof = -1, .enumeration = &level},
    {FIELD(46, TC_BYTES, TC_PRESENCE, "d_by", "dBy"), .oneof = -1,
     .default_text = STR_INIT("\\000\\377\\\\x\\n")},
    {FIELD(47, TC_DOUBLE, TC_PRESENCE, "d_inf", "dInf"), .oneof = -1,
     .default_text = STR_INIT("-inf")},
    SUB(51, "time", timestamp),
    SUB(52, "span", duration),
    SUB(53, "mask", mask),
    SUB(54, "struct", struct_message),
    SUB(55, "value", value_message),
    SUB(56, "list", list_message),
    SUB(57, "w_i64", int64_value),
    SUB(58, "any", any),
    {FIELD(59, TC_ENUM, 0, "null", "null"), .oneof = -1, .enumeration = &null_value},
    SUBS(60, 0, "r_value", "rValue", value_message),
    SUB(61, "w_str", string_value),
    {FIELD(100, TC_INT32, TC_PRESENCE | TC_EXTENSION, "x.ext", "[x.ext]"), .oneof = -1},
    SCALAR(5000, TC_INT32, "q\"\n"),
};
const struct tc_message test_all = MESSAGE("t.All", all_fields, TC_WKT_NONE);

static const struct tc_message *const messages[] = {
    &any, &duration, &mask, &int64_value, &struct_message, &timestamp, &value_message, &test_all};
const struct tc_schema test_schema = {.messages = messages, .nmessages = COUNT(messages)};
