#include "transcoder/bind.h"
#include "transcoder/wire.h"

/* The update mask that a form makes, as encode_mask.c has it of JSON. */

enum { FIELD_MASK_PATHS = 1 };

/* From a leaf up to the level where paths begin. */
struct step {
    const struct step *outer;
    const struct tc_field *field;
};

static size_t path_size(const struct step *s)
{
    size_t size = s->field->name.n;

    while ((s = s->outer) != NULL)
        size += s->field->name.n + 1;
    return size;
}

static bool put_path(struct buf *out, const struct step *s)
{
    return (!s->outer || (put_path(out, s->outer) && buf_add_char(out, '.'))) &&
           buf_add(out, s->field->name);
}

static enum tc_status add_path(const struct tc_binding *b, const struct step *s, struct buf *out)
{
    size_t size = path_size(s);

    if (size + 16 > buf_room(out))
        return tc_fail(b->error, TC_LIMIT, TC_NO_OFFSET, "",
                       "the update mask made of the form's parts would be larger than %zu bytes; "
                       "send one",
                       out->max);
    bool ok = tc_put_key(out, FIELD_MASK_PATHS, TC_LEN) && tc_put_varint(out, size) &&
              put_path(out, s);
    return ok ? TC_OK : TC_NOMEM;
}

/* As deep as the names of parts, which are bounded. */
static enum tc_status add_level(const struct tc_binding *b, const struct step *outer,
                                const struct tc_bound *first, struct buf *out)
{
    enum tc_status st = TC_OK;

    for (const struct tc_bound *n = first; n && st == TC_OK; n = n->next) {
        struct step s = {outer, n->field};
        if (n->child)
            st = add_level(b, &s, n->child, out);
        else if (!n->from_path || n->repeated)
            st = add_path(b, &s, out);
    }
    return st;
}

enum tc_status tc_binding_mask(const struct tc_binding *b, const struct tc_bound *first,
                               struct buf *out)
{
    return add_level(b, NULL, first, out);
}
