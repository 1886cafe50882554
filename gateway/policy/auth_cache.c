#include "gateway/policy/auth_cache.h"

#include <stdlib.h>

enum { BUCKETS = 4096, ENTRY_MEMORY = 1 << 20 };

/* Those that are good, or those that are not, by use. */
struct share {
    struct auth_entry *newest, *oldest;
    uint32_t entries;
    size_t bytes;
};

struct auth_cache {
    struct siphash_key key;
    struct auth_entry *buckets[BUCKETS];
    struct share shares[2]; /* by `good` */
};

static struct share *share_of(struct auth_cache *c, const struct auth_entry *e)
{
    return &c->shares[e->good];
}

struct auth_cache *auth_cache_new(const struct siphash_key *key)
{
    struct auth_cache *c = calloc(1, sizeof *c); /* breach: one per provider and worker */
    if (c)
        c->key = *key;
    return c;
}

struct auth_entry *auth_entry_new(struct str token)
{
    struct auth_entry *e = calloc(1, sizeof *e); /* breach: lives longer than any exchange */
    if (!e)
        return NULL;
    e->references = 1;
    arena_init(&e->arena, 1024, ENTRY_MEMORY);
    e->token = arena_copy(&e->arena, token);
    if (e->token.p)
        return e;
    auth_entry_release(e);
    return NULL;
}

void auth_entry_release(struct auth_entry *e)
{
    if (!e || --e->references)
        return;
    arena_release(&e->arena);
    free(e); /* breach: see auth_entry_new */
}

static size_t size_of(const struct auth_entry *e)
{
    return sizeof *e + e->arena.used;
}

static void unlink_use(struct share *s, struct auth_entry *e)
{
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void link_use(struct share *s, struct auth_entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static void forget(struct auth_cache *c, struct auth_entry *e)
{
    struct auth_entry **at = &c->buckets[e->hash % BUCKETS];
    struct share *s = share_of(c, e);
    while (*at != e)
        at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    unlink_use(s, e);
    s->entries--;
    s->bytes -= size_of(e);
    auth_entry_release(e);
}

void auth_cache_free(struct auth_cache *c)
{
    for (int i = 0; c && i < 2; i++)
        while (c->shares[i].oldest)
            forget(c, c->shares[i].oldest);
    free(c); /* breach: see auth_cache_new */
}

static struct auth_entry *lookup(struct auth_cache *c, struct str token, uint64_t hash)
{
    struct auth_entry *e = c->buckets[hash % BUCKETS];
    while (e && (e->hash != hash || !str_eq(e->token, token)))
        e = e->next_in_bucket;
    return e;
}

struct auth_entry *auth_cache_find(struct auth_cache *c, struct str token, int64_t now,
                                   uint32_t version)
{
    struct auth_entry *e = lookup(c, token, siphash13(&c->key, token));
    if (!e)
        return NULL;
    if (e->expires <= now || e->version != version) {
        forget(c, e);
        return NULL;
    }
    struct share *s = share_of(c, e);
    if (s->newest != e) {
        unlink_use(s, e);
        link_use(s, e);
    }
    return e;
}

static bool is_over(const struct share *s, bool good)
{
    static const struct {
        uint32_t entries;
        size_t bytes;
    } most[2] = {{AUTH_CACHE_BAD_ENTRIES, AUTH_CACHE_BAD_BYTES},
                 {AUTH_CACHE_ENTRIES, AUTH_CACHE_BYTES}};
    return s->entries > most[good].entries || s->bytes > most[good].bytes;
}

void auth_cache_put(struct auth_cache *c, struct auth_entry *e)
{
    struct share *s = share_of(c, e);
    e->hash = siphash13(&c->key, e->token);
    struct auth_entry *twin = lookup(c, e->token, e->hash);
    if (twin)
        forget(c, twin);
    e->next_in_bucket = c->buckets[e->hash % BUCKETS];
    c->buckets[e->hash % BUCKETS] = e;
    link_use(s, e);
    s->entries++;
    s->bytes += size_of(e);
    while (s->oldest != e && is_over(s, e->good))
        forget(c, s->oldest);
}

void auth_cache_drop(struct auth_cache *c, struct str token)
{
    struct auth_entry *e = lookup(c, token, siphash13(&c->key, token));
    if (e)
        forget(c, e);
}
