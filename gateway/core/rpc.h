/* The RPC of an exchange: started by the pipeline's last stage. */
#pragma once

#include "gateway/core/exchange.h"
#include "gateway/core/pipeline.h"

/* Starts the call on x->cluster and sends x->message: all of a unary request, or the first message
 * of a client's stream (none when its body was empty). */
enum stage_result rpc_stage(struct exchange *x);
/* Sends the next message of a client's stream. */
void rpc_send(struct exchange *x);
