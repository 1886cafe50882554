/* What a token must say to be believed (RFC 7519, RFC 8725), and the principal that it makes. Pure:
 * the signature is verified already (auth_jose.h), the time is an argument. */
#pragma once

#include "gateway/core/principal.h"
#include "gateway/policy/auth_jose.h"

struct auth_jwt_rules {
    struct str provider;         /* name in the configuration */
    struct str issuer;           /* p == NULL: any */
    const struct str *audiences; /* one of them must be among the token's; none: any */
    /* Claims that must be there besides exp, and not null; sub and id_claim: text, not empty. */
    const struct str *required;
    uint32_t naudiences, nrequired;
    uint32_t skew_s;
    uint32_t algs; /* set of jose_alg */
    /* Claims that fill the principal; a path into nested objects: "realm_access.roles". Empty:
     * none. */
    struct str id_claim, tenant_claim, tier_claim, scopes_claim, roles_claim;
};

/* NULL when the claims hold at `now` (seconds since the epoch); else a sentence for the log. */
const char *auth_jwt_wrong(const struct auth_jwt_rules *rules, const struct expr_value *claims,
                           int64_t now);
/* The same for an answer of token introspection, whose server has judged the token itself: what it
 * says of time and audience must hold if it is there (RFC 7662 2.2), nbf to within a minute. */
const char *auth_jwt_answer_wrong(const struct auth_jwt_rules *rules,
                                  const struct expr_value *answer, int64_t now);
/* The second after which the token is no longer good. */
int64_t auth_jwt_expires(const struct auth_jwt_rules *rules, const struct expr_value *claims);
/* False: out of memory. Points into claims and arena. Scopes and roles: a list of strings, or one
 * string with spaces. */
bool auth_jwt_principal(const struct auth_jwt_rules *rules, const struct expr_value *claims,
                        struct arena *arena, struct principal *out);
