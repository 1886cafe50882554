#include "gateway/core/pipeline.h"

enum stage_result pipeline_run(struct exchange *x, enum stage_phase phase)
{
    const struct pipeline *p = x->host->pipeline;
    while (x->stage < p->n && p->stages[x->stage].phase == phase) {
        enum stage_result r = p->stages[x->stage++].run(x);
        if (r != STAGE_NEXT)
            return r;
    }
    return STAGE_NEXT;
}
