#include "gateway/core/snapshot.h"

#include <stdlib.h>

void snapshot_release(struct snapshot *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    if (s->on_free)
        s->on_free(s);
    arena_release(&s->arena);
    free(s);
}
