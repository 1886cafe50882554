/* Every generated client of the demo, called on one kind of channel: the tests of stubs/client.h,
 * which each transport has to pass. */
#pragma once

#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/core/plan.h"

typedef struct channel *client_suite_open(uv_loop_t *loop, const struct cluster_config *config);

/* Runs the tests (cmocka) and returns what main should. */
int client_suite_run(const char *name, client_suite_open *open);
