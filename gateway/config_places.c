#include <stdarg.h>
#include <stdio.h>

#include "gateway/config_internal.h"

enum { FAULT_TEXT_MAX = 1024, FIRST_PLACES = 64 };

/* ---- faults ---- */

static void note(struct config_reader *r, uint32_t line, const char *path, const char *format,
                 va_list args)
{
    char text[FAULT_TEXT_MAX];
    if (r->nfaults == CONFIG_FAULTS_MAX)
        return;
    int n = vsnprintf(text, sizeof text, format, args);
    struct config_fault *fault = arena_alloc(r->arena, sizeof *fault);
    struct str whole = n < 0 ? STR_NONE
                             : arena_printf(r->arena, "%s%s%s", path, *path ? ": " : "", text);
    if (!fault || !whole.p) {
        r->out_of_memory = true;
        return;
    }
    struct config_fault **at = &r->faults;
    while (*at && (*at)->line <= line)
        at = &(*at)->next;
    *fault = (struct config_fault){line, whole, *at};
    *at = fault;
    r->nfaults++;
}

void config_fault_line(struct config_reader *r, uint32_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(r, line, "", format, args);
    va_end(args);
}

void config_fault_place(struct config_reader *r, uint32_t place, const char *format, ...)
{
    struct str path = config_place_path(r, place);
    va_list args;
    va_start(args, format);
    note(r, r->places->items[place].line, path.p ? path.p : "", format, args);
    va_end(args);
}

void config_fault_path(struct config_reader *r, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(r, config_line(r->places, path), path, format, args);
    va_end(args);
}

void config_faults_pass(const struct config_reader *r, struct tc_faults *faults)
{
    for (const struct config_fault *f = r->faults; f; f = f->next) {
        struct str place = r->name;
        if (f->line)
            place = arena_printf(faults->arena, "%.*s:%u", STR_ARG(r->name), f->line);
        tc_fault_add(faults, place, "%.*s", STR_ARG(f->text));
    }
    if (r->out_of_memory)
        tc_fault_add(faults, r->name, "out of memory");
}

/* ---- places ---- */

static bool places_grow(struct config_reader *r)
{
    struct config_places *all = r->places;
    uint32_t cap = all->cap ? all->cap * 2 : FIRST_PLACES;
    struct config_place *items = arena_array(r->arena, cap, sizeof *items);
    if (!items) {
        r->out_of_memory = true;
        return false;
    }
    if (all->n)
        memcpy(items, all->items, all->n * sizeof *items);
    all->items = items;
    all->cap = cap;
    return true;
}

bool config_place_add(struct config_reader *r, struct config_place place)
{
    struct config_places *all = r->places;
    if (all->n == CONFIG_VALUES_MAX) {
        config_fault_line(r, place.line, "more than %d values; split what it is for",
                          CONFIG_VALUES_MAX);
        return false;
    }
    if (all->n == all->cap && !places_grow(r))
        return false;
    all->items[all->n++] = place;
    return true;
}

struct str config_place_path(const struct config_reader *r, uint32_t place)
{
    const struct config_place *p = &r->places->items[place];
    if (place == 0)
        return STR("");
    struct str parent = config_place_path(r, p->parent);
    if (!p->key.p)
        return arena_printf(r->arena, "%.*s[%u]", STR_ARG(parent), p->index);
    return arena_printf(r->arena, "%.*s%s%.*s", STR_ARG(parent), parent.n ? "." : "",
                        STR_ARG(p->key));
}

uint32_t config_place_at(const struct config_places *places, size_t offset)
{
    uint32_t at = 0;
    for (uint32_t i = 1; i < places->n; i++)
        if (places->items[i].offset <= offset)
            at = i;
    return at;
}

static const struct config_place *child(const struct config_places *places, uint32_t parent,
                                        struct str key, uint64_t index)
{
    for (uint32_t i = parent + 1; i < places->n; i++) {
        const struct config_place *p = &places->items[i];
        if (p->parent == parent &&
            (key.p ? p->key.p && str_eq(p->key, key) : !p->key.p && p->index == index))
            return p;
    }
    return NULL;
}

/* Takes "name", ".name" or "[3]" off a path. */
static void next_step(struct str *path, struct str *key, uint64_t *index)
{
    *key = STR_NONE;
    if (path->p[0] == '[') {
        size_t end = str_find(*path, ']');
        if (!str_to_u64(str_of(path->p + 1, end - 1), UINT32_MAX, index))
            *index = UINT64_MAX;
        *path = str_skip(*path, end + 1);
        return;
    }
    if (path->p[0] == '.')
        *path = str_skip(*path, 1);
    size_t n = 0;
    while (n < path->n && path->p[n] != '.' && path->p[n] != '[')
        n++;
    *key = str_of(path->p, n);
    *path = str_skip(*path, n);
}

uint32_t config_line(const void *places, const char *path)
{
    const struct config_places *all = places;
    struct str rest = str_c(path);
    uint32_t at = 0;
    if (!all || all->n == 0)
        return 0;
    while (rest.n) {
        struct str key;
        uint64_t index = 0;
        next_step(&rest, &key, &index);
        const struct config_place *p = child(all, at, key, index);
        if (!p)
            break;
        at = (uint32_t)(p - all->items);
    }
    return all->items[at].line;
}
