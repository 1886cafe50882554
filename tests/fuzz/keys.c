/* A file of API keys: refused with a reason, or a table in order; a key of it is found or not, and
 * judged by time alike. And a key alone, as it stands in Redis: it has an id and a hash, or is
 * none. */
#include <string.h>

#include "gateway/policy/auth_keys.h"
#include "tests/fuzz/fuzz.h"

static void find(const struct auth_keys *keys, int64_t now)
{
    const struct auth_key *found = NULL;
    enum auth_key_verdict v = auth_keys_find(keys, STR("0123456789abcdef"), now, &found);
    REQUIRE((v == AUTH_KEY_UNKNOWN) == !found);
    if (found) {
        REQUIRE(found >= keys->items && found < keys->items + keys->n);
        REQUIRE((v == AUTH_KEY_REVOKED) == found->revoked);
        REQUIRE(v != AUTH_KEY_GOOD || now < found->expires);
    }
}

static void alone(struct str json)
{
    struct arena arena;
    struct auth_key key = {0};
    arena_init(&arena, 1024, 1 << 20);
    if (auth_key_parse(json, STR("fuzz"), &arena, &key))
        REQUIRE(key.principal.id.n && str_eq(key.principal.key, key.principal.id));
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tc_error error = {0};
    struct auth_keys keys;
    alone((struct str){(const char *)data, size});
    bool ok = auth_keys_parse((struct str){(const char *)data, size}, STR("fuzz"), &keys, &error);
    REQUIRE(ok || (error.status != TC_OK && error.text[0]));
    if (!ok)
        return 0;
    REQUIRE(keys.n <= AUTH_KEYS_MAX);
    for (uint32_t i = 0; i + 1 < keys.n; i++)
        REQUIRE(memcmp(keys.items[i].hash, keys.items[i + 1].hash, AUTH_HASH) < 0);
    find(&keys, 0);
    find(&keys, (int64_t)1 << 40);
    auth_keys_release(&keys);
    return 0;
}
