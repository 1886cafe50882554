/* A token, a newline, and a key set (or a PEM key): what verifies does so by an algorithm that is
 * allowed, and no longer when a byte of what was signed is another one. */
#include "gateway/policy/auth_jose.h"
#include "tests/fuzz/fuzz.h"

static bool read_keys(struct str text, struct jose_keys *keys)
{
    struct tc_error error = {0};
    bool ok = str_starts(text, STR("-----")) ? jose_keys_pem(text, keys, &error)
                                             : jose_keys_parse(text, keys, &error);
    REQUIRE(ok || (error.status != TC_OK && error.text[0]));
    for (uint32_t i = 0; ok && i < keys->n; i++)
        REQUIRE(keys->items[i].algs && !(keys->items[i].algs & 1 << JOSE_NONE) &&
                !keys->items[i].public_key == (keys->items[i].secret.n > 0));
    REQUIRE(!ok || keys->n > 0);
    return ok;
}

static void verify(const struct jose_keys *keys, struct jose_token *t, struct arena *arena)
{
    REQUIRE(jose_verify(keys, t, 0) != JOSE_VERIFIED);
    if (jose_verify(keys, t, (1 << JOSE_ALGS) - 2) != JOSE_VERIFIED)
        return;
    REQUIRE(t->alg > JOSE_NONE && t->alg < JOSE_ALGS);
    REQUIRE(jose_verify(keys, t, ((1 << JOSE_ALGS) - 2) & ~(1 << t->alg)) == JOSE_BAD_ALG);
    char *other = (char *)(uintptr_t)arena_copy(arena, t->signed_part).p;
    REQUIRE(other);
    other[t->signed_part.n / 2] ^= 1;
    t->signed_part.p = other;
    /* BAD_SIGNATURE, or UNKNOWN_KEY where no key of the set bears the token's kid. */
    REQUIRE(jose_verify(keys, t, (1 << JOSE_ALGS) - 2) != JOSE_VERIFIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, text = str_cut(&rest, '\n');
    const char *why = NULL;
    struct jose_token t;
    struct jose_keys keys;
    struct arena arena;

    arena_init(&arena, 4096, 16 << 20);
    bool token = jose_token_read(text, &arena, &t, &why);
    REQUIRE(token || why);
    if (rest.p && read_keys(rest, &keys)) {
        if (token)
            verify(&keys, &t, &arena);
        jose_keys_release(&keys);
    }
    arena_release(&arena);
    return 0;
}
