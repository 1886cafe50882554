#include <stdlib.h>

#include "gateway/core/digest.h"
#include "gateway/policy/limiter.h"

/* Names of keys in Redis: "prefix:limit:kind:digest"; what one algorithm has written no other
 * reads, so that a limit may change its own. The digest costs more than all else of a call that
 * asks Redis, and busy keys are asked for again and again: each worker keeps those it made last. */

enum { NAMES = 1024, PREFIX_MAX = 8, NAME_MAX_BYTES = 19 };

static const char KINDS[LIMIT_KINDS] = {[LIMIT_TOKEN_BUCKET] = 'b',
                                        [LIMIT_FIXED_WINDOW] = 'f',
                                        [LIMIT_SLIDING_LOG] = 'l',
                                        [LIMIT_SLIDING_COUNTER] = 'c',
                                        [LIMIT_CONCURRENCY] = 'p'};

_Static_assert(PREFIX_MAX + 1 + NAME_MAX_BYTES + 3 + DIGEST_HEX < LIMIT_KEY_TEXT, "a name fits");

struct limit_redis_name {
    struct siphash of;
    uint32_t limit;
    uint8_t kind;
    char text[LIMIT_KEY_TEXT]; /* empty: none yet */
};

static char *put(char *to, struct str text, size_t most)
{
    size_t n = text.n < most ? text.n : most;
    memcpy(to, text.p, n);
    return to + n;
}

/* False: the library failed. */
static bool make(const struct limiter *l, struct limit_item *i)
{
    char hex[DIGEST_HEX];
    if (!digest_hex(i->limit->id, i->key, hex))
        return false;
    char *to = put(i->redis_key, l->o.prefix, PREFIX_MAX);
    *to++ = ':';
    to = put(to, i->limit->name, NAME_MAX_BYTES);
    *to++ = ':';
    *to++ = KINDS[i->limit->rule.kind];
    *to++ = ':';
    to = put(to, str_of(hex, DIGEST_HEX), DIGEST_HEX);
    *to = '\0';
    return true;
}

/* Where the name of the item's key is kept. NULL: out of memory, which costs time alone. */
static struct limit_redis_name *place(struct limiter *l, const struct siphash *key)
{
    if (!l->names)
        l->names = calloc(NAMES, sizeof *l->names); /* breach: one per worker, when Redis is asked
                                                     */
    return l->names ? &l->names[key->a % NAMES] : NULL;
}

struct str limit_redis_key(struct limiter *l, struct limit_item *i)
{
    if (i->redis_key[0])
        return str_c(i->redis_key);
    limit_prepare_ask(l, i);
    struct siphash key = i->ask.key;
    struct limit_redis_name *kept = place(l, &key);
    if (kept && kept->text[0] && kept->limit == i->limit->number &&
        kept->kind == i->limit->rule.kind && kept->of.a == key.a && kept->of.b == key.b) {
        memcpy(i->redis_key, kept->text, sizeof kept->text);
    } else if (make(l, i) && kept) {
        kept->of = key;
        kept->limit = i->limit->number;
        kept->kind = i->limit->rule.kind;
        memcpy(kept->text, i->redis_key, sizeof kept->text);
    }
    return str_c(i->redis_key);
}
