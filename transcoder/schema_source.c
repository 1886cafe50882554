/* SourceCodeInfo -> lines. A location is a path through descriptor.proto (field number, index,
 * field number, …) and a span whose first number is the line, from 0. protoc gives the location of
 * an option as the path to the options message followed by the option's number:
 * [6,0,2,1,4,72295728], with more behind it when a statement sets a field inside the option. */
#include "transcoder/schema_internal.h"

/* Message nesting, the service's or field's own steps and an option inside; longer ones only go
 * deeper into an option. */
enum { PATH_MAX_STEPS = 2 * TC_SCHEMA_MAX_NESTING + 8 };

struct location {
    uint32_t path[PATH_MAX_STEPS];
    uint32_t npath, line;
    bool has_line;
};

static void add_step(struct location *l, uint32_t number, uint64_t v)
{
    if (number == 1 && l->npath < PATH_MAX_STEPS)
        l->path[l->npath++] = (uint32_t)v;
    if (number == 2 && !l->has_line) {
        l->has_line = true;
        l->line = (uint32_t)v;
    }
}

/* Both fields are lists of int32, packed by protoc; unpacked is as good. */
static bool read_location(struct str bytes, struct location *l)
{
    struct tc_wire_field f;
    enum tc_status st;
    uint64_t v;
    l->npath = l->line = 0;
    l->has_line = false;
    while ((st = tc_wire_next(&bytes, &f)) == TC_OK) {
        if (f.number > 2)
            continue;
        if (f.type == TC_VARINT)
            add_step(l, f.number, f.value);
        while (f.type == TC_LEN && f.bytes.n) {
            if (!tc_wire_varint(&f.bytes, &v))
                return false;
            add_step(l, f.number, v);
        }
    }
    return st == TC_MORE;
}

static void add_option_line(struct compile *c, struct raw_options *o, uint32_t number,
                            uint32_t line)
{
    struct raw_option_line *l = schema_take(c, &c->scratch, 1, sizeof *l);
    if (!l)
        return;
    l->at = (struct tc_option_line){number, line};
    l->next = o->lines;
    o->lines = l;
    o->nlines++;
}

static void place(struct compile *c, struct raw_node *node, const struct location *l)
{
    uint32_t at = 0;
    while (at + 1 < l->npath) {
        struct raw_node *child = raw_child(node, l->path[at], l->path[at + 1]);
        if (!child)
            break;
        node = child;
        at += 2;
    }
    struct raw_options *o = at + 1 < l->npath ? raw_lined_options(node, l->path[at]) : NULL;
    if (o)
        add_option_line(c, o, l->path[at + 1], l->line + 1);
    else if (at == l->npath && node->kind != RAW_FILE && node->line == 0)
        node->line = l->line + 1;
}

void schema_source(struct compile *c, struct raw_file *file)
{
    struct str info = file->source_info;
    struct tc_wire_field f;
    struct location l = {.npath = 0};
    enum tc_status st;
    while ((st = tc_wire_next(&info, &f)) == TC_OK) {
        if (f.number != 1 || f.type != TC_LEN)
            continue;
        if (!read_location(f.bytes, &l))
            break;
        if (l.has_line && l.line < INT32_MAX)
            place(c, &file->scope.node, &l);
    }
    if (st == TC_MORE)
        return;
    c->broken = true;
    schema_fault(c, &file->scope.node,
                 "malformed SourceCodeInfo; make the set anew with protoc --descriptor_set_out");
}
