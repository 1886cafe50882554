#include "transcoder/decode_internal.h"

#include <math.h>

/* Packed numbers, the bulk of a tensor: a run of them on the wire becomes text in batches, with one
 * look at the room each. */

static bool packed_next(struct str *rest, enum tc_wire_type wire, uint64_t *raw)
{
    uint32_t fixed32;
    if (wire == TC_VARINT && rest->n && (unsigned char)rest->p[0] < 0x80) {
        *raw = (unsigned char)rest->p[0];
        *rest = str_of(rest->p + 1, rest->n - 1);
        return true;
    }
    if (wire == TC_VARINT)
        return tc_wire_varint(rest, raw);
    size_t n = wire == TC_I32 ? sizeof fixed32 : sizeof *raw;
    if (rest->n < n)
        return false;
    /* Protobuf is little-endian, and so is every machine this runs on (checked when compiled). */
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                   "packed values are copied as they are");
    memcpy(&fixed32, rest->p, sizeof fixed32);
    *raw = fixed32;
    if (wire == TC_I64)
        memcpy(raw, rest->p, sizeof *raw);
    *rest = str_skip(*rest, n);
    return true;
}

/* Some elements of a closed enum are no values and leave no trace. */
static enum tc_status packed_enum(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_wire_field w = {.type = TC_VARINT};
    const char *at = f->packed.p;
    if (!packed_next(&f->packed, TC_VARINT, &w.value))
        return tc_dec_malformed(d, at);
    if (!tc_dec_accepts(f->field, &w))
        return TC_OK;
    enum tc_status st = tc_dec_lead(d, f);
    return st == TC_OK ? tc_dec_value(d, f->field, &w) : st;
}

/* The first element goes alone, behind name and bracket. */
static enum tc_status first_number(struct tc_decoder *d, struct tc_dec_frame *f)
{
    enum tc_type type = f->field->type;
    const char *at = f->packed.p;
    uint64_t raw;
    if (tc_dec_lead(d, f) != TC_OK)
        return d->status;
    char *to = tc_dec_room(d, TC_DEC_NUMBER_ROOM);
    if (!to)
        return d->status;
    if (!packed_next(&f->packed, tc_dec_wire_type(type), &raw))
        return tc_dec_malformed(d, at);
    d->out->n += d->print[type](to, raw);
    return TC_OK;
}

/* Elements on their way, each behind its comma, into room for `most` of them. None is begun at or
 * behind `soft` bytes of text, but for the first. */
struct batch {
    struct str rest;
    char *to;
    size_t most, soft;
    size_t done, written; /* elements; bytes */
    tc_dec_print *print;
    enum tc_wire_type wire;
};

/* Each takes what it can; false when the next element is malformed. */
static bool numbers(struct batch *b)
{
    struct str rest = b->rest;
    char *to = b->to + b->written;
    uint64_t raw;
    bool good = true;
    for (; rest.n && b->done < b->most && (!b->done || (size_t)(to - b->to) < b->soft); b->done++) {
        good = packed_next(&rest, b->wire, &raw);
        if (!good)
            break;
        *to++ = ',';
        to += b->print(to, raw);
    }
    b->rest = rest;
    b->written = (size_t)(to - b->to);
    return good;
}

/* Finite ones; the others, and what is cut at the end, are for numbers(). */
static bool floats(struct batch *b)
{
    const char *p = b->rest.p;
    char *to = b->to;
    size_t i = 0, n = b->rest.n / 4 < b->most ? b->rest.n / 4 : b->most;
    float v;
    for (; i < n && (!i || (size_t)(to - b->to) < b->soft); i++, p += 4) {
        memcpy(&v, p, 4);
        if (!isfinite(v))
            break;
        *to++ = ',';
        to += tc_print_float(to, v);
    }
    b->done = i;
    b->rest = str_of(p, b->rest.n - 4 * i);
    b->written = (size_t)(to - b->to);
    return numbers(b);
}

/* Close to the ceiling of `out` a batch shrinks to one element. */
enum tc_status tc_dec_number_batch(struct tc_decoder *d, struct tc_dec_frame *f)
{
    enum tc_type type = f->field->type;
    if (type == TC_ENUM)
        return packed_enum(d, f);
    if (!f->open)
        return first_number(d, f);
    size_t most = buf_room(d->out) < TC_DEC_BATCH_ROOM ? 1 : TC_DEC_BATCH;
    char *start = tc_dec_room(d, most * (size_t)TC_DEC_NUMBER_ROOM);
    if (!start)
        return d->status;
    struct batch b = {.rest = f->packed, .to = start, .most = most};
    b.soft = d->soft > d->out->n ? d->soft - d->out->n : 0;
    b.print = d->print[type];
    b.wire = tc_dec_wire_type(type);
    bool good = type == TC_FLOAT ? floats(&b) : numbers(&b);
    f->packed = b.rest;
    f->index += b.done;
    if (!good)
        return tc_dec_malformed(d, b.rest.p);
    d->out->n += b.written;
    return TC_OK;
}
