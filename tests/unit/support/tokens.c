#include "tests/unit/support/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/crypto.h>

static const struct signing {
    gnutls_sign_algorithm_t sign;
    gnutls_mac_algorithm_t mac;
    gnutls_pk_algorithm_t type;
    unsigned bits; /* of an RSA key, or GNUTLS_CURVE_TO_BITS */
    const char *crv;
    size_t size; /* of a coordinate, or of a secret */
} signings[JOSE_ALGS] = {
    [JOSE_RS256] = {GNUTLS_SIGN_RSA_SHA256, 0, GNUTLS_PK_RSA, 2048, NULL, 0},
    [JOSE_RS384] = {GNUTLS_SIGN_RSA_SHA384, 0, GNUTLS_PK_RSA, 2048, NULL, 0},
    [JOSE_RS512] = {GNUTLS_SIGN_RSA_SHA512, 0, GNUTLS_PK_RSA, 2048, NULL, 0},
    [JOSE_PS256] = {GNUTLS_SIGN_RSA_PSS_SHA256, 0, GNUTLS_PK_RSA, 2048, NULL, 0},
    [JOSE_PS384] = {GNUTLS_SIGN_RSA_PSS_SHA384, 0, GNUTLS_PK_RSA, 2048, NULL, 0},
    [JOSE_PS512] = {GNUTLS_SIGN_RSA_PSS_SHA512, 0, GNUTLS_PK_RSA, 2048, NULL, 0},
    [JOSE_ES256] = {GNUTLS_SIGN_ECDSA_SHA256, 0, GNUTLS_PK_ECDSA,
                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), "P-256", 32},
    [JOSE_ES384] = {GNUTLS_SIGN_ECDSA_SHA384, 0, GNUTLS_PK_ECDSA,
                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), "P-384", 48},
    [JOSE_ES512] = {GNUTLS_SIGN_ECDSA_SHA512, 0, GNUTLS_PK_ECDSA,
                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1), "P-521", 66},
    [JOSE_EDDSA] = {GNUTLS_SIGN_EDDSA_ED25519, 0, GNUTLS_PK_EDDSA_ED25519,
                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), "Ed25519", 32},
    [JOSE_HS256] = {0, GNUTLS_MAC_SHA256, 0, 0, NULL, 32},
    [JOSE_HS384] = {0, GNUTLS_MAC_SHA384, 0, 0, NULL, 48},
    [JOSE_HS512] = {0, GNUTLS_MAC_SHA512, 0, 0, NULL, 64},
};

static struct str of_datum(gnutls_datum_t d)
{
    return str_of((const char *)d.data, d.size);
}

struct str token_base64url(struct str s, struct arena *a)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *out = arena_alloc(a, s.n * 4 / 3 + 4);
    size_t n = 0;
    assert_non_null(out);
    for (size_t bit = 0; bit < 8 * s.n; bit += 6) {
        size_t i = bit / 8;
        unsigned pair = (unsigned)(unsigned char)s.p[i] << 8 |
                        (i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0);
        out[n++] = digits[pair >> (10 - bit % 8) & 63];
    }
    return str_of(out, n);
}

/* At its full length: GnuTLS cuts or adds zeros in front. */
static struct str padded(struct str s, size_t size, struct arena *a)
{
    char *out = arena_alloc(a, size);
    while (s.n > size && s.p[0] == 0)
        s = str_skip(s, 1);
    assert_true(out && s.n <= size);
    memcpy(out + size - s.n, s.p, s.n);
    return str_of(out, size);
}

static struct str coded(gnutls_datum_t d, size_t size, struct arena *a)
{
    struct str s = of_datum(d);
    struct str text = token_base64url(size ? padded(s, size, a) : s, a);
    gnutls_free(d.data);
    return text;
}

static struct str rsa_members(gnutls_privkey_t key, struct arena *a)
{
    gnutls_datum_t m, e;
    assert_int_equal(gnutls_privkey_export_rsa_raw2(key, &m, &e, NULL, NULL, NULL, NULL, NULL, NULL,
                                                    GNUTLS_EXPORT_FLAG_NO_LZ),
                     0);
    struct str n = coded(m, 0, a), exponent = coded(e, 0, a);
    return arena_printf(a, "\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"", STR_ARG(n),
                        STR_ARG(exponent));
}

static struct str curve_members(gnutls_privkey_t key, const struct signing *s, struct arena *a)
{
    bool point = s->type == GNUTLS_PK_ECDSA;
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x, y = {NULL, 0};
    assert_int_equal(gnutls_privkey_export_ecc_raw2(key, &curve, &x, point ? &y : NULL, NULL,
                                                    GNUTLS_EXPORT_FLAG_NO_LZ),
                     0);
    struct str tx = coded(x, s->size, a), ty = point ? coded(y, s->size, a) : STR("");
    return arena_printf(a, "\"kty\":\"%s\",\"crv\":\"%s\",\"x\":\"%.*s\"%s%.*s%s",
                        point ? "EC" : "OKP", s->crv, STR_ARG(tx), point ? ",\"y\":\"" : "",
                        STR_ARG(ty), point ? "\"" : "");
}

static void make_secret(struct token_key *k, const struct signing *s, struct arena *a)
{
    char *secret = arena_alloc(a, s->size);
    assert_int_equal(gnutls_rnd(GNUTLS_RND_RANDOM, secret, s->size), 0);
    k->secret = str_of(secret, s->size);
    struct str text = token_base64url(k->secret, a), alg = jose_alg_name(k->alg);
    k->jwk = arena_printf(a, "\"kty\":\"oct\",\"alg\":\"%.*s\",\"k\":\"%.*s\"", STR_ARG(alg),
                          STR_ARG(text));
}

void token_key_make(struct token_key *k, enum jose_alg alg, const char *kid, struct arena *a)
{
    const struct signing *s = &signings[alg];
    *k = (struct token_key){.alg = alg, .kid = kid};
    if (s->mac) {
        make_secret(k, s, a);
    } else {
        assert_int_equal(gnutls_privkey_init(&k->private), 0);
        assert_int_equal(gnutls_privkey_generate(k->private, s->type, s->bits, 0), 0);
        k->jwk = s->type == GNUTLS_PK_RSA ? rsa_members(k->private, a)
                                          : curve_members(k->private, s, a);
    }
    if (kid)
        k->jwk = arena_printf(a, "%.*s,\"kid\":\"%s\"", STR_ARG(k->jwk), kid);
    k->jwk = arena_printf(a, "{%.*s}", STR_ARG(k->jwk));
    assert_non_null(k->jwk.p);
}

struct token_key token_key_for(const struct token_key *k, enum jose_alg alg)
{
    struct token_key other = *k;
    other.alg = alg;
    other.borrowed = true;
    return other;
}

void token_key_release(struct token_key *k)
{
    if (k->private && !k->borrowed)
        gnutls_privkey_deinit(k->private);
    *k = (struct token_key){0};
}

struct str token_key_set(const struct token_key *k, const char *more, struct arena *a)
{
    return arena_printf(a, "{\"keys\":[%.*s%s}]}", (int)k->jwk.n - 1, k->jwk.p, more);
}

struct str token_signature(const struct token_key *k, struct str text, struct arena *a)
{
    const struct signing *s = &signings[k->alg];
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)text.p, (unsigned)text.n}, made, r, v;
    char tag[64];

    if (s->mac) {
        assert_int_equal(gnutls_hmac_fast(s->mac, k->secret.p, k->secret.n, text.p, text.n, tag),
                         0);
        return arena_copy(a, str_of(tag, s->size));
    }
    assert_int_equal(gnutls_privkey_sign_data2(k->private, s->sign, 0, &data, &made), 0);
    struct str signature = arena_copy(a, of_datum(made));
    if (s->type == GNUTLS_PK_ECDSA) {
        assert_int_equal(gnutls_decode_rs_value(&made, &r, &v), 0);
        struct str first = padded(of_datum(r), s->size, a),
                   second = padded(of_datum(v), s->size, a);
        char *both = arena_alloc(a, 2 * s->size);
        memcpy(both, first.p, s->size);
        memcpy(both + s->size, second.p, s->size);
        signature = str_of(both, 2 * s->size);
        gnutls_free(r.data);
        gnutls_free(v.data);
    }
    gnutls_free(made.data);
    return signature;
}

struct str token_sign(const struct token_key *k, const char *header, const char *claims,
                      struct arena *a)
{
    struct str alg = jose_alg_name(k->alg);
    struct str head = header   ? str_c(header)
                      : k->kid ? arena_printf(a, "{\"alg\":\"%.*s\",\"kid\":\"%s\"}", STR_ARG(alg),
                                              k->kid)
                               : arena_printf(a, "{\"alg\":\"%.*s\"}", STR_ARG(alg));
    struct str first = token_base64url(head, a), second = token_base64url(str_c(claims), a);
    struct str text = arena_printf(a, "%.*s.%.*s", STR_ARG(first), STR_ARG(second));
    struct str signature = token_base64url(token_signature(k, text, a), a);
    return arena_printf(a, "%.*s.%.*s", STR_ARG(text), STR_ARG(signature));
}
