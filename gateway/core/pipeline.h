/* The stages of an exchange, in the one order in which they run. The table itself is
 * gateway/pipeline.c. */
#pragma once

#include "gateway/core/exchange.h"

enum stage_result {
    STAGE_NEXT, /* go on with the next row */
    STAGE_END,  /* the stage has answered (exchange_fail) */
    STAGE_WAIT, /* exchange_wait was called: the next row runs at exchange_continue. Only in
                   PHASE_HEAD and PHASE_MESSAGE */
};

/* When a row runs. */
enum stage_phase {
    PHASE_HEAD,    /* the head is known; the body is not read before the last of these rows */
    PHASE_MESSAGE, /* the request message is complete (of a client stream: the first) */
    PHASE_FURTHER, /* each further message of a client's stream is in x->message, before it is sent
                    */
    PHASE_REPLY,   /* each message of the upstream is in x->reply, before any byte of it is shown */
    PHASE_OVER,    /* the exchange ends, its outcome is known; cannot answer any more */
};

struct stage {
    const char *name;
    enum stage_phase phase;
    enum stage_result (*run)(struct exchange *x);
};

struct pipeline {
    const struct stage *stages;
    uint8_t n;
};

/* Runs the rows of `phase` from x->stage on: PHASE_HEAD and PHASE_MESSAGE, each row once in a life.
 * STAGE_NEXT when the last of them has passed. */
enum stage_result pipeline_run(struct exchange *x, enum stage_phase phase);
/* Runs all rows of `phase`: PHASE_FURTHER, PHASE_REPLY and PHASE_OVER. STAGE_END when one has
 * answered. */
enum stage_result pipeline_each(struct exchange *x, enum stage_phase phase);
