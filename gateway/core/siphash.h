/* SipHash: a keyed hash for tables whose keys strangers choose. Who
 * does not know the key can neither find two inputs of one hash nor fill one bucket of a table.
 * (J.-P. Aumasson, D. J. Bernstein: SipHash, a fast short-input PRF.) */
#pragma once

#include "transcoder/str.h"

struct siphash_key {
    uint64_t k0, k1;
};

struct siphash {
    uint64_t a, b;
};

/* SipHash-2-4 with a result of 128 bits, of the eight bytes of `first`, least significant one
 * first, and then `text`. */
struct siphash siphash128(const struct siphash_key *key, uint64_t first, struct str text);

/* SipHash-1-3, of long texts that are compared in full afterwards: half the work. */
uint64_t siphash13(const struct siphash_key *key, struct str text);
