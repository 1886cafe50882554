/* What the admin pages tell of the providers of authentication. */
#pragma once

#include "gateway/policy/auth_source.h"
#include "gateway/server_internal.h"

/* Why a provider can judge nobody, with "%.*s" where its name belongs; NULL: it can. */
const char *server_auth_wrong(struct server *s, const struct auth_provider *p);

/* Whether it judges by keys that could not be renewed; `why` says what is wrong with what should
 * have taken their place. */
bool server_auth_stale(const struct auth_provider *p, char why[AUTH_WHY_MAX]);

/* Rows for /metrics into `out`, which has room for server_auth_gauges_most of them. */
size_t server_auth_gauges_most(const struct plan *plan);
uint32_t server_auth_gauges(struct server *s, const struct plan *plan, struct arena *arena,
                            struct watch_gauge *out);
