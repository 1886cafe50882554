/* Credentials that were judged a short while ago, and whom they stand for: one cache per provider
 * and worker. Bounded in entries and bytes; the one not used for longest goes first, and those that
 * are no good have a share of their own, so that a flood of them pushes out none that is. Found by
 * a keyed hash, and then compared in full.
 *
 * Entries are counted: an exchange holds the one that says who it is until it is over. One thread.
 */
#pragma once

#include "gateway/core/principal.h"
#include "gateway/core/siphash.h"

enum {
    AUTH_CACHE_ENTRIES = 10000,
    AUTH_CACHE_BYTES = 16 << 20,
    AUTH_CACHE_BAD_ENTRIES = 2000,
    AUTH_CACHE_BAD_BYTES = 4 << 20
};

struct auth_entry {
    struct auth_entry *next_in_bucket;
    struct auth_entry *newer, *older; /* by use */
    uint32_t references;              /* the cache's own is one */
    uint64_t hash;
    struct str token;
    int64_t expires;  /* forgotten from then on, by the clock that the cache's user looks up with */
    int64_t renew;    /* asked for again from then on, where somebody is asked; same clock */
    uint32_t version; /* of the keys it was verified with */
    bool good;        /* false: remembered as no good; set before it is put */
    const char *why;  /* of one that is not, for the log */
    struct principal principal;
    struct arena arena; /* holds all of it but the struct */
};

struct auth_cache;

/* NULL: out of memory. `key` is copied. */
struct auth_cache *auth_cache_new(const struct siphash_key *key);
/* Entries that are held live on until they are released. */
void auth_cache_free(struct auth_cache *c);
/* NULL: not there, expired at `now`, or of another version. What is found is not held. */
struct auth_entry *auth_cache_find(struct auth_cache *c, struct str token, int64_t now,
                                   uint32_t version);
/* An entry with the token copied into its arena; fill it, then auth_cache_put or
 * auth_entry_release. NULL: memory. */
struct auth_entry *auth_entry_new(struct str token);
/* Takes over the caller's reference. */
void auth_cache_put(struct auth_cache *c, struct auth_entry *e);
/* The token's entry, if it is there, is no longer. */
void auth_cache_drop(struct auth_cache *c, struct str token);

static inline struct auth_entry *auth_entry_hold(struct auth_entry *e)
{
    e->references++;
    return e;
}
void auth_entry_release(struct auth_entry *e);
