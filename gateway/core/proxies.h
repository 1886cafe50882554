/* Who the client is when proxies stand in between: X-Forwarded-For is believed as far as those go
 * who are trusted to have written it. Pure. */
#pragma once

#include "gateway/core/header.h"
#include "gateway/expr/value.h"

struct proxies {
    const struct expr_value *prefixes; /* EXPR_CIDR */
    uint32_t n;
    bool unix_sockets; /* peers without an address are trusted */
};

enum { PROXIES_HOPS_MAX = 32 };

/* The address of the client: of the peer ("127.0.0.1:4711", "[::1]:4711"), or, while the address
 * found so far is a trusted proxy's, the one before it in X-Forwarded-For, read from the right. An
 * entry that is no address ends the search. EXPR_IP, or absent: a unix socket's peer has none. */
struct expr_value proxies_client(const struct proxies *p, struct str peer,
                                 const struct headers *request);
