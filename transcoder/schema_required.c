/* Which messages reach a required field: those that have one, and from there backwards over the
 * singular messages that hold them. */
#include "transcoder/schema_internal.h"

/* Who holds a message: a list for each, linked through `next`. Index 0 ends a list. */
struct holder {
    uint32_t message, next;
};

struct holders {
    struct tc_message *messages; /* of the schema, in one array */
    uint32_t *first;             /* for each message */
    struct holder *list;
    uint32_t *found, nfound; /* messages that reach one, their holders not yet told */
};

static struct holders holders_new(struct compile *c)
{
    struct holders h = {.messages = c->messages->out};
    size_t n = c->schema->nmessages, nfields = 1;

    for (size_t i = 0; i < n; i++)
        nfields += h.messages[i].nfields;
    arena_reset(&c->lap);
    h.first = schema_take(c, &c->lap, n, sizeof *h.first);
    h.list = schema_take(c, &c->lap, nfields, sizeof *h.list);
    h.found = schema_take(c, &c->lap, n, sizeof *h.found);
    return h;
}

static void find(struct holders *h, uint32_t message)
{
    if (h->messages[message].reaches_required)
        return;
    h->messages[message].reaches_required = true;
    h->found[h->nfound++] = message;
}

static void note_holders(struct holders *h, uint32_t nmessages)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < nmessages; i++) {
        const struct tc_message *m = &h->messages[i];
        if (m->nrequired)
            find(h, i);
        for (uint16_t k = 0; k < m->nfields; k++) {
            const struct tc_field *f = &m->fields[k];
            if (!f->message || f->flags & TC_REPEATED)
                continue;
            uint32_t held = (uint32_t)(f->message - h->messages);
            h->list[++used] = (struct holder){i, h->first[held]};
            h->first[held] = used;
        }
    }
}

static bool any_required(const struct compile *c)
{
    const struct raw_message *m = c->messages;

    while (m && !m->out->nrequired)
        m = m->next;
    return m != NULL;
}

void schema_required(struct compile *c)
{
    if (!any_required(c))
        return;
    struct holders h = holders_new(c);
    if (c->nomem)
        return;
    note_holders(&h, c->schema->nmessages);
    while (h.nfound)
        for (uint32_t i = h.first[h.found[--h.nfound]]; i; i = h.list[i].next)
            find(&h, h.list[i].message);
}
