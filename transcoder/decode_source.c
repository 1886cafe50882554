#include "transcoder/decode_internal.h"

/* The fields of a message one after the other: as they stand on the wire, or by the sorted records
 * of decode_order.c. */

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
    if (w->type == TC_SGROUP) {
        d->group_work += w->bytes.n;
        d->work += w->bytes.n / 2; /* it was read to its end */
    }
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
    enum tc_status st = TC_FULL;
    *field = NULL;
    while (!tc_dec_tired(d) && (st = read_one(s, w, at)) == TC_OK) {
        d->work++;
        if (!group_work_left(d, w))
            return tc_dec_fail(d, TC_LIMIT, *at, "groups are nested too deep for their size");
        if ((*field = known(f, w)))
            return TC_OK;
        st = TC_FULL;
    }
    if (st == TC_FULL)
        return st;
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
