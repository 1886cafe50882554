/* Who may call a method: postern.v1.Auth after inheritance, with its providers resolved. */
#pragma once

#include "transcoder/str.h"

struct auth_provider; /* policy/auth_provider.h */

enum { PLAN_ALL_OF_MAX = 8 };

/* A credential, or several that all must be good. */
struct plan_requirement {
    const struct auth_provider *provider;  /* NULL: all_of. While names are open (codegen) NULL too
                                            */
    const struct plan_requirement *all_of; /* at most PLAN_ALL_OF_MAX */
    const struct str *scopes;              /* the caller needs all */
    uint16_t nall_of, nscopes;
};

/* postern.v1.Identity: metadata keys that tell the upstream who calls; empty: not told. */
struct plan_identity {
    struct str id, tenant, subject, provider, scopes;
};

/* Credentials end at the gateway: what providers read and do not forward travels no further, in
 * calls that have no need of it too. Nor do a client's own copies of what tells who calls. Names
 * are those of metadata: behind Grpc-Metadata- they are the same. */
struct plan_hidden {
    const struct str *headers; /* lower case */
    const struct str *behind;  /* what any provider reads: never behind Grpc-Metadata-, where nobody
                                  has judged it, also when it is forwarded */
    const struct str *queries; /* of the method's own providers */
    const struct str *others;  /* of other providers: stay where a field has the name */
    uint16_t nheaders, nbehind, nqueries, nothers;
    bool bearer; /* Authorization, of that scheme */
};

struct plan_auth {
    const struct plan_requirement *any_of; /* in the order in which they are tried */
    uint16_t nany_of;
    bool anonymous; /* a call without any credential passes */
    struct plan_hidden hidden;
};
