/* Authentication while policies are compiled. */
#pragma once

#include "gateway/policy/auth_provider.h"
#include "gateway/policy/policy_internal.h"

/* policy_provider: reads the configuration's `auth` into c->providers; all faults. */
void policy_providers_read(struct compile *c);

/* policy_auth: what can be said without a method; the method at work; what a file leaves open. */
void policy_auth_check(struct compile *c, struct layer *l);
void policy_auth_resolve(struct compile *c, struct method_policy *p);
void policy_auth_check_open(struct compile *c);
/* policy_hidden: what ends here of calls of a method with that auth; NULL: without. */
void policy_auth_hidden(struct compile *c, const struct plan_auth *auth, struct plan_hidden *out);
