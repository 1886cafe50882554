/* API keys of a fleet: they stand in Redis, and each gateway asks for the ones that it is shown.
 *
 *     {postern:keys:partners}      hash: SHA-256 of a key in hex -> the key as JSON (auth_keys.h)
 *     {postern:keys:partners}:ids  sorted set: "id\0" and that hex, all with score 0
 *
 * `postern keys --redis` writes both. The braces put them into one slot of a cluster.
 *
 * What Redis has said counts for AUTH_REDIS_LIFE_MS from when it was asked: within a second a key
 * that is revoked is refused by every worker of every gateway, and while Redis is away nobody is
 * let in for longer. A key in use is asked for again before that, so that only its first call
 * waits. Answers "no such key" are remembered as long, in a share of the cache of their own; at
 * most AUTH_REDIS_ASKED keys nobody knows yet are asked for at a time, further ones are refused
 * with 503. */
#pragma once

#include "gateway/core/redis.h"
#include "gateway/policy/auth_runtime.h"

enum { AUTH_REDIS_LIFE_MS = 900, AUTH_REDIS_RENEW_MS = 400, AUTH_REDIS_ASKED = 256 };
enum { AUTH_HASH_HEX = 2 * AUTH_HASH };

/* The script of a look-up: KEYS[1] the hash, ARGV[1] the digest in hex; the key, or nil. */
extern const struct str auth_redis_script;

/* "{prefix:keys:provider}"; p == NULL: out of memory. */
struct str auth_redis_name(struct arena *arena, struct str prefix, struct str provider);
void auth_hash_print(const unsigned char hash[AUTH_HASH], char out[AUTH_HASH_HEX]);

/* False: out of memory. */
bool auth_redis_open(struct auth_runtime *r, struct auth_state *s);
void auth_redis_close(struct auth_runtime *r, struct auth_state *s);
enum auth_verdict auth_redis_judge(struct auth_query *q);
