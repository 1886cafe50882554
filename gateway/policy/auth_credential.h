/* Where a request carries a credential, and how it is kept from going further. Pure. */
#pragma once

#include "gateway/core/exchange.h"
#include "gateway/policy/auth_provider.h"

enum auth_found {
    AUTH_NOTHING,
    AUTH_FOUND,     /* `*text` is what was shown; not judged */
    AUTH_AMBIGUOUS, /* 400: `*text` is the header that stands twice; empty: places that differ */
};

/* The credential for `p`, in the places that it reads. */
enum auth_found auth_credential_find(const struct auth_provider *p, const struct request *r,
                                     struct arena *arena, struct str *text);
/* Takes these places out of the request: the headers do not travel on, the query parameters are not
 * bound to fields (those of other methods' providers only where no field has the name). (The log
 * never sees them: plan.concealed.) False: out of memory. */
bool auth_credential_hide(const struct plan_hidden *h, struct exchange *x);
