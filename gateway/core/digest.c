#include "gateway/core/digest.h"

#include <gnutls/crypto.h>

bool digest_hex(struct str first, struct str second, char out[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32];
    gnutls_hash_hd_t h;
    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) != 0)
        return false;
    bool ok = gnutls_hash(h, first.p, first.n) == 0 && gnutls_hash(h, "", 1) == 0 &&
              gnutls_hash(h, second.p, second.n) == 0;
    gnutls_hash_deinit(h, hash);
    for (unsigned i = 0; i < DIGEST_HEX / 2; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    return ok;
}
