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

enum stage_result pipeline_each(struct exchange *x, enum stage_phase phase)
{
    const struct pipeline *p = x->host->pipeline;
    for (uint8_t i = 0; i < p->n; i++)
        if (p->stages[i].phase == phase && p->stages[i].run(x) != STAGE_NEXT)
            return STAGE_END;
    return STAGE_NEXT;
}
