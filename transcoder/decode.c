#include "transcoder/decode_internal.h"
#include "transcoder/text.h"

#include <stdarg.h>
#include <stdio.h>

/* A frame's steps. Strings longer than a piece, and what is pushed on top, are finished before the
 * frame goes on.
 *
 *     SCAN ... (decode_order.c), then OPEN: the brace, then
 *
 *            .--------- next field: name, value ----------.
 *            v                                            |
 *     --> FIELD --emit_defaults--> DEFAULTS --> (the field itself)
 *          | |
 *          | '--packed--> PACKED --all written--> FIELD
 *          '----map--> COUNT --> KEYS --> TAKEN --> key --> ENTRY --value--> FIELD
 *          '--no field left--> closing brace, frame gone
 */

/* Bytes of compact JSON that are put into lines at a time; room for them comes in steps. */
enum { INDENT_PIECE = 4 << 10, COMPACT_STEP = 16 << 10 };

static const struct str list_ends[2] = {STR_INIT("]"), STR_INIT("}")};

/* ---- errors, room, memory */

struct path {
    char text[TC_ERROR_PATH_MAX];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void path_add(struct path *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->text + p->n, sizeof p->text - p->n, format, args);
    va_end(args);
    if (n > 0)
        p->n = p->n + (size_t)n < sizeof p->text ? p->n + (size_t)n : sizeof p->text - 1;
}

static void path_add_key(struct path *p, const struct tc_field *entry,
                         const struct tc_wire_field *key)
{
    char number[TC_DEC_NUMBER_ROOM];
    enum tc_type type = entry->message->fields[0].type;
    if (type == TC_STRING)
        path_add(p, "[\"%.*s\"]", STR_ARG(tc_utf8_valid(key->bytes) ? key->bytes : STR("?")));
    else
        path_add(p, "[%.*s]", (int)tc_dec_printers[1][type](number, key->value), number);
}

static void path_add_frame(struct path *p, const struct tc_dec_frame *f, bool root)
{
    const struct tc_field *field = f->field;
    if (!field)
        return;
    if (!f->bare || root)
        path_add(p, "%s%.*s", p->n ? "." : "", STR_ARG(field->json_name));
    if (field->flags & TC_MAP)
        path_add_key(p, field, &f->key);
    else if (field->flags & TC_REPEATED)
        path_add(p, "[%zu]", f->index ? f->index - 1 : 0);
}

enum tc_status tc_dec_fail(struct tc_decoder *d, enum tc_status status, const char *at,
                           const char *format, ...)
{
    struct path path = {.n = 0};
    char text[TC_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (struct tc_dec_frame *f = d->top ? d->bottom : NULL; f; f = f == d->top ? NULL : f->above)
        path_add_frame(&path, f, f == d->bottom && f->only && f->only == d->spec.field);
    bool inside = at && d->input.p && (uintptr_t)at >= (uintptr_t)d->input.p &&
                  (uintptr_t)at <= (uintptr_t)d->input.p + d->input.n;
    d->status = status;
    tc_fail(d->error, status, inside ? (size_t)(at - d->input.p) : TC_NO_OFFSET, path.text, "%s",
            text);
    return status;
}

enum tc_status tc_dec_malformed(struct tc_decoder *d, const char *at)
{
    return tc_dec_fail(d, TC_INVALID, at, "malformed protobuf");
}

char *tc_dec_room(struct tc_decoder *d, size_t n)
{
    char *to = buf_reserve(d->out, n);
    if (!to && buf_room(d->out) < n)
        tc_dec_fail(d, TC_LIMIT, NULL, "the JSON is larger than allowed (%zu bytes)", d->out->max);
    else if (!to)
        tc_dec_fail(d, TC_NOMEM, NULL, "out of memory");
    return to;
}

enum tc_status tc_dec_put(struct tc_decoder *d, struct str text)
{
    char *to = tc_dec_room(d, text.n);
    if (!to)
        return d->status;
    memcpy(to, text.p, text.n);
    d->out->n += text.n;
    return TC_OK;
}

/* Passes on `p`, which was asked for with `n` bytes. */
static void *granted(struct tc_decoder *d, void *p, size_t n)
{
    if (!p && d->arena->max - d->arena->used < n)
        tc_dec_fail(d, TC_LIMIT, NULL, "the message needs more memory than allowed");
    else if (!p)
        tc_dec_fail(d, TC_NOMEM, NULL, "out of memory");
    return p;
}

void *tc_dec_scratch(struct tc_decoder *d, struct tc_dec_scratch *s, size_t n)
{
    if (s->p && s->cap >= n)
        return s->p;
    s->p = granted(d, arena_room(d->arena, n), n);
    s->cap = s->p ? n : 0;
    return s->p;
}

/* ---- frames */

static struct tc_dec_frame *next_frame(struct tc_decoder *d)
{
    struct tc_dec_frame *f = d->top ? d->top->above : d->bottom;
    if (f)
        return f;
    f = granted(d, arena_alloc(d->arena, sizeof *f), sizeof *f);
    if (!f)
        return NULL;
    f->below = d->top;
    if (d->top)
        d->top->above = f;
    else
        d->bottom = f;
    return f;
}

struct tc_dec_frame *tc_dec_push(struct tc_decoder *d, const struct tc_message *m,
                                 struct str payload, enum tc_dec_step step)
{
    struct tc_dec_frame *f = next_frame(d);
    if (!f)
        return NULL;
    f->m = m;
    f->src = (struct tc_dec_source){payload, payload.p, payload.p + payload.n, NULL,
                                    0,       0,         tc_is_message_set(m)};
    f->field = f->only = NULL;
    f->index = 0;
    f->next_default = 0;
    f->step = (uint8_t)step;
    f->bare = f->open = f->started = f->counted = false;
    d->top = f;
    return f;
}

enum tc_status tc_dec_enter(struct tc_decoder *d, struct tc_dec_frame *f)
{
    f->counted = f->m->wkt != TC_WKT_VALUE;
    d->depth += f->counted;
    if (d->depth > TC_DEC_DEPTH_MAX)
        return tc_dec_fail(d, TC_INVALID, f->src.base, "messages are nested deeper than %d levels",
                           TC_DEC_DEPTH_MAX);
    return tc_dec_sort(d, f);
}

void tc_dec_pop(struct tc_decoder *d)
{
    d->depth -= d->top->counted;
    d->top = d->top->below;
}

/* ---- members */

static enum tc_status put_name(struct tc_decoder *d, const struct tc_dec_frame *f,
                               const struct tc_field *field)
{
    bool as_in_proto = d->spec.proto_names && !(field->flags & TC_EXTENSION);
    struct str name = as_in_proto ? field->name : field->json_name;
    char *to = tc_dec_room(d, f->started + name.n + 3);
    if (!to)
        return d->status;
    *to = ',';
    to += f->started;
    *to++ = '"';
    size_t n = tc_json_copy(to, name);
    d->out->n += f->started + 1 + n;
    enum tc_status st = n < name.n ? tc_dec_escaped(d, str_skip(name, n)) : TC_OK;
    return st == TC_OK ? tc_dec_put(d, STR("\":")) : st;
}

enum tc_status tc_dec_lead(struct tc_decoder *d, struct tc_dec_frame *f)
{
    const struct tc_field *field = f->field;
    f->index++;
    if (f->open)
        return tc_dec_put(d, STR(","));
    enum tc_status st = f->bare ? TC_OK : put_name(d, f, field);
    f->started = true;
    f->next_default = (uint32_t)(field - f->m->fields) + 1;
    if (st == TC_OK && field->flags & TC_REPEATED) {
        f->open = true;
        st = tc_dec_put(d, field->flags & TC_MAP ? STR("{") : STR("["));
    }
    return st;
}

/* Fields without presence are left out at their default value. */
static bool is_unset(const struct tc_field *field, const struct tc_wire_field *w)
{
    if (field->flags & TC_PRESENCE || field->oneof >= 0)
        return false;
    if (w->type == TC_LEN)
        return field->type != TC_MESSAGE && w->bytes.n == 0;
    return w->type != TC_SGROUP && tc_dec_normal(field->type, w->value) == 0;
}

static enum tc_status write_field(struct tc_decoder *d, struct tc_dec_frame *f)
{
    const struct tc_field *field = f->field;
    if (field->flags & TC_MAP)
        return tc_dec_map_entry(d, f);
    if (f->wire.type != tc_dec_wire_type(field->type)) {
        f->packed = f->wire.bytes;
        f->step = TC_DEC_PACKED;
        return TC_OK;
    }
    if (!(field->flags & TC_REPEATED) && is_unset(field, &f->wire))
        return TC_OK;
    enum tc_status st = tc_dec_lead(d, f);
    return st == TC_OK ? tc_dec_value(d, field, &f->wire) : st;
}

/* A message whose one field is not set; Value is the one that has no such form. */
static enum tc_status bare_default(struct tc_decoder *d, struct tc_dec_frame *f)
{
    if (f->only)
        return tc_dec_default(d, f->only);
    return tc_dec_fail(d, TC_INVALID, f->src.base, "google.protobuf.Value without a kind");
}

static enum tc_status end_message(struct tc_decoder *d, struct tc_dec_frame *f)
{
    enum tc_status st = TC_OK;
    if (!f->bare)
        st = tc_dec_put(d, STR("}"));
    else if (!f->started)
        st = bare_default(d, f);
    if (st == TC_OK)
        tc_dec_pop(d);
    return st;
}

static enum tc_status begin_run(struct tc_decoder *d, struct tc_dec_frame *f,
                                const struct tc_field *next)
{
    enum tc_status st = TC_OK;
    if (f->open)
        st = tc_dec_put(d, list_ends[(f->field->flags & TC_MAP) != 0]);
    f->open = false;
    f->field = next;
    f->index = 0;
    if (st == TC_OK && next && next->flags & TC_MAP)
        tc_dec_map_begin(f);
    return st;
}

/* ---- steps */

/* Only when all fields were found to be well-formed: callers that have nothing yet can still answer
 * with an error. */
static enum tc_status on_open(struct tc_decoder *d, struct tc_dec_frame *f)
{
    f->step = TC_DEC_FIELD;
    return tc_dec_put(d, STR("{"));
}

static enum tc_status on_taken(struct tc_decoder *d, struct tc_dec_frame *f)
{
    const struct tc_field *next = f->field;
    f->step = TC_DEC_FIELD;
    enum tc_status st = next ? tc_dec_join(d, f) : TC_OK;
    if (st != TC_OK || (f->only && next && next != f->only))
        return st;
    if (d->spec.emit_defaults && !f->bare) {
        f->step = TC_DEC_DEFAULTS;
        return TC_OK;
    }
    return next ? write_field(d, f) : end_message(d, f);
}

static enum tc_status on_field(struct tc_decoder *d, struct tc_dec_frame *f)
{
    const struct tc_field *next;
    enum tc_status st = tc_dec_take(d, f, &f->src, &f->wire, &f->at, &next);
    if (st == TC_FULL)
        return TC_OK;
    if (st == TC_OK && next != f->field)
        st = begin_run(d, f, next);
    return st == TC_OK && f->step == TC_DEC_FIELD ? on_taken(d, f) : st;
}

static bool shows_default(const struct tc_field *field)
{
    if (field->flags & TC_REPEATED)
        return !(field->flags & TC_EXTENSION);
    return !(field->flags & (TC_PRESENCE | TC_EXTENSION)) && field->oneof < 0 &&
           field->type != TC_MESSAGE && field->type != TC_GROUP;
}

static enum tc_status on_defaults(struct tc_decoder *d, struct tc_dec_frame *f)
{
    uint32_t until = f->field ? (uint32_t)(f->field - f->m->fields) : f->m->nfields;
    while (f->next_default < until) {
        const struct tc_field *unset = &f->m->fields[f->next_default++];
        if (!shows_default(unset))
            continue;
        enum tc_status st = put_name(d, f, unset);
        f->started = true;
        return st == TC_OK ? tc_dec_default(d, unset) : st;
    }
    f->step = TC_DEC_FIELD;
    return f->field ? write_field(d, f) : end_message(d, f);
}

static enum tc_status on_packed(struct tc_decoder *d, struct tc_dec_frame *f)
{
    if (f->packed.n)
        return tc_dec_number_batch(d, f);
    f->step = TC_DEC_FIELD;
    return TC_OK;
}

static enum tc_status on_entry(struct tc_decoder *d, struct tc_dec_frame *f)
{
    f->step = TC_DEC_FIELD;
    enum tc_status st = tc_dec_put(d, STR(":"));
    return st == TC_OK ? tc_dec_value(d, &f->field->message->fields[1], &f->wire) : st;
}

static enum tc_status on_close(struct tc_decoder *d, struct tc_dec_frame *f)
{
    (void)f;
    tc_dec_pop(d);
    return tc_dec_put(d, STR("}"));
}

static enum tc_status (*const steps[TC_DEC_STEPS])(struct tc_decoder *, struct tc_dec_frame *) = {
    [TC_DEC_SCAN] = tc_dec_scan,     [TC_DEC_COLLECT] = tc_dec_collect,
    [TC_DEC_HEAP] = tc_dec_heap,     [TC_DEC_SORT] = tc_dec_sort_step,
    [TC_DEC_KEEP] = tc_dec_keep,     [TC_DEC_OPEN] = on_open,
    [TC_DEC_FIELD] = on_field,       [TC_DEC_COUNT] = tc_dec_map_count,
    [TC_DEC_KEYS] = tc_dec_map_keys, [TC_DEC_TAKEN] = on_taken,
    [TC_DEC_DEFAULTS] = on_defaults, [TC_DEC_PACKED] = on_packed,
    [TC_DEC_ENTRY] = on_entry,       [TC_DEC_MASK] = tc_dec_mask_step,
    [TC_DEC_CLOSE] = on_close,
};

/* ---- the machine */

struct tc_decoder *tc_decoder_new(struct arena *arena, const struct tc_decode_spec *spec,
                                  struct str bytes, struct tc_error *error)
{
    struct tc_decoder *d = arena_alloc(arena, sizeof *d);
    if (!d)
        return NULL;
    d->spec = *spec;
    d->arena = arena;
    d->error = error;
    d->print = tc_dec_printers[spec->int64_as_numbers];
    tc_decode_reset(d, bytes);
    return d;
}

void tc_decode_reset(struct tc_decoder *d, struct str bytes)
{
    d->input = bytes.p ? bytes : STR("");
    d->top = NULL;
    d->tail_kind = TC_DEC_NO_TAIL;
    d->begun = false;
    d->depth = 0;
    d->group_work = d->joined = 0;
    tc_indent_init(&d->indenter, d->spec.indent);
    d->status = TC_MORE;
}

static enum tc_status begin(struct tc_decoder *d)
{
    d->begun = true;
    if (!d->spec.field)
        return tc_dec_message(d, d->spec.message, d->input);
    struct tc_dec_frame *f = tc_dec_push(d, d->spec.message, d->input, TC_DEC_FIELD);
    if (!f)
        return d->status;
    f->bare = true;
    f->only = d->spec.field;
    return tc_dec_enter(d, f);
}

static enum tc_status write_compact(struct tc_decoder *d, struct buf *out, size_t soft)
{
    d->out = out;
    d->soft = soft ? soft : 1;
    enum tc_status st = d->begun ? TC_OK : begin(d);
    while (st == TC_OK && (d->top || d->tail_kind)) {
        if (out->n >= d->soft || tc_dec_tired(d))
            return TC_FULL;
        st = d->tail_kind ? tc_dec_tail_step(d) : steps[d->top->step](d, d->top);
    }
    return st;
}

/* Puts what stands in `out` from `start` on into lines. */
static enum tc_status indent(struct tc_decoder *d, struct buf *out, size_t start)
{
    struct str compact = str_of(out->p + start, out->n - start);
    char *copy = tc_dec_scratch(d, &d->compact, (compact.n / COMPACT_STEP + 1) * COMPACT_STEP);
    if (!copy)
        return d->status;
    memcpy(copy, compact.p, compact.n);
    out->n = start;
    if (tc_indent(&d->indenter, str_of(copy, compact.n), out))
        return TC_OK;
    return tc_dec_fail(d, TC_LIMIT, NULL, "the JSON is larger than allowed (%zu bytes)", out->max);
}

static enum tc_status write_lines(struct tc_decoder *d, struct buf *out, size_t soft)
{
    enum tc_status st = TC_FULL, indented = TC_OK;
    while (st == TC_FULL && out->n < soft && !tc_dec_tired(d)) {
        size_t start = out->n;
        st = write_compact(d, out, start + INDENT_PIECE);
        if (out->n > start)
            indented = indent(d, out, start);
        st = indented == TC_OK ? st : indented;
    }
    return st;
}

enum tc_status tc_decode_some(struct tc_decoder *d, struct buf *out, size_t soft)
{
    enum tc_status st = d->status;
    d->work = 0;
    d->work_max = soft == SIZE_MAX ? SIZE_MAX : d->spec.work ? d->spec.work : TC_DEC_WORK;
    if (st == TC_MORE)
        st = d->spec.indent ? write_lines(d, out, soft ? soft : 1) : write_compact(d, out, soft);
    if (st != TC_FULL)
        d->status = st;
    return st;
}
