#include "tests/unit/support/schema_equal.h"

#include <stdio.h>

/* Each comparison below is one line: on a difference it notes where and what, and returns. */
#define SAME(what, is_same, owner)                                                    \
    do {                                                                              \
        if (!(is_same)) {                                                             \
            snprintf(where, SCHEMA_DIFFERENCE_MAX, "%.*s: %s", STR_ARG(owner), what); \
            return where;                                                             \
        }                                                                             \
    } while (0)
#define SAME_NUMBER(member, owner) SAME(#member, a->member == b->member, owner)
#define SAME_TEXT(member, owner) SAME(#member, str_eq(a->member, b->member), owner)
#define SAME_ARRAY(member, n, owner) \
    SAME(#member, (n) == 0 || !memcmp(a->member, b->member, (n) * sizeof *a->member), owner)

static bool same_name(const struct str *a, const struct str *b)
{
    return a == b || (a && b && str_eq(*a, *b));
}

static const char *options_differ(const struct tc_options *a, const struct tc_options *b,
                                  struct str owner, char *where)
{
    SAME_TEXT(bytes, owner);
    SAME_NUMBER(nlines, owner);
    for (uint16_t i = 0; i < a->nlines; i++) {
        SAME_NUMBER(lines[i].number, owner);
        SAME_NUMBER(lines[i].line, owner);
    }
    return NULL;
}

static const char *field_differs(const struct tc_field *a, const struct tc_field *b, char *where)
{
    SAME_TEXT(name, a->name);
    SAME_TEXT(json_name, a->name);
    SAME_TEXT(default_text, a->name);
    SAME("has default", !a->default_text.p == !b->default_text.p, a->name);
    SAME_NUMBER(number, a->name);
    SAME_NUMBER(flags, a->name);
    SAME_NUMBER(type, a->name);
    SAME_NUMBER(tag_len, a->name);
    SAME_NUMBER(oneof, a->name);
    SAME_ARRAY(tag, a->tag_len, a->name);
    SAME("message",
         same_name(a->message ? &a->message->full_name : NULL,
                   b->message ? &b->message->full_name : NULL),
         a->name);
    SAME("enumeration",
         same_name(a->enumeration ? &a->enumeration->full_name : NULL,
                   b->enumeration ? &b->enumeration->full_name : NULL),
         a->name);
    return NULL;
}

static const char *message_differs(const struct tc_message *a, const struct tc_message *b,
                                   char *where)
{
    const char *difference = NULL;
    SAME_TEXT(full_name, a->full_name);
    SAME_NUMBER(nfields, a->full_name);
    SAME_NUMBER(noneofs, a->full_name);
    SAME_NUMBER(nrequired, a->full_name);
    SAME_NUMBER(wkt, a->full_name);
    SAME_NUMBER(is_map_entry, a->full_name);
    SAME_NUMBER(reaches_required, a->full_name);
    SAME_NUMBER(name_mask, a->full_name);
    SAME_NUMBER(ndense, a->full_name);
    SAME_ARRAY(by_number, a->ndense, a->full_name);
    SAME("by_name", !a->by_name == !b->by_name, a->full_name);
    SAME_ARRAY(by_name, a->by_name ? a->name_mask + (size_t)1 : 0, a->full_name);
    for (uint16_t i = 0; i < a->noneofs; i++)
        SAME_TEXT(oneofs[i], a->full_name);
    for (uint16_t i = 0; i < a->nfields && !difference; i++)
        difference = field_differs(&a->fields[i], &b->fields[i], where);
    return difference;
}

static const char *enum_differs(const struct tc_enum *a, const struct tc_enum *b, char *where)
{
    SAME_TEXT(full_name, a->full_name);
    SAME_NUMBER(nvalues, a->full_name);
    SAME_NUMBER(nnumbers, a->full_name);
    SAME_NUMBER(closed, a->full_name);
    SAME_NUMBER(is_null_value, a->full_name);
    SAME_NUMBER(prefix, a->full_name);
    SAME_NUMBER(name_mask, a->full_name);
    SAME_ARRAY(by_number, a->nnumbers, a->full_name);
    SAME("by_name", !a->by_name == !b->by_name, a->full_name);
    SAME_ARRAY(by_name, a->by_name ? a->name_mask + (size_t)1 : 0, a->full_name);
    for (uint16_t i = 0; i < a->nvalues; i++) {
        SAME_TEXT(values[i].name, a->full_name);
        SAME_NUMBER(values[i].number, a->full_name);
    }
    return NULL;
}

static const char *method_differs(const struct tc_method *a, const struct tc_method *b, char *where)
{
    SAME_TEXT(name, a->full_name);
    SAME_TEXT(full_name, a->full_name);
    SAME_TEXT(path, a->full_name);
    SAME_TEXT(input->full_name, a->full_name);
    SAME_TEXT(output->full_name, a->full_name);
    SAME_TEXT(service->full_name, a->full_name);
    SAME_NUMBER(line, a->full_name);
    SAME_NUMBER(client_streaming, a->full_name);
    SAME_NUMBER(server_streaming, a->full_name);
    return options_differ(&a->options, &b->options, a->full_name, where);
}

static const char *service_differs(const struct tc_service *a, const struct tc_service *b,
                                   char *where)
{
    const char *difference = NULL;
    SAME_TEXT(full_name, a->full_name);
    SAME_TEXT(file->name, a->full_name);
    SAME_NUMBER(nmethods, a->full_name);
    SAME_NUMBER(line, a->full_name);
    for (uint32_t i = 0; i < a->nmethods && !difference; i++)
        difference = method_differs(&a->methods[i], &b->methods[i], where);
    return difference ? difference : options_differ(&a->options, &b->options, a->full_name, where);
}

static const char *file_differs(const struct tc_file *a, const struct tc_file *b, char *where)
{
    SAME_TEXT(name, a->name);
    SAME_TEXT(package, a->name);
    return options_differ(&a->options, &b->options, a->name, where);
}

const char *schema_difference(const struct tc_schema *a, const struct tc_schema *b, char *where)
{
    static const struct str schema = STR_INIT("schema");
    const char *difference = NULL;
    SAME_NUMBER(nfiles, schema);
    SAME_NUMBER(nmessages, schema);
    SAME_NUMBER(nenums, schema);
    SAME_NUMBER(nservices, schema);
    for (uint32_t i = 0; i < a->nfiles && !difference; i++)
        difference = file_differs(&a->files[i], &b->files[i], where);
    for (uint32_t i = 0; i < a->nmessages && !difference; i++)
        difference = message_differs(a->messages[i], b->messages[i], where);
    for (uint32_t i = 0; i < a->nenums && !difference; i++)
        difference = enum_differs(a->enums[i], b->enums[i], where);
    for (uint32_t i = 0; i < a->nservices && !difference; i++)
        difference = service_differs(&a->services[i], &b->services[i], where);
    return difference;
}
