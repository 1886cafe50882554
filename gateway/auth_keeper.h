/* Keeps what providers of authentication know up to date, on the server's own loop: files are read
 * again when they change (looked at twice a second), key sets are fetched again before they are too
 * old, and once a minute at most when a worker meets a kid that nobody knows. What cannot be
 * renewed stays in force for as long as the provider says. Workers see the result through
 * auth_source.h. */
#pragma once

#include <uv.h>

#include "gateway/core/http_fetch.h"
#include "gateway/core/plan.h"

enum {
    AUTH_TICK_MS = 100,
    AUTH_FILE_MS = 500,
    AUTH_SETTLED_MS = 50, /* a file changed since is read once more */
    AUTH_FETCH_TIMEOUT_MS = 5000,
    AUTH_FETCH_MAX = 1 << 20,   /* bytes of an answer */
    AUTH_WANTED_MS = 60 * 1000, /* between two fetches because of an unknown kid */
    AUTH_RETRY_MS = 1000,       /* after a failure; doubled up to a minute */
};

struct auth_keeper;

/* NULL: out of memory. */
struct auth_keeper *auth_keeper_new(uv_loop_t *loop);
/* The providers of a snapshot that is about to be served. One whose configuration has not changed
 * goes on with the source it had, and with what that knows; sources that no snapshot names any more
 * are let go. False: out of memory. */
bool auth_keeper_take(struct auth_keeper *k, const struct plan *plan);
/* Closes its handles; its memory goes when the loop has closed them. */
void auth_keeper_close(struct auth_keeper *k);
