#include "tools/protoc-gen-postern/tables.h"

/* The arrays `messages`, `enums` and `services` are declared before they are defined, so that
 * anything may point to anything. What belongs to one of them carries its index: fields_7 are the
 * fields of messages[7]. */

enum { NUMBERS_PER_LINE = 24, BYTES_PER_LINE = 48 };

uint32_t tables_message(const struct tc_schema *schema, const struct tc_message *m)
{
    uint32_t low = 0, high = schema->nmessages;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (str_cmp(schema->messages[mid]->full_name, m->full_name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static uint32_t enum_index(const struct tc_schema *schema, const struct tc_enum *e)
{
    uint32_t i = 0;
    while (i < schema->nenums && schema->enums[i] != e)
        i++;
    return i;
}

static void print_str(struct out *o, struct str s)
{
    if (!s.p) {
        out_print(o, "{NULL, 0}");
        return;
    }
    out_print(o, "STR_INIT(");
    out_literal(o, s);
    out_print(o, ")");
}

/* --- numbers --- */

static void print_u16(struct out *o, const char *name, uint32_t i, const uint16_t *v, size_t n)
{
    if (!n)
        return;
    out_print(o, "static const uint16_t %s_%u[] = {", name, i);
    for (size_t k = 0; k < n; k++)
        out_print(o, "%s%u,", k % NUMBERS_PER_LINE ? " " : "\n    ", v[k]);
    out_print(o, "\n};\n");
}

static void print_ref(struct out *o, const char *name, uint32_t i, size_t n)
{
    if (n)
        out_print(o, "%s_%u", name, i);
    else
        out_print(o, "NULL");
}

/* --- options --- */

void tables_bytes(struct out *o, const char *name, struct str bytes)
{
    out_print(o, "static const char %s[] =", name);
    for (size_t at = 0; at < bytes.n; at += BYTES_PER_LINE) {
        size_t left = bytes.n - at;
        out_print(o, "\n    ");
        out_literal(o, str_of(bytes.p + at, left < BYTES_PER_LINE ? left : BYTES_PER_LINE));
    }
    out_print(o, ";\n");
}

static void print_option_lines(struct out *o, const char *name, const struct tc_options *options)
{
    if (!options->nlines)
        return;
    out_print(o, "static const struct tc_option_line %s_lines[] = {", name);
    for (uint16_t i = 0; i < options->nlines; i++)
        out_print(o, "{%u, %u}%s", options->lines[i].number, options->lines[i].line,
                  i + 1 < options->nlines ? ", " : "");
    out_print(o, "};\n");
}

static void print_options(struct out *o, const char *name, const struct tc_options *options)
{
    out_print(o, "{");
    print_str(o, options->bytes);
    if (options->nlines)
        out_print(o, ", %s_lines, %u}", name, options->nlines);
    else
        out_print(o, ", NULL, 0}");
}

/* --- messages --- */

/* Flags by their bits: the names would make the lines long and nobody reads them here. */
static void print_field(struct out *o, const struct tc_schema *schema, const struct tc_field *f)
{
    out_print(o, "    {");
    print_str(o, f->name);
    out_print(o, ", ");
    print_str(o, f->json_name);
    if (f->message)
        out_print(o, ", &messages[%u], NULL, ", tables_message(schema, f->message));
    else if (f->enumeration)
        out_print(o, ", NULL, &enums[%u], ", enum_index(schema, f->enumeration));
    else
        out_print(o, ", NULL, NULL, ");
    print_str(o, f->default_text);
    out_print(o, ", %u, 0x%x, %u, %u, %d, ", f->number, f->flags, f->type, f->tag_len, f->oneof);
    out_literal(o, str_of(f->tag, f->tag_len));
    out_print(o, "},\n");
}

static void print_message_parts(struct out *o, const struct tc_schema *schema, uint32_t i)
{
    const struct tc_message *m = schema->messages[i];
    out_print(o, "\n/* %.*s */\n", STR_ARG(m->full_name));
    if (m->nfields) {
        out_print(o, "static const struct tc_field fields_%u[] = {\n", i);
        for (uint16_t k = 0; k < m->nfields; k++)
            print_field(o, schema, &m->fields[k]);
        out_print(o, "};\n");
    }
    if (m->noneofs) {
        out_print(o, "static const struct str oneofs_%u[] = {", i);
        for (uint16_t k = 0; k < m->noneofs; k++) {
            out_print(o, "%s", k ? ", " : "");
            print_str(o, m->oneofs[k]);
        }
        out_print(o, "};\n");
    }
    print_u16(o, "field_names", i, m->by_name, m->by_name ? m->name_mask + (size_t)1 : 0);
    print_u16(o, "field_numbers", i, m->by_number, m->ndense);
}

static void print_message(struct out *o, const struct tc_message *m, uint32_t i)
{
    out_print(o, "    {");
    print_str(o, m->full_name);
    out_print(o, ", ");
    print_ref(o, "fields", i, m->nfields);
    out_print(o, ", ");
    print_ref(o, "oneofs", i, m->noneofs);
    out_print(o, ", ");
    print_ref(o, "field_names", i, m->by_name != NULL);
    out_print(o, ", ");
    print_ref(o, "field_numbers", i, m->ndense);
    out_print(o, ", %u, %u, %u, %u, %u, %u, %s, %s},\n", m->name_mask, m->ndense, m->nfields,
              m->noneofs, m->nrequired, m->wkt, m->is_map_entry ? "true" : "false",
              m->reaches_required ? "true" : "false");
}

static void print_messages(struct out *o, const struct tc_schema *schema)
{
    for (uint32_t i = 0; i < schema->nmessages; i++)
        print_message_parts(o, schema, i);
    out_print(o, "\nstatic const struct tc_message messages[%u] = {\n", schema->nmessages);
    for (uint32_t i = 0; i < schema->nmessages; i++)
        print_message(o, schema->messages[i], i);
    out_print(o, "};\n");
    out_print(o, "static const struct tc_message *const message_order[] = {\n");
    for (uint32_t i = 0; i < schema->nmessages; i++)
        out_print(o, "    &messages[%u],\n", i);
    out_print(o, "};\n");
}

/* --- enums --- */

static void print_enum_parts(struct out *o, const struct tc_enum *e, uint32_t i)
{
    out_print(o, "\n/* %.*s */\n", STR_ARG(e->full_name));
    if (e->nvalues) {
        out_print(o, "static const struct tc_enum_value values_%u[] = {\n", i);
        for (uint16_t k = 0; k < e->nvalues; k++) {
            out_print(o, "    {");
            print_str(o, e->values[k].name);
            /* -2147483648 is no int in C: the minus sign is an operator */
            if (e->values[k].number == INT32_MIN)
                out_print(o, ", INT32_MIN},\n");
            else
                out_print(o, ", %d},\n", e->values[k].number);
        }
        out_print(o, "};\n");
    }
    print_u16(o, "value_names", i, e->by_name, e->by_name ? e->name_mask + (size_t)1 : 0);
    print_u16(o, "value_numbers", i, e->by_number, e->nnumbers);
}

static void print_enum(struct out *o, const struct tc_enum *e, uint32_t i)
{
    out_print(o, "    {");
    print_str(o, e->full_name);
    out_print(o, ", ");
    print_ref(o, "values", i, e->nvalues);
    out_print(o, ", ");
    print_ref(o, "value_names", i, e->by_name != NULL);
    out_print(o, ", ");
    print_ref(o, "value_numbers", i, e->nnumbers);
    out_print(o, ", %u, %u, %u, %s, %s, %u},\n", e->name_mask, e->nvalues, e->nnumbers,
              e->closed ? "true" : "false", e->is_null_value ? "true" : "false", e->prefix);
}

static void print_enums(struct out *o, const struct tc_schema *schema)
{
    for (uint32_t i = 0; i < schema->nenums; i++)
        print_enum_parts(o, schema->enums[i], i);
    out_print(o, "\nstatic const struct tc_enum enums[%u] = {\n", schema->nenums);
    for (uint32_t i = 0; i < schema->nenums; i++)
        print_enum(o, schema->enums[i], i);
    out_print(o, "};\n");
    out_print(o, "static const struct tc_enum *const enum_order[] = {\n");
    for (uint32_t i = 0; i < schema->nenums; i++)
        out_print(o, "    &enums[%u],\n", i);
    out_print(o, "};\n");
}

/* --- services and files --- */

static void print_method(struct out *o, const struct tc_schema *schema, uint32_t service,
                         const struct tc_method *m, const char *options)
{
    out_print(o, "    {");
    print_str(o, m->name);
    out_print(o, ", ");
    print_str(o, m->full_name);
    out_print(o, ",\n     ");
    print_str(o, m->path);
    out_print(o, ", &messages[%u], &messages[%u], &services[%u],\n     ",
              tables_message(schema, m->input), tables_message(schema, m->output), service);
    print_options(o, options, &m->options);
    out_print(o, ",\n     %u, %s, %s},\n", m->line, m->client_streaming ? "true" : "false",
              m->server_streaming ? "true" : "false");
}

static void print_methods(struct out *o, const struct tc_schema *schema, uint32_t i)
{
    const struct tc_service *s = &schema->services[i];
    struct arena names;
    arena_init(&names, 4096, 1 << 30);
    for (uint32_t k = 0; k < s->nmethods; k++)
        print_option_lines(o, need_text(&names, "method_%u_%u", i, k), &s->methods[k].options);
    out_print(o, "static const struct tc_method methods_%u[] = {\n", i);
    for (uint32_t k = 0; k < s->nmethods; k++)
        print_method(o, schema, i, &s->methods[k], need_text(&names, "method_%u_%u", i, k));
    out_print(o, "};\n");
    print_option_lines(o, need_text(&names, "service_%u", i), &s->options);
    arena_release(&names);
}

static void print_services(struct out *o, const struct tc_schema *schema)
{
    struct arena names;
    arena_init(&names, 4096, 1 << 30);
    for (uint32_t i = 0; i < schema->nservices; i++) {
        out_print(o, "\n/* %.*s */\n", STR_ARG(schema->services[i].full_name));
        if (schema->services[i].nmethods)
            print_methods(o, schema, i);
        else
            print_option_lines(o, need_text(&names, "service_%u", i), &schema->services[i].options);
    }
    out_print(o, "\nstatic const struct tc_service services[%u] = {\n", schema->nservices);
    for (uint32_t i = 0; i < schema->nservices; i++) {
        const struct tc_service *s = &schema->services[i];
        out_print(o, "    {");
        print_str(o, s->full_name);
        out_print(o, ", &files[%u], ", (uint32_t)(s->file - schema->files));
        print_ref(o, "methods", i, s->nmethods);
        out_print(o, ", ");
        print_options(o, need_text(&names, "service_%u", i), &s->options);
        out_print(o, ", %u, %u},\n", s->nmethods, s->line);
    }
    out_print(o, "};\n");
    arena_release(&names);
}

static void print_files(struct out *o, const struct tc_schema *schema)
{
    struct arena names;
    arena_init(&names, 4096, 1 << 30);
    out_print(o, "\n");
    for (uint32_t i = 0; i < schema->nfiles; i++)
        print_option_lines(o, need_text(&names, "file_%u", i), &schema->files[i].options);
    out_print(o, "static const struct tc_file files[%u] = {\n", schema->nfiles);
    for (uint32_t i = 0; i < schema->nfiles; i++) {
        out_print(o, "    {");
        print_str(o, schema->files[i].name);
        out_print(o, ", ");
        print_str(o, schema->files[i].package);
        out_print(o, ", ");
        print_options(o, need_text(&names, "file_%u", i), &schema->files[i].options);
        out_print(o, "},\n");
    }
    out_print(o, "};\n");
    arena_release(&names);
}

void tables_print(struct out *o, const struct tc_schema *schema, const char *symbol)
{
    /* C promises literals of 4095 bytes; gcc and clang take any, and options or descriptors may
     * need more */
    out_print(o, "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n");
    if (schema->nmessages)
        out_print(o, "static const struct tc_message messages[%u];\n", schema->nmessages);
    if (schema->nenums)
        out_print(o, "static const struct tc_enum enums[%u];\n", schema->nenums);
    if (schema->nservices)
        out_print(o, "static const struct tc_service services[%u];\n", schema->nservices);
    if (schema->nmessages)
        print_messages(o, schema);
    if (schema->nenums)
        print_enums(o, schema);
    print_files(o, schema);
    if (schema->nservices)
        print_services(o, schema);
    out_print(o,
              "\nconst struct tc_schema %s = {\n    files, %s, %s, %s,\n    %u, %u, %u, %u,\n};\n",
              symbol, schema->nmessages ? "message_order" : "NULL",
              schema->nenums ? "enum_order" : "NULL", schema->nservices ? "services" : "NULL",
              schema->nfiles, schema->nmessages, schema->nenums, schema->nservices);
}
