#include "transcoder/decode_internal.h"

/* A message on the wire may hold its fields in any order, split, repeated and overridden. One read
 * of its own fields (nested contents are skipped) finds out; nearly always the order is right and
 * the wire itself is the source. Otherwise each field becomes a record of 8 bytes, number << 32 |
 * offset: sorting these words brings the fields into order and leaves occurrences of one field as
 * they came. No field is shorter than two bytes, so the records cost at most 4 bytes a byte.
 *
 *     SCAN --in order--------------------------------> the frame's own first step
 *       '--not--> COLLECT --> HEAP --> SORT --> KEEP --^
 *
 * A message may have millions of fields, so each step ends when the decoder is tired, and goes on
 * in the next call. */

enum { SIFT_WORK = 8 }; /* a sift goes some twenty levels down, mostly outside the cache */

static enum tc_status done(struct tc_dec_frame *f)
{
    f->step = f->order.then;
    return TC_OK;
}

static uint64_t *records_of(const struct tc_dec_frame *f)
{
    return f->records.p;
}

/* ---- SCAN */

static void note_field(struct tc_dec_order *o, const struct tc_field *field)
{
    bool repeated = field->flags & TC_REPEATED;
    o->broken |= field->number < o->last || (!repeated && field->number == o->last);
    if (field->oneof >= 0) {
        uint64_t bit = (uint64_t)1 << (field->oneof < 63 ? field->oneof : 63);
        o->broken |= (o->oneofs & bit) != 0;
        o->oneofs |= bit;
    }
    o->last = field->number;
    o->n++;
}

static enum tc_status start_collecting(struct tc_decoder *d, struct tc_dec_frame *f);

enum tc_status tc_dec_scan(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_order *o = &f->order;
    struct tc_wire_field w;
    const struct tc_field *field;
    const char *at;
    enum tc_status st;
    while ((st = tc_dec_take(d, f, &o->at, &w, &at, &field)) == TC_OK && field)
        note_field(o, field);
    if (st == TC_FULL)
        return TC_OK;
    if (st == TC_OK)
        st = o->broken ? start_collecting(d, f) : done(f);
    return st;
}

enum tc_status tc_dec_sort(struct tc_decoder *d, struct tc_dec_frame *f)
{
    if (f->src.rest.n > UINT32_MAX)
        return tc_dec_fail(d, TC_LIMIT, f->src.base, "the message is larger than 4 GiB");
    struct tc_dec_order *o = &f->order;
    o->at = f->src;
    o->oneofs = 0;
    o->last = o->n = 0;
    o->broken = false;
    o->then = f->step;
    f->step = TC_DEC_SCAN;
    return tc_dec_scan(d, f);
}

/* ---- COLLECT */

/* The member of a oneof that was set last, and since where without another one between. */
struct winner {
    uint32_t number, from;
};

static struct winner *winners_of(const struct tc_dec_frame *f)
{
    return (struct winner *)(records_of(f) + f->order.n);
}

static enum tc_status start_collecting(struct tc_decoder *d, struct tc_dec_frame *f)
{
    size_t oneofs = f->m->noneofs * sizeof(struct winner);
    if (!tc_dec_scratch(d, &f->records, f->order.n * sizeof(uint64_t) + oneofs))
        return d->status;
    memset(winners_of(f), 0, oneofs);
    f->order.at = f->src;
    f->order.i = 0;
    f->step = TC_DEC_COLLECT;
    return TC_OK;
}

enum tc_status tc_dec_collect(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_order *o = &f->order;
    struct winner *winners = winners_of(f);
    while (o->i < o->n) {
        struct tc_wire_field w;
        const struct tc_field *field;
        const char *at;
        enum tc_status st = tc_dec_take(d, f, &o->at, &w, &at, &field);
        if (st != TC_OK)
            return st == TC_FULL ? TC_OK : st;
        uint32_t offset = (uint32_t)(at - f->src.base);
        records_of(f)[o->i++] = (uint64_t)w.number << 32 | offset;
        if (field->oneof >= 0 && winners[field->oneof].number != w.number)
            winners[field->oneof] = (struct winner){w.number, offset};
    }
    o->i = o->n / 2;
    f->step = TC_DEC_HEAP;
    return TC_OK;
}

/* ---- HEAP, SORT: heap sort is in place, and no input makes it slow */

static void sift(uint64_t *a, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && a[child + 1] > a[child])
            child++;
        if (a[root] >= a[child])
            return;
        uint64_t t = a[root];
        a[root] = a[child];
        a[child] = t;
    }
}

enum tc_status tc_dec_heap(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_order *o = &f->order;
    for (; o->i > 0 && !tc_dec_tired(d); d->work += SIFT_WORK)
        sift(records_of(f), --o->i, o->n);
    if (o->i > 0)
        return TC_OK;
    o->i = o->n;
    f->step = TC_DEC_SORT;
    return TC_OK;
}

enum tc_status tc_dec_sort_step(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_order *o = &f->order;
    uint64_t *a = records_of(f);
    for (; o->i > 1 && !tc_dec_tired(d); d->work += SIFT_WORK) {
        uint64_t t = a[0];
        a[0] = a[--o->i];
        a[o->i] = t;
        sift(a, 0, o->i);
    }
    if (o->i > 1)
        return TC_OK;
    o->i = o->kept = 0;
    o->field = NULL;
    f->step = TC_DEC_KEEP;
    return TC_OK;
}

/* ---- KEEP */

static bool has_lost(const struct tc_field *field, const struct winner *winners, uint64_t record)
{
    if (field->oneof < 0)
        return false;
    const struct winner *w = &winners[field->oneof];
    return w->number != field->number || w->from > (uint32_t)record;
}

/* Leaves of the sorted records those that count: all of a repeated field, all of a singular message
 * that are to be joined, the last of any other. */
enum tc_status tc_dec_keep(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_order *o = &f->order;
    uint64_t *records = records_of(f);
    for (; o->i < o->n && !tc_dec_tired(d); o->i++, d->work++) {
        uint64_t record = records[o->i];
        uint32_t number = (uint32_t)(record >> 32);
        if (!o->field || o->field->number != number)
            o->field = tc_field_by_number(f->m, number);
        if (has_lost(o->field, winners_of(f), record))
            continue;
        bool replaces = o->kept && records[o->kept - 1] >> 32 == number &&
                        !(o->field->flags & TC_REPEATED) && !o->field->message;
        records[replaces ? o->kept - 1 : o->kept++] = record;
    }
    if (o->i < o->n)
        return TC_OK;
    f->src.n = o->kept;
    f->src.records = records;
    f->src.next = 0;
    return done(f);
}
