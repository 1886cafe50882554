#include "transcoder/encode_frames.h"
#include "transcoder/wire.h"

/* The keys of the maps that are open, to refuse one that comes twice. Each map has a tree of nodes
 * with four cells, walked by two bits of the key's hash at a time; a leaf is the place of the key
 * in `out`, where the bytes to compare stand anyhow. Nothing is ever moved or hashed again at
 * large, so no key costs more than a few steps, and a key costs some 12 bytes.
 *
 * Nodes are taken from a stack that grows by chunks, each twice the last: a map that closes gives
 * its own back, and only the innermost one takes any. The hash is keyed with an address; whoever
 * finds colliding keys none the less is refused. */

enum {
    FIRST_CHUNK = 64, /* nodes */
    BITS = 2,
    LEVELS = 64 / BITS,
};

#define LEAF (UINT32_C(1) << 31) /* else the number of a node; 0: free */

static struct tc_enc_key_node *node_at(const struct tc_enc_keys *k, uint32_t node)
{
    unsigned chunk = 31 - (unsigned)__builtin_clz(node / FIRST_CHUNK + 1);

    return &k->chunks[chunk][node - FIRST_CHUNK * ((UINT32_C(1) << chunk) - 1)];
}

/* An empty node; 0 when memory is short. Node 0 is never used. */
static uint32_t new_node(struct tc_encoder *e)
{
    struct tc_enc_keys *k = &e->keys;
    uint32_t node = k->used ? k->used : 1;
    unsigned chunk = 31 - (unsigned)__builtin_clz(node / FIRST_CHUNK + 1);

    if (chunk >= TC_ENC_KEY_CHUNKS)
        return 0;
    if (!k->chunks[chunk])
        k->chunks[chunk] = arena_array(e->arena, (size_t)FIRST_CHUNK << chunk,
                                       sizeof(struct tc_enc_key_node));
    if (!k->chunks[chunk])
        return 0;
    k->used = node + 1;
    *node_at(k, node) = (struct tc_enc_key_node){{0}};
    return node;
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static uint64_t hash(const struct tc_encoder *e, struct str key)
{
    uint64_t h = mix((uintptr_t)e, key.n), word;

    for (; key.n >= sizeof word; key = str_skip(key, sizeof word)) {
        memcpy(&word, key.p, sizeof word);
        h = mix(h, word);
    }
    word = 0;
    memcpy(&word, key.p, key.n);
    return mix(mix(h, word), (uintptr_t)e);
}

/* The encoded key, a string with its length, that begins at `at` of the map's bytes. */
static struct str key_at(const struct tc_encoder *e, const struct tc_enc_frame *f, uint32_t at)
{
    struct str bytes = str_of(e->out->p + f->begin + at, e->out->n - f->begin - at), rest = bytes;
    uint64_t n = 0;

    switch (tc_wire_type_of((enum tc_type)f->from->message->fields[0].type)) {
    case TC_I64: return str_of(bytes.p, sizeof(uint64_t));
    case TC_I32: return str_of(bytes.p, sizeof(uint32_t));
    case TC_LEN:
        (void)tc_wire_varint(&rest, &n);
        return str_of(bytes.p, (size_t)(rest.p - bytes.p) + (size_t)n);
    default: (void)tc_wire_varint(&rest, &n); return str_of(bytes.p, (size_t)(rest.p - bytes.p));
    }
}

/* Puts a node between `cell` and its leaf, whose key has the hash `h`; 0 when memory is short. */
static uint32_t push_down(struct tc_encoder *e, uint32_t *cell, uint64_t h, unsigned level)
{
    uint32_t node = new_node(e);

    if (!node)
        return 0;
    node_at(&e->keys, node)->cells[h >> (BITS * level) & 3] = *cell;
    *cell = node;
    return node;
}

static enum tc_status no_room(struct tc_encoder *e)
{
    return e->keys.used > UINT32_MAX / 8 ? tc_enc_fail(e, TC_LIMIT, "the map has too many keys")
                                         : tc_enc_no_memory(e);
}

enum tc_status tc_enc_note_key(struct tc_encoder *e, struct str key)
{
    struct tc_enc_frame *f = e->top;
    uint64_t h = hash(e, key);
    uint32_t node = f->root ? f->root : new_node(e);

    f->root = node;
    for (unsigned level = 0; node && level < LEVELS; level++) {
        uint32_t *cell = &node_at(&e->keys, node)->cells[h >> (BITS * level) & 3];
        struct str other;

        f->cell = cell;
        if (!*cell)
            return TC_OK;
        if (!(*cell & LEAF)) {
            node = *cell;
            continue;
        }
        other = key_at(e, f, *cell & ~LEAF);
        if (str_eq(other, key))
            return tc_enc_fail(e, TC_INVALID, "the key is given twice");
        if (level == LEVELS - 1)
            break;
        node = push_down(e, cell, hash(e, other), level + 1);
    }
    return node ? tc_enc_fail(e, TC_LIMIT, "the keys of the map collide") : no_room(e);
}

enum tc_status tc_enc_keep_key(struct tc_encoder *e, size_t at)
{
    struct tc_enc_frame *f = e->top;

    if (at - f->begin >= LEAF)
        return tc_enc_fail(e, TC_LIMIT, "a map larger than 2 GiB");
    *f->cell = LEAF | (uint32_t)(at - f->begin);
    return TC_OK;
}

void tc_enc_drop_keys(struct tc_encoder *e)
{
    if (e->top->root)
        e->keys.used = e->top->root;
}
