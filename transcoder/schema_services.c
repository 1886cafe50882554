/* Files, services, methods and the sorted lists: what of the schema is no type. */
#include "transcoder/schema_internal.h"

#include <stdlib.h>

static int by_line(const void *a, const void *b)
{
    const struct tc_option_line *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* One line per option: where the first statement stands that sets it or a part of it. */
static struct tc_options emit_options(struct compile *c, const struct raw_options *raw)
{
    struct tc_options out = {schema_keep(c, raw->bytes), NULL, 0};
    struct tc_option_line *lines = NULL;
    uint32_t n = 0;
    if (raw->nlines)
        lines = schema_take(c, c->out, raw->nlines, sizeof *lines);
    for (const struct raw_option_line *l = raw->lines; lines && l; l = l->next)
        lines[n++] = l->at;
    if (n > 1)
        qsort(lines, n, sizeof *lines, by_line);
    for (uint32_t i = 0; i < n && out.nlines < UINT16_MAX; i++)
        if (out.nlines == 0 || lines[out.nlines - 1].number != lines[i].number)
            lines[out.nlines++] = lines[i];
    out.lines = lines;
    return out;
}

static void emit_file(struct compile *c, struct raw_file *raw, struct tc_file *out)
{
    raw->out = out;
    out->name = schema_keep(c, raw->scope.node.name);
    out->package = raw->scope.full_name;
    out->options = emit_options(c, &raw->options);
}

static const struct tc_message *end_of(struct compile *c, const struct raw_method *m,
                                       const char *what, struct str name)
{
    const struct raw_message *found = schema_resolve_message(c, &m->node, what, name);
    if (found && found->map_entry)
        schema_fault(c, &m->node, "%s %.*s is a map entry; name a message of your own", what,
                     SHOW(name));
    return found ? found->out : NULL;
}

static void emit_method(struct compile *c, const struct raw_method *raw,
                        const struct tc_service *service, struct tc_method *out)
{
    if (!schema_is_name(raw->node.name))
        schema_fault(c, &raw->node, "\"%.*s\" is not a name", SHOW(raw->node.name));
    out->path = arena_printf(c->out, "/%.*s/%.*s", STR_ARG(service->full_name),
                             STR_ARG(raw->node.name));
    c->nomem |= !out->path.p;
    out->full_name = schema_join(c, c->out, service->full_name, raw->node.name);
    out->name = str_skip(out->path, service->full_name.n + 2);
    out->input = end_of(c, raw, "request type", raw->input);
    out->output = end_of(c, raw, "response type", raw->output);
    out->service = service;
    out->options = emit_options(c, &raw->options);
    out->line = raw->node.line;
    out->client_streaming = raw->client_streaming != 0;
    out->server_streaming = raw->server_streaming != 0;
}

static void tell_same_methods(struct compile *c, void *of, uint32_t first, uint32_t second)
{
    const struct raw_service *s = of;
    (void)first;
    schema_fault(c, &s->methods[second].node, "is there twice; rename one");
}

static void emit_service(struct compile *c, struct raw_service *raw, struct tc_service *out)
{
    struct tc_method *methods = schema_take(c, c->out, raw->nmethods, sizeof *methods);
    struct name_key *keys = schema_take(c, &c->lap, raw->nmethods, sizeof *keys);
    if (!methods || !keys)
        return;
    out->full_name = raw->scope.full_name;
    out->file = raw_file_of(&raw->scope.node)->out;
    out->line = raw->scope.node.line;
    out->options = emit_options(c, &raw->options);
    for (uint32_t i = 0; i < raw->nmethods && !c->nomem; i++) {
        emit_method(c, &raw->methods[i], out, &methods[i]);
        keys[i] = (struct name_key){methods[i].name, i};
    }
    out->methods = methods;
    out->nmethods = raw->nmethods;
    if (!schema_name_table(c, keys, raw->nmethods, &(struct name_clash){tell_same_methods, raw},
                           NULL) &&
        !c->nomem)
        schema_fault(c, &raw->scope.node, "holds names that collide, as if made to");
}

static int messages_by_name(const void *a, const void *b)
{
    return str_cmp((*(const struct tc_message *const *)a)->full_name,
                   (*(const struct tc_message *const *)b)->full_name);
}

static int enums_by_name(const void *a, const void *b)
{
    return str_cmp((*(const struct tc_enum *const *)a)->full_name,
                   (*(const struct tc_enum *const *)b)->full_name);
}

static void emit_lists(struct compile *c)
{
    struct tc_schema *s = c->schema;
    const struct tc_message **messages = schema_take(c, c->out, s->nmessages, sizeof(void *));
    const struct tc_enum **enums = schema_take(c, c->out, s->nenums, sizeof(void *));
    size_t n = 0;
    if (!messages || !enums)
        return;
    for (const struct raw_message *m = c->messages; m; m = m->next)
        messages[n++] = m->out;
    qsort(messages, n, sizeof(void *), messages_by_name);
    n = 0;
    for (const struct raw_enum *e = c->enums; e; e = e->next)
        enums[n++] = e->out;
    qsort(enums, n, sizeof(void *), enums_by_name);
    s->messages = messages;
    s->enums = enums;
}

void schema_emit_rest(struct compile *c)
{
    struct tc_schema *s = c->schema;
    struct tc_file *files = schema_take(c, c->out, c->set.nfiles, sizeof *files);
    struct tc_service *services = schema_take(c, c->out, s->nservices, sizeof *services);
    if (!files || !services)
        return;
    for (uint32_t i = 0; i < c->set.nfiles; i++)
        if (!c->set.files[i].repeated)
            emit_file(c, &c->set.files[i], &files[s->nfiles++]);
    s->files = files;
    s->services = services;
    for (struct raw_service *v = c->services; v && !c->nomem; v = v->next) {
        arena_reset(&c->lap);
        emit_service(c, v, services++);
    }
    emit_lists(c);
}
