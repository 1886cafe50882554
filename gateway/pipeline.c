#include "gateway/pipeline.h"

#include "gateway/core/exchange_internal.h"
#include "gateway/core/rpc.h"
#include "gateway/policy/stages.h"

/* The way of a call, top to bottom. A new policy is one more row. */
static const struct stage stages[] = {
    {"route", PHASE_HEAD, route_stage},         /* which RPC */
    {"negotiate", PHASE_HEAD, negotiate_stage}, /* media types, deadline, announced length */
    {"bind", PHASE_HEAD, bind_stage},           /* path and query into fields */
    /* here the body is read and encoded */
    {"branch", PHASE_MESSAGE, branch_stage}, /* which cluster */
    {"rpc", PHASE_MESSAGE, rpc_stage},       /* the call; its events make the answer */
};

const struct pipeline gateway_pipeline = {stages, sizeof stages / sizeof *stages};
