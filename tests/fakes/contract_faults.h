/* The part of the channel contract that a well-behaved server cannot show: resets, lost
 * connections, answers that are no gRPC. */
#pragma once

#include "tests/fakes/channel_contract.h"

/* Number of failed tests. */
int contract_faults(channel_open *open, enum contract_gap gaps);
