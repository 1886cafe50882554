#include "tools/conformance-testee/canonical.h"

#include "transcoder/text.h"
#include "transcoder/wire.h"

/* One value as it came: of a known field, or (field == NULL) the bytes of an unknown one. */
struct piece {
    const struct tc_field *field;
    uint64_t value;
    struct str bytes;
};

/* What is needed at every level. */
struct work {
    struct arena *arena;
    struct tc_error *error;
    unsigned depth;
};

/* A message that has been read. */
struct level {
    struct work *work;
    const struct tc_message *m;
    struct piece *pieces;
    size_t n, cap;
};

static enum tc_status write_message(struct work *w, const struct tc_message *m, struct str bytes,
                                    struct buf *out);

static enum tc_status refuse(struct work *w, const char *why)
{
    return tc_fail(w->error, TC_INVALID, TC_NO_OFFSET, "", "%s", why);
}

static enum tc_status no_memory(struct work *w)
{
    return tc_fail(w->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
}

/* ---- reading */

static enum tc_status add(struct level *l, struct piece piece)
{
    if (l->n == l->cap) {
        struct piece *more = arena_array(l->work->arena, l->cap * 2 + 16, sizeof *more);

        if (!more)
            return no_memory(l->work);
        if (l->n)
            memcpy(more, l->pieces, l->n * sizeof *more);
        l->pieces = more;
        l->cap = l->cap * 2 + 16;
    }
    l->pieces[l->n++] = piece;
    return TC_OK;
}

/* The number as the type has it: 32-bit types cut and extended as their sign wants, bool 0 or 1. */
static uint64_t normal(const struct tc_field *f, uint64_t v)
{
    switch (f->type) {
    case TC_BOOL: return v != 0;
    case TC_INT32:
    case TC_ENUM: return (uint64_t)(int32_t)v;
    case TC_UINT32:
    case TC_SINT32: return (uint32_t)v;
    default: return v;
    }
}

static bool is_named(const struct tc_field *f, uint64_t v)
{
    return f->type != TC_ENUM || !f->enumeration->closed ||
           tc_enum_by_number(f->enumeration, (int32_t)v);
}

/* A number that a closed enum does not name is an unknown field, whatever form it came in. */
static enum tc_status add_unnamed(struct level *l, const struct tc_field *f, uint64_t v)
{
    char raw[20];
    struct str copy;
    size_t n = tc_varint_put(raw, (uint64_t)f->number << 3 | TC_VARINT);

    n += tc_varint_put(raw + n, v);
    copy = arena_copy(l->work->arena, str_of(raw, n));
    return copy.p ? add(l, (struct piece){.bytes = copy}) : no_memory(l->work);
}

static enum tc_status add_number(struct level *l, const struct tc_field *f, uint64_t v)
{
    if (!is_named(f, v))
        return add_unnamed(l, f, v);
    return add(l, (struct piece){.field = f, .value = normal(f, v)});
}

static enum tc_status add_packed(struct level *l, const struct tc_field *f, struct str bytes)
{
    enum tc_wire_type wire = tc_wire_type_of((enum tc_type)f->type);
    size_t width = wire == TC_I64 ? 8 : wire == TC_I32 ? 4 : 0;
    enum tc_status st = TC_OK;

    while (st == TC_OK && bytes.n) {
        uint64_t v = 0;

        if (width ? bytes.n < width : !tc_wire_varint(&bytes, &v))
            return refuse(l->work, "packed values are cut");
        for (size_t i = width; i-- > 0;)
            v = v << 8 | (unsigned char)bytes.p[i];
        bytes = str_skip(bytes, width);
        st = add_number(l, f, v);
    }
    return st;
}

/* An entry whose value a closed enum does not name is an unknown field as a whole. */
static bool entry_is_named(const struct tc_field *map, struct str entry)
{
    const struct tc_field *value = &map->message->fields[1];
    struct tc_wire_field w;

    return !tc_wire_find(entry, 2, TC_VARINT, &w) || is_named(value, w.value);
}

static enum tc_status add_known(struct level *l, const struct tc_field *f,
                                const struct tc_wire_field *w)
{
    if (w->type == TC_LEN && tc_type_packable((enum tc_type)f->type))
        return add_packed(l, f, w->bytes);
    if (tc_type_packable((enum tc_type)f->type))
        return add_number(l, f, w->value);
    if (f->flags & TC_UTF8 && !tc_utf8_valid(w->bytes))
        return refuse(l->work, "a string is not UTF-8");
    return add(l, (struct piece){.field = f, .bytes = w->bytes});
}

static bool fits(const struct tc_field *f, const struct tc_wire_field *w)
{
    return w->type == tc_wire_type_of((enum tc_type)f->type) ||
           (w->type == TC_LEN && f->flags & TC_REPEATED && tc_type_packable((enum tc_type)f->type));
}

static enum tc_status read_level(struct level *l, struct str bytes)
{
    struct tc_wire_field w;
    enum tc_status st, added = TC_OK;
    const char *start = bytes.p;

    while (added == TC_OK && (st = tc_wire_next(&bytes, &w)) == TC_OK) {
        const struct tc_field *f;

        if (tc_is_message_set(l->m))
            tc_wire_set_item(&w);
        f = tc_field_by_number(l->m, w.number);
        if (f && fits(f, &w) && (!(f->flags & TC_MAP) || entry_is_named(f, w.bytes)))
            added = add_known(l, f, &w);
        else
            added = add(l, (struct piece){.bytes = str_of(start, (size_t)(bytes.p - start))});
        start = bytes.p;
    }
    if (added != TC_OK)
        return added;
    return st == TC_MORE ? TC_OK : refuse(l->work, "malformed protobuf");
}

/* ---- what counts */

/* Whether another member of its oneof has been set behind piece `i`. */
static bool has_lost(const struct level *l, size_t i)
{
    const struct tc_field *f = l->pieces[i].field;

    for (size_t k = i + 1; f->oneof >= 0 && k < l->n; k++) {
        const struct tc_field *other = l->pieces[k].field;

        if (other && other != f && other->oneof == f->oneof)
            return true;
    }
    return false;
}

static enum tc_status put(struct work *w, struct buf *out, struct str bytes)
{
    return buf_add(out, bytes) ? TC_OK : no_memory(w);
}

/* ---- writing */

static enum tc_status put_number(struct work *w, const struct tc_field *f, uint64_t v,
                                 struct buf *out)
{
    bool ok;

    switch (tc_wire_type_of((enum tc_type)f->type)) {
    case TC_I64: ok = tc_put_fixed64(out, v); break;
    case TC_I32: ok = tc_put_fixed32(out, (uint32_t)v); break;
    default: ok = tc_put_varint(out, v); break;
    }
    return ok ? TC_OK : no_memory(w);
}

/* What stands in front of a value and, as `end`, behind it. */
static enum tc_status put_key(struct work *w, const struct tc_field *f, struct buf *out)
{
    bool item = f->flags & TC_SET_ITEM;
    enum tc_status st = item ? put(w, out, STR("\x0b\x10")) : TC_OK;

    if (st == TC_OK)
        st = put(w, out, str_of(f->tag, f->tag_len));
    return st == TC_OK && item ? put(w, out, STR("\x1a")) : st;
}

static enum tc_status put_end(struct work *w, const struct tc_field *f, struct buf *out)
{
    if (f->flags & TC_SET_ITEM)
        return put(w, out, STR("\x0c"));
    if (f->type == TC_GROUP && !tc_put_key(out, f->number, TC_EGROUP))
        return no_memory(w);
    return TC_OK;
}

static enum tc_status put_value(struct work *w, const struct tc_field *f, const struct piece *p,
                                struct buf *out)
{
    struct buf inner;
    struct str bytes = p->bytes;
    enum tc_status st;

    if (tc_type_packable((enum tc_type)f->type))
        return put_number(w, f, p->value, out);
    buf_init(&inner, out->max);
    st = f->message ? write_message(w, f->message, bytes, &inner) : TC_OK;
    if (f->message)
        bytes = buf_str(&inner);
    if (st == TC_OK && f->type != TC_GROUP && !tc_put_varint(out, bytes.n))
        st = no_memory(w);
    if (st == TC_OK)
        st = put(w, out, bytes);
    if (st == TC_OK)
        st = put_end(w, f, out);
    buf_release(&inner);
    return st;
}

static enum tc_status write_repeated(const struct level *l, const struct tc_field *f,
                                     struct buf *out)
{
    enum tc_status st = TC_OK;
    bool packed = f->flags & TC_PACKED;
    struct buf values, *to = packed ? &values : out;

    buf_init(&values, out->max);
    for (size_t i = 0; st == TC_OK && i < l->n; i++) {
        if (l->pieces[i].field != f)
            continue;
        if (!packed)
            st = put_key(l->work, f, out);
        if (st == TC_OK)
            st = put_value(l->work, f, &l->pieces[i], to);
    }
    if (st == TC_OK && packed && values.n && !tc_put_bytes(out, f->number, buf_str(&values)))
        st = no_memory(l->work);
    buf_release(&values);
    return st;
}

/* A field must not begin in one part of a message and end in the next. */
static bool is_whole(struct str part)
{
    struct tc_wire_field w;
    enum tc_status st;

    while ((st = tc_wire_next(&part, &w)) == TC_OK)
        ;
    return st == TC_MORE;
}

/* The parts of a message one behind the other are the message merged. */
static enum tc_status merged(const struct level *l, const struct tc_field *f, struct piece *p)
{
    size_t total = 0, n = 0;
    char *to;

    for (size_t i = 0; i < l->n; i++)
        if (l->pieces[i].field == f && !has_lost(l, i))
            total += l->pieces[i].bytes.n;
    to = arena_alloc(l->work->arena, total);
    if (!to)
        return no_memory(l->work);
    for (size_t i = 0; i < l->n; i++) {
        struct str part = l->pieces[i].bytes;

        if (l->pieces[i].field != f || has_lost(l, i))
            continue;
        if (!is_whole(part))
            return refuse(l->work, "malformed protobuf");
        if (part.n)
            memcpy(to + n, part.p, part.n);
        n += part.n;
    }
    p->bytes = str_of(to, n);
    return TC_OK;
}

static bool is_default(const struct tc_field *f, const struct piece *p)
{
    return !(f->flags & TC_PRESENCE) && f->oneof < 0 && !f->message && p->value == 0 &&
           p->bytes.n == 0;
}

static enum tc_status write_singular(const struct level *l, const struct tc_field *f,
                                     struct buf *out)
{
    enum tc_status st = TC_OK;
    struct piece last = {.field = NULL};

    for (size_t i = 0; i < l->n; i++)
        if (l->pieces[i].field == f && !has_lost(l, i))
            last = l->pieces[i];
    if (!last.field || is_default(f, &last))
        return TC_OK;
    if (f->message)
        st = merged(l, f, &last);
    if (st == TC_OK)
        st = put_key(l->work, f, out);
    return st == TC_OK ? put_value(l->work, f, &last, out) : st;
}

/* ---- maps */

/* The last value of field `number` in an entry, as it counts there; a value of 0 or "" when absent.
 */
static enum tc_status entry_part(struct work *w, const struct tc_message *entry, struct str bytes,
                                 uint32_t number, struct piece *part)
{
    struct level l = {.work = w, .m = entry};
    enum tc_status st = read_level(&l, bytes);

    *part = (struct piece){.bytes = STR("")};
    for (size_t i = 0; i < l.n; i++)
        if (l.pieces[i].field && l.pieces[i].field->number == number)
            *part = l.pieces[i];
    return st;
}

/* Whether a later entry has the key of piece `i`. */
static enum tc_status is_replaced(const struct level *l, size_t i, const struct piece *key,
                                  bool *replaced)
{
    const struct tc_field *f = l->pieces[i].field;
    enum tc_status st = TC_OK;

    *replaced = false;
    for (size_t k = i + 1; st == TC_OK && !*replaced && k < l->n; k++) {
        struct piece other;

        if (l->pieces[k].field != f)
            continue;
        st = entry_part(l->work, f->message, l->pieces[k].bytes, 1, &other);
        *replaced = st == TC_OK && other.value == key->value && str_eq(other.bytes, key->bytes);
    }
    return st;
}

static enum tc_status write_map(const struct level *l, const struct tc_field *f, struct buf *out)
{
    enum tc_status st = TC_OK;

    for (size_t i = 0; st == TC_OK && i < l->n; i++) {
        struct piece key;
        bool replaced = false;

        if (l->pieces[i].field != f)
            continue;
        st = entry_part(l->work, f->message, l->pieces[i].bytes, 1, &key);
        if (st == TC_OK)
            st = is_replaced(l, i, &key, &replaced);
        if (st != TC_OK || replaced)
            continue;
        st = put_key(l->work, f, out);
        if (st == TC_OK)
            st = put_value(l->work, f, &l->pieces[i], out);
    }
    return st;
}

/* ---- messages */

static enum tc_status write_field(const struct level *l, const struct tc_field *f, struct buf *out)
{
    if (f->flags & TC_MAP)
        return write_map(l, f, out);
    return f->flags & TC_REPEATED ? write_repeated(l, f, out) : write_singular(l, f, out);
}

static enum tc_status write_level(const struct level *l, struct buf *out)
{
    enum tc_status st = TC_OK;

    for (uint32_t i = 0; st == TC_OK && i < l->m->nfields; i++)
        st = write_field(l, &l->m->fields[i], out);
    for (size_t i = 0; st == TC_OK && i < l->n; i++)
        if (!l->pieces[i].field)
            st = put(l->work, out, l->pieces[i].bytes);
    return st;
}

static enum tc_status write_message(struct work *w, const struct tc_message *m, struct str bytes,
                                    struct buf *out)
{
    struct level l = {.work = w, .m = m};
    enum tc_status st;

    if (w->depth == TC_WIRE_DEPTH_MAX)
        return refuse(w, "messages are nested too deeply");
    w->depth++;
    st = read_level(&l, bytes);
    if (st == TC_OK)
        st = write_level(&l, out);
    w->depth--;
    return st;
}

enum tc_status canonical(struct arena *arena, const struct tc_message *m, struct str bytes,
                         struct buf *out, struct tc_error *error)
{
    struct work w = {.arena = arena, .error = error};

    return write_message(&w, m, bytes, out);
}
