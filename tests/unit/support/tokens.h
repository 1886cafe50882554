/* Keys and tokens for tests, made with GnuTLS: what an issuer would do.
 *
 *     struct token_key k;
 *     token_key_make(&k, JOSE_ES256, "k1", &arena);
 *     struct str token = token_sign(&k, NULL, "{\"sub\":\"alice\"}", &arena);
 *     ... k.jwk ...                                           // the public half, as a JWK
 *     token_key_release(&k);
 */
#pragma once

#include <gnutls/abstract.h>

#include "gateway/policy/auth_jose.h"

struct token_key {
    enum jose_alg alg;
    const char *kid;
    gnutls_privkey_t private; /* NULL: a secret */
    struct str secret, jwk;
    bool borrowed; /* `private` belongs to another */
};

/* Fails the test when it cannot. Strings are the arena's. */
void token_key_make(struct token_key *k, enum jose_alg alg, const char *kid, struct arena *a);
/* The same RSA key for another of its algorithms: making one takes long. */
struct token_key token_key_for(const struct token_key *k, enum jose_alg alg);
void token_key_release(struct token_key *k);
/* A set of the key. `more`: further members of the JWK, beginning with a comma, or "". */
struct str token_key_set(const struct token_key *k, const char *more, struct arena *a);

struct str token_base64url(struct str bytes, struct arena *a);
/* `header` NULL: the key's own alg and kid. */
struct str token_sign(const struct token_key *k, const char *header, const char *claims,
                      struct arena *a);
/* The signature of `text` as JOSE has it, raw bytes. */
struct str token_signature(const struct token_key *k, struct str text, struct arena *a);
