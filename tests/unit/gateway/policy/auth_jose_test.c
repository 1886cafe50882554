#include "gateway/policy/auth_jose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"
#include "tests/unit/support/tokens.h"
#include "transcoder/error.h"

static struct arena arena;
static struct token_key all[JOSE_ALGS]; /* one of each algorithm; RSA shares one key */

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 64 << 10, 64 << 20);
    for (int a = JOSE_RS256; a < JOSE_ALGS; a++)
        if (a > JOSE_RS256 && a <= JOSE_PS512)
            all[a] = token_key_for(&all[JOSE_RS256], (enum jose_alg)a);
        else
            token_key_make(&all[a], (enum jose_alg)a, "k", &arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int a = JOSE_RS256; a < JOSE_ALGS; a++)
        token_key_release(&all[a]);
    arena_release(&arena);
    return 0;
}

static enum jose_verdict verdict_of(struct str set, struct str token, uint32_t allowed)
{
    struct jose_keys keys;
    struct tc_error e = {0};
    struct jose_token t;
    const char *why = NULL;
    if (!jose_keys_parse(set, &keys, &e))
        fail_msg("%s", e.text);
    if (!jose_token_read(token, &arena, &t, &why))
        fail_msg("%s: %.*s", why, STR_ARG(token));
    enum jose_verdict v = jose_verify(&keys, &t, allowed);
    jose_keys_release(&keys);
    return v;
}

static const uint32_t any = ~0u;

/* ---- algorithms ---- */

static void every_algorithm_is_verified_by_its_key_and_by_no_other(void **state)
{
    (void)state;
    for (int a = JOSE_RS256; a < JOSE_ALGS; a++) {
        struct str token = token_sign(&all[a], NULL, "{\"sub\":\"x\"}", &arena);
        for (int b = JOSE_RS256; b < JOSE_ALGS; b++) {
            bool same = a == b || (a <= JOSE_PS512 && b <= JOSE_PS512);
            struct str set = token_key_set(&all[b], "", &arena);
            enum jose_verdict v = verdict_of(set, token, any);
            if ((v == JOSE_VERIFIED) != same)
                fail_msg("%d by key of %d: %d", a, b, v);
        }
        assert_int_equal(verdict_of(token_key_set(&all[a], "", &arena), token, any & ~(1u << a)),
                         JOSE_BAD_ALG);
    }
}

static void a_key_with_alg_verifies_that_one_alone(void **state)
{
    (void)state;
    struct str set = token_key_set(&all[JOSE_RS256], ",\"alg\":\"PS256\"", &arena);
    for (int a = JOSE_RS256; a <= JOSE_PS512; a++) {
        struct str token = token_sign(&all[a], NULL, "{}", &arena);
        assert_int_equal(verdict_of(set, token, any),
                         a == JOSE_PS256 ? JOSE_VERIFIED : JOSE_BAD_ALG);
    }
}

/* RFC 8725 2.1: the public key's text as an HMAC secret. */
static void a_public_key_is_no_secret(void **state)
{
    (void)state;
    static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
    struct str set = token_key_set(&all[JOSE_RS256], "", &arena);
    struct token_key forged = {.alg = JOSE_HS256, .kid = "k", .secret = all[JOSE_RS256].jwk};
    assert_int_equal(verdict_of(set, token_sign(&forged, header, "{}", &arena), any), JOSE_BAD_ALG);
    forged.kid = NULL;
    assert_int_equal(verdict_of(set, token_sign(&forged, NULL, "{}", &arena), any),
                     JOSE_UNKNOWN_KEY);
}

static void every_changed_bit_of_a_signature_is_seen(void **state)
{
    (void)state;
    for (int a = JOSE_RS256; a < JOSE_ALGS; a++) {
        struct jose_keys keys;
        struct tc_error e = {0};
        struct jose_token t;
        const char *why;
        assert_true(jose_keys_parse(token_key_set(&all[a], "", &arena), &keys, &e));
        assert_true(jose_token_read(token_sign(&all[a], NULL, "{}", &arena), &arena, &t, &why));
        char *bytes = (char *)(uintptr_t)t.signature.p;
        for (size_t i = 0; i < t.signature.n; i++) {
            bytes[i] ^= (char)(1 << i % 8);
            assert_int_equal(jose_verify(&keys, &t, any), JOSE_BAD_SIGNATURE);
            bytes[i] ^= (char)(1 << i % 8);
        }
        for (size_t n = 0; n < t.signature.n; n++) {
            struct jose_token cut = t;
            cut.signature.n = n;
            assert_int_equal(jose_verify(&keys, &cut, any), JOSE_BAD_SIGNATURE);
        }
        assert_int_equal(jose_verify(&keys, &t, any), JOSE_VERIFIED);
        jose_keys_release(&keys);
    }
}

/* CVE-2022-21449 and its like. */
static void signatures_of_nothing_are_none(void **state)
{
    (void)state;
    for (int a = JOSE_ES256; a <= JOSE_EDDSA; a++) {
        struct jose_keys keys;
        struct tc_error e = {0};
        struct jose_token t;
        const char *why;
        assert_true(jose_keys_parse(token_key_set(&all[a], "", &arena), &keys, &e));
        assert_true(jose_token_read(token_sign(&all[a], NULL, "{}", &arena), &arena, &t, &why));
        struct str good = t.signature;
        char *made = arena_alloc(&arena, good.n);
        t.signature = str_of(made, good.n);
        assert_int_equal(jose_verify(&keys, &t, any), JOSE_BAD_SIGNATURE); /* r = s = 0 */
        memset(made, 0xff, good.n);
        assert_int_equal(jose_verify(&keys, &t, any), JOSE_BAD_SIGNATURE); /* above the order */
        memset(made, 0, good.n);
        memcpy(made, good.p, good.n / 2);
        assert_int_equal(jose_verify(&keys, &t, any), JOSE_BAD_SIGNATURE); /* s = 0 */
        memset(made, 0, good.n);
        memcpy(made + good.n / 2, good.p + good.n / 2, good.n / 2);
        assert_int_equal(jose_verify(&keys, &t, any), JOSE_BAD_SIGNATURE); /* r = 0 */
        jose_keys_release(&keys);
    }
}

static void ecdsa_in_der_is_not_taken(void **state)
{
    (void)state;
    gnutls_datum_t made, data = {(unsigned char *)"e30.e30", 7};
    struct token_key *k = &all[JOSE_ES256];
    struct str first = token_base64url(STR("{\"alg\":\"ES256\",\"kid\":\"k\"}"), &arena);
    struct str text = arena_printf(&arena, "%.*s.e30", STR_ARG(first));
    data = (gnutls_datum_t){(unsigned char *)(uintptr_t)text.p, (unsigned)text.n};
    assert_int_equal(
        gnutls_privkey_sign_data2(k->private, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &made), 0);
    struct str der = token_base64url(str_of((char *)made.data, made.size), &arena);
    gnutls_free(made.data);
    assert_int_equal(verdict_of(token_key_set(k, "", &arena),
                                arena_printf(&arena, "%.*s.%.*s", STR_ARG(text), STR_ARG(der)),
                                any),
                     JOSE_BAD_SIGNATURE);
}

/* ---- kid ---- */

static void a_kid_is_matched_exactly_or_not_at_all(void **state)
{
    (void)state;
    static const char *const others[] = {"K", "k ", "", "../k", "k\\u0000", "k' OR 1=1"};
    struct str set = token_key_set(&all[JOSE_ES256], "", &arena);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct str header = arena_printf(&arena, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", others[i]);
        assert_int_equal(verdict_of(set, token_sign(&all[JOSE_ES256], header.p, "{}", &arena), any),
                         JOSE_UNKNOWN_KEY);
    }
    struct str absent = token_sign(&all[JOSE_ES256], "{\"alg\":\"ES256\"}", "{}", &arena);
    assert_int_equal(verdict_of(set, absent, any), JOSE_VERIFIED);
}

static void without_kid_eight_keys_are_tried(void **state)
{
    (void)state;
    struct token_key keys[9];
    for (int n = 0; n < 9; n++)
        token_key_make(&keys[n], JOSE_HS256, NULL, &arena);
    for (int at = 0; at < 9; at++) {
        struct str set = STR("{\"keys\":[");
        for (int n = 0; n < 9; n++)
            set = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(set), n ? "," : "",
                               STR_ARG(keys[n].jwk));
        set = arena_printf(&arena, "%.*s]}", STR_ARG(set));
        assert_int_equal(verdict_of(set, token_sign(&keys[at], NULL, "{}", &arena), any),
                         at < 8 ? JOSE_VERIFIED : JOSE_BAD_SIGNATURE);
    }
}

/* ---- tokens ---- */

static void no_token(const char *header, const char *payload, const char *signature,
                     const char *part)
{
    struct jose_token t;
    const char *why = NULL;
    struct str h = token_base64url(str_c(header), &arena);
    struct str text = arena_printf(&arena, "%.*s.%s.%s", STR_ARG(h), payload, signature);
    struct guard g = guard_copy(text);
    if (jose_token_read(g.s, &arena, &t, &why))
        fail_msg("%s is taken", header);
    if (!strstr(why, part))
        fail_msg("%s: %s", header, why);
    guard_release(&g);
}

static void what_is_no_token_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct jose_token t;
    const char *why = NULL;
    no_token("{\"alg\":\"none\"}", "e30", "", "algorithm");
    no_token("{\"alg\":\"None\"}", "e30", "AA", "algorithm");
    no_token("{\"alg\":\"\"}", "e30", "AA", "algorithm");
    no_token("{}", "e30", "AA", "algorithm");
    no_token("{\"alg\":[\"RS256\"]}", "e30", "AA", "algorithm");
    no_token("{\"alg\":\"rs256\"}", "e30", "AA", "algorithm");
    no_token("{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", "e30", "AA", "critical");
    no_token("{\"alg\":\"RS256\",\"crit\":null}", "e30", "AA", "critical");
    no_token("{\"alg\":\"RS256\",\"b64\":false}", "e30", "AA", "not encoded");
    no_token("{\"alg\":\"RS256\",\"kid\":7}", "e30", "AA", "kid");
    no_token("{\"alg\":\"RS256\",\"alg\":\"HS256\"}", "e30", "AA", "header");
    no_token("[\"alg\"]", "e30", "AA", "header");
    no_token("{\"alg\":\"RS256\"} ", "e30", "AB", "signature");
    no_token("{\"alg\":\"RS256\"}", "e30", "", "signature");
    no_token("{\"alg\":\"RS256\"}", "e30", "AA==", "signature");
    no_token("{\"alg\":\"RS256\"}", "e30", "AA.AA", "three parts");
    static const char *const shapes[] = {"", ".", "..", "a.b", "a", "....", "a.b.c.d"};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        assert_false(jose_token_read(str_c(shapes[i]), &arena, &t, &why));
    char *big = arena_alloc(&arena, JOSE_TOKEN_MAX + 1);
    memset(big, 'A', JOSE_TOKEN_MAX + 1);
    assert_false(jose_token_read(str_of(big, JOSE_TOKEN_MAX + 1), &arena, &t, &why));
    assert_non_null(strstr(why, "8 KiB"));
}

/* Keys that a header brings along are not even looked at. */
static void a_key_in_the_header_verifies_nothing(void **state)
{
    (void)state;
    struct token_key evil;
    token_key_make(&evil, JOSE_ES256, "evil", &arena);
    struct str header = arena_printf(&arena,
                                     "{\"alg\":\"ES256\",\"jwk\":%.*s,\"jku\":\"http://evil/\","
                                     "\"x5u\":\"http://evil/\",\"kid\":\"k\"}",
                                     STR_ARG(evil.jwk));
    assert_int_equal(verdict_of(token_key_set(&all[JOSE_ES256], "", &arena),
                                token_sign(&evil, header.p, "{}", &arena), any),
                     JOSE_BAD_SIGNATURE);
    token_key_release(&evil);
}

static void claims_are_an_object_or_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {{"{}", true},
                {"{\"a\":1}", true},
                {"[]", false},
                {"", false},
                {"1", false},
                {"{\"a\":1,\"a\":2}", false},
                {"{\"a\":1e400}", false},
                {"{} {}", false},
                {"{\"a\":\"\xff\"}", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct jose_token t = {.payload = token_base64url(str_c(rows[i].text), &arena)};
        struct expr_value claims;
        if (jose_claims(&t, &arena, &claims) != rows[i].good)
            fail_msg("%s", rows[i].text);
    }
}

static void base64url_has_one_spelling(void **state)
{
    (void)state;
    static const char *const bad[] = {"A",   "AB",   "AAB", "AA==", "A+8",
                                      "A/8", "AA\n", " AA", "AAAAA"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (jose_base64url(str_c(bad[i]), &arena).p)
            fail_msg("%s", bad[i]);
    for (unsigned n = 0; n < 64; n++) {
        char bytes[64];
        for (unsigned i = 0; i < n; i++)
            bytes[i] = (char)(i * 37 + n);
        struct str s = str_of(bytes, n);
        assert_true(str_eq(jose_base64url(token_base64url(s, &arena), &arena), s));
    }
}

/* ---- key sets ---- */

static void key_set_wrong(const char *set, const char *part)
{
    struct jose_keys keys;
    struct tc_error e = {0};
    if (jose_keys_parse(str_c(set), &keys, &e))
        fail_msg("%.80s is taken", set);
    if (!strstr(e.text, part))
        fail_msg("%.80s: %s", set, e.text);
    assert_null(keys.items);
}

static const char *weak_rsa(unsigned bytes, const char *exponent)
{
    char *n = arena_alloc(&arena, bytes);
    memset(n, 0xd5, bytes);
    struct str text = token_base64url(str_of(n, bytes), &arena);
    return arena_printf(&arena, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%s\"}]}",
                        STR_ARG(text), exponent)
        .p;
}

static void weak_and_broken_keys_are_refused_with_their_place(void **state)
{
    (void)state;
    key_set_wrong("{", "cut short");
    key_set_wrong("[]", "no JWK set");
    key_set_wrong("{\"keys\":[]}", "no JWK set");
    key_set_wrong("{\"keys\":{}}", "no JWK set");
    key_set_wrong("{\"keys\":[1,{},{\"kty\":\"RSA2\"}]}", "none of its 3 keys");
    key_set_wrong(weak_rsa(128, "AQAB"), "keys[0]: an RSA key of 1024 bits");
    key_set_wrong(weak_rsa(64, "AQAB"), "keys[0]: an RSA key of 512 bits");
    key_set_wrong(weak_rsa(256, "AQ"), "keys[0]: \"e\" must be odd");
    key_set_wrong(weak_rsa(256, "AAE"), "keys[0]: \"e\" must be odd");
    key_set_wrong(weak_rsa(256, "Ag"), "keys[0]: \"e\" must be odd");
    key_set_wrong(weak_rsa(256, ""), "keys[0]: \"n\" and \"e\"");
    key_set_wrong(weak_rsa(4096, "AQAB"), "keys[0]: an RSA key of 32768 bits");
    key_set_wrong("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}", "keys[0]: \"n\" and \"e\"");
    key_set_wrong("{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAAAAAAAAAA\"}]}",
                  "keys[0]: a secret of 8 bytes; HS256 needs 32");
    key_set_wrong("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAA\"}]}", "needs \"alg\"");
    key_set_wrong("{\"keys\":[{\"kty\":\"oct\",\"alg\":\"RS256\",\"k\":\"AAAA\"}]}",
                  "needs \"alg\"");
    key_set_wrong("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
                  "keys[0]: not a point of Ed25519");
    key_set_wrong("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\"}]}",
                  "keys[0]: not a point of P-256");
    key_set_wrong(token_key_set(&all[JOSE_ES256], ",\"alg\":\"RS256\"", &arena).p,
                  "keys[0]: \"alg\": \"RS256\" does not go");
    key_set_wrong(token_key_set(&all[JOSE_ES256], ",\"alg\":\"ES384\"", &arena).p, "does not go");
    key_set_wrong(token_key_set(&all[JOSE_ES256], ",\"use\":\"enc\"", &arena).p, "none of its 1");
    key_set_wrong(token_key_set(&all[JOSE_ES256], ",\"key_ops\":[\"sign\"]", &arena).p, "none of");
}

/* RFC 7517 5. The error tells of the first, so that somebody can mend it. */
static void a_faulty_key_does_not_spoil_the_others(void **state)
{
    struct jose_keys keys;
    struct tc_error e = {0};
    struct str good = all[JOSE_ES256].jwk;
    (void)state;
    struct str set = arena_printf(&arena,
                                  "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\",\"e\":\"AQAB\"},"
                                  "{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"AAAA\"},1,%.*s,%.*s,"
                                  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
                                  STR_ARG(good), STR_ARG(all[JOSE_HS256].jwk));
    assert_true(jose_keys_parse(set, &keys, &e));
    assert_int_equal(keys.n, 1);
    assert_int_equal(keys.skipped, 5);
    assert_int_equal(keys.faulty, 4); /* the secret's kid is the curve's */
    assert_non_null(strstr(e.text, "keys[0]: \"n\" and \"e\""));
    jose_keys_release(&keys);
    struct str token = token_sign(&all[JOSE_ES256], NULL, "{}", &arena);
    assert_int_equal(verdict_of(set, token, any), JOSE_VERIFIED);
}

/* A coordinate of another curve, and a point beside the curve, verify nothing. */
static void a_point_of_another_curve_verifies_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"P-256", "P-384", "P-521"};
    struct str token = token_sign(&all[JOSE_ES256], NULL, "{}", &arena);
    for (size_t i = 1; i < 3; i++) {
        struct jose_keys keys;
        struct tc_error e = {0};
        struct jose_token t;
        const char *why;
        char *set = (char *)(uintptr_t)token_key_set(&all[JOSE_ES256], "", &arena).p;
        memcpy(strstr(set, "P-256"), names[i], 5);
        if (!jose_keys_parse(str_c(set), &keys, &e))
            continue;
        assert_true(jose_token_read(token, &arena, &t, &why));
        assert_int_not_equal(jose_verify(&keys, &t, any), JOSE_VERIFIED);
        jose_keys_release(&keys);
    }
    char *set = (char *)(uintptr_t)token_key_set(&all[JOSE_ES256], "", &arena).p;
    char *y = strstr(set, "\"y\":\"") + 5;
    *y = *y == 'A' ? 'B' : 'A';
    struct jose_keys keys;
    struct tc_error e = {0};
    if (jose_keys_parse(str_c(set), &keys, &e)) {
        jose_keys_release(&keys);
        assert_int_equal(verdict_of(str_c(set), token, any), JOSE_BAD_SIGNATURE);
    }
}

static void what_a_set_has_besides_is_passed_over(void **state)
{
    (void)state;
    struct jose_keys keys;
    struct tc_error e = {0};
    struct str set = arena_printf(
        &arena,
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"},%.*s,"
        "{\"kty\":\"AKP\"}],\"more\":1}",
        STR_ARG(all[JOSE_EDDSA].jwk));
    assert_true(jose_keys_parse(set, &keys, &e));
    assert_int_equal(keys.n, 1);
    assert_int_equal(keys.skipped, 2);
    jose_keys_release(&keys);
    assert_true(jose_keys_parse(all[JOSE_ES256].jwk, &keys, &e)); /* a single JWK */
    assert_int_equal(keys.n, 1);
    jose_keys_release(&keys);
}

static void a_set_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct str set = token_key_set(&all[JOSE_ES512], "", &arena);
    for (size_t n = 0; n < set.n; n++) {
        struct jose_keys keys;
        struct tc_error e = {0};
        struct guard g = guard_copy(str_of(set.p, n));
        assert_false(jose_keys_parse(g.s, &keys, &e));
        assert_true(e.text[0]);
        guard_release(&g);
    }
}

static void pem_keys_verify_what_their_type_says(void **state)
{
    (void)state;
    static const int algs[] = {JOSE_RS256, JOSE_PS512, JOSE_ES256,
                               JOSE_ES384, JOSE_ES512, JOSE_EDDSA};
    for (size_t i = 0; i < sizeof algs / sizeof *algs; i++) {
        struct token_key *k = &all[algs[i]];
        gnutls_pubkey_t half;
        gnutls_datum_t pem;
        struct jose_keys keys;
        struct tc_error e = {0};
        struct jose_token t;
        const char *why;
        gnutls_pubkey_init(&half);
        assert_int_equal(gnutls_pubkey_import_privkey(half, k->private, 0, 0), 0);
        assert_int_equal(gnutls_pubkey_export2(half, GNUTLS_X509_FMT_PEM, &pem), 0);
        if (!jose_keys_pem(str_of((char *)pem.data, pem.size), &keys, &e))
            fail_msg("%s", e.text);
        assert_true(jose_token_read(token_sign(k, NULL, "{}", &arena), &arena, &t, &why));
        assert_int_equal(jose_verify(&keys, &t, any), JOSE_VERIFIED); /* whatever its kid */
        ((char *)(uintptr_t)t.signature.p)[9] ^= 1;
        assert_int_equal(jose_verify(&keys, &t, any), JOSE_UNKNOWN_KEY);
        jose_keys_release(&keys);
        assert_false(jose_keys_pem(str_of((char *)pem.data, pem.size / 2), &keys, &e));
        gnutls_free(pem.data);
        gnutls_pubkey_deinit(half);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_is_verified_by_its_key_and_by_no_other),
        cmocka_unit_test(a_key_with_alg_verifies_that_one_alone),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(every_changed_bit_of_a_signature_is_seen),
        cmocka_unit_test(signatures_of_nothing_are_none),
        cmocka_unit_test(ecdsa_in_der_is_not_taken),
        cmocka_unit_test(a_kid_is_matched_exactly_or_not_at_all),
        cmocka_unit_test(without_kid_eight_keys_are_tried),
        cmocka_unit_test(what_is_no_token_is_refused_with_a_reason),
        cmocka_unit_test(a_key_in_the_header_verifies_nothing),
        cmocka_unit_test(claims_are_an_object_or_nothing),
        cmocka_unit_test(base64url_has_one_spelling),
        cmocka_unit_test(weak_and_broken_keys_are_refused_with_their_place),
        cmocka_unit_test(a_faulty_key_does_not_spoil_the_others),
        cmocka_unit_test(a_point_of_another_curve_verifies_nothing),
        cmocka_unit_test(what_a_set_has_besides_is_passed_over),
        cmocka_unit_test(a_set_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(pem_keys_verify_what_their_type_says),
    };
    return cmocka_run_group_tests_name("auth_jose", tests, set_up, tear_down);
}
