#include "gateway/upstream/cluster.h"
#include "tests/fakes/channel_contract.h"

int main(void)
{
    return channel_contract(cluster_open, CONTRACT_WHOLE);
}
