#include "transcoder/bind.h"

#include <stdio.h>

/* Required fields of proto2 where no JSON speaks of them: what path, query and form have set is all
 * there is. */

/* The path of the level that is looked at: "a.b." */
struct place {
    char text[TC_ERROR_PATH_MAX];
    size_t n;
};

static bool is_bound(const struct tc_bound *level, const struct tc_field *f)
{
    while (level && level->field != f)
        level = level->next;
    return level != NULL;
}

static enum tc_status missing(const struct tc_binding *b, struct place *at,
                              const struct tc_field *f)
{
    snprintf(at->text + at->n, sizeof at->text - at->n, "%.*s", STR_ARG(f->json_name));
    return tc_fail(b->error, TC_INVALID, TC_NO_OFFSET, at->text,
                   "the required field \"%.*s\" is missing", STR_ARG(f->json_name));
}

static void enter(struct place *at, const struct tc_field *f)
{
    size_t room = sizeof at->text - at->n;
    int n = snprintf(at->text + at->n, room, "%.*s.", STR_ARG(f->json_name));
    at->n += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static enum tc_status check_fields(const struct tc_binding *b, struct place *at,
                                   const struct tc_message *m, const struct tc_bound *level)
{
    for (uint16_t i = 0; m->nrequired && i < m->nfields; i++)
        if (m->fields[i].flags & TC_REQUIRED && !is_bound(level, &m->fields[i]))
            return missing(b, at, &m->fields[i]);
    return TC_OK;
}

/* As deep as the names of parameters, which are bounded. */
static enum tc_status check_children(const struct tc_binding *b, struct place *at,
                                     const struct tc_bound *level)
{
    enum tc_status st = TC_OK;

    for (const struct tc_bound *n = level; n && st == TC_OK; n = n->next) {
        size_t before = at->n;
        if (!n->child)
            continue;
        enter(at, n->field);
        st = check_fields(b, at, n->field->message, n->child);
        if (st == TC_OK)
            st = check_children(b, at, n->child);
        at->n = before;
    }
    return st;
}

enum tc_status tc_binding_complete(const struct tc_binding *b)
{
    struct place at;

    at.n = 0;
    enum tc_status st = check_fields(b, &at, b->message, b->root);
    return st == TC_OK ? check_children(b, &at, b->root) : st;
}
