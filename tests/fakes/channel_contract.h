/* What every implementation of gateway/core/channel.h must do, as one group of cmocka tests that runs
 * over any of them, against grpcio's server and against a server of raw HTTP/2 frames.
 *
 *     int main(void)
 *     {
 *         return channel_contract(cluster_open);
 *     }
 */
#pragma once

#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/core/plan.h"

typedef struct channel *channel_open(uv_loop_t *loop, const struct cluster_config *config);

/* Number of failed tests. */
int channel_contract(channel_open *open);
