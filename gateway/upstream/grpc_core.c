#include "gateway/upstream/grpc_core.h"

#include <stdlib.h>

#include "gateway/upstream/grpc_core_internal.h"

static void release(struct core_channel *ch)
{
    for (uint32_t i = 0; i < ch->ntargets; i++)
        grpc_channel_destroy(ch->targets[i]);
    free(ch->targets);
    free(ch->turns);
    if (ch->queue)
        core_queue_drop(ch->queue);
    free(ch);
}

void core_channel_settle(struct core_channel *ch)
{
    if (ch->closing && !ch->calls)
        release(ch);
}

struct channel *grpc_core_open(uv_loop_t *loop, const struct cluster_config *config)
{
    struct core_channel *ch = calloc(1, sizeof *ch); /* breach: lives as long as the snapshot */

    if (!ch)
        return NULL;
    ch->base.ops = &core_ops;
    ch->queue = core_queue_take(loop);
    if (ch->queue && core_channel_dial(ch, config))
        return &ch->base;
    release(ch);
    return NULL;
}
