#include "transcoder/encode_frames.h"
#include "transcoder/wire.h"

enum { FIRST_FRAMES = 8, FIRST_SLOTS = 16, FIRST_MARKS = 16, FIRST_TEXT = 256 };

/* Lengths below SMALL fit the byte that was reserved. Those below MEDIUM take one more, and what
 * they are of is moved at once: at most so much for each level. Longer ones wait for the end in a
 * slot; there are few of them for so many bytes. */
enum { SMALL = 0x80, MEDIUM = 0x4000 };

/* A larger copy of an array of the arena; what lies behind the old contents is zero. */
static void *larger(struct tc_encoder *e, const void *old, size_t size, size_t *cap, size_t want)
{
    size_t n = *cap * 2 > want ? *cap * 2 : want;
    void *p = arena_array(e->arena, n, size);

    if (!p) {
        (void)tc_enc_no_memory(e);
        return NULL;
    }
    if (*cap)
        memcpy(p, old, *cap * size);
    *cap = n;
    return p;
}

enum tc_status tc_enc_grow(struct tc_encoder *e, struct buf *b, size_t more, size_t max)
{
    size_t cap = b->cap < FIRST_TEXT / 2 ? FIRST_TEXT : b->cap * 2;
    char *p;

    if (more > max - b->n)
        return TC_LIMIT;
    cap = cap < b->n + more ? b->n + more : cap;
    cap = cap < max ? cap : max;
    p = arena_alloc(e->arena, cap);
    if (!p)
        return tc_enc_no_memory(e);
    if (b->n)
        memcpy(p, b->p, b->n);
    *b = (struct buf){p, b->n, cap, cap};
    return TC_OK;
}

struct tc_enc_spot tc_enc_spot(const struct tc_encoder *e)
{
    return (struct tc_enc_spot){e->out->n, e->nslots, e->extra};
}

void tc_enc_back(struct tc_encoder *e, const struct tc_enc_spot *spot)
{
    e->out->n = spot->n;
    e->nslots = spot->nslots;
    e->extra = spot->extra;
}

/* Zero of every scalar type, and only it, is written as zero bytes: 0, 0.0 (not -0.0), false, "".
 */
bool tc_enc_all_zero(const struct tc_encoder *e, size_t from)
{
    for (size_t i = from; i < e->out->n; i++)
        if (e->out->p[i])
            return false;
    return true;
}

enum tc_status tc_enc_put(struct tc_encoder *e, struct str bytes)
{
    return buf_add(e->out, bytes) ? TC_OK : tc_enc_full(e, bytes.n);
}

/* What stands around an item of a message set: group 1 { type_id = 2, message = 3 }. */
static const struct str item_begin = STR_INIT("\x0b\x10"), item_message = STR_INIT("\x1a"),
                        item_end = STR_INIT("\x0c");

static enum tc_status item_key(struct tc_encoder *e, const struct tc_field *f)
{
    enum tc_status st = tc_enc_put(e, item_begin);

    if (st == TC_OK)
        st = tc_enc_put(e, str_of(f->tag, f->tag_len));
    return st == TC_OK ? tc_enc_put(e, item_message) : st;
}

enum tc_status tc_enc_item_end(struct tc_encoder *e)
{
    return tc_enc_put(e, item_end);
}

enum tc_status tc_enc_tag(struct tc_encoder *e, const struct tc_field *f)
{
    if (f->flags & TC_SET_ITEM)
        return item_key(e, f);
    return tc_enc_put(e, str_of(f->tag, f->tag_len));
}

/* ---- lengths ---- */

enum tc_status tc_enc_open_slot(struct tc_encoder *e, size_t *slot)
{
    struct tc_enc_slot *slots = e->slots;

    if (e->nslots == e->cap_slots) {
        slots = larger(e, slots, sizeof *slots, &e->cap_slots, FIRST_SLOTS);
        if (!slots)
            return TC_NOMEM;
        e->slots = slots;
    }
    if (!buf_add_char(e->out, 0))
        return tc_enc_full(e, 1);
    *slot = e->nslots++;
    slots[*slot] = (struct tc_enc_slot){e->out->n - 1, e->extra};
    return TC_OK;
}

/* A length of two bytes: what is behind it makes room at once. */
static bool close_in_place(struct tc_encoder *e, size_t slot, size_t len)
{
    char *p;

    if (len >= MEDIUM || e->nslots != slot + 1 || !buf_reserve(e->out, 1))
        return false;
    p = e->out->p + e->slots[slot].pos;
    memmove(p + 2, p + 1, len);
    (void)tc_varint_put(p, len);
    e->out->n++;
    e->nslots = slot;
    return true;
}

void tc_enc_close_slot(struct tc_encoder *e, size_t slot)
{
    struct tc_enc_slot *s = &e->slots[slot];
    size_t len = e->out->n - s->pos - 1 + (e->extra - s->len);

    if (len < SMALL) { /* then nothing inside is wide: it is the last one */
        e->out->p[s->pos] = (char)len;
        e->nslots = slot;
        return;
    }
    if (close_in_place(e, slot, len))
        return;
    s->len = len;
    e->extra += tc_varint_size(len) - 1;
}

/* Moves what lies between the slots to its place, from the end to the front. */
enum tc_status tc_enc_widen(struct tc_encoder *e, size_t first, size_t extra_before)
{
    size_t extra = e->extra - extra_before, end = e->out->n, to = end + extra;
    char *p;

    if (!extra)
        return TC_OK;
    if (!buf_reserve(e->out, extra))
        return tc_enc_full(e, extra);
    p = e->out->p;
    e->out->n = to;
    while (e->nslots > first) {
        const struct tc_enc_slot *s = &e->slots[--e->nslots];
        size_t n = end - s->pos - 1;

        to -= n;
        memmove(p + to, p + s->pos + 1, n);
        to -= tc_varint_size(s->len);
        (void)tc_varint_put(p + to, s->len);
        end = s->pos;
    }
    e->extra = extra_before;
    return TC_OK;
}

/* ---- frames ---- */

enum tc_status tc_enc_nest(struct tc_encoder *e)
{
    if (e->top->nested < TC_WIRE_DEPTH_MAX || e->top->kind == TC_ENC_ANY)
        return TC_OK;
    return tc_enc_fail(
        e, TC_INVALID,
        "messages are nested deeper than %d, which no protobuf reader need take; each "
        "level of a Value is two or three of them",
        TC_WIRE_DEPTH_MAX);
}

/* How deep the contents of a new frame are. What an Any holds is read on its own, and so is the
 * whole message. */
static enum tc_status nested_in(struct tc_encoder *e, enum tc_enc_kind kind,
                                const struct tc_field *from, uint8_t *nested)
{
    bool message = kind == TC_ENC_MESSAGE || kind == TC_ENC_MAP || kind == TC_ENC_WRAP ||
                   kind == TC_ENC_ANY;
    enum tc_status st = TC_OK;

    *nested = kind == TC_ENC_ROOT ? 0 : e->top->nested;
    if (!message)
        return st;
    if (from == &e->whole || e->top->kind == TC_ENC_ANY) {
        *nested = 0;
        return st;
    }
    st = tc_enc_nest(e);
    if (st == TC_OK)
        (*nested)++;
    return st;
}

enum tc_status tc_enc_push(struct tc_encoder *e, enum tc_enc_kind kind, const struct tc_field *from)
{
    uint8_t nested;
    enum tc_status st = nested_in(e, kind, from, &nested);

    if (st != TC_OK)
        return st;
    if (e->nframes == e->cap_frames) {
        void *frames = larger(e, e->frames, sizeof *e->frames, &e->cap_frames, FIRST_FRAMES);

        if (!frames)
            return TC_NOMEM;
        e->frames = frames;
    }
    e->top = &e->frames[e->nframes++];
    *e->top = (struct tc_enc_frame){.kind = (uint8_t)kind,
                                    .from = from,
                                    .nested = nested,
                                    .slot = TC_ENC_NO_SLOT,
                                    .keyed = true};
    return TC_OK;
}

void tc_enc_pop(struct tc_encoder *e)
{
    e->nframes--;
    e->top = &e->frames[e->nframes - 1];
}

enum tc_status tc_enc_open(struct tc_encoder *e, enum tc_enc_kind kind, const struct tc_field *from)
{
    enum tc_status st = tc_enc_tag(e, from);
    size_t slot = TC_ENC_NO_SLOT;

    if (st == TC_OK && from->type != TC_GROUP)
        st = tc_enc_open_slot(e, &slot);
    if (st == TC_OK)
        st = tc_enc_push(e, kind, from);
    if (st == TC_OK)
        e->top->slot = slot;
    return st;
}

static enum tc_status end_group(struct tc_encoder *e, const struct tc_field *f)
{
    char tag[sizeof f->tag];

    memcpy(tag, f->tag, sizeof tag);
    tag[0] = (char)((tag[0] & ~7) | TC_EGROUP);
    return tc_enc_put(e, str_of(tag, f->tag_len));
}

enum tc_status tc_enc_close(struct tc_encoder *e)
{
    const struct tc_field *from = e->top->from;

    if (e->top->slot != TC_ENC_NO_SLOT)
        tc_enc_close_slot(e, e->top->slot);
    tc_enc_pop(e);
    if (from->flags & TC_SET_ITEM)
        return tc_enc_item_end(e);
    return from->type == TC_GROUP ? end_group(e, from) : TC_OK;
}

/* ---- marks ---- */

enum tc_status tc_enc_take_marks(struct tc_encoder *e, uint32_t bits)
{
    size_t words = (bits + 63) / 64;

    if (words > e->cap_marks - e->nmarks) {
        void *marks = larger(e, e->marks, sizeof *e->marks, &e->cap_marks,
                             e->nmarks + words < FIRST_MARKS ? FIRST_MARKS : e->nmarks + words);

        if (!marks)
            return TC_NOMEM;
        e->marks = marks;
    }
    e->top->marks = (uint32_t)e->nmarks;
    e->top->mark_lo = UINT16_MAX;
    e->top->mark_hi = 0;
    e->nmarks += words;
    return TC_OK;
}

bool tc_enc_mark(struct tc_encoder *e, uint32_t bit)
{
    struct tc_enc_frame *f = e->top;
    uint16_t word = (uint16_t)(bit / 64);
    uint64_t *w = &e->marks[f->marks + word], mask = UINT64_C(1) << (bit % 64);
    bool was = *w & mask;

    *w |= mask;
    if (word < f->mark_lo)
        f->mark_lo = word;
    if (word >= f->mark_hi)
        f->mark_hi = (uint16_t)(word + 1);
    return was;
}

bool tc_enc_marked(const struct tc_encoder *e, uint32_t bit)
{
    return e->marks[e->top->marks + bit / 64] >> (bit % 64) & 1;
}

/* Only what was touched is cleared: an empty message of a type with 60,000 fields costs nothing. */
void tc_enc_drop_marks(struct tc_encoder *e)
{
    const struct tc_enc_frame *f = e->top;

    if (f->mark_lo < f->mark_hi)
        memset(e->marks + f->marks + f->mark_lo, 0,
               (size_t)(f->mark_hi - f->mark_lo) * sizeof *e->marks);
    e->nmarks = f->marks;
}
