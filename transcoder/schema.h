/* What the gateway knows of the user's .proto files: plain, immutable tables, the same whether
 * schema_compile made them from a FileDescriptorSet or protoc-gen-postern printed them as const C.
 * Everything is reachable by pointer, nothing is looked up by string at run time except keys that
 * come in as strings.
 *
 * Ownership: a compiled schema lives in the arena given to schema_compile; a printed one is static.
 * Read-only, so any number of threads may use it. */
#pragma once

#include "transcoder/schema_type.h"
#include "transcoder/str.h"

struct tc_field {
    struct str name; /* as in the .proto; the full name for an extension */
    struct str json_name;
    const struct tc_message *message;  /* TC_MESSAGE, TC_GROUP */
    const struct tc_enum *enumeration; /* TC_ENUM */
    struct str default_text; /* proto2 / editions: default_value as in the descriptor; p == NULL
                                when none */
    uint32_t number;
    uint16_t flags;  /* enum tc_field_flag */
    uint8_t type;    /* enum tc_type */
    uint8_t tag_len; /* bytes in tag */
    int16_t oneof;   /* index into tc_message.oneofs, -1 when in none; synthetic oneofs do not count
                      */
    char tag[6];     /* the encoded key we write: packed fields carry wire type 2; of a TC_SET_ITEM
                        its number alone */
};

struct tc_message {
    struct str full_name;          /* "pkg.Outer.Inner", no leading dot */
    const struct tc_field *fields; /* ascending by number, extensions included */
    const struct str *oneofs;      /* names, real oneofs only */
    const uint16_t *by_name;       /* open addressing, linear probing: 0 = free, else 1 + index into
                                      fields */
    const uint16_t *by_number; /* dense table, index = number, same values; NULL when ndense == 0 */
    uint32_t name_mask;        /* slots - 1, slots a power of two, at most half full */
    uint32_t ndense; /* numbers below this are looked up in by_number, others by bisection */
    uint16_t nfields, noneofs, nrequired;
    uint8_t wkt; /* enum tc_wkt */
    bool is_map_entry;
    bool reaches_required; /* has a required field, or a singular message that reaches one */
};

struct tc_enum_value {
    struct str name;
    int32_t number;
};

struct tc_enum {
    struct str full_name;
    const struct tc_enum_value *values; /* in order of declaration; the first of equal numbers is
                                           the one printed */
    const uint16_t *by_name;            /* as tc_message.by_name */
    const uint16_t *by_number; /* indices into values, sorted by number, aliases left out */
    uint32_t name_mask;
    uint16_t nvalues, nnumbers;
    bool closed; /* proto2 and editions' CLOSED: a number that has no name is an unknown field */
    bool is_null_value; /* google.protobuf.NullValue */
    uint16_t prefix;    /* bytes that short names lack (enum_name.h); 0: there are none */
};

/* Where an option statement stands. Descriptors without source info have none. */
struct tc_option_line {
    uint32_t number; /* extension number: 72295728 for (google.api.http) */
    uint32_t line;   /* 1-based */
};

/* The options of a file, service, method, message or field, undigested: the gateway's policies read
 * them. */
struct tc_options {
    struct str bytes; /* serialized *Options message */
    const struct tc_option_line *lines;
    uint16_t nlines;
};

struct tc_method {
    struct str name;
    struct str full_name; /* "pkg.Service.Method" */
    struct str path;      /* "/pkg.Service/Method" */
    const struct tc_message *input, *output;
    const struct tc_service *service;
    struct tc_options options;
    uint32_t line; /* of its declaration; 0 = not known */
    bool client_streaming, server_streaming;
};

struct tc_service {
    struct str full_name;
    const struct tc_file *file;
    const struct tc_method *methods;
    struct tc_options options;
    uint32_t nmethods, line;
};

struct tc_file {
    struct str name; /* "demo/v1/echo.proto" */
    struct str package;
    struct tc_options options;
};

struct tc_schema {
    const struct tc_file *files;
    const struct tc_message *const *messages; /* all, nested ones too, ascending by full_name */
    const struct tc_enum *const *enums;       /* ascending by full_name */
    const struct tc_service *services;        /* in order of the files */
    uint32_t nfiles, nmessages, nenums, nservices;
};

/* Each returns NULL when there is none. Field names: the JSON name or the .proto name, nothing
 * else; where one field's JSON name is another's .proto name, the JSON name wins. An extension is
 * known by its json_name alone. */
const struct tc_field *tc_field_by_name(const struct tc_message *m, struct str name);
const struct tc_field *tc_field_by_number(const struct tc_message *m, uint32_t number);
const struct tc_enum_value *tc_enum_by_name(const struct tc_enum *e, struct str name);
const struct tc_enum_value *tc_enum_by_number(const struct tc_enum *e, int32_t number);
const struct tc_message *tc_schema_message(const struct tc_schema *s, struct str full_name);
const struct tc_service *tc_schema_service(const struct tc_schema *s, struct str full_name);
/* By "pkg.Service.Method" or "pkg.Service/Method". */
const struct tc_method *tc_schema_method(const struct tc_schema *s, struct str full_name);
/* Line of option `number`; falls back to 0. */
uint32_t tc_option_line(const struct tc_options *o, uint32_t number);

/* message_set_wire_format: nothing but extensions, each a TC_SET_ITEM. Says nothing of a set
 * without a known extension: to us all of its items are unknown. */
static inline bool tc_is_message_set(const struct tc_message *m)
{
    return m->nfields && m->fields[0].flags & TC_SET_ITEM;
}

/* Wire type of one value of `type` when not packed. */
enum tc_wire_type tc_wire_type_of(enum tc_type type);
/* Numeric, bool and enum fields may be packed. */
bool tc_type_packable(enum tc_type type);
