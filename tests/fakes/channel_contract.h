/* What every implementation of gateway/core/channel.h must do, as one group of cmocka tests that
 * runs over any of them, against grpcio's server and against a server of raw HTTP/2 frames.
 *
 *     int main(void)
 *     {
 *         return channel_contract(cluster_open, CONTRACT_WHOLE);
 *     }
 */
#pragma once

#include <uv.h>

#include "gateway/core/channel.h"
#include "gateway/core/plan.h"

typedef struct channel *channel_open(uv_loop_t *loop, const struct cluster_config *config);

/* What an implementation cannot do, for reasons out of our hands. */
enum contract_gap {
    CONTRACT_WHOLE = 0,
    /* gRPC core (1.51) takes a message that is cut, or has a wrong prefix, before a status of OK
     * for the end of the stream, and tells nobody. */
    CONTRACT_BROKEN_MESSAGES_UNSEEN = 1,
};

/* Number of failed tests. */
int channel_contract(channel_open *open, enum contract_gap gaps);
