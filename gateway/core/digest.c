#include "gateway/core/digest.h"

#include <gnutls/crypto.h>

enum { SHORT = 512 };

static bool hash_long(struct str first, struct str second, unsigned char *out)
{
    gnutls_hash_hd_t h;
    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) != 0)
        return false;
    bool ok = gnutls_hash(h, first.p, first.n) == 0 && gnutls_hash(h, "", 1) == 0 &&
              gnutls_hash(h, second.p, second.n) == 0;
    gnutls_hash_deinit(h, out);
    return ok;
}

/* What fits here is hashed in one call, which needs no memory of the library. */
static bool hash_both(struct str first, struct str second, unsigned char *out)
{
    char both[SHORT];
    if (first.n >= SHORT || second.n > SHORT - 1 - first.n)
        return hash_long(first, second, out);
    memcpy(both, first.p, first.n);
    both[first.n] = '\0';
    if (second.n)
        memcpy(both + first.n + 1, second.p, second.n);
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, both, first.n + 1 + second.n, out) == 0;
}

bool digest_hex(struct str first, struct str second, char out[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32] = {0};
    bool ok = hash_both(first, second, hash);
    for (unsigned i = 0; i < DIGEST_HEX / 2; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    return ok;
}
