#include "gateway/expr/strings.h"
#include "transcoder/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum { EXPR_PRINT_MAX = 512 };

size_t expr_point_size(struct str s)
{
    int step = s.n ? tc_utf8_step(s.p, s.n) : 0;
    return step < 0 ? 1 : (size_t)step;
}

uint32_t expr_point(struct str s)
{
    static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    int step = tc_utf8_step(s.p, s.n);
    if (step < 0)
        return EXPR_NO_POINT;
    uint32_t point = (unsigned char)s.p[0] & lead[step];
    for (int i = 1; i < step; i++)
        point = point << 6 | ((unsigned char)s.p[i] & 0x3f);
    return point;
}

int64_t expr_points(struct str s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; n++)
        i += expr_point_size(str_skip(s, i));
    return n;
}

bool expr_byte_of(struct str s, int64_t i, size_t *byte)
{
    *byte = 0;
    if (i < 0)
        return false;
    for (; i > 0 && *byte < s.n; i--)
        *byte += expr_point_size(str_skip(s, *byte));
    return i == 0;
}

bool expr_is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

/* memmem is linear (two-way). */
size_t expr_find(struct str s, struct str what, size_t from)
{
    if (what.n == 0)
        return from;
    if (from >= s.n)
        return EXPR_NOT_FOUND;
    const char *p = memmem(s.p + from, s.n - from, what.p, what.n);
    return p ? (size_t)(p - s.p) : EXPR_NOT_FOUND;
}

size_t expr_find_last(struct expr_run *r, struct str s, struct str what, size_t last)
{
    size_t found = EXPR_NOT_FOUND;
    if (what.n == 0)
        return last < s.n ? last : s.n;
    for (size_t at = expr_find(s, what, 0); at != EXPR_NOT_FOUND && at <= last;
         at = expr_find(s, what, at + 1)) {
        if (!expr_spend(r, 1 + what.n / EXPR_STEP_BYTES))
            return EXPR_TIRED;
        found = at;
    }
    return found;
}

size_t expr_count(struct str s, struct str by)
{
    size_t n = 0;
    if (by.n == 0)
        return s.n ? (size_t)expr_points(s) - 1 : 0;
    for (size_t at = expr_find(s, by, 0); at != EXPR_NOT_FOUND; at = expr_find(s, by, at + by.n))
        n++;
    return n;
}

static void open_text(struct expr_text *t, struct expr_run *r, size_t below)
{
    struct expr_scratch *m = r->scratch;
    size_t at = m->used + below;
    *t = (struct expr_text){.run = r, .p = m->p + at, .room = m->n - at, .end = m->n};
    m->n = at;
}

void expr_text_open(struct expr_text *t, struct expr_run *r)
{
    open_text(t, r, 0);
}

void expr_text_open_shared(struct expr_text *t, struct expr_run *r)
{
    open_text(t, r, (r->scratch->n - r->scratch->used) / 2);
}

void expr_text_add(struct expr_text *t, struct str s)
{
    if (t->full || t->tired)
        return;
    t->tired = !expr_spend_bytes(t->run, s.n);
    t->full = t->room - t->n < s.n;
    if (t->full || t->tired || s.n == 0)
        return;
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

void expr_text_printf(struct expr_text *t, const char *format, ...)
{
    char text[EXPR_PRINT_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->full = t->full || n < 0 || (size_t)n >= sizeof text;
    expr_text_add(t, str_of(text, n < 0 ? 0 : (size_t)n));
}

struct expr_value expr_text_close(struct expr_text *t)
{
    struct expr_scratch *m = t->run->scratch;
    m->n = t->end;
    if (t->tired)
        return expr_no_steps();
    if (t->full)
        return expr_no_memory();
    char *p = m->p + m->used;
    memmove(p, t->p, t->n);
    m->used += t->n;
    return expr_string(str_of(p, t->n));
}
