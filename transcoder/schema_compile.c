/* The steps in their order, memory, and faults: noted with their node, sorted by file and line at
 * the end. */
#include "transcoder/schema_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FAULTS_SHOWN = 100,
    FAULTS_NOTED = 1000, /* more, so that sorting finds the first hundred in nearly any set */
    FAULT_TEXT_MAX = 512,
    SCRATCH_BLOCK = 64 << 10,
    SCRATCH_BASE = 4 << 20,
    SCRATCH_PER_BYTE = 16, /* a raw node is larger than its descriptor, but not by more */
};

struct noted_fault {
    struct noted_fault *next;
    const struct raw_node *at;
    struct str text;
    size_t sequence;
};

void tc_faults_init(struct tc_faults *f, struct arena *arena)
{
    *f = (struct tc_faults){.arena = arena};
    f->tail = &f->first;
}

/* Names in a fault may come from a hostile file: nothing a terminal obeys, and no line that looks
 * like another fault. Further lines of a text, an expression and its caret, begin with two spaces.
 */
static struct str printable(struct arena *a, struct str s)
{
    char *to = arena_alloc(a, s.n + 1);
    for (size_t i = 0; to && i < s.n; i++) {
        bool control = (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f;
        bool continues = s.p[i] == '\n' && str_starts(str_skip(s, i + 1), STR("  "));
        to[i] = (char)(control && !continues ? '?' : s.p[i]);
    }
    return str_of(to, to ? s.n : 0);
}

void tc_fault_add(struct tc_faults *f, struct str place, const char *format, ...)
{
    char text[2 * FAULT_TEXT_MAX];
    va_list args;
    if (f->count++ >= FAULTS_SHOWN)
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    struct tc_fault *fault = arena_alloc(f->arena, sizeof *fault);
    struct str where = printable(f->arena, place);
    struct str what = printable(f->arena, str_of(text, length));
    if (!fault || !where.p || !what.p) {
        f->out_of_memory = true;
        return;
    }
    *fault = (struct tc_fault){where, what, NULL};
    *f->tail = fault;
    f->tail = &fault->next;
}

void *schema_take(struct compile *c, struct arena *from, size_t count, size_t size)
{
    void *p = arena_array(from, count, size);
    c->nomem |= !p;
    return p;
}

struct str schema_keep(struct compile *c, struct str s)
{
    if (!s.p)
        return s;
    struct str copy = arena_copy(c->out, s);
    c->nomem |= !copy.p;
    return copy;
}

struct str schema_join(struct compile *c, struct arena *to, struct str scope, struct str name)
{
    size_t n = scope.n + (scope.n && name.n) + name.n;
    char *p = schema_take(c, to, n + 1, 1);
    if (!p)
        return STR_NONE;
    if (scope.n)
        memcpy(p, scope.p, scope.n);
    if (scope.n && name.n)
        p[scope.n] = '.';
    if (name.n)
        memcpy(p + n - name.n, name.p, name.n);
    return str_of(p, n);
}

void schema_fault(struct compile *c, const struct raw_node *at, const char *format, ...)
{
    char text[FAULT_TEXT_MAX + 512];
    va_list args;
    if (c->nfaults++ >= FAULTS_NOTED)
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    struct noted_fault *f = schema_take(c, &c->scratch, 1, sizeof *f);
    struct str copy = arena_copy(&c->scratch, str_of(text, length));
    c->nomem |= !copy.p;
    if (!f || !copy.p)
        return;
    *f = (struct noted_fault){c->noted, at, copy, c->nfaults};
    c->noted = f;
}

static uint32_t file_index(const struct raw_node *n)
{
    const struct raw_file *f = raw_file_of(n);
    return f ? f->index : 0;
}

static int by_place(const void *a, const void *b)
{
    const struct noted_fault *x = *(struct noted_fault *const *)a;
    const struct noted_fault *y = *(struct noted_fault *const *)b;
    uint32_t fx = file_index(x->at), fy = file_index(y->at);
    if (fx != fy)
        return fx < fy ? -1 : 1;
    if (x->at->line != y->at->line)
        return x->at->line < y->at->line ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static struct str full_name(struct compile *c, const struct raw_node *n)
{
    if (n->kind == RAW_SET || (n->kind == RAW_FILE && n->name.n == 0))
        return STR("descriptor set");
    if (n->kind == RAW_FILE)
        return n->name;
    struct str scope = raw_scope_name(n);
    return n->kind == RAW_METHOD
               ? arena_printf(&c->scratch, "%.*s/%.*s", STR_ARG(scope), SHOW(n->name))
               : arena_printf(&c->scratch, "%.*s%s%.*s", STR_ARG(scope), scope.n ? "." : "",
                              SHOW(n->name));
}

static void tell(struct compile *c, struct tc_faults *faults, const struct noted_fault *f)
{
    static const char *const words[RAW_KINDS] = {
        [RAW_MESSAGE] = "message", [RAW_FIELD] = "field", [RAW_EXTENSION] = "extension",
        [RAW_ONEOF] = "oneof",     [RAW_ENUM] = "enum",   [RAW_RANGE] = "extension range",
        [RAW_VALUE] = "value",     [RAW_METHOD] = "rpc",  [RAW_SERVICE] = "service",
    };
    struct str name = full_name(c, f->at);
    if (f->at->line == 0) {
        tc_fault_add(faults, name, "%.*s", STR_ARG(f->text));
        return;
    }
    struct str place = arena_printf(
        &c->scratch, "%.*s:%u", SHOW(raw_file_of(f->at)->scope.node.name), (unsigned)f->at->line);
    tc_fault_add(faults, place, "%s %.*s: %.*s", words[f->at->kind], SHOW(name), STR_ARG(f->text));
}

static void tell_all(struct compile *c, struct tc_faults *faults)
{
    size_t n = c->nfaults < FAULTS_NOTED ? c->nfaults : FAULTS_NOTED;
    struct noted_fault **list = schema_take(c, &c->scratch, n, sizeof(void *));
    size_t have = 0;
    for (struct noted_fault *f = c->noted; list && f; f = f->next)
        list[have++] = f;
    if (have)
        qsort(list, have, sizeof(void *), by_place);
    for (size_t i = 0; i < have; i++)
        tell(c, faults, list[i]);
    faults->count += c->nfaults - have;
    if (!c->nomem)
        return;
    faults->out_of_memory = true;
    tc_fault_add(faults, STR("descriptor set"), "needs more memory than there is or is allowed");
}

/* A set begins with the key of its first file, 0x0a. */
static bool looks_like_text(struct str set)
{
    if (set.p[0] == '\n')
        return false;
    size_t n = set.n < 256 ? set.n : 256;
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)set.p[i];
        if ((ch < 0x20 && ch != '\n' && ch != '\r' && ch != '\t') || ch == 0x7f)
            return false;
    }
    return true;
}

static bool plausible(struct str set, struct tc_faults *faults)
{
    struct str place = STR("descriptor set");
    const char *right = "give the file that protoc --descriptor_set_out writes";
    if (set.n == 0)
        tc_fault_add(faults, place, "not a FileDescriptorSet: it is empty; %s", right);
    else if (set.n > TC_SCHEMA_MAX_BYTES)
        tc_fault_add(faults, place, "has %zu bytes; at most %d are allowed", set.n,
                     TC_SCHEMA_MAX_BYTES);
    else if (looks_like_text(set))
        tc_fault_add(faults, place, "not a FileDescriptorSet: this is text; %s", right);
    else
        return true;
    return false;
}

static void run(struct compile *c, struct str set)
{
    static void (*const steps[])(struct compile *) = {schema_link, schema_emit_enums, schema_check,
                                                      schema_emit_messages, schema_emit_rest};
    c->schema = schema_take(c, c->out, 1, sizeof *c->schema);
    if (c->nomem)
        return;
    schema_read(c, set);
    if (!c->broken && c->set.nfiles == 0) {
        schema_fault(c, &c->set.node, "not a FileDescriptorSet: it holds no file");
        c->broken = true;
    }
    for (uint32_t i = 0; i < c->set.nfiles && !c->nomem; i++)
        if (!c->set.files[i].repeated)
            schema_source(c, &c->set.files[i]);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !c->broken && !c->nomem; i++)
        steps[i](c);
    if (c->nfaults == 0 && !c->nomem)
        schema_required(c);
    if (c->nfaults == 0 && !c->nomem)
        schema_well_known(c);
}

const struct tc_schema *schema_compile(struct str set, struct arena *arena,
                                       struct tc_faults *faults)
{
    if (!plausible(set, faults))
        return NULL;
    struct compile c = {.out = arena};
    arena_init(&c.scratch, SCRATCH_BLOCK, SCRATCH_BASE + SCRATCH_PER_BYTE * set.n);
    arena_init(&c.lap, SCRATCH_BLOCK, SCRATCH_BASE + SCRATCH_PER_BYTE * set.n);
    run(&c, set);
    bool good = c.nfaults == 0 && !c.nomem;
    if (!good)
        tell_all(&c, faults);
    arena_release(&c.lap);
    arena_release(&c.scratch);
    return good ? c.schema : NULL;
}
