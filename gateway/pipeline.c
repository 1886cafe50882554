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
    {"limit", PHASE_HEAD, limit_head_stage},    /* budgets that need no message */
    {"negotiate", PHASE_HEAD, negotiate_stage}, /* media types, announced length */
    {"bind", PHASE_HEAD, bind_stage},           /* path and query into fields */
    /* here the body is read and encoded */
    {"allow", PHASE_MESSAGE, allow_message_stage}, /* conditions on the message */
    {"limit", PHASE_MESSAGE, limit_join_stage},    /* the answer of a store that took its time */
    {"limit", PHASE_MESSAGE, limit_message_stage}, /* budgets by the message */
    {"branch", PHASE_MESSAGE, branch_stage},       /* which cluster */
    {"metadata", PHASE_MESSAGE, metadata_stage},   /* what the upstream is told */
    {"rpc", PHASE_MESSAGE, rpc_stage},             /* the call; its events make the answer */
    {"limit", PHASE_FURTHER, limit_further_stage}, /* what one more message of a stream costs */
    {"limit", PHASE_REPLY, limit_reply_stage},     /* what the answer has cost */
    {"auth", PHASE_OVER, auth_over_stage},
    {"limit", PHASE_OVER, limit_over_stage}, /* what was not spent goes back */
};

const struct pipeline gateway_pipeline = {stages, sizeof stages / sizeof *stages};
