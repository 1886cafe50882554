/* Who calls: what a provider of authentication has found out, and what expressions read as caller.*
 * and claims.*. Immutable once made; lives as long as its owner says (the exchange's arena, or a
 * cache that is held for the length of the call). */
#pragma once

#include "gateway/expr/value.h"

struct principal {
    struct str provider; /* name in the configuration */
    /* p == NULL: the provider does not know. */
    struct str id;  /* unique within the provider: key id, or subject */
    struct str key; /* id of the API key */
    struct str tenant, tier, subject;
    struct expr_array scopes, roles; /* of strings; zeroed: none */
    const struct expr_map *limits;   /* string to int: numbers of the caller's own; NULL: none */
    struct expr_value claims;        /* EXPR_MAP of string to anything, or absent */
};
