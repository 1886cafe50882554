#include <gnutls/abstract.h>

#include "gateway/policy/auth_jose.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384, KEYS_MEMORY = 1 << 20 };

struct reader {
    struct jose_keys *keys;
    struct tc_error *error;
    uint32_t index; /* of the key being read */
    bool no_memory;
};

#define WRONG(r, ...) tc_fail((r)->error, TC_INVALID, TC_NO_OFFSET, "", __VA_ARGS__)

static gnutls_datum_t datum(struct str s)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

/* A member that holds bytes; p == NULL: missing or no base64url. */
static struct str member_bytes(const struct reader *r, const struct expr_value *jwk,
                               const char *name)
{
    struct str text = json_text(jwk, name);
    return text.p ? jose_base64url(text, &r->keys->arena) : STR_NONE;
}

static bool rsa_strong(struct reader *r, gnutls_pubkey_t key)
{
    unsigned bits = 0;
    if (gnutls_pubkey_get_pk_algorithm(key, &bits) < 0 || bits < RSA_BITS_MIN ||
        bits > RSA_BITS_MAX) {
        WRONG(r, "keys[%u]: an RSA key of %u bits; %d to %d are taken", r->index, bits,
              RSA_BITS_MIN, RSA_BITS_MAX);
        return false;
    }
    return true;
}

/* With an exponent of 1 everybody could sign. */
static bool exponent_strong(gnutls_datum_t e)
{
    unsigned char last = e.data[e.size - 1], above = last >> 1;
    for (unsigned i = 0; i + 1 < e.size; i++)
        above |= e.data[i];
    return (last & 1) && above;
}

enum {
    RSA_ALGS = 1 << JOSE_RS256 | 1 << JOSE_RS384 | 1 << JOSE_RS512 | 1 << JOSE_PS256 |
               1 << JOSE_PS384 | 1 << JOSE_PS512
};

static bool read_rsa(struct reader *r, const struct expr_value *jwk, struct jose_key *key)
{
    gnutls_datum_t n = datum(member_bytes(r, jwk, "n")), e = datum(member_bytes(r, jwk, "e"));
    if (!n.data || !e.data || !n.size || !e.size ||
        gnutls_pubkey_import_rsa_raw(key->public_key, &n, &e) < 0) {
        WRONG(r, "keys[%u]: \"n\" and \"e\" are no RSA key", r->index);
        return false;
    }
    if (!exponent_strong(e)) {
        WRONG(r, "keys[%u]: \"e\" must be odd and above 1", r->index);
        return false;
    }
    key->algs = RSA_ALGS;
    return rsa_strong(r, key->public_key);
}

static const struct curve {
    const char *kty, *crv;
    gnutls_ecc_curve_t curve;
    enum jose_alg alg;
} curves[] = {
    {"EC", "P-256", GNUTLS_ECC_CURVE_SECP256R1, JOSE_ES256},
    {"EC", "P-384", GNUTLS_ECC_CURVE_SECP384R1, JOSE_ES384},
    {"EC", "P-521", GNUTLS_ECC_CURVE_SECP521R1, JOSE_ES512},
    {"OKP", "Ed25519", GNUTLS_ECC_CURVE_ED25519, JOSE_EDDSA},
    {"OKP", "Ed448", GNUTLS_ECC_CURVE_ED448, JOSE_EDDSA},
};

static const struct curve *find_curve(struct str kty, struct str crv)
{
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (str_eq(kty, str_c(curves[i].kty)) && str_eq(crv, str_c(curves[i].crv)))
            return &curves[i];
    return NULL;
}

static bool read_curve(struct reader *r, const struct expr_value *jwk, const struct curve *c,
                       struct jose_key *key)
{
    gnutls_datum_t x = datum(member_bytes(r, jwk, "x")), y = datum(member_bytes(r, jwk, "y"));
    bool point = c->alg != JOSE_EDDSA;
    if (!x.data || (point && !y.data) ||
        gnutls_pubkey_import_ecc_raw(key->public_key, c->curve, &x, point ? &y : NULL) < 0) {
        WRONG(r, "keys[%u]: not a point of %s", r->index, c->crv);
        return false;
    }
    key->algs = 1u << c->alg;
    return true;
}

/* A secret is for the one algorithm that it names: nothing in its form says which. */
static bool read_secret(struct reader *r, const struct expr_value *jwk, struct jose_key *key)
{
    enum jose_alg alg = jose_alg_by_name(json_text(jwk, "alg"));
    key->secret = member_bytes(r, jwk, "k");
    if (alg < JOSE_HS256) {
        WRONG(r, "keys[%u]: a secret needs \"alg\": HS256, HS384 or HS512", r->index);
        return false;
    }
    if (key->secret.n < jose_hmac_size(alg)) {
        WRONG(r, "keys[%u]: a secret of %zu bytes; %.*s needs %zu (RFC 7518 3.2)", r->index,
              key->secret.n, STR_ARG(jose_alg_name(alg)), jose_hmac_size(alg));
        return false;
    }
    key->algs = 1u << alg;
    return true;
}

/* "use" and "key_ops" may say that it is for something else (RFC 7517 4.2, 4.3). */
static bool is_for_signatures(const struct expr_value *jwk)
{
    struct str use = json_text(jwk, "use");
    struct expr_value ops = json_member(jwk, "key_ops");
    bool found = ops.kind != EXPR_LIST;
    for (uint32_t i = 0, n = found ? 0 : ops.list->size(ops.list); i < n; i++) {
        struct expr_value op = ops.list->at(ops.list, NULL, i);
        found |= op.kind == EXPR_STRING && str_eq(op.s, STR("verify"));
    }
    return found && (!use.p || str_eq(use, STR("sig")));
}

/* "alg" narrows what the key may verify. */
static bool narrow(struct reader *r, const struct expr_value *jwk, struct jose_key *key)
{
    struct str alg = json_text(jwk, "alg");
    if (!alg.p)
        return true;
    key->algs &= 1u << jose_alg_by_name(alg);
    if (key->algs)
        return true;
    WRONG(r, "keys[%u]: \"alg\": \"%.*s\" does not go with its type", r->index, STR_ARG(alg));
    return false;
}

/* False: at fault. A key that is passed over leaves no algs. */
static bool read_key(struct reader *r, const struct expr_value *jwk, struct jose_key *key)
{
    struct str kty = json_text(jwk, "kty");
    const struct curve *c = find_curve(kty, json_text(jwk, "crv"));
    bool secret = str_eq(kty, STR("oct")), rsa = str_eq(kty, STR("RSA"));

    key->kid = json_text(jwk, "kid");
    if (!is_for_signatures(jwk) || (!secret && !rsa && !c))
        return true;
    if (secret)
        return read_secret(r, jwk, key);
    gnutls_pubkey_t public_key;
    if (gnutls_pubkey_init(&public_key) < 0) {
        r->no_memory = true;
        return false;
    }
    key->public_key = public_key;
    return (rsa ? read_rsa(r, jwk, key) : read_curve(r, jwk, c, key)) && narrow(r, jwk, key);
}

static bool same_kid(const struct jose_keys *keys, struct str kid)
{
    for (uint32_t i = 0; kid.p && i < keys->n; i++)
        if (str_eq(keys->items[i].kid, kid))
            return true;
    return false;
}

static void drop_key(struct jose_key *key)
{
    if (key->public_key)
        gnutls_pubkey_deinit(key->public_key);
    *key = (struct jose_key){0};
}

/* RFC 7517 5: a key that cannot be used is no reason to do without the others. */
static void read_next(struct reader *r, const struct expr_value *jwk)
{
    struct jose_keys *keys = r->keys;
    struct jose_key *key = &keys->items[keys->n];
    bool sound = read_key(r, jwk, key);
    if (sound && key->algs && same_kid(keys, key->kid)) {
        WRONG(r, "keys[%u]: kid \"%.*s\" stands there twice", r->index, STR_ARG(key->kid));
        sound = false;
    }
    if (sound && key->algs) {
        keys->n++;
        return;
    }
    drop_key(key);
    keys->skipped++;
    keys->faulty += !sound;
}

static bool read_set(struct reader *r, const struct expr_value *set)
{
    struct expr_value list = json_member(set, "keys");
    bool single = list.kind == EXPR_ABSENT && json_text(set, "kty").p;
    uint32_t n = single ? 1 : list.kind == EXPR_LIST ? list.list->size(list.list) : 0;

    if (n == 0 || n > JOSE_KEYS_MAX) {
        WRONG(r, n ? "more than %d keys" : "no JWK set: an object with 1 to %d \"keys\" is one",
              JOSE_KEYS_MAX);
        return false;
    }
    r->keys->items = arena_array(&r->keys->arena, n, sizeof *r->keys->items);
    if (!r->keys->items) {
        tc_fail(r->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
        return false;
    }
    for (; r->index < n && !r->no_memory; r->index++) {
        struct expr_value jwk = single ? *set : list.list->at(list.list, NULL, r->index);
        read_next(r, &jwk);
    }
    if (r->no_memory) {
        tc_fail(r->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
        return false;
    }
    if (r->keys->n == 0)
        WRONG(r, "none of its %u keys verifies signatures", n);
    return r->keys->n > 0;
}

bool jose_keys_parse(struct str json, struct jose_keys *keys, struct tc_error *error)
{
    struct reader r = {.keys = keys, .error = error};
    struct expr_value set;

    *keys = (struct jose_keys){0};
    arena_init(&keys->arena, 4096, KEYS_MEMORY);
    if (json_value_parse(json, &keys->arena, &set, error) && read_set(&r, &set))
        return true;
    jose_keys_release(keys);
    return false;
}

static uint32_t algs_of(gnutls_pubkey_t key)
{
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;

    if (gnutls_pubkey_get_pk_algorithm(key, NULL) == GNUTLS_PK_RSA)
        return RSA_ALGS;
    if (gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0) < 0)
        return 0;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (curves[i].curve == curve)
            return 1u << curves[i].alg;
    return 0;
}

static bool import_pem(struct jose_key *key, struct str pem)
{
    gnutls_datum_t text = datum(pem);
    gnutls_x509_crt_t certificate;
    if (gnutls_pubkey_import(key->public_key, &text, GNUTLS_X509_FMT_PEM) >= 0)
        return true;
    if (gnutls_x509_crt_init(&certificate) < 0)
        return false;
    bool ok = gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_PEM) >= 0 &&
              gnutls_pubkey_import_x509(key->public_key, certificate, 0) >= 0;
    gnutls_x509_crt_deinit(certificate);
    return ok;
}

bool jose_keys_pem(struct str pem, struct jose_keys *keys, struct tc_error *error)
{
    struct reader r = {.keys = keys, .error = error};
    gnutls_pubkey_t public_key = NULL;

    *keys = (struct jose_keys){0};
    arena_init(&keys->arena, 1024, KEYS_MEMORY);
    keys->items = arena_array(&keys->arena, 1, sizeof *keys->items);
    if (!keys->items || gnutls_pubkey_init(&public_key) < 0) {
        tc_fail(error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
        jose_keys_release(keys);
        return false;
    }
    keys->n = 1;
    keys->items[0].public_key = public_key;
    if (!import_pem(&keys->items[0], pem))
        WRONG(&r, "no PEM public key or certificate");
    else if (!(keys->items[0].algs = algs_of(public_key)))
        WRONG(&r, "a key of a type that signs no tokens here: RSA, P-256, P-384, P-521, Ed25519 "
                  "and Ed448 do");
    else if (keys->items[0].algs != RSA_ALGS || rsa_strong(&r, public_key))
        return true;
    jose_keys_release(keys);
    return false;
}

void jose_keys_release(struct jose_keys *keys)
{
    for (uint32_t i = 0; keys->items && i < keys->n; i++)
        drop_key(&keys->items[i]);
    arena_release(&keys->arena);
    *keys = (struct jose_keys){0};
}
