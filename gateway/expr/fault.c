#include "gateway/expr/internal.h"

/* Where a fault at `offset` goes: faults are few, and mostly come in order. NULL: there is one. */
static struct expr_fault **place_of(struct expr_faults *f, uint32_t offset)
{
    struct expr_fault **at = &f->first;

    while (*at && (*at)->offset < offset)
        at = &(*at)->next;
    return *at && (*at)->offset == offset ? NULL : at;
}

void expr_fault_at(struct expr_faults *f, struct arena *a, uint32_t offset, uint32_t end,
                   struct str text)
{
    if (!text.p) {
        f->out_of_memory = true;
        return;
    }
    struct expr_fault **at = place_of(f, offset);
    if (!at)
        return;
    f->count++;
    if (f->count > EXPR_FAULTS_MAX)
        return;
    struct expr_fault *fault = arena_alloc(a, sizeof *fault);
    if (!fault) {
        f->out_of_memory = true;
        return;
    }
    *fault = (struct expr_fault){.next = *at, .offset = offset, .end = end, .text = text};
    *at = fault;
    if (!fault->next)
        f->tail = &fault->next;
}

/* The line that holds `offset`, its number and the column, both from 1; columns count characters.
 */
struct position {
    struct str line;
    uint32_t number, column;
};

static uint32_t characters(struct str s)
{
    uint32_t n = 0;

    for (size_t i = 0; s.p && i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static struct position locate(struct str source, uint32_t offset)
{
    struct position at = {.number = 1};
    size_t start = 0, before = offset < source.n ? offset : source.n;

    for (size_t i = 0; i < before; i++)
        if (source.p[i] == '\n') {
            at.number++;
            start = i + 1;
        }
    struct str rest = str_skip(source, start);
    at.line = str_of(rest.p, str_find(rest, '\n'));
    if (at.line.p && at.line.n && at.line.p[at.line.n - 1] == '\r')
        at.line.n--;
    at.column = characters(str_of(rest.p, before - start)) + 1;
    return at;
}

enum { SHOWN_BEFORE = 60, SHOWN = 100 }; /* bytes of a long line */

/* The part of the line around the column. */
static struct str excerpt(const struct position *at, size_t column_byte, size_t *start)
{
    *start = column_byte > SHOWN_BEFORE ? column_byte - SHOWN_BEFORE : 0;
    while (*start && ((unsigned char)at->line.p[*start] & 0xc0) == 0x80)
        --*start;
    struct str part = str_skip(at->line, *start);
    if (part.p && part.n > SHOWN) {
        part.n = SHOWN;
        while (part.n && ((unsigned char)part.p[part.n] & 0xc0) == 0x80)
            part.n--;
    }
    return part;
}

struct str expr_fault_text(struct arena *a, struct str source, const struct expr_fault *f)
{
    struct position at = locate(source, f->offset);
    size_t byte = (at.line.p ? (size_t)(source.p + f->offset - at.line.p) : 0), start;

    if (byte > at.line.n)
        byte = at.line.n;
    struct str part = excerpt(&at, byte, &start);
    uint32_t indent = characters(str_of(part.p, byte - start));
    size_t marked = f->end > f->offset ? f->end - f->offset : 0;
    size_t shown = part.n - (byte - start);
    uint32_t carets = characters(str_of(part.p + (byte - start), marked < shown ? marked : shown));
    char line[SHOWN + 1];
    memset(line, '^', sizeof line);
    return arena_printf(a, "%u:%u: %.*s\n  %.*s\n  %*s%.*s", at.number, at.column, STR_ARG(f->text),
                        STR_ARG(part), (int)indent, "", (int)(carets ? carets : 1), line);
}
