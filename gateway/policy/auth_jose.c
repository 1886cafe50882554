#include "gateway/policy/auth_jose.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "transcoder/text.h"

enum { KEYS_TRIED = 8 };

struct algorithm {
    struct str name;
    gnutls_sign_algorithm_t sign;
    gnutls_mac_algorithm_t mac;
    uint16_t size; /* ECDSA: bytes of r, and of s; HMAC: of the tag, and the least of the secret */
};

static const struct algorithm algorithms[JOSE_ALGS] = {
    [JOSE_NONE] = {STR_INIT(""), GNUTLS_SIGN_UNKNOWN, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_RS256] = {STR_INIT("RS256"), GNUTLS_SIGN_RSA_SHA256, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_RS384] = {STR_INIT("RS384"), GNUTLS_SIGN_RSA_SHA384, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_RS512] = {STR_INIT("RS512"), GNUTLS_SIGN_RSA_SHA512, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_PS256] = {STR_INIT("PS256"), GNUTLS_SIGN_RSA_PSS_SHA256, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_PS384] = {STR_INIT("PS384"), GNUTLS_SIGN_RSA_PSS_SHA384, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_PS512] = {STR_INIT("PS512"), GNUTLS_SIGN_RSA_PSS_SHA512, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_ES256] = {STR_INIT("ES256"), GNUTLS_SIGN_ECDSA_SHA256, GNUTLS_MAC_UNKNOWN, 32},
    [JOSE_ES384] = {STR_INIT("ES384"), GNUTLS_SIGN_ECDSA_SHA384, GNUTLS_MAC_UNKNOWN, 48},
    [JOSE_ES512] = {STR_INIT("ES512"), GNUTLS_SIGN_ECDSA_SHA512, GNUTLS_MAC_UNKNOWN, 66},
    [JOSE_EDDSA] = {STR_INIT("EdDSA"), GNUTLS_SIGN_UNKNOWN, GNUTLS_MAC_UNKNOWN, 0},
    [JOSE_HS256] = {STR_INIT("HS256"), GNUTLS_SIGN_UNKNOWN, GNUTLS_MAC_SHA256, 32},
    [JOSE_HS384] = {STR_INIT("HS384"), GNUTLS_SIGN_UNKNOWN, GNUTLS_MAC_SHA384, 48},
    [JOSE_HS512] = {STR_INIT("HS512"), GNUTLS_SIGN_UNKNOWN, GNUTLS_MAC_SHA512, 64},
};

enum jose_alg jose_alg_by_name(struct str name)
{
    for (int a = JOSE_NONE + 1; a < JOSE_ALGS; a++)
        if (str_eq(algorithms[a].name, name))
            return (enum jose_alg)a;
    return JOSE_NONE;
}

struct str jose_alg_name(enum jose_alg alg)
{
    return algorithms[alg].name;
}

size_t jose_hmac_size(enum jose_alg alg)
{
    return alg >= JOSE_HS256 ? algorithms[alg].size : 0;
}

/* ---- base64url ---- */

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

struct str jose_base64url(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.n);
    uint32_t bits = 0, nbits = 0;
    size_t n = 0;

    if (!out || text.n % 4 == 1)
        return STR_NONE;
    for (size_t i = 0; i < text.n; i++) {
        int d = digit(text.p[i]);
        if (d < 0)
            return STR_NONE;
        bits = bits << 6 | (uint32_t)d;
        nbits += 6;
        if (nbits < 8)
            continue;
        nbits -= 8;
        out[n++] = (char)(bits >> nbits);
        bits &= (1u << nbits) - 1;
    }
    return bits ? STR_NONE : str_of(out, n);
}

/* ---- tokens ---- */

static bool refuse(const char **why, const char *text)
{
    *why = text;
    return false;
}

static bool read_object(struct str part, struct arena *arena, struct expr_value *out)
{
    struct tc_error error = {0};
    struct str json = jose_base64url(part, arena);
    return json.p && json_value_parse(json, arena, out, &error) && out->kind == EXPR_MAP;
}

bool jose_token_read(struct str compact, struct arena *arena, struct jose_token *t,
                     const char **why)
{
    struct str rest = compact, header = str_cut(&rest, '.'), payload = str_cut(&rest, '.');

    *t = (struct jose_token){.payload = payload};
    if (compact.n > JOSE_TOKEN_MAX)
        return refuse(why, "the token is longer than 8 KiB");
    if (!payload.p || !rest.p || str_find(rest, '.') < rest.n)
        return refuse(why, "the token is not of three parts");
    t->signed_part = str_of(compact.p, header.n + 1 + payload.n);
    if (!read_object(header, arena, &t->header))
        return refuse(why, "the token's header is no JSON object in base64url");
    if (json_member(&t->header, "crit").kind != EXPR_ABSENT) /* RFC 7515 4.1.11: none is known */
        return refuse(why, "the token's header has critical extensions");
    if (json_member(&t->header, "b64").kind != EXPR_ABSENT) /* RFC 7797 */
        return refuse(why, "the token's payload is not encoded");
    t->alg = jose_alg_by_name(json_text(&t->header, "alg"));
    if (t->alg == JOSE_NONE)
        return refuse(why, "the token's algorithm is none that is known");
    struct expr_value kid = json_member(&t->header, "kid");
    if (kid.kind != EXPR_ABSENT && kid.kind != EXPR_STRING)
        return refuse(why, "the token's kid is no string");
    t->kid = kid.kind == EXPR_STRING ? kid.s : STR_NONE;
    t->signature = jose_base64url(rest, arena);
    return (t->signature.p && t->signature.n) ||
           refuse(why, "the token's signature is missing or no base64url");
}

bool jose_claims(const struct jose_token *t, struct arena *arena, struct expr_value *claims)
{
    return read_object(t->payload, arena, claims);
}

/* ---- signatures ---- */

static gnutls_datum_t datum(struct str s)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

static bool verify_hmac(const struct jose_key *key, const struct jose_token *t)
{
    const struct algorithm *a = &algorithms[t->alg];
    unsigned char tag[64];
    return t->signature.n == a->size &&
           gnutls_hmac_fast(a->mac, key->secret.p, key->secret.n, t->signed_part.p,
                            t->signed_part.n, tag) >= 0 &&
           gnutls_memcmp(tag, t->signature.p, a->size) == 0;
}

static gnutls_sign_algorithm_t sign_of(const struct jose_key *key, enum jose_alg alg)
{
    if (alg != JOSE_EDDSA)
        return algorithms[alg].sign;
    return gnutls_pubkey_get_pk_algorithm(key->public_key, NULL) == GNUTLS_PK_EDDSA_ED448
               ? GNUTLS_SIGN_EDDSA_ED448
               : GNUTLS_SIGN_EDDSA_ED25519;
}

static bool all_zero(struct str s)
{
    unsigned char sum = 0;
    for (size_t i = 0; i < s.n; i++)
        sum |= (unsigned char)s.p[i];
    return sum == 0;
}

/* RFC 7518 3.4: r and s at their full length, one behind the other; GnuTLS wants them in DER. */
static bool verify_ecdsa(const struct jose_key *key, const struct jose_token *t)
{
    size_t size = algorithms[t->alg].size;
    struct str r = str_of(t->signature.p, size), s = str_skip(t->signature, size);
    gnutls_datum_t der, data = datum(t->signed_part), dr, ds;

    if (t->signature.n != 2 * size || all_zero(r) || all_zero(s))
        return false;
    dr = datum(r);
    ds = datum(s);
    if (gnutls_encode_rs_value(&der, &dr, &ds) < 0)
        return false;
    int st = gnutls_pubkey_verify_data2(key->public_key, sign_of(key, t->alg), 0, &data, &der);
    gnutls_free(der.data);
    return st >= 0;
}

static bool verify(const struct jose_key *key, const struct jose_token *t)
{
    gnutls_datum_t data = datum(t->signed_part), signature = datum(t->signature);
    if (t->alg >= JOSE_HS256)
        return verify_hmac(key, t);
    if (t->alg >= JOSE_ES256 && t->alg <= JOSE_ES512)
        return verify_ecdsa(key, t);
    return gnutls_pubkey_verify_data2(key->public_key, sign_of(key, t->alg), 0, &data,
                                      &signature) >= 0;
}

enum jose_verdict jose_verify(const struct jose_keys *keys, const struct jose_token *t,
                              uint32_t allowed)
{
    uint32_t tried = 0;
    bool found = false; /* the key of its kid */

    if (!(allowed >> t->alg & 1))
        return JOSE_BAD_ALG;
    for (uint32_t i = 0; i < keys->n && tried < KEYS_TRIED; i++) {
        const struct jose_key *key = &keys->items[i];
        bool fits = key->algs >> t->alg & 1, named = t->kid.p && key->kid.p;
        if (named && !str_eq(key->kid, t->kid))
            continue;
        found |= named;
        if (!fits && named)
            return JOSE_BAD_ALG;
        if (!fits)
            continue;
        tried++;
        if (verify(key, t))
            return JOSE_VERIFIED;
    }
    return tried && (found || !t->kid.p) ? JOSE_BAD_SIGNATURE : JOSE_UNKNOWN_KEY;
}
