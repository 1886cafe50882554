#include "transcoder/decode_internal.h"

/* A message on the wire may hold its fields in any order, split, repeated and overridden. One read
 * of its own fields (nested contents are skipped) finds out; nearly always the order is right and
 * the wire itself is the source. Otherwise each field becomes a record of 8 bytes, number << 32 |
 * offset: sorting these words brings the fields into order and leaves occurrences of one field as
 * they came. No field is shorter than two bytes, so the records cost at most 4 bytes a byte. */

/* Skipping a group reads all of it, and again for each group around it; joining copies a message,
 * and again for each joined message around it. Both have a ceiling in proportion to the input,
 * which only hostile input reaches. */
enum {
    GROUP_WORK_FREE = 4 << 20,
    GROUP_WORK_FACTOR = 32,
    JOIN_FREE = 64 << 10,
    JOIN_FACTOR = 4,
};

static const uint8_t wire_types[TC_SINT64 + 1] = {
    [TC_DOUBLE] = TC_I64,    [TC_FLOAT] = TC_I32,     [TC_INT64] = TC_VARINT,
    [TC_UINT64] = TC_VARINT, [TC_INT32] = TC_VARINT,  [TC_FIXED64] = TC_I64,
    [TC_FIXED32] = TC_I32,   [TC_BOOL] = TC_VARINT,   [TC_STRING] = TC_LEN,
    [TC_GROUP] = TC_SGROUP,  [TC_MESSAGE] = TC_LEN,   [TC_BYTES] = TC_LEN,
    [TC_UINT32] = TC_VARINT, [TC_ENUM] = TC_VARINT,   [TC_SFIXED32] = TC_I32,
    [TC_SFIXED64] = TC_I64,  [TC_SINT32] = TC_VARINT, [TC_SINT64] = TC_VARINT,
};

enum tc_wire_type tc_dec_wire_type(enum tc_type type)
{
    return wire_types[type];
}

bool tc_dec_accepts(const struct tc_field *field, const struct tc_wire_field *w)
{
    uint8_t want = wire_types[field->type];
    if (w->type != want)
        return w->type == TC_LEN && field->flags & TC_REPEATED && want != TC_SGROUP;
    return field->type != TC_ENUM || !field->enumeration->closed ||
           tc_enum_by_number(field->enumeration, (int32_t)w->value);
}

/* Of a bare frame the one field counts, and who takes its place in its oneof. */
static bool concerns(const struct tc_field *only, const struct tc_field *field)
{
    return !only || field == only || (only->oneof >= 0 && field->oneof == only->oneof);
}

static const struct tc_field *known(const struct tc_dec_frame *f, const struct tc_wire_field *w)
{
    const struct tc_message *m = f->m;
    const struct tc_field *field = NULL;
    if (w->number >= m->ndense)
        field = tc_field_by_number(m, w->number);
    else if (m->by_number[w->number])
        field = &m->fields[m->by_number[w->number] - 1];
    return field && concerns(f->only, field) && tc_dec_accepts(field, w) ? field : NULL;
}

static enum tc_status read_one(struct tc_dec_source *s, struct tc_wire_field *w, const char **at)
{
    enum tc_status st;
    if (!s->records) {
        *at = s->rest.p;
        st = tc_wire_next(&s->rest, w);
    } else if (s->next == s->n) {
        return TC_MORE;
    } else {
        *at = s->base + (uint32_t)s->records[s->next++];
        struct str rest = str_of(*at, (size_t)(s->end - *at));
        st = tc_wire_next(&rest, w);
    }
    if (st == TC_OK && s->set)
        tc_wire_set_item(w);
    return st;
}

static bool in_proportion(const struct tc_decoder *d, size_t work, size_t free, size_t factor)
{
    return work <= free || (work - free) / factor <= d->input.n;
}

static bool group_work_left(struct tc_decoder *d, const struct tc_wire_field *w)
{
    if (w->type == TC_SGROUP)
        d->group_work += w->bytes.n;
    return in_proportion(d, d->group_work, GROUP_WORK_FREE, GROUP_WORK_FACTOR);
}

char *tc_dec_join_room(struct tc_decoder *d, struct tc_dec_frame *f, size_t n)
{
    d->joined += n;
    if (in_proportion(d, d->joined, JOIN_FREE, JOIN_FACTOR))
        return tc_dec_scratch(d, &f->joined, n);
    tc_dec_fail(d, TC_LIMIT, f->at, "messages are merged too often for their size");
    return NULL;
}

enum tc_status tc_dec_take(struct tc_decoder *d, const struct tc_dec_frame *f,
                           struct tc_dec_source *s, struct tc_wire_field *w, const char **at,
                           const struct tc_field **field)
{
    enum tc_status st;
    while ((st = read_one(s, w, at)) == TC_OK) {
        if (!group_work_left(d, w))
            return tc_dec_fail(d, TC_LIMIT, *at, "groups are nested too deep for their size");
        if ((*field = known(f, w)))
            return TC_OK;
    }
    *field = NULL;
    return st == TC_MORE ? TC_OK : tc_dec_malformed(d, *at);
}

/* ---- joining a singular message */

static bool same_field_follows(const struct tc_dec_source *s, uint32_t number)
{
    return s->records && s->next < s->n && s->records[s->next] >> 32 == number;
}

/* Protobuf's merge of two messages is the parse of their bytes one after the other, as long as each
 * is whole: a field must not begin in one and end in the next. */
enum tc_status tc_dec_add_part(struct tc_decoder *d, char *to, size_t *n, struct str part)
{
    struct str rest = part;
    struct tc_wire_field w;
    enum tc_status st;
    while ((st = tc_wire_next(&rest, &w)) == TC_OK)
        ;
    if (st != TC_MORE)
        return tc_dec_malformed(d, part.p);
    memcpy(to + *n, part.p, part.n);
    *n += part.n;
    return TC_OK;
}

enum tc_status tc_dec_join(struct tc_decoder *d, struct tc_dec_frame *f)
{
    if (f->field->flags & TC_REPEATED || !same_field_follows(&f->src, f->wire.number))
        return TC_OK;
    struct tc_dec_source ahead = f->src;
    struct tc_wire_field w;
    const char *at;
    size_t total = f->wire.bytes.n, n = 0;
    while (same_field_follows(&ahead, f->wire.number) && read_one(&ahead, &w, &at) == TC_OK)
        total += w.bytes.n;
    char *to = tc_dec_join_room(d, f, total);
    if (!to)
        return d->status;
    enum tc_status st = tc_dec_add_part(d, to, &n, f->wire.bytes);
    while (st == TC_OK && same_field_follows(&f->src, f->wire.number) &&
           read_one(&f->src, &w, &at) == TC_OK)
        st = tc_dec_add_part(d, to, &n, w.bytes);
    f->wire.bytes = str_of(to, n);
    return st;
}

/* ---- order */

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

/* Heap sort: in place, and no input makes it slow. */
static void sort_words(uint64_t *a, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(a, i, n);
    for (size_t i = n; i-- > 1;) {
        uint64_t t = a[0];
        a[0] = a[i];
        a[i] = t;
        sift(a, 0, i);
    }
}

/* The member of a oneof that was set last, and since where without another one between. */
struct winner {
    uint32_t number, from;
};

static bool has_lost(const struct tc_field *field, const struct winner *winners, uint64_t record)
{
    if (field->oneof < 0)
        return false;
    const struct winner *w = &winners[field->oneof];
    return w->number != field->number || w->from > (uint32_t)record;
}

/* Leaves of the sorted records those that count: all of a repeated field, all of a singular message
 * that are to be joined, the last of any other. */
static uint32_t keep_what_counts(const struct tc_message *m, uint64_t *records, uint32_t n,
                                 const struct winner *winners)
{
    uint32_t kept = 0;
    const struct tc_field *field = NULL;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t number = (uint32_t)(records[i] >> 32);
        bool again = field && field->number == number;
        if (!again)
            field = tc_field_by_number(m, number);
        if (has_lost(field, winners, records[i]))
            continue;
        bool replaces = kept && records[kept - 1] >> 32 == number &&
                        !(field->flags & TC_REPEATED) && !field->message;
        records[replaces ? kept - 1 : kept++] = records[i];
    }
    return kept;
}

static enum tc_status collect(struct tc_decoder *d, struct tc_dec_frame *f, uint32_t n)
{
    size_t oneofs = f->m->noneofs * sizeof(struct winner);
    uint64_t *records = tc_dec_scratch(d, &f->records, n * sizeof *records + oneofs);
    if (!records)
        return d->status;
    struct winner *winners = (struct winner *)(records + n);
    memset(winners, 0, oneofs);
    struct tc_dec_source all = f->src;
    for (uint32_t i = 0; i < n; i++) {
        struct tc_wire_field w;
        const struct tc_field *field;
        const char *at;
        enum tc_status st = tc_dec_take(d, f, &all, &w, &at, &field);
        if (st != TC_OK)
            return st;
        uint32_t offset = (uint32_t)(at - f->src.base);
        records[i] = (uint64_t)w.number << 32 | offset;
        if (field->oneof >= 0 && winners[field->oneof].number != w.number)
            winners[field->oneof] = (struct winner){w.number, offset};
    }
    sort_words(records, n);
    f->src.n = keep_what_counts(f->m, records, n, winners);
    f->src.records = records;
    f->src.next = 0;
    return TC_OK;
}

/* What one read of a message learns of its order. */
struct order {
    uint64_t oneofs; /* seen, by bit; those beyond 63 share the last one */
    uint32_t last, n;
    bool broken;
};

static void note_field(struct order *o, const struct tc_field *field)
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

enum tc_status tc_dec_sort(struct tc_decoder *d, struct tc_dec_frame *f)
{
    if (f->src.rest.n > UINT32_MAX)
        return tc_dec_fail(d, TC_LIMIT, f->src.base, "the message is larger than 4 GiB");
    struct tc_dec_source s = f->src;
    struct order o = {0};
    struct tc_wire_field w;
    const struct tc_field *field = NULL;
    const char *at;
    enum tc_status st;
    while ((st = tc_dec_take(d, f, &s, &w, &at, &field)) == TC_OK && field)
        note_field(&o, field);
    return st == TC_OK && o.broken ? collect(d, f, o.n) : st;
}
