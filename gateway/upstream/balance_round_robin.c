#include "gateway/upstream/balance.h"

static struct connection *pick(struct balance_state *state, struct pool *const *pools, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (state->next + i) % n;
        struct connection *c = pool_acquire(pools[at]);
        if (c) {
            state->next = at + 1;
            return c;
        }
    }
    return NULL;
}

const struct balance_strategy balance_round_robin = {"round_robin", pick};
