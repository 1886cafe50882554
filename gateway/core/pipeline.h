/* The stages of an exchange, in the one order in which they run. The table itself is
 * gateway/pipeline.c. */
#pragma once

#include "gateway/core/exchange.h"

enum stage_result {
    STAGE_NEXT, /* go on with the next row */
    STAGE_END,  /* the stage has answered (exchange_fail) */
};

/* When a row runs: the head is known, or the request message is (of a client stream: the first). */
enum stage_phase { PHASE_HEAD, PHASE_MESSAGE };

struct stage {
    const char *name;
    enum stage_phase phase;
    enum stage_result (*run)(struct exchange *x);
};

struct pipeline {
    const struct stage *stages;
    uint8_t n;
};

/* Runs the rows of `phase` from x->stage on. STAGE_NEXT when the last of them has passed. */
enum stage_result pipeline_run(struct exchange *x, enum stage_phase phase);
