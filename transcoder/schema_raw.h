/* What the steps of schema_compile hand to one another: the descriptor set as a tree of raw nodes
 * that point into the caller's bytes. Read (schema_read), given lines (schema_source), resolved and
 * checked (schema_link, schema_check), then written as tables (schema_emit, schema_index). The raw
 * tree lives in a scratch arena that dies with the call. */
#pragma once

#include "transcoder/schema_compile.h"
#include "transcoder/wire.h"

enum raw_kind {
    RAW_SET,
    RAW_FILE,
    RAW_MESSAGE,
    RAW_FIELD,
    RAW_EXTENSION, /* a FieldDescriptorProto like RAW_FIELD, in the list `extension` */
    RAW_ONEOF,
    RAW_RANGE,
    RAW_ENUM,
    RAW_VALUE,
    RAW_SERVICE,
    RAW_METHOD,
    RAW_STRING,
    RAW_KINDS,
};

/* google.protobuf.FeatureSet, resolved; the numbers are those of its enums. 0 = not given. */
struct raw_features {
    uint8_t presence : 2;  /* 1 explicit, 2 implicit, 3 legacy required */
    uint8_t enum_type : 2; /* 1 open, 2 closed */
    uint8_t encoding : 2;  /* 1 packed, 2 expanded */
    uint8_t utf8 : 2;      /* 2 verify, 3 none */
    uint8_t message : 2;   /* 1 length prefixed, 2 delimited */
};

struct raw_node {
    struct str bytes; /* the serialized descriptor */
    struct str name;
    struct raw_node *parent;
    uint32_t line; /* 1-based; 0 = not known */
    uint8_t kind;  /* enum raw_kind */
    struct raw_features features;
};

/* Nodes that names are declared in, and types. A file's full name is its package. */
struct raw_scope {
    struct raw_node node;
    struct str full_name; /* in the schema's arena */
};

struct raw_option_line {
    struct raw_option_line *next;
    struct tc_option_line at;
};

struct raw_options {
    struct str bytes;
    struct raw_option_line *lines;
    uint32_t nlines;
};

struct raw_field {
    struct raw_node node;
    struct str type_name, extendee, default_text, json_name, options;
    uint32_t number, label, type, oneof, proto3_optional, packed; /* oneof, packed: RAW_ABSENT when
                                                                     not given */
    struct raw_node *target;                                      /* message or enum */
    struct raw_message *owner;  /* whose field it is; for an extension the extended message, NULL
                                   when unknown */
    struct raw_field *next;     /* all extensions */
    struct raw_field *next_own; /* extensions of one owner */
};

struct raw_oneof {
    struct raw_node node;
    struct str options;
    uint32_t members, optionals; /* fields in it, and those of them with proto3_optional */
    int16_t index;               /* in tc_message.oneofs; -1 = synthetic */
};

struct raw_range {
    struct raw_node node;
    uint32_t start, end;
};

struct raw_message {
    struct raw_scope scope;
    struct raw_field *fields, *extensions;
    struct raw_message *nested;
    struct raw_enum *enums;
    struct raw_oneof *oneofs;
    struct raw_range *ranges;
    struct str options;
    uint32_t nfields, nextensions, nnested, nenums, noneofs, nranges, map_entry, message_set;
    struct tc_message *out;
    struct raw_field *extended_by; /* linked by next_own */
    struct raw_message *next;      /* all messages */
};

struct raw_value {
    struct raw_node node;
    uint32_t number; /* an int32 in disguise */
};

struct raw_enum {
    struct raw_scope scope;
    struct raw_value *values;
    struct str options;
    uint32_t nvalues, allow_alias;
    struct tc_enum *out;
    struct raw_enum *next;
};

struct raw_method {
    struct raw_node node;
    struct str input, output;
    struct raw_options options;
    uint32_t client_streaming, server_streaming;
};

struct raw_service {
    struct raw_scope scope;
    struct raw_method *methods;
    struct raw_options options;
    uint32_t nmethods;
    struct raw_service *next;
};

struct raw_file {
    struct raw_scope scope;
    struct raw_message *messages;
    struct raw_enum *enums;
    struct raw_service *services;
    struct raw_field *extensions;
    struct raw_node *imports; /* bytes = the file's name */
    struct raw_options options;
    struct str source_info, syntax;
    struct str missing; /* imports that are not in the set, for a fault to name */
    uint32_t nmessages, nenums, nservices, nextensions, nimports, nmissing, edition;
    uint32_t index; /* place in the set: the order of faults */
    struct tc_file *out;
    bool repeated; /* the same file once more, as `cat a.pb b.pb` gives: passed over */
};

struct raw_set {
    struct raw_node node;
    struct raw_file *files;
    uint32_t nfiles;
};

enum { RAW_ABSENT = INT32_MAX, RAW_NAME_MAX = 1024 };
