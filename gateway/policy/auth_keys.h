/* API keys: a file of hashes, and the look-up of a key in it. Pure but for the memory of a table;
 * the file is read and written elsewhere (load_auth.h, `postern keys`). Keys of a fleet, which
 * stand in Redis one by one: auth_redis.h.
 *
 *     {"keys": [{"id": "team-a-1", "hash": "sha256:9f86...", "tenant": "team-a", "tier": "gold",
 *                "scopes": ["infer"], "roles": ["ops"], "limits": {"requests": 500},
 *                "expires": "2027-01-01T00:00:00Z", "revoked": false, "created": "...",
 *                "note": "..."}]}
 *
 * A key is "pk_" and 43 characters of base64url: 256 random bits, so one SHA-256 without salt keeps
 * it. Keys that somebody else has made are taken too, from AUTH_KEY_MIN bytes on. The table is
 * found by the hash of what the client sent, which nobody can steer, and the hash is then compared
 * in constant time.
 *
 * A table is immutable: any thread may look up. */
#pragma once

#include "gateway/core/principal.h"
#include "transcoder/error.h"

enum {
    AUTH_KEY_MIN = 16,  /* bytes of a key */
    AUTH_KEY_MAX = 256, /* longer ones are refused without a look */
    AUTH_KEYS_MAX = 100000,
    AUTH_HASH = 32,     /* SHA-256 */
    AUTH_KEY_TEXT = 48, /* room for a new key with its NUL */
};

struct auth_key {
    unsigned char hash[AUTH_HASH];
    struct principal principal;
    int64_t expires; /* seconds since the epoch; INT64_MAX: never */
    bool revoked;
};

struct auth_keys {
    struct auth_key *items; /* ascending by hash */
    uint32_t n;
    struct arena arena;
};

/* Everything is copied. False (and nothing to release): error says what is wrong, with the key's
 * place: "keys[3].hash".
 */
bool auth_keys_parse(struct str json, struct str provider, struct auth_keys *keys,
                     struct tc_error *error);
/* Fine on zeroed keys. */
void auth_keys_release(struct auth_keys *keys);

/* One key alone, an object as in the file's list. It lives in `arena`; `provider` must stay. */
bool auth_key_parse(struct str json, struct str provider, struct arena *arena,
                    struct auth_key *key);

enum auth_key_verdict { AUTH_KEY_GOOD, AUTH_KEY_UNKNOWN, AUTH_KEY_REVOKED, AUTH_KEY_EXPIRED };

/* `now`: seconds since the epoch. `*found` is set unless the key is unknown; what it points to
 * lives as the table. */
enum auth_key_verdict auth_keys_find(const struct auth_keys *keys, struct str text, int64_t now,
                                     const struct auth_key **found);

/* False: the library of hashes has failed. */
bool auth_key_hash(struct str text, unsigned char hash[AUTH_HASH]);
/* A new random key. False: the machine has no random numbers. */
bool auth_key_make(char text[AUTH_KEY_TEXT]);
/* A scope-token of RFC 6749 3.3: visible ASCII without space, '"' and '\\'. Scopes stand in quotes
 * in WWW-Authenticate. */
bool auth_is_scope(struct str s);
/* "sha256:" and 64 hex digits. False: it is not. */
bool auth_hash_parse(struct str text, unsigned char hash[AUTH_HASH]);
