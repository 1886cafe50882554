/* The stages of this folder, in the order of gateway/pipeline.c. Each judges one thing and either
 * passes the exchange on or answers it. */
#pragma once

#include "gateway/core/pipeline.h"

/* Finds the route; 404, or 405 with Allow. */
enum stage_result route_stage(struct exchange *x);
/* When the call must be over: grpc-timeout and the route's own timeout; 400. */
enum stage_result deadline_stage(struct exchange *x);
/* Content-Type (415), Accept (framing of a stream), announced length (413). */
enum stage_result negotiate_stage(struct exchange *x);
/* Path variables and query parameters into fields; 400. */
enum stage_result bind_stage(struct exchange *x);
/* Who calls: the credentials that the method asks for; 401, 403, 503. May wait. */
enum stage_result auth_stage(struct exchange *x);
/* Gives back what the caller's identity lives in. */
enum stage_result auth_over_stage(struct exchange *x);
/* The conditions of `allow` that need the head alone, and those that need the message; 403. */
enum stage_result allow_head_stage(struct exchange *x);
enum stage_result allow_message_stage(struct exchange *x);
/* What the upstream is told besides the message: the client's headers, the request's id, the rules
 * of `metadata`; 400, 403. */
enum stage_result metadata_stage(struct exchange *x);
/* Limits that need the head alone, and those that need the message: 429, 403 without a key, 503
 * when a store is away and its limit says so. Then what each further message of a client's stream
 * and each answer of the upstream costs, and the end of it all. */
enum stage_result limit_head_stage(struct exchange *x);
enum stage_result limit_join_stage(struct exchange *x);
enum stage_result limit_message_stage(struct exchange *x);
enum stage_result limit_further_stage(struct exchange *x);
enum stage_result limit_reply_stage(struct exchange *x);
enum stage_result limit_over_stage(struct exchange *x);
/* Which cluster serves the call: the first branch whose condition holds, else the policy's
 * upstream. */
enum stage_result branch_stage(struct exchange *x);
