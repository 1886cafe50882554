#include "gateway/policy/auth_redis.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

#include "gateway/core/clock.h"
#include "gateway/core/log.h"
#include "gateway/core/plan_redis.h"

enum { BUCKETS = 256, MS_A_SECOND = 1000 };

const struct str auth_redis_script = STR_INIT("return redis.call('HGET', KEYS[1], ARGV[1])");

/* A key that Redis is being asked for. Found by the first byte of its hash, which nobody can steer
 * without knowing keys that lead there. */
struct auth_lookup {
    struct redis_call call; /* first */
    struct auth_lookup *next;
    struct auth_runtime *runtime;
    struct auth_state *state;
    struct auth_waiter *waiters;
    struct auth_entry *entry; /* its token is the hash; goes into the cache with the answer */
    uint64_t asked_at;        /* clock_now() */
    bool again;               /* it is known, and will be for a while */
};

struct auth_lookups {
    struct auth_lookup *buckets[BUCKETS];
    bool complained; /* of an entry that cannot be read; once until one can */
};

/* What the cache of these keys goes by: a clock that nobody sets. */
static int64_t now_ms(void)
{
    return (int64_t)(clock_now() / 1000000);
}

/* ---- names ---- */

struct str auth_redis_name(struct arena *arena, struct str prefix, struct str provider)
{
    return arena_printf(arena, "{%.*s:keys:%.*s}", STR_ARG(prefix), STR_ARG(provider));
}

void auth_hash_print(const unsigned char hash[AUTH_HASH], char out[AUTH_HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < AUTH_HASH; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

/* ---- questions under way ---- */

static struct auth_lookup **bucket_of(struct auth_state *s, struct str hash)
{
    return &s->lookups->buckets[(unsigned char)hash.p[0]];
}

static struct auth_lookup *find(struct auth_state *s, struct str hash)
{
    struct auth_lookup *l = *bucket_of(s, hash);
    while (l && !str_eq(l->entry->token, hash))
        l = l->next;
    return l;
}

static void unlist(struct auth_lookup *l)
{
    struct auth_lookup **at = bucket_of(l->state, l->entry->token);
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->state->asked.under_way--;
    l->state->nasked -= !l->again;
}

static void drop(struct auth_lookup *l)
{
    auth_entry_release(l->entry);
    free(l); /* breach: see ask */
}

/* ---- the answer ---- */

static int64_t milliseconds_left(int64_t expires)
{
    int64_t now = (int64_t)(clock_wall_us() / 1000);
    return expires > INT64_MAX / MS_A_SECOND ? INT64_MAX : expires * MS_A_SECOND - now;
}

/* The entry as it is known from now on. False: what stands there is no key. */
static bool read_key(struct auth_lookup *l, struct str json)
{
    struct auth_entry *e = l->entry;
    struct auth_key key = {0};
    if (!auth_key_parse(json, l->state->provider->name, &e->arena, &key) ||
        gnutls_memcmp(key.hash, e->token.p, AUTH_HASH) != 0)
        return false;
    int64_t left = milliseconds_left(key.expires);
    e->principal = key.principal;
    e->good = !key.revoked && left > 0;
    e->why = key.revoked ? "the API key is revoked" : "the API key has expired";
    if (e->good && left < AUTH_REDIS_LIFE_MS && e->expires > now_ms() + left)
        e->expires = now_ms() + left;
    return true;
}

/* False: it is no answer. */
static bool read_reply(struct auth_lookup *l, const struct redis_reply *reply)
{
    struct auth_lookups *all = l->state->lookups;
    bool nil = reply->n == 1 && reply->values[0] == 0 && !reply->text.p;
    if (reply->status != REDIS_REPLIED || (!nil && !reply->text.p))
        return false;
    l->entry->good = false;
    l->entry->why = "there is no such API key";
    if (nil)
        return true;
    bool read = read_key(l, reply->text);
    if (!read && !all->complained)
        log_warn("auth %.*s: Redis holds a key that cannot be read; it lets nobody in",
                 STR_ARG(l->state->provider->name));
    if (!read)
        l->entry->why = "the API key's entry in Redis cannot be read";
    all->complained = !read;
    return true;
}

static void on_reply(struct redis_call *call, const struct redis_reply *reply)
{
    struct auth_lookup *l = (struct auth_lookup *)call;
    struct auth_asked *stats = &l->state->asked;
    bool understood = read_reply(l, reply);

    unlist(l);
    stats->answered_ns += clock_now() - l->asked_at;
    stats->failures += !understood;
    if (understood)
        stats->answered_at = clock_now();
    else if (reply->status == REDIS_FAILED)
        stats->failed_at = clock_now(); /* whether Redis is there at all, its connection tells */
    if (understood) {
        auth_cache_put(l->state->cache, l->entry);
        l->entry = NULL;
    }
    auth_waiters_wake(l->runtime, &l->waiters, !understood);
    drop(l);
}

/* ---- the question ---- */

static bool send_lookup(struct auth_lookup *l)
{
    char hex[AUTH_HASH_HEX];
    struct str name = l->state->provider->redis_keys, digest = str_of(hex, sizeof hex);
    struct redis_command c = {
        .script = REDIS_SCRIPT_KEYS, .keys = &name, .nkeys = 1, .args = &digest, .nargs = 1};
    auth_hash_print((const unsigned char *)l->entry->token.p, hex);
    return l->runtime->redis && redis_eval(l->runtime->redis, &l->call, &c, on_reply);
}

/* NULL: Redis is away, or memory is short. */
static struct auth_lookup *ask(struct auth_query *q, struct str hash, bool again)
{
    struct auth_state *s = q->state;
    struct auth_lookup *l = calloc(1, sizeof *l); /* breach: may outlive the exchange that asks */
    if (!l)
        return NULL;
    *l = (struct auth_lookup){.runtime = q->runtime, .state = s, .again = again};
    l->entry = auth_entry_new(hash);
    l->asked_at = clock_now();
    if (!l->entry || !send_lookup(l)) {
        s->asked.failures++;
        drop(l);
        return NULL;
    }
    l->entry->expires = now_ms() + AUTH_REDIS_LIFE_MS;
    l->entry->renew = now_ms() + AUTH_REDIS_RENEW_MS;
    l->next = *bucket_of(s, hash);
    *bucket_of(s, hash) = l;
    s->asked.questions++;
    s->asked.under_way++;
    s->nasked += !again;
    return l;
}

static enum auth_verdict unavailable(struct auth_query *q, const char *why)
{
    q->why = why;
    return AUTH_UNAVAILABLE;
}

static enum auth_verdict ask_and_wait(struct auth_query *q, struct str hash)
{
    struct auth_lookup *l = find(q->state, hash);
    if (!l && q->state->nasked >= AUTH_REDIS_ASKED) {
        q->state->asked.refused++;
        return unavailable(q, "too many API keys are asked for at a time");
    }
    if (!l && !(l = ask(q, hash, false)))
        return unavailable(q, "Redis, where the API keys stand, is away");
    auth_waiter_join(&l->waiters, q->waiter);
    return AUTH_WAIT;
}

enum auth_verdict auth_redis_judge(struct auth_query *q)
{
    unsigned char bytes[AUTH_HASH];
    struct str hash = str_of((const char *)bytes, sizeof bytes);
    int64_t now = now_ms();

    if (q->waiter->failed)
        return unavailable(q, "Redis, where the API keys stand, gave no answer");
    if (q->credential.n < AUTH_KEY_MIN || q->credential.n > AUTH_KEY_MAX ||
        !auth_key_hash(q->credential, bytes)) {
        q->why = "there is no such API key";
        return AUTH_BAD;
    }
    struct auth_entry *e = auth_cache_find(q->state->cache, hash, now, 0);
    if (!e)
        return ask_and_wait(q, hash);
    if (e->good && e->renew <= now && !find(q->state, hash))
        ask(q, hash, true); /* when that fails, what is known still counts for a moment */
    if (e->good)
        return auth_known(q, e);
    q->why = e->why;
    return AUTH_BAD;
}

/* ---- life ---- */

bool auth_redis_open(struct auth_runtime *r, struct auth_state *s)
{
    s->lookups = arena_alloc(&r->arena, sizeof *s->lookups);
    return s->lookups != NULL;
}

void auth_redis_close(struct auth_runtime *r, struct auth_state *s)
{
    for (size_t i = 0; s->lookups && i < BUCKETS; i++)
        for (struct auth_lookup *l = s->lookups->buckets[i], *next; l; l = next) {
            next = l->next;
            redis_cancel(r->redis, &l->call);
            drop(l);
        }
}
