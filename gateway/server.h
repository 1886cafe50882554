/* The process: workers, signals, reload, drain, admin pages. One per process, on the main thread.
 */
#pragma once

#include "gateway/options.h"

struct server;

/* `s` is zeroed and stays to the end of the process. Loads, starts and serves until TERM or INT has
 * drained it. The exit code: 0, or 2 with one line on stderr for a bad start. */
int server_run(struct server *s, const struct options *o);
/* postern explain: prints what a request would lead to. 0: to a call; 1: to a refusal; 2: nothing
 * can be said, with one line on stderr. */
int server_explain(const struct options *o);
/* --check: prints every fault, or what is served. 0 or 1. */
int server_check(const struct options *o);
