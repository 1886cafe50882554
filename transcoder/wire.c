#include "transcoder/wire.h"

enum { VARINT_MAX = 10, NUMBER_MAX = (1 << 29) - 1 };

bool tc_wire_varint(struct str *rest, uint64_t *v)
{
    size_t n = rest->n < VARINT_MAX ? rest->n : VARINT_MAX;
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t byte = (unsigned char)rest->p[i];
        /* Bits above the 64th are dropped, as every protobuf runtime does. */
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *v = value;
            *rest = str_skip(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static inline bool take_varint(struct str *rest, uint64_t *v)
{
    if (rest->n && (unsigned char)rest->p[0] < 0x80) {
        *v = (unsigned char)rest->p[0];
        rest->p++;
        rest->n--;
        return true;
    }
    return tc_wire_varint(rest, v);
}

static inline bool take_fixed(struct str *rest, size_t n, uint64_t *v)
{
    if (rest->n < n)
        return false;
    *v = 0;
    for (size_t i = n; i-- > 0;)
        *v = *v << 8 | (unsigned char)rest->p[i];
    rest->p += n;
    rest->n -= n;
    return true;
}

static inline bool take_bytes(struct str *rest, struct str *bytes)
{
    uint64_t n;

    if (!take_varint(rest, &n) || n > rest->n)
        return false;
    *bytes = str_of(rest->p, (size_t)n);
    rest->p += n;
    rest->n -= (size_t)n;
    return true;
}

static inline bool take_key(struct str *rest, struct tc_wire_field *f)
{
    uint64_t key;

    if (!take_varint(rest, &key) || key >> 3 == 0 || key >> 3 > NUMBER_MAX)
        return false;
    f->number = (uint32_t)(key >> 3);
    f->type = (uint8_t)(key & 7);
    return true;
}

/* A value that is no group. */
static inline bool take_value(struct str *rest, struct tc_wire_field *f)
{
    f->value = 0;
    f->bytes = STR_NONE;
    switch (f->type) {
    case TC_VARINT: return take_varint(rest, &f->value);
    case TC_I64: return take_fixed(rest, 8, &f->value);
    case TC_LEN: return take_bytes(rest, &f->bytes);
    case TC_I32: return take_fixed(rest, 4, &f->value);
    default: return false;
    }
}

/* All up to and with the end tag of group f->number; what stands between goes to f->bytes. */
static bool take_group(struct str *rest, struct tc_wire_field *f)
{
    uint32_t open[TC_WIRE_DEPTH_MAX] = {f->number};
    size_t depth = 1;
    struct str in = *rest;
    struct tc_wire_field inner;
    const char *end = in.p;

    while (depth > 0) {
        end = in.p;
        if (!take_key(&in, &inner))
            return false;
        if (inner.type == TC_SGROUP) {
            if (depth == TC_WIRE_DEPTH_MAX)
                return false;
            open[depth++] = inner.number;
        } else if (inner.type == TC_EGROUP) {
            if (open[--depth] != inner.number)
                return false;
        } else if (!take_value(&in, &inner)) {
            return false;
        }
    }
    f->value = 0;
    f->bytes = str_of(rest->p, (size_t)(end - rest->p));
    *rest = in;
    return true;
}

enum tc_status tc_wire_next(struct str *rest, struct tc_wire_field *f)
{
    if (rest->n == 0)
        return TC_MORE;
    if (!take_key(rest, f))
        return TC_INVALID;
    bool ok = f->type == TC_SGROUP ? take_group(rest, f) : take_value(rest, f);
    return ok ? TC_OK : TC_INVALID;
}

void tc_wire_set_item(struct tc_wire_field *f)
{
    struct str rest = f->bytes, message = STR_NONE;
    struct tc_wire_field w;
    uint64_t id = 0;

    if (f->number != 1 || f->type != TC_SGROUP)
        return;
    while (tc_wire_next(&rest, &w) == TC_OK) {
        if (w.number == 2 && w.type == TC_VARINT && !id)
            id = w.value;
        else if (w.number == 3 && w.type == TC_LEN && !message.p)
            message = w.bytes;
    }
    if (id && id <= INT32_MAX && message.p)
        *f = (struct tc_wire_field){.number = (uint32_t)id, .type = TC_LEN, .bytes = message};
}

bool tc_wire_find(struct str bytes, uint32_t number, enum tc_wire_type type,
                  struct tc_wire_field *f)
{
    struct tc_wire_field next;
    enum tc_status status;
    bool found = false;

    while ((status = tc_wire_next(&bytes, &next)) == TC_OK) {
        if (next.number == number && next.type == type) {
            *f = next;
            found = true;
        }
    }
    return found && status == TC_MORE;
}

size_t tc_varint_size(uint64_t v)
{
    /* 7 bits a byte: ceil(bits / 7) without a division, exact for 1 to 64 bits. */
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
    return (bits * 9 + 64) / 64;
}

size_t tc_varint_put(char *p, uint64_t v)
{
    size_t n = 0;

    while (v >= 0x80) {
        p[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (char)v;
    return n;
}

bool tc_put_varint(struct buf *b, uint64_t v)
{
    char *p = buf_reserve(b, b->cap - b->n >= VARINT_MAX ? VARINT_MAX : tc_varint_size(v));

    if (!p)
        return false;
    b->n += tc_varint_put(p, v);
    return true;
}

bool tc_put_key(struct buf *b, uint32_t number, enum tc_wire_type type)
{
    return tc_put_varint(b, (uint64_t)number << 3 | (uint64_t)type);
}

static bool put_fixed(struct buf *b, uint64_t v, size_t n)
{
    char *p = buf_reserve(b, n);

    if (!p)
        return false;
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(v >> (8 * i) & 0xff);
    b->n += n;
    return true;
}

bool tc_put_fixed32(struct buf *b, uint32_t v)
{
    return put_fixed(b, v, 4);
}

bool tc_put_fixed64(struct buf *b, uint64_t v)
{
    return put_fixed(b, v, 8);
}

bool tc_put_bytes(struct buf *b, uint32_t number, struct str bytes)
{
    uint64_t key = (uint64_t)number << 3 | TC_LEN;
    size_t head = tc_varint_size(key) + tc_varint_size(bytes.n);
    char *p = bytes.n <= SIZE_MAX - head ? buf_reserve(b, head + bytes.n) : NULL;

    if (!p)
        return false;
    p += tc_varint_put(p, key);
    p += tc_varint_put(p, bytes.n);
    if (bytes.n)
        memcpy(p, bytes.p, bytes.n);
    b->n += head + bytes.n;
    return true;
}
