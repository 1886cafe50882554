/* What a client is told of the limits of its call: fields of every answer (draft-ietf-httpapi-
 * ratelimit-headers: RateLimit, RateLimit-Policy; and the older x-ratelimit-*), and the refusal
 * with Retry-After (RFC 9110 10.2.3). */
#pragma once

#include "gateway/core/exchange.h"
#include "gateway/policy/limit.h"

/* Sets the fields of all items taken so far, in place of those of an earlier stage. False: out of
 * memory. */
bool limit_answer_headers(struct exchange *x, const struct limit_call *c);
/* The refusing item whose wait is the longest; NULL: none refuses. */
const struct limit_item *limit_answer_worst(const struct limit_call *c);
/* Answers 429, or 503 when a store cannot be asked (LIMIT_UNKNOWN). */
void limit_answer_fail(struct exchange *x, const struct limit_call *c, enum limit_outcome o,
                       const struct limit_item *worst);
