#include "transcoder/encode_frames.h"
#include "transcoder/wire.h"

/* The paths of an update mask (google.protobuf.FieldMask), from the members that a JSON object
 * names. Paths end at lists, maps and messages whose JSON is not an object of their fields. */

enum { FIELD_MASK_PATHS = 1 };

/* Whether the first `n` frames below the top of the JSON are messages, one inside the other. */
static bool is_path(const struct tc_encoder *e, size_t n)
{
    for (size_t i = 1; i <= n; i++) {
        const struct tc_enc_frame *f = &e->frames[i];
        if (f->kind != TC_ENC_MESSAGE || f->in_any || f->field->flags & TC_EXTENSION)
            return false;
    }
    return n > 0;
}

/* "part_of.name": the members that the first `n` frames are at. */
static enum tc_status add_path(struct tc_encoder *e, size_t n)
{
    struct buf *mask = e->spec.mask;
    size_t size = n - 1;

    if (!is_path(e, n))
        return TC_OK;
    for (size_t i = 1; i <= n; i++)
        size += e->frames[i].field->name.n;
    bool ok = buf_reserve(mask, size + 16) && tc_put_key(mask, FIELD_MASK_PATHS, TC_LEN) &&
              tc_put_varint(mask, size);
    for (size_t i = 1; ok && i <= n; i++)
        ok = (i == 1 || buf_add_char(mask, '.')) && buf_add(mask, e->frames[i].field->name);
    if (ok)
        return TC_OK;
    if (buf_room(mask) > size + 16)
        return tc_enc_no_memory(e);
    return tc_enc_fail(e, TC_LIMIT,
                       "the update mask made of the body's keys would be larger than %zu bytes; "
                       "send one",
                       mask->max);
}

enum tc_status tc_enc_mask_member(struct tc_encoder *e, enum tc_json_token t)
{
    if (t == TC_JSON_OBJECT && tc_bind_may_enter(e->top->field))
        return TC_OK;
    return add_path(e, e->nframes - 1);
}

enum tc_status tc_enc_mask_message(struct tc_encoder *e)
{
    /* `expect` has moved when there was a member. */
    return e->top->expect == 0 && e->nframes > 2 ? add_path(e, e->nframes - 2) : TC_OK;
}
