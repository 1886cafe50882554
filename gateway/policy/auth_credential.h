/* Where a request carries a credential, and how it is kept from going further. Pure. */
#pragma once

#include "gateway/core/exchange.h"
#include "gateway/policy/auth_provider.h"

enum auth_found {
    AUTH_NOTHING,
    AUTH_FOUND,     /* `*text` is what was shown; not judged */
    AUTH_AMBIGUOUS, /* several that differ, or no memory to tell: 400 */
};

/* The credential for `p`, in the places that it reads. */
enum auth_found auth_credential_find(const struct auth_provider *p, const struct request *r,
                                     struct arena *arena, struct str *text);
/* Takes the places that `p` reads out of the request: headers do not travel on (unless p->forward),
 * and the query parameter is not bound to a field. (The log never sees it: plan.concealed.) False:
 * out of memory. */
bool auth_credential_hide(const struct auth_provider *p, struct exchange *x);
