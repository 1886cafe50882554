#include "gateway/core/siphash.h"

#include <endian.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void rounds(struct state *s, unsigned n)
{
    while (n--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static inline void take_word(struct state *s, unsigned n, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, n);
    s->v0 ^= word;
}

/* Least significant byte first, as the paper has it. */
static uint64_t read_whole(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

static uint64_t read_word(const char *p, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)(unsigned char)p[i] << 8 * i;
    return word;
}

static struct state begin(const struct siphash_key *key)
{
    return (struct state){
        .v0 = key->k0 ^ 0x736f6d6570736575,
        .v1 = key->k1 ^ 0x646f72616e646f6d,
        .v2 = key->k0 ^ 0x6c7967656e657261,
        .v3 = key->k1 ^ 0x7465646279746573,
    };
}

/* To the end, with the length of all in its last byte. */
static inline void take_text(struct state *s, unsigned n, struct str text, uint64_t length)
{
    for (; text.n >= 8; text = str_skip(text, 8))
        take_word(s, n, read_whole(text.p));
    take_word(s, n, (length & 0xff) << 56 | read_word(text.p, text.n));
}

struct siphash siphash128(const struct siphash_key *key, uint64_t first, struct str text)
{
    struct state s = begin(key);
    struct siphash out;

    s.v1 ^= 0xee; /* a result of 128 bits is wanted */
    take_word(&s, 2, first);
    take_text(&s, 2, text, text.n + 8);
    s.v2 ^= 0xee;
    rounds(&s, 4);
    out.a = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    s.v1 ^= 0xdd;
    rounds(&s, 4);
    out.b = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    return out;
}

uint64_t siphash13(const struct siphash_key *key, struct str text)
{
    struct state s = begin(key);

    take_text(&s, 1, text, text.n);
    s.v2 ^= 0xff;
    rounds(&s, 3);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
