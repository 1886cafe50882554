#include "transcoder/decode_internal.h"

/* Equal keys may stand on the wire; JSON has each once and the last one counts. A run of two
 * entries or more gets a table of 4-byte offsets, at most three quarters full, that leads from a
 * key to its last entry. The hash is keyed with an address that no peer knows; whoever finds
 * colliding keys none the less meets a ceiling for probes, not a slow loop. */

enum {
    PROBES_FREE = 256,
    PROBES_PER_ENTRY = 16,
    KEY_LEAST = 2,  /* bytes of an entry that has a key of its own; shorter ones have 0 or "" */
    NOTE_WORK = 16, /* an entry and the one in its slot are read */
    CLEARED_AT_ONCE = 16 << 10,
    CLEARED_PER_WORK = 8,
};

struct entry {
    struct tc_wire_field key, value;
    uint32_t values; /* occurrences of the value */
    bool dropped;    /* unknown number of a closed enum: the entry counts as unknown field */
};

static enum tc_status read_entry(struct tc_decoder *d, const struct tc_field *map, struct str rest,
                                 struct entry *e)
{
    const struct tc_field *fields = map->message->fields;
    const struct tc_enum *values = fields[1].enumeration;
    struct tc_wire_field w;
    enum tc_status st;
    *e = (struct entry){.key.type = (uint8_t)tc_dec_wire_type(fields[0].type),
                        .value.type = (uint8_t)tc_dec_wire_type(fields[1].type),
                        .key.bytes = STR(""),
                        .value.bytes = STR("")};
    if (values && values->closed && values->nvalues)
        e->value.value = (uint64_t)values->values[0].number;
    const char *at = rest.p;
    for (; (st = tc_wire_next(&rest, &w)) == TC_OK; at = rest.p) {
        if (w.number == 1 && w.type == e->key.type) {
            e->key = w;
        } else if (w.number == 2 && w.type == e->value.type) {
            e->value = w;
            e->values++;
        }
    }
    e->dropped = !tc_dec_accepts(&fields[1], &e->value);
    return st == TC_MORE ? TC_OK : tc_dec_malformed(d, at);
}

static bool same_key(const struct tc_field *map, const struct entry *a, const struct entry *b)
{
    enum tc_type type = map->message->fields[0].type;
    if (type == TC_STRING)
        return str_eq(a->key.bytes, b->key.bytes);
    return tc_dec_normal(type, a->key.value) == tc_dec_normal(type, b->key.value);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static uint64_t hash_key(const struct tc_decoder *d, const struct tc_field *map,
                         const struct entry *e)
{
    enum tc_type type = map->message->fields[0].type;
    struct str s = e->key.bytes;
    uint64_t h = mix((uintptr_t)d, s.n), word = 0;
    if (type != TC_STRING)
        return mix(h, tc_dec_normal(type, e->key.value));
    for (; s.n >= sizeof word; s = str_skip(s, sizeof word)) {
        memcpy(&word, s.p, sizeof word);
        h = mix(h, word);
    }
    word = 0;
    memcpy(&word, s.p, s.n);
    return mix(mix(h, word), (uintptr_t)d);
}

/* The slot that holds e's key, or the free one where it goes. Slots hold 1 + the offset of an
 * entry's tag. NULL with the error noted. */
static uint32_t *find_slot(struct tc_decoder *d, const struct tc_dec_frame *f,
                           const struct entry *e, size_t *probes)
{
    uint32_t *slots = f->slots.p;
    for (uint64_t i = hash_key(d, f->field, e);; i++) {
        uint32_t *slot = &slots[i & f->slot_mask];
        if (*slot == 0)
            return slot;
        const char *at = f->src.base + *slot - 1;
        struct str rest = str_of(at, (size_t)(f->src.end - at));
        struct tc_wire_field w;
        struct entry other;
        if (tc_wire_next(&rest, &w) != TC_OK || read_entry(d, f->field, w.bytes, &other) != TC_OK)
            return NULL;
        if (same_key(f->field, e, &other))
            return slot;
        if (--*probes == 0) {
            tc_dec_fail(d, TC_LIMIT, at, "the keys of the map collide");
            return NULL;
        }
    }
}

static enum tc_status note_entry(struct tc_decoder *d, struct tc_dec_frame *f, struct str bytes,
                                 const char *at, size_t *probes)
{
    struct entry e;
    enum tc_status st = read_entry(d, f->field, bytes, &e);
    if (st != TC_OK || e.dropped)
        return st;
    uint32_t *slot = find_slot(d, f, &e, probes);
    if (!slot)
        return d->status;
    *slot = (uint32_t)(at - f->src.base) + 1;
    return TC_OK;
}

static bool slots_clear(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_keys *k = &f->keys;
    uint32_t *slots = f->slots.p, all = f->slot_mask + 1;
    while (k->cleared < all && !tc_dec_tired(d)) {
        uint32_t n = all - k->cleared < CLEARED_AT_ONCE ? all - k->cleared : CLEARED_AT_ONCE;
        memset(slots + k->cleared, 0, n * sizeof *slots);
        k->cleared += n;
        d->work += n / CLEARED_PER_WORK;
    }
    return k->cleared == all;
}

enum tc_status tc_dec_map_keys(struct tc_decoder *d, struct tc_dec_frame *f)
{
    if (!slots_clear(d, f))
        return TC_OK;
    struct tc_dec_keys *k = &f->keys;
    struct tc_wire_field w = f->wire;
    const struct tc_field *field;
    const char *at = f->at;
    for (enum tc_status st = TC_OK; k->i < k->n; k->i++) {
        if (k->i)
            st = tc_dec_take(d, f, &k->at, &w, &at, &field);
        if (st == TC_OK)
            st = note_entry(d, f, w.bytes, at, &k->probes);
        if (st != TC_OK)
            return st == TC_FULL ? TC_OK : st;
        d->work += NOTE_WORK;
    }
    f->step = TC_DEC_TAKEN;
    return TC_OK;
}

static enum tc_status make_slots(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_keys *k = &f->keys;
    uint32_t slots = 4;
    while (slots / 4 * 3 < k->different)
        slots *= 2;
    if (!tc_dec_scratch(d, &f->slots, slots * sizeof(uint32_t)))
        return d->status;
    f->slot_mask = slots - 1;
    k->at = f->src;
    k->i = k->cleared = 0;
    k->probes = PROBES_FREE + (size_t)k->n * PROBES_PER_ENTRY;
    f->step = TC_DEC_KEYS;
    return TC_OK;
}

enum tc_status tc_dec_map_count(struct tc_decoder *d, struct tc_dec_frame *f)
{
    struct tc_dec_keys *k = &f->keys;
    struct tc_wire_field w;
    const struct tc_field *field;
    const char *at;
    enum tc_status st;
    while ((st = tc_dec_take(d, f, &k->at, &w, &at, &field)) == TC_OK && field == f->field) {
        k->n++;
        k->different += w.bytes.n >= KEY_LEAST;
    }
    if (st != TC_OK)
        return st == TC_FULL ? TC_OK : st;
    if (k->n > 1)
        return make_slots(d, f);
    f->step = TC_DEC_TAKEN;
    return TC_OK;
}

void tc_dec_map_begin(struct tc_dec_frame *f)
{
    f->key = (struct tc_wire_field){.bytes = STR("")};
    f->slot_mask = 0;
    f->keys.at = f->src;
    f->keys.n = 1;
    f->keys.different = 2; /* the first one's, and that of all empty entries */
    f->step = TC_DEC_COUNT;
}

/* The value of one entry may come in parts, as any singular message. */
static enum tc_status join_values(struct tc_decoder *d, struct tc_dec_frame *f, struct str rest,
                                  struct tc_wire_field *value)
{
    struct tc_wire_field w;
    enum tc_status st = TC_OK;
    size_t n = 0;
    char *to = tc_dec_join_room(d, f, rest.n);
    if (!to)
        return d->status;
    while (st == TC_OK && tc_wire_next(&rest, &w) == TC_OK)
        if (w.number == 2 && w.type == value->type)
            st = tc_dec_add_part(d, to, &n, w.bytes);
    value->bytes = str_of(to, n);
    return st;
}

static enum tc_status write_key(struct tc_decoder *d, enum tc_type type,
                                const struct tc_wire_field *key)
{
    if (type == TC_STRING)
        return tc_dec_string(d, key->bytes);
    char *to = tc_dec_room(d, TC_DEC_NUMBER_ROOM);
    if (!to)
        return d->status;
    size_t n = 0;
    to[n++] = '"';
    n += tc_dec_printers[1][type](to + n, key->value);
    to[n++] = '"';
    d->out->n += n;
    return TC_OK;
}

static enum tc_status is_last_of_key(struct tc_decoder *d, const struct tc_dec_frame *f,
                                     const struct entry *e, bool *last)
{
    size_t probes = (size_t)-1;
    uint32_t *slot = f->slot_mask ? find_slot(d, f, e, &probes) : NULL;
    if (f->slot_mask && !slot)
        return d->status;
    d->work += f->slot_mask ? NOTE_WORK : 0;
    *last = !slot || *slot == (uint32_t)(f->at - f->src.base) + 1;
    return TC_OK;
}

enum tc_status tc_dec_map_entry(struct tc_decoder *d, struct tc_dec_frame *f)
{
    const struct tc_field *fields = f->field->message->fields;
    struct str bytes = f->wire.bytes;
    struct entry e;
    bool last = false;
    enum tc_status st = read_entry(d, f->field, bytes, &e);
    if (st != TC_OK || e.dropped)
        return st;
    st = is_last_of_key(d, f, &e, &last);
    if (st != TC_OK || !last)
        return st;
    f->key = e.key;
    if (e.values > 1 && fields[1].message)
        st = join_values(d, f, bytes, &e.value);
    f->wire = e.value;
    f->step = TC_DEC_ENTRY;
    if (st == TC_OK)
        st = tc_dec_lead(d, f);
    return st == TC_OK ? write_key(d, fields[0].type, &f->key) : st;
}
