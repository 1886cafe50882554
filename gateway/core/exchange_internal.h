/* What the three files of the exchange share: exchange.c (life and failure), request.c (body to
 * messages), response.c (RPC to answer). */
#pragma once

#include "gateway/core/clock.h"
#include "gateway/core/exchange.h"

/* The answer is whole or cut off: nothing can change it any more. */
static inline bool exchange_answered(const struct exchange *x)
{
    return x->answer.complete || x->answer.broken;
}
/* Whoever comes into the exchange, from the front, the channel or the loop, says when it is on and
 * off the worker: two looks at the clock, and the only measure of its own time. */
static inline void exchange_work(struct exchange *x)
{
    x->working_since = clock_now();
}
static inline void exchange_rest(struct exchange *x)
{
    if (x->working_since)
        x->own_ns += clock_now() - x->working_since;
    x->working_since = 0;
}
/* Tells the front to look at the exchange, unless it is just calling into it. */
void exchange_wake(struct exchange *x);
/* Answers with an error that may carry details of the upstream. */
void exchange_answer_error(struct exchange *x, const struct tc_error_info *info, uint16_t http);
/* Fails because of x->error: INVALID_ARGUMENT, or 413 for TC_LIMIT, or UNAVAILABLE for TC_NOMEM. */
void exchange_fail_input(struct exchange *x, enum tc_status status);
/* Why memory was refused: no client's fault. */
void exchange_fail_memory(struct exchange *x);

size_t request_feed(struct exchange *x, struct str bytes);
void request_end(struct exchange *x);
/* A row of PHASE_MESSAGE has what it waited for: the next ones run. */
void request_continue(struct exchange *x);
/* The RPC takes messages again. */
void request_resume(struct exchange *x);

/* Writes as much of the answer as may be written now. */
void response_pump(struct exchange *x);
