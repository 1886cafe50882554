#include "gateway/pipeline.h"

#include "gateway/core/exchange_internal.h"
#include "gateway/core/rpc.h"
#include "gateway/policy/stages.h"

/* The way of a call, top to bottom. A new policy is one more row. */
static const struct stage stages[] = {
    {"route", PHASE_HEAD, route_stage},         /* which RPC */
    {"deadline", PHASE_HEAD, deadline_stage},   /* when it must be over */
    {"auth", PHASE_HEAD, auth_stage},           /* who calls */
    {"allow", PHASE_HEAD, allow_head_stage},    /* conditions on caller, headers, source */
    {"negotiate", PHASE_HEAD, negotiate_stage}, /* media types, announced length */
    {"bind", PHASE_HEAD, bind_stage},           /* path and query into fields */
    /* here the body is read and encoded */
    {"allow", PHASE_MESSAGE, allow_message_stage}, /* conditions on the message */
    {"branch", PHASE_MESSAGE, branch_stage},       /* which cluster */
    {"metadata", PHASE_MESSAGE, metadata_stage},   /* what the upstream is told */
    {"rpc", PHASE_MESSAGE, rpc_stage},             /* the call; its events make the answer */
    {"auth", PHASE_OVER, auth_over_stage},
};

const struct pipeline gateway_pipeline = {stages, sizeof stages / sizeof *stages};
