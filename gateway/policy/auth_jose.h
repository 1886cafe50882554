/* JSON Web Signatures and Keys: RFC 7515 (compact form), 7517, 7518 section 3, 8037, with the
 * practice of RFC 8725. Signatures are GnuTLS's, JSON is ours; nothing here knows of issuers,
 * audiences or time.
 *
 *     struct jose_keys keys;
 *     jose_keys_parse(text, &keys, &error);                       // a JWK set
 *     struct jose_token t;
 *     if (jose_token_read(compact, &arena, &t, &why) &&
 *         jose_verify(&keys, &t, allowed) == JOSE_VERIFIED && jose_claims(&t, &arena, &claims)) ...
 *
 * An algorithm is bound to its key: a key verifies what its type, curve and "alg" say and nothing
 * else, so an RSA key is never taken for an HMAC secret. "none" is no algorithm. What a token's
 * header says of keys (jku, jwk, x5u, x5c) is never read. Keys are immutable once parsed: any
 * thread may verify with them. */
#pragma once

#include "gateway/core/json_value.h"

enum jose_alg {
    JOSE_NONE, /* unknown, or "none" */
    JOSE_RS256,
    JOSE_RS384,
    JOSE_RS512,
    JOSE_PS256,
    JOSE_PS384,
    JOSE_PS512,
    JOSE_ES256,
    JOSE_ES384,
    JOSE_ES512,
    JOSE_EDDSA,
    JOSE_HS256,
    JOSE_HS384,
    JOSE_HS512,
    JOSE_ALGS,
};

/* Sets of algorithms are bits: 1 << JOSE_RS256. */
enum { JOSE_ANY_PUBLIC = (1 << JOSE_HS256) - 2, JOSE_TOKEN_MAX = 8 << 10, JOSE_KEYS_MAX = 100 };

/* JOSE_NONE when there is no such algorithm. */
enum jose_alg jose_alg_by_name(struct str name);
struct str jose_alg_name(enum jose_alg alg);
/* HMAC: bytes of the tag, and the least of the secret. Else 0. */
size_t jose_hmac_size(enum jose_alg alg);

struct jose_key {
    struct str kid;    /* p == NULL: it has none */
    uint32_t algs;     /* those that it may verify */
    void *public_key;  /* gnutls_pubkey_t; NULL for a secret */
    struct str secret; /* HMAC */
};

struct jose_keys {
    struct jose_key *items;
    uint32_t n;
    uint32_t skipped; /* keys of the set that verify nothing here: for encryption, of unknown type
                         or curve, or at fault */
    uint32_t faulty;  /* those of them that should have: too weak, broken, or with a kid that
                         another has */
    struct arena arena;
};

/* A JWK set, or a single JWK. Keys that are too weak (RSA below 2048 bits, a secret shorter than
 * its hash) or broken are skipped and counted, and error says of the first what is wrong with it,
 * though true is returned. False (and nothing to release): TC_INVALID for text that is no key set,
 * or one without any usable key. */
bool jose_keys_parse(struct str json, struct jose_keys *keys, struct tc_error *error);
/* A PEM public key or certificate. */
bool jose_keys_pem(struct str pem, struct jose_keys *keys, struct tc_error *error);
/* Fine on zeroed keys. */
void jose_keys_release(struct jose_keys *keys);

struct jose_token {
    struct str signed_part; /* header.payload, as it came */
    struct str payload;     /* as it came */
    struct str signature;   /* decoded */
    struct str kid;         /* p == NULL: the header has none */
    enum jose_alg alg;
    struct expr_value header; /* EXPR_MAP */
};

/* Takes a token apart, but for its claims, which nobody looks at before jose_verify has said that
 * they are true. False: `*why` is a sentence for the log. */
bool jose_token_read(struct str compact, struct arena *arena, struct jose_token *token,
                     const char **why);

enum jose_verdict {
    JOSE_VERIFIED,
    JOSE_BAD_ALG,     /* not among `allowed`, or not what the key of that kid is for */
    JOSE_UNKNOWN_KEY, /* no key with that kid, or none for that algorithm: the set may be outdated
                       */
    JOSE_BAD_SIGNATURE,
};

/* A token with a kid is verified by the key of that kid, or by keys that have none (a PEM file's);
 * one without by each key of its algorithm; at most 8 are tried. */
enum jose_verdict jose_verify(const struct jose_keys *keys, const struct jose_token *token,
                              uint32_t allowed);

/* What a verified token says: EXPR_MAP. False: no JSON object, or out of memory. */
bool jose_claims(const struct jose_token *token, struct arena *arena, struct expr_value *claims);

/* base64url as JOSE has it: no padding, no other alphabet, no bits left over. p == NULL: it is not.
 * In the arena. */
struct str jose_base64url(struct str text, struct arena *arena);
