#include "transcoder/required.h"

#include "transcoder/arena.h"
#include "transcoder/wire.h"

enum { BLOCK = 1024, MEMORY_BASE = 1 << 20, MEMORY_PER_BYTE = 20 };

/*   enter: scan its parts, count, note the messages inside
 *     level --first message inside, all its parts--> inner level
 *     level --none left--> outer level               done at the root */

/* One occurrence of a singular message. */
struct part {
    struct part *next;
    const struct tc_field *field;
    struct str bytes;
};

/* Levels stay when they are left, and serve the next message at their depth. */
struct level {
    struct level *outer, *inner;
    const struct tc_message *message;
    const struct tc_field *field; /* of the outer message; NULL at the root */
    struct part *parts;           /* what its message consists of */
    struct part *inside;          /* messages in it that are still to be looked into */
    uint64_t *seen;               /* bit i: fields[i] is there */
    size_t words;
};

struct walk {
    struct arena arena;
    const struct tc_field *later; /* of the root */
    struct tc_error *error;
    struct level *level;
    struct part *free;
};

static enum tc_status no_memory(const struct walk *w)
{
    return tc_fail(w->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
}

/* ---- parts ---- */

static bool put_part(struct walk *w, struct part **list, const struct tc_field *f, struct str bytes)
{
    struct part *p = w->free;

    if (p)
        w->free = p->next;
    else
        p = arena_alloc(&w->arena, sizeof *p);
    if (!p)
        return false;
    *p = (struct part){*list, f, bytes};
    *list = p;
    return true;
}

/* Moves all parts of the first one's field out of `from`. */
static struct part *take_parts(struct part **from)
{
    const struct tc_field *f = (*from)->field;
    struct part *taken = NULL;

    while (*from) {
        struct part *p = *from;
        if (p->field != f) {
            from = &p->next;
            continue;
        }
        *from = p->next;
        p->next = taken;
        taken = p;
    }
    return taken;
}

/* ---- levels ---- */

static bool room_for_fields(struct walk *w, struct level *l)
{
    size_t words = (l->message->nfields + 63u) / 64;

    if (words > l->words) {
        l->seen = arena_array(&w->arena, words, sizeof *l->seen);
        l->words = l->seen ? words : 0;
    } else {
        memset(l->seen, 0, words * sizeof *l->seen);
    }
    return l->seen != NULL;
}

static bool open_level(struct walk *w, const struct tc_field *f, const struct tc_message *m)
{
    struct level *outer = w->level;
    struct level *l = outer ? outer->inner : NULL;

    if (!l)
        l = arena_alloc(&w->arena, sizeof *l);
    if (!l)
        return false;
    if (outer)
        outer->inner = l;
    l->outer = outer;
    l->message = m;
    l->field = f;
    w->level = l;
    return room_for_fields(w, l);
}

static void close_level(struct walk *w)
{
    struct level *l = w->level;

    while (l->parts) {
        struct part *p = l->parts;
        l->parts = p->next;
        p->next = w->free;
        w->free = p;
    }
    w->level = l->outer;
}

/* ---- what is there, and what is not ---- */

static void see(struct level *l, const struct tc_field *f)
{
    size_t i = (size_t)(f - l->message->fields);
    l->seen[i / 64] |= UINT64_C(1) << i % 64;
}

static bool seen(const struct level *l, size_t i)
{
    return l->seen[i / 64] >> i % 64 & 1;
}

static bool comes_later(const struct walk *w, const struct tc_field *f)
{
    return f == w->later && !w->level->outer;
}

static bool scan(struct walk *w, struct str bytes)
{
    struct level *l = w->level;
    struct tc_wire_field wire;

    while (tc_wire_next(&bytes, &wire) == TC_OK) {
        if (tc_is_message_set(l->message))
            tc_wire_set_item(&wire);
        const struct tc_field *f = tc_field_by_number(l->message, wire.number);
        if (!f)
            continue;
        see(l, f);
        if (f->message && f->message->reaches_required && !(f->flags & TC_REPEATED) &&
            !comes_later(w, f) && !put_part(w, &l->inside, f, wire.bytes))
            return false;
    }
    return true;
}

static char *put_text(char *to, const char *end, struct str s)
{
    size_t n = s.n < (size_t)(end - to) ? s.n : (size_t)(end - to);

    memcpy(to, s.p, n);
    return to + n;
}

/* Writes "outer.inner." for the fields down to `l`; returns the end of it. */
static char *put_path(char *to, const char *end, const struct level *l)
{
    if (!l->field)
        return to;
    char *at = put_path(to, end, l->outer);
    at = put_text(at, end, l->field->json_name);
    return put_text(at, end, STR("."));
}

static enum tc_status missing(const struct walk *w, const struct tc_field *f)
{
    char path[TC_ERROR_PATH_MAX];
    const char *end = path + sizeof path - 1;

    *put_text(put_path(path, end, w->level), end, f->json_name) = '\0';
    return tc_fail(w->error, TC_INVALID, TC_NO_OFFSET, path,
                   "the required field \"%.*s\" is missing", STR_ARG(f->json_name));
}

static enum tc_status enter(struct walk *w)
{
    struct level *l = w->level;
    const struct tc_message *m = l->message;

    for (const struct part *p = l->parts; p; p = p->next)
        if (!scan(w, p->bytes))
            return no_memory(w);
    for (uint16_t i = 0; m->nrequired && i < m->nfields; i++) {
        const struct tc_field *f = &m->fields[i];
        if (f->flags & TC_REQUIRED && !seen(l, i) && !comes_later(w, f))
            return missing(w, f);
    }
    return TC_OK;
}

static enum tc_status enter_inner(struct walk *w)
{
    struct level *outer = w->level;
    const struct tc_field *f = outer->inside->field;

    if (!open_level(w, f, f->message))
        return no_memory(w);
    w->level->parts = take_parts(&outer->inside);
    return enter(w);
}

static enum tc_status begin(struct walk *w, const struct tc_message *m, struct str bytes)
{
    if (!open_level(w, NULL, m) || !put_part(w, &w->level->parts, NULL, bytes))
        return no_memory(w);
    return enter(w);
}

enum tc_status tc_required_check(const struct tc_message *m, struct str bytes,
                                 const struct tc_field *later, struct tc_error *error)
{
    struct walk w = {.later = later, .error = error};

    if (!m->reaches_required)
        return TC_OK;
    arena_init(&w.arena, BLOCK, MEMORY_BASE + MEMORY_PER_BYTE * bytes.n);
    enum tc_status st = begin(&w, m, bytes);
    while (st == TC_OK && w.level) {
        if (w.level->inside)
            st = enter_inner(&w);
        else
            close_level(&w);
    }
    arena_release(&w.arena);
    return st;
}
